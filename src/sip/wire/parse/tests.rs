//! What comes out of bytes, line by line.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::fault::FieldError;
use super::*;

/// As the Japanese network sends it: compact names, a folded identity with two values, a `tel:` URI in To.
const HIKARI: &str = "INVITE sip:0664806430@192.0.2.20:5060;user=phone SIP/2.0\r\n\
    v:SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK0a1b2c\r\n\
    Max-Forwards:70\r\n\
    f:\"Anonymous\"<sip:anonymous@anonymous.invalid>;tag=12ab\r\n\
    t:<tel:0664806430;phone-context=ntt-west.ne.jp>\r\n\
    i:0123456789abcdef@192.0.2.10\r\n\
    CSeq:1 INVITE\r\n\
    m:<sip:192.0.2.10:5060>\r\n\
    P-Asserted-Identity:<sip:0701234567@ntt-west.ne.jp>,\r\n\
    \x20<tel:0701234567;phone-context=ntt-west.ne.jp>\r\n\
    P-Called-Party-ID:<sip:0664806430@ntt-west.ne.jp>\r\n\
    Privacy:none\r\n\
    k:timer,100rel\r\n\
    x:300;refresher=uac\r\n\
    Min-SE:300\r\n\
    c:application/sdp\r\n\
    l:4\r\n\
    \r\n\
    v=0\n";

fn request(text: &str) -> Request {
    match parse(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn rejected(text: &str) -> (u16, Fault) {
    match parse(text.as_bytes()) {
        Err(ParseError::Reject(reject)) => (reject.status, reject.fault),
        other => panic!("{other:?}"),
    }
}

fn dropped(text: &str) -> Fault {
    match parse(text.as_bytes()) {
        Err(ParseError::Drop(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_invite_of_hikari_denwa() {
    let invite = request(HIKARI);
    let headers = &invite.headers;
    assert_eq!(invite.uri.subscriber().as_deref(), Some("0664806430"));
    assert_eq!(headers.to().unwrap().uri.scheme, Scheme::Tel);
    assert_eq!(headers.from().unwrap().uri.host, "anonymous.invalid");
    let asserted = headers.routes("P-Asserted-Identity").unwrap();
    let numbers: Vec<_> = asserted.iter().map(|identity| identity.uri.subscriber().unwrap()).collect();
    assert_eq!(numbers, ["0701234567", "0701234567"]);
    assert_eq!(asserted[1].uri.params.value("phone-context"), Some("ntt-west.ne.jp"));
    assert_eq!(headers.option_tags("Supported"), ["timer", "100rel"]);
    assert_eq!((headers.seconds("Session-Expires"), headers.seconds("Min-SE")), (Some(300), Some(300)));
    assert_eq!(headers.contact().unwrap().unwrap().uri.to_string(), "sip:192.0.2.10:5060");
    assert_eq!(headers.call_id(), Ok("0123456789abcdef@192.0.2.10"));
    assert_eq!(invite.body, b"v=0\n");
    assert!(!headers.contains("Content-Length"));
}

#[test]
fn it_is_written_with_full_names_and_the_right_length() {
    let text = String::from_utf8(request(HIKARI).to_bytes()).unwrap();
    assert!(
        text.starts_with(
            "INVITE sip:0664806430@192.0.2.20:5060;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;"
        )
    );
    assert!(text.contains("\r\nSession-Expires: 300;refresher=uac\r\n"));
    assert!(text.ends_with("\r\nContent-Length: 4\r\n\r\nv=0\n"));
}

#[test]
fn a_datagrams_length_is_checked() {
    let with_length = |length: &str| HIKARI.replace("l:4", &format!("l:{length}"));
    assert_eq!(request(&with_length("0")).body, b"");
    assert_eq!(request(&with_length("3")).body, b"v=0");
    assert_eq!(request(&HIKARI.replace("l:4\r\n", "")).body, b"v=0\n");
    assert_eq!(request(&with_length("4\r\nContent-Length : 4")).body, b"v=0\n");
    assert_eq!(rejected(&with_length("5")), (400, Fault::ShortBody));
    assert_eq!(rejected(&with_length("4\r\nContent-Length: 3")), (400, FieldError::Repeated("Content-Length").into()));
    assert_eq!(rejected(&with_length("four")), (400, FieldError::Malformed("Content-Length").into()));
}

#[test]
fn breaks_before_the_start_line_and_bare_line_feeds_are_forgiven() {
    assert_eq!(request(&format!("\r\n\r\n{HIKARI}")), request(HIKARI));
    assert_eq!(request(&HIKARI.replace("\r\n", "\n")), request(HIKARI));
    assert_eq!(request(&HIKARI.replace("1 INVITE\r\n", "1 INVITE\r\r\n")), request(HIKARI));
}

#[test]
fn each_fault_has_its_status() {
    let with = |from: &str, to: &str| HIKARI.replace(from, to);
    assert_eq!(rejected(&with(" SIP/2.0\r\nv", " SIP/3.0\r\nv")), (505, Fault::Version));
    assert_eq!(rejected(&with("INVITE sip:", "INVITE http:")), (416, Fault::Scheme));
    assert_eq!(rejected(&with("INVITE sip:", "INVITE ")), (400, Fault::RequestUri));
    assert_eq!(rejected(&with("CSeq:1 INVITE", "CSeq:1 BYE")), (400, Fault::CSeqMethod));
    assert_eq!(rejected(&with("CSeq:1 INVITE", "CSeq:4294967296 INVITE")), (400, FieldError::Malformed("CSeq").into()));
    assert_eq!(rejected(&with("CSeq:1 INVITE\r\n", "")), (400, FieldError::Missing("CSeq").into()));
    assert_eq!(rejected(&with("Privacy:none", "Privacy none")), (400, Fault::HeaderLine));
    assert_eq!(rejected(&with("Privacy:none", "Pri vacy:none")), (400, Fault::HeaderLine));
    assert_eq!(rejected(&with("i:0123", "i:01 23")), (400, FieldError::Malformed("Call-ID").into()));
    assert_eq!(rejected(&with("m:<sip:192.0.2.10:5060>", "m:<sip:>")), (400, FieldError::Malformed("Contact").into()));
    assert_eq!(rejected(&with("Privacy:none", "Record-Route:<>")), (400, FieldError::Malformed("Record-Route").into()));
    assert_eq!(rejected(HIKARI.split("c:").next().unwrap()), (400, Fault::Unterminated));
    assert_eq!(rejected(&with("\nv=0", &format!("\nv=0{}", " ".repeat(MAX_MESSAGE)))), (513, Fault::TooLarge));
}

#[test]
fn what_cannot_be_answered_is_dropped() {
    let ack = HIKARI.replace("INVITE", "ACK");
    assert_eq!(dropped(&ack.replace("CSeq:1", "CSeq:x")), FieldError::Malformed("CSeq").into());
    assert_eq!(dropped(&HIKARI.replace("v:SIP", "X:SIP")), FieldError::Missing("Via").into());
    for text in ["", "\r\n\r\n", "hello\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\0\0\0\0", "SIP/2.0", "INVITE"]
    {
        let _: Fault = dropped(text);
    }
}

#[test]
fn a_refused_request_keeps_what_its_answer_needs() {
    let Err(ParseError::Reject(reject)) = parse(HIKARI.replace("t:<tel", "t:<tel<").as_bytes()) else { panic!() };
    assert_eq!(reject.method, Method::Invite);
    let response = String::from_utf8(Response::to(&reject.headers, reject.status).to_bytes()).unwrap();
    assert_eq!(
        response,
        "SIP/2.0 400 Bad Request\r\n\
         Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK0a1b2c\r\n\
         From: \"Anonymous\"<sip:anonymous@anonymous.invalid>;tag=12ab\r\n\
         To: <tel<:0664806430;phone-context=ntt-west.ne.jp>\r\n\
         Call-ID: 0123456789abcdef@192.0.2.10\r\n\
         CSeq: 1 INVITE\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn responses_are_read_or_dropped() {
    let rest = HIKARI.split_once("\r\n").unwrap().1;
    let with = |line: &str| format!("{line}\r\n{rest}");
    for (line, status, reason) in [
        ("SIP/2.0 180 Ringing", 180, "Ringing"),
        ("sip/2.0 200", 200, ""),
        ("SIP/2.0 699  two spaces ", 699, " two spaces "),
    ] {
        let Ok(Message::Response(response)) = parse(with(line).as_bytes()) else { panic!("{line}") };
        assert_eq!((response.status, response.reason.as_str()), (status, reason));
    }
    for line in [
        "SIP/2.0 99 x",
        "SIP/2.0 700 x",
        "SIP/2.0 0200 x",
        "SIP/2.0 +20 x",
        "SIP/2.0  200 x",
        "SIP/2.0 200 a\rb",
        "SIP/2.0",
        "SIP/2.0 ",
    ] {
        assert_eq!(dropped(&with(line)), Fault::StartLine, "{line}");
    }
    assert_eq!(dropped(&with("SIP/3.0 200 OK")), Fault::Version);
    assert_eq!(dropped(&with("SIP/2.0 200 OK").replace("l:4", "l:5")), Fault::ShortBody);
}

#[test]
fn contact_may_be_a_star() {
    let register = request(&HIKARI.replace("INVITE", "REGISTER").replace("m:<sip:192.0.2.10:5060>", "m:*"));
    assert_eq!((register.headers.first("Contact"), register.headers.contact()), (Some("*"), Ok(None)));
}

#[test]
fn header_values_may_hold_any_bytes() {
    let mut bytes = HIKARI.replace("Privacy:none", "Subject: a\u{0}b\rc").into_bytes();
    let at = bytes.iter().position(|&byte| byte == 0).unwrap();
    bytes.insert(at, 0xff);
    let Ok(Message::Request(request)) = parse(&bytes) else { panic!() };
    assert_eq!(request.headers.first("Subject"), Some("a\u{fffd}\u{0}b c"));
}

#[test]
fn a_message_of_64_kib_is_read() {
    let head = HIKARI.replace("l:4", "l:64500");
    let message = format!("{}{}", head.trim_end_matches("v=0\n"), "x".repeat(64_500));
    assert!(message.len() <= MAX_MESSAGE);
    assert_eq!(request(&message).body.len(), 64_500);
}

/// A message with bytes changed, cut out, put in and repeated.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..6_u8, 0..40_usize);
    proptest::collection::vec(edit, 0..8).prop_map(|edits| {
        let mut bytes = HIKARI.as_bytes().to_vec();
        for (index, byte, kind, length) in edits {
            let at = index.index(bytes.len().max(1)).min(bytes.len());
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes.insert(at, byte),
                1 => drop(bytes.drain(at..end)),
                2 => bytes.extend_from_within(at..end),
                3 => bytes.insert(at, b"\r\n\t ,;:<>\"\\%@/="[usize::from(byte) % 15]),
                _ => bytes[at.min(end.saturating_sub(1))..end].iter_mut().take(1).for_each(|old| *old = byte),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_mutated_message_does_no_harm(bytes in mutated()) {
        check(&bytes)?;
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes)?;
    }

    #[test]
    fn any_body_survives(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut message = request(HIKARI);
        message.body = body;
        let read = parse(&message.to_bytes());
        prop_assert_eq!(read, Ok(Message::Request(message)));
    }
}

/// What is read is read again as the same from what is written, and what is refused can be answered.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    match parse(bytes) {
        Ok(message) => {
            let again = parse(&message.to_bytes());
            prop_assert_eq!(again, Ok(message));
        }
        Err(ParseError::Reject(reject)) => {
            let response = Response::to(&reject.headers, reject.status).to_bytes();
            let status_line = format!("SIP/2.0 {} ", reject.status);
            prop_assert!(response.starts_with(status_line.as_bytes()));
        }
        Err(ParseError::Drop(_)) => {}
    }
    Ok(())
}
