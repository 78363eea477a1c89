//! Digests held against the RFCs' own examples, and the server's side in virtual time.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::lock::Lock;
use crate::number::PhoneNumber;
use crate::sip::message::{Method, Request};
use crate::time::Time;

/// RFC 7616 §3.9.1: Mufasa's request for /dir/index.html, by both hashes.
const RFC_7616: [(Algorithm, &str); 2] = [
    (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
    (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
];
const RFC_7616_NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
const RFC_7616_CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

fn account(user_name: &str, password: &str) -> Account {
    Account { user_name: user_name.to_owned(), password: Secret::from(password) }
}

#[test]
fn the_examples_of_rfc_7616() {
    for (algorithm, response) in RFC_7616 {
        let header = format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
             algorithm={}, nonce=\"{RFC_7616_NONCE}\", nc=00000001, cnonce=\"{RFC_7616_CNONCE}\", qop=auth, \
             response=\"{response}\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
            algorithm.name()
        );
        let given = Credentials::parse(&header).unwrap();
        let password = Secret::from("Circle of Life");
        let key = Ha1::derive("Mufasa", "http-auth@example.org", &password);
        assert!(given.matches("GET", Some(&key)), "{algorithm:?}");
        assert!(!given.matches("POST", Some(&key)));
        assert!(!given.matches("GET", None));
        assert!(!given.matches("GET", Some(&Ha1::derive("Mufasa", "http-auth@example.org", &Secret::from("x")))));
        let challenge = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={}, nonce=\"{RFC_7616_NONCE}\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
            algorithm.name()
        );
        let mufasa = account("Mufasa", "Circle of Life");
        let ours = answer([challenge.as_str()], &mufasa, "GET", "/dir/index.html", RFC_7616_CNONCE).unwrap();
        assert_eq!(Credentials::parse(&ours.credentials).unwrap().response, response);
        assert!(ours.credentials.contains("opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""));
    }
}

#[test]
fn the_example_of_rfc_2617() {
    let header = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
                  nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, nc=00000001, \
                  cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\", \
                  opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    let given = Credentials::parse(header).unwrap();
    assert_eq!(given.algorithm, Algorithm::Md5, "which is what no algorithm means");
    let key = Ha1::derive("Mufasa", "testrealm@host.com", &Secret::from("Circle Of Life"));
    assert_eq!(key.expose(Algorithm::Md5), "939e7578ed9e3c518a452acee763bce9");
    assert!(given.matches("GET", Some(&key)));
}

#[test]
fn a_server_of_rfc_2069_is_answered_without_qop() {
    // RFC 2069 §2.4 as corrected by its erratum 749
    let challenge = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                     opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    let mufasa = account("Mufasa", "CircleOfLife");
    let ours = answer([challenge], &mufasa, "GET", "/dir/index.html", "unused").unwrap();
    assert!(ours.credentials.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{}", ours.credentials);
    assert!(!ours.credentials.contains("qop"));
}

#[test]
fn what_cannot_be_answered_or_judged_is_left_aside() {
    let sound = "Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";
    assert!(Challenge::parse(sound).is_some());
    for other in [
        "Basic realm=\"r\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256, qop=\"auth\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess, qop=\"auth\"",
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
        "Digest nonce=\"n\"",
        "Digest",
        "Digest realm=\"r",
    ] {
        assert_eq!(Challenge::parse(other), None, "{other}");
    }
    let topmost = answer(
        ["Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256, qop=\"auth\"", sound],
        &account("u", "p"),
        "REGISTER",
        "sip:h",
        "c",
    );
    assert!(topmost.unwrap().credentials.contains("algorithm=MD5"));
    let sound = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"";
    assert!(Credentials::parse(sound).is_some());
    assert!(Credentials::parse(&sound.replace("qop=auth", "qop=\"auth\"")).is_some(), "as some phones write it");
    for (from, to) in [
        ("qop=auth, ", ""),
        ("qop=auth", "qop=auth-int"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=+0000001"),
        ("realm=\"r\"", "realm=\"r\", userhash=true"),
        ("realm=\"r\"", "realm=\"r\", realm=\"r\""),
        ("realm=\"r\"", "realm=\"r\" x"),
        ("cnonce=\"c\"", "cnonce=\"c\", algorithm=MD5-sess"),
        ("username=\"u\", ", ""),
        ("Digest", "Bearer"),
    ] {
        assert_eq!(Credentials::parse(&sound.replace(from, to)), None, "{to}");
    }
}

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));
const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9));

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn line() -> PhoneNumber {
    PhoneNumber::parse("0600001111").unwrap()
}

fn key() -> LineKey {
    LineKey { line: line(), key: Ha1::derive("0600001111", "karipass", &Secret::from("correct horse")) }
}

/// A server, and a phone that answers its challenges.
struct Desk {
    server: Authenticator,
    challenges: Vec<String>,
}

impl Desk {
    fn new() -> Desk {
        Desk { server: Authenticator::new("karipass", &Algorithm::ALL, Lock::default(), 7), challenges: Vec::new() }
    }

    fn challenge(&mut self, ms: u64, client: IpAddr) -> &mut Desk {
        self.challenges = self.server.challenges(at(ms), client, false);
        self
    }

    /// The answer to the last challenge, with this count.
    fn request(&self, password: &str, count: u32) -> Request {
        let mut request = Request::new(Method::Register, "sip:192.0.2.1".parse().unwrap());
        request.headers.push("Authorization", self.credentials("0600001111", password, count));
        request
    }

    fn credentials(&self, user_name: &str, password: &str, count: u32) -> String {
        let challenge = Challenge::parse(&self.challenges[0]).unwrap();
        let (key, count) = (Ha1::derive(user_name, "karipass", &Secret::from(password)), format!("{count:08x}"));
        let exchange = Exchange {
            method: "REGISTER",
            uri: "sip:192.0.2.1",
            nonce: &challenge.nonce,
            counted: Some((&count, "c")),
        };
        format!(
            "Digest username=\"{user_name}\", realm=\"karipass\", nonce=\"{}\", uri=\"sip:192.0.2.1\", response=\"{}\", \
             algorithm=SHA-256, qop=auth, nc={count}, cnonce=\"c\"",
            challenge.nonce,
            exchange.response(Algorithm::Sha256, &key)
        )
    }

    fn prove(&mut self, ms: u64, client: IpAddr, request: &Request) -> Proof {
        self.server.prove(at(ms), client, request, Some(&key()))
    }
}

#[test]
fn both_algorithms_are_offered_sha_256_first() {
    let mut desk = Desk::new();
    desk.challenge(0, CLIENT);
    let read: Vec<Challenge> = desk.challenges.iter().map(|value| Challenge::parse(value).unwrap()).collect();
    assert_eq!(read.iter().map(|one| one.algorithm).collect::<Vec<_>>(), [Algorithm::Sha256, Algorithm::Md5]);
    assert!(read.iter().all(|one| one.auth && !one.stale && one.realm == "karipass"));
    assert!(desk.challenges[0].contains("algorithm=SHA-256") && desk.challenges[0].contains("qop=\"auth\""));
    let stale = desk.server.challenges(at(1), CLIENT, true);
    assert!(Challenge::parse(&stale[1]).unwrap().stale);
}

#[test]
fn what_is_not_offered_is_not_taken() {
    let md5_alone =
        Desk { server: Authenticator::new("karipass", &[Algorithm::Md5], Lock::default(), 7), ..Desk::new() };
    let reversed = [Algorithm::Md5, Algorithm::Sha256];
    let either = Desk { server: Authenticator::new("karipass", &reversed, Lock::default(), 7), ..Desk::new() };
    for (mut desk, offered, takes_sha_256) in [(md5_alone, &reversed[..1], false), (either, &reversed[..], true)] {
        desk.challenge(0, CLIENT);
        let read: Vec<_> = desk.challenges.iter().map(|value| Challenge::parse(value).unwrap().algorithm).collect();
        assert_eq!(read, offered);
        // by SHA-256, with a nonce and a password that are right
        let proof = desk.prove(1, CLIENT, &desk.request("correct horse", 1));
        assert_eq!(proof, if takes_sha_256 { Proof::Right(line()) } else { Proof::Missing { stale: false } });
        // by MD5, as a client does that takes the first challenge
        desk.challenge(2, CLIENT);
        let (first, us) = (desk.challenges[0].as_str(), account("0600001111", "correct horse"));
        let by_md5 = answer([first], &us, "REGISTER", "sip:192.0.2.1", "c").unwrap().credentials;
        assert!(by_md5.contains("algorithm=MD5"));
        let mut request = Request::new(Method::Register, "sip:192.0.2.1".parse().unwrap());
        request.headers.push("Authorization", by_md5);
        assert_eq!(desk.prove(3, CLIENT, &request), Proof::Right(line()));
    }
}

#[test]
fn a_right_password_proves_the_line_once_for_each_count() {
    let mut desk = Desk::new();
    desk.challenge(0, CLIENT);
    let first = desk.request("correct horse", 1);
    assert_eq!(desk.server.claim(at(1), CLIENT, &first.headers), Claim::User("0600001111".to_owned()));
    assert_eq!(desk.prove(1, CLIENT, &first), Proof::Right(line()));
    assert_eq!(desk.prove(2, CLIENT, &first), Proof::Missing { stale: true }, "the same once more is a replay");
    assert_eq!(desk.server.claim(at(2), CLIENT, &first.headers), Claim::Stale);
    for count in [3, 2, 100, 40] {
        assert_eq!(desk.prove(3, CLIENT, &desk.request("correct horse", count)), Proof::Right(line()), "{count}");
        assert_eq!(desk.prove(3, CLIENT, &desk.request("correct horse", count)), Proof::Missing { stale: true });
    }
    for (count, why) in [(35, "more than 64 behind"), (0, "counts begin at 1"), (100, "the highest")] {
        assert_eq!(
            desk.prove(4, CLIENT, &desk.request("correct horse", count)),
            Proof::Missing { stale: true },
            "{why}"
        );
    }
    assert_eq!(desk.prove(4, CLIENT, &desk.request("correct horse", 36)), Proof::Right(line()), "64 behind");
}

#[test]
fn a_nonce_is_good_for_five_minutes_its_own_address_and_nobody_elses() {
    let mut desk = Desk::new();
    desk.challenge(1_000, CLIENT);
    let request = desk.request("correct horse", 1);
    assert_eq!(desk.prove(2_000, ELSEWHERE, &request), Proof::Missing { stale: true });
    assert_eq!(desk.prove(301_000, CLIENT, &request), Proof::Missing { stale: true });
    assert_eq!(desk.prove(300_999, CLIENT, &request), Proof::Right(line()));
    let mut other = Authenticator::new("karipass", &Algorithm::ALL, Lock::default(), 8);
    assert_eq!(other.prove(at(2_000), CLIENT, &request, Some(&key())), Proof::Missing { stale: true }, "a restart");
    let forged = desk.challenges[0].replacen("nonce=\"0", "nonce=\"1", 1);
    desk.challenges = vec![forged];
    assert_eq!(desk.prove(2_000, CLIENT, &desk.request("correct horse", 1)), Proof::Missing { stale: true });
}

#[test]
fn forgotten_nonces_cannot_be_used_again() {
    let mut nonces = Nonces::new([3; 32]);
    let made: Vec<String> = (0..20_002).map(|n| nonces.issue(at(n / 100), CLIENT, n)).collect();
    for nonce in &made {
        assert_eq!(nonces.spend(at(300), CLIENT, nonce, 1), Freshness::Fresh);
    }
    for nonce in &made {
        assert_eq!(nonces.check(at(300), CLIENT, nonce, 1), Freshness::Stale);
    }
    assert_eq!(nonces.check(at(300), CLIENT, &made[0], 2), Freshness::Stale, "its counts are gone");
    assert_eq!(nonces.check(at(300), CLIENT, &made[20_001], 2), Freshness::Fresh);
    let new = nonces.issue(at(300), CLIENT, 1);
    assert_eq!(nonces.check(at(301), CLIENT, &new, 1), Freshness::Fresh);
}

#[test]
fn wrong_passwords_lock_the_name_at_that_address() {
    let mut desk = Desk::new();
    desk.challenge(0, CLIENT);
    let requests = [1, 2, 3].map(|count| desk.request("wrong", count));
    let tries: Vec<Proof> = (0..).zip(&requests).map(|(ms, wrong)| desk.prove(ms, CLIENT, wrong)).collect();
    assert_eq!(tries, [false, false, true].map(|locks| Proof::Wrong { locks }));
    let right = desk.request("correct horse", 4);
    assert_eq!(desk.prove(3, CLIENT, &right), Proof::Locked(Duration::from_millis(599_999)), "even the right one");
    desk.challenge(10, ELSEWHERE);
    assert_eq!(desk.prove(11, ELSEWHERE, &desk.request("correct horse", 1)), Proof::Right(line()));
    desk.challenge(600_002, CLIENT);
    assert_eq!(desk.prove(600_002, CLIENT, &desk.request("correct horse", 1)), Proof::Right(line()), "ten minutes on");
}

#[test]
fn a_right_password_forgives_the_wrong_ones_before() {
    let mut desk = Desk::new();
    desk.challenge(0, CLIENT);
    for count in (1..18).step_by(3) {
        for wrong in [count, count + 1] {
            assert_eq!(desk.prove(1, CLIENT, &desk.request("wrong", wrong)), Proof::Wrong { locks: false });
        }
        assert_eq!(desk.prove(1, CLIENT, &desk.request("correct horse", count + 2)), Proof::Right(line()));
    }
}

#[test]
fn a_wrong_password_that_comes_again_is_no_further_attempt() {
    let mut desk = Desk::new();
    desk.challenge(0, CLIENT);
    let wrong = desk.request("wrong", 1);
    let tries = [0, 500, 1500].map(|ms| desk.prove(ms, CLIENT, &wrong));
    assert_eq!(tries, [Proof::Wrong { locks: false }, Proof::Missing { stale: true }, Proof::Missing { stale: true }]);
}

#[test]
fn somebody_who_does_not_exist_is_answered_as_somebody_who_does() {
    let answers = |user: &str, key: Option<LineKey>| -> Vec<Proof> {
        let mut desk = Desk::new();
        desk.challenge(0, CLIENT);
        (0..5)
            .map(|ms| {
                let mut request = desk.request("x", 1);
                request.headers.set("Authorization", desk.credentials(user, "x", 1));
                desk.server.prove(at(ms), CLIENT, &request, key.as_ref())
            })
            .collect()
    };
    assert_eq!(answers("0600001111", Some(key())), answers("0399998888", None));
}

#[test]
fn many_names_from_one_address_lock_the_address() {
    let mut guard = Guard::new(Lock::default());
    let locking: Vec<u32> = (0..30).filter(|n| guard.wrong(at(0), CLIENT, &format!("user{n}"))).collect();
    assert_eq!(locking, [29]);
    assert!(guard.locked(at(1), CLIENT, "0600001111").is_some());
    assert!(guard.locked(at(1), ELSEWHERE, "0600001111").is_none());
    assert!(guard.locked(at(600_000), CLIENT, "0600001111").is_none());
    let v6 = |text: &str| text.parse::<IpAddr>().unwrap();
    for n in 0..3 {
        guard.wrong(at(0), v6(&format!("2001:db8::{n}")), "u");
    }
    assert!(guard.locked(at(1), v6("2001:db8::ffff:1"), "u").is_some(), "a /64 is one client");
    assert!(guard.locked(at(1), v6("2001:db8:0:1::1"), "u").is_none());
}

#[test]
fn wrong_passwords_now_and_then_do_not_add_up() {
    let mut guard = Guard::new(Lock::default());
    assert!((0..20).all(|n| !guard.wrong(at(n * 300_001), CLIENT, "u")));
}

#[test]
fn credentials_for_another_target_are_told_so() {
    let mut desk = Desk::new();
    desk.challenge(0, CLIENT);
    let mut request = desk.request("correct horse", 1);
    request.uri = "sip:192.0.2.1:5060;transport=udp".parse().unwrap();
    assert_eq!(desk.prove(1, CLIENT, &request), Proof::Right(line()), "port and parameters are often left away");
    let mut request = desk.request("correct horse", 2);
    request.uri = "sip:192.0.2.77".parse().unwrap();
    assert_eq!(desk.prove(1, CLIENT, &request), Proof::Elsewhere);
}

#[test]
fn credentials_for_others_are_no_credentials() {
    let mut desk = Desk::new();
    desk.challenge(0, CLIENT);
    let ours = desk.credentials("0600001111", "correct horse", 1);
    let mut request = Request::new(Method::Register, "sip:192.0.2.1".parse().unwrap());
    request.headers.push("Authorization", ours.replace("realm=\"karipass\"", "realm=\"elsewhere\""));
    assert_eq!(desk.prove(1, CLIENT, &request), Proof::Missing { stale: false });
    request.headers.push("Authorization", ours);
    assert_eq!(desk.prove(1, CLIENT, &request), Proof::Right(line()), "among others, they are found");
}

#[test]
fn no_rendering_shows_a_key_or_a_response() {
    let mut desk = Desk::new();
    desk.challenge(0, CLIENT);
    let given = Credentials::parse(&desk.credentials("0600001111", "correct horse", 1)).unwrap();
    let shown = format!("{given:?} {:?} {:?}", key(), account("0600001111", "correct horse"));
    for secret in [given.response.as_str(), &given.nonce, key().key.expose(Algorithm::Md5), "correct horse"] {
        assert!(!shown.contains(secret));
    }
}

#[test]
fn kept_keys_are_read_back_only_whole() {
    let key = key().key;
    let (sha256, md5) = (key.expose(Algorithm::Sha256), key.expose(Algorithm::Md5));
    assert_eq!(Ha1::from_hex(sha256, md5), Some(key.clone()));
    assert_eq!(Ha1::from_hex(&sha256.to_uppercase(), md5), Some(key.clone()));
    assert_eq!(Ha1::from_hex(md5, sha256), None);
    assert_eq!(Ha1::from_hex(&sha256.replace(|c: char| c.is_ascii_digit(), "x"), md5), None);
}

proptest! {
    #[test]
    fn no_value_makes_the_parsers_panic(value in "\\PC*", tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&tail).into_owned();
        for value in [value.clone(), format!("Digest {value}"), format!("Digest username=\"{text}\", {value}"), text] {
            let _ = Challenge::parse(&value);
            let _ = Credentials::parse(&value);
        }
    }

    #[test]
    fn what_is_written_is_read_again(realm in "[ -~]{1,20}", nonce in "[ -~]{1,40}", user in "[ -~]{1,20}", stale: bool) {
        let challenge = Challenge {
            realm, nonce, opaque: Some("o\"\\".to_owned()), algorithm: Algorithm::Sha256, stale, auth: true
        };
        prop_assert_eq!(Challenge::parse(&challenge.write()), Some(challenge.clone()));
        let ours = answer([challenge.write().as_str()], &account(&user, "p"), "REGISTER", "sip:h", "c").unwrap();
        let read = Credentials::parse(&ours.credentials).unwrap();
        prop_assert_eq!((read.user_name, read.realm, read.nonce), (user.clone(), challenge.realm.clone(), challenge.nonce));
    }
}
