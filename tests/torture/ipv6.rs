//! The messages of RFC 5118: IPv6 addresses in every place of a message, against a service that has none of its own.

use super::rfc4475::works;
use super::support::{Folder, Service};
use super::wire::{Stream, addressed_to_us, over_tcp, over_udp};

/// Section, start line and distinctive header lines, body; what it is answered with, as it is and when it calls our number;
/// and why. The rest of each message is the same and is added by [`message`].
#[rustfmt::skip]
const TABLE: [(&str, &str, &str, &str, u16, u16, &str); 12] = [
    ("4.1", "REGISTER sip:[2001:db8::10]", "To: sip:user@example.com\r\nVia: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\r\nContact: \"Caller\" <sip:caller@[2001:db8::1]>", "",
        404, 0, "valid, of nobody whom our registrar knows (RFC 3261 §10.3)"),
    ("4.2", "REGISTER sip:2001:db8::10", "To: sip:user@example.com\r\nVia: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\r\nContact: \"Caller\" <sip:caller@[2001:db8::1]>", "",
        400, 0, "no brackets around the address"),
    ("4.3", "REGISTER sip:[2001:db8::10:5070]", "To: sip:user@example.com\r\nVia: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\r\nContact: \"Caller\" <sip:caller@[2001:db8::1]>", "",
        404, 0, "valid: what was meant as a port is a part of the address"),
    ("4.4", "REGISTER sip:[2001:db8::10]:5070", "To: sip:user@example.com\r\nVia: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111\r\nContact: \"Caller\" <sip:caller@[2001:db8::1]>", "",
        404, 0, "valid: a port behind the brackets"),
    ("4.5", "BYE sip:[2001:db8::10]", "To: sip:user@example.com;tag=bd76ya\r\nVia: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111", "",
        481, 0, "valid in RFC 3261's text: received in brackets"),
    ("4.5", "BYE sip:[2001:db8::10]", "To: sip:user@example.com;tag=bd76ya\r\nVia: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-112", "",
        481, 0, "valid by the grammar: received without brackets"),
    ("4.6", "INVITE sip:user@[2001:db8::10]", "To: sip:user@[2001:db8::10]\r\nVia: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111\r\nContact: \"Caller\" <sip:caller@[2001:db8::20]>", "v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\r\ns=Live video feed for today's meeting\r\nc=IN IP6 2001:db8::20\r\nt=3338481189 3370017201\r\nm=audio 6000 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000\r\nm=video 6024 RTP/AVP 107\r\na=rtpmap:107 H263-1998/90000\r\n",
        404, 403, "valid; From is no number"),
    ("4.7", "BYE sip:user@host.example.net", "To: sip:user@example.net;tag=bd76ya\r\nVia: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144\r\nVia: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200", "",
        481, 0, "valid: both families among the Vias"),
    ("4.8", "INVITE sip:user@[2001:db8::10]", "To: sip:user@[2001:db8::10]\r\nVia: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-112\r\nContact: \"Caller\" <sip:caller@[2001:db8::9:1]>", "v=0\r\no=bob 280744730 28977631 IN IP4 host.example.com\r\ns=\r\nt=0 0\r\nm=audio 22334 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nm=video 6024 RTP/AVP 107\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:107 H263-1998/90000\r\n",
        404, 403, "valid: both families among the streams; From is no number"),
    ("4.9", "INVITE sip:user@example.com", "To: sip:user@example.com\r\nVia: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19\r\nVia: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111\r\nContact: \"T. desk phone\" <sip:ted@[::ffff:192.0.2.2]>", "v=0\r\no=assistant 971731711378798081 0 IN IP6 ::ffff:192.0.2.2\r\ns=Call me soon, please!\r\nc=IN IP6 ::ffff:192.0.2.2\r\nt=3338481189 3370017201\r\nm=audio 6000 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000\r\n",
        404, 403, "valid: IPv4 addresses mapped into IPv6; From is no number"),
    ("4.10", "OPTIONS sip:user@[2001:db8:::192.0.2.1]", "To: sip:user@[2001:db8:::192.0.2.1]\r\nVia: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111", "",
        404, 200, "the third colon of RFC 3261's grammar must be tolerated"),
    ("4.10", "OPTIONS sip:user@[2001:db8::192.0.2.1]", "To: sip:user@[2001:db8::192.0.2.1]\r\nVia: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-112", "",
        404, 200, "the same by the grammar of RFC 4291"),
];

fn message(at: usize, start: &str, headers: &str, body: &str) -> Vec<u8> {
    let method = start.split(' ').next().unwrap();
    let content_type = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    // a transaction of its own each time
    let headers = headers.replacen("branch=z9hG4bK", &format!("branch=z9hG4bK{at}-"), 1);
    format!(
        "{start} SIP/2.0\r\n{headers}\r\nFrom: sip:user@example.com;tag=81x2\r\nCall-ID: SSG95523997077@hlau_4100-{at}\r\n\
         Max-Forwards: 70\r\nCSeq: 8912 {method}\r\n{content_type}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn run(service: &Service) {
    for (at, (section, start, headers, body, status, addressed, why)) in TABLE.into_iter().enumerate() {
        let plain = message(at, start, headers, body);
        assert_eq!(over_udp(service, &plain), status, "{section} {start}: {why}");
        let plain = message(at + 100, start, headers, body);
        let expected = Stream::Answered(status);
        assert_eq!(over_tcp(service, &plain, expected), expected, "{section} {start}: {why}");
        if addressed != 0 {
            let ours = addressed_to_us(&message(at + 200, start, headers, body));
            assert_eq!(over_udp(service, &ours), addressed, "{section} {start}: {why}");
        }
    }
}

#[test]
fn each_message_gets_what_the_rfc_says_and_a_whole_call_works_after_all() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    run(&service);
    works(service);
}
