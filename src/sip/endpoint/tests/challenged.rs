//! Our own requests that are challenged: sent again with credentials, once (RFC 3261 §22.2).

use super::placing::outgoing;
use super::*;
use crate::secret::Secret;
use crate::sip::digest::{Account, Credentials};
use crate::sip::endpoint::{EndCause, Registration};
use crate::sip::message::NameAddr;

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"far\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"";

fn bench() -> Bench {
    let mut bench = Bench::new();
    let account = Account { user_name: "0600001111".to_owned(), password: Secret::from("correct horse") };
    bench.endpoint.set_account(Some(account));
    bench
}

fn nonce(bench: &Bench, name: &str) -> Option<String> {
    bench.request().headers.first(name).and_then(Credentials::parse).map(|given| given.nonce)
}

#[test]
fn a_challenged_call_is_placed_again_with_credentials() {
    for (status, asks, answers) in
        [(401, CHALLENGE.to_owned(), "Authorization"), (407, CHALLENGE.replace("WWW", "Proxy"), "Proxy-Authorization")]
    {
        for flow in [udp(), tcp()] {
            let mut bench = bench();
            let phone = Phone { flow, ..Phone::new() };
            let call = bench.act(0, |end, now| end.place(now, crate::sip::Outgoing { flow, ..outgoing() })).unwrap();
            let first = bench.request().clone();
            bench.receive_on(10, flow, &phone.respond(&first, status, &asks));
            let second = bench.request().clone();
            assert_eq!(nonce(&bench, answers).as_deref(), Some("n1"));
            for same in ["Call-ID", "From", "To", "Contact", "Content-Type"] {
                assert_eq!(first.headers.first(same), second.headers.first(same), "{same}");
            }
            assert_eq!((second.headers.cseq().unwrap().number, &second.body), (2, &first.body));
            assert_ne!(first.headers.top_via().unwrap().branch(), second.headers.top_via().unwrap().branch());
            let answer = with_body(&phone.respond(&second, 200, ""), "application/sdp", SDP);
            bench.receive_on(20, flow, &answer);
            bench.act(30, |end, now| end.hang_up(now, call, None)).unwrap();
            assert_eq!(bench.request().headers.cseq().unwrap().number, 3);
            assert_eq!(
                bench.trace(),
                ["0 → INVITE", "10 → ACK", "10 → INVITE", "20 → ACK", "20 · Accepted", "30 → BYE",]
            );
        }
    }
}

#[test]
fn refused_credentials_are_not_sent_again_but_for_a_nonce_that_is_too_old() {
    let mut bench = bench();
    let phone = Phone::new();
    let call = bench.act(0, |end, now| end.place(now, outgoing())).unwrap();
    let challenged = phone.respond(bench.request(), 401, CHALLENGE);
    bench.receive(10, &challenged);
    let stale = phone.respond(bench.request(), 401, &CHALLENGE.replace("n1\"", "n2\", stale=true"));
    bench.receive(20, &stale);
    assert_eq!(nonce(&bench, "Authorization").as_deref(), Some("n2"));
    assert_eq!(bench.request().headers.all("Authorization").count(), 1);
    let refused = phone.respond(bench.request(), 401, &CHALLENGE.replace("n1", "n3"));
    bench.receive(30, &refused);
    assert_eq!(bench.events.last(), Some(&Event::Ended { call, cause: EndCause::Rejected { status: 401 } }));
    assert_eq!(bench.endpoint.calls(), 0);
}

#[test]
fn without_an_account_or_a_challenge_that_can_be_answered_a_refusal_is_one() {
    for (account, challenge) in [(false, CHALLENGE), (true, "WWW-Authenticate: Basic realm=\"far\""), (true, "X: y")] {
        let mut bench = if account { bench() } else { Bench::new() };
        bench.act(0, |end, now| end.place(now, outgoing())).unwrap();
        let refused = Phone::new().respond(bench.request(), 401, challenge);
        bench.receive(10, &refused);
        assert_eq!(
            bench.trace(),
            ["0 → INVITE", "10 → ACK", "10 · Rejected 401", "10 · Ended Rejected { status: 401 }"]
        );
    }
}

#[test]
fn a_challenged_registration_is_sent_again_and_its_end_is_told() {
    let registration = Registration {
        flow: Flow { local: udp().remote, remote: udp().local, ..udp() },
        registrar: "sip:192.0.2.1".parse().unwrap(),
        address_of_record: NameAddr::parse("<sip:0600001111@192.0.2.1>").unwrap(),
        seconds: 600,
    };
    let mut bench = bench();
    let phone = Phone::new();
    bench.act(0, |end, now| end.send_register(now, registration.clone())).unwrap();
    let first = bench.request().clone();
    assert_eq!(first.headers.first("Expires"), Some("600"));
    assert_eq!(first.headers.first("Contact"), Some("<sip:0600001111@192.0.2.9:5060>"));
    bench.receive(10, &phone.respond(&first, 401, CHALLENGE));
    let second = bench.request().clone();
    assert_eq!(second.headers.first("Call-ID"), first.headers.first("Call-ID"));
    assert_eq!(second.headers.cseq().unwrap().number, 2);
    bench.receive(20, &phone.respond(&second, 200, ""));
    bench.act(30, |end, now| end.send_register(now, Registration { seconds: 0, ..registration })).unwrap();
    assert_eq!(bench.request().headers.cseq().unwrap().number, 3);
    bench.until(60_000);
    let told = bench.trace();
    assert_eq!(
        told[..5],
        ["0 → REGISTER", "10 → REGISTER", "20 · RegistrationAnswered 200", "30 → REGISTER", "530 → REGISTER"]
    );
    assert_eq!(told.last().unwrap(), "32030 · RegistrationAnswered 408");
}
