//! "Set" is spoken only after the store said so.

use super::*;

/// A caller who has just confirmed, and whose password is being stored.
fn storing() -> Trace {
    let mut t = Trace::at_password(Config::default());
    t.presses("4815#").hears("read-back-before 4815 read-back-after").presses("1");
    t.stores(Unit::Line, "0640001111", "4815").hears_no_more();
    t
}

#[test]
fn a_quick_store_is_not_talked_over() {
    storing().waits(0.599).hears_no_more().store_answers(Ok(())).hears("done goodbye").ends(Ending::Set);
}

#[test]
fn a_slow_store_is_bridged_and_its_answer_told_after_that() {
    let mut t = storing();
    t.waits(0.6).begins_to_hear("saving").waits(1.0).store_answers(Ok(())).hears_no_more();
    t.input(Input::PromptsFinished).hears("done goodbye").ends(Ending::Set);

    let mut t = storing();
    t.waits(0.6).hears("saving").waits(3.0).hears_no_more();
    t.store_answers(Ok(())).hears("done goodbye").ends(Ending::Set);
}

#[test]
fn a_failed_store_is_told_and_success_never_claimed() {
    storing().store_answers(Err(NotSet::Failed)).hears("store-failed goodbye").ends(Ending::StoreFailed);

    let mut t = storing();
    t.waits(0.6).begins_to_hear("saving").store_answers(Err(NotSet::Failed)).store_answers(Ok(())).hears_no_more();
    t.input(Input::PromptsFinished).hears("store-failed goodbye").ends(Ending::StoreFailed);
}

#[test]
fn what_is_not_known_and_what_another_call_does_have_words_of_their_own() {
    storing().store_answers(Err(NotSet::NotKnown)).hears("not-confirmed goodbye").ends(Ending::NotConfirmed);
    storing().store_answers(Err(NotSet::Overtaken)).hears("overtaken goodbye").ends(Ending::Overtaken);
}

#[test]
fn while_the_store_works_nobody_hears_silence_for_long() {
    let mut t = storing();
    t.waits(0.6).hears("saving");
    for _ in 0..7 {
        t.waits(3.999).hears_no_more().waits(0.001).hears("saving");
    }
    t.store_answers(Ok(())).hears("done goodbye").ends(Ending::Set);
}

#[test]
fn an_answer_is_told_even_if_the_end_of_saving_never_is() {
    let mut t = storing();
    t.waits(0.6).begins_to_hear("saving").store_answers(Ok(())).waits(10.0).hears("done goodbye").ends(Ending::Set);
}

#[test]
fn a_password_is_hashed_while_it_is_read_back_and_withdrawn_unless_it_is_confirmed() {
    let mut t = Trace::at_password(Config::default());
    t.presses("4815#");
    let first = t.prepared.as_ref().map(|request| request.ticket.clone()).unwrap();
    assert!(!first.is_withdrawn(), "it is prepared before a word of the read-back is heard");
    t.begins_to_hear("read-back-before 4815 read-back-after").presses("2").is_cut_off().hears(ASK_PASSWORD);
    assert!(first.is_withdrawn(), "corrected");
    t.presses("1629#").hears("read-back-before 1629 read-back-after").presses("1");
    t.stores(Unit::Line, "0640001111", "1629").hears_no_more();
    for leaves in ["hangs up", "keys in nonsense"] {
        let mut t = Trace::at_password(Config::default());
        t.presses("4815#");
        match leaves {
            "hangs up" => t.hangs_up(),
            _ => t
                .hears("read-back-before 4815 read-back-after")
                .presses("7")
                .waits(2.0)
                .presses("7")
                .waits(2.0)
                .presses("7"),
        };
        assert!(t.prepared.unwrap().ticket.is_withdrawn(), "{leaves}");
    }
}

#[test]
fn the_ticket_is_held_until_the_outcome_is_told() {
    let mut t = storing();
    let stub = t.prepared.take().unwrap().ticket.stub();
    t.waits(0.6).begins_to_hear("saving").store_answers(Ok(()));
    assert!(stub.is_held(), "another call must not set it before this one is told");
    t.input(Input::PromptsFinished).begins_to_hear("done goodbye");
    assert!(!stub.is_held());
}

#[test]
fn keys_are_ignored_while_the_store_works() {
    let mut t = storing();
    t.presses("1").hears_no_more().waits(0.3).begins_to_hear("saving").presses("12#*").hears_no_more();
    t.input(Input::PromptsFinished).presses("2#").hears_no_more();
    t.store_answers(Ok(())).hears("done goodbye").ends(Ending::Set);
}

#[test]
fn hanging_up_does_not_retract_what_the_store_was_asked() {
    storing().hangs_up().ends(Ending::CallerHungUp);

    let mut t = Trace::at_password(Config::default());
    t.presses("4815#").hears("read-back-before 4815 read-back-after");
    t.conversation.handle_input(t.now, Input::Key(Key::D1));
    t.conversation.handle_input(t.now, Input::HungUp);
    t.drain();
    t.stores(Unit::Line, "0640001111", "4815").ends(Ending::CallerHungUp);
}

#[test]
fn who_hangs_up_during_the_last_words_has_it_set() {
    let mut t = storing();
    t.store_answers(Ok(())).begins_to_hear("done goodbye").hangs_up().ends(Ending::Set);
    let mut t = storing();
    t.store_answers(Err(NotSet::Failed)).begins_to_hear("store-failed goodbye").hangs_up().ends(Ending::StoreFailed);
}

#[test]
fn an_answer_that_nobody_asked_for_is_ignored() {
    let mut t = Trace::at_password(Config::default());
    t.store_answers(Ok(())).presses("4815#").hears("read-back-before 4815 read-back-after");
    t.store_answers(Ok(())).hears_no_more().presses("1").stores(Unit::Line, "0640001111", "4815").hears_no_more();
}
