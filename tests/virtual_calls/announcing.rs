//! Refusals that are spoken first, in early media: what is said, to whom, and that the status is the same as without.

use std::time::Duration;

use karipass::internals::account::Outcome;
use karipass::internals::call::identity::Trust;
use karipass::internals::sip::endpoint::EndCause;

use crate::support::ledger::Manners;
use crate::support::network::Path;
use crate::support::setup::{additional_number, main_number, strange_number};
use crate::support::{Offer, Setup, World, ms};

fn announced() -> Setup {
    Setup { announce_refusals: true, ..Setup::new(1) }
}

fn withheld() -> Setup {
    Setup { from: Some("\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned()), ..announced() }
}

fn asserting(numbers: &[&str]) -> Setup {
    let value = |number: &&str| ("P-Asserted-Identity".to_owned(), format!("<sip:{number}@ntt-west.ne.jp>"));
    Setup { headers: numbers.iter().map(value).collect(), ..announced() }
}

#[track_caller]
fn said(setup: Setup, prompt: &str, status: u16, why: Outcome) -> World {
    let mut world = World::new(setup);
    let outcome = world.run();
    let record = outcome.record.unwrap();
    assert_eq!((record.status, record.outcome), (status, why), "{}", world.story());
    assert_eq!((outcome.refused, outcome.said), (Some(status), vec![prompt.to_owned()]), "{}", world.story());
    assert!(record.answered_at.is_none() && outcome.temporaries.is_empty(), "{}", world.story());
    assert_eq!(world.phone.progress, [(183, true)], "{}", world.story());
    assert_eq!(world.service.cause, Some(EndCause::Rejected { status }));
    world
}

#[test]
fn a_withheld_number_is_told_of_186_and_then_gets_433() {
    let world = said(withheld(), "refused-withheld", 433, Outcome::RefusedWithheld);
    // reliably, since this phone takes that: nothing is said before it has acknowledged where to
    let at = |what: &str| world.trace.find(what).first().copied().unwrap_or_else(|| panic!("{what}"));
    assert!(at("service  183 [1 INVITE]") < at("service  PRACK"), "{}", world.story());
    assert!(at("service  PRACK") < at("says refused-withheld"), "{}", world.story());
    let clip = crate::support::BANK.clip("refused-withheld").unwrap().frames() as u64 * 20;
    let spoken = at("service  433").since(at("service  200 [2 PRACK]"));
    assert!(spoken >= ms(clip) && spoken <= ms(clip + 100), "{spoken:?}, the prompt has {clip} ms");
}

#[test]
fn a_number_of_no_contract_is_told_so_and_then_gets_403() {
    let mut setup = announced();
    setup.manner.order.from = strange_number();
    said(setup, "refused-line", 403, Outcome::RefusedUnknownLine);
}

#[test]
fn identities_that_contradict_each_other_are_told_that_they_are_not_known() {
    let setup = asserting(&[main_number().as_str(), additional_number().as_str()]);
    said(setup, "refused-unidentified", 403, Outcome::RefusedConflict);
}

#[track_caller]
fn silent(setup: Setup, status: u16) {
    let mut world = World::new(setup);
    let outcome = world.run();
    assert_eq!((outcome.refused, world.service.packets), (Some(status), 0), "{}", world.story());
    assert!(world.phone.progress.is_empty(), "{}", world.story());
}

#[test]
fn nothing_is_said_to_strangers_nor_of_other_refusals_nor_without_the_switch() {
    let trust = Trust { asserted: false, from: false, private: true };
    // the INVITE may be forged, and the address in it another's
    silent(Setup { trust, ..asserting(&[main_number().as_str()]) }, 403);
    silent(Setup { trust, ..withheld() }, 403);
    silent(Setup { store: Manners { unreadable: true, ..Manners::default() }, ..announced() }, 503);
    silent(Setup { announce_refusals: false, ..withheld() }, 433);
    // what was never offered cannot be answered, and what is no use to us cannot be spoken
    silent(Setup { offer: Offer::Late, ..withheld() }, 433);
    silent(Setup { offer: Offer::Unknown, ..withheld() }, 433);
}

#[test]
fn who_is_served_hears_no_difference() {
    World::new(announced()).run_to(&crate::support::Expected::Set);
}

#[test]
fn a_caller_who_does_not_hear_it_out_is_recorded_as_refused() {
    for at in (0..11_000).step_by(700) {
        let mut world = World::new(withheld());
        world.run_for(ms(at)).phone("hangs up", |phone, now| phone.hang_up(now));
        let record = world.run().record.unwrap();
        assert_eq!(record.outcome, Outcome::RefusedWithheld, "{at}: {}", world.story());
        assert!(matches!(record.status, 433 | 487), "{at}: {}", world.story());
    }
}

#[test]
fn the_server_stops_in_the_middle_of_it() {
    for at in (100..11_000).step_by(700) {
        let mut world = World::new(withheld());
        world.run_for(ms(at)).stop_service();
        let outcome = world.run();
        assert_eq!(outcome.refused, Some(433), "{at}: {}", world.story());
        assert!(outcome.lasted <= ms(at) + Duration::from_millis(200), "{at}: {}", world.story());
    }
}

#[test]
fn a_lossy_network_loses_no_refusal() {
    for seed in 0..40 {
        let path = Path { loss: 0.2, ..Path::clean(20) };
        let mut world = World::new(Setup { seed, to_service: path.clone(), to_phone: path, ..withheld() });
        let outcome = world.run();
        assert_eq!(outcome.refused, Some(433), "{}", world.story());
        let record = outcome.record.unwrap();
        assert_eq!((record.status, record.outcome), (433, Outcome::RefusedWithheld), "{}", world.story());
        assert!(outcome.lasted < Duration::from_secs(60), "{}", world.story());
    }
}
