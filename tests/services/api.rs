//! The local HTTP API: the same events, for programs with the token.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use karipass::internals::account::mail::MailFilter;
use karipass::internals::account::{Service, Store};
use karipass::internals::api::{self, Api};
use karipass::internals::http::Limits;
use karipass::secret::Secret;
use karipass::unit::Unit;
use rand::RngExt;
use serde_json::{Value, json};

use super::world::*;

const TOKEN: &str = "correct-horse-battery";

fn start(world: &World) -> Api {
    limited(world, Limits::default())
}

fn limited(world: &World, limits: Limits) -> Api {
    api::start(api::Options {
        listen: ([127, 0, 0, 1], 0).into(),
        token: Secret::from(TOKEN),
        limits,
        store: Box::new(world.store()),
        clock: Box::new(|| at(0)),
        ids: Box::new(|| rand::rng().random()),
    })
    .unwrap()
}

fn ask(api: &Api, token: &str, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let mut browser = Browser::of(api.address());
    browser.headers = vec![format!("Authorization: {token}")];
    let answer = browser.send(method, path, "application/json", body);
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

fn told(api: &Api, event: &Value) -> (u16, Value) {
    ask(api, &format!("Bearer {TOKEN}"), "POST", "/v1/events", event.to_string().as_bytes())
}

#[test]
fn events_over_http_do_what_the_command_does() {
    let world = all_services();
    let mut store = world.store();
    arrival_mail(&mut store, LINE, &["a@example.jp"]);
    bulk_transfer(&mut store, LINE, false, Some("0312345678"));
    fault_notice(&mut store, LINE, true, true);
    let api = start(&world);
    let arrival = json!({"event": "arrival", "caller": "03-1234-5678", "called": LINE, "id": "e1"});
    let (status, outcome) = told(&api, &arrival);
    assert_eq!((status, &outcome["mails"], &outcome["call"]["route"]), (200, &json!(1), &json!("ring")));
    assert_eq!(told(&api, &arrival).1["repeated"], json!(true));
    assert_eq!(told(&api, &json!({"event": "fault", "number": LINE})).1["started"], json!([LINE]));
    let bearer = format!("Bearer {TOKEN}");
    let (status, route) = ask(&api, &bearer, "GET", "/v1/route?caller=0399999999&called=0600001111", b"");
    assert_eq!((status, &route["route"], &route["to"]), (200, &json!("forward"), &json!("0312345678")));
    assert_eq!(told(&api, &json!({"event": "recovery", "number": LINE})).1["stopped"], json!([LINE]));
    fax_mail(&mut store, LINE, "", false);
    let tiff = fax_file("mmr-bigtiff.tif");
    let (status, outcome) = ask(&api, &bearer, "POST", "/v1/faxes?called=0600001111", &tiff);
    assert_eq!((status, &outcome["fax"]), (200, &json!(1)), "{outcome}");
    assert_eq!(world.store().mails(&MailFilter::default()).unwrap().len(), 3);
}

#[test]
fn calls_and_faxes_from_abroad_are_told_kept_and_routed() {
    let world = all_services();
    let mut store = world.store();
    arrival_mail(&mut store, LINE, &["a@example.jp"]);
    fax_mail(&mut store, LINE, "b@example.jp", true);
    let api = start(&world);
    let bearer = format!("Bearer {TOKEN}");
    let (status, outcome) = told(&api, &json!({"event": "arrival", "caller": "+1 650-555-0100", "called": LINE}));
    assert_eq!((status, &outcome["mails"]), (200, &json!(1)), "{outcome}");
    let path = format!("/v1/faxes?caller=%2B442079460000&called={LINE}");
    let (status, outcome) = ask(&api, &bearer, "POST", &path, &fax_file("mh-lsb.tif"));
    assert_eq!((status, &outcome["mails"]), (200, &json!(1)), "{outcome}");
    let path = format!("/v1/route?caller=%2B16505550100&called={LINE}");
    assert_eq!(ask(&api, &bearer, "GET", &path, b""), (200, json!({"route": "ring"})));
    let mails = store.mails(&MailFilter::default()).unwrap();
    let says = |text: &str| mails.iter().any(|mail| mail.mail.body.contains(text));
    assert!(says("■発信者番号: +16505550100\r\n") && says("■発信者番号: +442079460000\r\n"), "{mails:?}");
    let inbox = world.member(Unit::Line, LINE).get("/fax-mail/inbox");
    assert!(inbox.has("+442079460000"), "{}", inbox.text());
    for nobody in ["+1", "+12345678901234567", "0050"] {
        assert_eq!(told(&api, &json!({"event": "arrival", "caller": nobody, "called": LINE})).0, 400, "{nobody}");
    }
}

#[test]
fn without_the_token_nothing_is_told_or_done() {
    let world = all_services();
    bulk_transfer(&mut world.store(), LINE, false, Some("0312345678"));
    fault_notice(&mut world.store(), LINE, true, true);
    let api = start(&world);
    let fault = json!({"event": "fault", "number": LINE}).to_string();
    for token in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer correct-horse-batter",
        "Bearer correct-horse-batteryy",
        "Basic correct-horse-battery",
    ] {
        for path in ["/v1/events", "/v1/nothing"] {
            let (status, answer) = ask(&api, token, "POST", path, fault.as_bytes());
            assert_eq!(status, 401, "{token} {answer}");
            assert!(!answer.to_string().contains("correct"));
        }
    }
    assert!(!forwarding(&world.store(), LINE).active);
}

#[test]
fn what_is_asked_wrongly_is_told_as_json() {
    let world = all_services();
    let api = start(&world);
    let bearer = format!("Bearer {TOKEN}");
    for (event, expected) in [
        (json!({"event": "arrival", "called": "0311112222"}), 404),
        (json!({"event": "arrival", "called": "12"}), 400),
        (json!({"event": "flood", "number": LINE}), 400),
        (json!({"event": "fault", "number": LINE, "more": 1}), 400),
        (json!({"event": "fault", "number": LINE, "id": ""}), 422),
    ] {
        let (status, answer) = told(&api, &event);
        assert!(status == expected && answer["error"].is_string(), "{event}: {status} {answer}");
    }
    assert_eq!(ask(&api, &bearer, "GET", "/v1/nothing", b"").0, 404);
    assert_eq!(ask(&api, &bearer, "POST", "/v1/faxes?called=0600001111", b"II*").0, 409, "not started");
    fax_mail(&mut world.store(), LINE, "", false);
    assert_eq!(ask(&api, &bearer, "POST", "/v1/faxes?called=0600001111", b"II*").0, 422);
    assert_eq!(ask(&api, &bearer, "GET", "/v1/route?called=0311112222", b"").0, 404);
    assert_eq!(world.store().setting(number(LINE), Service::FaxMail).unwrap().revision, 1);
}

#[test]
fn slow_clients_hold_no_place_for_long_and_no_address_holds_all() {
    let world = all_services();
    let soon = Duration::from_millis(300);
    let limits = Limits { connections_per_peer: 2, header_timeout: soon, body_timeout: soon, ..Limits::default() };
    let api = limited(&world, limits);
    let head = format!("POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n");
    let begun = [head.clone(), format!("{head}Content-Length: 1000\r\n\r\n{{")];
    let mut slow = begun.map(|begun| {
        let mut stream = TcpStream::connect(api.address()).unwrap();
        stream.write_all(begun.as_bytes()).unwrap();
        stream
    });
    // closed when it has its turn: before the slow ones are
    let mut third = TcpStream::connect(api.address()).unwrap();
    let _ = third.write_all(head.as_bytes());
    let answers = slow.each_mut().map(|stream| {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    });
    assert!(answers.iter().all(|answer| !answer.contains(" 200 ")), "{answers:?}");
    assert!(matches!(third.read(&mut [0]), Ok(0) | Err(_)), "one too many");
    let served = (0..1000).any(|_| {
        // a connection that is closed at once gives no answer
        let mut stream = TcpStream::connect(api.address()).unwrap();
        let request = "GET /v1/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let mut answer = String::new();
        stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.contains(" 401 ")
    });
    assert!(served, "places are free again");
}

#[test]
fn every_answer_is_json_to_be_kept_and_nothing_to_be_run() {
    let world = all_services();
    let api = start(&world);
    let mut browser = Browser::of(api.address());
    for token in ["", TOKEN] {
        browser.headers = vec![format!("Authorization: Bearer {token}")];
        for (method, path) in [("GET", "/v1/route?called=0600001111"), ("GET", "/nothing"), ("PUT", "/v1/events")] {
            let answer = browser.send(method, path, "", b"");
            assert_eq!(answer.header("content-type"), "application/json", "{method} {path}");
            assert_eq!(answer.header("content-disposition"), "attachment; filename=\"api.json\"", "{method} {path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{method} {path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{method} {path}");
        }
    }
    assert_eq!(browser.send("PUT", "/v1/events", "", b"").status, 405);
}

#[test]
fn a_limited_number_of_requests_waits_for_the_store_and_one_more_is_refused_at_once() {
    const WAITING: usize = 64;
    let world = all_services();
    arrival_mail(&mut world.store(), LINE, &["a@example.jp"]);
    let api = limited(&world, Limits { connections_per_peer: 2 * WAITING, ..Limits::default() });
    let other = rusqlite::Connection::open(world.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let event = json!({"event": "arrival", "caller": null, "called": LINE}).to_string();
    let head = format!("Authorization: Bearer {TOKEN}\r\nConnection: close\r\nContent-Length: {}", event.len());
    let request = format!("POST /v1/events HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{event}");
    let mut asked: Vec<TcpStream> = (0..=WAITING)
        .map(|_| {
            let mut stream = TcpStream::connect(api.address()).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream.set_nonblocking(true).unwrap();
            stream
        })
        .collect();
    // while the store is locked only the one that is refused has an answer
    let begun = std::time::Instant::now();
    let refused = loop {
        let answered = |stream: &TcpStream| stream.peek(&mut [0]).is_ok();
        if let Some(place) = asked.iter().position(answered) {
            break asked.remove(place);
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "none is refused");
        std::thread::yield_now();
    };
    assert!(whole(refused).starts_with("HTTP/1.1 503"));
    other.execute_batch("COMMIT").unwrap();
    assert!(asked.into_iter().all(|stream| whole(stream).starts_with("HTTP/1.1 200")));
}

fn whole(mut stream: TcpStream) -> String {
    stream.set_nonblocking(false).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
