//! The call ends before its time: the caller hangs up at any moment, the server stops, the call is too long.

use karipass::internals::account::Outcome;
use karipass::internals::sip::endpoint::EndCause;

use crate::support::ledger::Manners;
use crate::support::{Setup, World, ms};

/// A call whose store takes two seconds, so that many moments fall into them.
fn slow(seed: u64) -> Setup {
    Setup { store: Manners { lookup: ms(250), commit: ms(2000), ..Manners::default() }, ..Setup::new(seed) }
}

/// How long such a call lasts, in ms.
fn length() -> u64 {
    World::new(slow(0)).run_to_any_end().lasted.as_millis() as u64
}

#[test]
fn the_caller_hangs_up_at_any_moment() {
    let (mut cancelled, mut late, mut set) = (0, 0, 0);
    for at in (0..length()).step_by(100) {
        let mut world = World::new(slow(at));
        world.run_for(ms(at)).phone("hangs up", |phone, now| phone.hang_up(now));
        let outcome = world.run_to_any_end();
        let record = outcome.record.unwrap();
        match record.outcome {
            Outcome::Cancelled => cancelled += 1,
            Outcome::HungUp => assert!(outcome.committed.is_none(), "{}", world.story()),
            Outcome::SetUnheard => late += usize::from(outcome.committed.is_some()),
            Outcome::Set => set += 1,
            other => panic!("{other}\n{}", world.story()),
        }
        assert_eq!(record.outcome == Outcome::Cancelled, record.answered_at.is_none(), "{}", world.story());
    }
    assert!(cancelled >= 2, "before the answer: {cancelled}");
    assert!(late >= 15, "while the store worked, which went on with it: {late}");
    assert!(set >= 20, "in the last words: {set}");
}

#[test]
fn hanging_up_around_the_answer_to_the_millisecond() {
    for at in 250..400 {
        let mut world = World::new(slow(at));
        world.run_for(ms(at)).phone("hangs up", |phone, now| phone.hang_up(now));
        let outcome = world.run_to_any_end();
        let ended = outcome.record.unwrap().outcome;
        assert!(matches!(ended, Outcome::Cancelled | Outcome::HungUp), "{ended}\n{}", world.story());
    }
}

#[test]
fn the_server_stops_at_any_moment() {
    for at in (0..length()).step_by(300) {
        let mut world = World::new(slow(at));
        world.run_for(ms(at)).stop_service();
        let outcome = world.run_to_any_end();
        let ended = outcome.record.unwrap().outcome;
        assert!(matches!(ended, Outcome::Stopped | Outcome::Set | Outcome::SetUnheard), "{ended}\n{}", world.story());
        assert_eq!(ended == Outcome::Set, outcome.announced.is_some(), "{}", world.story());
    }
}

#[test]
fn a_call_that_is_too_long_is_ended() {
    for longest in (1..=30).map(|seconds| ms(seconds * 1000)) {
        let mut world = World::new(Setup { longest_call: longest, ..slow(1) });
        let outcome = world.run_to_any_end();
        let ended = outcome.record.unwrap().outcome;
        assert!(matches!(ended, Outcome::TooLong | Outcome::Set | Outcome::SetUnheard), "{ended}\n{}", world.story());
        // the record may wait for what the store says; the caller does not
        let over = world.trace.find("phone ◀── service  BYE")[0].elapsed();
        assert!(over <= longest + ms(200), "{}", world.story());
    }
}

#[test]
fn both_hang_up_at_once() {
    for at in 0..60 {
        let mut world = World::new(Setup::new(at));
        world.run_until_said("goodbye");
        while world.trace.find("phone ◀── service  BYE").is_empty() {
            world.run_for(ms(1));
        }
        // ours is on its way for 20 ms, and theirs was sent before it came, or after
        world.run_for(ms(at)).phone("hangs up", |phone, now| phone.hang_up(now));
        let outcome = world.run_to_any_end();
        assert_eq!(outcome.record.unwrap().outcome, Outcome::Set);
        let ours = matches!(outcome.phone_cause, EndCause::RemoteBye { .. });
        let as_expected = at == 20 || if at < 20 { outcome.phone_cause == EndCause::LocalBye } else { ours };
        assert!(as_expected, "{at}: {:?}\n{}", outcome.phone_cause, world.story());
    }
}
