//! What is refused, dropped or put off when there is no room.

use super::*;

#[test]
fn a_full_inbox_refuses_a_new_call_and_says_when_to_come_again() {
    let mut bench = Bench::new(config(1));
    bench.closed.insert(0, Undelivered::Full);
    let phone = Phone::at("192.0.2.9", 1);
    bench.receive(&phone, &phone.invite());
    assert_eq!(bench.trace(), ["record: refused-busy 503, traced", "503 INVITE, Retry-After 7"]);
    // a moment later there is room
    bench.closed.clear();
    let again = Phone::at("192.0.2.9", 2);
    bench.until(10).receive(&again, &again.invite());
    assert_eq!(bench.trace(), ["worker 0: Incoming(call 2)"]);
}

#[test]
fn behind_a_full_inbox_info_is_dropped_and_the_others_wait_in_order() {
    let mut bench = Bench::new(config(1));
    let mut phone = Phone::at("192.0.2.9", 1);
    bench.receive(&phone, &phone.invite()).command(1, Command::Answer(SDP.to_owned())).trace();
    phone.tag = bench.responses.last().unwrap().headers.to().unwrap().tag().map(str::to_owned);
    bench.closed.insert(0, Undelivered::Full);
    bench.receive(&phone, &phone.request("ACK", 1)).receive(&phone, &phone.info(2));
    bench.receive(&phone, &phone.request("BYE", 3));
    assert_eq!(bench.trace(), ["200 INFO", "200 BYE"]);
    // still full: tried again, and kept
    assert_eq!(bench.until(25).trace(), [""; 0]);
    bench.closed.clear();
    assert_eq!(bench.until(50).trace(), ["worker 0: Input(call 1, Confirmed)", "worker 0: Input(call 1, Ended)"]);
}

#[test]
fn a_peer_at_its_limit_is_told_when_to_come_again_and_others_are_served() {
    let peers = PeerLimits { calls: 1, invites_per_second: 100.0 };
    let mut bench = Bench::new(Config { peers, ..config(1) });
    for (ip, call) in [("192.0.2.9", 1), ("192.0.2.9", 2), ("192.0.2.8", 3)] {
        let phone = Phone::at(ip, call);
        bench.receive(&phone, &phone.invite());
    }
    assert_eq!(
        bench.trace(),
        [
            "worker 0: Incoming(call 1)",
            "record: refused-busy 503, traced",
            "503 INVITE, Retry-After 7",
            "worker 0: Incoming(call 3)",
        ]
    );
    let first = Phone::at("192.0.2.9", 1);
    bench.receive(&first, &first.request("CANCEL", 1)).trace();
    let again = Phone::at("192.0.2.9", 4);
    assert_eq!(bench.receive(&again, &again.invite()).trace(), ["worker 0: Incoming(call 4)"]);
}

#[test]
fn a_line_has_so_many_calls_at_once_and_another_when_one_of_them_is_over() {
    let mut bench = Bench::new(Config { calls_per_line: 2, ..config(1) });
    let phones = [1, 2, 3].map(|call| Phone::at("192.0.2.9", call));
    phones.iter().for_each(|phone| {
        bench.receive(phone, &phone.invite());
    });
    assert_eq!(
        bench.trace(),
        [
            "worker 0: Incoming(call 1)",
            "worker 0: Incoming(call 2)",
            "record: refused-line-busy 486, traced",
            "486 INVITE"
        ]
    );
    assert!(bench.detail.as_ref().is_some_and(|why| why.contains("[limits] calls_per_line")), "{:?}", bench.detail);
    // another line through the same peer
    let other = Phone::at("192.0.2.9", 4);
    bench.receive(&other, &other.invite().replace("From: <sip:0600001111", "From: <sip:0600002222"));
    bench.receive(&phones[0], &phones[0].request("CANCEL", 1)).trace();
    let again = Phone::at("192.0.2.9", 5);
    assert_eq!(bench.receive(&again, &again.invite()).trace(), ["worker 0: Incoming(call 5)"]);
}
