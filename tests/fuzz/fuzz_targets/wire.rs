//! Any bytes, as a datagram, as a stream cut in two, and as header values.
#![no_main]

use karipass::internals::sip::message::{Message, NameAddr, Response, Uri, Via};
use karipass::internals::sip::wire::{self, Framed, Framer, ParseError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    datagram(bytes);
    stream(bytes);
    values(&String::from_utf8_lossy(bytes));
});

/// What is read is read again as the same from what is written; what is refused can be answered.
fn datagram(bytes: &[u8]) {
    match wire::parse(bytes) {
        Ok(message) => {
            typed(&message);
            assert_eq!(wire::parse(&message.to_bytes()), Ok(message));
        }
        Err(ParseError::Reject(reject)) => {
            assert!((400..700).contains(&reject.status));
            let answer = Response::to(&reject.headers, reject.status).to_bytes();
            assert!(answer.ends_with(b"\r\nContent-Length: 0\r\n\r\n"));
        }
        Err(ParseError::Drop(_)) => {}
    }
}

/// What `parse` promises of the messages it returns.
fn typed(message: &Message) {
    let headers = message.headers();
    assert!(headers.vias().is_ok_and(|vias| !vias.is_empty()) && headers.top_via().is_ok());
    assert!(headers.from().is_ok() && headers.to().is_ok() && headers.cseq().is_ok() && headers.call_id().is_ok());
    assert!(headers.contact().is_ok() && headers.routes("Route").is_ok() && headers.routes("Record-Route").is_ok());
    let _ = (headers.max_forwards(), headers.content_type(), headers.seconds("Session-Expires"));
    let _ = (headers.option_tags("Require"), headers.routes("P-Asserted-Identity"));
    let mut written = headers.clone();
    if let Ok(mut via) = written.top_via() {
        via.set_rport(5060);
        written.set_top_via(&via);
        assert_eq!(written.top_via(), Ok(via));
    }
}

/// Where a stream is cut makes no difference.
fn stream(bytes: &[u8]) {
    let mut whole = Framer::default();
    whole.push(bytes);
    let expected: Vec<_> = whole.by_ref().collect();
    let cut = bytes.first().map_or(0, |&first| usize::from(first) * 7 % bytes.len());
    let mut halves = Framer::default();
    let (first, second) = bytes.split_at(cut);
    halves.push(first);
    let mut framed: Vec<_> = halves.by_ref().collect();
    halves.push(second);
    framed.extend(halves.by_ref());
    assert_eq!(framed, expected);
    for framed in framed {
        if let Ok(Framed::Message(message)) = framed {
            datagram(&message);
        }
    }
}

fn values(text: &str) {
    if let Some(via) = Via::parse(text) {
        assert_eq!(Via::parse(&via.to_string()), Some(via));
    }
    if let Some(address) = NameAddr::parse(text) {
        assert_eq!(NameAddr::parse(&address.to_string()), Some(address));
    }
    if let Ok(uri) = text.parse::<Uri>() {
        let _ = uri.subscriber();
        assert_eq!(uri.to_string().parse::<Uri>(), Ok(uri));
    }
}
