//! Changing the session (RFC 3261 §14, RFC 3311): re-INVITE and UPDATE from either side, and both at once.

use super::*;
use crate::sip::endpoint::CommandError;

#[test]
fn a_re_invite_is_the_applications_to_answer() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    let invite = phone.invite().replace("Contact: <sip:0600001111@192.0.2.9:5060>", "Contact: <sip:moved@192.0.2.200>");
    bench.receive(100, &invite).receive(600, &invite);
    bench.act(700, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
    assert_eq!(bench.response().body, OURS.as_bytes());
    assert_eq!(bench.response().headers.first("Contact"), Some("<sip:0664806430@192.0.2.1:5060>"));
    bench.until(1300);
    bench.receive(1400, &phone.ack());
    assert_eq!(
        bench.trace(),
        [
            "100 → 100 INVITE",
            "100 · Offer",
            "600 → 100 INVITE",
            "700 → 200 INVITE",
            "1200 → 200 INVITE",
            "1400 · Confirmed",
        ]
    );
    // the target has moved
    bench.act(2000, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert_eq!(bench.request().uri.to_string(), "sip:moved@192.0.2.200");
    assert_eq!(bench.last_flow().remote, address("192.0.2.200:5060"));
}

#[test]
fn a_re_invite_that_cannot_be_met_leaves_the_session() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.receive(100, &phone.invite().replace("@192.0.2.9:5060>", "@192.0.2.200>"));
    bench.act(100, |endpoint, now| endpoint.respond_offer(now, call, Err(488))).unwrap();
    bench.receive(110, &phone.same_branch("ACK")).until(50_000);
    assert_eq!(bench.trace(), ["100 → 100 INVITE", "100 · Offer", "100 → 488 INVITE"]);
    bench.act(50_000, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert_eq!(bench.request().uri.to_string(), "sip:0600001111@192.0.2.9:5060");
}

#[test]
fn a_re_invite_without_an_offer_is_answered_with_one() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.receive(100, &phone.request("INVITE"));
    bench.act(100, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
    // until the answer is here nothing else can be offered
    let ack = phone.ack();
    let mut again = Phone { to_tag: phone.to_tag.clone(), number: 50, branch: 50, ..Phone::new() };
    bench.receive(105, &again.invite()).receive(106, &again.same_branch("ACK"));
    bench.receive(110, &with_body(&ack, "application/sdp", SDP));
    assert_eq!(
        bench.trace(),
        [
            "100 → 100 INVITE",
            "100 · Offer wanted",
            "100 → 200 INVITE",
            "105 → 491 INVITE",
            "110 · Confirmed with answer"
        ]
    );
}

#[test]
fn an_unacknowledged_re_invite_ends_the_call() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.receive(100, &phone.invite());
    bench.act(100, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
    bench.until(32_000).trace();
    bench.until(32_100);
    assert_eq!(bench.trace(), ["32100 → BYE", "32100 · Ended NoAck"]);
}

#[test]
fn a_second_re_invite_has_to_wait() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    bench.receive(100, &phone.invite()).receive(110, &phone.invite());
    assert_eq!(bench.trace(), ["100 → 100 INVITE", "100 · Offer", "110 → 500 INVITE"]);
    let wait: u32 = bench.response().headers.first("Retry-After").unwrap().parse().unwrap();
    assert!(wait <= 10);
}

#[test]
fn a_re_invite_shows_that_the_ack_was_lost() {
    let mut phone = Phone::new();
    let mut bench = Bench::answered(&mut phone);
    let late = phone.ack();
    bench.receive(10, &phone.invite());
    assert_eq!(bench.trace()[2..], ["0 → 200 INVITE", "10 · Confirmed", "10 → 100 INVITE", "10 · Offer"]);
    bench.receive(20, &late).until(3000);
    assert_eq!(bench.trace(), [""; 0]);
}

#[test]
fn an_update_with_an_offer_is_answered_without_an_ack() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    let update = phone.request("UPDATE");
    bench.receive(100, &with_body(&update, "application/sdp", SDP));
    bench.act(200, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
    assert_eq!(bench.response().body, OURS.as_bytes());
    bench.until(60_000);
    assert_eq!(bench.trace(), ["100 · Offer", "200 → 200 UPDATE"]);
    bench.receive(60_000, &phone.request("UPDATE").replace("@192.0.2.9:5060>", "@192.0.2.200>"));
    bench.act(60_000, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert_eq!(bench.trace(), ["60000 → 200 UPDATE", "60000 → BYE"]);
    assert_eq!(bench.request().uri.to_string(), "sip:0600001111@192.0.2.200");
}

#[test]
fn we_offer_and_the_answer_is_acknowledged_as_often_as_it_comes() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.act(100, |endpoint, now| endpoint.offer(now, call, Some(OURS.to_owned()))).unwrap();
    let busy = bench.act(101, |endpoint, now| endpoint.offer(now, call, Some(OURS.to_owned())));
    assert_eq!(busy, Err(CommandError::WrongState));
    let invite = bench.request().clone();
    assert_eq!(invite.headers.first("CSeq"), Some("1 INVITE"));
    assert_eq!(invite.headers.first("Contact"), Some("<sip:0664806430@192.0.2.1:5060>"));
    let answer = with_body(&phone.respond(&invite, 200, ""), "application/sdp", SDP);
    bench.receive(110, &answer);
    let ack = bench.request().clone();
    assert_eq!(
        (ack.headers.first("CSeq"), ack.uri.to_string()),
        (Some("1 ACK"), "sip:0600001111@192.0.2.9:5060".into())
    );
    assert_ne!(ack.headers.top_via(), invite.headers.top_via());
    assert_eq!(bench.events.last(), Some(&Event::OfferAnswered { call, answer: Ok(SDP.as_bytes().to_vec()) }));
    bench.receive(700, &answer);
    assert_eq!(bench.trace(), ["100 → INVITE", "110 → ACK", "110 · OfferAnswered 200", "700 → ACK"]);
    assert_eq!(bench.request(), &ack);
}

#[test]
fn we_ask_for_an_offer_and_answer_it_in_the_ack() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.act(100, |endpoint, now| endpoint.offer(now, call, None)).unwrap();
    let invite = bench.request().clone();
    let offer = with_body(&phone.respond(&invite, 200, ""), "application/sdp", SDP);
    bench.receive(110, &offer).receive(600, &offer);
    bench.act(700, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    assert_eq!(bench.request().body, OURS.as_bytes());
    bench.receive(1700, &offer);
    assert_eq!(bench.trace(), ["100 → INVITE", "110 · OfferAnswered 200", "700 → ACK", "1700 → ACK"]);
}

#[test]
fn an_offer_of_ours_that_is_refused_leaves_the_call_unless_the_dialog_is_gone() {
    for (status, gone) in [(488, false), (500, false), (481, true), (408, true)] {
        let mut phone = Phone::new();
        let mut bench = Bench::talking(&mut phone);
        let call = bench.call();
        bench.act(100, |endpoint, now| endpoint.offer(now, call, Some(OURS.to_owned()))).unwrap();
        let invite = bench.request().clone();
        bench.receive(110, &phone.respond(&invite, status, ""));
        let trace = bench.trace();
        assert_eq!(trace[..3], ["100 → INVITE".into(), "110 → ACK".into(), format!("110 · OfferAnswered {status}")]);
        assert_eq!(trace.len(), if gone { 5 } else { 3 }, "{trace:?}");
        assert_eq!(bench.endpoint.calls(), usize::from(!gone));
    }
}

#[test]
fn two_offers_that_meet_are_both_refused_and_ours_is_tried_again() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.act(100, |endpoint, now| endpoint.offer(now, call, Some(OURS.to_owned()))).unwrap();
    let invite = bench.request().clone();
    bench.receive(105, &phone.invite()).receive(106, &phone.same_branch("ACK"));
    bench.receive(110, &phone.respond(&invite, 491, ""));
    assert_eq!(bench.trace(), ["100 → INVITE", "105 → 491 INVITE", "110 → ACK"]);
    // the Call-ID is the phone's, so we wait 0 to 2 s (§14.1)
    bench.until(2110);
    let again = bench.request().clone();
    assert_eq!(again.headers.first("CSeq"), Some("2 INVITE"));
    assert_eq!(again.body, OURS.as_bytes());
    bench.receive(2200, &phone.respond(&again, 200, ""));
    assert_eq!(bench.trace().last().unwrap(), "2200 · OfferAnswered 200");
}

#[test]
fn an_offer_waits_until_the_far_ends_is_settled() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.receive(100, &phone.invite());
    let early = bench.act(110, |endpoint, now| endpoint.offer(now, call, Some(OURS.to_owned())));
    assert_eq!(early, Err(CommandError::WrongState));
}
