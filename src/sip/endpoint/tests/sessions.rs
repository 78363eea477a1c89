//! Session timers (RFC 4028), as callee and as caller.

use std::time::Duration;

use super::*;
use crate::sip::endpoint::Outgoing;
use crate::sip::message::NameAddr;

const CARRIER: &str = "Supported: timer,100rel\r\nSession-Expires: 300;refresher=uac\r\nMin-SE: 300";

/// A call whose INVITE had these header lines, its 200, and the phone.
fn call_with(config: Config, lines: &str) -> (Bench, Phone, Response) {
    let mut phone = Phone::new();
    let mut bench = Bench::with(config);
    bench.receive(0, &with(&phone.invite(), lines));
    let call = bench.call();
    bench.act(0, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    let response = bench.response().clone();
    phone.hear(&response);
    bench.receive(0, &phone.ack()).trace();
    (bench, phone, response)
}

fn agreed(config: Config, lines: &str) -> (Option<String>, Option<String>) {
    let (_, _, response) = call_with(config, lines);
    let text = |name: &str| response.headers.first(name).map(str::to_owned);
    (text("Session-Expires"), text("Require"))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn table_2_of_rfc_4028() {
    let lazy = Config::default;
    let eager = || Config { session_expires: Some(Duration::from_secs(600)), ..Config::default() };
    let timer = || some("timer");
    assert_eq!(agreed(lazy(), CARRIER), (some("300;refresher=uac"), timer()));
    assert_eq!(
        agreed(lazy(), "Supported: timer\r\nSession-Expires: 1800;refresher=uas"),
        (some("1800;refresher=uas"), timer())
    );
    assert_eq!(agreed(lazy(), "k: timer\r\nx: 1800"), (some("1800;refresher=uac"), timer()));
    // a proxy asks on behalf of a phone that knows nothing of it
    assert_eq!(agreed(lazy(), "Session-Expires: 1800"), (some("1800;refresher=uas"), None));
    assert_eq!(agreed(lazy(), "Supported: timer"), (None, None));
    assert_eq!(agreed(lazy(), ""), (None, None));
    assert_eq!(agreed(eager(), ""), (some("600;refresher=uas"), None));
    assert_eq!(agreed(eager(), "Supported: timer"), (some("600;refresher=uac"), timer()));
    assert_eq!(agreed(eager(), "Supported: timer\r\nMin-SE: 900"), (some("900;refresher=uac"), timer()));
    assert_eq!(agreed(eager(), "Supported: timer\r\nSession-Expires: 1800"), (some("600;refresher=uac"), timer()));
    assert_eq!(
        agreed(eager(), "Supported: timer\r\nSession-Expires: 1800\r\nMin-SE: 900"),
        (some("900;refresher=uac"), timer())
    );
    assert_eq!(agreed(eager(), "Supported: timer\r\nSession-Expires: 300"), (some("300;refresher=uac"), timer()));
}

#[test]
fn an_interval_that_is_too_short_gets_422() {
    let mut bench = Bench::new();
    bench.receive(0, &with(&Phone::new().invite(), "Supported: timer\r\nSession-Expires: 60"));
    assert_eq!(bench.trace(), ["0 → 422 INVITE"]);
    assert_eq!(bench.response().headers.first("Min-SE"), Some("90"));
}

#[test]
fn a_session_that_the_phone_refreshes_goes_on_and_else_ends() {
    let (mut bench, mut phone, _) = call_with(Config::default(), CARRIER);
    let call = bench.call();
    bench.receive(150_000, &with(&phone.invite(), CARRIER));
    bench.act(150_000, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).unwrap();
    assert_eq!(bench.response().headers.first("Session-Expires"), Some("300;refresher=uac"));
    assert_eq!(bench.response().headers.first("Require"), Some("timer"));
    bench.receive(150_010, &phone.ack());
    bench.receive(300_000, &with(&phone.request("UPDATE"), CARRIER));
    assert_eq!(bench.response().headers.first("Session-Expires"), Some("300;refresher=uac"));
    bench.trace();
    // 300 s less min(32, 100) s after the last refresh
    bench.until(568_000);
    assert_eq!(bench.trace(), ["568000 → BYE", "568000 · Ended SessionExpired"]);
}

#[test]
fn we_refresh_by_re_invite_at_half_time() {
    let lines = "Supported: timer\r\nSession-Expires: 300;refresher=uas";
    let (mut bench, phone, _) = call_with(Config::default(), lines);
    bench.until(150_000);
    assert_eq!(bench.trace(), ["150000 → INVITE"]);
    let refresh = bench.request().clone();
    assert_eq!(refresh.headers.first("Session-Expires"), Some("300;refresher=uac"));
    assert_eq!(refresh.body, OURS.as_bytes(), "the description as it is");
    bench.receive(150_010, &phone.respond(&refresh, 200, "Require: timer\r\nSession-Expires: 300;refresher=uac"));
    bench.until(300_010);
    assert_eq!(bench.trace(), ["150010 → ACK", "300010 → INVITE"]);
}

#[test]
fn what_the_phone_answers_to_our_refresh_is_told() {
    let (mut bench, phone, _) = call_with(Config::default(), "Supported: timer\r\nSession-Expires: 300;refresher=uas");
    bench.until(150_000);
    let refresh = bench.request().clone();
    let answer = phone.respond(&refresh, 200, "Require: timer\r\nSession-Expires: 300;refresher=uac");
    bench.receive(150_010, &with_body(&answer, "application/sdp", SDP));
    assert_eq!(bench.trace(), ["150000 → INVITE", "150010 → ACK", "150010 · Refreshed"]);
    let Some(Event::Refreshed { answer, .. }) = bench.events.last() else { panic!("{:?}", bench.events) };
    assert_eq!(answer, SDP.as_bytes());
}

#[test]
fn we_go_on_refreshing_a_phone_that_knows_nothing_of_it() {
    let (mut bench, phone, _) = call_with(Config::default(), "Session-Expires: 300");
    bench.until(150_000);
    let refresh = bench.request().clone();
    bench.receive(150_000, &phone.respond(&refresh, 200, "")).until(300_000);
    assert_eq!(bench.trace(), ["150000 → INVITE", "150000 → ACK", "300000 → INVITE"]);
}

#[test]
fn a_far_end_that_never_has_enough_does_not_keep_us_busy() {
    let lines = "Supported: timer\r\nSession-Expires: 300;refresher=uas\r\nAllow: UPDATE";
    let (mut bench, phone, _) = call_with(Config::default(), lines);
    bench.until(150_000);
    for wanted in 900..1000 {
        let Message::Request(refresh) = &bench.sent.last().unwrap().1 else { panic!() };
        let refusal = phone.respond(refresh, 422, &format!("Min-SE: {wanted}"));
        bench.receive(149_200 + wanted, &refusal).until(149_200 + wanted);
    }
    assert_eq!(bench.trace(), ["150000 → UPDATE", "150100 → UPDATE"]);
}

#[test]
fn we_refresh_by_update_where_it_is_allowed() {
    let lines = "Supported: timer\r\nSession-Expires: 300;refresher=uas\r\nAllow: INVITE, UPDATE";
    let (mut bench, phone, _) = call_with(Config::default(), lines);
    bench.until(150_000);
    let refresh = bench.request().clone();
    assert!(refresh.body.is_empty());
    // the far end takes over
    bench.receive(150_010, &phone.respond(&refresh, 200, "Require: timer\r\nSession-Expires: 300;refresher=uas"));
    bench.until(418_010);
    assert_eq!(bench.trace(), ["150000 → UPDATE", "418010 → BYE", "418010 · Ended SessionExpired"]);
}

#[test]
fn a_refresh_that_finds_nobody_ends_the_call() {
    let lines = "Supported: timer\r\nSession-Expires: 300;refresher=uas\r\nAllow: UPDATE";
    let (mut bench, phone, _) = call_with(Config::default(), lines);
    bench.until(150_000);
    let refresh = bench.request().clone();
    bench.receive(150_010, &phone.respond(&refresh, 481, ""));
    let ended = "150010 · Ended DialogGone { status: 481 }";
    assert_eq!(bench.trace(), ["150000 → UPDATE", "150010 → BYE", ended]);
    let (mut bench, _, _) = call_with(Config::default(), lines);
    bench.until(182_000);
    assert_eq!(bench.trace().last().unwrap(), "182000 · Ended DialogGone { status: 408 }");
}

#[test]
fn a_refresh_that_is_refused_leaves_the_call_until_the_session_expires() {
    let lines = "Supported: timer\r\nSession-Expires: 300;refresher=uas\r\nAllow: UPDATE";
    let (mut bench, phone, _) = call_with(Config::default(), lines);
    bench.until(150_000);
    let refresh = bench.request().clone();
    bench.receive(150_010, &phone.respond(&refresh, 500, "")).until(300_000);
    assert_eq!(bench.trace(), ["150000 → UPDATE", "300000 → BYE", "300000 · Ended SessionExpired"]);
}

#[test]
fn a_refresh_with_422_is_made_again_with_a_longer_interval() {
    let lines = "Supported: timer\r\nSession-Expires: 300;refresher=uas\r\nAllow: UPDATE";
    let (mut bench, phone, _) = call_with(Config::default(), lines);
    bench.until(150_000);
    let refresh = bench.request().clone();
    bench.receive(150_010, &phone.respond(&refresh, 422, "Min-SE: 900")).until(150_020);
    assert_eq!(bench.trace(), ["150000 → UPDATE", "150010 → UPDATE"]);
    assert_eq!(bench.request().headers.first("Session-Expires"), Some("900;refresher=uac"));
}

#[test]
fn as_caller_we_keep_to_what_the_answer_says() {
    let config = Config { session_expires: Some(Duration::from_secs(300)), ..Config::default() };
    let mut bench = Bench::with(config);
    let outgoing = Outgoing {
        flow: udp(),
        to: "sip:0664806430@192.0.2.9".parse().unwrap(),
        from: NameAddr::parse("<sip:0600001111@192.0.2.1>").unwrap(),
        asserted: None,
        offer: Some(SDP.to_owned()),
        headers: Vec::new(),
    };
    bench.act(0, |endpoint, now| endpoint.place(now, outgoing)).unwrap();
    let invite = bench.request().clone();
    assert_eq!((invite.headers.first("Session-Expires"), invite.headers.first("Min-SE")), (Some("300"), Some("90")));
    bench.receive(0, &Phone::new().respond(&invite, 200, "Require: timer\r\nSession-Expires: 200;refresher=uac"));
    bench.until(100_000);
    assert_eq!(bench.trace(), ["0 → INVITE", "0 → ACK", "0 · Accepted", "100000 → INVITE"]);
    assert_eq!(bench.request().body, SDP.as_bytes());
}

#[test]
fn a_call_that_hangs_up_refreshes_no_more() {
    let lines = "Supported: timer\r\nSession-Expires: 90;refresher=uas";
    let (mut bench, _, _) = call_with(Config::default(), lines);
    let call = bench.call();
    bench.act(44_000, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    bench.until(200_000);
    let trace = bench.trace();
    assert!(trace.iter().all(|line| line.ends_with("BYE") || line.ends_with("ByeTimedOut")), "{trace:?}");
}
