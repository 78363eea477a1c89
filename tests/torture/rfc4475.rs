//! The 49 messages of RFC 4475, from `fixtures/sip-torture`; as they are, but for `rport` in a datagram's topmost Via.

use std::path::Path;

use super::support::{Folder, Service};
use super::wire::{Stream, addressed_to_us, over_tcp, over_udp};
use Stream::{Answered, Closed, Waits};

type Row = (&'static str, u16, u16, Stream, &'static str);

/// File; what it is answered with in a datagram (0: nothing), as it is and, where that is only "nobody of that name here",
/// when it calls our number; what it comes to on a stream; and why.
const TABLE: [Row; 49] = [
    // 3.1.1: valid, though hard to read
    ("wsinv", 481, 0, Answered(481), "3.1.1.1 valid; To has a tag of no dialog that is here"),
    ("intmeth", 405, 0, Answered(405), "3.1.1.2 valid, of a method that nobody knows"),
    ("esc01", 404, 403, Answered(404), "3.1.1.3 valid; From is no number"),
    ("escnull", 404, 0, Answered(404), "3.1.1.4 valid, but of nobody whom our registrar knows (RFC 3261 §10.3)"),
    ("esc02", 405, 0, Answered(405), "3.1.1.5 a percent sign in a method is no escape: unknown method"),
    ("lwsdisp", 404, 200, Answered(404), "3.1.1.6 valid: no white space between display name and <"),
    ("longreq", 404, 403, Answered(404), "3.1.1.7 valid and long; From is no number"),
    ("dblreq", 404, 0, Answered(404), "3.1.1.8 a datagram's rest is padding; on a stream it is the next request"),
    ("semiuri", 404, 200, Answered(404), "3.1.1.9 valid: the semicolon belongs to the user"),
    ("transports", 404, 200, Answered(404), "3.1.1.10 valid: unknown transports below the topmost Via"),
    ("mpart01", 405, 0, Answered(405), "3.1.1.11 valid, but no MESSAGE here"),
    ("unreason", 0, 0, Answered(0), "3.1.1.12 a response to nothing of ours"),
    ("noreason", 0, 0, Answered(0), "3.1.1.13 a response to nothing of ours"),
    // 3.1.2: invalid
    ("badinv01", 400, 0, Answered(400), "3.1.2.1 separators without anything between them"),
    ("clerr", 400, 0, Waits, "3.1.2.2 the body is shorter than it says; a stream may bring the rest"),
    ("ncl", 400, 0, Closed, "3.1.2.3 a negative length: on a stream nobody knows where the next message starts"),
    ("scalar02", 400, 0, Answered(400), "3.1.2.4 numbers beyond their range"),
    ("scalarlg", 0, 0, Answered(0), "3.1.2.5 the same in a response, which is dropped"),
    ("quotbal", 400, 0, Answered(400), "3.1.2.6 a quote that never closes"),
    ("ltgtruri", 400, 0, Answered(400), "3.1.2.7 <> around the Request-URI"),
    ("lwsruri", 400, 0, Answered(400), "3.1.2.8 white space in the Request-URI"),
    ("lwsstart", 400, 0, Answered(400), "3.1.2.9 two spaces in the start line"),
    ("trws", 400, 0, Answered(400), "3.1.2.10 white space at the start line's end"),
    ("escruri", 400, 0, Answered(400), "3.1.2.11 header fields in the Request-URI"),
    ("baddate", 404, 403, Answered(404), "3.1.2.12 a Date that nobody needs may be ignored; From is no number"),
    ("regbadct", 400, 0, Answered(400), "3.1.2.13 a ? in a Contact without <>"),
    ("badaspec", 400, 0, Answered(400), "3.1.2.14 spaces within an address"),
    ("baddn", 400, 0, Waits, "3.1.2.15 a comma in a display name; without the empty line a stream waits for more"),
    ("badvers", 505, 0, Answered(505), "3.1.2.16 another version"),
    ("mismatch01", 400, 0, Answered(400), "3.1.2.17 CSeq names another method"),
    ("mismatch02", 400, 0, Answered(400), "3.1.2.18 the same with an unknown one: 501 or 400"),
    ("bigcode", 0, 0, Answered(0), "3.1.2.19 a response with an overlong status is dropped"),
    // 3.2: transactions
    ("badbranch", 404, 200, Answered(404), "3.2.1 a branch that is the cookie alone: told apart as RFC 2543 did"),
    // 3.3: what requests mean
    ("insuf", 400, 0, Answered(400), "3.3.1 Call-ID, From and To are missing"),
    ("unkscm", 416, 0, Answered(416), "3.3.2 a scheme that nobody knows"),
    ("novelsc", 416, 0, Answered(416), "3.3.3 a scheme that is known, but not for this"),
    (
        "unksm2",
        404,
        0,
        Answered(404),
        "3.3.4 unknown schemes in other places: of nobody whom our registrar knows (RFC 3261 §10.3)",
    ),
    ("bext01", 404, 420, Answered(404), "3.3.5 extensions are required that nobody knows"),
    ("invut", 404, 415, Answered(404), "3.3.6 a body of an unknown type"),
    ("regaut01", 404, 0, Answered(404), "3.3.7 of nobody whom our registrar knows (RFC 3261 §10.3)"),
    ("multi01", 400, 0, Answered(400), "3.3.8 From, To, Call-ID and CSeq twice"),
    ("mcl01", 400, 0, Closed, "3.3.9 two lengths: on a stream nobody knows where the next message starts"),
    ("bcast", 0, 0, Answered(0), "3.3.10 a response with another's Via below is dropped"),
    ("zeromf", 483, 200, Answered(483), "3.3.11 no hops are left: refused for others, served for ourselves"),
    ("cparam01", 404, 0, Answered(404), "3.3.12 of nobody whom our registrar knows (RFC 3261 §10.3)"),
    ("cparam02", 404, 0, Answered(404), "3.3.13 of nobody whom our registrar knows (RFC 3261 §10.3)"),
    ("regescrt", 404, 0, Answered(404), "3.3.14 of nobody whom our registrar knows (RFC 3261 §10.3)"),
    ("sdp01", 404, 406, Answered(404), "3.3.15 it takes none of what could be said"),
    // 3.4: backward compatibility
    ("inv2543", 404, 403, Closed, "3.4.1 an old INVITE; a stream needs Content-Length (RFC 3261 §18.3)"),
];

fn message(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sip-torture");
    let message = std::fs::read(folder.join(format!("{name}.dat"))).unwrap();
    if !["cparam02", "regescrt"].contains(&name) {
        return message;
    }
    // their branches are those of cparam01 and escnull, of which they would be repetitions
    String::from_utf8(message).unwrap().replace("branch=z9hG4bK", "branch=z9hG4bKsecond").into_bytes()
}

/// Sends each row to a service of its own, as `send` does, which tells what came of it and what should; the service must
/// work afterwards, and stop at once when it is told to, since no call hangs.
fn each(send: impl Fn(&Service, &[u8], &Row) -> Option<(Stream, Stream)>) {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let mut complaints = vec![];
    for row in &TABLE {
        let Some((is, expected)) = send(&service, &message(row.0), row) else { continue };
        if is != expected {
            complaints.push(format!("{}: {is:?}, not {expected:?}: {}", row.0, row.4));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    works(service);
}

/// A whole call sets a password, and the service then stops with nothing left.
pub fn works(service: Service) {
    let flags = ["--from", "0600001111", "--unit", "number", "--password", "48151623"];
    let output = service.call(&flags).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(service.verify("number", "0600001111", "48151623"));
    service.terminate();
    let (code, log) = service.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn each_message_in_a_datagram() {
    each(|service, message, row| Some((Answered(over_udp(service, message)), Answered(row.1))));
}

#[test]
fn each_message_that_is_for_nobody_here_when_it_calls_our_number() {
    each(|service, message, row| {
        (row.2 != 0).then(|| (Answered(over_udp(service, &addressed_to_us(message))), Answered(row.2)))
    });
}

#[test]
fn each_message_on_a_stream() {
    each(|service, message, row| {
        // five octets more than Content-Length says, which are the start of nothing
        let message = message.strip_suffix(b"C\r\n\r\n").filter(|_| row.0 == "dblreq").unwrap_or(message);
        Some((over_tcp(service, message, row.3), row.3))
    });
}
