//! The store fails, is slow, or does not answer: what is said is what is true.

use std::time::Duration;

use karipass::internals::account::Outcome;
use karipass::key::Ways;
use karipass::secret::Secret;
use karipass::unit::Unit;

use crate::support::ledger::Manners;
use crate::support::setup::{additional_number, main_number};
use crate::support::{Expected, Setup, World, ms};

fn with(store: Manners) -> World {
    World::new(Setup { store, ..Setup::new(3).patient() })
}

#[test]
fn a_store_that_fails_is_told_and_nothing_is_announced() {
    let mut world = with(Manners { full: true, ..Manners::default() });
    let outcome = world.run_to(&Expected::Told("store-failed"));
    assert!(!outcome.said.contains(&"done".to_owned()), "{:?}", outcome.said);
    // the caller hung up in the last words, and knows how it ended
    assert_eq!(outcome.record.unwrap().outcome, Outcome::StoreFailed);
}

#[test]
fn a_slow_store_is_bridged_by_words() {
    let mut world = with(Manners { commit: ms(3000), ..Manners::default() });
    let outcome = world.run_to(&Expected::Set);
    let end: Vec<&str> = outcome.said.iter().rev().take(3).map(String::as_str).collect();
    assert_eq!(end, ["goodbye", "done", "saving"], "{}", world.story());
    let quick = with(Manners::default()).run_to(&Expected::Set);
    assert!(!quick.said.contains(&"saving".to_owned()));
}

/// The request is withdrawn before it is said to have failed: nothing comes into force behind the caller's back.
#[test]
fn what_the_store_has_not_begun_within_half_a_minute_is_withdrawn() {
    let mut world = with(Manners { commit: Duration::from_secs(45), ..Manners::default() });
    let outcome = world.run_to_any_end();
    assert!(outcome.said.contains(&"store-failed".to_owned()), "{}", world.story());
    assert!(!outcome.said.contains(&"done".to_owned()), "{}", world.story());
    assert_eq!(outcome.record.unwrap().outcome, Outcome::StoreFailed);
    assert_eq!(outcome.committed, None, "{}", world.story());
    assert_eq!(world.service.ledger.temporaries(), []);
}

/// A disk that takes long to flush: what is under way cannot be taken back, and is not said to have failed.
#[test]
fn a_commit_that_is_under_way_then_is_waited_for_and_told_as_it_is() {
    for (flush, said, outcome) in
        [(35, "done", Outcome::Set), (39, "done", Outcome::Set), (45, "not-confirmed", Outcome::NotConfirmed)]
    {
        let mut world = with(Manners { flush: Duration::from_secs(flush), ..Manners::default() });
        let end = world.run_to_any_end();
        let last = end.said.iter().rev().find(|said| *said != "goodbye" && *said != "saving");
        assert_eq!(last.map(String::as_str), Some(said), "{flush} s: {}", world.story());
        assert_eq!(end.record.unwrap().outcome, outcome, "{flush} s");
        let savings = end.said.iter().filter(|said| *said == "saving").count();
        assert!(savings >= 5, "{savings} times in {flush} s: nobody hears silence");
    }
}

/// A password that is long in being hashed takes it from the same half minute.
#[test]
fn a_hash_that_comes_too_late_is_not_stored() {
    let mut world = with(Manners { hash: Duration::from_secs(60), ..Manners::default() });
    let outcome = world.run_to_any_end();
    assert!(outcome.said.contains(&"store-failed".to_owned()), "{}", world.story());
    assert_eq!(outcome.record.unwrap().outcome, Outcome::StoreFailed);
    assert_eq!(outcome.committed, None);
}

/// Hashed while it is read back: after the confirming key only the commit is waited for.
#[test]
fn a_hash_of_two_seconds_is_not_waited_for_by_who_listens_to_the_read_back() {
    let mut world = with(Manners { hash: ms(2000), ..Manners::default() });
    let outcome = world.run_to(&Expected::Set);
    assert!(!outcome.said.contains(&"saving".to_owned()), "{}", world.story());
}

#[test]
fn a_slow_look_up_keeps_one_call_waiting_and_no_second_one_begins() {
    let mut world = with(Manners { lookup: ms(2400), ..Manners::default() });
    world.run_to(&Expected::Set);
    assert_eq!(world.trace.find("service  INVITE").len(), 1, "100 came at once, so it was not repeated");
}

#[test]
fn a_look_up_that_hangs_is_refused_within_three_seconds() {
    let mut world = with(Manners { lookup: ms(10_000), ..Manners::default() });
    let outcome = world.run_to(&Expected::Refused(503, Outcome::RefusedStore));
    let record = outcome.record.unwrap();
    assert!(record.ended_at.0 - record.started_at.0 <= 3, "{record:?}");
}

#[test]
fn every_unit_and_target_by_every_way_changes_that_account_and_no_other() {
    for ways in [Ways::RFC4733, Ways::IN_BAND, Ways::INFO, Ways::ALL] {
        for (unit, from, target) in [
            (Unit::Line, main_number(), None),
            (Unit::Line, additional_number(), Some(main_number())),
            (Unit::Number, main_number(), None),
            (Unit::Number, main_number(), Some(additional_number())),
            (Unit::Number, additional_number(), Some(main_number())),
            (Unit::AdminUser, main_number(), None),
            (Unit::AdminUser, additional_number(), None),
            (Unit::AdminUser, additional_number(), Some(main_number())),
        ] {
            let mut setup = Setup::new(5).by(ways);
            let order = &mut setup.manner.order;
            (order.unit, order.from, order.target) = (unit, from, target);
            order.password = Secret::from("11223344");
            let record = World::new(setup).run_to(&Expected::Set).record.unwrap();
            assert_eq!((record.unit, record.target), (Some(unit), Some(target.unwrap_or(from))));
            assert_eq!(record.caller, Some(from));
        }
    }
}
