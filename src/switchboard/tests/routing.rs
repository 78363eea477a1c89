//! Which worker gets a call, and what becomes of the calls of one that is gone.

use super::*;

#[test]
fn the_worker_with_the_fewest_calls_gets_the_call() {
    let mut bench = Bench::new(config(2));
    for call in 1..=3 {
        let phone = Phone::at("192.0.2.9", call);
        bench.receive(&phone, &phone.invite());
    }
    assert_eq!(
        bench.trace(),
        ["worker 0: Incoming(call 1)", "worker 1: Incoming(call 2)", "worker 0: Incoming(call 3)"]
    );
    // the second worker's call is over: it has none, the first has two
    let second = Phone::at("192.0.2.9", 2);
    bench.receive(&second, &second.request("CANCEL", 1));
    assert_eq!(bench.trace(), ["200 CANCEL", "487 INVITE", "worker 1: Input(call 2, Ended)"]);
    for call in 4..=5 {
        let phone = Phone::at("192.0.2.9", call);
        bench.receive(&phone, &phone.invite());
    }
    assert_eq!(bench.trace(), ["worker 1: Incoming(call 4)", "worker 1: Incoming(call 5)"]);
}

#[test]
fn what_happens_to_a_call_goes_to_the_worker_that_has_it() {
    let mut bench = Bench::new(Config { rings: true, ..config(2) });
    let mut phones = [1, 2].map(|call| Phone::at("192.0.2.9", call));
    for (call, phone) in (1..).zip(&mut phones) {
        bench.talk(phone, call);
    }
    bench.receive(&phones[1], &phones[1].info(2)).receive(&phones[1], &phones[1].request("BYE", 3));
    assert_eq!(
        bench.trace(),
        [
            "worker 0: Incoming(call 1)",
            "180 INVITE",
            "200 INVITE",
            "worker 0: Input(call 1, Confirmed)",
            "worker 1: Incoming(call 2)",
            "180 INVITE",
            "200 INVITE",
            "worker 1: Input(call 2, Confirmed)",
            "worker 1: Input(call 2, Info)",
            "200 INFO",
            "200 BYE",
            "worker 1: Input(call 2, Ended)",
        ]
    );
}

#[test]
fn the_calls_of_a_worker_that_is_gone_end_and_new_ones_go_elsewhere() {
    let mut bench = Bench::new(config(2));
    let mut first = Phone::at("192.0.2.9", 1);
    bench.talk(&mut first, 1).trace();
    bench.closed.insert(0, Undelivered::Gone);
    // the worker's end is noticed by the next message for it
    bench.receive(&first, &first.info(2));
    assert_eq!(bench.trace(), ["200 INFO", "record: lost 0", "BYE"]);
    for call in 2..=3 {
        let phone = Phone::at("192.0.2.9", call);
        bench.receive(&phone, &phone.invite());
    }
    assert_eq!(bench.trace(), ["worker 1: Incoming(call 2)", "worker 1: Incoming(call 3)"]);
    // and when none is left
    bench.closed.insert(1, Undelivered::Gone);
    let last = Phone::at("192.0.2.9", 4);
    bench.receive(&last, &last.invite());
    assert_eq!(
        bench.trace(),
        [
            "record: refused-busy 503, traced",
            "record: lost 0",
            "record: lost 0",
            "503 INVITE, Retry-After 7",
            "480 INVITE",
            "480 INVITE",
        ]
    );
    let late = Phone::at("192.0.2.9", 5);
    bench.receive(&late, &late.invite());
    assert_eq!(bench.trace(), ["record: refused-busy 503, traced", "503 INVITE, Retry-After 7"]);
}
