//! Events by command and by HTTP, and the mails that the running service sends of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::time::{Duration, Instant};

use karipass::internals::account::mail::Claim;
use karipass::internals::account::{self, Mode, Options, Store, StoreUrl};
use karipass::time::UnixTime;
use serde_json::{Value, json};

use super::sink::Sink;
use super::support::{Folder, Service, json_lines, karipass};

const TOKEN: &str = "correct-horse-battery";

fn run(db: &std::path::Path, arguments: &[&str]) -> Output {
    karipass().args(arguments).arg("--db").arg(db).output().unwrap()
}

fn object(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    json_lines(output).remove(0)
}

/// What a subscriber would set on the site.
fn set(db: &std::path::Path, service: &str, active: bool, detail: &Value) {
    let connection = rusqlite::Connection::open(db).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    let sql = "INSERT INTO setting VALUES ('0600001111', ?1, 1, ?2, ?3, 0)";
    connection.execute(sql, rusqlite::params![service, active, detail.to_string()]).unwrap();
}

#[test]
fn events_by_command_and_by_http_are_mailed_by_the_service() {
    let (folder, sink) = (Folder::new(), Sink::start());
    let (db, config) = (folder.file("store.db"), folder.file("karipass.toml"));
    let text = format!(
        "[mail]\nsmtp = 'smtp://{}'\nfrom = 'karipass@example.jp'\n[api]\nlisten = '127.0.0.1:0'\ntoken = '{TOKEN}'\n\
         [site]\nurl = 'https://settings.example.jp'\n",
        sink.address
    );
    std::fs::write(&config, text).unwrap();
    let mut service = Service::start(&db, &["--demo", "--config", config.to_str().unwrap()], "debug");
    set(&db, "arrival-mail", true, &json!({"addresses": ["a@example.jp"]}));
    set(&db, "bulk-transfer", false, &json!({"destination": "0312345678"}));
    let notice = json!({"addresses": ["ops@example.jp"], "start_bulk_transfer": true, "stop_bulk_transfer": true});
    set(&db, "fault-notice", true, &notice);
    let arrival = object(&run(&db, &["event", "arrival", "0399990000", "0600001111", "--json"]));
    assert_eq!((&arrival["mails"], &arrival["call"]["route"]), (&json!(1), &json!("ring")));
    let api = service.listening("api");
    let (status, fault) = post(&api, "/v1/events", &json!({"event": "fault", "number": "0600001111", "id": "f-1"}));
    assert_eq!((status, &fault["started"]), (200, &json!(["0600001111"])), "{fault}");
    let route = object(&run(&db, &["route", "0399990000", "0600001111", "--json"]));
    assert_eq!((&route["route"], &route["to"]), (&json!("forward"), &json!("0312345678")));
    let told = run(&db, &["event", "fault", "0600001111", "--id", "f-1"]);
    assert!(String::from_utf8_lossy(&told.stdout).contains("already"), "the same event, by the other way");
    let sent = || json_lines(&run(&db, &["mails", "--state", "sent", "--json"]));
    let start = std::time::Instant::now();
    while sent().len() < 2 {
        assert!(start.elapsed().as_secs() < 120, "the mails do not go out");
    }
    let mut to: Vec<String> = sink.received().into_iter().map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, ["a@example.jp", "ops@example.jp"]);
    service.terminate();
    let (code, log) = service.wait();
    assert_eq!(code, Some(0));
    assert!(!log.contains(TOKEN), "no log shows the token");
}

/// A mail server that says these lines, one after each that it hears, and then nothing more.
fn silent_after(lines: &'static [&'static str]) -> (String, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (told, silent) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut heard = BufReader::new(stream.try_clone().unwrap()).lines();
        for line in lines {
            (&stream).write_all(format!("{line}\r\n").as_bytes()).unwrap();
            heard.next();
        }
        told.send(()).unwrap();
        // the rest is read, so that nothing is refused; it ends with the service
        heard.for_each(drop);
    });
    (address, silent)
}

#[test]
fn a_mail_server_that_hangs_holds_up_no_stop_and_loses_no_mail() {
    const GREETING: &[&str] = &[];
    const END_OF_MAIL: &[&str] = &["220 slow", "250 slow", "250 ok", "250 ok", "354 go on"];
    // before the mail is handed over it is given back at once; after that the drain's deadline counts, not the mail server's
    for (lines, drain, given_back) in [(GREETING, "10m", true), (END_OF_MAIL, "4s", false)] {
        let folder = Folder::new();
        let (db, config) = (folder.file("store.db"), folder.file("karipass.toml"));
        let (address, silent) = silent_after(lines);
        std::fs::write(&config, format!("mail.smtp = 'smtp://{address}'\nlimits.drain = '{drain}'\n")).unwrap();
        let service = Service::start(&db, &["--demo", "--config", config.to_str().unwrap()], "info");
        set(&db, "arrival-mail", true, &json!({"addresses": ["a@example.jp"]}));
        object(&run(&db, &["event", "arrival", "0399990000", "0600001111", "--json"]));
        silent.recv_timeout(Duration::from_secs(120)).expect("the mail server is asked");
        let begin = Instant::now();
        service.terminate();
        let (code, log) = service.wait();
        assert_eq!(code, Some(0), "{log}");
        assert!(
            begin.elapsed() < Duration::from_secs(17),
            "{:?}: less than the mail server may be silent",
            begin.elapsed()
        );
        let told = if given_back { "a mail is given back" } else { "a mail is left to its claim" };
        assert!(log.contains(told), "{log}");
        let mails = json_lines(&run(&db, &["mails", "--json"]));
        assert_eq!((mails.len(), &mails[0]["state"]), (1, &json!("queued")), "{mails:?}");
        let mut store = account::open(&StoreUrl::file(&db), Mode::Existing, &Options::default()).unwrap();
        let now = UnixTime(jiff::Timestamp::now().as_second());
        let taken = store.claim_mail(&Claim { by: "another".to_owned(), until: now.plus(60) }, now).unwrap();
        assert_eq!(taken.is_some(), given_back, "{log}");
    }
}

#[test]
fn what_cannot_happen_is_told_with_its_exit_code() {
    let folder = Folder::new();
    let db = folder.file("store.db");
    let contract = run(&db, &["contract", "add", "0600001111=fax-mail"]);
    assert!(contract.status.success(), "{}", String::from_utf8_lossy(&contract.stderr));
    let file = folder.file("no.tif");
    std::fs::write(&file, "no fax").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, code, words) in [
        (vec!["event", "arrival", "anonymous", "0312345678"], 1, "not a contracted number"),
        (vec!["event", "arrival", "12", "0600001111"], 2, "12"),
        (vec!["event", "fault", "0600001111", "--id", "a b"], 1, "printable"),
        (vec!["event", "fax", "anonymous", "0600001111", file], 1, "not started"),
        (vec!["event", "fax", "anonymous", "0600001111", "/nowhere/no.tif"], 3, "/nowhere/no.tif"),
        (vec!["mails", "--state", "lost"], 2, "lost"),
    ] {
        let output = run(&db, &arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
    set(&db, "fax-mail", true, &json!({}));
    let output = run(&db, &["event", "fax", "anonymous", "0600001111", file]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a whole TIFF"));
    let absent = run(&folder.file("absent.db"), &["event", "fault", "0600001111"]);
    assert_eq!(absent.status.code(), Some(3));
}

fn post(address: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}
