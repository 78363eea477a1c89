//! Placing calls (RFC 3261 §9.1, §13.2): progress, answers, forks, refusals, and giving up.

use std::time::Duration;

use super::*;
use crate::sip::endpoint::{EndCause, Outgoing};
use crate::sip::message::NameAddr;

pub(super) fn outgoing() -> Outgoing {
    Outgoing {
        flow: udp(),
        to: "sip:0664806430@192.0.2.9".parse().unwrap(),
        from: NameAddr::parse("\"Test\" <sip:0600001111@192.0.2.1>").unwrap(),
        asserted: NameAddr::parse("<sip:0600001111@ntt-west.ne.jp>"),
        offer: Some(SDP.to_owned()),
        headers: vec![("P-Called-Party-ID".to_owned(), "<sip:0664806430@192.0.2.9>".to_owned())],
    }
}

fn place(bench: &mut Bench) -> (CallHandle, Request) {
    let call = bench.act(0, |endpoint, now| endpoint.place(now, outgoing())).unwrap();
    (call, bench.request().clone())
}

/// A response with this To tag.
fn from_fork(invite: &Request, status: u16, tag: &str) -> String {
    Phone::new().respond(invite, status, "").replace("tag=phone", &format!("tag={tag}"))
}

#[test]
fn the_invite() {
    let (_, invite) = place(&mut Bench::new());
    assert_eq!(invite.uri.to_string(), "sip:0664806430@192.0.2.9");
    for (name, value) in [
        ("Max-Forwards", "70"),
        ("To", "<sip:0664806430@192.0.2.9>"),
        ("CSeq", "1 INVITE"),
        ("Contact", "<sip:0600001111@192.0.2.1:5060>"),
        ("Supported", "timer, 100rel"),
        ("P-Asserted-Identity", "<sip:0600001111@ntt-west.ne.jp>"),
        ("P-Called-Party-ID", "<sip:0664806430@192.0.2.9>"),
        ("Content-Type", "application/sdp"),
    ] {
        assert_eq!(invite.headers.first(name), Some(value), "{name}");
    }
    let via = invite.headers.top_via().unwrap();
    assert!(via.unique_branch().is_some() && via.wants_rport());
    assert!(invite.headers.from().unwrap().tag().is_some_and(|tag| tag.len() >= 8));
    assert_eq!(invite.body, SDP.as_bytes());
}

#[test]
fn seeds_make_the_difference() {
    let branch = |seed| {
        let mut endpoint = Endpoint::new(Config::default(), seed);
        endpoint.place(Time::ZERO, outgoing()).unwrap();
        let Output::Transmit(transmit) = endpoint.poll_output() else { panic!() };
        transmit.bytes
    };
    assert_eq!(branch(1), branch(1));
    assert_ne!(branch(1), branch(2));
}

#[test]
fn progress_answer_and_a_repeated_answer() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    let (call, invite) = place(&mut bench);
    bench.receive(100, &phone.respond(&invite, 100, "")).receive(200, &phone.respond(&invite, 183, ""));
    let answer = with_body(&phone.respond(&invite, 200, "Record-Route: <sip:192.0.2.77;lr>"), "application/sdp", OURS);
    bench.receive(300, &answer);
    let (flow, ack) = (bench.last_flow(), bench.request().clone());
    assert_eq!(ack.uri.to_string(), "sip:0600001111@192.0.2.9:5060");
    assert_eq!((ack.headers.first("Route"), flow.remote), (Some("<sip:192.0.2.77;lr>"), address("192.0.2.77:5060")));
    assert_eq!(bench.events.last(), Some(&Event::Accepted { call, answer: OURS.as_bytes().to_vec() }));
    bench.receive(800, &answer);
    assert_eq!(bench.trace(), ["0 → INVITE", "200 · Progress 183", "300 → ACK", "300 · Accepted", "800 → ACK"]);
    phone.to_tag = ack.headers.from().unwrap().tag().map(str::to_owned);
    let call_id = ack.headers.call_id().unwrap().to_owned();
    bench.receive(900, &phone.request("BYE").replace("trace@192.0.2.9", &call_id));
    assert_eq!(bench.trace(), ["900 → 200 BYE", "900 · Ended RemoteBye { reason: None }"]);
    // the 200 comes once more, since an ACK was lost
    bench.receive(1800, &answer);
    assert_eq!(bench.trace(), ["1800 → ACK"]);
}

#[test]
fn another_fork_that_answers_as_well_is_hung_up_on() {
    let mut bench = Bench::new();
    let (_, invite) = place(&mut bench);
    bench.receive(100, &from_fork(&invite, 200, "first")).receive(110, &from_fork(&invite, 200, "second"));
    assert_eq!(bench.trace(), ["0 → INVITE", "100 → ACK", "100 · Accepted", "110 → ACK", "110 → BYE"]);
    assert_eq!(bench.request().headers.to().unwrap().tag(), Some("second"));
    bench.receive(600, &from_fork(&invite, 200, "second"));
    assert_eq!(bench.trace()[0], "600 → ACK");
    assert_eq!((bench.request().headers.to().unwrap().tag(), bench.endpoint.calls()), (Some("second"), 1));
}

#[test]
fn forks_without_end_are_not_kept() {
    let mut bench = Bench::new();
    let (_, invite) = place(&mut bench);
    for fork in 0..50 {
        bench.receive(100, &from_fork(&invite, 200, &fork.to_string()));
    }
    let byes = bench.trace().iter().filter(|line| line.ends_with("→ BYE")).count();
    assert_eq!(byes, 7);
}

#[test]
fn a_refusal_is_acknowledged_as_often_as_it_comes_and_told_once() {
    let phone = Phone::new();
    let mut bench = Bench::new();
    let (call, invite) = place(&mut bench);
    let refusal = phone.respond(&invite, 503, "Retry-After: 120 (maintenance);duration=10");
    bench.receive(100, &refusal);
    let ack = bench.request().clone();
    assert_eq!(ack.headers.top_via(), invite.headers.top_via());
    assert_eq!((ack.uri.to_string(), ack.headers.first("CSeq")), (invite.uri.to_string(), Some("1 ACK")));
    assert_eq!(ack.headers.to().unwrap().tag(), Some("phone"));
    assert!(ack.body.is_empty() && !ack.headers.contains("Content-Type"));
    bench.receive(600, &refusal);
    assert_eq!(
        bench.trace(),
        ["0 → INVITE", "100 → ACK", "100 · Rejected 503", "100 · Ended Rejected { status: 503 }", "600 → ACK"]
    );
    let retry_after = Some(Duration::from_secs(120));
    let reason = "Service Unavailable".to_owned();
    assert_eq!(bench.events[0], Event::Rejected { call, status: 503, reason, retry_after });
    bench.until(100_000);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn giving_up_sends_cancel_once_there_was_a_response() {
    let phone = Phone::new();
    let mut bench = Bench::new();
    let (call, invite) = place(&mut bench);
    bench.act(50, |endpoint, now| endpoint.hang_up(now, call, Some((16, "enough")))).unwrap();
    assert_eq!(bench.trace(), ["0 → INVITE"]);
    bench.receive(100, &phone.respond(&invite, 100, ""));
    let cancel = bench.request().clone();
    assert_eq!(cancel.headers.top_via(), invite.headers.top_via());
    assert_eq!((cancel.uri.to_string(), cancel.headers.first("CSeq")), (invite.uri.to_string(), Some("1 CANCEL")));
    assert_eq!(cancel.headers.first("To"), invite.headers.first("To"));
    assert_eq!(cancel.headers.first("Reason"), Some("Q.850;cause=16;text=\"enough\""));
    bench.receive(110, &phone.respond(&cancel, 200, "")).receive(120, &phone.respond(&invite, 487, ""));
    let ended = "120 · Ended Cancelled { reason: Some(\"Q.850;cause=16;text=\\\"enough\\\"\") }";
    assert_eq!(bench.trace(), ["100 → CANCEL", "120 → ACK", ended]);
    bench.until(100_000);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn an_answer_that_crosses_the_cancel_is_hung_up_on() {
    let phone = Phone::new();
    let mut bench = Bench::new();
    let (call, invite) = place(&mut bench);
    bench.receive(100, &phone.respond(&invite, 180, ""));
    bench.act(150, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    let cancel = bench.request().clone();
    bench.receive(155, &phone.respond(&invite, 200, "")).receive(160, &phone.respond(&cancel, 481, ""));
    assert_eq!(bench.trace()[2..], ["150 → CANCEL", "155 → ACK", "155 → BYE"]);
    let bye = bench.request().clone();
    bench.receive(170, &phone.respond(&bye, 200, ""));
    assert_eq!(bench.trace(), ["170 · Ended LocalBye"]);
}

#[test]
fn a_cancel_that_leads_to_nothing_ends_after_64_t1() {
    let phone = Phone::new();
    let mut bench = Bench::new();
    let (call, invite) = place(&mut bench);
    bench.receive(100, &phone.respond(&invite, 180, ""));
    bench.act(150, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    let cancel = bench.request().clone();
    bench.receive(160, &phone.respond(&cancel, 200, "")).until(100_000);
    assert_eq!(bench.trace().last().unwrap(), "32150 · Ended Cancelled { reason: None }");
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn a_call_that_rings_for_ever_is_cancelled() {
    let phone = Phone::new();
    let mut bench = Bench::new();
    let (_, invite) = place(&mut bench);
    bench.receive(100, &phone.respond(&invite, 180, "")).until(180_000);
    assert_eq!(bench.trace().last().unwrap(), "180000 → CANCEL");
    bench.receive(180_010, &phone.respond(&invite, 487, ""));
    assert_eq!(bench.trace(), ["180010 → ACK", "180010 · Ended TimedOut"]);
}

#[test]
fn a_response_for_someone_else_is_passed_over() {
    let phone = Phone::new();
    let mut bench = Bench::new();
    let (_, invite) = place(&mut bench);
    let two_vias = with(&phone.respond(&invite, 200, ""), "Via: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bKx");
    let other = phone.respond(&invite, 200, "").replace("branch=z9hG4bK", "branch=z9hG4bKx");
    bench.receive(100, &two_vias).receive(110, &other);
    assert_eq!(bench.trace(), ["0 → INVITE"]);
}

#[test]
fn a_late_offer_that_is_never_answered_is_acknowledged_before_the_bye() {
    let phone = Phone::new();
    let mut bench = Bench::new();
    let call = bench.act(0, |endpoint, now| endpoint.place(now, Outgoing { offer: None, ..outgoing() })).unwrap();
    let invite = bench.request().clone();
    bench.receive(100, &with_body(&phone.respond(&invite, 200, ""), "application/sdp", OURS));
    bench.act(200, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert_eq!(bench.trace(), ["0 → INVITE", "100 · Accepted", "200 → ACK", "200 → BYE"]);
    let bye = bench.request().clone();
    bench.receive(210, &phone.respond(&bye, 200, ""));
    assert_eq!(bench.events.last(), Some(&Event::Ended { call, cause: EndCause::LocalBye }));
}
