//! Addresses and hops, in the forms that phones and networks send.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn name_addr(text: &str) -> NameAddr {
    NameAddr::parse(text).unwrap_or_else(|| panic!("{text} is not read"))
}

#[test]
fn addresses_with_and_without_name_and_brackets() {
    let full = name_addr(r#""Bell, \"Alex\"" <sip:a.g.bell@bell-tel.com;user=phone>;tag=a48s;x="1;2""#);
    assert_eq!(full.display.as_deref(), Some(r#"Bell, "Alex""#));
    assert_eq!((full.uri.user.as_deref(), full.tag()), (Some("a.g.bell"), Some("a48s")));
    assert!(full.uri.params.has("user") && !full.params.has("user"));
    assert_eq!(full.params.text("x").as_deref(), Some("1;2"));

    let plain = name_addr("Anonymous <sip:anonymous@anonymous.invalid>;tag=9");
    assert_eq!(plain.display.as_deref(), Some("Anonymous"));
    // without brackets the parameters are the field's (RFC 3261 §20)
    let bare = name_addr("sip:+12125551212@phone2net.com;tag=887s");
    assert_eq!((bare.tag(), bare.uri.params.is_empty()), (Some("887s"), true));
    let instance = name_addr(r#"sip:a@h;+sip.instance="<urn:uuid:f81d4fae;x>""#);
    assert_eq!(instance.params.text("+sip.instance").as_deref(), Some("<urn:uuid:f81d4fae;x>"));
    assert_eq!(name_addr("\"\" <sip:a@h>").display, None);
    assert_eq!(name_addr("山田太郎 <sip:a@h>").display.as_deref(), Some("山田太郎"));
    assert_eq!(
        name_addr("<tel:0701234567;phone-context=ntt-west.ne.jp>").uri.params.value("phone-context"),
        Some("ntt-west.ne.jp")
    );
    assert_eq!(name_addr(" <sip:a@h> ; tag = 1 ").tag(), Some("1"));
}

#[test]
fn what_is_no_address() {
    for text in [
        "",
        "*",
        "<>",
        "<sip:a@h",
        "sip:a@h>",
        "\"open <sip:a@h>",
        "\"a\" sip:a@h",
        "a, b <sip:a@h>",
        "<sip:a@h> x",
        "<sip:a@h>;",
        "<sip:a@h>;;tag=1",
        "<sip:a@h>;tag=",
        "<sip:a@h>;tag=1 2",
        "<sip:a@h>;tag=\"open",
        "< sip:a@h >",
        "sip:a@h?x=1",
        "sip:a,b@h",
        "no uri",
        "\"a\nb\" <sip:a@h>",
        "<sip:a@h>;x=\"\r\"",
    ] {
        assert_eq!(NameAddr::parse(text), None, "{text}");
    }
}

#[test]
fn an_address_is_written_with_a_quoted_name() {
    let mut address = NameAddr::new(Uri::sip(Some("a"), "h", None));
    address.display = Some(r#"J "x" \"#.into());
    address.set_tag("t1");
    address.set_tag("t2");
    assert_eq!(address.to_string(), r#""J \"x\" \\" <sip:a@h>;tag=t2"#);
    assert_eq!(NameAddr::parse(&address.to_string()), Some(address));
}

#[test]
fn hops_with_white_space_everywhere() {
    let via =
        Via::parse("SIP / 2.0 / udp  first.example.com : 4000 ;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1")
            .unwrap();
    assert_eq!((via.transport.as_str(), via.host.as_str(), via.port), ("UDP", "first.example.com", Some(4000)));
    assert_eq!(via.unique_branch(), Some("z9hG4bKa7c6a8dlze.1"));
    assert_eq!(via.to_string(), "SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1");
    let v6 = Via::parse("SIP/2.0/TCP [2001:db8::9:1]:5070;branch=z9hG4bKas3;received=2001:db8::9:255").unwrap();
    assert_eq!((v6.host.as_str(), v6.received()), ("2001:db8::9:1", "2001:db8::9:255".parse().ok()));
    assert!(v6.to_string().starts_with("SIP/2.0/TCP [2001:db8::9:1]:5070;"));
}

/// RFC 3581 §4: the request's bare `rport` gets a value, and `received` comes with it.
#[test]
fn rport_and_received_are_filled_in() {
    let mut via = Via::parse("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff").unwrap();
    assert!(via.wants_rport() && via.rport().is_none());
    via.set_received("192.0.2.1".parse().unwrap());
    via.set_rport(9988);
    assert_eq!(via.to_string(), "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1");
    assert_eq!(via.rport(), Some(9988));
}

#[test]
fn what_is_no_hop() {
    for text in [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0 UDP h",
        "SIP/7.0/UDP h",
        "HTTP/2.0/UDP h",
        "SIP/2.0/UDP h;;",
        "SIP/2.0/UDP h;branch=",
        "SIP/2.0/UDP h:port",
        "SIP/2.0/UDP h h",
        "SIP/2.0/UDP [::1",
        "SIP/2.0/U<P h",
        "SIP/2.0/UDP ;branch=z9hG4bK1",
        "SIP/2.0/UDP h;x=\"\n\"",
    ] {
        assert_eq!(Via::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_display_name_survives(display in "[^\r\n]{1,30}") {
        let address = NameAddr { display: Some(display), ..NameAddr::new(Uri::sip(Some("a"), "h", None)) };
        prop_assert_eq!(NameAddr::parse(&address.to_string()), Some(address));
    }

    #[test]
    fn what_is_read_is_read_again_as_the_same(text in "[\"<>;:=,@ a-z0-9./\\\\\\[\\]é]{0,40}|(\"[a-z\\\\]{0,3}\" ?)?<sip:[a-z@:;=]{1,9}>(;[a-z]{1,2}(=[a-z\"]{1,3})?){0,3}") {
        if let Some(read) = NameAddr::parse(&text) {
            prop_assert_eq!(NameAddr::parse(&read.to_string()), Some(read));
        }
        if let Some(read) = Via::parse(&format!("SIP/2.0/UDP {text}")) {
            prop_assert_eq!(Via::parse(&read.to_string()), Some(read));
        }
    }
}
