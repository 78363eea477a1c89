//! Softphones of a laboratory: passwords of lines, registration, and callers who prove their line.
#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;
use std::time::Duration;

use karipass::internals::sip::digest::{Account, answer};
use karipass::secret::Secret;

use super::support::{Folder, Service, json_lines, with_input as run};

const PASSWORD: &str = "paper-lantern-41";

/// A store with a contract, whose first line has a password if it is to have one.
fn store(folder: &Folder, with_password: bool) -> std::path::PathBuf {
    let db = folder.file("store.db");
    assert!(run(&db, &["contract", "add", "0600001111=all", "0600002222=all"], "").status.success());
    if with_password {
        let output = run(&db, &["line", "passwd", "0600001111"], PASSWORD);
        assert!(output.status.success(), "{output:?}");
    }
    db
}

/// A telephone on loopback whose messages are written by hand.
struct Telephone {
    socket: UdpSocket,
    service: String,
    number: u32,
}

impl Telephone {
    fn new(service: &Service) -> Telephone {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Telephone { socket, service: service.address.clone(), number: 0 }
    }

    /// Sends a request and returns the final response.
    fn ask(&mut self, method: &str, line: &str, extra: &str) -> String {
        self.number += 1;
        let (own, number) = (self.socket.local_addr().unwrap(), self.number);
        let uri = self.uri(method);
        let to = if method == "REGISTER" { format!("sip:{line}@{}", self.service) } else { uri.clone() };
        let message = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK-{own}-{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{line}@{own}>;tag=t\r\nTo: <{to}>\r\nCall-ID: {method}-{own}\r\n\
             CSeq: {number} {method}\r\nContact: <sip:{line}@{own}>\r\n{extra}Content-Length: 0\r\n\r\n"
        );
        self.socket.send_to(message.as_bytes(), &self.service).unwrap();
        let mut buffer = [0; 4096];
        loop {
            let length = self.socket.recv(&mut buffer).unwrap();
            let response = String::from_utf8(buffer[..length].to_vec()).unwrap();
            let own = response.contains(&format!("CSeq: {number} {method}\r\n"));
            if own && !response.starts_with("SIP/2.0 1") {
                return response;
            }
        }
    }

    fn uri(&self, method: &str) -> String {
        let user = if method == "REGISTER" { "" } else { "0664806430@" };
        format!("sip:{user}{}", self.service)
    }

    /// The credentials that answer this 401.
    fn credentials(&self, response: &str, method: &str, user_name: &str, password: &str) -> String {
        let challenges: Vec<&str> =
            response.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: ")).collect();
        let account = Account { user_name: user_name.to_owned(), password: Secret::from(password) };
        let answered = answer(challenges, &account, method, &self.uri(method), "cnonce").unwrap();
        format!("Authorization: {}\r\n", answered.credentials)
    }

    /// Is challenged, answers, and returns the status of the answer to that.
    fn prove(&mut self, method: &str, line: &str, user_name: &str, password: &str, extra: &str) -> String {
        let challenge = self.ask(method, line, extra);
        assert!(challenge.starts_with("SIP/2.0 401 "), "{challenge}");
        let credentials = self.credentials(&challenge, method, user_name, password);
        self.ask(method, line, &(credentials + extra))
    }
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap()
}

#[test]
fn a_telephone_registers_with_its_lines_password_and_nobody_else_does() {
    let folder = Folder::new();
    let db = store(&folder, true);
    let service = Service::start(&db, &[], "debug");
    let mut telephone = Telephone::new(&service);
    let bound = telephone.prove("REGISTER", "0600001111", "0600001111", PASSWORD, "Expires: 300\r\n");
    assert_eq!(status(&bound), "200", "{bound}");
    assert!(bound.contains(";expires=300\r\n"), "{bound}");
    let at_address = format!("+81600001111@{}", service.address.replace(":", ""));
    assert_eq!(status(&telephone.prove("REGISTER", "0600001111", &at_address, PASSWORD, "")), "401", "unknown host");
    let gone = telephone.prove("REGISTER", "0600001111", "0600001111@127.0.0.1", PASSWORD, "Expires: 0\r\n");
    assert!(status(&gone) == "200" && !gone.contains("\r\nContact:"), "{gone}");
    // a line without a password, one that is not contracted, and a wrong password: all alike
    let mut stranger = Telephone::new(&service);
    for (line, password) in [("0600001111", "wrong-wrong"), ("0600002222", PASSWORD), ("0399998888", PASSWORD)] {
        assert_eq!(status(&stranger.prove("REGISTER", line, line, password, "")), "401", "{line}");
    }
    assert_eq!(status(&stranger.prove("REGISTER", "0600002222", "0600001111", PASSWORD, "")), "403", "not its line");
    // its password was right, which forgave the wrong one: of three more the third locks, and then the right one is refused too
    for _ in 0..2 {
        assert_eq!(status(&stranger.prove("REGISTER", "0600001111", "0600001111", "wrong-wrong", "")), "401");
    }
    let one_more = stranger.prove("REGISTER", "0600001111", "0600001111", "wrong-wrong", "");
    let locked = stranger.prove("REGISTER", "0600001111", "0600001111", PASSWORD, "");
    assert_eq!((status(&one_more), status(&locked)), ("401", "403"), "{locked}");
    service.terminate();
    let (code, log) = service.wait();
    assert_eq!(code, Some(0));
    assert!(!log.contains(PASSWORD) && !log.contains("wrong-wrong") && !log.contains("response="), "{log}");
    let audit = String::from_utf8(run(&db, &["line", "list", "--audit"], "").stdout).unwrap();
    let told =
        |action: &str| audit.lines().filter(|line| line.contains(action) && line.contains("from 127.0.0.1")).count();
    assert_eq!((told("line-wrong"), told("line-locked")), (6, 1), "{audit}");
    assert!(!audit.contains(PASSWORD) && !audit.contains("wrong-wrong"), "{audit}");
}

/// A call by the program's own caller, as the line of `from`.
fn call(service: &Service, from: &str, flags: &[&str]) -> (Option<i32>, Vec<serde_json::Value>) {
    let call = ["--from", from, "--unit", "number", "--password", "48151623"];
    let output = service.call(&[&call, flags].concat()).output().unwrap();
    (output.status.code(), json_lines(&output))
}

#[test]
fn the_test_caller_registers_and_sets_a_password_as_its_line() {
    let folder = Folder::new();
    let db = store(&folder, true);
    let service = Service::start(&db, &[], "debug");
    let file = folder.file("telephone.txt");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let with_file = ["--register", "--auth-password-file", file.to_str().unwrap()];
    let (code, lines) = call(&service, "0600001111", &with_file);
    assert_eq!(code, Some(0), "{lines:#?}");
    let registered: Vec<_> = lines.iter().filter(|line| line["event"] == "registered").collect();
    assert_eq!(registered.len(), 2, "and unregistered at the end: {lines:#?}");
    assert!(registered.iter().all(|line| line["status"] == 200));
    assert!(service.verify("number", "0600001111", "48151623"));
    // the line that is proved calls, whatever From says
    let (code, lines) = call(&service, "0399998888", &["--auth-user", "0600001111", "--auth-password", PASSWORD]);
    assert_eq!(code, Some(0), "{lines:#?}");
    let (code, lines) = call(&service, "0600001111", &["--auth-password", "wrong-wrong"]);
    assert!(code == Some(1) && lines.iter().any(|line| line["status"] == 401), "{lines:#?}");
    let (code, lines) = call(&service, "0600001111", &["--register", "--auth-password", "wrong-wrong"]);
    assert!(code == Some(1) && lines.len() == 1, "not registered, not called: {lines:#?}");
    let (code, _) = call(&service, "0600001111", &[]);
    assert_eq!(code, Some(1), "challenged, and nothing to answer with");
    let records = service.records(3);
    let callers: Vec<_> = records.iter().map(|record| record["caller"].as_str()).collect();
    assert_eq!(callers, [Some("0600001111"), Some("0600001111"), None], "{records:#?}");
    service.terminate();
    let (_, log) = service.wait();
    assert!(!log.contains(PASSWORD) && !log.contains("wrong-wrong"), "{log}");
}

#[test]
fn on_loopback_the_demo_asks_for_no_password_but_takes_one_that_is_given() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let (code, lines) = call(&service, "0600001111", &["--register"]);
    assert_eq!(code, Some(0), "{lines:#?}");
    let (code, lines) = call(&service, "0399998888", &["--register"]);
    assert!(code == Some(1) && lines[0]["status"] == 404, "{lines:#?}");
    let generated = run(&service.db, &["line", "passwd", "0600002222", "--generate", "--json"], "");
    let password = json_lines(&generated)[0]["password"].as_str().unwrap().to_owned();
    let (code, lines) = call(&service, "0600002222", &["--register"]);
    assert!(code == Some(1) && lines[0]["status"] == 401, "this line has one now: {lines:#?}");
    let (code, lines) = call(&service, "0600002222", &["--register", "--auth-password", &password]);
    assert_eq!(code, Some(0), "{lines:#?}");
}

#[test]
fn an_unknown_caller_is_challenged_once_any_line_has_a_password() {
    let folder = Folder::new();
    let db = store(&folder, false);
    let service = Service::start(&db, &[], "info");
    let mut telephone = Telephone::new(&service);
    assert_eq!(status(&telephone.ask("INVITE", "0600001111", "")), "403", "nobody could prove anything");
    let generated = run(&db, &["line", "passwd", "0600002222", "--generate", "--json"], "");
    let password = json_lines(&generated)[0]["password"].as_str().unwrap().to_owned();
    let mut telephone = Telephone::new(&service);
    for line in ["0600001111", "0600002222", "0399998888"] {
        let challenge = telephone.ask("INVITE", line, "");
        let offered: Vec<&str> = challenge.lines().filter(|text| text.starts_with("WWW-Authenticate: ")).collect();
        assert!(status(&challenge) == "401" && offered.len() == 2, "{challenge}");
        assert!(offered[0].contains("SHA-256") && offered[1].contains("MD5"));
    }
    assert_eq!(status(&telephone.prove("INVITE", "0600001111", "0600002222", "wrong-wrong", "")), "401");
    let answered = telephone.prove("INVITE", "0600001111", "0600002222", &password, "");
    assert_eq!(status(&answered), "200", "{answered}");
    assert!(run(&db, &["line", "remove", "0600002222"], "").status.success());
    let mut telephone = Telephone::new(&service);
    assert_eq!(status(&telephone.ask("INVITE", "0600001111", "")), "403", "as before");
    service.records(2);
    // the second of a kind within a minute is told in a sum, at the latest when the service is to stop
    service.terminate();
    let records = service.records(3);
    let refused = |outcome: &str| records.iter().filter(|record| record["outcome"] == outcome).count();
    assert_eq!((refused("refused-untrusted"), refused("refused-password")), (2, 1), "{records:#?}");
}
