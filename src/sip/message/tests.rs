//! The message model, without a byte from the wire.
#![allow(clippy::unwrap_used)]

use super::*;

fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    fields.iter().for_each(|(name, value)| headers.push(name, *value));
    headers
}

fn names(headers: &Headers) -> Vec<(&str, &str)> {
    headers.iter().collect()
}

#[test]
fn methods_are_tokens_of_exact_case() {
    for token in [
        "INVITE",
        "ACK",
        "BYE",
        "CANCEL",
        "OPTIONS",
        "INFO",
        "REGISTER",
        "UPDATE",
        "PRACK",
        "MESSAGE",
        "REFER",
        "NOTIFY",
        "SUBSCRIBE",
        "PUBLISH",
    ] {
        let method = Method::parse(token);
        assert!(!matches!(method, Method::Other(_)), "{token}");
        assert_eq!(method.to_string(), token);
    }
    for token in ["invite", "Invite", "PRack", "NEWMETHOD"] {
        assert_eq!(Method::parse(token), Method::Other(token.to_owned()));
    }
}

#[test]
fn names_compare_without_case_and_compact_forms_count() {
    let headers = headers(&[("v", "a"), ("VIA", "b"), ("X-Thing", "c"), ("k", "timer")]);
    assert_eq!(headers.all("Via").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(headers.all("V").count(), 2);
    assert_eq!(headers.first("x-thing"), Some("c"));
    assert_eq!(headers.first("Supported"), Some("timer"));
    assert!(!headers.contains("Contact"));
    // known names are written as the RFCs do, others as they came
    assert_eq!(names(&headers), [("Via", "a"), ("Via", "b"), ("X-Thing", "c"), ("Supported", "timer")]);
}

#[test]
fn fields_are_put_replaced_and_taken_in_order() {
    let mut headers = headers(&[("To", "t"), ("X-A", "1"), ("x-a", "2"), ("From", "f")]);
    headers.set("X-a", "3");
    assert_eq!(names(&headers), [("To", "t"), ("X-a", "3"), ("From", "f")]);
    headers.push_front("Via", "v");
    headers.set("CSeq", "1 BYE");
    headers.remove("f");
    assert_eq!(names(&headers), [("Via", "v"), ("To", "t"), ("X-a", "3"), ("CSeq", "1 BYE")]);
}

#[test]
fn lists_are_split_across_fields() {
    let headers = headers(&[("Allow", "INVITE, ACK,"), ("Allow", "BYE"), ("Require", "100Rel,TIMER")]);
    assert_eq!(headers.list("Allow"), ["INVITE", "ACK", "BYE"]);
    assert_eq!(headers.option_tags("Require"), ["100rel", "timer"]);
    assert!(headers.list("Supported").is_empty());
}

#[test]
fn the_topmost_via_is_replaced_alone() {
    let mut headers = headers(&[("Via", "SIP/2.0/UDP a;rport, SIP/2.0/TCP b"), ("Via", "SIP/2.0/UDP c"), ("To", "t")]);
    let mut via = headers.top_via().unwrap();
    via.set_rport(7);
    headers.set_top_via(&via);
    let vias: Vec<_> = headers.all("Via").collect();
    assert_eq!(vias, ["SIP/2.0/UDP a;rport=7, SIP/2.0/TCP b", "SIP/2.0/UDP c"]);
    assert_eq!(headers.vias().unwrap().len(), 3);
}

#[test]
fn typed_values_say_what_is_wrong() {
    let headers = headers(&[("To", "<sip"), ("CSeq", "1INVITE"), ("Max-Forwards", "256"), ("Via", "x")]);
    assert_eq!(headers.from(), Err(FieldError::Missing("From")));
    assert_eq!(headers.to(), Err(FieldError::Malformed("To")));
    assert_eq!(headers.cseq(), Err(FieldError::Malformed("CSeq")));
    assert_eq!(headers.call_id(), Err(FieldError::Missing("Call-ID")));
    assert_eq!(headers.top_via(), Err(FieldError::Malformed("Via")));
    assert_eq!((headers.max_forwards(), headers.contact()), (None, Ok(None)));
}

#[test]
fn seconds_stand_before_parameters_and_comments() {
    let headers =
        headers(&[("x", "1800;refresher=uas"), ("Retry-After", "18000 (busy) ;duration=3600"), ("Expires", "-1")]);
    assert_eq!(headers.seconds("Session-Expires"), Some(1800));
    assert_eq!(headers.seconds("Retry-After"), Some(18000));
    assert_eq!((headers.seconds("Expires"), headers.seconds("Min-SE")), (None, None));
}

#[test]
fn content_type_is_compared_without_parameters_and_case() {
    let headers = headers(&[("c", "Application / DTMF-Relay ; charset=utf-8")]);
    assert_eq!(headers.content_type().as_deref(), Some("application/dtmf-relay"));
}

#[test]
fn reason_phrases_are_the_rfcs() {
    for (status, phrase) in [
        (100, "Trying"),
        (180, "Ringing"),
        (200, "OK"),
        (400, "Bad Request"),
        (403, "Forbidden"),
        (405, "Method Not Allowed"),
        (415, "Unsupported Media Type"),
        (416, "Unsupported URI Scheme"),
        (420, "Bad Extension"),
        (422, "Session Interval Too Small"),
        (433, "Anonymity Disallowed"),
        (481, "Call/Transaction Does Not Exist"),
        (487, "Request Terminated"),
        (488, "Not Acceptable Here"),
        (491, "Request Pending"),
        (503, "Service Unavailable"),
        (505, "Version Not Supported"),
        (513, "Message Too Large"),
        (603, "Decline"),
    ] {
        assert_eq!(reason_phrase(status), phrase);
    }
}

#[test]
fn no_value_can_add_a_line() {
    let mut request = Request::new(Method::Options, Uri::sip(Some("a"), "h\r\nEvil: 1", None));
    request.headers.push("Subject", "x\r\nEvil: 2\r\n\r\n");
    let bytes = String::from_utf8(request.to_bytes()).unwrap();
    assert_eq!(bytes.lines().filter(|line| line.starts_with("Evil")).count(), 0, "{bytes}");
    assert_eq!(bytes.matches("\r\n\r\n").count(), 1);
}

#[test]
fn a_response_copies_what_belongs_to_the_transaction() {
    let request = headers(&[
        ("Via", "SIP/2.0/UDP a"),
        ("Via", "SIP/2.0/UDP b"),
        ("Max-Forwards", "70"),
        ("From", "<sip:a@h>;tag=1"),
        ("To", "<sip:b@h>"),
        ("i", "id"),
        ("CSeq", "1 INVITE"),
        ("Subject", "not this"),
    ]);
    let response = Response::to(&request, 486);
    assert_eq!((response.status, response.reason.as_str()), (486, "Busy Here"));
    assert_eq!(response.headers.iter().count(), 6);
    assert_eq!(response.headers.first("Call-ID"), Some("id"));
}
