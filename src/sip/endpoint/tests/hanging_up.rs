//! Hanging up (RFC 3261 §15): BYE from either side, lost, crossed, and with other things pending.

use super::*;

#[test]
fn we_hang_up_and_a_lost_bye_is_repeated() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.act(1000, |endpoint, now| endpoint.hang_up(now, call, Some((16, "set")))).unwrap();
    let bye = bench.request().clone();
    assert_eq!(bye.uri.to_string(), "sip:0600001111@192.0.2.9:5060");
    assert_eq!(bye.headers.first("Reason"), Some("Q.850;cause=16;text=\"set\""));
    assert_eq!(bye.headers.from().unwrap().tag(), phone.to_tag.as_deref());
    assert_eq!(bye.headers.to().unwrap().tag(), Some("phone"));
    bench.receive(1600, &phone.respond(&bye, 200, ""));
    assert_eq!(bench.trace(), ["1000 → BYE", "1500 → BYE", "1600 · Ended LocalBye"]);
    bench.receive(1700, &phone.respond(&bye, 200, "")).until(100_000);
    assert_eq!(bench.trace(), [""; 0]);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn a_bye_that_is_never_answered() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.act(0, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    bench.until(100_000);
    let mut expected: Vec<String> = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
        .map(|ms| format!("{ms} → BYE"))
        .into();
    expected.push("32000 · Ended ByeTimedOut".to_owned());
    assert_eq!(bench.trace(), expected);
    assert_eq!(bench.endpoint.calls(), 0);
}

#[test]
fn any_final_answer_to_a_bye_ends_the_call() {
    for status in [200, 401, 408, 481, 500, 603] {
        let mut phone = Phone::new();
        let mut bench = Bench::talking(&mut phone);
        let call = bench.call();
        bench.act(0, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
        let bye = bench.request().clone();
        bench.receive(50, &phone.respond(&bye, 100, "")).receive(100, &phone.respond(&bye, status, ""));
        assert_eq!(bench.trace(), ["0 → BYE", "100 · Ended LocalBye"], "{status}");
    }
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut phone = Phone::new();
    let mut bench = Bench::answered(&mut phone);
    let call = bench.call();
    bench.act(5, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert!(bench.act(6, |endpoint, now| endpoint.hang_up(now, call, None)).is_err());
    bench.until(600);
    bench.receive(700, &phone.ack());
    assert_eq!(bench.trace()[2..], ["0 → 200 INVITE", "500 → 200 INVITE", "700 · Confirmed", "700 → BYE"]);
    let bye = bench.request().clone();
    bench.receive(710, &phone.respond(&bye, 200, ""));
    assert_eq!(bench.trace(), ["710 · Ended LocalBye"]);
}

#[test]
fn hanging_up_before_an_ack_that_never_comes() {
    let mut phone = Phone::new();
    let mut bench = Bench::answered(&mut phone);
    let call = bench.call();
    bench.act(5, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    bench.until(31_900).trace();
    bench.until(32_000);
    assert_eq!(bench.trace(), ["32000 → BYE", "32000 · Ended NoAck"]);
}

#[test]
fn hanging_up_on_a_call_that_was_not_answered_refuses_it() {
    let mut bench = Bench::new();
    bench.receive(0, &Phone::new().invite());
    let call = bench.call();
    bench.act(5, |endpoint, now| endpoint.hang_up(now, call, Some((31, "gone")))).unwrap();
    assert_eq!(bench.response().headers.first("Reason"), Some("Q.850;cause=31;text=\"gone\""));
    assert_eq!(bench.trace()[2..], ["5 → 480 INVITE", "5 · Ended Rejected { status: 480 }"]);
}

#[test]
fn a_repeated_bye_is_answered_again_and_a_new_one_belongs_to_nothing() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let bye = with(&phone.request("BYE"), "Reason: Q.850;cause=16");
    bench.receive(100, &bye).receive(600, &bye);
    let ended = "100 · Ended RemoteBye { reason: Some(\"Q.850;cause=16\") }";
    assert_eq!(bench.trace(), ["100 → 200 BYE", ended, "600 → 200 BYE"]);
    bench.receive(700, &phone.request("BYE"));
    assert_eq!(bench.trace(), ["700 → 481 BYE"]);
}

#[test]
fn a_bye_before_the_ack_stops_the_repetition() {
    let mut phone = Phone::new();
    let mut bench = Bench::answered(&mut phone);
    bench.trace();
    bench.receive(10, &phone.request("BYE")).until(100_000);
    assert_eq!(bench.trace(), ["10 → 200 BYE", "10 · Ended RemoteBye { reason: None }"]);
}

#[test]
fn both_hang_up_at_once() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.act(100, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    let bye = bench.request().clone();
    bench.receive(105, &phone.request("BYE")).receive(110, &phone.respond(&bye, 481, ""));
    assert_eq!(bench.trace(), ["100 → BYE", "105 → 200 BYE", "110 · Ended LocalBye"]);
}

#[test]
fn a_bye_ends_what_is_pending() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    bench.receive(100, &phone.invite()).receive(110, &phone.request("BYE"));
    let ended = "110 · Ended RemoteBye { reason: None }";
    assert_eq!(bench.trace(), ["100 → 100 INVITE", "100 · Offer", "110 → 200 BYE", "110 → 487 INVITE", ended]);
}

#[test]
fn our_bye_ends_what_is_pending_on_either_side() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.receive(100, &phone.invite());
    bench.act(110, |endpoint, now| endpoint.send_info(now, call, "application/dtmf", b"5".to_vec())).unwrap();
    let info = bench.request().clone();
    bench.act(120, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert_eq!(bench.trace(), ["100 → 100 INVITE", "100 · Offer", "110 → INFO", "120 → 487 INVITE", "120 → BYE"]);
    let bye = bench.request().clone();
    bench.receive(130, &phone.same_branch("ACK")).receive(130, &phone.respond(&info, 481, ""));
    bench.receive(140, &phone.request("INFO")).receive(150, &phone.respond(&bye, 200, ""));
    assert_eq!(bench.trace(), ["130 · InfoAnswered 481", "140 → 481 INFO", "150 · Ended LocalBye"]);
}

#[test]
fn an_info_that_finds_no_dialog_ends_the_call() {
    let mut phone = Phone::new();
    let mut bench = Bench::talking(&mut phone);
    let call = bench.call();
    bench.act(100, |endpoint, now| endpoint.send_info(now, call, "application/dtmf", b"5".to_vec())).unwrap();
    let info = bench.request().clone();
    bench.receive(110, &phone.respond(&info, 481, ""));
    let ended = "110 · Ended DialogGone { status: 481 }";
    assert_eq!(bench.trace(), ["100 → INFO", "110 · InfoAnswered 481", "110 → BYE", ended]);
}
