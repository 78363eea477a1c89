//! What happens when nothing is keyed in, or no more.

use super::*;

#[test]
fn the_first_digit_is_awaited_from_the_end_of_the_prompts() {
    let mut t = Trace::new();
    t.begins_to_hear(GREETING).waits(60.0).hears_no_more().input(Input::PromptsFinished);
    t.waits(9.999).hears_no_more().waits(0.001).begins_to_hear("no-input menu-unit").hears_no_more();
}

#[test]
fn three_timeouts_end_the_call() {
    let mut t = Trace::new();
    t.hears(GREETING).waits(10.0).hears("no-input menu-unit").waits(10.0);
    t.hears("no-input menu-unit").waits(10.0).hears("too-many-timeouts goodbye").ends(Ending::TooManyTimeouts);
}

#[test]
fn timeouts_are_counted_over_the_whole_call_and_apart_from_invalid_entries() {
    let mut t = Trace::new();
    t.hears(GREETING).waits(10.0).hears("no-input menu-unit").presses("8");
    t.hears("invalid-key menu-unit").presses("1").hears("ask-customer-number").waits(10.0);
    t.hears("no-input ask-customer-number").presses("1#");
    t.hears("customer-number-wrong ask-customer-number").presses("0640001111#").hears(ASK_PASSWORD).waits(10.0);
    t.hears("too-many-timeouts goodbye").ends(Ending::TooManyTimeouts);
}

#[test]
fn each_step_asks_again_when_nothing_is_keyed() {
    let patient = Config { max_timeouts: 100, ..Config::default() };
    let mut t = Trace::of(patient.clone());
    t.hears(GREETING).presses("2").hears(OFFER).waits(10.0).hears(&format!("no-input {OFFER}")).presses("5");
    t.hears("ask-number").waits(10.0).hears("no-input ask-number").presses("0640001111#");
    t.hears(ASK_PASSWORD).waits(10.0).hears(&format!("no-input {ASK_PASSWORD}")).presses("4815#");
    let read_back = "read-back-before 4815 read-back-after";
    t.hears(read_back).waits(10.0).hears(&format!("no-input {read_back}")).presses("1");
    t.stores(Unit::Number, "0640001111", "4815");

    let mut t = Trace::at_password(Config { confirm: Confirm::ReEnter, ..patient });
    t.presses("4815#").hears("ask-password-again").waits(10.0).hears("no-input ask-password-again").presses("4815#");
    t.stores(Unit::Line, "0640001111", "4815");
}

#[test]
fn between_digits_there_are_five_seconds_from_each() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("1").hears("ask-customer-number");
    for digit in ["0", "6", "0", "0"] {
        t.waits(4.6).presses(digit).hears_no_more();
    }
    t.waits(4.999).hears_no_more().waits(0.001).begins_to_hear("no-input ask-customer-number");
}

#[test]
fn an_entry_too_short_to_be_finished_is_forgotten() {
    let mut t = Trace::at_password(Config::default());
    t.presses("481").waits(5.0).hears(&format!("no-input {ASK_PASSWORD}")).presses("90210#");
    t.hears("read-back-before 90210 read-back-after");
}

#[test]
fn an_entry_long_enough_needs_no_hash() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("1").hears("ask-customer-number").presses("0640001111").waits(5.0);
    t.hears(ASK_PASSWORD).presses("4815").waits(5.0);
    t.hears("read-back-before 4815 read-back-after").presses("1").stores(Unit::Line, "0640001111", "4815");

    let mut t = Trace::new();
    t.hears(GREETING).presses("2").hears(OFFER).presses("5").hears("ask-number").presses("05098765000").waits(5.0);
    t.begins_to_hear(ASK_PASSWORD);
}

#[test]
fn an_entry_without_hash_is_judged_like_any_other() {
    let mut t = Trace::at_password(Config::default());
    t.presses("1234").waits(5.0).hears(&format!("password-run {ASK_PASSWORD}"));
    t.presses("481516239").waits(5.0).hears(&format!("password-too-long {ASK_PASSWORD}"));
    t.presses("7777").waits(5.0).hears("too-many-invalid goodbye").ends(Ending::TooManyInvalid);

    let mut t = Trace::new();
    t.hears(GREETING).presses("1").hears("ask-customer-number").presses("0640002222").waits(5.0);
    t.hears("customer-number-wrong ask-customer-number").presses("064000222222").waits(5.0);
    t.begins_to_hear("customer-number-wrong ask-customer-number");
}

#[test]
fn a_mobile_number_is_not_finished_with_ten_digits() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("2").hears(OFFER).presses("5").hears("ask-number").presses("0509876500").waits(5.0);
    t.begins_to_hear("no-input ask-number");
}

#[test]
fn the_second_of_two_is_finished_when_it_is_as_long_as_the_first() {
    let mut t = Trace::at_password(Config { confirm: Confirm::ReEnter, ..Config::default() });
    t.presses("48151623#").hears("ask-password-again").presses("48151").waits(5.0);
    t.hears("no-input ask-password-again").presses("48151623").waits(5.0);
    t.stores(Unit::Line, "0640001111", "48151623");
}

#[test]
fn the_timeouts_and_the_limits_are_configured() {
    let config = Config {
        first_digit_timeout: Duration::from_secs(3),
        inter_digit_timeout: Duration::from_secs(1),
        max_invalid: 1,
        max_timeouts: 2,
        ..Config::default()
    };
    let mut t = Trace::of(config.clone());
    t.hears(GREETING).waits(3.0).hears("no-input menu-unit").presses("1").hears("ask-customer-number");
    t.presses("06").waits(1.0).hears("too-many-timeouts goodbye").ends(Ending::TooManyTimeouts);

    let mut t = Trace::of(config);
    t.hears(GREETING).presses("9").hears("too-many-invalid goodbye").ends(Ending::TooManyInvalid);

    let mut t = Trace::of(Config { max_invalid: 0, max_timeouts: 0, ..Config::default() });
    t.hears(GREETING).waits(10.0).hears("too-many-timeouts goodbye").ends(Ending::TooManyTimeouts);
}

#[test]
fn an_early_call_of_the_timer_does_nothing() {
    let mut t = Trace::new();
    t.hears(GREETING);
    let deadline = t.conversation.deadline().unwrap();
    assert_eq!(deadline, t.now + Duration::from_secs(10));
    t.conversation.handle_timeout(deadline - Duration::from_millis(1));
    t.drain();
    t.hears_no_more();
    assert_eq!(t.conversation.deadline(), Some(deadline));
}
