//! The ways through the conversation: units, targets, and their refusals.

use super::*;

const READ_BACK: &str = "read-back-before 48151623 read-back-after";

#[test]
fn the_line_unit_is_set_with_the_customer_number() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("1");
    t.hears("ask-customer-number").presses("0640001111#");
    t.hears(ASK_PASSWORD).presses("48151623#");
    t.hears(READ_BACK).presses("1");
    t.stores(Unit::Line, "0640001111", "48151623").hears_no_more();
    t.store_answers(Ok(())).hears("done goodbye").ends(Ending::Set);
}

#[test]
fn the_number_unit_is_set_for_the_calling_number() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("2");
    t.hears(OFFER).presses("1");
    t.hears(ASK_PASSWORD).presses("4815#");
    t.hears("read-back-before 4815 read-back-after").presses("1");
    t.stores(Unit::Number, "0640002222", "4815");
    t.store_answers(Ok(())).hears("done goodbye").ends(Ending::Set);
}

#[test]
fn the_number_unit_is_set_for_another_number_of_the_contract() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("2");
    t.hears(OFFER).presses("5");
    t.hears("ask-number").presses("05098765000#");
    t.hears(ASK_PASSWORD).presses("48151623#");
    t.hears(READ_BACK).presses("1");
    t.stores(Unit::Number, "05098765000", "48151623");
    t.store_answers(Ok(())).hears("done goodbye").ends(Ending::Set);
}

#[test]
fn the_admin_user_unit_is_set_for_user_and_administrator() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("3").hears(OFFER).presses("1").hears(ASK_PASSWORD).presses("48151623#");
    t.hears(READ_BACK).presses("1").stores(Unit::AdminUser, "0640002222", "48151623");

    let mut t = Trace::new();
    t.hears(GREETING).presses("3").hears(OFFER).presses("5").hears("ask-number").presses("0640001111#");
    t.hears(ASK_PASSWORD).presses("48151623#").hears(READ_BACK).presses("1");
    t.stores(Unit::AdminUser, "0640001111", "48151623");
}

#[test]
fn what_was_chosen_is_known_for_the_record_also_afterwards() {
    let mut t = Trace::new();
    assert_eq!((t.conversation.unit(), t.conversation.target()), (None, None));
    t.hears(GREETING).presses("3");
    assert_eq!((t.conversation.unit(), t.conversation.target()), (Some(Unit::AdminUser), None));
    t.hears(OFFER).presses("1").hears(ASK_PASSWORD).hangs_up();
    assert_eq!(t.conversation.unit(), Some(Unit::AdminUser));
    assert_eq!(t.conversation.target(), Some(number("0640002222")));
    t.ends(Ending::CallerHungUp);
}

#[test]
fn another_customer_number_is_refused() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("1");
    // a number of the same contract, but not its customer number
    t.hears("ask-customer-number").presses("0640002222#");
    t.hears("customer-number-wrong ask-customer-number").presses("9#");
    t.hears("customer-number-wrong ask-customer-number").presses("0640001111#");
    t.begins_to_hear(ASK_PASSWORD);
}

#[test]
fn a_number_of_another_contract_is_refused() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("2").hears(OFFER).presses("5");
    t.hears("ask-number").presses("0664806430#");
    t.hears("number-not-in-contract ask-number").presses("0640001111#").begins_to_hear(ASK_PASSWORD);
}

#[test]
fn what_is_no_number_is_refused_as_such() {
    for keys in ["60000111#", "60000011112#", "05098765#", "#", "1860640001111#", "050987650000#"] {
        let mut t = Trace::new();
        t.hears(GREETING).presses("2").hears(OFFER).presses("5").hears("ask-number").presses(keys);
        t.hears("number-invalid ask-number").presses("0640001111#").begins_to_hear(ASK_PASSWORD);
    }
}

#[test]
fn a_key_that_means_nothing_in_a_menu_is_refused() {
    for key in ["0", "4", "5", "9", "*", "#"] {
        let mut t = Trace::new();
        t.hears(GREETING).presses(key).hears("invalid-key menu-unit").presses("2");
        t.hears(OFFER).presses("2").hears(&format!("invalid-key {OFFER}")).presses("1");
        t.begins_to_hear(ASK_PASSWORD).hears_no_more();
    }
}

#[test]
fn keys_that_no_telephone_has_are_ignored() {
    let mut t = Trace::new();
    t.begins_to_hear(GREETING).presses("ABCD").hears_no_more().input(Input::PromptsFinished);
    t.waits(9.0).presses("A").waits(0.6).hears_no_more();
    t.waits(0.2).hears("no-input menu-unit");
    t.presses("1").hears("ask-customer-number").presses("06400A0B1C1D11#").begins_to_hear(ASK_PASSWORD);
}

#[test]
fn the_third_invalid_entry_ends_the_call_wherever_it_happens() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("7");
    t.hears("invalid-key menu-unit").presses("1");
    t.hears("ask-customer-number").presses("1#");
    t.hears("customer-number-wrong ask-customer-number").presses("0640001111#");
    t.hears(ASK_PASSWORD).presses("123#");
    t.hears("too-many-invalid goodbye").ends(Ending::TooManyInvalid);
}

#[test]
fn a_caller_who_hangs_up_ends_everything() {
    let steps = ["", "1", "10640001111#", "2", "25", "21", "214815#"];
    for keys in steps {
        let mut t = Trace::new();
        for key in keys.chars() {
            t.waits(0.6).presses(&key.to_string());
        }
        t.outputs.clear();
        t.hangs_up().ends(Ending::CallerHungUp);
    }
}

#[test]
fn a_caller_who_hangs_up_before_the_greeting_is_not_greeted() {
    let mut conversation = Conversation::new(Config::default(), line());
    conversation.handle_input(Time::ZERO, Input::HungUp);
    conversation.start(Time::ZERO);
    assert_eq!(conversation.poll_output(), Some(Output::HangUp(Ending::CallerHungUp)));
    assert_eq!(conversation.poll_output(), None);
}

#[test]
fn what_was_not_yet_played_when_the_caller_hangs_up_is_not_played() {
    let mut conversation = Conversation::new(Config::default(), line());
    conversation.start(Time::ZERO);
    conversation.handle_input(Time::ZERO, Input::HungUp);
    let outputs: Vec<_> = std::iter::from_fn(|| conversation.poll_output()).collect();
    assert_eq!(outputs, [Output::Step("unit-menu"), Output::HangUp(Ending::CallerHungUp)]);
}

#[test]
fn the_trace_names_each_step_and_timer() {
    let mut conversation = Conversation::new(Config::default(), line());
    let mut steps = Vec::new();
    let mut drain = |conversation: &mut Conversation| {
        steps.extend(
            std::iter::from_fn(|| conversation.poll_output())
                .filter_map(|output| if let Output::Step(step) = output { Some(step) } else { None }),
        );
    };
    conversation.start(Time::ZERO);
    conversation.handle_input(Time::ZERO, Input::PromptsFinished);
    conversation.handle_timeout(Time::from_millis(10_000));
    conversation.handle_input(Time::from_millis(10_000), Input::Key(Key::D3));
    drain(&mut conversation);
    assert_eq!(steps, ["unit-menu", "first-digit-timeout", "unit-menu", "offer-calling"]);
}
