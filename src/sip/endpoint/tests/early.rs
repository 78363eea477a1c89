//! Before the final response: UPDATE in the early dialogs of our INVITE (RFC 3311), and PRACKs that come after it (RFC 3262 §3).

use super::*;
use crate::sip::endpoint::{EndCause, Outgoing, Rejection};

/// A call that we have placed, with an offer or without.
fn placed(offer: Option<&str>) -> (Bench, CallHandle, Request) {
    let mut bench = Bench::new();
    let outgoing = Outgoing { offer: offer.map(str::to_owned), ..placing::outgoing() };
    let call = bench.act(0, |endpoint, now| endpoint.place(now, outgoing)).unwrap();
    let invite = bench.request().clone();
    bench.trace();
    (bench, call, invite)
}

/// Who is called, as the fork with this tag.
struct Fork {
    phone: Phone,
    invite: Request,
    tag: &'static str,
}

impl Fork {
    fn new(invite: &Request, tag: &'static str) -> Fork {
        let to_tag = invite.headers.from().unwrap().tag().map(str::to_owned);
        Fork {
            phone: Phone { to_tag, via: format!("SIP/2.0/UDP {tag}.example"), ..Phone::new() },
            invite: invite.clone(),
            tag,
        }
    }

    fn respond(&self, status: u16, extra: &str, body: &str) -> String {
        let response = self.phone.respond(&self.invite, status, extra);
        let response = response.replace("tag=phone", &format!("tag={}", self.tag));
        if body.is_empty() { response } else { with_body(&response, "application/sdp", body) }
    }

    fn reliable(&self, status: u16, sequence: u32, body: &str) -> String {
        self.respond(status, &format!("Require: 100rel\r\nRSeq: {sequence}"), body)
    }

    fn request(&mut self, method: &str, body: &str) -> String {
        let request = self.phone.request(method).replace("tag=phone", &format!("tag={}", self.tag));
        let request = request.replace("trace@192.0.2.9", self.invite.headers.call_id().unwrap());
        if body.is_empty() { request } else { with_body(&request, "application/sdp", body) }
    }
}

#[test]
fn an_update_once_our_offer_is_answered_is_the_applications_and_then_what_is_agreed_on() {
    let (mut bench, call, invite) = placed(Some(SDP));
    let mut fork = Fork::new(&invite, "a");
    bench.receive(100, &fork.reliable(183, 1, OURS)).receive(200, &fork.request("UPDATE", OURS));
    // others before that one is answered, with an offer and without
    bench.receive(210, &fork.request("UPDATE", OURS));
    assert!(bench.response().headers.contains("Retry-After"), "RFC 3311 §5.2");
    bench.receive(220, &fork.request("UPDATE", ""));
    bench.act(250, |endpoint, now| endpoint.respond_offer(now, call, Ok(SDP.to_owned()))).unwrap();
    assert_eq!(bench.response().body, SDP.as_bytes());
    assert_eq!(bench.response().headers.to().unwrap().tag(), invite.headers.from().unwrap().tag());
    bench.receive(300, &fork.respond(200, "", ""));
    let expected = [
        "100 → PRACK",
        "100 · Progress 183",
        "200 · Offer",
        "210 → 500 UPDATE",
        "220 → 500 UPDATE",
        "250 → 200 UPDATE",
        "300 → ACK",
        "300 · Accepted",
    ];
    assert_eq!(bench.trace(), expected);
    assert_eq!(bench.events.last(), Some(&Event::Accepted { call, answer: vec![] }), "the first answer is outdated");
    // the sequence numbers of the far end go on from there
    bench.receive(400, &fork.request("BYE", ""));
    assert_eq!(bench.trace(), ["400 → 200 BYE", "400 · Ended RemoteBye { reason: None }"]);
    assert!(bench.endpoint.dialogs.is_empty());
}

#[test]
fn an_update_before_our_offer_is_answered_meets_it_and_a_refresh_moves_the_target() {
    let (mut bench, _, invite) = placed(Some(SDP));
    let mut fork = Fork::new(&invite, "a");
    // neither response answers the offer: a description that may get lost is not the answer (RFC 6337 §3.1.1)
    bench.receive(100, &fork.respond(183, "", OURS)).receive(110, &fork.reliable(180, 1, ""));
    bench.receive(200, &fork.request("UPDATE", OURS));
    bench
        .receive(210, &fork.request("UPDATE", "").replace("<sip:0600001111@192.0.2.9:5060>", "<sip:moved@192.0.2.77>"));
    assert!(bench.response().headers.first("Contact").is_some());
    bench.receive(220, &fork.reliable(180, 2, ""));
    assert_eq!(bench.request().uri.to_string(), "sip:moved@192.0.2.77");
    let expected = [
        "100 · Progress 183",
        "110 → PRACK",
        "110 · Progress 180",
        "200 → 491 UPDATE",
        "210 → 200 UPDATE",
        "220 → PRACK",
        "220 · Progress 180",
    ];
    assert_eq!(bench.trace(), expected);
}

#[test]
fn an_update_while_the_far_ends_offer_waits_for_our_prack_is_to_come_again() {
    let (mut bench, call, invite) = placed(None);
    let mut fork = Fork::new(&invite, "a");
    bench.receive(100, &fork.reliable(183, 1, OURS)).receive(110, &fork.request("UPDATE", OURS));
    assert!(bench.response().status == 500 && bench.response().headers.contains("Retry-After"));
    bench.act(150, |endpoint, now| endpoint.answer(now, call, SDP.to_owned())).unwrap();
    bench.receive(200, &fork.request("UPDATE", OURS));
    bench.act(210, |endpoint, now| endpoint.respond_offer(now, call, Err(488))).unwrap();
    let expected = ["100 · Progress 183", "110 → 500 UPDATE", "150 → PRACK", "200 · Offer", "210 → 488 UPDATE"];
    assert_eq!(bench.trace(), expected);
}

#[test]
fn forks_are_kept_apart_and_only_those_that_are_there_are_answered() {
    let (mut bench, call, invite) = placed(Some(SDP));
    let [mut a, mut b, mut c] = ["a", "b", "c"].map(|tag| Fork::new(&invite, tag));
    bench.receive(100, &a.reliable(183, 1, OURS)).receive(110, &b.reliable(180, 1, ""));
    bench.trace();
    bench.receive(200, &a.request("UPDATE", OURS));
    bench.act(210, |endpoint, now| endpoint.respond_offer(now, call, Ok(SDP.to_owned()))).unwrap();
    bench.receive(220, &b.request("UPDATE", OURS)).receive(230, &c.request("UPDATE", ""));
    bench
        .receive(240, &a.request("BYE", ""))
        .receive(250, &a.request("INVITE", SDP))
        .receive(260, &b.request("OPTIONS", ""));
    let stale = a.request("UPDATE", "").replace("CSeq: 4 ", "CSeq: 1 ");
    bench.receive(270, &stale);
    let expected = [
        "200 · Offer",
        "210 → 200 UPDATE",
        "220 → 491 UPDATE",
        "230 → 481 UPDATE",
        "240 → 481 BYE",
        "250 → 491 INVITE",
        "260 → 200 OPTIONS",
        "270 → 500 UPDATE",
    ];
    assert_eq!(bench.trace(), expected);
    bench.receive(300, &b.respond(200, "", OURS)).receive(310, &a.request("UPDATE", ""));
    assert_eq!(bench.response().status, 481, "another fork has answered");
    bench.act(400, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    let bye = bench.request().clone();
    bench.receive(410, &b.phone.respond(&bye, 200, ""));
    assert!(bench.endpoint.calls() == 0 && bench.endpoint.dialogs.is_empty());
}

#[test]
fn a_cancelled_call_is_not_changed_any_more() {
    let (mut bench, call, invite) = placed(Some(SDP));
    let mut fork = Fork::new(&invite, "a");
    bench.receive(100, &fork.reliable(183, 1, OURS));
    bench.act(200, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    bench.receive(210, &fork.request("UPDATE", OURS));
    assert_eq!(bench.response().status, 481);
    bench.receive(220, &fork.respond(487, "", ""));
    assert!(bench.endpoint.dialogs.is_empty());
}

#[test]
fn a_call_that_is_refused_while_an_update_waits_answers_that_too() {
    let (mut bench, _, invite) = placed(Some(SDP));
    let mut fork = Fork::new(&invite, "a");
    bench.receive(100, &fork.reliable(183, 1, OURS)).receive(200, &fork.request("UPDATE", OURS)).trace();
    bench.receive(300, &fork.respond(486, "", ""));
    assert_eq!(
        bench.trace(),
        ["300 → ACK", "300 · Rejected 486", "300 → 487 UPDATE", "300 · Ended Rejected { status: 486 }"]
    );
}

// PRACKs after the final response

/// An INVITE that got this provisional response reliably at 0 ms, and the PRACK for it.
fn rung(body: &str, sdp: Option<&str>) -> (Bench, Phone, String) {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    let invite = phone.request("INVITE");
    let invite = if body.is_empty() { invite } else { with_body(&invite, "application/sdp", body) };
    bench.receive(0, &with(&invite, "Supported: 100rel"));
    let call = bench.call();
    bench.act(0, |endpoint, now| endpoint.progress(now, call, 183, sdp.map(str::to_owned))).unwrap();
    phone.hear(&bench.response().clone());
    let sequence = bench.response().headers.first("RSeq").unwrap().to_owned();
    bench.trace();
    (bench, phone, format!("RAck: {sequence} 1 INVITE"))
}

fn refuse(bench: &mut Bench, ms: u64) {
    let call = bench.call();
    bench.act(ms, |endpoint, now| endpoint.reject(now, call, Rejection::new(403))).unwrap();
    bench.trace();
}

#[test]
fn a_prack_that_the_refusal_has_overtaken_is_acknowledged() {
    let (mut bench, mut phone, rack) = rung(SDP, Some(OURS));
    refuse(&mut bench, 100);
    let prack = with(&phone.request("PRACK"), &rack);
    bench.receive(110, &prack).receive(410, &prack);
    assert_eq!(bench.trace(), ["110 → 200 PRACK", "410 → 200 PRACK"], "and so is its repetition");
    bench.receive(420, &with(&phone.request("PRACK"), &rack));
    bench.receive(430, &with(&phone.request("PRACK"), "RAck: 7 1 INVITE")).receive(440, &phone.request("PRACK"));
    assert_eq!(bench.trace(), ["420 → 481 PRACK", "430 → 481 PRACK", "440 → 481 PRACK"]);
}

#[test]
fn so_it_is_after_a_cancel_and_after_504() {
    let (mut bench, mut phone, rack) = rung(SDP, Some(OURS));
    bench.receive(100, &phone.same_branch("CANCEL")).trace();
    bench.receive(110, &with(&phone.request("PRACK"), &rack));
    assert_eq!(bench.trace(), ["110 → 200 PRACK"]);
    let (mut bench, mut phone, rack) = rung(SDP, Some(OURS));
    bench.until(32_000);
    assert!(matches!(bench.events.last(), Some(Event::Ended { cause: EndCause::NoPrack, .. })));
    bench.trace();
    bench.receive(32_100, &with(&phone.request("PRACK"), &rack));
    assert_eq!(bench.trace(), ["32100 → 200 PRACK"]);
}

#[test]
fn a_prack_comes_too_late_after_64_t1_and_is_of_its_own_call() {
    let (mut bench, mut phone, rack) = rung(SDP, Some(OURS));
    refuse(&mut bench, 100);
    let prack = with(&phone.request("PRACK"), &rack);
    bench.receive(200, &prack.replace("trace@", "other@").replace("z9hG4bK", "z9hG4bK-o"));
    bench.receive(32_100, &prack);
    assert_eq!(bench.trace().last().map(String::as_str), Some("32100 → 481 PRACK"));
    assert_eq!(bench.response().status, 481);
}

#[test]
fn what_is_offered_in_such_a_prack_is_refused_and_what_is_answered_is_taken() {
    let (mut bench, mut phone, rack) = rung(SDP, Some(OURS));
    refuse(&mut bench, 100);
    bench.receive(110, &with_body(&with(&phone.request("PRACK"), &rack), "application/sdp", SDP));
    assert_eq!(bench.trace(), ["110 → 488 PRACK"]);
    let (mut bench, mut phone, rack) = rung("", Some(OURS));
    refuse(&mut bench, 100);
    bench.receive(110, &with_body(&with(&phone.request("PRACK"), &rack), "application/sdp", SDP));
    assert_eq!(bench.trace(), ["110 → 200 PRACK"]);
}

#[test]
fn a_prack_is_taken_while_we_hang_up() {
    let (mut bench, mut phone, rack) = rung(SDP, None);
    let call = bench.call();
    bench.act(10, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    bench.receive(20, &phone.ack());
    bench.act(30, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    bench.trace();
    bench.receive(40, &with(&phone.request("PRACK"), &rack));
    assert_eq!(bench.trace(), ["40 → 200 PRACK"]);
}
