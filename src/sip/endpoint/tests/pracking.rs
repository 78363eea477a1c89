//! Reliable provisional responses (RFC 3262), ours and the far end's.

use super::*;
use crate::sip::endpoint::{CommandError, EndCause, Outgoing};

pub(super) const SUPPORTS: &str = "Supported: timer, 100rel";

/// An INVITE with this line that has come in at 0 ms.
pub(super) fn invited(phone: &mut Phone, line: &str) -> Bench {
    let mut bench = Bench::new();
    bench.flow = phone.flow;
    bench.receive(0, &with(&phone.invite(), line));
    bench.trace();
    bench
}

pub(super) fn progress(bench: &mut Bench, ms: u64, status: u16, sdp: Option<&str>) {
    let call = bench.call();
    bench.act(ms, |endpoint, now| endpoint.progress(now, call, status, sdp.map(str::to_owned))).unwrap();
}

/// The RSeq of the last response, which must be reliable.
pub(super) fn sequence(bench: &Bench) -> u32 {
    let headers = &bench.response().headers;
    assert_eq!(headers.first("Require"), Some("100rel"));
    headers.first("RSeq").unwrap().parse().unwrap()
}

/// The PRACK for `sequence`.
pub(super) fn prack(phone: &mut Phone, sequence: u32) -> String {
    with(&phone.request("PRACK"), &format!("RAck: {sequence} 1 INVITE"))
}

// as the one who is called

#[test]
fn a_180_is_sent_reliably_to_who_supports_or_requires_it() {
    for line in [SUPPORTS, "Require: 100rel", "k: 100REL"] {
        let mut phone = Phone::new();
        let mut bench = invited(&mut phone, line);
        progress(&mut bench, 10, 180, None);
        let first = sequence(&bench);
        assert!((1..1 << 31).contains(&first), "{first}");
        let response = bench.response().clone();
        assert_eq!(response.headers.first("Contact"), Some("<sip:0664806430@192.0.2.1:5060>"));
        assert!(response.headers.first("Allow").unwrap().contains("PRACK"));
        phone.hear(&response);
        bench.receive(20, &prack(&mut phone, first));
        let call = bench.call();
        bench.act(30, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
        assert_eq!(bench.response().body, OURS.as_bytes());
        bench.receive(40, &phone.ack()).until(60_000);
        assert_eq!(bench.trace(), ["10 → 180 INVITE", "20 → 200 PRACK", "30 → 200 INVITE", "40 · Confirmed"], "{line}");
    }
}

#[test]
fn who_says_nothing_of_it_gets_a_180_as_ever() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, "Supported: timer");
    progress(&mut bench, 10, 180, None);
    assert_eq!((bench.response().headers.first("RSeq"), bench.response().headers.first("Require")), (None, None));
    bench.until(30_000);
    assert_eq!(bench.trace(), ["10 → 180 INVITE"]);
    phone.hear(&bench.response().clone());
    bench.receive(30_000, &prack(&mut phone, 1));
    assert_eq!(bench.trace(), ["30000 → 481 PRACK"]);
}

#[test]
fn without_a_prack_it_is_repeated_at_doubling_intervals_and_the_call_gets_504_after_64_t1() {
    // on every transport: it is from end to end (RFC 3262 §3)
    for mut phone in [Phone::new(), Phone::over_tcp()] {
        let mut bench = invited(&mut phone, SUPPORTS);
        progress(&mut bench, 0, 180, None);
        let first = bench.response().clone();
        bench.until(31_999);
        let repetitions = [0, 500, 1500, 3500, 7500, 15_500, 31_500].map(|ms| format!("{ms} → 180 INVITE"));
        assert_eq!(bench.trace(), repetitions);
        assert_eq!(bench.response(), &first);
        bench.until(32_000);
        assert_eq!(bench.trace(), ["32000 → 504 INVITE", "32000 · Ended NoPrack"]);
        assert_eq!(bench.endpoint.calls(), 0);
        bench.receive(32_010, &phone.same_branch("ACK")).until(100_000);
        assert!(bench.endpoint.layer.is_empty() && bench.endpoint.dialogs.is_empty());
    }
}

#[test]
fn a_lost_prack_or_200_to_it_is_made_good() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, SUPPORTS);
    progress(&mut bench, 0, 183, Some(OURS));
    phone.hear(&bench.response().clone());
    let sequence = sequence(&bench);
    // the first PRACK never arrives; its repetition does, and its 200 is lost
    let prack = prack(&mut phone, sequence);
    bench.receive(700, &prack).receive(1200, &prack).until(20_000);
    assert_eq!(
        bench.trace(),
        ["0 → 183 INVITE", "500 → 183 INVITE", "700 → 200 PRACK", "700 · EarlyMedia", "1200 → 200 PRACK"]
    );
}

#[test]
fn a_prack_that_matches_nothing_gets_481_and_changes_nothing() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, SUPPORTS);
    progress(&mut bench, 0, 180, None);
    phone.hear(&bench.response().clone());
    let right = sequence(&bench);
    for (rack, status) in [
        (format!("{} 1 INVITE", right + 1), 481),
        (format!("{right} 2 INVITE"), 481),
        (format!("{right} 1 UPDATE"), 481),
        (format!("{right} INVITE"), 400),
        ("one 1 INVITE".to_owned(), 400),
        (format!("{right}"), 400),
    ] {
        bench.receive(100, &with(&phone.request("PRACK"), &format!("RAck: {rack}")));
        assert_eq!(bench.response().status, status, "{rack}");
    }
    bench.receive(100, &phone.request("PRACK"));
    assert_eq!(bench.response().status, 400, "without RAck");
    bench.trace();
    bench.receive(600, &prack(&mut phone, right)).receive(700, &prack(&mut phone, right)).until(20_000);
    assert_eq!(bench.trace(), ["500 → 180 INVITE", "600 → 200 PRACK", "700 → 481 PRACK"]);
}

#[test]
fn one_waits_for_the_other_and_counts_on() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, SUPPORTS);
    progress(&mut bench, 0, 180, None);
    phone.hear(&bench.response().clone());
    let first = sequence(&bench);
    progress(&mut bench, 10, 183, Some(OURS));
    assert_eq!(bench.trace(), ["0 → 180 INVITE"]);
    bench.receive(20, &prack(&mut phone, first));
    assert_eq!(sequence(&bench), first + 1);
    bench.receive(30, &prack(&mut phone, first + 1));
    assert_eq!(bench.trace(), ["20 → 200 PRACK", "20 → 183 INVITE", "30 → 200 PRACK", "30 · EarlyMedia"]);
}

#[test]
fn an_answer_waits_for_the_prack_of_a_session_description_and_repeats_none() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, SUPPORTS);
    progress(&mut bench, 0, 183, Some(OURS));
    phone.hear(&bench.response().clone());
    let (call, sequence) = (bench.call(), sequence(&bench));
    bench.act(10, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    let again = bench.act(11, |endpoint, now| endpoint.answer(now, call, OURS.to_owned()));
    assert_eq!(again, Err(CommandError::WrongState));
    bench.receive(600, &prack(&mut phone, sequence));
    assert!(bench.response().body.is_empty(), "offer and answer are settled");
    bench.receive(610, &phone.ack()).until(60_000);
    assert_eq!(
        bench.trace(),
        [
            "0 → 183 INVITE",
            "500 → 183 INVITE",
            "600 → 200 PRACK",
            "600 · EarlyMedia",
            "600 → 200 INVITE",
            "610 · Confirmed"
        ]
    );
    // a later INVITE is answered as ever
    bench.receive(60_000, &phone.invite());
    bench.act(60_000, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
    assert_eq!(bench.response().body, OURS.as_bytes());
}

#[test]
fn an_answer_need_not_wait_for_the_prack_of_a_180_which_may_come_later() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, SUPPORTS);
    progress(&mut bench, 0, 180, None);
    phone.hear(&bench.response().clone());
    let (call, sequence) = (bench.call(), sequence(&bench));
    bench.act(10, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    bench.receive(20, &prack(&mut phone, sequence)).receive(30, &phone.ack()).until(60_000);
    let expected = ["0 → 180 INVITE", "10 → 200 INVITE", "20 → 200 PRACK", "30 · Confirmed"];
    assert_eq!(bench.trace(), expected);
}

#[test]
fn our_offer_in_a_183_is_answered_in_the_prack() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &with(&phone.request("INVITE"), SUPPORTS));
    progress(&mut bench, 10, 183, Some(OURS));
    phone.hear(&bench.response().clone());
    let (call, sequence) = (bench.call(), sequence(&bench));
    bench.receive(20, &prack(&mut phone, sequence));
    assert_eq!(bench.response().status, 400, "the answer is missing");
    let right = prack(&mut phone, sequence);
    bench.receive(30, &with_body(&right, "application/sdp", SDP));
    assert_eq!(bench.events.last(), Some(&Event::EarlyMedia { call, answer: Some(SDP.as_bytes().to_vec()) }));
    bench.act(40, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    assert!(bench.response().body.is_empty(), "another offer would begin anew");
}

#[test]
fn where_nothing_was_offered_the_first_reliable_response_has_to_offer() {
    for (line, sent) in [(SUPPORTS, vec!["10 → 180 INVITE"]), ("Require: 100rel", vec![])] {
        let mut phone = Phone::new();
        let mut bench = Bench::new();
        bench.receive(0, &with(&phone.request("INVITE"), line)).trace();
        progress(&mut bench, 10, 180, None);
        assert_eq!(bench.trace(), sent, "{line}");
        assert!(bench.response().headers.first("RSeq").is_none());
    }
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &phone.request("INVITE"));
    let call = bench.call();
    let offer = bench.act(10, |endpoint, now| endpoint.progress(now, call, 183, Some(OURS.to_owned())));
    assert_eq!(offer, Err(CommandError::WrongState), "an offer that may get lost is none");
}

#[test]
fn an_offer_in_the_prack_is_the_applications_to_answer() {
    for (answer, status) in [(Ok(OURS.to_owned()), 200), (Err(488), 488)] {
        let mut phone = Phone::new();
        let mut bench = invited(&mut phone, SUPPORTS);
        progress(&mut bench, 0, 183, Some(OURS));
        phone.hear(&bench.response().clone());
        let (call, sequence) = (bench.call(), sequence(&bench));
        let prack = prack(&mut phone, sequence);
        bench.receive(20, &with_body(&prack, "application/sdp", SDP));
        assert_eq!(bench.trace(), ["0 → 183 INVITE", "20 · EarlyMedia", "20 · Offer"]);
        bench.act(30, |endpoint, now| endpoint.respond_offer(now, call, answer.clone())).unwrap();
        assert_eq!(bench.response().body.is_empty(), answer.is_err());
        bench.until(10_000);
        assert_eq!(bench.trace(), [format!("30 → {status} PRACK")], "acknowledged all the same");
        assert_eq!(bench.endpoint.calls(), 1);
    }
}

#[test]
fn an_offer_in_a_prack_too_early_is_refused() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, SUPPORTS);
    progress(&mut bench, 0, 180, None);
    phone.hear(&bench.response().clone());
    let sequence = sequence(&bench);
    let prack = prack(&mut phone, sequence);
    bench.receive(20, &with_body(&prack, "application/sdp", SDP));
    assert_eq!(bench.response().status, 400, "the INVITE's own offer is not answered yet");
}

#[test]
fn early_media_without_100rel_flows_at_once() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, "Subject: none");
    progress(&mut bench, 10, 183, Some(OURS));
    let call = bench.call();
    let rejection = crate::sip::endpoint::Rejection::new(433);
    bench.act(5000, |endpoint, now| endpoint.reject(now, call, rejection)).unwrap();
    let ended = "5000 · Ended Rejected { status: 433 }";
    assert_eq!(bench.trace(), ["10 → 183 INVITE", "10 · EarlyMedia", "5000 → 433 INVITE", ended]);
}

#[test]
fn a_cancel_while_a_prack_is_waited_for_ends_the_call() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, SUPPORTS);
    progress(&mut bench, 0, 183, Some(OURS));
    bench.receive(100, &phone.same_branch("CANCEL"));
    bench.receive(110, &phone.same_branch("ACK")).until(100_000);
    let ended = "100 · Ended Cancelled { reason: None }";
    assert_eq!(bench.trace(), ["0 → 183 INVITE", "100 → 200 CANCEL", "100 → 487 INVITE", ended]);
    assert!(bench.endpoint.layer.is_empty());
}

// as the one who calls

fn place(bench: &mut Bench, offer: Option<&str>) -> (CallHandle, Request) {
    let outgoing = Outgoing { offer: offer.map(str::to_owned), ..placing::outgoing() };
    let call = bench.act(0, |endpoint, now| endpoint.place(now, outgoing)).unwrap();
    (call, bench.request().clone())
}

fn reliable(invite: &Request, status: u16, sequence: u32, tag: &str, body: &str) -> String {
    let response = Phone::new().respond(invite, status, &format!("Require: 100rel\r\nRSeq: {sequence}"));
    let response = response.replace("tag=phone", &format!("tag={tag}"));
    if body.is_empty() { response } else { with_body(&response, "application/sdp", body) }
}

#[test]
fn a_reliable_response_is_acknowledged_once_and_told_once() {
    let mut bench = Bench::new();
    let (_, invite) = place(&mut bench, Some(SDP));
    let ringing = reliable(&invite, 180, 9021, "a", "");
    bench.receive(100, &ringing);
    let prack = bench.request().clone();
    assert_eq!(prack.headers.first("RAck"), Some("9021 1 INVITE"));
    assert_eq!((prack.headers.first("CSeq"), prack.headers.to().unwrap().tag()), (Some("2 PRACK"), Some("a")));
    assert_eq!(prack.uri.to_string(), "sip:0600001111@192.0.2.9:5060", "the remote target");
    // its repetition, and what skips one, are passed over (RFC 3262 §4)
    bench.receive(150, &Phone::new().respond(&prack, 200, ""));
    bench.receive(600, &ringing).receive(610, &reliable(&invite, 183, 9023, "a", ""));
    assert_eq!(bench.trace(), ["0 → INVITE", "100 → PRACK", "100 · Progress 180"]);
    bench.receive(700, &reliable(&invite, 183, 9022, "a", OURS));
    assert_eq!(bench.request().headers.first("RAck"), Some("9022 1 INVITE"));
    assert_eq!(bench.trace(), ["700 → PRACK", "700 · Progress 183"]);
}

#[test]
fn a_lost_prack_is_repeated_by_its_transaction() {
    let mut bench = Bench::new();
    let (_, invite) = place(&mut bench, Some(SDP));
    bench.receive(100, &reliable(&invite, 180, 1, "a", "")).until(4000);
    assert_eq!(
        bench.trace(),
        ["0 → INVITE", "100 → PRACK", "100 · Progress 180", "600 → PRACK", "1600 → PRACK", "3600 → PRACK"]
    );
}

#[test]
fn the_first_description_is_the_answer_and_numbers_go_on_after_the_prack() {
    let mut bench = Bench::new();
    let (call, invite) = place(&mut bench, Some(SDP));
    bench.receive(100, &reliable(&invite, 183, 1, "a", OURS));
    bench.receive(200, &Phone::new().respond(&invite, 200, "").replace("tag=phone", "tag=a"));
    assert_eq!(bench.request().headers.first("CSeq"), Some("1 ACK"));
    assert_eq!(bench.events.last(), Some(&Event::Accepted { call, answer: OURS.as_bytes().to_vec() }));
    bench.act(300, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert_eq!(bench.request().headers.first("CSeq"), Some("3 BYE"), "2 was the PRACK's");
}

#[test]
fn forks_are_acknowledged_apart() {
    let mut bench = Bench::new();
    let (_, invite) = place(&mut bench, Some(SDP));
    bench.receive(100, &reliable(&invite, 180, 5, "a", "")).receive(110, &reliable(&invite, 180, 77, "b", ""));
    assert_eq!(bench.request().headers.first("RAck"), Some("77 1 INVITE"));
    let from = |tag: &str| Phone::new().respond(&invite, 200, "").replace("tag=phone", &format!("tag={tag}"));
    bench.receive(200, &from("a")).receive(210, &from("b"));
    assert_eq!(
        bench.trace(),
        [
            "0 → INVITE",
            "100 → PRACK",
            "100 · Progress 180",
            "110 → PRACK",
            "110 · Progress 180",
            "200 → ACK",
            "200 · Accepted",
            "210 → ACK",
            "210 → BYE"
        ]
    );
    assert_eq!(bench.request().headers.first("CSeq"), Some("3 BYE"), "in order behind that fork's PRACK");
}

#[test]
fn early_dialogs_without_end_are_not_kept() {
    let mut bench = Bench::new();
    let (_, invite) = place(&mut bench, Some(SDP));
    for fork in 0..50 {
        bench.receive(100, &reliable(&invite, 180, 1, &format!("f{fork}"), ""));
    }
    assert_eq!(bench.trace().iter().filter(|line| line.ends_with("→ PRACK")).count(), 8);
}

#[test]
fn an_offer_in_a_reliable_response_is_answered_in_the_prack() {
    let mut bench = Bench::new();
    let (call, invite) = place(&mut bench, None);
    bench.receive(100, &reliable(&invite, 183, 1, "a", OURS));
    assert_eq!(bench.trace(), ["0 → INVITE", "100 · Progress 183"]);
    bench.act(150, |endpoint, now| endpoint.answer(now, call, SDP.to_owned())).unwrap();
    assert_eq!(
        (bench.request().headers.first("RAck"), bench.request().body.as_slice()),
        (Some("1 1 INVITE"), SDP.as_bytes())
    );
    bench.receive(200, &Phone::new().respond(&invite, 200, "").replace("tag=phone", "tag=a"));
    assert!(bench.request().body.is_empty());
    assert_eq!(bench.trace(), ["150 → PRACK", "200 → ACK", "200 · Accepted"]);
    assert_eq!(bench.events.last(), Some(&Event::Accepted { call, answer: vec![] }));
}

#[test]
fn a_2xx_that_is_never_to_be_acknowledged_is_not() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    let (call, invite) = place(&mut bench, Some(SDP));
    bench.act(0, |endpoint, _| endpoint.withhold_ack(call)).unwrap();
    let ok = with_body(&phone.respond(&invite, 200, ""), "application/sdp", OURS);
    bench.receive(100, &ok).receive(600, &ok).receive(1600, &ok);
    assert_eq!(bench.trace(), ["0 → INVITE", "100 · Accepted"]);
    phone.to_tag = invite.headers.from().unwrap().tag().map(str::to_owned);
    let bye = phone.request("BYE").replace("trace@192.0.2.9", invite.headers.call_id().unwrap());
    bench.receive(32_100, &bye);
    assert_eq!(bench.events.last(), Some(&Event::Ended { call, cause: EndCause::RemoteBye { reason: None } }));
    bench.receive(32_200, &ok);
    assert_eq!(bench.trace()[2..], [""; 0], "nor afterwards");
}
