//! URIs as RFC 3261 §19.1.3, RFC 3966 and the Japanese network write them.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn uri(text: &str) -> Uri {
    text.parse().unwrap_or_else(|_| panic!("{text} is not read"))
}

#[test]
fn every_part_has_its_place() {
    let all = uri("sips:first.last;isub=1:se%20cret@[2001:db8::1]:5061;transport=tcp;lr?Subject=a%20b&Priority=urgent");
    assert_eq!(all.scheme, Scheme::Sips);
    assert_eq!(all.user.as_deref(), Some("first.last;isub=1"));
    assert_eq!(all.password.as_deref(), Some("se%20cret"));
    assert_eq!((all.host.as_str(), all.port), ("2001:db8::1", Some(5061)));
    assert_eq!(all.params.value("Transport"), Some("tcp"));
    assert!(all.params.has("lr") && all.params.value("lr").is_none());
    assert_eq!(all.headers.len(), 2);
    assert_eq!(all.subscriber().as_deref(), Some("first.last"));
}

#[test]
fn uris_go_out_as_they_came() {
    for text in [
        "sip:alice@atlanta.com",
        "sip:alice:secretword@atlanta.com;transport=tcp",
        "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sips:1212@gateway.com",
        "sip:alice@192.0.2.4",
        "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
        "sip:alice;day=tuesday@atlanta.com",
        "sip:+81664806430;phone-context=ntt-west.ne.jp@192.0.2.1:5060;user=phone",
        "sip:*31#0664806430@192.0.2.1",
        "sip:[2001:db8::9:1]",
        "sip:bob@[2001:db8::9:1]:5070",
        "tel:+81-6-6480-6430",
        "tel:0664806430;phone-context=ntt-west.ne.jp",
        "tel:7042;phone-context=example.com;isub=1",
        "mailto:watson@worcester.example.com",
        "urn:service:sos",
    ] {
        assert_eq!(uri(text).to_string(), text);
    }
}

#[test]
fn a_tel_uri_is_a_number_with_parameters() {
    let called = uri("tel:0701234567;phone-context=ntt-west.ne.jp");
    assert_eq!((called.scheme.clone(), called.host.as_str(), called.port), (Scheme::Tel, "", None));
    assert_eq!(called.subscriber().as_deref(), Some("0701234567"));
    assert_eq!(called.params.value("phone-context"), Some("ntt-west.ne.jp"));
    assert_eq!(uri("TEL:+8131").to_string(), "tel:+8131");
}

#[test]
fn escapes_and_parameters_do_not_belong_to_the_subscriber() {
    assert_eq!(uri("sip:%30664806430@h").subscriber().as_deref(), Some("0664806430"));
    assert_eq!(uri("sip:0664806430;phone-context=+81@h").subscriber().as_deref(), Some("0664806430"));
    assert_eq!(uri("sip:h").subscriber(), None);
}

#[test]
fn what_is_no_uri() {
    for text in [
        "",
        "sip",
        "sip:",
        "sip:@h",
        "sip:a@",
        "sip:a@b@c",
        "sip: a@h",
        "sip:a@h ",
        "sip:a@h;",
        "sip:a@h;;lr",
        "sip:a@h;=x",
        "sip:a@h?",
        "sip:a@h?x",
        "sip:a@h:",
        "sip:a@h:99999",
        "sip:a@h:+5060",
        "sip:a@[2001:db8::1",
        "sip:a@[192.0.2.1]",
        "sip:a@2001:db8::1",
        "sip:a%4@h",
        "sip:a%zz@h",
        "sip:a<b@h",
        "sip:\"a\"@h",
        "sip:a@h\r\nVia",
        "sip:a@\0",
        "sip:a b@h",
        "tel:",
        "tel:;x=1",
        ":a@h",
        "1sip:a@h",
        "s~p:a@h",
        "<sip:a@h>",
    ] {
        assert_eq!(text.parse::<Uri>(), Err(FieldError::Uri), "{text}");
    }
}

#[test]
fn a_user_is_escaped_where_it_must_be() {
    assert_eq!(
        Uri::sip(Some("a b@c:d#é"), "192.0.2.1", Some(5060)).to_string(),
        "sip:a%20b%40c%3Ad%23%C3%A9@192.0.2.1:5060"
    );
    assert_eq!(Uri::sip(None, "[2001:db8::1]", None).to_string(), "sip:[2001:db8::1]");
    assert_eq!(Uri::sip(Some("+81664806430"), "::1", None).to_string(), "sip:+81664806430@[::1]");
}

#[test]
fn the_third_colon_of_the_old_grammar_is_tolerated_before_an_ipv4_address_alone() {
    let host = |text: &str| text.parse::<Uri>().map(|uri| uri.to_string());
    assert_eq!(host("sip:user@[2001:db8:::192.0.2.1]"), Ok("sip:user@[2001:db8::192.0.2.1]".to_owned()));
    assert_eq!(host("sip:[:::192.0.2.1]:5061"), Ok("sip:[::192.0.2.1]:5061".to_owned()));
    for text in ["sip:[2001:db8:::10]", "sip:[2001:db8::::192.0.2.1]", "sip:[2001::db8:::192.0.2.1]"] {
        assert_eq!(host(text), Err(FieldError::Uri), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_read_is_written_the_same(text in "(sips?:([a-z0-9.;/?%!]{1,8}(:[a-z$]{0,4})?@)?([a-z.0-9]{1,8}|\\[[0-9a-f:]{2,9}\\])(:[1-9][0-9]{0,4})?(;[a-z]{1,3}(=[a-z%0-9]{1,4})?){0,3}(\\?[a-z]=[a-z]?)?|tel:[0-9+#*-]{1,9}(;[a-z]{1,3}=[a-z]){0,2})") {
        if let Ok(read) = text.parse::<Uri>() {
            prop_assert_eq!(read.to_string().parse::<Uri>(), Ok(read.clone()));
            prop_assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn arbitrary_text_does_no_harm(text in "\\PC{0,60}") {
        if let Ok(read) = text.parse::<Uri>() {
            let _ = read.subscriber();
            prop_assert_eq!(read.to_string().parse::<Uri>(), Ok(read));
        }
    }

    #[test]
    fn any_user_survives(user in "\\PC{1,20}") {
        let made = Uri::sip(Some(&user), "h", None);
        let read: Uri = made.to_string().parse().unwrap();
        prop_assert_eq!(read.user.as_deref().map(lex::unescape), Some(user));
    }
}
