//! A flood of peers that have proved nothing, beside a subscriber's call: the call goes through, and neither log nor store grows by the
//! request.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::support::{Folder, Service, karipass};

/// Requests a second.
const RATE: u32 = 500;
/// However long the call takes.
const MOST: u32 = 30_000;

fn request(kind: u32, number: u32, own: &str) -> Vec<u8> {
    let (method, uri) = match kind {
        0 => ("INVITE", "sip:0664806430@127.0.0.1"),
        1 => ("REGISTER", "sip:127.0.0.1"),
        2 => ("OPTIONS", "sip:127.0.0.1"),
        _ => return format!("INVITE {number} \u{0}\r\nVia: {own}\r\n\r\n").into_bytes(),
    };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK-{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:0600001111@{own}>;tag={number}\r\nTo: <sip:0664806430@127.0.0.1>\r\nCall-ID: {number}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:a@{own}>\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// Sends until it is over, and never acknowledges anything: the requests sent, and the answers that came.
fn flood(service: &str, over: &AtomicBool) -> (u32, u32) {
    let socket = UdpSocket::bind("127.0.0.9:0").unwrap();
    // waiting for an answer is what paces it
    socket.set_read_timeout(Some(Duration::from_secs(1) / RATE)).unwrap();
    let own = socket.local_addr().unwrap().to_string();
    let (mut sent, mut answers) = (0, 0);
    while sent < MOST && !over.load(Ordering::Relaxed) {
        socket.send_to(&request(sent % 4, sent, &own), service).unwrap();
        sent += 1;
        while socket.recv(&mut [0; 2048]).is_ok() {
            answers += 1;
        }
    }
    (sent, answers)
}

#[test]
fn a_flood_of_strangers_costs_a_subscriber_nothing_and_leaves_next_to_nothing() {
    let folder = Folder::new();
    let (db, config) = (folder.file("store.db"), folder.file("karipass.toml"));
    assert!(karipass().args(["contract", "add", "0600001111", "--db"]).arg(&db).output().unwrap().status.success());
    std::fs::write(&config, "[sip]\ntrust_from = [\"127.0.0.1\"]\n").unwrap();
    let service = Service::start(&db, &["--config", config.to_str().unwrap()], "info");
    let over = AtomicBool::new(false);
    let (sent, answers) = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(&service.address, &over));
        let call = service.call(&["--from", "0600001111", "--unit", "line", "--password", "48151623"]).output();
        over.store(true, Ordering::Relaxed);
        let call = call.unwrap();
        assert!(call.status.success(), "{}", String::from_utf8_lossy(&call.stderr));
        flooding.join().unwrap()
    });
    assert!(sent > 1000, "only {sent} requests in the time of a call");
    // of four, the garbage is not answered, and no other more than once
    assert!(answers <= sent * 3 / 4 && answers > sent / 2, "{answers} answers to {sent}");
    assert!(service.verify("line", "0600001111", "48151623"));
    service.terminate();
    let records = service.records(3);
    assert!(records.len() <= 6, "{} records", records.len());
    assert_eq!(records.iter().filter(|record| record["outcome"] == "set").count(), 1);
    let (code, log) = service.wait();
    assert_eq!(code, Some(0));
    assert!(log.lines().count() < 60, "{} lines for {sent} requests", log.lines().count());
}
