//! Streams cut anywhere.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn message(call_id: &str, body: &str) -> String {
    format!("INFO sip:a@h SIP/2.0\r\nCall-ID: {call_id}\r\nl: {}\r\n\r\n{body}", body.len())
}

fn framed(message: &str) -> Option<Result<Framed, FrameError>> {
    Some(Ok(Framed::Message(message.as_bytes().to_vec())))
}

#[test]
fn messages_come_out_whole_and_in_order() {
    let (one, two) = (message("1", "first\r\n\r\n"), message("2", ""));
    let mut framer = Framer::default();
    framer.push(one.as_bytes());
    framer.push(&two.as_bytes()[..10]);
    assert_eq!(framer.next(), framed(&one));
    assert_eq!(framer.next(), None);
    framer.push(&two.as_bytes()[10..]);
    assert_eq!(framer.next(), framed(&two));
    assert_eq!(framer.next(), None);
}

#[test]
fn keep_alives_stand_between_messages() {
    let one = message("1", "x");
    let mut framer = Framer::default();
    framer.push(b"\r\n\r\n");
    assert_eq!(framer.next(), Some(Ok(Framed::KeepAlive)));
    for half in ["\r", "\n", "\r"] {
        framer.push(half.as_bytes());
        assert_eq!(framer.next(), None);
    }
    framer.push(b"\n");
    assert_eq!(framer.next(), Some(Ok(Framed::KeepAlive)));
    // a single break means nothing
    framer.push(format!("\r\n{one}\r\n").as_bytes());
    assert_eq!(framer.next(), framed(&one));
    assert_eq!(framer.next(), None);
    framer.push(format!("\r\n{one}").as_bytes());
    assert_eq!(framer.next(), Some(Ok(Framed::KeepAlive)));
    assert_eq!(framer.next(), framed(&one));
}

#[test]
fn who_pings_takes_every_single_break_for_an_answer() {
    let one = message("1", "\r\n\r\n");
    let mut framer = Framer::expecting_pongs();
    framer.push(format!("\r\n\r\n{one}\r").as_bytes());
    assert_eq!(framer.next(), Some(Ok(Framed::Pong)));
    assert_eq!(framer.next(), Some(Ok(Framed::Pong)));
    assert_eq!(framer.next(), framed(&one));
    assert_eq!(framer.next(), None);
    framer.push(b"\n");
    assert_eq!(framer.next(), Some(Ok(Framed::Pong)));
}

#[test]
fn it_tells_whether_the_rest_of_a_message_is_missing() {
    let mut framer = Framer::default();
    for (bytes, within) in [("\r\n", false), ("I", true), ("NFO sip:a@h SIP/2.0\r\nl: 1\r\n\r\n", true), ("x", false)] {
        framer.push(bytes.as_bytes());
        framer.by_ref().for_each(drop);
        assert_eq!(framer.is_within_message(), within, "{bytes:?}");
    }
}

#[test]
fn a_length_may_be_folded_and_compact() {
    for name in ["L  :\r\n", "content-length:\r\n\t"] {
        let text = format!("INFO sip:a@h SIP/2.0\r\n{name} 3\r\n\r\nabc");
        let mut framer = Framer::default();
        framer.push(format!("{text}INFO").as_bytes());
        assert_eq!(framer.next(), framed(&text));
        assert_eq!(framer.next(), None);
    }
}

#[test]
fn without_a_length_the_stream_is_lost() {
    for (length, error) in [
        ("X: 1", FieldError::Missing("Content-Length")),
        ("l: -1", FieldError::Malformed("Content-Length")),
        ("l: 13\r\nContent-Length: 5", FieldError::Repeated("Content-Length")),
    ] {
        let mut framer = Framer::default();
        framer.push(format!("INFO sip:a@h SIP/2.0\r\n{length}\r\n\r\n").as_bytes());
        assert_eq!(framer.next(), Some(Err(FrameError::ContentLength(error))));
        framer.push(message("1", "").as_bytes());
        assert_eq!(framer.next(), None);
        assert!(framer.buffer.is_empty());
    }
}

#[test]
fn nothing_longer_than_64_kib_is_collected() {
    for length in ["65536", "18446744073709551615"] {
        let mut framer = Framer::default();
        framer.push(format!("INFO sip:a@h SIP/2.0\r\nl: {length}\r\n\r\n").as_bytes());
        assert_eq!(framer.next(), Some(Err(FrameError::TooLarge)));
    }
    let mut endless = Framer::default();
    endless.push(&vec![b'x'; MAX_MESSAGE]);
    assert_eq!(endless.next(), None);
    endless.push(b"x");
    assert_eq!(endless.next(), Some(Err(FrameError::TooLarge)));
}

#[test]
fn the_longest_message_comes_through() {
    let head = message("1", "").replace("l: 0", "l: 65000");
    let long = head + &"x".repeat(65_000);
    let mut framer = Framer::default();
    long.as_bytes().chunks(1000).for_each(|chunk| framer.push(chunk));
    assert_eq!(framer.next(), framed(&long));
}

proptest! {
    #[test]
    fn where_a_stream_is_cut_does_not_matter(
        bodies in proptest::collection::vec("[a-z\r\n]{0,30}", 1..6),
        cuts in proptest::collection::vec(1..40_usize, 1..80),
    ) {
        let messages: Vec<String> = bodies.iter().map(|body| message("x", body)).collect();
        let stream = messages.join("\r\n\r\n").into_bytes();
        let mut framer = Framer::default();
        let (mut rest, mut cuts, mut out) = (&stream[..], cuts.into_iter().cycle(), Vec::new());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            framer.push(chunk);
            out.extend(framer.by_ref().filter_map(|framed| match framed.unwrap() {
                Framed::Message(bytes) => Some(String::from_utf8(bytes).unwrap()),
                Framed::KeepAlive | Framed::Pong => None,
            }));
            rest = after;
        }
        prop_assert_eq!(out, messages);
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(chunks in proptest::collection::vec("(\r\n|l: ?[0-9]{1,6}|[ -~]{0,9}){0,6}", 0..20)) {
        let mut framer = Framer::default();
        for chunk in chunks {
            framer.push(chunk.as_bytes());
            while framer.next().is_some() {}
        }
    }
}
