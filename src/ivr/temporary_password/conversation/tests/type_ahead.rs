//! Barge-in, and keys that come before their question.

use super::*;

#[test]
fn every_question_can_be_barged_into() {
    let mut t = Trace::new();
    t.begins_to_hear(GREETING).waits(1.0).presses("1").is_cut_off();
    t.begins_to_hear("ask-customer-number").waits(1.0).presses("0").is_cut_off().hears_no_more();
    t.presses("640001111#").begins_to_hear(ASK_PASSWORD).waits(1.0).presses("4").is_cut_off().hears_no_more();
    t.presses("815#").begins_to_hear("read-back-before 4815 read-back-after").waits(1.0).presses("2").is_cut_off();
    t.begins_to_hear(ASK_PASSWORD).waits(1.0).presses("*").is_cut_off();
    t.begins_to_hear(&format!("cleared {ASK_PASSWORD}")).presses("4").is_cut_off();
    t.presses("815#").begins_to_hear("read-back-before 4815 read-back-after").waits(1.0).presses("1").is_cut_off();
    t.stores(Unit::Line, "0640001111", "4815");

    let mut t = Trace::new();
    t.begins_to_hear(GREETING).presses("2").is_cut_off().begins_to_hear(OFFER).presses("5").is_cut_off();
    t.begins_to_hear("ask-number").presses("0").is_cut_off().hears_no_more();
}

#[test]
fn an_interrupted_prompt_starts_no_first_digit_timer() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("1").begins_to_hear("ask-customer-number").presses("0").is_cut_off();
    // as may happen when the last packet was on its way
    t.input(Input::PromptsFinished).waits(4.999).hears_no_more();
    t.waits(0.001).begins_to_hear("no-input ask-customer-number");
}

#[test]
fn unit_and_target_are_one_group() {
    let mut t = Trace::new();
    t.begins_to_hear(GREETING).presses("10640001111#").is_cut_off();
    t.begins_to_hear("ask-customer-number").is_cut_off().hears(ASK_PASSWORD);

    let mut t = Trace::new();
    t.begins_to_hear(GREETING).presses("250640001111#").is_cut_off();
    t.begins_to_hear(OFFER).is_cut_off().begins_to_hear("ask-number").is_cut_off().hears(ASK_PASSWORD);
}

#[test]
fn password_and_confirmation_are_one_group() {
    let mut t = Trace::at_password(Config::default());
    t.presses("4815#1").begins_to_hear("read-back-before 4815 read-back-after").is_cut_off();
    t.stores(Unit::Line, "0640001111", "4815");

    let mut t = Trace::at_password(Config { confirm: Confirm::ReEnter, ..Config::default() });
    t.presses("4815#4815#").begins_to_hear("ask-password-again").is_cut_off();
    t.stores(Unit::Line, "0640001111", "4815");

    let mut t = Trace::at_password(Config::default());
    t.presses("99*4815#").begins_to_hear(&format!("cleared {ASK_PASSWORD}")).is_cut_off();
    t.hears("read-back-before 4815 read-back-after").hears_no_more();
}

#[test]
fn a_password_typed_ahead_of_its_group_is_dropped() {
    let mut t = Trace::new();
    t.begins_to_hear(GREETING).presses("214815#1").is_cut_off().begins_to_hear(OFFER).is_cut_off();
    // uninterrupted
    t.begins_to_hear(ASK_PASSWORD).hears_no_more();
    t.waits(0.3)
        .presses("90210#")
        .is_cut_off()
        .begins_to_hear("read-back-before 90210 read-back-after")
        .hears_no_more();
}

#[test]
fn a_choice_pressed_twice_is_not_the_first_digit_of_the_password() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("2").hears(OFFER).presses("11").begins_to_hear(ASK_PASSWORD).hears_no_more();
    t.waits(0.2).presses("4815#").is_cut_off().hears("read-back-before 4815 read-back-after");
}

#[test]
fn what_was_typed_ahead_of_an_error_is_dropped() {
    let mut t = Trace::new();
    // the last digit is wrong, and the password follows at once: but one error, not several
    t.begins_to_hear(GREETING).presses("10600001112#48151623#1").is_cut_off();
    t.begins_to_hear("ask-customer-number").is_cut_off();
    t.begins_to_hear("customer-number-wrong ask-customer-number").hears_no_more();
    t.waits(0.7).presses("0").is_cut_off().presses("640001111#").hears(ASK_PASSWORD).hears_no_more();
}

#[test]
fn type_ahead_is_dropped_no_longer_than_the_prompts_take() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("7").begins_to_hear("invalid-key menu-unit").presses("777").hears_no_more();
    t.input(Input::PromptsFinished).presses("1").begins_to_hear("ask-customer-number").hears_no_more();
}

#[test]
fn the_rest_of_an_entry_taken_as_finished_does_not_confirm_it() {
    let mut t = Trace::at_password(Config::default());
    t.presses("4815").waits(5.0).begins_to_hear("read-back-before 4815 read-back-after");
    t.presses("1623#").hears_no_more();
    t.waits(0.7).presses("2").is_cut_off().hears(ASK_PASSWORD);

    let mut t = Trace::at_password(Config::default());
    t.presses("481").waits(5.0).begins_to_hear(&format!("no-input {ASK_PASSWORD}"));
    t.presses("51623#").hears_no_more();
}

#[test]
fn a_key_that_crosses_the_first_timeout_is_an_answer() {
    let mut t = Trace::new();
    t.hears(GREETING).waits(10.0).begins_to_hear("no-input menu-unit").presses("1").is_cut_off();
    t.begins_to_hear("ask-customer-number");
}

#[test]
fn a_stray_key_does_not_swallow_the_last_words() {
    let mut t = Trace::at_password(Config::default());
    t.presses("4815#").hears("read-back-before 4815 read-back-after").presses("1");
    t.stores(Unit::Line, "0640001111", "4815").store_answers(Ok(()));
    t.begins_to_hear("done goodbye").presses("1").waits(1.6).presses("1").waits(1.6).hears_no_more();
    t.input(Input::PromptsFinished).ends(Ending::Set);
}

#[test]
fn the_last_words_can_be_skipped_by_who_has_listened() {
    let mut t = Trace::at_password(Config::default());
    t.presses("4815#").hears("read-back-before 4815 read-back-after").presses("1");
    t.stores(Unit::Line, "0640001111", "4815").store_answers(Ok(()));
    t.begins_to_hear("done goodbye").waits(2.0).presses("#").is_cut_off().ends(Ending::Set);
}
