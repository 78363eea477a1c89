//! CANCEL and its races (RFC 3261 §9.2).

use super::*;

fn answer(bench: &mut Bench, ms: u64) {
    let call = bench.call();
    bench.act(ms, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
}

#[test]
fn a_cancel_ends_a_call_that_is_not_answered() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &phone.invite());
    let cancel = with(&phone.same_branch("CANCEL"), "Reason: SIP;cause=200;text=\"Call completed elsewhere\"");
    bench.receive(100, &cancel);
    let reason = "Some(\"SIP;cause=200;text=\\\"Call completed elsewhere\\\"\")";
    assert_eq!(
        bench.trace(),
        [
            "0 → 100 INVITE",
            "0 · Incoming",
            "100 → 200 CANCEL",
            "100 → 487 INVITE",
            &format!("100 · Ended Cancelled {{ reason: {reason} }}"),
        ]
    );
    // both carry the same To tag (§9.2)
    let tags: Vec<_> = bench.sent[1..].iter().map(|(_, sent)| sent.headers().to().unwrap().params).collect();
    assert!(tags[0] == tags[1] && !tags[0].is_empty());
    // the CANCEL comes again, and the ACK of the 487 was lost once
    bench.receive(200, &cancel).until(600);
    bench.receive(700, &phone.same_branch("ACK")).until(100_000);
    assert_eq!(bench.trace(), ["200 → 200 CANCEL", "600 → 487 INVITE"]);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &phone.invite());
    let cancel = phone.same_branch("CANCEL");
    answer(&mut bench, 100);
    phone.hear(bench.response());
    bench.receive(105, &cancel).receive(110, &phone.ack());
    assert_eq!(bench.trace()[2..], ["100 → 200 INVITE", "105 → 200 CANCEL", "110 · Confirmed"]);
    assert_eq!(bench.endpoint.calls(), 1);
}

#[test]
fn an_answer_after_the_cancel_goes_nowhere() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &phone.invite()).receive(100, &phone.same_branch("CANCEL")).trace();
    let call = bench.call();
    assert!(bench.act(100, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).is_err());
    assert_eq!(bench.trace(), [""; 0]);
}

#[test]
fn a_cancel_of_nothing_gets_481() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    phone.invite();
    bench.receive(0, &phone.same_branch("CANCEL"));
    assert_eq!(bench.trace(), ["0 → 481 CANCEL"]);
    // the INVITE that it overtook is a call like any other
    bench.receive(10, &phone.same_branch("INVITE"));
    assert_eq!(bench.trace(), ["10 → 100 INVITE", "10 · Incoming"]);
}

#[test]
fn a_cancel_of_a_refused_call_is_answered_and_nothing_else() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &phone.invite().replace("sip:0664806430@192.0.2.1 SIP", "sip:0699999999@192.0.2.1 SIP"));
    let cancel = phone.same_branch("CANCEL").replace("sip:0664806430@192.0.2.1 SIP", "sip:0699999999@192.0.2.1 SIP");
    bench.receive(10, &cancel);
    assert_eq!(bench.trace(), ["0 → 404 INVITE", "10 → 200 CANCEL"]);
}

#[test]
fn a_cancelled_re_invite_leaves_the_call_as_it_was() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    bench.receive(100, &phone.invite()).receive(110, &phone.same_branch("CANCEL"));
    assert_eq!(bench.trace(), ["100 → 100 INVITE", "100 · Offer", "110 → 200 CANCEL", "110 → 487 INVITE"]);
    bench.receive(120, &phone.same_branch("ACK"));
    let call = bench.call();
    assert!(bench.act(130, |endpoint, now| endpoint.respond_offer(now, call, Ok(OURS.to_owned()))).is_err());
    bench.receive(200, &phone.request("BYE"));
    assert_eq!(bench.trace(), ["200 → 200 BYE", "200 · Ended RemoteBye { reason: None }"]);
}

#[test]
fn a_bye_in_place_of_a_cancel_ends_an_early_call() {
    let mut phone = Phone::new();
    let mut bench = Bench::new();
    bench.receive(0, &phone.invite());
    let call = bench.call();
    bench.act(10, |endpoint, now| endpoint.ring(now, call)).unwrap();
    phone.hear(bench.response());
    bench.trace();
    bench.receive(20, &phone.request("BYE"));
    assert_eq!(bench.trace(), ["20 → 200 BYE", "20 → 487 INVITE", "20 · Ended Cancelled { reason: None }"]);
}
