//! Bad input: each says what, where and what to do, exits with the right code, and leaves everything as it was.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Output;

use super::support::{Folder, Service, karipass, verify};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_port_in_use() {
    let folder = Folder::new();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let db = folder.file("store.db");
    let serve = |flags: &[&str]| {
        let all = [&["serve", "--sip", &address, "--rtp-ports", "0", "--site", "127.0.0.1:0"], flags].concat();
        karipass().args(all).arg("--db").arg(&db).output().unwrap()
    };
    for flags in [&[][..], &["--demo"]] {
        refused(&serve(flags), 3, &[&address, "in use", "choose another"]);
        assert_eq!(folder.names(), Vec::<String>::new(), "no store is left behind");
    }
    // one that was there stays
    assert!(karipass().args(["contract", "add", "0600001111", "--db"]).arg(&db).output().unwrap().status.success());
    refused(&serve(&[]), 3, &[&address, "in use"]);
    assert!(db.exists());
}

#[test]
fn a_broken_configuration() {
    let folder = Folder::new();
    let file = folder.file("karipass.toml");
    for (text, words) in [
        ("[sip]\nlissten = []\n", &["karipass.toml", "lissten", "2"][..]),
        ("[ivr]\nconfirm = \"maybe\"\n", &["confirm", "read-back", "re-enter"]),
        ("[rtp]\nports = \"abc\"\n", &["ports"]),
        ("[sip\n", &["karipass.toml", "1"]),
    ] {
        fs::write(&file, text).unwrap();
        let output = karipass().arg("calls").arg("--config").arg(&file).output().unwrap();
        refused(&output, 2, words);
    }
    let output = karipass().args(["calls", "--config"]).arg(folder.file("absent.toml")).output().unwrap();
    refused(&output, 3, &["absent.toml"]);
}

#[test]
fn a_missing_or_foreign_store() {
    let folder = Folder::new();
    let absent = folder.file("absent.db");
    refused(&verify(&absent, "line", "0600001111", "48151623"), 3, &["absent.db"]);
    assert!(!absent.exists(), "asking creates nothing");
    let foreign = folder.file("foreign.db");
    let other = rusqlite::Connection::open(&foreign).unwrap();
    other.execute_batch("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('okonomiyaki')").unwrap();
    drop(other);
    let before = fs::read(&foreign).unwrap();
    let output = karipass()
        .args(["serve", "--demo", "--sip", "127.0.0.1:0", "--site", "127.0.0.1:0", "--db"])
        .arg(&foreign)
        .output()
        .unwrap();
    refused(&output, 3, &["foreign.db"]);
    assert_eq!(fs::read(&foreign).unwrap(), before, "left byte for byte");
    let text = folder.file("notes.txt");
    fs::write(&text, "not a database at all, but long enough to be taken for one".repeat(50)).unwrap();
    let output = karipass().args(["calls", "--db"]).arg(&text).output().unwrap();
    refused(&output, 3, &["notes.txt"]);
}

#[test]
fn the_example_refuses_a_store_that_is_in_use_for_something_else() {
    let folder = Folder::new();
    let db = folder.file("store.db");
    assert!(karipass().args(["contract", "add", "0312345678", "--db"]).arg(&db).output().unwrap().status.success());
    let output = karipass()
        .args(["serve", "--demo", "--sip", "127.0.0.1:0", "--site", "127.0.0.1:0", "--db"])
        .arg(&db)
        .output()
        .unwrap();
    refused(&output, 3, &["store.db", "--db"]);
}

#[test]
fn recordings_and_captures_that_are_damaged() {
    let folder = Folder::new();
    let whole = folder.file("whole.wav");
    super::support::recording(&whole, "48151623");
    let bytes = fs::read(&whole).unwrap();
    for length in [0, 3, 12, 20, 43, bytes.len() / 2] {
        let cut = folder.file("cut.wav");
        fs::write(&cut, &bytes[..length]).unwrap();
        let output = karipass().arg("decode").arg(&cut).output().unwrap();
        refused(&output, 1, &["cut.wav"]);
    }
    let garbage = folder.file("garbage.pcap");
    fs::write(&garbage, [0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 9, 9, 9]).unwrap();
    refused(&karipass().arg("decode").arg(&garbage).output().unwrap(), 1, &["garbage.pcap"]);
    refused(&karipass().args(["decode", "absent.wav"]).output().unwrap(), 3, &["absent.wav"]);
    let output = karipass()
        .args(["call", "--to", "sip:0664806430@127.0.0.1:1", "--from", "0600001111", "--unit", "line"])
        .args(["--password", "48151623", "--play", "absent.wav"])
        .output()
        .unwrap();
    refused(&output, 3, &["absent.wav"]);
}

#[test]
fn arguments_that_make_no_sense() {
    let call = ["call", "--to", "sip:0664806430@127.0.0.1:1", "--unit", "line", "--password", "48151623", "--from"];
    refused(&karipass().args(call).arg("600001111").output().unwrap(), 2, &["600001111", "leading 0"]);
    refused(&karipass().args(call).args(["0600001111", "--dtmf", "morse"]).output().unwrap(), 2, &["rfc4733"]);
    refused(&karipass().args(["account", "verify", "--unit", "household"]).output().unwrap(), 2, &["admin-user"]);
    refused(&karipass().args(["serve", "--sip", "nowhere"]).output().unwrap(), 2, &["nowhere"]);
    let secret =
        ["call", "--to", "sip:1@127.0.0.1:1", "--unit", "line", "--from", "0600001111", "--password", "4815x623"];
    let output = karipass().args(secret).output().unwrap();
    refused(&output, 2, &["--password"]);
}

#[test]
fn a_full_disk() {
    let full = std::path::Path::new("/dev/full");
    if full.exists() {
        let folder = Folder::new();
        let service = Service::demo(&folder.file("store.db"));
        let out = fs::OpenOptions::new().write(true).open(full).unwrap();
        let output = karipass().args(["calls", "--json", "--db"]).arg(&service.db).stdout(out).output().unwrap();
        // nothing to print, nothing to fail; the table has a heading
        assert!(output.status.success());
        let out = fs::OpenOptions::new().write(true).open(full).unwrap();
        refused(&karipass().args(["calls", "--db"]).arg(&service.db).stdout(out).output().unwrap(), 3, &["stdout"]);
    }
}
