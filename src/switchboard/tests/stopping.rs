//! Stopping: no new calls, time for the running ones, then their end, then ours.

use super::*;

#[test]
fn without_calls_the_service_stops_at_once() {
    let mut bench = Bench::new(config(1));
    assert_eq!(bench.stop().trace(), ["stopped"]);
    assert_eq!(bench.stop().until(60_000).trace(), [""; 0]);
}

#[test]
fn running_calls_may_end_by_the_deadline_and_no_new_one_begins() {
    let mut bench = Bench::new(config(1));
    let mut phone = Phone::at("192.0.2.9", 1);
    bench.talk(&mut phone, 1).stop().trace();
    let late = Phone::at("192.0.2.9", 2);
    assert_eq!(
        bench.until(1000).receive(&late, &late.invite()).trace(),
        ["record: refused-busy 503, traced", "503 INVITE, Retry-After 7"]
    );
    bench.receive(&late, &late.request("ACK", 1));
    bench.until(29_000).receive(&phone, &phone.request("BYE", 2));
    assert_eq!(bench.trace(), ["200 BYE", "worker 0: Input(call 1, Ended)", "stopped"]);
}

#[test]
fn at_the_deadline_calls_are_ended_and_the_last_words_are_waited_for() {
    let mut bench = Bench::new(config(2));
    bench.talk(&mut Phone::at("192.0.2.9", 1), 1).stop().trace();
    assert_eq!(bench.until(29_999).trace(), [""; 0]);
    assert_eq!(bench.until(30_000).trace(), ["worker 0: Stop", "worker 1: Stop"]);
    // the call hangs up; the phone never answers its BYE
    assert_eq!(bench.command(1, Command::HangUp(16, "stopped")).trace(), ["BYE"]);
    assert_eq!(bench.until(31_999).trace(), ["BYE", "BYE"]);
    assert_eq!(bench.until(32_000).trace(), ["stopped"]);
}

#[test]
fn a_second_stop_ends_calls_at_once_and_a_third_does_not_prolong_it() {
    let mut bench = Bench::new(config(1));
    bench.talk(&mut Phone::at("192.0.2.9", 1), 1).stop().until(5000).trace();
    assert_eq!(bench.stop().trace(), ["worker 0: Stop"]);
    assert_eq!(bench.until(6000).stop().trace(), [""; 0]);
    assert_eq!(bench.until(7000).trace(), ["stopped"]);
}

#[test]
fn a_stop_waits_behind_a_full_inbox_and_is_not_lost() {
    let mut bench = Bench::new(config(1));
    bench.talk(&mut Phone::at("192.0.2.9", 1), 1).trace();
    bench.closed.insert(0, Undelivered::Full);
    bench.stop().stop();
    bench.closed.clear();
    assert_eq!(bench.until(20).trace(), ["worker 0: Stop"]);
}
