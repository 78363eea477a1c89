//! When two URIs are equal (RFC 3261 §19.1.4).

use crate::sip::message::{Params, Uri};
use crate::sip::wire::lex;

/// Parameters that must be in both or in neither.
const TELLING: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];

/// Whether they name the same: user and password as written but for needless escapes, the rest without regard to case; other
/// parameters must agree only where both have them.
pub(super) fn same_uri(a: &Uri, b: &Uri) -> bool {
    let plain = |part: &Option<String>| part.as_deref().map(lex::unescape);
    a.scheme == b.scheme
        && plain(&a.user) == plain(&b.user)
        && plain(&a.password) == plain(&b.password)
        && a.host.eq_ignore_ascii_case(&b.host)
        && a.port == b.port
        && agree(&a.params, &b.params)
        && agree(&b.params, &a.params)
        && same_headers(a, b)
}

fn agree(a: &Params, b: &Params) -> bool {
    a.iter().all(|(name, value)| match b.has(name) {
        true => same_value(value, b.value(name)),
        false => !TELLING.iter().any(|telling| telling.eq_ignore_ascii_case(name)),
    })
}

fn same_value(a: Option<&str>, b: Option<&str>) -> bool {
    let plain = |value: Option<&str>| value.map(|value| lex::unescape(value).to_ascii_lowercase());
    plain(a) == plain(b)
}

fn same_headers(a: &Uri, b: &Uri) -> bool {
    let sorted = |uri: &Uri| {
        let plain = |(name, value): &(String, String)| (lex::unescape(name).to_ascii_lowercase(), lex::unescape(value));
        let mut headers: Vec<(String, String)> = uri.headers.iter().map(plain).collect();
        headers.sort();
        headers
    };
    sorted(a) == sorted(b)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b): (Uri, Uri) = (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(same_uri(&a, &b), same_uri(&b, &a));
        same_uri(&a, &b)
    }

    #[test]
    fn the_examples_of_rfc_3261() {
        for (a, b) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
