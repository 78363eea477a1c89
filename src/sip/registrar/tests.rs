//! Registrations in virtual time, rule by rule of RFC 3261 §10.3.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::sip::flow::Transport;

fn line() -> PhoneNumber {
    PhoneNumber::parse("0600001111").unwrap()
}

fn flow() -> Flow {
    let address = |text: &str| text.parse().unwrap();
    Flow {
        transport: Transport::Udp,
        local: address("192.0.2.1:5060"),
        remote: address("192.0.2.9:5060"),
        connection: None,
    }
}

fn headers(call_id: &str, number: u32, fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    headers.push("Call-ID", call_id);
    headers.push("CSeq", format!("{number} REGISTER"));
    fields.iter().for_each(|(name, value)| headers.push(name, *value));
    headers
}

const A: &str = "<sip:0600001111@192.0.2.9:5060>";
const B: &str = "<sip:0600001111@192.0.2.8:5060>;q=0.5";

struct Desk(Registrar);

impl Desk {
    fn new() -> Desk {
        Desk(Registrar::new(Limits::default()))
    }

    fn send(&mut self, s: u64, call_id: &str, number: u32, fields: &[(&str, &str)]) -> Result<(), Refusal> {
        self.0.register(Time::from_millis(s * 1000), line(), &headers(call_id, number, fields), flow())
    }

    /// What a fetch would show.
    fn shown(&mut self, s: u64) -> Vec<String> {
        let now = Time::from_millis(s * 1000);
        self.0.expire(now);
        self.0.bindings(line()).iter().map(|binding| binding.write(now)).collect()
    }
}

#[test]
fn a_contact_is_bound_for_as_long_as_it_asks_within_limits() {
    for (fields, expected) in [
        (vec![("Contact", A)], 3600),
        (vec![("Contact", A), ("Expires", "120")], 120),
        (vec![("Contact", "<sip:0600001111@192.0.2.9:5060>;expires=90"), ("Expires", "120")], 90),
        (vec![("Contact", A), ("Expires", "86400")], 3600),
        (vec![("Contact", A), ("Expires", "4294967295")], 3600),
        (vec![("Contact", A), ("Expires", "soon")], 3600),
        (vec![("Contact", "<sip:0600001111@192.0.2.9:5060>;expires=\"soon\"")], 3600),
        (vec![("Contact", A), ("Expires", "60")], 60),
    ] {
        let mut desk = Desk::new();
        desk.send(0, "one", 1, &fields).unwrap();
        assert_eq!(desk.shown(0), [format!("{A};expires={expected}")], "{fields:?}");
        assert_eq!(desk.shown(expected - 1), [format!("{A};expires=1")]);
        assert_eq!(desk.0.deadline(), Some(Time::from_millis(expected * 1000)));
        assert!(desk.shown(expected).is_empty());
        assert_eq!((desk.0.deadline(), desk.0.count), (None, 0));
    }
}

#[test]
fn too_brief_intervals_are_refused_with_the_shortest() {
    let mut desk = Desk::new();
    for fields in [
        vec![("Contact", A), ("Expires", "59")],
        vec![("Contact", "<sip:a@h>;expires=1")],
        vec![("Contact", A), ("Contact", "<sip:a@h>;expires=30")],
    ] {
        assert_eq!(desk.send(0, "one", 1, &fields), Err(Refusal::TooBrief { shortest: 60 }));
    }
    assert!(desk.shown(0).is_empty(), "all or nothing");
}

#[test]
fn several_contacts_are_refreshed_and_taken_away_each_by_itself() {
    let mut desk = Desk::new();
    desk.send(0, "one", 1, &[("Contact", &format!("{A}, {B}"))]).unwrap();
    assert_eq!(desk.shown(600), [format!("{A};expires=3000"), format!("{B};expires=3000")]);
    desk.send(600, "one", 2, &[("Contact", A), ("Expires", "1200")]).unwrap();
    assert_eq!(desk.shown(600), [format!("{B};expires=3000"), format!("{A};expires=1200")]);
    desk.send(601, "one", 3, &[("Contact", "<sip:0600001111@192.0.2.8:5060>;expires=0")]).unwrap();
    assert_eq!(desk.shown(601), [format!("{A};expires=1199")]);
    desk.send(602, "one", 4, &[]).unwrap();
    assert_eq!(desk.shown(602), [format!("{A};expires=1198")], "a fetch changes nothing");
    desk.send(603, "one", 5, &[("Contact", "<sip:nobody@h>"), ("Expires", "0")]).unwrap();
    assert_eq!(desk.shown(603).len(), 1, "what was not there cannot go");
}

#[test]
fn a_star_takes_all_away_and_stands_alone() {
    let mut desk = Desk::new();
    desk.send(0, "one", 1, &[("Contact", A)]).unwrap();
    desk.send(0, "two", 7, &[("Contact", B)]).unwrap();
    for fields in [
        vec![("Contact", "*")],
        vec![("Contact", "*"), ("Expires", "60")],
        vec![("Contact", "*"), ("Expires", "none")],
        vec![("Contact", "*"), ("Contact", A), ("Expires", "0")],
        vec![("Contact", "*, *"), ("Expires", "0")],
    ] {
        assert_eq!(desk.send(1, "one", 2, &fields), Err(Refusal::Star), "{fields:?}");
    }
    assert_eq!(desk.send(1, "two", 7, &[("Contact", "*"), ("Expires", "0")]), Err(Refusal::OutOfOrder));
    assert_eq!(desk.shown(1).len(), 2);
    desk.send(1, "one", 2, &[("Contact", "*"), ("Expires", "0")]).unwrap();
    assert!(desk.shown(1).is_empty());
}

#[test]
fn what_a_later_request_has_done_an_earlier_one_does_not_undo() {
    let mut desk = Desk::new();
    desk.send(0, "one", 5, &[("Contact", A)]).unwrap();
    for number in [4, 5] {
        let late = desk.send(1, "one", number, &[("Contact", A), ("Expires", "0")]);
        assert_eq!(late, Err(Refusal::OutOfOrder), "{number}");
        let both = desk.send(1, "one", number, &[("Contact", &format!("{B}, {A}"))]);
        assert_eq!(both, Err(Refusal::OutOfOrder));
    }
    assert_eq!(desk.shown(1), [format!("{A};expires=3599")], "and nothing of it is done");
    desk.send(2, "another", 1, &[("Contact", A), ("Expires", "0")]).unwrap();
    assert!(desk.shown(2).is_empty(), "a phone that was started anew counts anew");
}

#[test]
fn contacts_and_bindings_are_bounded() {
    let mut desk = Desk::new();
    for n in 0..10 {
        desk.send(0, "one", n + 1, &[("Contact", &format!("<sip:{n}@h>"))]).unwrap();
    }
    assert_eq!(desk.send(0, "one", 11, &[("Contact", A)]), Err(Refusal::TooManyContacts));
    desk.send(0, "one", 12, &[("Contact", "<sip:3@h>")]).unwrap();
    let mut small = Registrar::new(Limits { bindings: 2, ..Limits::default() });
    let mut register = |last: u32, fields: &[(&str, &str)]| {
        let line = PhoneNumber::parse(&format!("060000111{last}")).unwrap();
        small.register(Time::ZERO, line, &headers("one", last, fields), flow())
    };
    assert_eq!(register(1, &[("Contact", A)]), Ok(()));
    assert_eq!(register(2, &[("Contact", A)]), Ok(()));
    assert_eq!(register(3, &[("Contact", A)]), Err(Refusal::Full));
    assert_eq!(register(3, &[]), Ok(()), "a fetch needs no room");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let mut desk = Desk::new();
    let malformed = Err(Refusal::Malformed(FieldError::Malformed("Contact")));
    assert_eq!(desk.send(0, "one", 1, &[("Contact", "<sip:a@h>, <<")]), malformed);
    assert!(desk.shown(0).is_empty());
    desk.send(0, "one", 1, &[("Contact", "<sip:a@h>;expires=60, <sip:a@h>;expires=120")]).unwrap();
    assert_eq!(desk.shown(0), ["<sip:a@h>;expires=120"], "the last word counts");
    desk.send(0, "one", 2, &[("m", "\"A, B\" <sip:b@h>;+sip.instance=\"<urn:uuid:1>\";q=0.7")]).unwrap();
    assert_eq!(desk.shown(0)[1], "\"A, B\" <sip:b@h>;+sip.instance=\"<urn:uuid:1>\";q=0.7;expires=3600");
}

proptest! {
    /// Whatever comes in whatever order: the tables agree with each other, and with a model that keeps no order.
    #[test]
    fn bindings_are_as_a_simple_model_has_them(steps in prop::collection::vec((0u64..2000, 0usize..4, 0u32..400), 1..60)) {
        let mut desk = Desk::new();
        let mut model: BTreeMap<usize, u64> = BTreeMap::new();
        let mut now = 0;
        for (number, (wait, which, seconds)) in steps.into_iter().enumerate() {
            now += wait / 10;
            model.retain(|_, end| *end > now);
            let contact = format!("<sip:{which}@h>;expires={seconds}");
            let done = desk.send(now, "one", number as u32 + 1, &[("Contact", &contact)]);
            match seconds {
                0 => drop(model.remove(&which)),
                1..60 => prop_assert_eq!(done, Err(Refusal::TooBrief { shortest: 60 })),
                _ => drop(model.insert(which, now + u64::from(seconds))),
            }
            let mut shown = desk.shown(now);
            shown.sort();
            let expected: Vec<String> =
                model.iter().map(|(which, end)| format!("<sip:{which}@h>;expires={}", end - now)).collect();
            prop_assert_eq!(shown, expected);
            prop_assert_eq!(desk.0.count, model.len());
            prop_assert_eq!(desk.0.deadline(), model.values().min().map(|end| Time::from_millis(end * 1000)));
        }
    }
}
