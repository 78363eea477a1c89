//! Peers that have proved nothing (RFC 3261 §26.3.2.4), and how they prove their line (§22.1, RFC 8760 §2).

use super::registering::{credentials, key, line, with_registrar};
use super::*;
use crate::sip::digest::Proof;
use crate::sip::endpoint::{Admission, CommandError, Judged, Registered, StrangerHandle, Verdict};

const SERVICE: &str = "sip:0664806430@192.0.2.1";

fn bench(config: Config) -> Bench {
    Bench { is_stranger: true, ..Bench::with(config) }
}

impl Bench {
    fn judge(&mut self, at: u64, handle: u64, verdict: Verdict<'_>) -> Result<Judged, CommandError> {
        self.act(at, |end, now| end.judge(now, StrangerHandle(handle), verdict))
    }

    /// Nothing is left of anybody.
    fn is_empty(&self) -> bool {
        self.endpoint.layer.is_empty() && self.endpoint.calls() == 0
    }
}

/// A request of as few octets as can be, as in a flood.
fn smallest(method: &str, uri: &str, more: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nv:SIP/2.0/UDP 192.0.2.9:5060{more};branch=z9hG4bK1\r\nf:<sip:a@b>;tag=1\r\n\
         t:<sip:a@b>\r\ni:1\r\nCSeq:1 {method}\r\nm:<sip:a@b>\r\nMax-Forwards:9\r\n\r\n"
    )
}

#[test]
fn a_caller_is_challenged_acknowledges_and_calls_again_with_its_password() {
    let mut phone = Phone::new();
    let mut bench = bench(with_registrar());
    bench.receive(0, &phone.invite());
    assert_eq!(bench.judge(0, 1, Verdict::Prove(None)), Ok(Judged::TurnedAway(Some(Proof::Missing { stale: false }))));
    let answer = credentials(&bench, "0600001111", "correct horse", "INVITE", SERVICE);
    bench.receive(10, &phone.same_branch("ACK"));
    assert!(bench.is_empty(), "the challenge remembers itself");
    bench.receive(20, &with(&phone.invite(), &answer));
    assert_eq!(bench.judge(30, 2, Verdict::Prove(Some(&key("0600001111")))), Ok(Judged::Proved));
    let proved = bench.events.iter().rev().find_map(|e| if let Event::Incoming(i) = e { Some(i) } else { None });
    assert_eq!(proved.unwrap().identity.authenticated, Some(line()));
    let call = bench.call();
    bench.act(40, |end, now| end.answer(now, call, OURS.to_owned())).unwrap();
    phone.hear(bench.response());
    bench.receive(50, &phone.ack());
    // a request in the dialog is not asked again
    bench.receive(60, &phone.request("BYE"));
    assert_eq!(
        bench.trace(),
        [
            "0 · Stranger",
            "0 → 401 INVITE",
            "0 · TurnedAway Challenged 401",
            "20 · Stranger with a name",
            "30 → 100 INVITE",
            "30 · Incoming",
            "40 → 200 INVITE",
            "50 · Confirmed",
            "60 → 200 BYE",
            "60 · Ended RemoteBye { reason: None }",
        ]
    );
}

#[test]
fn a_telephone_is_challenged_and_then_bound() {
    let mut phone = Phone::new();
    let mut bench = bench(with_registrar());
    let register = |phone: &mut Phone| {
        let request = phone.request("REGISTER").replace("sip:0664806430@192.0.2.1 SIP", "sip:192.0.2.1 SIP");
        request.replace("To: <sip:0664806430", "To: <sip:0600001111")
    };
    bench.receive(0, &register(&mut phone));
    let answer = credentials(&bench, "0600001111", "correct horse", "REGISTER", "sip:192.0.2.1");
    bench.receive(10, &with(&register(&mut phone), &answer));
    assert_eq!(bench.judge(20, 1, Verdict::Prove(Some(&key("0600001111")))), Ok(Judged::Proved));
    let bound = Event::Registered { flow: udp(), outcome: Registered::Bound { line: line(), contacts: 1 } };
    assert_eq!(bench.events.last(), Some(&bound));
    assert_eq!(
        bench.trace()[..4],
        ["0 → 401 REGISTER", "0 · TurnedAway Challenged 401", "10 · Stranger with a name", "20 → 200 REGISTER"]
    );
}

#[test]
fn one_request_draws_one_answer_no_larger_than_itself_from_where_it_came() {
    let asked = [
        ("INVITE", "sip:0664806430@192.0.2.1", 403),
        ("INVITE", "sip:9@192.0.2.1", 404),
        ("OPTIONS", "sip:192.0.2.1", 200),
        ("REGISTER", "sip:192.0.2.1", 405),
        ("SUBSCRIBE", "sip:192.0.2.1", 405),
        ("BYE", "sip:0664806430@192.0.2.1", 481),
    ];
    for (method, uri, status) in asked {
        for more in ["", ";maddr=203.0.113.7", ";rport;maddr=203.0.113.7"] {
            let mut bench = bench(Config::default());
            let request = smallest(method, uri, more);
            bench.receive(0, &request).until(100_000);
            assert_eq!(bench.sent.len(), 1, "{method}{more}");
            let answer = bench.response();
            assert_eq!((answer.status, bench.last_flow()), (status, udp()), "{method}{more}");
            // as it went out: in its compact form, which what was read of it no longer shows
            let octets = answer.to_compact_bytes().len();
            assert!(octets <= request.len() || more.contains("rport"), "{method}: {octets} for {}", request.len());
            assert!(bench.is_empty(), "{method}");
        }
    }
}

#[test]
fn a_challenge_is_the_same_size_however_often_and_from_whomever_it_is_drawn() {
    let mut bench = bench(with_registrar());
    let register = smallest("REGISTER", "sip:192.0.2.1", "");
    for at in 0..1000 {
        bench.receive(at, &register.replace("z9hG4bK1", &format!("z9hG4bK{at}")));
    }
    bench.until(100_000);
    assert_eq!(bench.sent.len(), 1000);
    assert!(bench.is_empty());
    let octets = bench.response().to_compact_bytes().len();
    assert!(octets < 512, "{octets}");
}

#[test]
fn a_recorded_invite_proves_nothing_the_second_time() {
    let mut phone = Phone::new();
    let mut bench = bench(with_registrar());
    bench.receive(0, &phone.invite());
    bench.judge(0, 1, Verdict::Prove(None)).unwrap();
    let answer = credentials(&bench, "0600001111", "correct horse", "INVITE", SERVICE);
    bench.receive(20, &with(&phone.invite(), &answer).replace("Call-ID: trace", "Call-ID: 20"));
    assert_eq!(bench.judge(20, 2, Verdict::Prove(Some(&key("0600001111")))), Ok(Judged::Proved));
    bench.trace();
    // nothing is looked up for it
    bench.receive(40, &with(&phone.invite(), &answer).replace("Call-ID: trace", "Call-ID: 40"));
    assert_eq!(bench.trace(), ["40 → 401 INVITE", "40 · TurnedAway Challenged 401"]);
    assert!(bench.response().headers.all("WWW-Authenticate").all(|value| value.contains("stale=true")));
}

#[test]
fn a_wrong_password_is_counted_once_though_its_answer_is_lost() {
    let mut phone = Phone::new();
    let mut bench = bench(with_registrar());
    bench.receive(0, &phone.invite());
    bench.judge(0, 1, Verdict::Prove(None)).unwrap();
    let wrong = credentials(&bench, "0600001111", "wrong", "INVITE", SERVICE);
    let again = with(&phone.invite(), &wrong);
    bench.receive(20, &again);
    // while it is looked up it is held once
    bench.receive(30, &again).trace();
    let proof = bench.judge(40, 2, Verdict::Prove(Some(&key("0600001111"))));
    assert_eq!(proof, Ok(Judged::TurnedAway(Some(Proof::Wrong { locks: false }))));
    bench.receive(540, &again);
    assert_eq!(
        bench.trace(),
        ["40 → 401 INVITE", "40 · TurnedAway WrongPassword 401", "540 → 401 INVITE", "540 · TurnedAway Challenged 401"]
    );
}

#[test]
fn credentials_of_another_request_are_refused() {
    let mut phone = Phone::new();
    let mut bench = bench(with_registrar());
    bench.receive(0, &phone.invite());
    bench.judge(0, 1, Verdict::Prove(None)).unwrap();
    let registration = credentials(&bench, "0600001111", "correct horse", "REGISTER", "sip:192.0.2.1");
    let same_uri = credentials(&bench, "0600001111", "correct horse", "REGISTER", SERVICE);
    bench.receive(20, &with(&phone.invite(), &registration)).receive(40, &with(&phone.invite(), &same_uri));
    let proof = bench.judge(40, 2, Verdict::Prove(Some(&key("0600001111"))));
    assert_eq!(proof, Ok(Judged::TurnedAway(Some(Proof::Wrong { locks: false }))));
    let trace = bench.trace();
    assert_eq!(trace[3..5], ["20 → 400 INVITE", "20 · TurnedAway Request 400"]);
}

#[test]
fn a_caller_that_gives_up_while_it_is_looked_up_is_gone() {
    let mut phone = Phone::new();
    let mut bench = bench(with_registrar());
    bench.receive(0, &phone.invite()).receive(10, &phone.same_branch("CANCEL"));
    assert_eq!(bench.judge(20, 1, Verdict::Prove(None)), Err(CommandError::NoSuchCall));
    assert_eq!(bench.trace(), ["0 · Stranger", "10 → 200 CANCEL", "10 → 487 INVITE"]);
    assert!(bench.is_empty());
}

#[test]
fn what_waits_for_the_application_is_bounded_in_number_and_time() {
    let mut bench = bench(with_registrar());
    let invite = smallest("INVITE", SERVICE, "");
    for number in 0..300 {
        bench.receive(0, &invite.replace("z9hG4bK1", &format!("z9hG4bK{number}")));
    }
    let trace = bench.trace();
    assert_eq!(trace.iter().filter(|line| *line == "0 · Stranger").count(), 250);
    assert_eq!(trace.iter().filter(|line| *line == "0 · TurnedAway Busy 503").count(), 50);
    bench.until(3000);
    let late = bench.trace();
    assert_eq!(late.iter().filter(|line| *line == "2500 · TurnedAway Unavailable 503").count(), 250);
    assert!(bench.is_empty());
}

#[test]
fn a_service_that_stops_asks_nobody_for_a_proof() {
    let mut bench = bench(with_registrar());
    bench.endpoint.set_admission(Admission::Draining { retry_after: std::time::Duration::from_secs(30) });
    bench.receive(0, &smallest("INVITE", SERVICE, ""));
    assert_eq!(bench.trace(), ["0 → 503 INVITE", "0 · TurnedAway Busy 503"]);
    assert_eq!(bench.response().headers.first("Retry-After"), Some("30"));
}

#[test]
fn lines_that_prove_themselves_leave_calls_to_trusted_peers() {
    let mut bench = bench(Config { max_calls: 4, reserved: 25, ..with_registrar() });
    for number in 1..=4 {
        let mut phone = Phone::new();
        let named = |invite: String| {
            invite.replace("trace@", &format!("{number}@")).replace("z9hG4bK-", &format!("z9hG4bK-{number}-"))
        };
        bench.receive(0, &named(phone.invite()));
        bench.judge(0, 2 * number - 1, Verdict::Prove(None)).unwrap();
        let answer = credentials(&bench, "0600001111", "correct horse", "INVITE", SERVICE);
        bench.receive(0, &named(with(&phone.invite(), &answer)));
        assert_eq!(bench.judge(0, 2 * number, Verdict::Prove(Some(&key("0600001111")))), Ok(Judged::Proved));
    }
    assert_eq!(bench.endpoint.calls(), 3);
    let why = "the other calls are kept for trusted peers: [limits] calls, reserved_for_trusted";
    assert_eq!(bench.refused, [(503, why.to_owned())]);
    bench.is_stranger = false;
    bench.receive(0, &Phone::new().invite());
    assert_eq!(bench.endpoint.calls(), 4);
}
