//! Streams: nothing is repeated but the 200, and connections come and go (RFC 3261 §18).

use super::*;

fn answered(phone: &mut Phone) -> Bench {
    Bench::talking(phone)
}

#[test]
fn a_call_over_tcp_stays_on_its_connection() {
    let mut phone = Phone::over_tcp();
    let mut bench = answered(&mut phone);
    assert!(bench.sent.iter().all(|(flow, _)| *flow == tcp()));
    let Message::Response(ok) = &bench.sent[1].1 else { panic!() };
    assert_eq!(ok.headers.first("Contact"), Some("<sip:0664806430@192.0.2.1:5060;transport=tcp>"));
    let call = bench.call();
    bench.act(100, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    let bye = bench.request().clone();
    assert_eq!(bench.last_flow(), tcp());
    assert_eq!(bye.headers.top_via().unwrap().transport, "TCP");
    bench.until(20_000);
    bench.receive(20_000, &phone.respond(&bye, 200, ""));
    assert_eq!(bench.trace(), ["100 → BYE", "20000 · Ended LocalBye"]);
    bench.until(40_000);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn a_refusal_over_tcp_is_not_repeated() {
    let mut phone = Phone::over_tcp();
    let mut bench = Bench::new();
    bench.flow = tcp();
    bench.receive(0, &with(&phone.invite(), "Require: x")).until(10_000);
    assert_eq!(bench.trace(), ["0 → 420 INVITE"]);
    bench.receive(10_000, &phone.same_branch("ACK"));
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn a_placed_call_over_tcp_is_not_repeated() {
    let mut pair_flow = tcp();
    pair_flow.local = address("192.0.2.1:5060");
    let mut pair = pair::Pair::new(pair_flow, |count| count == 0);
    pair.place(Some(SDP));
    pair.until(100_000);
    assert_eq!(pair.trace, ["0 → INVITE lost", "32000 caller Ended TimedOut"]);
}

#[test]
fn when_the_connection_is_gone_the_answer_asks_for_another() {
    let mut phone = Phone::over_tcp();
    let mut bench = Bench::new();
    bench.flow = tcp();
    bench.receive(0, &phone.invite());
    let call = bench.call();
    bench.act(10, |endpoint, now| endpoint.handle_flow_closed(now, 7));
    bench.act(20, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    let back = Flow { remote: address("192.0.2.9:5060"), connection: None, ..tcp() };
    assert_eq!((bench.last_flow(), bench.response().status), (back, 200));
    // it cannot be opened
    bench.act(30, |endpoint, now| endpoint.handle_unreachable(now, back));
    assert_eq!(bench.trace().last().unwrap(), "30 · Ended FlowFailed");
    bench.until(100_000);
    assert_eq!(bench.trace(), [""; 0]);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn a_running_call_survives_its_connection() {
    let mut phone = Phone::over_tcp();
    let mut bench = answered(&mut phone);
    let call = bench.call();
    bench.act(100, |endpoint, now| endpoint.handle_flow_closed(now, 7));
    assert_eq!((bench.trace(), bench.endpoint.calls()), (vec![], 1));
    // the phone comes back on another connection
    let again = Flow { connection: Some(8), remote: address("192.0.2.9:45678"), ..tcp() };
    bench.receive_on(200, again, &phone.request("OPTIONS"));
    assert_eq!(bench.last_flow(), again);
    bench.act(300, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert_eq!(bench.last_flow(), again);
}

#[test]
fn without_a_connection_our_bye_goes_to_the_contact_and_fails_if_that_fails() {
    let mut phone = Phone { via: "SIP/2.0/TCP 192.0.2.9:5060;rport".to_owned(), ..Phone::over_tcp() };
    let mut bench = answered(&mut phone);
    let call = bench.call();
    bench.act(100, |endpoint, now| endpoint.handle_flow_closed(now, 7));
    bench.act(200, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    let contact = Flow { remote: address("192.0.2.9:5060"), connection: None, ..tcp() };
    assert_eq!(bench.last_flow(), contact);
    bench.act(210, |endpoint, now| endpoint.handle_unreachable(now, contact));
    assert_eq!(bench.trace(), ["200 → BYE", "210 · Ended FlowFailed"]);
    assert_eq!(bench.endpoint.calls(), 0);
}

#[test]
fn a_placed_call_ends_with_its_connection_before_it_is_answered() {
    let mut pair = pair::Pair::new(tcp(), |_| true);
    pair.place(Some(SDP));
    pair.until(100);
    pair.act(0, |end, now| end.handle_flow_closed(now, 7));
    pair.until(100_000);
    assert_eq!(pair.trace, ["0 → INVITE lost", "100 caller Ended FlowFailed"]);
}

#[test]
fn icmp_ends_what_depended_on_the_address() {
    let mut bench = Bench::new();
    bench.receive(0, &Phone::new().invite());
    bench
        .act(10, |endpoint, now| endpoint.handle_unreachable(now, Flow { remote: address("192.0.2.8:5060"), ..udp() }));
    assert_eq!(bench.endpoint.calls(), 1);
    bench.act(20, |endpoint, now| endpoint.handle_unreachable(now, udp()));
    assert_eq!(bench.trace().last().unwrap(), "20 · Ended FlowFailed");
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn the_repeated_200_follows_to_the_new_connection() {
    let mut phone = Phone::over_tcp();
    let mut bench = Bench::new();
    bench.flow = tcp();
    bench.receive(0, &phone.invite());
    let call = bench.call();
    bench.act(10, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    bench.act(20, |endpoint, now| endpoint.handle_flow_closed(now, 7));
    bench.until(510);
    assert_eq!(bench.last_flow(), Flow { remote: address("192.0.2.9:5060"), connection: None, ..tcp() });
}
