//! What a caller gets before its call is answered, and by which IP version its media goes.
#![allow(clippy::unwrap_used)]

use std::net::{Ipv6Addr, UdpSocket};
use std::time::Duration;

use super::support::{Folder, Service};

/// A caller on loopback whose messages are written by hand.
struct Caller {
    socket: UdpSocket,
    service: String,
}

impl Caller {
    fn new(service: &Service) -> Caller {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Caller { socket, service: service.address.clone() }
    }

    /// Sends an INVITE that offers PCMU at this address.
    fn invite(&self, address: &str, extra: &str) {
        let version = if address.contains(':') { 6 } else { 4 };
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP{version} {address}\r\ns=-\r\nc=IN IP{version} {address}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
        );
        self.send("INVITE", 1, "", &format!("{extra}Content-Type: application/sdp\r\n"), &sdp);
    }

    fn send(&self, method: &str, number: u32, to_tag: &str, extra: &str, body: &str) {
        let (own, service) = (self.socket.local_addr().unwrap(), &self.service);
        let message = format!(
            "{method} sip:0664806430@{service} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK-{own}-{number}-{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:0600001111@{own}>;tag=t\r\nTo: <sip:0664806430@{service}>{to_tag}\r\n\
             Call-ID: {own}\r\nCSeq: {number} {method}\r\nContact: <sip:0600001111@{own}>\r\n{extra}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.socket.send_to(message.as_bytes(), service).unwrap();
    }

    /// The next response other than 100.
    fn response(&self) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.socket.recv(&mut buffer).unwrap();
            let response = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if !response.starts_with("SIP/2.0 100 ") {
                return response;
            }
        }
    }

    /// Hangs up the call that `answer` has made.
    fn hang_up(&self, answer: &str) {
        let tag = to_tag(answer);
        self.send("ACK", 1, &tag, "", "");
        self.send("BYE", 9, &tag, "", "");
        while !self.response().contains("CSeq: 9 BYE") {}
    }
}

fn to_tag(response: &str) -> String {
    let to = response.lines().find(|line| line.starts_with("To:")).unwrap();
    to[to.rfind(";tag=").unwrap()..].to_owned()
}

#[test]
fn media_goes_by_the_ip_version_that_is_offered_whatever_signalling_goes_over() {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return println!("skipped: this machine has no ::1");
    }
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    for (address, connection) in [("::1", "c=IN IP6 ::1\r\n"), ("127.0.0.1", "c=IN IP4 127.0.0.1\r\n")] {
        let caller = Caller::new(&service);
        caller.invite(address, "");
        let answer = caller.response();
        assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains(connection), "{answer}");
        caller.hang_up(&answer);
    }
    service.records(2);
    service.terminate();
}

#[test]
fn bound_to_every_address_it_tells_the_one_by_which_media_gets_there() {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return println!("skipped: this machine has no ::1");
    }
    let folder = Folder::new();
    let config = folder.file("karipass.toml");
    std::fs::write(&config, "[rtp]\nlisten = [\"0.0.0.0\", \"::\"]\n").unwrap();
    let service = Service::start(&folder.file("store.db"), &["--demo", "--config", config.to_str().unwrap()], "info");
    let caller = Caller::new(&service);
    caller.invite("::1", "");
    let answer = caller.response();
    assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains("c=IN IP6 ::1\r\n"), "{answer}");
    caller.hang_up(&answer);
    service.records(1);
    service.terminate();
}

#[test]
fn an_ip_version_that_is_not_served_is_refused_and_the_record_says_so() {
    let folder = Folder::new();
    let config = folder.file("karipass.toml");
    // not the loopback of the demonstration, which has both
    std::fs::write(&config, "[rtp]\nlisten = \"0.0.0.0\"\n").unwrap();
    let service = Service::start(&folder.file("store.db"), &["--demo", "--config", config.to_str().unwrap()], "info");
    let caller = Caller::new(&service);
    caller.invite("2001:db8::9", "");
    let refusal = caller.response();
    assert!(refusal.starts_with("SIP/2.0 488 "), "{refusal}");
    let warning = "Warning: 301 127.0.0.1 \"the media address is of IPv6, ours is of IPv4\"\r\n";
    assert!(refusal.contains(warning), "{refusal}");
    caller.send("ACK", 1, &to_tag(&refusal), "", "");
    let record = service.records(1).remove(0);
    assert_eq!(record["outcome"], "refused-media");
    assert_eq!(record["refused_media"], "the media address is of IPv6, ours is of IPv4");
    service.terminate();
}

#[test]
fn every_invite_that_is_refused_has_a_record_that_says_what_to_do() {
    let (folder, invites) =
        (Folder::new(), ["", "P-Asserted-Identity: <sip:taro@ims.example.jp>\r\n", "Require: precondition\r\n"]);
    let (config, db) = (folder.file("karipass.toml"), folder.file("store.db"));
    std::fs::write(&config, "[sip]\ntrusted_peers = [\"127.0.0.1\"]\n[limits]\ncalls = 1\n").unwrap();
    let added = super::support::karipass().args(["contract", "add", "0600001111", "--db"]).arg(&db).output().unwrap();
    assert!(added.status.success(), "{added:?}");
    let service = Service::start(&db, &["--config", config.to_str().unwrap()], "info");
    let refused = |extra: &str| {
        let caller = Caller::new(&service);
        caller.invite("127.0.0.1", extra);
        let refusal = caller.response();
        caller.send("ACK", 1, &to_tag(&refusal), "", "");
        refusal
    };
    let known = "P-Asserted-Identity: <tel:+81600001111>\r\n";
    let statuses: Vec<String> = invites.iter().map(|extra| refused(extra)[8..11].to_owned()).collect();
    assert_eq!(statuses, ["403", "403", "420"]);
    // the last one's place is free as soon as its call is over
    service.records(3);
    let first = Caller::new(&service);
    first.invite("127.0.0.1", known);
    let answer = first.response();
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert!(refused(known).starts_with("SIP/2.0 503 "));
    first.hang_up(&answer);
    let records = service.records(5);
    let told = |outcome: &str| records.iter().find(|record| record["outcome"] == outcome).unwrap()["detail"].clone();
    assert_eq!(
        told("refused-untrusted"),
        "the peer is in [sip] trusted_peers, but its INVITE has no P-Asserted-Identity"
    );
    assert!(told("refused-unknown-line").as_str().unwrap().starts_with("the caller's identity is no telephone number"));
    assert_eq!(told("refused-request"), "it requires extensions that are not known: precondition");
    assert_eq!(told("refused-busy"), "1 calls are running, which is [limits] calls or what descriptors allow");
    service.terminate();
}

#[test]
fn a_call_rings_reliably_before_it_is_answered_where_that_is_wanted() {
    let folder = Folder::new();
    let config = folder.file("karipass.toml");
    std::fs::write(&config, "[sip]\nringing = true\n").unwrap();
    let service = Service::start(&folder.file("store.db"), &["--demo", "--config", config.to_str().unwrap()], "info");
    for (extra, reliably) in [("Supported: 100rel\r\n", true), ("Require: 100rel\r\n", true), ("", false)] {
        let caller = Caller::new(&service);
        caller.invite("127.0.0.1", extra);
        let (ringing, answer) = (caller.response(), caller.response());
        assert!(ringing.starts_with("SIP/2.0 180 ") && answer.starts_with("SIP/2.0 200 "), "{ringing}{answer}");
        let sequence = ringing.lines().find_map(|line| line.strip_prefix("RSeq: "));
        assert_eq!(sequence.is_some(), reliably, "{ringing}");
        if let Some(sequence) = sequence {
            caller.send("PRACK", 2, &to_tag(&ringing), &format!("RAck: {sequence} 1 INVITE\r\n"), "");
            let acknowledged = caller.response();
            assert!(
                acknowledged.starts_with("SIP/2.0 200 ") && acknowledged.contains("CSeq: 2 PRACK"),
                "{acknowledged}"
            );
        }
        caller.hang_up(&answer);
    }
    service.records(3);
    service.terminate();
}
