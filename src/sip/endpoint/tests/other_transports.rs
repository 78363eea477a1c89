//! Requests that change their transport: those too large for UDP (RFC 3261 §18.1.1), those to a Contact on another one, and
//! what `sips:` asks for.

use super::*;
use crate::sip::endpoint::{EndCause, Outgoing};
use crate::sip::message::NameAddr;

/// Ours, with a port for each transport.
fn config() -> Config {
    let listening = [(Transport::Udp, 5060), (Transport::Tcp, 5070), (Transport::Tls, 5061)];
    let listening = listening.map(|(transport, port)| (transport, address(&format!("192.0.2.1:{port}")))).into();
    Config { listening, ..Config::default() }
}

fn tls() -> Flow {
    Flow { transport: Transport::Tls, local: address("192.0.2.1:5061"), ..tcp() }
}

/// An INVITE that is so long; its call.
fn place(bench: &mut Bench, length: usize) -> CallHandle {
    let outgoing = |padding: usize| Outgoing {
        flow: udp(),
        to: "sip:0664806430@192.0.2.9".parse().unwrap(),
        from: NameAddr::parse("<sip:0600001111@192.0.2.1>").unwrap(),
        asserted: None,
        offer: Some(SDP.to_owned()),
        headers: vec![("Subject".to_owned(), "x".repeat(padding))],
    };
    let mut probe = Endpoint::new(config(), 2);
    probe.place(Time::ZERO, outgoing(1)).unwrap();
    let Output::Transmit(transmit) = probe.poll_output() else { panic!() };
    let padding = length + 1 - transmit.bytes.len();
    bench.act(0, |endpoint, now| endpoint.place(now, outgoing(padding))).unwrap()
}

fn stream() -> Flow {
    Flow { transport: Transport::Tcp, local: address("192.0.2.1:5070"), ..udp() }
}

#[test]
fn up_to_1300_bytes_go_by_udp() {
    let mut bench = Bench::with(config());
    place(&mut bench, 1300);
    assert_eq!((bench.request().to_bytes().len(), bench.last_flow()), (1300, udp()));
}

#[test]
fn more_go_by_tcp_and_so_does_what_belongs_to_them() {
    let mut bench = Bench::with(config());
    let call = place(&mut bench, 1301);
    let invite = bench.request().clone();
    assert_eq!(bench.last_flow(), stream());
    let via = invite.headers.top_via().unwrap();
    assert_eq!((via.transport.as_str(), via.port), ("TCP", Some(5070)));
    bench.receive_on(10, tcp(), &Phone::new().respond(&invite, 100, ""));
    bench.act(20, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    assert_eq!((bench.request().method.as_str(), bench.last_flow()), ("CANCEL", stream()));
    assert_eq!(bench.request().headers.top_via().unwrap(), via);
    bench.receive_on(30, tcp(), &Phone::new().respond(&invite, 487, ""));
    assert_eq!((bench.request().method.as_str(), bench.last_flow()), ("ACK", stream()));
    // it was sent on a stream: nothing was repeated
    assert_eq!(bench.trace()[..2], ["0 → INVITE", "20 → CANCEL"]);
}

#[test]
fn without_a_connection_a_large_request_goes_by_udp_after_all() {
    let mut bench = Bench::with(config());
    place(&mut bench, 1400);
    bench.act(100, |endpoint, now| endpoint.handle_unreachable(now, stream()));
    let invite = bench.request().clone();
    let via = invite.headers.top_via().unwrap();
    assert_eq!((bench.last_flow(), via.transport.as_str(), via.port), (udp(), "UDP", Some(5060)));
    assert_eq!(invite.body, SDP.as_bytes());
    bench.until(700);
    assert_eq!(bench.trace(), ["0 → INVITE", "100 → INVITE", "600 → INVITE"]);
    bench.receive(800, &Phone::new().respond(&invite, 486, ""));
    assert_eq!((bench.request().method.as_str(), bench.last_flow()), ("ACK", udp()));
    assert_eq!(bench.trace(), ["800 → ACK", "800 · Rejected 486", "800 · Ended Rejected { status: 486 }"]);
    bench.until(100_000);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn once_answered_it_stays_where_it_is() {
    let mut bench = Bench::with(config());
    place(&mut bench, 1400);
    let invite = bench.request().clone();
    bench.receive_on(10, tcp(), &Phone::new().respond(&invite, 180, ""));
    bench.act(20, |endpoint, now| endpoint.handle_unreachable(now, stream()));
    assert_eq!(bench.events.last(), Some(&Event::Ended { call: CallHandle(1), cause: EndCause::FlowFailed }));
    assert_eq!(bench.trace().iter().filter(|line| line.contains("INVITE")).count(), 1);
}

#[test]
fn where_neither_way_leads_anywhere_the_call_ends() {
    let mut bench = Bench::with(config());
    place(&mut bench, 1400);
    bench.act(100, |endpoint, now| endpoint.handle_unreachable(now, stream()));
    bench.act(200, |endpoint, now| endpoint.handle_unreachable(now, udp()));
    assert_eq!(bench.trace(), ["0 → INVITE", "100 → INVITE", "200 · Ended FlowFailed"]);
    assert!(bench.endpoint.layer.is_empty());
}

#[test]
fn a_large_ack_goes_by_tcp_or_else_by_udp() {
    let mut bench = Bench::with(config());
    place(&mut bench, 1000);
    let invite = bench.request().clone();
    let routes = format!("Record-Route: <sip:192.0.2.77:5060;lr;x={}>", "x".repeat(1300));
    let ok = with_body(&Phone::new().respond(&invite, 200, &routes), "application/sdp", OURS);
    bench.receive(10, &ok);
    let proxy = address("192.0.2.77:5060");
    let by_tcp = Flow { remote: proxy, ..stream() };
    assert_eq!((bench.request().method.as_str(), bench.last_flow()), ("ACK", by_tcp));
    bench.act(20, |endpoint, now| endpoint.handle_unreachable(now, by_tcp));
    assert_eq!((bench.request().method.as_str(), bench.last_flow()), ("ACK", Flow { remote: proxy, ..udp() }));
    assert_eq!(bench.request().headers.top_via().unwrap().transport, "UDP");
    bench.receive(500, &ok);
    assert_eq!(bench.last_flow(), Flow { remote: proxy, ..udp() }, "and again when the 200 comes again");
}

#[test]
fn on_another_transport_via_names_the_port_where_that_is_listened_for() {
    for (contact, transport, name, port) in [
        ("<sip:a@192.0.2.9:5062;transport=tcp>", Transport::Tcp, "TCP", 5070),
        ("<sip:a@192.0.2.9:5062;transport=tls>", Transport::Tls, "TLS", 5061),
        ("<sips:a@192.0.2.9:5062>", Transport::Tls, "TLS", 5061),
    ] {
        let mut phone = Phone::new();
        let mut bench = Bench::with(config());
        bench.receive(0, &phone.invite().replace("<sip:0600001111@192.0.2.9:5060>", contact));
        let call = bench.call();
        bench.act(0, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
        phone.hear(bench.response());
        bench.receive(10, &phone.ack());
        bench.act(20, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
        let via = bench.request().headers.top_via().unwrap();
        assert_eq!((bench.last_flow().transport, bench.last_flow().remote), (transport, address("192.0.2.9:5062")));
        assert_eq!((via.transport.as_str(), via.port), (name, Some(port)), "{contact}");
    }
}

#[test]
fn a_listener_on_every_address_lends_its_port() {
    let any = |port| SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), port);
    let six = address("[::]:5090");
    let homes = [(Transport::Tcp, six), (Transport::Udp, any(5060)), (Transport::Tcp, any(5071))];
    let from = |flow: Flow| flow.leaving_home(&homes).local;
    assert_eq!(from(udp()), udp().local);
    assert_eq!(from(Flow { connection: None, ..tcp() }), address("192.0.2.1:5071"));
    assert_eq!(from(tcp()), tcp().local, "a connection that is there stays what it is");
    assert_eq!(from(Flow { connection: None, ..tls() }), tls().local, "nothing better is known");
    let elsewhere = [(Transport::Tcp, address("192.0.2.2:5060"))];
    assert_eq!(Flow { connection: None, ..tcp() }.leaving_home(&elsewhere).local, address("192.0.2.2:5060"));
}

#[test]
fn a_sips_call_gets_a_sips_contact_and_nothing_less_than_tls() {
    let secure = |invite: &str| invite.replace("INVITE sip:", "INVITE sips:");
    let contact_of = |invite: &str| {
        let mut bench = Bench::with(config());
        bench.receive_on(0, tls(), invite);
        let call = bench.call();
        bench.act(0, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
        bench.response().headers.first("Contact").unwrap().to_owned()
    };
    let invite = Phone { via: "SIP/2.0/TLS 192.0.2.9:5061".to_owned(), flow: tls(), ..Phone::new() }.invite();
    assert_eq!(contact_of(&invite), "<sip:0664806430@192.0.2.1:5061;transport=tls>");
    assert_eq!(contact_of(&secure(&invite)), "<sips:0664806430@192.0.2.1:5061>");
    assert_eq!(contact_of(&with(&invite, "Record-Route: <sips:p.example;lr>")), "<sips:0664806430@192.0.2.1:5061>");
    assert_eq!(contact_of(&invite.replace("Contact: <sip:", "Contact: <sips:")), "<sips:0664806430@192.0.2.1:5061>");

    for flow in [udp(), tcp()] {
        let mut bench = Bench::with(config());
        bench.receive_on(0, flow, &secure(&Phone::new().invite()));
        assert_eq!(bench.response().status, 480);
        assert_eq!(bench.response().headers.first("Warning"), Some("380 192.0.2.1 \"SIPS Not Allowed\""));
    }
}

#[test]
fn a_call_to_a_sips_uri_has_a_sips_contact() {
    let outgoing = Outgoing {
        flow: tls(),
        to: "sips:0664806430@192.0.2.9".parse().unwrap(),
        from: NameAddr::parse("<sips:0600001111@192.0.2.1>").unwrap(),
        asserted: None,
        offer: Some(SDP.to_owned()),
        headers: vec![],
    };
    let mut bench = Bench::new();
    bench.act(0, |endpoint, now| endpoint.place(now, outgoing)).unwrap();
    assert_eq!(bench.request().headers.first("Contact"), Some("<sips:0600001111@192.0.2.1:5061>"));
    assert_eq!(bench.request().headers.top_via().unwrap().transport, "TLS");
}

#[test]
fn a_response_says_where_another_connection_leads() {
    let mut endpoint = Endpoint::new(config(), 1);
    let invite = Phone::over_tcp().invite().replace("192.0.2.9:5060;branch", "203.0.113.5:5099;branch");
    endpoint.handle_message(Time::ZERO, tcp(), invite.as_bytes());
    let Output::Transmit(trying) = endpoint.poll_output() else { panic!() };
    // the address that it came from, and the port of sent-by
    assert_eq!((trying.flow, trying.otherwise), (tcp(), Some(address("192.0.2.9:5099"))));
    let refused = with(&Phone::over_tcp().invite().replace("bK-1", "bK-9"), "Require: x").replace("trace@", "other@");
    endpoint.handle_message(Time::ZERO, tcp(), refused.as_bytes());
    let transmits = std::iter::from_fn(|| match endpoint.poll_output() {
        Output::Transmit(transmit) => Some(Some(transmit)),
        Output::Event(_) => Some(None),
        Output::Timeout(_) => None,
    });
    assert_eq!(transmits.flatten().last().unwrap().otherwise, Some(address("192.0.2.9:5060")));
}
