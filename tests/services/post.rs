//! What a sender of mails decides, in virtual time: every answer of a mail server, a store that fails at each step, and a
//! stop in each state. The mail server is the test.

use std::time::Duration;

use karipass::internals::account::mail::{Claim, Mail, MailFilter, MailState, NewMail, Purpose};
use karipass::internals::account::{AccountStore, Effects, Store};
use karipass::internals::mail::{
    AtStop, CLAIM_SECONDS, HandOver, LAST_WORDS, Letter, Output, Post, Progress, Refusal, at_stop,
};

use super::world::*;

const DAY: i64 = 86_400;

/// A store with one mail for each address, and a sender that has just begun.
fn queued(addresses: &[&str]) -> (World, AccountStore, Post) {
    let world = all_services();
    let mut store = world.store();
    arrival_mail(&mut store, LINE, addresses);
    happen(&mut store, &arrival(Some("0312345678"), LINE), 0).unwrap();
    (world, store, post("one"))
}

fn offered(post: &mut Post, store: &mut AccountStore, second: i64) -> Letter {
    match post.poll_output(store, at(second)) {
        Output::Offer(letter) => letter,
        other => panic!("{other:?}"),
    }
}

/// The pause that follows, and what is wrong.
fn pause(post: &mut Post, store: &mut AccountStore, second: i64) -> (u64, Option<String>) {
    match post.poll_output(store, at(second)) {
        Output::Pause { length, trouble } => (length.as_secs(), trouble.map(|trouble| trouble.to_string())),
        other => panic!("{other:?}"),
    }
}

fn is_over(post: &mut Post, store: &mut AccountStore, second: i64) -> bool {
    matches!(post.poll_output(store, at(second)), Output::Over)
}

fn only(store: &AccountStore) -> Mail {
    let mut mails = store.mails(&MailFilter::default()).unwrap();
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

/// Has the store refuse every change to a mail until this is dropped.
struct Refusing(rusqlite::Connection);

impl Refusing {
    fn new(world: &World) -> Refusing {
        let other = rusqlite::Connection::open(world.file()).unwrap();
        let trigger = "CREATE TRIGGER no_room BEFORE UPDATE ON mail BEGIN SELECT RAISE(ABORT, 'no room'); END";
        other.execute_batch(trigger).unwrap();
        Refusing(other)
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        self.0.execute_batch("DROP TRIGGER no_room").unwrap();
    }
}

#[test]
fn a_mail_that_is_taken_is_sent_and_then_the_store_is_looked_into_each_second() {
    let (_world, mut store, mut post) = queued(&["a@example.jp"]);
    let letter = offered(&mut post, &mut store, 0);
    assert_eq!((letter.to.as_str(), post.progress()), ("a@example.jp", Progress::Before));
    assert!(matches!(post.poll_output(&mut store, at(1)), Output::Awaiting), "one at a time");
    assert_eq!(post.handle_offered(&mut store, at(1)), HandOver::Finish);
    assert_eq!(post.progress(), Progress::HandingOver);
    post.handle_outcome(Ok(()), at(2));
    assert_eq!(pause(&mut post, &mut store, 3), (1, None));
    let mail = only(&store);
    assert_eq!((mail.state, mail.settled_at), (MailState::Sent, Some(at(3))));
    assert_eq!((post.held(), post.progress()), (None, Progress::Before));
}

#[test]
fn a_mail_server_that_is_down_is_tried_after_longer_and_longer_pauses_up_to_a_minute() {
    let (_world, mut store, mut post) = queued(&["a@example.jp"]);
    let mut second = 0;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        offered(&mut post, &mut store, second);
        post.handle_outcome(Err(Refusal::Server("refused".to_owned())), at(second));
        let (length, trouble) = pause(&mut post, &mut store, second);
        assert_eq!(trouble.unwrap(), "the mail server takes no mails: refused; they wait");
        assert_eq!(only(&store).due_at, at(second + 1), "due as soon as the server is back");
        pauses.push(length);
        second += i64::try_from(length).unwrap();
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
    // back again
    offered(&mut post, &mut store, second);
    assert_eq!(post.handle_offered(&mut store, at(second)), HandOver::Finish);
    post.handle_outcome(Ok(()), at(second));
    assert_eq!(pause(&mut post, &mut store, second), (1, None));
}

#[test]
fn a_recipient_that_is_refused_for_now_waits_and_the_sender_goes_on() {
    let (_world, mut store, mut post) = queued(&["a@example.jp"]);
    let mut refused = |second| {
        offered(&mut post, &mut store, second);
        post.handle_outcome(Err(Refusal::Later("greylisted".to_owned())), at(second));
        assert_eq!(pause(&mut post, &mut store, second), (1, None));
        only(&store)
    };
    for (second, due) in [(0, 60), (60, 60 + 120), (180, 180 + 240)] {
        let mail = refused(second);
        assert_eq!((mail.state, mail.due_at), (MailState::Queued, at(due)));
    }
}

#[test]
fn a_mail_that_is_refused_for_now_fails_after_five_days_to_the_second() {
    for (second, state) in [(5 * DAY - 1, MailState::Queued), (5 * DAY, MailState::Failed)] {
        for refusal in [Refusal::Later("refused".to_owned()), Refusal::Server("refused".to_owned())] {
            let (_world, mut store, mut post) = queued(&["a@example.jp"]);
            offered(&mut post, &mut store, second);
            post.handle_outcome(Err(refusal), at(second));
            pause(&mut post, &mut store, second);
            assert_eq!(only(&store).state, state);
            assert!(only(&store).problem.unwrap().contains("refused"));
        }
    }
}

#[test]
fn a_link_for_a_number_that_was_removed_fails_and_holds_up_no_other_mail() {
    let world = all_services();
    let mut store = world.store();
    let mail = |id: &str, purpose| NewMail {
        id: id.to_owned(),
        purpose,
        number: number(OTHER),
        recipient: "a@example.jp".to_owned(),
        subject: "件名".to_owned(),
        body: "本文".to_owned(),
    };
    let mails = vec![mail("m-1", Purpose::Confirm), mail("m-2", Purpose::Arrival)];
    store.apply(&Effects { mails, ..Effects::default() }, &BY, at(0)).unwrap();
    store.remove_number(number(OTHER), &BY, at(1)).unwrap();
    let mut post = post("one");
    assert_eq!(offered(&mut post, &mut store, 2).id, "m-2");
    let failed = store.mails(&MailFilter { state: Some(MailState::Failed), ..MailFilter::default() }).unwrap();
    assert!(matches!(failed.as_slice(), [mail] if mail.mail.id == "m-1"), "{failed:?}");
}

#[test]
fn a_recipient_that_is_refused_for_good_has_failed() {
    let (_world, mut store, mut post) = queued(&["a@example.jp"]);
    offered(&mut post, &mut store, 0);
    post.handle_outcome(Err(Refusal::Never("no such mailbox".to_owned())), at(0));
    assert_eq!(pause(&mut post, &mut store, 0), (1, None));
    assert_eq!((only(&store).state, only(&store).problem.as_deref()), (MailState::Failed, Some("no such mailbox")));
}

#[test]
fn a_connection_that_is_lost_after_the_message_has_it_sent_again_under_the_same_message_id() {
    let (_world, mut store, mut post) = queued(&["a@example.jp"]);
    let first = offered(&mut post, &mut store, 0);
    assert_eq!(post.handle_offered(&mut store, at(0)), HandOver::Finish);
    post.handle_outcome(Err(Refusal::Server("connection reset".to_owned())), at(20));
    assert!(pause(&mut post, &mut store, 20).1.is_some());
    assert_eq!(offered(&mut post, &mut store, 22).id, first.id);
}

#[test]
fn a_sender_that_was_too_slow_lets_go_of_a_mail_that_another_has_taken_on() {
    let (_world, mut store, mut post) = queued(&["a@example.jp"]);
    offered(&mut post, &mut store, 0);
    let claim = Claim { by: "another".to_owned(), until: at(2 * CLAIM_SECONDS) };
    assert!(store.claim_mail(&claim, at(CLAIM_SECONDS)).unwrap().is_some());
    assert_eq!(post.handle_offered(&mut store, at(CLAIM_SECONDS)), HandOver::BreakOff);
    assert_eq!(pause(&mut post, &mut store, CLAIM_SECONDS), (1, None));
    assert!(store.hand_over_mail(&only(&store).mail.id, &claim).unwrap(), "the other one has it");
}

#[test]
fn a_store_that_fails_before_the_hand_over_leaves_the_mail_to_its_claim() {
    let (world, mut store, mut post) = queued(&["a@example.jp"]);
    offered(&mut post, &mut store, 0);
    let refusing = Refusing::new(&world);
    assert_eq!(post.handle_offered(&mut store, at(0)), HandOver::BreakOff, "not noted, so not sent");
    let (length, trouble) = pause(&mut post, &mut store, 0);
    assert!(length == 2 && trouble.unwrap().contains("no room"));
    drop(refusing);
    assert_eq!(pause(&mut post, &mut store, 2), (1, None), "claimed, so not due");
    assert_eq!(offered(&mut post, &mut store, CLAIM_SECONDS).to, "a@example.jp");
}

/// A mail that the mail server has taken, and that is not entered as sent.
fn taken(post: &mut Post, store: &mut AccountStore) {
    offered(post, store, 0);
    assert_eq!(post.handle_offered(store, at(0)), HandOver::Finish);
    post.handle_outcome(Ok(()), at(0));
}

#[test]
fn a_mail_that_went_is_entered_as_sent_even_when_that_takes_ten_tries_and_a_stop_comes() {
    let (world, mut store, mut post) = queued(&["a@example.jp"]);
    taken(&mut post, &mut store);
    let refusing = Refusing::new(&world);
    for second in 0..9 {
        match post.poll_output(&mut store, at(second)) {
            Output::EnterAgain(length) => assert_eq!(length, Duration::from_secs(1)),
            other => panic!("{other:?}"),
        }
        assert_eq!(post.progress(), Progress::HandingOver, "it must not be left");
        post.handle_stop();
    }
    drop(refusing);
    assert!(is_over(&mut post, &mut store, 9));
    assert_eq!(only(&store).state, MailState::Sent);
}

#[test]
fn a_mail_that_cannot_be_entered_as_sent_is_left_to_its_claim_after_ten_tries() {
    let (world, mut store, mut post) = queued(&["a@example.jp"]);
    taken(&mut post, &mut store);
    let _refusing = Refusing::new(&world);
    for second in 0..9 {
        assert!(matches!(post.poll_output(&mut store, at(second)), Output::EnterAgain(_)));
    }
    assert!(pause(&mut post, &mut store, 9).1.unwrap().contains("no room"));
    assert_eq!((only(&store).state, post.held()), (MailState::Queued, None));
}

#[test]
fn a_stop_ends_a_sender_at_once_that_holds_nothing() {
    let (_world, mut store, mut post) = queued(&["a@example.jp"]);
    post.handle_stop();
    assert!(is_over(&mut post, &mut store, 0));
    assert_eq!(only(&store).attempts, 0, "not even claimed");
}

#[test]
fn a_stop_ends_a_pause_in_trouble() {
    let (_world, mut store, mut post) = queued(&["a@example.jp"]);
    offered(&mut post, &mut store, 0);
    post.handle_outcome(Err(Refusal::Server("refused".to_owned())), at(0));
    post.handle_stop();
    assert!(is_over(&mut post, &mut store, 0));
    assert_eq!((only(&store).state, only(&store).due_at), (MailState::Queued, at(1)));
}

#[test]
fn a_stop_before_the_hand_over_gives_the_mail_back_at_once() {
    let (_world, mut store, mut stopped) = queued(&["a@example.jp"]);
    offered(&mut stopped, &mut store, 0);
    stopped.handle_stop();
    assert_eq!(stopped.handle_offered(&mut store, at(1)), HandOver::BreakOff);
    assert!(is_over(&mut stopped, &mut store, 1));
    assert_eq!(offered(&mut post("another"), &mut store, 1).to, "a@example.jp");
}

#[test]
fn a_stop_while_the_mail_server_is_silent_gives_the_mail_back_without_it() {
    let (_world, mut store, mut stopped) = queued(&["a@example.jp"]);
    offered(&mut stopped, &mut store, 0);
    stopped.handle_stop();
    assert!(matches!(stopped.poll_output(&mut store, at(1)), Output::Awaiting), "the mail server may answer yet");
    assert_eq!(at_stop(stopped.progress(), LAST_WORDS, Duration::from_secs(60)), AtStop::GiveBack);
    assert!(stopped.held().unwrap().give_back(&mut store).unwrap());
    let mut other = post("another");
    assert_eq!(offered(&mut other, &mut store, 2).to, "a@example.jp");
    // should the mail server answer after all, the mail is not sent by this one
    assert_eq!(stopped.handle_offered(&mut store, at(3)), HandOver::BreakOff);
    assert_eq!(other.handle_offered(&mut store, at(3)), HandOver::Finish, "and the other one still has it");
}

#[test]
fn a_stop_while_a_mail_is_handed_over_waits_for_its_end_and_begins_no_other() {
    let (_world, mut store, mut post) = queued(&["a@example.jp", "b@example.jp"]);
    offered(&mut post, &mut store, 0);
    assert_eq!(post.handle_offered(&mut store, at(0)), HandOver::Finish);
    post.handle_stop();
    assert!(matches!(post.poll_output(&mut store, at(1)), Output::Awaiting));
    post.handle_outcome(Ok(()), at(10));
    assert!(is_over(&mut post, &mut store, 10));
    let mails = store.mails(&MailFilter::default()).unwrap();
    let states: Vec<MailState> = mails.iter().map(|mail| mail.state).collect();
    assert_eq!(states, [MailState::Sent, MailState::Queued]);
}
