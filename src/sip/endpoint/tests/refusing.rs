//! What is refused, with what it must say (RFC 3261 §8.2, §11, §12.2.2).

use std::time::Duration;

use super::*;
use crate::sip::endpoint::{EndCause, Rejection};

/// What the endpoint answers to this request at once: its status, and the response.
fn answer_to(message: &str) -> (u16, Response) {
    let mut bench = Bench::new();
    bench.receive(0, message);
    assert_eq!(bench.sent.len(), 1, "{:?}", bench.trace());
    (bench.response().status, bench.response().clone())
}

fn invite() -> String {
    Phone::new().invite()
}

#[test]
fn the_application_refuses_with_all_it_has_to_say() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &phone.invite());
    let call = bench.call();
    let rejection = Rejection {
        status: 403,
        reason: Some("Line\r\nNot Contracted".to_owned()),
        retry_after: Some(Duration::from_secs(60)),
        reason_header: Some("Q.850;cause=21".to_owned()),
        warning: Some((305, "neither PCMU nor \"PCMA\"".to_owned())),
    };
    bench.act(10, |endpoint, now| endpoint.reject(now, call, rejection)).unwrap();
    let response = bench.response();
    assert_eq!((response.status, response.reason.as_str()), (403, "Line  Not Contracted"));
    assert_eq!(response.headers.first("Retry-After"), Some("60"));
    assert_eq!(response.headers.first("Reason"), Some("Q.850;cause=21"));
    let warning = r#"305 192.0.2.1 "neither PCMU nor \"PCMA\"""#;
    assert_eq!(response.headers.first("Warning"), Some(warning));
    assert!(response.headers.to().unwrap().tag().is_some());
    assert_eq!(bench.events.last(), Some(&Event::Ended { call, cause: EndCause::Rejected { status: 403 } }));
    assert_eq!(bench.endpoint.calls(), 0);
    bench.trace();
    bench.until(1600);
    bench.receive(1700, &phone.same_branch("ACK")).until(100_000);
    assert_eq!(bench.trace(), ["510 → 403 INVITE", "1510 → 403 INVITE"]);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn a_refusal_that_is_never_acknowledged_is_forgotten_after_64_t1() {
    let mut bench = Bench::new();
    bench.receive(0, &with(&invite(), "Require: x"));
    bench.until(31_999);
    assert_eq!(bench.trace().len(), 11);
    bench.until(32_000);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn each_wrong_invite_gets_its_status() {
    let other = |uri: &str| invite().replace("sip:0664806430@192.0.2.1 SIP", &format!("{uri} SIP"));
    for (status, message) in [
        (404, other("sip:0699999999@192.0.2.1")),
        (404, other("sip:192.0.2.1")),
        (404, other("tel:0699999999")),
        (416, other("mailto:service@example.com")),
        (420, with(&invite(), "Require: timer, 100rel, precondition, gruu")),
        (415, with_body(&invite(), "text/plain", "hello")),
        (415, with(&invite(), "Content-Encoding: gzip")),
        (406, with(&invite(), "Accept: text/plain, application/xml;q=0.5")),
        (400, without(&invite(), "Contact")),
        (400, invite().replace("<sip:0600001111@192.0.2.9:5060>", "<tel:0600001111>")),
        (400, invite().replace("Contact: <sip", "Contact: <<sip")),
        (400, invite().replace("CSeq: 1 INVITE", "CSeq: 1 BYE")),
        (505, invite().replace("192.0.2.1 SIP/2.0", "192.0.2.1 SIP/7.0")),
        (481, invite().replace("To: <sip:0664806430@192.0.2.1>", "To: <sip:0664806430@192.0.2.1>;tag=gone")),
    ] {
        let (got, response) = answer_to(&message);
        assert_eq!(got, status, "{message}");
        assert!(response.headers.to().unwrap().tag().is_some(), "{status}");
    }
}

#[test]
fn who_runs_the_service_is_told_of_each_invite_that_no_call_came_of() {
    let to = |uri: &str| invite().replace("sip:0664806430@192.0.2.1 SIP", &format!("{uri} SIP"));
    for (message, expected) in [
        (to("sip:0699999999@192.0.2.1"), (404, "it calls 0699999999, and [sip] service_number is 0664806430")),
        // dialled with a password behind it
        (
            to("sip:0664806430,,1,48151623#@192.0.2.1"),
            (404, "it calls something that is no telephone number, and [sip] service_number is 0664806430"),
        ),
        (
            with(&invite(), "Require: timer, precondition, gruu"),
            (420, "it requires extensions that are not known: precondition, gruu"),
        ),
        (with_body(&invite(), "text/plain", "hello"), (415, "its body is no application/sdp, or is encoded")),
        (with(&invite(), "Accept: text/plain"), (406, "its Accept has no application/sdp")),
        (with(&invite(), "Supported: timer\r\nSession-Expires: 60"), (422, "its session interval is below 90 s")),
        (without(&invite(), "Contact"), (400, "Missing Contact Header")),
        (invite().replace("Contact: <sip", "Contact: <<sip"), (400, "Malformed Contact Header")),
    ] {
        let mut bench = Bench::new();
        bench.receive(0, &message).receive(500, &message);
        let told = bench.refused.first().map(|(status, why)| (*status, why.as_str()));
        assert_eq!(told, Some(expected), "{message}");
        // what cannot be read is answered without a transaction, each time it comes
        assert_eq!(bench.refused.len(), if expected.1.starts_with("Malformed") { 2 } else { 1 }, "{message}");
    }
}

#[test]
fn nobody_is_told_of_what_is_no_invite_or_belongs_to_a_call() {
    let mut bench = Bench::new();
    let copy = invite().replace("branch=", "branch=z9hG4bKother");
    bench
        .receive(0, &invite())
        .receive(1, &copy)
        .receive(2, &Phone::new().request("OPTIONS").replace("0664806430@", "1@"));
    bench.receive(3, &invite().replace("To: <sip:0664806430@192.0.2.1>", "To: <sip:0664806430@192.0.2.1>;tag=gone"));
    assert_eq!(bench.refused, []);
}

#[test]
fn refusals_say_what_would_do() {
    let (_, response) = answer_to(&with(&invite(), "Require: timer, 100rel, precondition, gruu"));
    assert_eq!(response.headers.first("Unsupported"), Some("precondition, gruu"));
    let (_, response) = answer_to(&with_body(&invite(), "text/plain", "hello"));
    assert_eq!(response.headers.first("Accept"), Some("application/sdp"));
    let (status, response) = answer_to(&Phone::new().request("REGISTER"));
    assert_eq!(
        (status, response.headers.first("Allow")),
        (405, Some("INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK"))
    );
    let (status, response) = answer_to(&Phone::new().request("NEWMETHOD"));
    assert_eq!((status, response.headers.contains("Allow")), (405, true));
}

#[test]
fn who_accepts_anything_of_ours_is_served() {
    for accept in ["application/sdp, text/plain", "Application/SDP;level=1", "application/*", "*/*"] {
        let mut bench = Bench::new();
        bench.receive(0, &with(&invite(), &format!("Accept: {accept}")));
        assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming"], "{accept}");
    }
}

#[test]
fn an_optional_body_of_another_kind_is_passed_over() {
    let mut bench = Bench::new();
    let invite = with(&with_body(&invite(), "text/plain", "hello"), "Content-Disposition: x; handling = optional");
    bench.receive(0, &invite);
    assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming"]);
}

#[test]
fn requests_that_need_a_dialog_get_481_without_one() {
    for method in ["BYE", "INFO", "UPDATE", "PRACK"] {
        assert_eq!(answer_to(&Phone::new().request(method)).0, 481, "{method}");
        let mut phone = Phone { to_tag: Some("gone".to_owned()), ..Phone::new() };
        assert_eq!(answer_to(&phone.request(method)).0, 481, "{method}");
    }
    let mut phone = Phone { to_tag: Some("gone".to_owned()), ..Phone::new() };
    assert_eq!(answer_to(&phone.request("OPTIONS")).0, 481);
    // an ACK is never answered
    let mut bench = Bench::new();
    bench.receive(0, &phone.ack());
    assert_eq!(bench.trace(), [""; 0]);
}

#[test]
fn max_forwards_of_zero_stops_what_is_not_for_us_and_nothing_else() {
    let spent = |message: String| message.replace("Max-Forwards: 70", "Max-Forwards: 0");
    let (status, _) =
        answer_to(&spent(invite()).replace("sip:0664806430@192.0.2.1 SIP", "sip:0699999999@192.0.2.1 SIP"));
    assert_eq!(status, 483);
    // RFC 4475 §3.3.11: an endpoint processes its own as if there were hops left
    let mut bench = Bench::new();
    bench.receive(0, &spent(invite()));
    assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming"]);
}

#[test]
fn a_copy_that_came_another_way_is_a_merged_request() {
    let mut bench = Bench::new();
    let first = invite();
    let copy = first.replace("branch=z9hG4bK-1", "branch=z9hG4bK-other");
    bench.receive(0, &first).receive(5, &copy);
    assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming", "5 → 482 INVITE"]);
    // the copy's end does not free the place of the first
    bench.receive(10, &copy.replace("INVITE sip", "ACK sip").replace("1 INVITE", "1 ACK")).until(20_000);
    bench.receive(20_000, &first.replace("branch=z9hG4bK-1", "branch=z9hG4bK-third"));
    assert_eq!(bench.trace(), ["20000 → 482 INVITE"]);
}

#[test]
fn options_outside_and_inside_a_dialog() {
    let (status, response) = answer_to(&Phone::new().request("OPTIONS"));
    assert_eq!(status, 200);
    for (name, value) in [
        ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK"),
        ("Accept", "application/sdp, application/dtmf-relay, application/dtmf"),
        ("Accept-Encoding", "identity"),
        ("Accept-Language", "ja"),
        ("Supported", "timer, 100rel"),
    ] {
        assert_eq!(response.headers.first(name), Some(value), "{name}");
    }
    let host = Phone::new().request("OPTIONS").replace("sip:0664806430@192.0.2.1 SIP", "sip:192.0.2.1 SIP");
    assert_eq!(answer_to(&host).0, 200);
    let other = Phone::new().request("OPTIONS").replace("sip:0664806430@192.0.2.1 SIP", "sip:someone@192.0.2.1 SIP");
    assert_eq!(answer_to(&other).0, 404);
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    bench.receive(100, &phone.request("OPTIONS"));
    assert_eq!(bench.trace(), ["100 → 200 OPTIONS"]);
}

#[test]
fn requests_out_of_order_get_500() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let (info, options) = (phone.request("INFO"), phone.request("OPTIONS"));
    bench.receive(100, &options).receive(110, &info).receive(120, &options.replace("z9hG4bK-4", "z9hG4bK-again"));
    assert_eq!(bench.trace(), ["100 → 200 OPTIONS", "110 → 500 INFO", "120 → 500 OPTIONS"]);
    bench.receive(130, &phone.request("BYE"));
    assert_eq!(bench.trace()[0], "130 → 200 BYE");
}

#[test]
fn within_a_dialog_too_requests_are_checked() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    bench.receive(100, &with(&phone.invite(), "Require: precondition"));
    assert_eq!(bench.response().headers.first("Unsupported"), Some("precondition"));
    bench.receive(110, &phone.same_branch("ACK"));
    let refer = phone.request("REFER");
    bench.receive(120, &refer);
    let invite = phone.request("INVITE");
    bench.receive(130, &with_body(&invite, "application/xml", "<x/>"));
    assert_eq!(bench.trace(), ["100 → 420 INVITE", "120 → 405 REFER", "130 → 415 INVITE"]);
}

#[test]
fn info_brings_keys_and_nothing_else() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let info = phone.request("INFO");
    bench.receive(100, &with_body(&info, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"));
    let Some(Event::Info { content_type, body, .. }) = bench.events.last() else { panic!("{:?}", bench.events) };
    assert_eq!(
        (content_type.as_str(), body.as_slice()),
        ("application/dtmf-relay", &b"Signal=5\r\nDuration=160\r\n"[..])
    );
    assert!(!format!("{:?}", bench.events).contains("83, 105"), "the body is not shown");
    let info = phone.request("INFO");
    bench.receive(200, &with_body(&info, "Application/DTMF ; x=y", "5"));
    bench.receive(300, &phone.request("INFO"));
    let info = phone.request("INFO");
    bench.receive(400, &with_body(&info, "application/media_control+xml", "<x/>"));
    assert_eq!(bench.response().headers.first("Accept"), Some("application/dtmf-relay, application/dtmf"));
    bench.receive(500, &with(&phone.request("INFO"), "Info-Package: dtmf"));
    assert_eq!(
        bench.trace(),
        [
            "100 · Info application/dtmf-relay",
            "100 → 200 INFO",
            "200 · Info application/dtmf",
            "200 → 200 INFO",
            "300 → 200 INFO",
            "400 → 415 INFO",
            "500 → 469 INFO",
        ]
    );
}

#[test]
fn a_repeated_info_is_one_key() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let info = with_body(&phone.request("INFO"), "application/dtmf", "5");
    bench.receive(100, &info).receive(600, &info);
    assert_eq!(bench.trace(), ["100 · Info application/dtmf", "100 → 200 INFO", "600 → 200 INFO"]);
}

#[test]
fn what_is_no_sip_or_no_answer_to_us_is_passed_over() {
    let mut bench = Bench::new();
    let invite = invite();
    let parsed = wire::parse(invite.as_bytes()).unwrap();
    let Message::Request(request) = parsed else { panic!() };
    let stray = Phone::new().respond(&request, 200, "");
    bench.receive(0, "hello").receive(0, "\r\n\r\n").receive(0, &stray);
    assert_eq!(bench.trace(), [""; 0]);
}
