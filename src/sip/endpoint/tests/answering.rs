//! Answering: 100 at once, repetitions, the 200 and its ACK (RFC 3261 §13.3, RFC 6026).

use super::*;
use crate::sip::endpoint::EndCause;

#[test]
fn a_whole_call_of_a_phone() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &phone.invite());
    assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming"]);
    let call = bench.call();
    bench.act(20, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    phone.hear(bench.response());
    bench.receive(30, &phone.ack());
    assert_eq!(bench.trace(), ["20 → 200 INVITE", "30 · Confirmed"]);
    bench.receive(5000, &phone.request("BYE"));
    assert_eq!(bench.trace(), ["5000 → 200 BYE", "5000 · Ended RemoteBye { reason: None }"]);
    assert_eq!(bench.endpoint.calls(), 0);
    bench.until(100_000);
    assert_eq!(bench.trace(), [""; 0]);
}

#[test]
fn what_the_application_is_told_of_an_invite() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    let invite =
        phone.invite().replace("sip:0664806430@192.0.2.1 SIP", "sip:066480%36430;npdi@192.0.2.1;user=phone SIP");
    let invite =
        with(&invite, "P-Asserted-Identity: <sip:0600001111@ntt-west.ne.jp>, <tel:0600001111;phone-context=x>");
    let invite = with(&invite, "Privacy: ID; critical\r\nP-Preferred-Identity: <sip:0699999999@x.example>");
    bench.receive(0, &invite);
    let [Event::Incoming(incoming)] = &bench.events[..] else { panic!("{:?}", bench.events) };
    assert_eq!((incoming.called.as_str(), incoming.call_id.as_str()), ("0664806430", "trace@192.0.2.9"));
    assert_eq!(incoming.offer.as_deref(), Some(SDP.as_bytes()));
    assert_eq!(incoming.flow, udp());
    let identity = &incoming.identity;
    assert_eq!(identity.from.as_ref().and_then(|from| from.uri.subscriber()).as_deref(), Some("0600001111"));
    let asserted: Vec<_> = identity.asserted.iter().map(|value| value.uri.subscriber().unwrap()).collect();
    assert_eq!((asserted, identity.asserted_unreadable), (vec!["0600001111".to_owned(); 2], false));
    assert_eq!(identity.preferred.len(), 1);
    assert_eq!(identity.privacy, ["id", "critical"]);
    assert_eq!(identity.remote, address("192.0.2.9:5060"));
}

#[test]
fn an_unreadable_asserted_identity_is_not_passed_over() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &with(&phone.invite(), "P-Asserted-Identity: <sip:0600001111@a>, <<>>"));
    let Some(Event::Incoming(incoming)) = bench.events.first() else { panic!("{:?}", bench.events) };
    assert!(incoming.identity.asserted_unreadable);
}

#[test]
fn a_call_to_the_number_in_another_spelling_is_taken() {
    let dialled_with_186 = ["sip:1860664806430@192.0.2.1", "sip:186-06-6480-6430@192.0.2.1"];
    let forms = ["sip:+81664806430@192.0.2.1;user=phone", "tel:06-6480-6430", "tel:+81-6-6480-6430"];
    for uri in forms.into_iter().chain(dialled_with_186) {
        let mut bench = Bench::new();
        bench.receive(0, &Phone::new().invite().replace("sip:0664806430@192.0.2.1 SIP", &format!("{uri} SIP")));
        assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming"], "{uri}");
    }
}

#[test]
fn repeated_invites_are_absorbed_while_the_application_thinks_and_after_the_answer() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    let invite = phone.invite();
    bench.receive(0, &invite).receive(500, &invite).receive(1500, &invite);
    assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming", "500 → 100 INVITE", "1500 → 100 INVITE"]);
    let call = bench.call();
    bench.act(2000, |endpoint, now| endpoint.ring(now, call)).unwrap();
    bench.receive(3500, &invite);
    assert_eq!(bench.trace(), ["2000 → 180 INVITE", "3500 → 180 INVITE"]);
    let ringing = bench.response().clone();
    bench.act(4000, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    assert_eq!(bench.response().headers.to().unwrap(), ringing.headers.to().unwrap());
    bench.receive(4100, &invite);
    phone.hear(bench.response());
    bench.receive(4200, &phone.ack()).receive(4300, &invite).until(60_000);
    assert_eq!(bench.trace(), ["4000 → 200 INVITE", "4200 · Confirmed"]);
}

#[test]
fn the_200_says_what_the_network_insists_on() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    let routes = "Record-Route: <sip:p2.example;lr>\r\nRecord-Route: <sip:p1.example;lr>";
    bench.receive(0, &with(&phone.invite(), routes));
    let call = bench.call();
    bench.act(0, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    let response = bench.response();
    assert_eq!(response.headers.first("Contact"), Some("<sip:0664806430@192.0.2.1:5060>"));
    assert_eq!(response.headers.first("Allow"), Some("INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK"));
    assert_eq!(response.headers.first("Supported"), Some("timer, 100rel"));
    assert_eq!(response.headers.first("Content-Type"), Some("application/sdp"));
    assert_eq!(response.headers.list("Record-Route"), ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]);
    assert!(response.headers.to().unwrap().tag().is_some());
    assert!(!response.headers.contains("Session-Expires") && !response.headers.contains("Require"));
    assert_eq!(response.body, OURS.as_bytes());
}

#[test]
fn a_100_has_the_timestamp_and_no_tag() {
    let mut bench = Bench::new();
    bench.receive(0, &with(&Phone::new().invite(), "Timestamp: 54.1"));
    assert_eq!(bench.response().headers.first("Timestamp"), Some("54.1"));
    assert_eq!(bench.response().headers.to().unwrap().tag(), None);
}

#[test]
fn a_lost_ack_or_200_has_the_200_repeated_from_t1_to_t2_on_every_transport() {
    for mut phone in [Phone::new(), Phone::over_tcp()] {
        let mut bench = Bench::answered(&mut phone);
        bench.until(8000);
        let ack = phone.ack();
        bench.receive(8100, &ack).receive(8200, &ack).until(100_000);
        let again = [500, 1500, 3500, 7500].map(|ms| format!("{ms} → 200 INVITE"));
        let mut expected = vec!["0 → 100 INVITE".to_owned(), "0 · Incoming".into(), "0 → 200 INVITE".into()];
        expected.extend(again);
        expected.push("8100 · Confirmed".into());
        assert_eq!(bench.trace(), expected);
    }
}

#[test]
fn an_ack_that_never_comes_ends_the_call_after_64_t1() {
    let mut phone = Phone::new();
    let mut bench = Bench::answered(&mut phone);
    bench.until(31_999).trace();
    bench.until(32_000);
    assert_eq!(bench.trace(), ["32000 → BYE", "32000 · Ended NoAck"]);
    // much too late
    bench.receive(32_100, &phone.ack());
    assert_eq!(bench.trace(), [""; 0]);
    let bye = bench.request().clone();
    bench.receive(32_200, &phone.respond(&bye, 200, "")).until(200_000);
    assert_eq!(bench.trace(), [""; 0]);
}

#[test]
fn an_ack_of_another_fork_or_number_is_not_for_this_call() {
    let mut phone = Phone::new();
    let mut bench = Bench::answered(&mut phone);
    bench.trace();
    let ack = phone.ack();
    let forked = ack.replace(phone.to_tag.as_ref().unwrap(), "another-fork");
    bench.receive(10, &forked).receive(20, &ack.replace("CSeq: 1 ", "CSeq: 2 "));
    assert_eq!(bench.trace(), [""; 0]);
    bench.receive(30, &ack);
    assert_eq!(bench.trace(), ["30 · Confirmed"]);
}

#[test]
fn an_invite_without_an_offer_is_answered_with_one_and_the_ack_has_the_answer() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &phone.request("INVITE"));
    let [Event::Incoming(incoming)] = &bench.events[..] else { panic!("{:?}", bench.events) };
    assert_eq!(incoming.offer, None);
    let call = bench.call();
    bench.act(0, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    phone.hear(bench.response());
    bench.receive(10, &with_body(&phone.ack(), "application/sdp", SDP));
    assert_eq!(bench.events.last(), Some(&Event::Confirmed { call, answer: Some(SDP.as_bytes().to_vec()) }));
}

#[test]
fn a_call_that_nobody_answers_is_given_up() {
    let mut bench = Bench::new();
    bench.receive(0, &Phone::new().invite()).until(180_000);
    assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming", "180000 → 480 INVITE", "180000 · Ended TimedOut"]);
    let mut bench = Bench::new();
    bench.receive(0, &with(&Phone::new().invite(), "Expires: 20")).until(20_000);
    assert_eq!(bench.trace()[2..], ["20000 → 487 INVITE", "20000 · Ended TimedOut"]);
}

#[test]
fn answering_twice_or_what_is_gone_does_nothing() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    let twice = bench.act(20, |endpoint, now| endpoint.answer(now, call, OURS.to_owned()));
    assert_eq!(twice, Err(super::super::CommandError::WrongState));
    bench.receive(30, &phone.request("BYE")).trace();
    let gone = bench.act(40, |endpoint, now| endpoint.answer(now, call, OURS.to_owned()));
    assert_eq!(gone, Err(super::super::CommandError::NoSuchCall));
    assert_eq!(bench.trace(), [""; 0]);
    assert_eq!(bench.events.last(), Some(&Event::Ended { call, cause: EndCause::RemoteBye { reason: None } }));
}

#[test]
fn a_phone_of_rfc_2543_without_branch_and_tag_gets_through() {
    let mut phone = Phone::new();
    let old = |text: String| {
        without(&text, "Contact").replace(";branch=z9hG4bK-", ";x=").replace(";tag=phone", "").replace(";x=2", ";x=1")
    };
    let mut bench = Bench::new();
    let invite = old(phone.invite());
    bench.receive(0, &invite).receive(500, &invite);
    let call = bench.call();
    bench.act(600, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    phone.hear(bench.response());
    bench.receive(700, &old(phone.ack()));
    assert_eq!(
        bench.trace(),
        ["0 → 100 INVITE", "0 · Incoming", "500 → 100 INVITE", "600 → 200 INVITE", "700 · Confirmed"]
    );
    bench.act(800, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert_eq!((bench.request().uri.to_string(), bench.last_flow()), ("sip:0600001111@192.0.2.9".to_owned(), udp()));
}

#[test]
fn a_call_that_requires_reliable_provisionals_is_answered_without_any() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &with(&phone.invite(), "Require: 100rel"));
    let call = bench.call();
    bench.act(20, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    phone.hear(bench.response());
    bench.receive(30, &phone.ack()).receive(40, &with(&phone.request("PRACK"), "RAck: 1 1 INVITE"));
    let expected = ["0 → 100 INVITE", "0 · Incoming", "20 → 200 INVITE", "30 · Confirmed", "40 → 481 PRACK"];
    assert_eq!(bench.trace(), expected);
}

#[test]
fn the_number_that_was_dialled_may_stand_beside_a_contact_as_request_uri() {
    let contact = Phone::new().invite().replace("sip:0664806430@192.0.2.1 SIP", "sip:line-3@192.0.2.1:5060 SIP");
    for called in ["<sip:+81664806430@ims.example;user=phone>", "<tel:06-6480-6430;phone-context=ims.example>"] {
        let mut bench = Bench::new();
        bench.receive(0, &with(&contact, &format!("P-Called-Party-ID: {called}")));
        assert_eq!(bench.trace(), ["0 → 100 INVITE", "0 · Incoming"], "{called}");
    }
    for called in ["<sip:0664806431@ims.example>", "<sip:ims.example>", "nonsense <"] {
        let mut bench = Bench::new();
        bench.receive(0, &with(&contact, &format!("P-Called-Party-ID: {called}")));
        assert_eq!(bench.trace(), ["0 → 404 INVITE"], "{called}");
    }
}
