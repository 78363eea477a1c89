//! Where responses and requests go (RFC 3261 §12.2.1.1, §18.2; RFC 3581).

use super::*;

/// Where the 100 to this INVITE goes, and its topmost Via.
fn response_to(invite: &str, flow: Flow) -> (Flow, String) {
    let mut bench = Bench::new();
    bench.receive_on(0, flow, invite);
    (bench.last_flow(), bench.response().headers.top_via().unwrap().to_string())
}

/// Where the BYE of a call goes that came like this.
fn bye_of(phone: &mut Phone, change: impl Fn(String) -> String) -> (Flow, Request) {
    let mut bench = Bench::new();
    let flow = phone.flow;
    bench.receive_on(0, flow, &change(phone.invite()));
    let call = bench.call();
    bench.act(0, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
    phone.hear(bench.response());
    bench.receive_on(10, flow, &phone.ack());
    bench.act(20, |endpoint, now| endpoint.hang_up(now, call, None)).unwrap();
    (bench.last_flow(), bench.request().clone())
}

fn from(remote: &str) -> Flow {
    Flow { remote: address(remote), ..udp() }
}

#[test]
fn a_response_goes_to_the_port_of_via_at_the_address_it_came_from() {
    let invite = Phone::new().invite();
    let (flow, via) = response_to(&invite, from("192.0.2.9:33333"));
    assert_eq!((flow.remote, flow.local), (address("192.0.2.9:5060"), address("192.0.2.1:5060")));
    assert_eq!(via, "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-1");
    let (flow, via) = response_to(&invite, from("198.51.100.4:33333"));
    assert_eq!(flow.remote, address("198.51.100.4:5060"));
    assert_eq!(via, "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-1;received=198.51.100.4");
    let (flow, via) = response_to(&invite.replace("UDP 192.0.2.9:5060", "UDP phone.example"), from("192.0.2.9:33333"));
    assert_eq!(flow.remote, address("192.0.2.9:5060"));
    assert!(via.ends_with(";received=192.0.2.9"), "{via}");
}

#[test]
fn rport_is_honoured() {
    let invite = Phone::new().invite().replace("branch=z9hG4bK-1", "rport;branch=z9hG4bK-1");
    let (flow, via) = response_to(&invite, from("192.0.2.9:33333"));
    assert_eq!(flow.remote, address("192.0.2.9:33333"));
    assert_eq!(via, "SIP/2.0/UDP 192.0.2.9:5060;rport=33333;branch=z9hG4bK-1;received=192.0.2.9");
}

#[test]
fn maddr_is_honoured() {
    let invite = Phone::new().invite().replace("branch=z9hG4bK-1", "maddr=192.0.2.33;branch=z9hG4bK-1");
    assert_eq!(response_to(&invite, udp()).0.remote, address("192.0.2.33:5060"));
}

#[test]
fn maddr_goes_before_rport_where_it_is_in_reach() {
    // RFC 3581 §4 takes rport only where there is no maddr
    let both = |maddr: &str| {
        Phone::new().invite().replace("branch=z9hG4bK-1", &format!("rport;maddr={maddr};branch=z9hG4bK-1"))
    };
    assert_eq!(response_to(&both("192.0.2.33"), from("192.0.2.9:33333")).0.remote, address("192.0.2.33:5060"));
    for out_of_reach in ["2001:db8::33", "[2001:db8::33]", "phones.example"] {
        assert_eq!(response_to(&both(out_of_reach), from("192.0.2.9:33333")).0.remote, address("192.0.2.9:33333"));
    }
}

#[test]
fn ipv6_goes_the_same_ways() {
    let invite = Phone::new().invite().replace("UDP 192.0.2.9:5060", "UDP [2001:db8::9]:5070");
    let flow = Flow { local: address("[2001:db8::1]:5060"), remote: address("[2001:db8::9]:40000"), ..udp() };
    let (to, via) = response_to(&invite, flow);
    assert_eq!(to.remote, address("[2001:db8::9]:5070"));
    assert_eq!(via, "SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bK-1");
    let (to, via) = response_to(&invite.replace("branch=", "rport;branch="), flow);
    assert_eq!(to.remote, address("[2001:db8::9]:40000"));
    assert!(via.contains(";received=2001:db8::9"), "{via}");
    let mut phone = Phone { flow, ..Phone::new() };
    let (to, bye) = bye_of(&mut phone, |invite| invite.replace("@192.0.2.9:5060>", "@[2001:db8::9]:5070>"));
    assert_eq!(to.remote, address("[2001:db8::9]:5070"));
    assert_eq!(bye.headers.top_via().unwrap().host, "2001:db8::1");
}

#[test]
fn other_vias_are_copied_below() {
    let mut bench = Bench::new();
    let second = "Via: SIP/2.0/TCP p.example;branch=z9hG4bKp, SIP/2.0/UDP q.example;branch=z9hG4bKq";
    bench.receive_on(
        0,
        from("192.0.2.9:5061"),
        &with(&Phone::new().invite().replace("5060;branch", "5060;rport;branch"), second),
    );
    assert_eq!(
        bench.response().headers.list("Via"),
        [
            "SIP/2.0/UDP 192.0.2.9:5060;rport=5061;branch=z9hG4bK-1;received=192.0.2.9",
            "SIP/2.0/TCP p.example;branch=z9hG4bKp",
            "SIP/2.0/UDP q.example;branch=z9hG4bKq",
        ]
    );
}

#[test]
fn our_requests_go_to_the_contact() {
    let contact = |contact: &'static str| {
        bye_of(&mut Phone::new(), move |invite| invite.replace("<sip:0600001111@192.0.2.9:5060>", contact))
    };
    let (flow, bye) = contact("<sip:a@192.0.2.50:5070>");
    assert_eq!((flow.remote, bye.uri.to_string()), (address("192.0.2.50:5070"), "sip:a@192.0.2.50:5070".to_owned()));
    assert_eq!(contact("<sip:a@192.0.2.50>").0.remote, address("192.0.2.50:5060"));
    let (flow, _) = contact("<sip:a@192.0.2.50;transport=tcp>");
    assert_eq!((flow.transport, flow.remote), (Transport::Tcp, address("192.0.2.50:5060")));
    // names are not resolved: back to where it came from
    assert_eq!(contact("<sip:a@phone.example>").0, udp());
    // nor is the other family in reach from this address
    assert_eq!(contact("<sip:a@[2001:db8::5]>").0, udp());
}

#[test]
fn our_requests_go_by_the_routes() {
    let (flow, bye) = bye_of(&mut Phone::new(), |invite| {
        with(&invite, "Record-Route: <sip:192.0.2.60:5080;lr>\r\nRecord-Route: <sip:192.0.2.61;lr>")
    });
    assert_eq!(flow.remote, address("192.0.2.60:5080"));
    assert_eq!(bye.uri.to_string(), "sip:0600001111@192.0.2.9:5060");
    let routes: Vec<&str> = bye.headers.all("Route").collect();
    assert_eq!(routes, ["<sip:192.0.2.60:5080;lr>", "<sip:192.0.2.61;lr>"]);
}

#[test]
fn a_phone_behind_a_nat_is_reached_where_it_came_from() {
    let nat = from("198.51.100.4:33333");
    let rport = |invite: String| invite.replace("5060;branch", "5060;rport;branch");
    let (flow, bye) = bye_of(&mut Phone { flow: nat, ..Phone::new() }, rport);
    assert_eq!((flow, bye.uri.to_string()), (nat, "sip:0600001111@192.0.2.9:5060".to_owned()));
    // one that is elsewhere on purpose is believed
    let elsewhere = |invite: String| rport(invite).replace("@192.0.2.9:5060>", "@192.0.2.50:5060>");
    let (flow, _) = bye_of(&mut Phone { flow: nat, ..Phone::new() }, elsewhere);
    assert_eq!(flow.remote, address("192.0.2.50:5060"));
    // and so is one behind a proxy
    let proxied = |invite: String| with(&rport(invite), "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKq");
    let (flow, _) = bye_of(&mut Phone { flow: nat, ..Phone::new() }, proxied);
    assert_eq!(flow.remote, address("192.0.2.9:5060"));
}

#[test]
fn a_malformed_request_is_answered_where_it_came_from() {
    let mut bench = Bench::new();
    let invite = Phone::new().invite().replace("CSeq: 1 INVITE", "CSeq: 1 BYE");
    bench.receive_on(0, from("192.0.2.9:33333"), &invite);
    assert_eq!(bench.last_flow().remote, address("192.0.2.9:5060"));
    assert_eq!((bench.response().status, bench.response().reason.as_str()), (400, "CSeq Method Mismatch"));
    let first = bench.response().clone();
    bench.receive_on(500, from("192.0.2.9:33333"), &invite);
    assert_eq!(bench.response(), &first, "the same answer with the same tag");
    bench.receive_on(600, from("192.0.2.9:33333"), &invite.replace("5060;branch", "5060;rport;branch"));
    assert_eq!(bench.last_flow().remote, address("192.0.2.9:33333"));
    assert!(bench.endpoint.layer.is_empty());
}
