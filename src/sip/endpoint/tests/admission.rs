//! Full and draining: what gets 503, and what still works (RFC 3261 §21.5.4).

use std::time::Duration;

use super::*;
use crate::sip::endpoint::{Admission, CommandError, Outgoing};
use crate::sip::message::NameAddr;

/// The phone's INVITE as another call.
fn another(number: usize) -> String {
    Phone::new()
        .invite()
        .replace("Call-ID: trace", &format!("Call-ID: {number}"))
        .replace("z9hG4bK-1", &format!("z9hG4bK-n{number}"))
}

#[test]
fn draining_refuses_new_calls_and_health_checks_but_not_the_running_ones() {
    for admission in [
        Admission::Draining { retry_after: Duration::from_secs(30) },
        Admission::Full { retry_after: Duration::from_secs(30) },
    ] {
        let mut phone = Phone::new();
        let mut bench = Bench::talking(&mut phone);
        bench.endpoint.set_admission(admission);
        bench.receive(100, &another(2));
        assert_eq!(bench.response().headers.first("Retry-After"), Some("30"));
        bench.receive(110, &phone.request("OPTIONS")).receive(120, &phone.invite());
        let call = bench.call();
        bench.act(130, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
        assert_eq!(
            bench.trace(),
            ["100 → 503 INVITE", "110 → 200 OPTIONS", "120 → 100 INVITE", "120 · Offer", "130 → 200 INVITE"]
        );
        bench.receive(140, &phone.ack()).receive(150, &phone.request("BYE")).trace();
        let mut other = Phone::new();
        bench.receive(160, &other.request("OPTIONS").replace("trace", "health").replace("z9hG4bK-1", "z9hG4bK-h"));
        assert_eq!(bench.trace(), ["160 → 503 OPTIONS"]);
        bench.endpoint.set_admission(Admission::Open);
        bench.receive(170, &another(3));
        assert_eq!(bench.trace(), ["170 → 100 INVITE", "170 · Incoming"]);
    }
}

#[test]
fn calls_are_bounded() {
    let mut bench = Bench::with(Config { max_calls: 2, ..Config::default() });
    bench.receive(0, &another(1)).receive(0, &another(2)).receive(0, &another(3));
    assert_eq!(bench.trace()[4..], ["0 → 503 INVITE"]);
    assert_eq!(bench.response().headers.first("Retry-After"), Some("5"));
    let why = "2 calls are running, which is [limits] calls or what descriptors allow";
    assert_eq!(bench.refused, [(503, why.to_owned())]);
    let outgoing = Outgoing {
        flow: udp(),
        to: "sip:x@192.0.2.9".parse().unwrap(),
        from: NameAddr::parse("<sip:y@192.0.2.1>").unwrap(),
        asserted: None,
        offer: None,
        headers: Vec::new(),
    };
    assert_eq!(bench.act(0, |endpoint, now| endpoint.place(now, outgoing)), Err(CommandError::Full));
    assert_eq!(bench.endpoint.calls(), 2);
}

#[test]
fn transactions_are_bounded_and_running_calls_can_still_end() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking_with(Config { max_transactions: 16, ..Config::default() }, &mut phone);
    for number in 0..1000 {
        bench.receive(100, &another(number).replace("sip:0664806430@192.0.2.1 SIP", "sip:0@192.0.2.1 SIP"));
    }
    let trace = bench.trace();
    // half of the table, and the others without a place in it
    assert_eq!(trace.iter().filter(|line| line.ends_with("404 INVITE")).count(), 1000);
    assert_eq!(bench.endpoint.layer.agenda.len(), 8);
    for number in 0..20 {
        bench.receive(105, &another(2000 + number));
    }
    let trace = bench.trace();
    assert_eq!(trace.iter().filter(|line| line.ends_with("Incoming")).count(), 6);
    assert_eq!(trace.iter().filter(|line| line.ends_with("503 INVITE")).count(), 14);
    bench.receive(110, &phone.request("BYE"));
    assert_eq!(bench.trace(), ["110 → 200 BYE", "110 · Ended RemoteBye { reason: None }"]);
    bench.until(250_000).trace();
    assert!(bench.endpoint.layer.is_empty());
    bench.receive(250_000, &another(1));
    assert_eq!(bench.trace(), ["250000 → 100 INVITE", "250000 · Incoming"]);
}

#[test]
fn a_stateless_503_is_the_same_each_time_and_its_ack_is_passed_over() {
    let mut bench = Bench::with(Config { max_transactions: 0, ..Config::default() });
    let mut phone = Phone::new();
    let invite = phone.invite();
    bench.receive(0, &invite);
    let first = bench.response().clone();
    assert!(first.headers.to().unwrap().tag().is_some());
    bench.receive(500, &invite);
    assert_eq!(bench.response(), &first);
    bench.trace();
    bench.receive(510, &phone.same_branch("ACK"));
    assert_eq!(bench.trace(), [""; 0]);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn infos_that_wait_are_bounded() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    let sent = (0..100)
        .filter(|_| {
            bench.act(100, |endpoint, now| endpoint.send_info(now, call, "application/dtmf", vec![b'1'])).is_ok()
        })
        .count();
    assert_eq!(sent, 32);
}

#[test]
fn one_peer_leaves_transactions_to_others() {
    let mut bench = Bench::with(Config { max_transactions: 100, max_transactions_per_peer: 10, ..Config::default() });
    for number in 0..20 {
        bench.receive(0, &another(number));
    }
    let trace = bench.trace();
    assert_eq!(trace.iter().filter(|line| line.ends_with("Incoming")).count(), 10);
    assert_eq!(trace.iter().filter(|line| line.ends_with("503 INVITE")).count(), 10);
    assert!(bench.refused.iter().all(|(_, why)| why.contains("[limits] transactions_per_peer")), "{:?}", bench.refused);
    let other = Flow { remote: address("192.0.2.8:5060"), ..udp() };
    bench.receive_on(0, other, &another(30).replace("192.0.2.9:5060;branch", "192.0.2.8:5060;branch"));
    assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming"]);
}
