//! Transports as users meet them: whole calls over TCP, TLS and IPv6, certificates, and connections that break.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::pki::{Authority, Signed};
use super::support::{Folder, Service, json_lines, karipass};

/// A configuration with these listeners, and the certificate's and key's files of this folder.
fn configured(folder: &Folder, listen: &str, more: &str) -> Vec<String> {
    let file = folder.file("karipass.toml");
    let (certificate, key) = (folder.file("cert.pem"), folder.file("key.pem"));
    let text = format!(
        "[sip]\nlisten = [{listen}]\ncertificate = {certificate:?}\nkey = {key:?}\n{more}\n[limits]\nmedia_workers = 1\n"
    );
    fs::write(&file, text).unwrap();
    vec!["--demo".to_owned(), "--config".to_owned(), file.to_str().unwrap().to_owned()]
}

const ALL: &str = r#""udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0""#;

fn start(folder: &Folder, flags: &[String]) -> Service {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Service::configured(&folder.file("store.db"), &flags, "info")
}

fn with_tls(folder: &Folder, signed: &Signed) -> Service {
    signed.files(&folder.0);
    start(folder, &configured(folder, ALL, ""))
}

/// A call that a line without a contract makes: refused with 403, so exit 1, if it gets through at all.
fn try_call(to: &str, flags: &[&str]) -> Output {
    let mut call = karipass();
    call.args(["call", "--json", "--to", to, "--from", "0699999999", "--unit", "line", "--password", "48151623"]);
    call.args(flags).output().unwrap()
}

fn set(unit: &str, service: &Service, to: &str, flags: &[&str]) {
    let mut call = karipass();
    call.args(["call", "--json", "--to", to, "--from", "0600001111", "--unit", unit, "--password", "48151623"]);
    let output = call.args(flags).output().unwrap();
    let lines = json_lines(&output);
    assert!(output.status.success(), "{to} {flags:?}: {lines:#?} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(lines.last().unwrap()["outcomes"]["set"], 1);
    assert!(service.verify(unit, "0600001111", "48151623"), "{to}");
}

fn has_ipv6() -> bool {
    match UdpSocket::bind("[::1]:0") {
        Ok(_) => true,
        Err(error) => {
            println!("skipped: this machine has no ::1 ({error})");
            false
        }
    }
}

#[test]
fn whole_calls_over_tcp_and_tls() {
    let folder = Folder::new();
    let authority = Authority::new();
    let service = with_tls(&folder, &authority.sign());
    let ca = authority.file(&folder.0);
    let vouched = ["--tls-ca", ca.to_str().unwrap()];
    let (tcp, tls) = (service.at("tcp"), service.at("tls"));
    std::thread::scope(|scope| {
        let service = &service;
        let calls: [(&str, String, &[&str]); 3] = [
            ("line", format!("sip:0664806430@{tcp}"), &["--transport", "tcp"]),
            ("number", format!("sip:0664806430@{tls}"), &["--transport", "tls", "--tls-insecure"]),
            ("admin-user", format!("sips:0664806430@{tls}"), &vouched),
        ];
        for (unit, to, flags) in calls {
            scope.spawn(move || set(unit, service, &to, flags));
        }
    });
}

#[test]
fn who_is_not_vouched_for_is_not_called() {
    let folder = Folder::new();
    let service = with_tls(&folder, &Authority::new().sign());
    let to = format!("sip:0664806430@{}", service.at("tls"));
    let other = Authority::new().file(&folder.0);
    for flags in [&["--transport", "tls"][..], &["--transport", "tls", "--tls-ca", other.to_str().unwrap()]] {
        let output = try_call(&to, flags);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains("invalid peer certificate") && told.contains("--tls-ca"), "{told}");
    }
    let output = try_call(&to.replace("sip:", "sips:"), &["--transport", "udp"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("TLS alone"), "{output:?}");
}

#[test]
fn sighup_reads_the_certificate_again_and_a_bad_one_is_told_and_not_taken() {
    let folder = Folder::new();
    let (first, second) = (Authority::new(), Authority::new());
    let service = with_tls(&folder, &first.sign());
    let to = format!("sip:0664806430@{}", service.at("tls"));
    let called = |authority: &Authority| {
        let ca = authority.file(&folder.0);
        try_call(&to, &["--transport", "tls", "--tls-ca", ca.to_str().unwrap()]).status.code()
    };
    assert_eq!((called(&first), called(&second)), (Some(1), Some(3)));
    fs::write(folder.file("cert.pem"), "half a certif").unwrap();
    service.hang_up();
    service.wait_for_log("certificate not reloaded");
    assert_eq!((called(&first), called(&second)), (Some(1), Some(3)));
    second.sign().files(&folder.0);
    service.hang_up();
    service.wait_for_log("certificate reloaded");
    assert_eq!((called(&first), called(&second)), (Some(3), Some(1)));
    service.terminate();
    let (code, log) = service.wait();
    assert!(code == Some(0) && log.contains("cert.pem: holds no certificate"), "{log}");
}

/// Whether the site shows a certificate that this authority has signed.
fn site_is_of(service: &Service, authority: &Authority, folder: &Path) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_file_iter(authority.file(folder)).unwrap().flatten());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = Arc::new(client.with_root_certificates(roots).with_no_client_auth());
    let client = ClientConnection::new(client, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(client, TcpStream::connect(&service.site).unwrap());
    if stream.write_all(b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_err() {
        return false;
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer.starts_with(b"HTTP/1.1 200")
}

#[test]
fn sighup_reads_the_sites_certificate_again_and_a_bad_one_is_told_and_not_taken() {
    let folder = Folder::new();
    let (first, second) = (Authority::new(), Authority::new());
    let (certificate, key) = first.sign().files(&folder.0);
    let config = folder.file("site.toml");
    let text = format!("[site]\ncertificate = '{}'\nkey = '{}'\n", certificate.display(), key.display());
    fs::write(&config, text).unwrap();
    let service = Service::start(&folder.file("store.db"), &["--demo", "--config", config.to_str().unwrap()], "info");
    let shown = || [&first, &second].map(|authority| site_is_of(&service, authority, &folder.0));
    assert_eq!(shown(), [true, false]);
    fs::write(&key, second.sign().key).unwrap();
    service.hang_up();
    service.wait_for_log("certificate not reloaded");
    assert_eq!(shown(), [true, false], "the key of another certificate");
    second.sign().files(&folder.0);
    service.hang_up();
    service.wait_for_log("certificate reloaded");
    assert_eq!(shown(), [false, true]);
    service.terminate();
    let (code, log) = service.wait();
    assert!(code == Some(0) && log.contains("not the private key of the certificate in"), "{log}");
}

#[test]
fn without_a_certificate_sighup_ends_nothing() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    service.hang_up();
    service.wait_for_log("SIGHUP: there is no certificate");
    service.terminate();
    assert_eq!(service.wait().0, Some(0));
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
    let folder = Folder::new();
    let authority = Authority::new();
    let refused = |code: i32, words: &[&str]| {
        let flags = configured(&folder, r#""tls:127.0.0.1:0""#, "");
        let output = karipass().arg("serve").args(flags).arg("--db").arg(folder.file("store.db")).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(words.iter().all(|word| told.contains(word)), "{words:?} in {told}");
    };
    refused(2, &["karipass.toml", "sip.certificate", "cert.pem: No such file"]);
    authority.sign_for_years(&["localhost"], (2001, 2002)).files(&folder.0);
    refused(3, &["cert.pem: the certificate has expired on 2002-01-01", "renew it"]);
    authority.sign().files(&folder.0);
    fs::write(folder.file("key.pem"), authority.sign().key).unwrap();
    refused(3, &["key.pem: not the private key of the certificate in", "cert.pem"]);
    assert!(!Path::new(&folder.file("store.db")).exists(), "nothing was made before");
}

#[test]
fn whole_calls_over_ipv6_and_ipv4_at_once() {
    if !has_ipv6() {
        return;
    }
    let folder = Folder::new();
    let authority = Authority::new();
    authority.sign().files(&folder.0);
    let listen = format!(r#"{ALL}, "udp:[::1]:0", "tcp:[::1]:0", "tls:[::1]:0""#);
    let service = start(&folder, &configured(&folder, &listen, "[rtp]\nlisten = [\"127.0.0.1\", \"::1\"]"));
    assert_eq!(service.sip().len(), 6, "a line for each");
    let six = |transport: &str| service.all_at(transport).into_iter().find(|at| at.starts_with('[')).unwrap();
    let tls = ["--transport", "tls", "--tls-insecure"];
    std::thread::scope(|scope| {
        let service = &service;
        let calls: [(&str, String, &[&str]); 3] =
            [("line", six("udp"), &[]), ("number", six("tls"), &tls), ("admin-user", service.at("udp"), &[])];
        for (unit, at, flags) in calls {
            scope.spawn(move || set(unit, service, &format!("sip:0664806430@{at}"), flags));
        }
    });
    assert_eq!(try_call(&format!("sip:0664806430@{}", six("tcp")), &["--transport", "tcp"]).status.code(), Some(1));
}

#[test]
fn an_answer_finds_a_new_connection_when_its_own_has_broken() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let sent_by = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = sent_by.local_addr().unwrap();
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let invite = format!(
        "INVITE sip:0664806430@{to} SIP/2.0\r\nVia: SIP/2.0/TCP {at};branch=z9hG4bKbroken\r\nMax-Forwards: 70\r\n\
         From: <sip:0600001111@127.0.0.1>;tag=a\r\nTo: <sip:0664806430@{to}>\r\nCall-ID: broken\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:0600001111@{at};transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}",
        to = service.tcp_address,
        length = sdp.len(),
    );
    let mut first = TcpStream::connect(&service.tcp_address).unwrap();
    first.write_all(invite.as_bytes()).unwrap();
    drop(first);
    // the 200 is repeated until its ACK comes (RFC 3261 §13.3.1.4)
    let (mut second, _) = sent_by.accept().unwrap();
    let mut start = [0; 12];
    second.read_exact(&mut start).unwrap();
    assert!(start.starts_with(b"SIP/2.0 "), "{}", start.escape_ascii());
    let mut told = start.to_vec();
    while !told.windows(11).any(|window| window == b"SIP/2.0 200") {
        let mut more = [0; 1024];
        let count = second.read(&mut more).unwrap();
        assert!(count > 0, "{}", told.escape_ascii());
        told.extend_from_slice(&more[..count]);
    }
}

#[test]
fn help_tells_of_tls() {
    let help = |command: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_karipass")).args([command, "--help"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let call = help("call");
    assert!(["--transport", "--tls-ca", "--tls-insecure", "sips:"].iter().all(|word| call.contains(word)), "{call}");
    assert!(help("serve").contains("SIGHUP"));
}
