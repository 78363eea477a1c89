//! What an operator meets around the service: limits of the system, variables, ranges of ports, and nobody who reads its output.
#![allow(clippy::unwrap_used)]

use std::ffi::{OsStr, OsString};
use std::net::UdpSocket;
use std::os::unix::ffi::OsStringExt;
use std::process::Output;

use super::support::{Folder, Service, karipass};

const LISTEN: [&str; 6] = ["--sip", "127.0.0.1:0", "--site", "127.0.0.1:0", "--rtp-ports", "0"];

#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    words.iter().for_each(|word| assert!(told.contains(word), "{word:?} is not in: {told}"));
}

/// An even port that is free with the next one, from 127.0.0.1 alone.
fn free_pair() -> u16 {
    let pair = |port: u16| (UdpSocket::bind(("127.0.0.1", port)).ok(), UdpSocket::bind(("127.0.0.1", port + 1)).ok());
    (30_000..32_000).step_by(2).find(|&port| matches!(pair(port), (Some(_), Some(_)))).unwrap()
}

#[test]
fn fewer_pairs_of_ports_than_media_workers() {
    let folder = Folder::new();
    let port = free_pair();
    let config = folder.file("karipass.toml");
    std::fs::write(&config, "[limits]\nmedia_workers = 8\n").unwrap();
    let ports = format!("{port}-{}", port + 1);
    let flags = ["--demo", "--config", config.to_str().unwrap(), "--rtp-ports", &ports];
    let service = Service::start(&folder.file("store.db"), &flags, "warn");
    service.wait_for_log("fewer calls");
    let called = service.call(&["--from", "0600001111", "--unit", "line", "--password", "48151623"]).output().unwrap();
    assert!(called.status.success(), "{}", String::from_utf8_lossy(&called.stdout));
}

#[test]
fn too_few_open_files_for_a_single_call() {
    let folder = Folder::new();
    let mut words = vec![OsString::from("-c"), OsString::from("ulimit -n 80; exec \"$@\""), OsString::from("sh")];
    words.push(karipass().get_program().to_owned());
    let output = std::process::Command::new("sh")
        .args(words)
        .arg("serve")
        .args(LISTEN)
        .arg("--db")
        .arg(folder.file("store.db"))
        .output()
        .unwrap();
    refused(&output, 3, &["80", "open files", "LimitNOFILE"]);
}

#[test]
fn a_variable_that_is_no_text() {
    let secret = OsString::from_vec(b"\xFF0123456789abcdef".to_vec());
    let run = |name: &OsStr| karipass().arg("calls").env(name, &secret).output().unwrap();
    refused(&run("KARIPASS_API_TOKEN".as_ref()), 2, &["KARIPASS_API_TOKEN", "UTF-8"]);
    let output = run("SOMEBODY_ELSES".as_ref());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("UTF-8"));
}

#[test]
fn a_log_filter_that_cannot_be_read() {
    let folder = Folder::new();
    let db = folder.file("store.db");
    let add = |filter: &str, number: &str| {
        let output =
            karipass().args(["contract", "add", number, "--db"]).arg(&db).env("RUST_LOG", filter).output().unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = add("karipass=tarce", "0600001111");
    assert!(told.contains("RUST_LOG") && told.contains("tarce"), "{told}");
    assert_eq!(add("karipass=warn", "0600002222"), "");
    assert_eq!(add("", "0600003333"), "");
}

#[test]
fn a_service_whose_output_nobody_reads_does_not_end_as_if_all_were_well() {
    let folder = Folder::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = karipass();
    let output = command.arg("serve").args(LISTEN).arg("--db").arg(folder.file("store.db")).stdout(writer);
    refused(&output.output().unwrap(), 3, &["stdout"]);
}
