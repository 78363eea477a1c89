//! Callers that are asked for their line's password (RFC 3261 §22.1, RFC 8760 §2).

use super::registering::{credentials, key, line, with_registrar};
use super::*;
use crate::sip::digest::Proof;
use crate::sip::endpoint::{CommandError, EndCause};

const SERVICE: &str = "sip:0664806430@192.0.2.1";

fn user_name(bench: &Bench) -> Option<String> {
    let incoming = bench.events.iter().rev().find_map(|e| if let Event::Incoming(i) = e { Some(i) } else { None });
    incoming.unwrap().user_name.clone()
}

#[test]
fn a_caller_is_challenged_acknowledges_and_calls_again_with_its_password() {
    let mut phone = Phone::new();
    let mut bench = Bench::with(with_registrar());
    bench.receive(0, &phone.invite());
    assert_eq!(user_name(&bench), None);
    let call = bench.call();
    let proof = bench.act(0, |end, now| end.authenticate(now, call, None, true));
    assert_eq!(proof, Ok(Proof::Missing { stale: false }));
    let answer = credentials(&bench, "0600001111", "correct horse", "INVITE", SERVICE);
    bench.receive(10, &phone.same_branch("ACK"));
    bench.receive(20, &with(&phone.invite(), &answer));
    assert_eq!(user_name(&bench).as_deref(), Some("0600001111"));
    let (call, key) = (bench.call(), key("0600001111"));
    assert_eq!(bench.act(30, |end, now| end.authenticate(now, call, Some(&key), true)), Ok(Proof::Right(line())));
    bench.act(40, |end, now| end.answer(now, call, OURS.to_owned())).unwrap();
    phone.hear(bench.response());
    bench.receive(50, &phone.ack());
    // a request in the dialog is not asked again
    bench.receive(60, &phone.request("BYE"));
    assert_eq!(
        bench.trace(),
        [
            "0 → 100 INVITE",
            "0 · Incoming",
            "0 → 401 INVITE",
            "0 · Ended Rejected { status: 401 }",
            "20 → 100 INVITE",
            "20 · Incoming",
            "40 → 200 INVITE",
            "50 · Confirmed",
            "60 → 200 BYE",
            "60 · Ended RemoteBye { reason: None }",
        ]
    );
}

#[test]
fn a_recorded_invite_proves_nothing_the_second_time() {
    let mut phone = Phone::new();
    let mut bench = Bench::with(with_registrar());
    bench.receive(0, &phone.invite());
    let call = bench.call();
    bench.act(0, |end, now| end.authenticate(now, call, None, true)).unwrap();
    let answer = credentials(&bench, "0600001111", "correct horse", "INVITE", SERVICE);
    bench.receive(10, &phone.same_branch("ACK"));
    let key = key("0600001111");
    for (at, proof) in [(20, Proof::Right(line())), (40, Proof::Missing { stale: true })] {
        bench.receive(at, &with(&phone.invite(), &answer).replace("Call-ID: trace", &format!("Call-ID: {at}")));
        let call = bench.call();
        assert_eq!(bench.act(at, |end, now| end.authenticate(now, call, Some(&key), true)), Ok(proof));
    }
    assert_eq!(bench.response().status, 401);
    assert!(bench.response().headers.all("WWW-Authenticate").all(|value| value.contains("stale=true")));
}

#[test]
fn who_is_believed_anyway_is_not_refused_for_its_password() {
    let mut phone = Phone::new();
    let mut bench = Bench::with(with_registrar());
    bench.receive(0, &phone.invite());
    let call = bench.call();
    bench.act(0, |end, now| end.authenticate(now, call, None, true)).unwrap();
    let wrong = credentials(&bench, "0600001111", "wrong", "INVITE", SERVICE);
    bench.receive(10, &phone.same_branch("ACK")).receive(20, &with(&phone.invite(), &wrong)).trace();
    let (call, key) = (bench.call(), key("0600001111"));
    let proof = bench.act(30, |end, now| end.authenticate(now, call, Some(&key), false));
    assert_eq!(proof, Ok(Proof::Wrong { locks: false }));
    assert!(bench.trace().is_empty());
    bench.act(40, |end, now| end.answer(now, call, OURS.to_owned())).unwrap();
    assert_eq!(bench.trace(), ["40 → 200 INVITE"]);
    assert_eq!(bench.act(50, |end, now| end.authenticate(now, call, None, true)), Err(CommandError::WrongState));
}

#[test]
fn credentials_of_another_request_are_refused() {
    let mut phone = Phone::new();
    let mut bench = Bench::with(with_registrar());
    bench.receive(0, &phone.invite());
    let call = bench.call();
    bench.act(0, |end, now| end.authenticate(now, call, None, true)).unwrap();
    let registration = credentials(&bench, "0600001111", "correct horse", "REGISTER", "sip:192.0.2.1");
    let same_uri = credentials(&bench, "0600001111", "correct horse", "REGISTER", SERVICE);
    bench.receive(10, &phone.same_branch("ACK"));
    let key = key("0600001111");
    for (at, answer, proof) in [(20, registration, Proof::Elsewhere), (40, same_uri, Proof::Wrong { locks: false })] {
        bench.receive(at, &with(&phone.invite(), &answer).replace("Call-ID: trace", &format!("Call-ID: {at}")));
        let call = bench.call();
        assert_eq!(bench.act(at, |end, now| end.authenticate(now, call, Some(&key), true)), Ok(proof));
    }
}

#[test]
fn a_caller_that_gives_up_while_it_is_looked_up_is_gone() {
    let mut phone = Phone::new();
    let mut bench = Bench::with(with_registrar());
    bench.receive(0, &phone.invite());
    let call = bench.call();
    bench.receive(10, &phone.same_branch("CANCEL"));
    assert_eq!(bench.act(20, |end, now| end.authenticate(now, call, None, true)), Err(CommandError::NoSuchCall));
    assert_eq!(bench.events.last(), Some(&Event::Ended { call, cause: EndCause::Cancelled { reason: None } }));
    assert_eq!(bench.endpoint.calls(), 0);
}
