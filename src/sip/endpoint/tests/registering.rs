//! Telephones that register: traces of REGISTER with and without a password (RFC 3261 §10.3, §22).

use std::time::Duration;

use super::*;
use crate::lock::Lock;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::sip::digest::{Account, Algorithm, Ha1, LineKey, Proof, answer};
use crate::sip::endpoint::{Admission, RegisterHandle, Registered, Registering, RegistrarConfig, Ruling};
use crate::sip::registrar::Limits;

pub(super) fn with_registrar() -> Config {
    let registrar = RegistrarConfig {
        realm: "karipass".to_owned(),
        algorithms: Algorithm::ALL.to_vec(),
        lock: Lock::default(),
        limits: Limits::default(),
    };
    Config { registrar: Some(registrar), ..Config::default() }
}

pub(super) fn line() -> PhoneNumber {
    PhoneNumber::parse("0600001111").unwrap()
}

/// The key of a user name whose password is `correct horse`.
pub(super) fn key(user_name: &str) -> LineKey {
    LineKey { line: line(), key: Ha1::derive(user_name, "karipass", &Secret::from("correct horse")) }
}

/// The credentials that answer the challenges of the last response.
pub(super) fn credentials(bench: &Bench, user_name: &str, password: &str, method: &str, uri: &str) -> String {
    let account = Account { user_name: user_name.to_owned(), password: Secret::from(password) };
    let challenges: Vec<&str> = bench.response().headers.all("WWW-Authenticate").collect();
    format!("Authorization: {}", answer(challenges, &account, method, uri, "c0ffee").unwrap().credentials)
}

/// A telephone that registers.
struct Telephone {
    number: u32,
    to: &'static str,
    call_id: &'static str,
}

impl Telephone {
    fn new() -> Telephone {
        Telephone { number: 0, to: "<sip:0600001111@192.0.2.1>", call_id: "registration" }
    }

    fn register(&mut self, lines: &[&str]) -> String {
        self.number += 1;
        let request = format!(
            "REGISTER sip:192.0.2.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-{0}-{1}\r\n\
             Max-Forwards: 70\r\nFrom: {2};tag=phone\r\nTo: {2}\r\nCall-ID: {0}\r\nCSeq: {1} REGISTER\r\n\r\n",
            self.call_id, self.number, self.to
        );
        lines.iter().fold(request, |request, line| with(&request, line))
    }
}

fn registering(bench: &Bench) -> &Registering {
    let found = bench.events.iter().rev().find_map(|e| if let Event::Registering(r) = e { Some(r) } else { None });
    found.unwrap()
}

fn handle(bench: &Bench) -> RegisterHandle {
    registering(bench).handle
}

fn contacts(bench: &Bench) -> Vec<String> {
    bench.response().headers.all("Contact").map(str::to_owned).collect()
}

const CONTACT: &str = "Contact: <sip:0600001111@192.0.2.9:5060>";

/// A bench on which a telephone has answered its challenge as this user with this password.
fn answered(telephone: &mut Telephone, lines: &[&str], user_name: &str, password: &str, at: u64) -> Bench {
    let mut bench = Bench::with(with_registrar());
    bench.receive(at, &telephone.register(lines));
    let waiting = handle(&bench);
    bench.act(at, |end, now| end.register(now, waiting, Ruling::MustProve(None))).unwrap();
    let credentials = credentials(&bench, user_name, password, "REGISTER", "sip:192.0.2.1");
    bench.receive(at + 10, &telephone.register(&[lines, &[&credentials]].concat()));
    bench
}

#[test]
fn a_telephone_is_challenged_and_then_bound() {
    let mut telephone = Telephone::new();
    let mut bench = answered(&mut telephone, &[CONTACT, "Expires: 120"], "0600001111", "correct horse", 0);
    assert_eq!(registering(&bench).user_name.as_deref(), Some("0600001111"));
    assert_eq!(registering(&bench).line, Some(line()));
    let key = key("0600001111");
    let waiting = handle(&bench);
    let done = bench.act(20, |end, now| end.register(now, waiting, Ruling::MustProve(Some(&key)))).unwrap();
    assert_eq!(done, Registered::Bound { line: line(), contacts: 1 });
    assert_eq!(contacts(&bench), ["<sip:0600001111@192.0.2.9:5060>;expires=120"]);
    bench.receive(10_000, &telephone.register(&[]));
    let waiting = handle(&bench);
    bench.act(10_000, |end, now| end.register(now, waiting, Ruling::Believed)).unwrap();
    assert_eq!(contacts(&bench), ["<sip:0600001111@192.0.2.9:5060>;expires=111"], "a fetch");
    bench.until(200_000);
    assert_eq!(
        bench.trace(),
        [
            "0 · Registering",
            "0 → 401 REGISTER",
            "10 · Registering",
            "20 → 200 REGISTER",
            "10000 · Registering",
            "10000 → 200 REGISTER",
            "120020 · RegistrationExpired, 0 left",
        ]
    );
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn the_challenge_offers_sha_256_then_md5_and_is_the_same_whoever_asks() {
    let challenge = |to: &'static str| {
        let mut bench = Bench::with(with_registrar());
        bench.receive(0, &Telephone { to, ..Telephone::new() }.register(&[CONTACT]));
        let waiting = handle(&bench);
        bench.act(0, |end, now| end.register(now, waiting, Ruling::MustProve(None))).unwrap();
        bench.response().headers.all("WWW-Authenticate").map(str::to_owned).collect::<Vec<_>>()
    };
    let known = challenge("<sip:0600001111@192.0.2.1>");
    assert_eq!(known, challenge("<sip:0399998888@192.0.2.1>"));
    assert_eq!(known, challenge("<sip:alice@192.0.2.1>"));
    assert_eq!(known.len(), 2);
    assert!(known[0].starts_with("Digest realm=\"karipass\", nonce=\"") && known[0].contains("algorithm=SHA-256"));
    assert!(known[1].contains("algorithm=MD5") && known[1].ends_with("qop=\"auth\""));
}

#[test]
fn a_wrong_password_is_challenged_anew_and_the_third_locks() {
    let key = key("0600001111");
    let mut telephone = Telephone::new();
    let mut bench = answered(&mut telephone, &[CONTACT], "0600001111", "wrong", 0);
    for (count, locks) in [(1, false), (2, false), (3, true)] {
        let waiting = handle(&bench);
        let done = bench.act(count * 100, |end, now| end.register(now, waiting, Ruling::MustProve(Some(&key))));
        assert_eq!(done, Ok(Registered::Unproved(Proof::Wrong { locks })));
        assert_eq!(bench.response().status, 401);
        assert!(!bench.response().headers.first("WWW-Authenticate").unwrap().contains("stale"));
        let password = if locks { "correct horse" } else { "wrong" };
        let again = credentials(&bench, "0600001111", password, "REGISTER", "sip:192.0.2.1");
        bench.receive(count * 100 + 10, &telephone.register(&[CONTACT, &again]));
    }
    let waiting = handle(&bench);
    let done = bench.act(400, |end, now| end.register(now, waiting, Ruling::MustProve(Some(&key)))).unwrap();
    assert!(matches!(done, Registered::Unproved(Proof::Locked(_))), "the right one as well: {done:?}");
    assert_eq!((bench.response().status, bench.response().headers.first("Retry-After")), (403, Some("599")));
}

#[test]
fn a_nonce_that_is_too_old_is_told_so_without_asking_anybody() {
    let mut telephone = Telephone::new();
    let mut bench = Bench::with(with_registrar());
    bench.receive(0, &telephone.register(&[CONTACT]));
    let waiting = handle(&bench);
    bench.act(0, |end, now| end.register(now, waiting, Ruling::MustProve(None))).unwrap();
    let old = credentials(&bench, "0600001111", "wrong", "REGISTER", "sip:192.0.2.1");
    bench.receive(300_000, &telephone.register(&[CONTACT, &old]));
    assert_eq!(registering(&bench).user_name, None, "nothing to look up");
    let waiting = handle(&bench);
    let done = bench.act(300_000, |end, now| end.register(now, waiting, Ruling::MustProve(None)));
    assert_eq!(done, Ok(Registered::Unproved(Proof::Missing { stale: true })));
    assert!(bench.response().headers.all("WWW-Authenticate").all(|value| value.contains("stale=true")));
    let new = credentials(&bench, "0600001111", "correct horse", "REGISTER", "sip:192.0.2.1");
    bench.receive(300_010, &telephone.register(&[CONTACT, &new]));
    let (waiting, key) = (handle(&bench), key("0600001111"));
    let done = bench.act(300_010, |end, now| end.register(now, waiting, Ruling::MustProve(Some(&key))));
    assert_eq!(done, Ok(Registered::Bound { line: line(), contacts: 1 }));
}

#[test]
fn every_way_of_writing_the_user_and_the_address_registers_the_line() {
    let users = ["0600001111", "+81600001111", "0600001111@karipass", "０６００００１１１１", "06-0000-1111"];
    let addresses = [
        "<sip:0600001111@192.0.2.1>",
        "\"Desk\" <sip:+81600001111@sip.example.jp;transport=udp>",
        "<sip:0600001111%40karipass@192.0.2.1:5060>",
        "<sip:+81-6-0000-1111;phone-context=+81@192.0.2.1;user=phone>",
        "<tel:+81-6-0000-1111>",
        "<sip:%EF%BC%90%EF%BC%96%EF%BC%90%EF%BC%90%EF%BC%90%EF%BC%90%EF%BC%91%EF%BC%91%EF%BC%91%EF%BC%91@192.0.2.1>",
    ];
    for user in users {
        for to in addresses {
            let mut telephone = Telephone { to, ..Telephone::new() };
            let mut bench = answered(&mut telephone, &[CONTACT], user, "correct horse", 0);
            assert_eq!(registering(&bench).user_name.as_deref(), Some(user));
            let (waiting, key) = (handle(&bench), key(user));
            let done = bench.act(20, |end, now| end.register(now, waiting, Ruling::MustProve(Some(&key))));
            assert_eq!(done, Ok(Registered::Bound { line: line(), contacts: 1 }), "{user} {to}");
        }
    }
}

#[test]
fn nobody_registers_another_line() {
    let mut telephone = Telephone { to: "<sip:0600002222@192.0.2.1>", ..Telephone::new() };
    let mut bench = answered(&mut telephone, &[CONTACT], "0600001111", "correct horse", 0);
    let (waiting, key) = (handle(&bench), key("0600001111"));
    let done = bench.act(20, |end, now| end.register(now, waiting, Ruling::MustProve(Some(&key))));
    assert_eq!(done, Ok(Registered::Refused(403)));
    assert_eq!(bench.response().reason, "Not Your Line");
}

#[test]
fn each_wrong_register_gets_its_status() {
    for (lines, status, standing) in [
        (&["Contact: *"][..], 400, Ruling::Believed),
        (&[CONTACT, "Expires: 30"], 423, Ruling::Believed),
        (&[CONTACT], 404, Ruling::Unknown),
        (&[CONTACT], 503, Ruling::Unavailable),
    ] {
        let mut bench = Bench::with(with_registrar());
        bench.receive(0, &Telephone::new().register(lines));
        let waiting = handle(&bench);
        assert_eq!(bench.act(0, |end, now| end.register(now, waiting, standing)), Ok(Registered::Refused(status)));
        assert_eq!(bench.response().status, status);
        if status == 423 {
            assert_eq!(bench.response().headers.first("Min-Expires"), Some("60"));
        }
    }
    for (message, status) in [
        (Telephone::new().register(&["Require: path"]), 420),
        (Telephone::new().register(&[]).replace("REGISTER sip:192.0.2.1", "REGISTER mailto:x"), 416),
        (Telephone::new().register(&[]).replace("To: <sip:0600001111@192.0.2.1>", "To: <sip:x@h>;tag=x"), 481),
    ] {
        let mut bench = Bench::with(with_registrar());
        bench.receive(0, &message);
        assert_eq!(bench.trace(), [format!("0 → {status} REGISTER")]);
    }
}

#[test]
fn an_earlier_register_that_comes_late_does_not_undo_a_later_one() {
    let mut bench = Bench::with(with_registrar());
    let mut telephone = Telephone::new();
    let early = telephone.register(&[CONTACT, "Expires: 0"]);
    for (at, message, status) in [(0, telephone.register(&[CONTACT]), 200), (10, early, 500)] {
        bench.receive(at, &message);
        let waiting = handle(&bench);
        bench.act(at, |end, now| end.register(now, waiting, Ruling::Believed)).unwrap();
        assert_eq!(bench.response().status, status);
    }
}

#[test]
fn a_repeated_register_is_one_register() {
    let mut bench = Bench::with(with_registrar());
    let message = Telephone::new().register(&[CONTACT]);
    bench.receive(0, &message).receive(500, &message);
    let waiting = handle(&bench);
    bench.act(600, |end, now| end.register(now, waiting, Ruling::Believed)).unwrap();
    bench.receive(1500, &message);
    assert_eq!(bench.trace(), ["0 · Registering", "600 → 200 REGISTER", "1500 → 200 REGISTER"]);
    let again = bench.act(1600, |end, now| end.register(now, waiting, Ruling::Believed));
    assert!(again.is_err(), "it is answered");
}

#[test]
fn what_the_application_forgets_is_answered_with_503() {
    let mut bench = Bench::with(with_registrar());
    bench.receive(0, &Telephone::new().register(&[CONTACT])).until(60_000);
    assert_eq!(bench.trace(), ["0 · Registering", "2500 → 503 REGISTER"]);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn waiting_registrations_are_bounded_and_draining_takes_none() {
    let mut bench = Bench::with(with_registrar());
    let mut telephone = Telephone::new();
    for _ in 0..1_001 {
        bench.receive(0, &telephone.register(&[]));
    }
    assert_eq!(bench.trace().last().unwrap(), "0 → 503 REGISTER");
    bench.until(20_000).trace();
    bench.endpoint.set_admission(Admission::Draining { retry_after: Duration::from_secs(30) });
    bench.receive(20_000, &telephone.register(&[]));
    assert_eq!(bench.trace(), ["20000 → 503 REGISTER"]);
}

#[test]
fn without_a_registrar_register_is_not_allowed() {
    let mut bench = Bench::new();
    bench.receive(0, &Telephone::new().register(&[CONTACT]));
    assert_eq!(bench.trace(), ["0 → 405 REGISTER"]);
}

#[test]
fn what_is_allowed_names_register_where_there_is_a_registrar() {
    for (mut bench, registers) in [(Bench::with(with_registrar()), true), (Bench::new(), false)] {
        let mut phone = Phone::new();
        let register = phone.request("REGISTER");
        for request in [phone.request("OPTIONS"), phone.request("MESSAGE"), register] {
            bench.receive(0, &request);
            let Some(allow) = bench.sent.last().and_then(|(_, message)| match message {
                Message::Response(response) => response.headers.first("Allow"),
                Message::Request(_) => None,
            }) else {
                assert!(registers && request.starts_with("REGISTER"), "{request}");
                continue;
            };
            assert_eq!(allow.split(", ").any(|method| method == "REGISTER"), registers, "{request}");
            assert!(allow.starts_with("INVITE, ACK, BYE"));
        }
    }
}
