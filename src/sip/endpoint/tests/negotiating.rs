//! Offers that meet, or come while another is unanswered (RFC 3261 §14.2, RFC 3262 §5, RFC 3311 §5.2).

use super::pracking::{SUPPORTS, invited, prack, progress, sequence};
use super::*;

const REFRESHED_BY_US: &str = "Supported: timer\r\nSession-Expires: 300;refresher=uas\r\nAllow: INVITE, UPDATE";

fn offering(request: &str) -> String {
    with_body(request, "application/sdp", SDP)
}

fn is_to_come_again(bench: &Bench) -> bool {
    bench.response().status == 500 && bench.response().headers.contains("Retry-After")
}

/// An early session that is agreed on, and a reliable 180 after it: the RSeq of that.
fn early_session(phone: &mut Phone) -> (Bench, u32) {
    let mut bench = invited(phone, SUPPORTS);
    progress(&mut bench, 0, 183, Some(OURS));
    phone.hear(&bench.response().clone());
    let first = sequence(&bench);
    bench.receive(10, &prack(phone, first));
    progress(&mut bench, 20, 180, None);
    bench.trace();
    (bench, first + 1)
}

#[test]
fn an_offer_in_a_prack_does_not_push_out_that_of_an_update() {
    let mut phone = Phone::new();
    let (mut bench, ringing) = early_session(&mut phone);
    let call = bench.call();
    bench.receive(30, &offering(&phone.request("UPDATE"))).receive(40, &offering(&prack(&mut phone, ringing)));
    assert!(is_to_come_again(&bench));
    bench.act(50, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
    let again = bench.act(60, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned())));
    assert!(again.is_err());
    bench.until(10_000);
    // the 180 is acknowledged, and not sent again
    assert_eq!(bench.trace(), ["30 · Offer", "40 → 500 PRACK", "50 → 200 UPDATE"]);
}

#[test]
fn an_offer_in_a_late_prack_meets_our_re_invite() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, SUPPORTS);
    progress(&mut bench, 0, 180, None);
    phone.hear(&bench.response().clone());
    let (call, ringing) = (bench.call(), sequence(&bench));
    bench.act(10, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    bench.receive(20, &phone.ack());
    bench.act(30, |endpoint, now| endpoint.offer(now, call, Some(OURS.to_owned()))).unwrap();
    bench.trace();
    bench.receive(40, &offering(&prack(&mut phone, ringing)));
    assert_eq!(bench.trace(), ["40 → 491 PRACK"]);
}

#[test]
fn an_update_meets_our_offer_in_a_183() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &with(&phone.request("INVITE"), SUPPORTS));
    progress(&mut bench, 10, 183, Some(OURS));
    phone.hear(&bench.response().clone());
    bench.trace();
    bench.receive(20, &offering(&phone.request("UPDATE")));
    assert_eq!(bench.trace(), ["20 → 491 UPDATE"], "the unanswered offer is ours");
}

#[test]
fn an_update_may_overtake_the_prack_of_our_answer() {
    let mut phone = Phone::new();
    let mut bench = invited(&mut phone, SUPPORTS);
    progress(&mut bench, 0, 183, Some(OURS));
    phone.hear(&bench.response().clone());
    let (call, answered) = (bench.call(), sequence(&bench));
    let (prack, update) = (prack(&mut phone, answered), phone.request("UPDATE").replace("CSeq: 3", "CSeq: 2"));
    bench.receive(10, &offering(&update)).receive(20, &prack.replace("CSeq: 2", "CSeq: 3"));
    bench.act(30, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
    assert_eq!(bench.trace(), ["0 → 183 INVITE", "10 · Offer", "20 → 200 PRACK", "20 · EarlyMedia", "30 → 200 UPDATE"]);
}

#[test]
fn a_refresh_of_ours_without_an_offer_meets_none() {
    for method in ["INVITE", "UPDATE"] {
        let (mut bench, mut phone) = refreshing();
        let call = bench.call();
        bench.receive(150_010, &offering(&phone.request(method)));
        bench.act(150_020, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
        assert_eq!(bench.trace().last(), Some(&format!("150020 → 200 {method}")));
    }
}

/// A call in which our UPDATE, without an offer, is unanswered since 150 s.
fn refreshing() -> (Bench, Phone) {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &with(&phone.invite(), REFRESHED_BY_US));
    let call = bench.call();
    bench.act(0, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    phone.hear(&bench.response().clone());
    bench.receive(0, &phone.ack()).until(150_000);
    assert_eq!(bench.trace().last().unwrap(), "150000 → UPDATE");
    (bench, phone)
}

#[test]
fn an_update_waits_for_the_one_before_even_without_an_offer() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    bench.receive(100, &offering(&phone.request("UPDATE"))).receive(110, &phone.request("UPDATE"));
    assert!(is_to_come_again(&bench));
    assert_eq!(bench.trace(), ["100 · Offer", "110 → 500 UPDATE"]);
}

#[test]
fn an_update_waits_for_our_answer_in_the_ack() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.act(100, |endpoint, now| endpoint.offer(now, call, None)).unwrap();
    let invite = bench.request().clone();
    bench.receive(110, &offering(&phone.respond(&invite, 200, "")));
    bench.receive(120, &offering(&phone.request("UPDATE")));
    assert!(is_to_come_again(&bench), "the unanswered offer is theirs");
    bench.act(130, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    bench.receive(140, &offering(&phone.request("UPDATE")));
    assert_eq!(bench.trace().last().unwrap(), "140 · Offer");
}
