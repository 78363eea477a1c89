//! Faults that the world has to find, each made on purpose: a world in which nothing is ever found wrong proves nothing.

use crate::many::run;
use crate::plan::{Act, Dial, Hostility, Mood, Plan};
use crate::service::Order;
use crate::support::{ms, secs};
use karipass::time::Time;

/// The complaint of the first of these worlds that has one.
fn complaint(plan: impl Fn(u64) -> Plan) -> Option<String> {
    (0..20).find_map(|seed| run(&plan(seed)).err())
}

fn one_call(seed: u64, acts: Vec<(Time, Act)>) -> Plan {
    let dial = (Time::ZERO, Act::Dial(Box::new(Dial::good(seed))));
    Plan { acts: [vec![dial], acts].concat(), ..Plan::quiet(seed) }
}

#[test]
fn in_a_quiet_world_every_call_sets_a_password() {
    for seed in 0..20 {
        let report = run(&one_call(seed, vec![])).unwrap();
        assert_eq!((report.calls, report.set), (1, 1), "{seed}");
    }
}

/// As it was once: the caller was told after 30 s that the password could not be set, and it was committed when the store was free.
#[test]
fn a_store_that_is_slower_than_the_callers_patience_sets_nothing_that_was_said_not_to_be_set() {
    for seconds in [25, 29, 31, 40, 60, 90] {
        let slow =
            |seed| one_call(seed, vec![(Time::from_millis(1), Act::Store(Mood::Slow(secs(seconds)), secs(300)))]);
        assert_eq!(complaint(slow), None, "{seconds} s");
    }
}

/// What a commit without an answer has done is found out by writing the same again.
#[test]
fn a_commit_without_an_answer_is_said_to_have_done_what_it_did() {
    let unknown = |seed| one_call(seed, vec![(Time::from_millis(1), Act::Store(Mood::Unknown, secs(120)))]);
    assert_eq!(complaint(unknown), None);
}

/// A call that a restart takes from the service, not from its telephone, and one that begins after it.
fn restarted(seed: u64, draws_ports: bool) -> Plan {
    let first = Dial { sends_silence: true, ..Dial::good(seed) };
    let second = Dial { sends_silence: false, ..Dial::good(seed + 100) };
    let acts = vec![
        (Time::ZERO, Act::Dial(Box::new(first))),
        (Time::from_millis(9000), Act::Kill(secs(0))),
        (Time::from_millis(9500), Act::Dial(Box::new(second))),
    ];
    Plan { acts, draws_ports, ..Plan::quiet(seed) }
}

/// As it was once: the telephone of the first call taught its address to the second, and keyed in it.
#[test]
fn ports_that_begin_anew_after_a_restart_mix_up_calls() {
    let found = complaint(|seed| restarted(seed, false)).expect("it is found");
    assert!(found.contains("that its caller did not key"), "{found}");
    assert_eq!(complaint(|seed| restarted(seed, true)), None);
}

/// A flood that takes longer to read than it takes to arrive, and a stop in the middle of it.
fn flooded(seed: u64, order: Order) -> Plan {
    let flood = (0..9000).map(|tick| (Time::from_millis(tick * 10), Act::Hostile(Hostility::Options, 5, seed + tick)));
    let mut acts: Vec<(Time, Act)> = flood.collect();
    acts.push((Time::from_millis(20_000), Act::Stop(secs(1))));
    acts.sort_by_key(|(at, _)| *at);
    Plan { acts, order, message_takes: ms(4), drain: secs(5), ..Plan::quiet(seed) }
}

#[test]
fn a_stop_is_heard_under_a_flood() {
    run(&flooded(1, Order::StopFirst)).unwrap();
}

/// As the loop was once: whatever had come from the network went first.
#[test]
fn a_loop_that_hears_a_stop_last_is_found() {
    let found = run(&flooded(1, Order::StopLast)).unwrap_err();
    assert!(found.contains("a stop was not heard"), "{found}");
}
