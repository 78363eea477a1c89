//! Whole calls: every unit, every way of keying, who is refused, how it stops, and that no secret is ever seen.
#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::support::{Folder, Service, json_lines, recording};

fn result(output: &Output) -> Value {
    json_lines(output).pop().unwrap()
}

fn events<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

#[test]
fn every_unit_and_every_way_of_keying_sets_the_password_that_was_keyed() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let keys = folder.file("keys.wav");
    recording(&keys, ",,3,50600002222#,27182818#,1,");
    let played = ["--unit", "admin-user", "--password", "27182818", "--play", keys.to_str().unwrap()];
    let target = ["--unit", "number", "--password", "57721566", "--target", "0600002222", "--srtp=AEAD_AES_256_GCM"];
    let calls: &[(&str, &str, &str, &[&str])] = &[
        ("line", "0600001111", "48151623", &["--unit", "line", "--password", "48151623", "--srtp"]),
        ("number", "0600001111", "31415926", &["--unit", "number", "--password", "31415926", "--dtmf", "inband"]),
        ("admin-user", "0600001111", "16180339", &["--unit", "admin-user", "--password", "16180339", "--dtmf", "info"]),
        ("number", "0600002222", "57721566", &target),
        ("admin-user", "0600002222", "27182818", &played),
    ];
    thread::scope(|scope| {
        for (unit, number, password, flags) in calls {
            let service = &service;
            scope.spawn(move || {
                let output = service.call(&[&["--from", "0600001111"], *flags].concat()).output().unwrap();
                let lines = json_lines(&output);
                assert!(output.status.success(), "{unit} {number}: {lines:#?}");
                assert_eq!(lines.last().unwrap()["outcomes"]["set"], 1);
                assert!(events(&lines, "heard").iter().any(|line| line["prompt"] == "done"), "{lines:#?}");
                assert!(service.verify(unit, number, password), "{unit} {number}");
                assert!(!service.verify(unit, number, "99999998"), "{unit} {number}");
            });
        }
    });
    let records = service.records(calls.len());
    assert_eq!(records.len(), calls.len());
    assert!(records.iter().all(|record| record["outcome"] == "set" && record["status"] == 200), "{records:#?}");
}

#[test]
fn who_is_not_on_a_contracted_line_is_refused_unanswered_and_nothing_is_written() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let output =
        service.call(&["--from", "0699999999", "--unit", "number", "--password", "48151623"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = json_lines(&output);
    assert!(events(&lines, "answered").is_empty());
    assert_eq!(events(&lines, "refused")[0]["status"], 403);
    assert_eq!(result(&output)["outcomes"]["refused: 403"], 1);
    let records = service.records(1);
    assert_eq!(records.len(), 1);
    assert_eq!((&records[0]["outcome"], &records[0]["status"]), (&"refused-unknown-line".into(), &403.into()));
    assert!(records[0]["answered_at"].is_null());
    assert!(!service.verify("number", "0699999999", "48151623"));
}

#[test]
fn who_withholds_the_number_is_refused_unanswered_and_nothing_is_written() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let call = ["--from", "0600001111", "--withheld", "--unit", "line", "--password", "48151623"];
    let output = service.call(&call).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = json_lines(&output);
    assert!(events(&lines, "answered").is_empty());
    assert_eq!(events(&lines, "refused")[0]["status"], 433);
    let records = service.records(1);
    assert_eq!(records.len(), 1);
    assert_eq!((&records[0]["outcome"], &records[0]["status"]), (&"refused-withheld".into(), &433.into()));
    assert!(records[0]["caller"].is_null() && records[0]["answered_at"].is_null());
    assert!(!service.verify("line", "0600001111", "48151623"));
}

#[test]
fn from_is_believed_only_where_the_configuration_says_so() {
    let folder = Folder::new();
    let db = folder.file("store.db");
    let added = super::support::karipass().args(["contract", "add", "0600001111", "--db"]).arg(&db).output().unwrap();
    assert!(added.status.success(), "{added:?}");
    let service = Service::start(&db, &[], "info");
    let output = service.call(&["--from", "0600001111", "--unit", "line", "--password", "48151623"]).output().unwrap();
    assert_eq!(result(&output)["outcomes"]["refused: 403"], 1);
    assert_eq!(service.records(1)[0]["outcome"], "refused-untrusted");
}

#[test]
fn a_password_that_breaks_a_rule_is_told_so_and_nothing_is_set() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let output = service.call(&["--from", "0600001111", "--unit", "number", "--password", "1234"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(result(&output)["outcomes"]["failed: password-run"], 1);
    assert!(!service.verify("number", "0600001111", "1234"));
    assert_eq!(service.records(1)[0]["outcome"], "hung-up");
}

#[test]
fn bound_to_every_address_media_goes_to_the_one_that_the_caller_reached() {
    let folder = Folder::new();
    let config = folder.file("karipass.toml");
    std::fs::write(&config, "[rtp]\nlisten = \"0.0.0.0\"\n").unwrap();
    let flags = ["--demo", "--config", config.to_str().unwrap(), "--sip", "0.0.0.0:0"];
    let service = Service::start(&folder.file("store.db"), &flags, "info");
    let output = service.call(&["--from", "0600001111", "--unit", "number", "--password", "1234"]).output().unwrap();
    // the prompt was heard, so media went both ways
    assert_eq!(result(&output)["outcomes"]["failed: password-run"], 1, "{output:?}");
}

#[test]
fn stopping_lets_running_calls_end_and_takes_no_new_ones() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let keys = folder.file("keys.wav");
    recording(&keys, ",2,1,,48151623#1,");
    assert_eq!(health(&service), "SIP/2.0 200 OK");
    let mut running = service
        .call(&["--from", "0600001111", "--unit", "number", "--password", "48151623", "--play", keys.to_str().unwrap()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(running.stdout.take().unwrap()));
    let heard = lines.by_ref().map(|line| line.unwrap()).find(|line| line.contains("greeting"));
    assert!(heard.is_some());
    service.terminate();
    let refused = service.call(&["--from", "0600001111", "--unit", "line", "--password", "31415926"]).output().unwrap();
    assert_eq!(result(&refused)["outcomes"]["refused: 503"], 1, "{refused:?}");
    assert_eq!(health(&service), "SIP/2.0 503 Service Unavailable", "a balancer looks elsewhere");
    let rest: Vec<String> = lines.map(|line| line.unwrap()).collect();
    assert!(running.wait().unwrap().success(), "{rest:#?}");
    let db = service.db.clone();
    let (code, log) = service.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(super::support::verify(&db, "number", "0600001111", "48151623").status.success());
}

#[test]
fn a_stop_is_heard_while_a_flood_comes_in() {
    let folder = Folder::new();
    let mut service = Service::demo(&folder.file("store.db"));
    let address = service.at("udp");
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let ended = thread::scope(|scope| {
        for source in 0..2 {
            let (over, sent, address) = (&over, &sent, &address);
            scope.spawn(move || flood(source, address, over, sent));
        }
        // it is under way
        while sent.load(Ordering::Relaxed) < 20_000 {
            thread::yield_now();
        }
        service.terminate();
        let ended = service.ends_within(Duration::from_secs(30));
        over.store(true, Ordering::Relaxed);
        ended
    });
    assert!(ended, "the stop is not heard");
}

/// Sends requests, each another one, as fast as they go, until it is over.
fn flood(source: usize, to: &str, over: &AtomicBool, sent: &AtomicU64) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let own = socket.local_addr().unwrap();
    for number in 0u64.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let options = format!(
            "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{source}-{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:flood@127.0.0.1>;tag=b\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {number}@flood{source}\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        // what the service does not take is lost, as on any network
        let _ = socket.send_to(options.as_bytes(), to);
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// What an OPTIONS is answered with: its status line.
fn health(service: &Service) -> String {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    let own = socket.local_addr().unwrap();
    let options = format!(
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{}\r\nMax-Forwards: 70\r\n\
         From: <sip:balancer@127.0.0.1>;tag=b\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {}@balancer\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n",
        own.port(),
        own.port()
    );
    socket.send_to(options.as_bytes(), &service.address).unwrap();
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).lines().next().unwrap().to_owned()
}

#[test]
fn no_secret_is_seen_in_any_log_output_or_file() {
    let folder = Folder::new();
    let service = Service::start(&folder.file("store.db"), &["--demo"], "trace");
    let password = "86753092";
    let output = service
        .call(&["--from", "0600001111", "--unit", "number", "--password", password, "--dtmf", "info"])
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(service.verify("number", "0600001111", password));
    service.terminate();
    let db = service.db.clone();
    let (_, log) = service.wait();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is on");
    let mut seen = vec![("log", log.into_bytes()), ("stdout", output.stdout), ("stderr", output.stderr)];
    for file in std::fs::read_dir(db.parent().unwrap()).unwrap() {
        seen.push(("file", std::fs::read(file.unwrap().path()).unwrap()));
    }
    for (what, bytes) in seen {
        assert!(
            !bytes.windows(password.len()).any(|window| window == password.as_bytes()),
            "the password is in the {what}"
        );
        let text = String::from_utf8_lossy(&bytes);
        for signal in ["Signal=8", "Signal=6", "digit-8", "Key(8", "Digit(8"] {
            assert!(!text.contains(signal), "{signal} is in the {what}");
        }
    }
}

#[test]
fn an_offer_in_the_answer_is_answered_in_the_ack() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let flags = ["--from", "0600001111", "--unit", "number", "--password", "48151623", "--late-offer"];
    let output = service.call(&flags).output().unwrap();
    assert!(output.status.success(), "{:#?}", json_lines(&output));
    assert!(service.verify("number", "0600001111", "48151623"));
}

/// A service of a few lines, which answers and waits for an ACK.
#[test]
fn an_answer_is_not_acknowledged_where_that_is_wanted() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let to = format!("sip:0664806430@{}", socket.local_addr().unwrap());
    let caller = super::support::karipass()
        .args(["call", "--json", "--to", &to, "--from", "0600001111", "--unit", "line", "--password", "48151623"])
        .arg("--no-ack")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut buffer = [0; 4096];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    let invite = String::from_utf8(buffer[..length].to_vec()).unwrap();
    let field = |name: &str| invite.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
    let answer = format!(
        "SIP/2.0 200 OK\r\n{}\r\n{}\r\n{};tag=s\r\n{}\r\n{}\r\nContact: <{to}>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        field("Via:"),
        field("From:"),
        field("To:"),
        field("Call-ID:"),
        field("CSeq:"),
        body.len()
    );
    // repeated as if its ACK had been lost
    for _ in 0..3 {
        socket.send_to(answer.as_bytes(), from).unwrap();
    }
    let bye = format!(
        "BYE sip:0600001111@{from} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKb\r\nMax-Forwards: 70\r\n{}\r\n{}\r\n{}\r\n\
         CSeq: 1 BYE\r\nReason: Q.850;cause=102;text=\"Recovery on timer expiry\"\r\nContent-Length: 0\r\n\r\n",
        socket.local_addr().unwrap(),
        field("To:").replace("To:", "From:") + ";tag=s",
        field("From:").replace("From:", "To:"),
        field("Call-ID:"),
    );
    socket.send_to(bye.as_bytes(), from).unwrap();
    let length = socket.recv(&mut buffer).unwrap();
    let next = String::from_utf8(buffer[..length].to_vec()).unwrap();
    assert!(next.starts_with("SIP/2.0 200") && next.contains("CSeq: 1 BYE"), "something came before it: {next}");
    let output = caller.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = json_lines(&output);
    assert_eq!(events(&lines, "answered").len(), 1, "{lines:#?}");
    assert_eq!(events(&lines, "ended")[0]["reason"], "Q.850;cause=102;text=\"Recovery on timer expiry\"");
}

#[test]
fn a_refusal_is_announced_in_early_media_where_the_configuration_says_so() {
    let folder = Folder::new();
    let config = folder.file("karipass.toml");
    std::fs::write(&config, "[sip]\nrefuse_with_announcement = true\n").unwrap();
    let service = Service::start(&folder.file("store.db"), &["--demo", "--config", config.to_str().unwrap()], "info");
    let output =
        service.call(&["--from", "0699999999", "--unit", "number", "--password", "48151623"]).output().unwrap();
    let lines = json_lines(&output);
    assert_eq!(output.status.code(), Some(1), "{lines:#?}");
    assert_eq!((&events(&lines, "progress")[0]["status"], events(&lines, "answered").len()), (&183.into(), 0));
    assert_eq!(events(&lines, "heard")[0]["prompt"], "refused-line", "{lines:#?}");
    assert_eq!(result(&output)["outcomes"]["refused: 403"], 1);
    let record = &service.records(1)[0];
    assert_eq!((&record["outcome"], &record["status"]), (&"refused-unknown-line".into(), &403.into()));
    assert!(record["answered_at"].is_null(), "uncharged");
}
