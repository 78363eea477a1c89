//! A worker outlives what goes wrong in one of its calls.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::audio::prompt::Bank;
use crate::call::{Admitted, NotAdmitted, testing};
use crate::seats::Seats;
use crate::time::UnixTime;

const START: Moment = Moment { time: Time::ZERO, wall: UnixTime(1_767_225_600) };

fn calls() -> Calls {
    Calls::new(Arc::new(Settings::new(Arc::new(Bank::builtin()))))
}

fn incoming(call: u64) -> ToWorker {
    let seed = Seed { numbers: call, keys: [7; 32] };
    ToWorker::Incoming { incoming: Box::new(testing::incoming(call)), trust: Trust::default(), seed }
}

fn outputs(calls: &mut Calls) -> Vec<String> {
    let next = || match calls.poll_output() {
        Output::Timeout(_) => None,
        Output::Over { call, record } => Some(format!("{call:?} over: {}", record.outcome)),
        Output::Begun { call, .. } => Some(format!("{call:?} begun")),
        Output::FindLine { call, .. } => Some(format!("{call:?} asks for its line")),
        Output::Command(call, command) => Some(format!("{call:?}: {command:?}")),
        output @ (Output::OpenMedia { .. }
        | Output::Read(_)
        | Output::Send(..)
        | Output::Prepare { .. }
        | Output::Store { .. }
        | Output::Quit) => Some(format!("{output:?}")),
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn a_call_that_panics_is_hung_up_on_and_recorded_and_the_others_go_on() {
    let mut calls = calls();
    for call in [1, 2] {
        calls.handle_message(START, incoming(call));
    }
    outputs(&mut calls);
    let broken = calls.contain(Time::from_millis(2500), CallHandle(1), |_| panic!("on purpose"));
    calls.ended_by_fault(CallHandle(1), broken);
    assert_eq!(outputs(&mut calls), ["call 1: HangUp(41)", "call 1 over: lost"]);
    // what is still under way for it meets nothing
    calls.handle_message(START, ToWorker::Input { call: CallHandle(1), input: Input::Stop });
    assert_eq!(outputs(&mut calls), [""; 0]);
    calls.handle_message(START, ToWorker::Input { call: CallHandle(2), input: Input::Stop });
    assert_eq!(outputs(&mut calls), ["call 2: Reject(503)"]);
}

#[test]
fn a_look_up_without_an_answer_ends_in_503_within_three_seconds_and_one_that_comes_later_is_ignored() {
    let mut calls = calls();
    calls.handle_message(START, incoming(1));
    assert_eq!(outputs(&mut calls), ["call 1 begun", "call 1 asks for its line"]);
    calls.handle_timeout(Time::from_millis(2490));
    assert_eq!(outputs(&mut calls), [""; 0]);
    let Output::Timeout(wakes) = calls.poll_output() else { panic!("it has something to do") };
    assert!(wakes <= Time::from_millis(3000), "{wakes:?}");
    calls.handle_timeout(wakes);
    calls.handle_timeout(wakes);
    let Output::Command(_, Command::Reject(rejection)) = calls.poll_output() else { panic!("no refusal") };
    assert_eq!((rejection.status, rejection.retry_after), (503, Some(Duration::from_secs(5))));
    let (contract, seat) = (crate::account::demo_contract().unwrap(), Seats::default().take());
    let found = Input::Line(Ok(Some(Admitted { contract, seat })));
    calls.handle_message(START, ToWorker::Input { call: CallHandle(1), input: found });
    assert_eq!(outputs(&mut calls), [""; 0]);
    let ended = Input::Ended(EndCause::Rejected { status: 503 });
    calls.handle_message(START, ToWorker::Input { call: CallHandle(1), input: ended });
    assert_eq!(outputs(&mut calls), ["call 1 over: refused-store"]);
}

#[test]
fn a_call_whose_password_could_not_be_hashed_in_time_is_refused_before_the_answer() {
    let mut calls = calls();
    calls.handle_message(START, incoming(1));
    outputs(&mut calls);
    let backlog = Input::Line(Err(NotAdmitted::Backlog));
    calls.handle_message(START, ToWorker::Input { call: CallHandle(1), input: backlog });
    let Output::Command(_, Command::Reject(rejection)) = calls.poll_output() else { panic!("no refusal") };
    assert_eq!((rejection.status, rejection.retry_after), (503, Some(Duration::from_secs(5))));
    let ended = Input::Ended(EndCause::Rejected { status: 503 });
    calls.handle_message(START, ToWorker::Input { call: CallHandle(1), input: ended });
    let Output::Over { record, .. } = calls.poll_output() else { panic!("no record") };
    assert_eq!(record.outcome, Outcome::RefusedBusy);
    assert!(record.detail.is_some_and(|detail| detail.contains("hash_workers")), "the setting is named");
}
