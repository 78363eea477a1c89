//! Calls that are refused before they are answered: nothing is written but the call's record, and nothing is said.

use karipass::internals::account::Outcome;
use karipass::internals::call::identity::Trust;

use crate::support::ledger::Manners;
use crate::support::setup::{additional_number, main_number, strange_number};
use crate::support::{Expected, Offer, Setup, World};

#[track_caller]
fn refused(setup: Setup, status: u16, why: Outcome) -> World {
    let mut world = World::new(setup);
    let outcome = world.run_to(&Expected::Refused(status, why));
    let record = outcome.record.unwrap();
    assert_eq!((record.status, record.answered_at), (status, None));
    assert!(outcome.temporaries.is_empty() && world.service.packets == 0, "{}", world.story());
    assert!(record.ended_at >= record.started_at && record.unit.is_none() && record.target.is_none());
    world
}

fn asserting(numbers: &[&str]) -> Setup {
    let value = |number: &&str| ("P-Asserted-Identity".to_owned(), format!("<sip:{number}@ntt-west.ne.jp>"));
    Setup { headers: numbers.iter().map(value).collect(), ..Setup::new(1) }
}

#[test]
fn a_number_of_no_contract() {
    let mut setup = Setup::new(1);
    setup.manner.order.from = strange_number();
    let world = refused(setup, 403, Outcome::RefusedUnknownLine);
    assert_eq!(world.trace.find("phone ◀── service  403").len(), 1, "{}", world.story());
    assert_eq!(world.trace.find("phone ──▶ service  ACK").len(), 1, "{}", world.story());
}

#[test]
fn a_withheld_number() {
    let from = Some("\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned());
    refused(Setup { from, ..Setup::new(1) }, 433, Outcome::RefusedWithheld);
}

#[test]
fn two_identities_that_contradict_each_other() {
    let (one, two) = (main_number(), additional_number());
    refused(asserting(&[one.as_str(), two.as_str()]), 403, Outcome::RefusedConflict);
    // From is believed as well, and names the main number
    refused(asserting(&[two.as_str()]), 403, Outcome::RefusedConflict);
}

#[test]
fn a_number_told_by_nobody_who_is_believed() {
    let trust = Trust { asserted: false, from: false, private: true };
    refused(Setup { trust, ..asserting(&[main_number().as_str()]) }, 403, Outcome::RefusedUntrusted);
}

#[test]
fn a_carriers_anonymous_from_with_the_number_asserted_is_no_reason_to_refuse() {
    let from = Some("\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned());
    World::new(Setup { from, ..asserting(&[main_number().as_str()]) }).run_to(&Expected::Set);
}

#[test]
fn no_media_in_common() {
    refused(Setup { offer: Offer::Unknown, ..Setup::new(1) }, 488, Outcome::RefusedMedia);
}

#[test]
fn a_store_that_cannot_be_read() {
    let store = Manners { unreadable: true, ..Manners::default() };
    refused(Setup { store, ..Setup::new(1) }, 503, Outcome::RefusedStore);
}
