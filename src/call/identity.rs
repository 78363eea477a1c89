//! Whose line is calling: the caller's number, from the first source that may be believed.
//!
//! | source | believed when |
//! |---|---|
//! | the digest-authenticated line | always: the phone proved it |
//! | P-Asserted-Identity (RFC 3325) | the peer is one of `sip.trusted_peers` |
//! | From | the peer is one of `sip.trust_from` (labs only) |
//!
//! P-Preferred-Identity is a wish and never believed. When sources that are believed name different numbers, none is.

use crate::number::{NumberError, PhoneNumber};
use crate::sip::endpoint::IdentityFacts;
use crate::sip::message::{NameAddr, Scheme};

/// What is believed of the peer that the call comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// P-Asserted-Identity.
    pub asserted: bool,
    /// From.
    pub from: bool,
    /// An asserted number that its owner wants kept from others (`Privacy: id`) is used all the same: we are the carrier's
    /// own service, to which RFC 3325 §7 lets the network hand it.
    pub private: bool,
}

impl Trust {
    /// Whether anything is believed: the peer is one of those that the configuration names.
    pub fn is_any(self) -> bool {
        self.asserted || self.from
    }
}

/// Why there is no caller's number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// The caller withholds the number (非通知), or it is unavailable or a payphone's.
    #[error("the number is withheld")]
    Withheld,
    /// The number is asserted, but its owner wants it kept from others, and that is to be respected.
    #[error("the number is asserted with Privacy: id, and [sip] accept_privacy_id is false")]
    Private,
    /// The peer sends nothing that may be believed.
    #[error("nothing that names the caller is believed from this peer")]
    Untrusted,
    /// What is believed is no Japanese telephone number.
    #[error("the caller's identity is no telephone number: {0}")]
    NotANumber(NumberError),
    /// Two identities that are believed differ.
    #[error("two identities name different numbers")]
    Conflict,
}

impl Unidentified {
    /// A hint for the operator, where the outcome is not enough: what to look for, and where it is set.
    pub fn told(&self, trust: Trust) -> Option<String> {
        match self {
            Unidentified::Withheld => None,
            Unidentified::Untrusted if trust.asserted => {
                Some("the peer is in [sip] trusted_peers, but its INVITE has no P-Asserted-Identity".to_owned())
            }
            Unidentified::Untrusted if trust.from => Some("From cannot be read".to_owned()),
            Unidentified::Untrusted => Some(
                "the peer is not in [sip] trusted_peers, nor in trust_from, and no password of a line proved who calls"
                    .to_owned(),
            ),
            Unidentified::Private | Unidentified::NotANumber(_) | Unidentified::Conflict => Some(self.to_string()),
        }
    }
}

/// The caller's number.
pub fn caller_number(
    facts: &IdentityFacts,
    trust: Trust,
    authenticated: Option<PhoneNumber>,
) -> Result<PhoneNumber, Unidentified> {
    if let Some(line) = authenticated {
        return Ok(line);
    }
    let asserted: &[NameAddr] = if trust.asserted { &facts.asserted } else { &[] };
    if !asserted.is_empty() && wants_privacy(facts) && !trust.private {
        return Err(Unidentified::Private);
    }
    let from = facts.from.as_ref().filter(|_| trust.from);
    let from = from.filter(|_| asserted.is_empty() || !is_anonymous_facts(facts));
    let has_number = asserted.iter().any(|value| value.uri.scheme == Scheme::Tel);
    let asserted = asserted.iter().filter(|value| !(has_number && is_name(value)));
    let believed: Vec<&NameAddr> = asserted.chain(from).collect();
    if believed.is_empty() {
        let withheld = is_anonymous_facts(facts) && (trust.asserted || trust.from);
        return Err(if withheld { Unidentified::Withheld } else { Unidentified::Untrusted });
    }
    let mut number = None;
    for address in believed {
        let this = number_of(address)?;
        if number.is_some_and(|other| other != this) {
            return Err(Unidentified::Conflict);
        }
        number = Some(this);
    }
    number.ok_or(Unidentified::Untrusted)
}

fn number_of(address: &NameAddr) -> Result<PhoneNumber, Unidentified> {
    if is_anonymous(address) {
        return Err(Unidentified::Withheld);
    }
    let subscriber = address.uri.subscriber().unwrap_or_default();
    PhoneNumber::parse(&subscriber).map_err(Unidentified::NotANumber)
}

/// Of two values the one is a SIP URI and the other a `tel:` URI of the same user (RFC 3325 §9.1): in an IMS the first may well be a name,
/// and the number is in the second.
fn is_name(address: &NameAddr) -> bool {
    let is_no_number = matches!(number_of(address), Err(Unidentified::NotANumber(NumberError::Character(_))));
    address.uri.is_sip() && is_no_number
}

/// RFC 3323 §4.1.1.3 has `anonymous.invalid`; the network also sends the reason as the display name, with the same address.
fn is_anonymous(address: &NameAddr) -> bool {
    let user = address.uri.subscriber().unwrap_or_default();
    user.eq_ignore_ascii_case("anonymous")
        || user.eq_ignore_ascii_case("unavailable")
        || address.uri.host.eq_ignore_ascii_case("anonymous.invalid")
        || address.uri.host.eq_ignore_ascii_case("unavailable.invalid")
}

fn is_anonymous_facts(facts: &IdentityFacts) -> bool {
    facts.from.as_ref().is_none_or(is_anonymous)
}

fn wants_privacy(facts: &IdentityFacts) -> bool {
    facts.privacy.iter().any(|value| value.eq_ignore_ascii_case("id"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const CARRIER: Trust = Trust { asserted: true, from: false, private: true };
    const LAB: Trust = Trust { asserted: false, from: true, private: true };
    const STRANGER: Trust = Trust { asserted: false, from: false, private: true };

    fn facts(from: &str, asserted: &[&str], privacy: &[&str]) -> IdentityFacts {
        IdentityFacts {
            authenticated: None,
            from: NameAddr::parse(from),
            asserted: asserted.iter().map(|text| NameAddr::parse(text).unwrap()).collect(),
            preferred: vec![NameAddr::parse("<sip:0699999999@example.jp>").unwrap()],
            privacy: privacy.iter().map(|text| (*text).to_owned()).collect(),
            asserted_unreadable: false,
            remote: ([192, 0, 2, 1], 5060).into(),
        }
    }

    fn found(facts: &IdentityFacts, trust: Trust) -> String {
        caller_number(facts, trust, None).map_or_else(|e| format!("{e:?}"), |n| n.to_string())
    }

    const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
    const TWO_FORMS: &[&str] = &["<sip:0600001111@ntt-west.ne.jp>", "<tel:0600001111;phone-context=ntt-west.ne.jp>"];

    #[test]
    fn the_carriers_two_forms_of_one_number_are_that_number() {
        assert_eq!(found(&facts("<sip:0600001111@x.jp>", TWO_FORMS, &[]), CARRIER), "0600001111");
        assert_eq!(found(&facts("<sip:x@x.jp>", &["<tel:+81-6-0000-1111>"], &[]), CARRIER), "0600001111");
        assert_eq!(
            found(&facts("<sip:x@x.jp>", &["<sip:+81600001111;npdi@x.jp;user=phone>"], &[]), CARRIER),
            "0600001111"
        );
    }

    #[test]
    fn a_name_asserted_beside_a_number_says_nothing_against_it() {
        let beside =
            |number: &str| found(&facts(ANONYMOUS, &["<sip:taro.osaka@ims.example.jp>", number], &[]), CARRIER);
        assert_eq!(beside("<tel:+81600001111>"), "0600001111");
        assert_eq!(
            found(&facts(ANONYMOUS, &["<tel:0600001111>", "<sip:taro@ims.example.jp>"], &[]), CARRIER),
            "0600001111"
        );
        assert_eq!(beside("<tel:anonymous>"), "Withheld");
        assert!(beside("<tel:+15551234567>").starts_with("NotANumber(ForeignCountry"));
        // it is the tel URI that names the number: two names, or a number that is none, are as before
        assert!(beside("<sip:0600001111@ims.example.jp>").starts_with("NotANumber"));
        let cut_short = &["<sip:600001111@ims.example.jp>", "<tel:0600001111>"];
        assert!(found(&facts(ANONYMOUS, cut_short, &[]), CARRIER).starts_with("NotANumber"));
        let both = Trust { asserted: true, from: true, private: true };
        let named = facts("<sip:taro@x.jp>", &["<tel:0600001111>"], &[]);
        assert!(found(&named, both).starts_with("NotANumber"), "From is no value of the assertion");
    }

    #[test]
    fn a_stranger_is_never_believed() {
        assert_eq!(found(&facts("<sip:0600001111@x.jp>", TWO_FORMS, &[]), STRANGER), "Untrusted");
        assert_eq!(found(&facts("<sip:0600001111@x.jp>", TWO_FORMS, &[]), LAB), "0600001111");
        assert_eq!(found(&facts("<sip:0600002222@x.jp>", TWO_FORMS, &[]), LAB), "0600002222", "only From, in a lab");
    }

    #[test]
    fn from_and_preferred_identity_are_not_believed_from_the_carrier() {
        assert_eq!(found(&facts("<sip:0600001111@x.jp>", &[], &[]), CARRIER), "Untrusted");
    }

    #[test]
    fn withheld_numbers_are_told_apart_from_unknown_ones() {
        assert_eq!(found(&facts(ANONYMOUS, &[], &[]), CARRIER), "Withheld");
        assert_eq!(found(&facts(ANONYMOUS, &[], &[]), LAB), "Withheld");
        assert_eq!(
            found(&facts("\"Coin line/payphone\" <sip:anonymous@anonymous.invalid>", &[], &[]), CARRIER),
            "Withheld"
        );
        assert_eq!(found(&facts(ANONYMOUS, &["<sip:anonymous@anonymous.invalid>"], &[]), CARRIER), "Withheld");
        assert_eq!(found(&facts(ANONYMOUS, &[], &[]), STRANGER), "Untrusted");
    }

    #[test]
    fn an_asserted_number_with_privacy_is_used_or_refused_as_configured() {
        assert_eq!(found(&facts(ANONYMOUS, TWO_FORMS, &["id"]), CARRIER), "0600001111");
        assert_eq!(found(&facts(ANONYMOUS, TWO_FORMS, &["id"]), Trust { private: false, ..CARRIER }), "Private");
        assert_eq!(
            found(&facts("<sip:0600001111@x>", TWO_FORMS, &["none"]), Trust { private: false, ..CARRIER }),
            "0600001111"
        );
    }

    #[test]
    fn conflicting_identities_are_refused() {
        let two = &["<sip:0600001111@x.jp>", "<tel:0600002222>"];
        assert_eq!(found(&facts(ANONYMOUS, two, &[]), CARRIER), "Conflict");
        let both = Trust { asserted: true, from: true, private: true };
        assert_eq!(found(&facts("<sip:0600002222@x.jp>", TWO_FORMS, &[]), both), "Conflict");
        assert_eq!(found(&facts(ANONYMOUS, TWO_FORMS, &[]), both), "0600001111");
    }

    #[test]
    fn what_is_no_number_is_told() {
        assert!(found(&facts("<sip:alice@x.jp>", &[], &[]), LAB).starts_with("NotANumber"));
        assert!(found(&facts("<sip:+15551234567@x.jp>", &[], &[]), LAB).starts_with("NotANumber(ForeignCountry"));
    }

    #[test]
    fn an_authenticated_line_comes_first() {
        let line = PhoneNumber::parse("0600003333").unwrap();
        assert_eq!(caller_number(&facts("<sip:0600001111@x>", TWO_FORMS, &[]), CARRIER, Some(line)), Ok(line));
    }
}
