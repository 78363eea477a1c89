//! Random calls: anything a caller may order, by any way, over any network up to 5 % loss; with what must come of it.

use karipass::caller::Conclusion;
use karipass::internals::account::{self, DEMO_CUSTOMER_NUMBER};
use karipass::internals::ivr::Confirm;
use karipass::key::{Way, Ways};
use karipass::secret::Secret;
use karipass::unit::Unit;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::ledger::Manners;
use super::network::{Path, WITHOUT};
use super::setup::{additional_number, main_number, strange_number};
use super::{Offer, Outcome, Setup, World, ms};

/// What must come of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is refused before it is answered.
    Refused(u16, account::Outcome),
    /// The password is set.
    Set,
    /// The service says this, and the caller gives up.
    Told(&'static str),
}

/// The call that follows from `seed`.
pub fn random(seed: u64) -> (Setup, Expected) {
    let mut rng = StdRng::seed_from_u64(seed);
    let rng = &mut rng;
    let ways = [Ways::RFC4733, Ways::IN_BAND, Ways::INFO, Ways::ALL][rng.random_range(0..4)];
    let offer = match ways.has(Way::Rfc4733) {
        true => [Offer::All, Offer::Late, Offer::Pcmu(96), Offer::Pcma(127), Offer::Pcma(101)],
        false => [Offer::All, Offer::NoEvents, Offer::NoEvents, Offer::Late, Offer::Pcma(101)],
    };
    let mut setup = Setup {
        to_service: Path::random(rng, WITHOUT),
        to_phone: Path::random(rng, WITHOUT),
        offer: offer[rng.random_range(0..offer.len())],
        ptime_ms: [20, 20, 20, 40, 60][rng.random_range(0..5)],
        store: Manners {
            lookup: ms(rng.random_range(0..=100)),
            hash: ms(30),
            flush: ms(10),
            commit: ms(if rng.random_bool(0.2) { rng.random_range(0..=5000) } else { rng.random_range(0..=200) }),
            unreadable: rng.random_bool(0.01),
            full: rng.random_bool(0.02),
        },
        ..Setup::new(seed).by(ways)
    };
    // tones with holes in them are misheard: only who listens to the read-back notices
    setup.manner.patient = ways == Ways::IN_BAND && setup.to_service.loss > 0.0 || rng.random_bool(0.1);
    if rng.random_bool(0.15) && ways != Ways::IN_BAND {
        setup.ivr.confirm = Confirm::ReEnter;
    }
    let expected = order(rng, &mut setup);
    let expected =
        if setup.store.full && expected == Expected::Set { Expected::Told("store-failed") } else { expected };
    let expected = match expected {
        Expected::Refused(..) if setup.manner.order.from != strange_number() => expected,
        _ if setup.store.unreadable => Expected::Refused(503, account::Outcome::RefusedStore),
        other => other,
    };
    (setup, expected)
}

fn order(rng: &mut StdRng, setup: &mut Setup) -> Expected {
    let order = &mut setup.manner.order;
    order.unit = Unit::ALL[rng.random_range(0..3)];
    order.from = if rng.random_bool(0.5) { main_number() } else { additional_number() };
    order.target = match (order.unit, rng.random_range(0..3)) {
        (Unit::Line, _) => Some(main_number()),
        (Unit::Number | Unit::AdminUser, 0) => None,
        (Unit::Number | Unit::AdminUser, 1) => Some(main_number()),
        (Unit::Number | Unit::AdminUser, _) => Some(additional_number()),
    };
    order.password = Secret::from(good_password(rng));
    if rng.random_bool(0.04) {
        order.from = strange_number();
        return Expected::Refused(403, account::Outcome::RefusedUnknownLine);
    }
    if rng.random_bool(0.02) {
        setup.from = Some("\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned());
        return Expected::Refused(433, account::Outcome::RefusedWithheld);
    }
    if rng.random_bool(0.04) {
        order.target = Some(strange_number());
        return Expected::Told(match order.unit {
            Unit::Line => "customer-number-wrong",
            Unit::Number | Unit::AdminUser => "number-not-in-contract",
        });
    }
    if rng.random_bool(0.1) {
        let (password, prompt) = bad_password(rng);
        order.password = Secret::from(password);
        return Expected::Told(prompt);
    }
    Expected::Set
}

/// 4 to 8 digits that no rule refuses.
fn good_password(rng: &mut StdRng) -> String {
    loop {
        let length = rng.random_range(4..=8);
        let digits: Vec<u8> = (0..length).map(|_| rng.random_range(0..10)).collect();
        let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let steps: Vec<u8> = digits.windows(2).map(|pair| (pair[1] + 10 - pair[0]) % 10).collect();
        let even = steps.iter().all(|&step| step == steps[0]) && matches!(steps[0], 0 | 1 | 9);
        let own = [main_number(), additional_number()].iter().any(|number| number.as_str().contains(&text));
        if !even && !own {
            return text;
        }
    }
}

fn bad_password(rng: &mut StdRng) -> (&'static str, &'static str) {
    let own = DEMO_CUSTOMER_NUMBER.get(0..5).unwrap();
    [
        ("481", "password-too-short"),
        ("481516234", "password-too-long"),
        ("7777", "password-one-digit"),
        ("4567", "password-run"),
        (own, "password-own-number"),
    ][rng.random_range(0..5)]
}

/// Runs the call of `seed`, and holds it against what must come of it and what must hold of every call.
pub fn run(seed: u64) -> Result<(), String> {
    let (setup, expected) = random(seed);
    let mut world = World::new(setup);
    let outcome = world.run();
    let complaints = judge(&world.setup, &expected, &outcome);
    tell(complaints, &world, &outcome, &format!("expected {expected:?}"))
}

fn tell(complaints: Vec<String>, world: &World, outcome: &Outcome, expected: &str) -> Result<(), String> {
    match complaints.as_slice() {
        [] => Ok(()),
        _ => Err(format!("{}\n{expected}\n{outcome:#?}\n{}", complaints.join("\n"), world.story())),
    }
}

impl World {
    /// Runs the call to its end, which must be this one.
    #[track_caller]
    pub fn run_to(&mut self, expected: &Expected) -> Outcome {
        let outcome = self.run();
        let complaints = judge(&self.setup, expected, &outcome);
        tell(complaints, self, &outcome, &format!("expected {expected:?}")).unwrap_or_else(|story| panic!("{story}"));
        outcome
    }

    /// Runs the call to its end, whichever it is: only what holds of every call must hold.
    #[track_caller]
    pub fn run_to_any_end(&mut self) -> Outcome {
        let outcome = self.run();
        let complaints = consistency(&self.setup, &outcome);
        tell(complaints, self, &outcome, "any end will do").unwrap_or_else(|story| panic!("{story}"));
        outcome
    }
}

/// What is wrong with how a call came out.
pub fn judge(setup: &Setup, expected: &Expected, outcome: &Outcome) -> Vec<String> {
    let mut complaints = consistency(setup, outcome);
    let mut check = |holds: bool, what: &str| {
        if !holds {
            complaints.push(what.to_owned());
        }
    };
    let recorded = outcome.record.as_ref().map(|record| record.outcome);
    match expected {
        Expected::Refused(status, why) => {
            check(outcome.refused == Some(*status), "refused with another status");
            check(recorded == Some(*why), "recorded with another reason");
            check(outcome.said.is_empty(), "something was said");
        }
        Expected::Set => {
            check(outcome.conclusion == Conclusion::Set, "the caller did not hear that it is set");
            check(recorded == Some(account::Outcome::Set), "it is not recorded as set");
            check(outcome.announced.is_some(), "it is not announced");
            check(outcome.opens, "the password does not open the account");
        }
        Expected::Told(prompt) => {
            check(outcome.conclusion == Conclusion::Failed((*prompt).to_owned()), "the caller was told something else");
            check(outcome.temporaries.is_empty(), "a password was stored");
        }
    }
    if matches!(expected, Expected::Set) {
        complaints.extend(count(setup, outcome));
    }
    complaints
}

/// What holds of every call, however it goes.
pub fn consistency(setup: &Setup, outcome: &Outcome) -> Vec<String> {
    let mut complaints = vec![];
    let mut check = |holds: bool, what: &str| {
        if !holds {
            complaints.push(what.to_owned());
        }
    };
    let Some(record) = &outcome.record else { return vec!["there is no record".to_owned()] };
    let is_set = record.outcome == account::Outcome::Set;
    check(outcome.announced.is_none() || is_set, "announced, but not recorded as set");
    let unheard = record.outcome == account::Outcome::SetUnheard;
    check(!is_set && !unheard || outcome.committed.is_some(), "recorded as set, but not stored");
    check(!unheard || outcome.announced.is_none(), "announced, but recorded as unheard");
    check(
        outcome.conclusion != Conclusion::Set || is_set,
        "the caller heard that it is set, but it is not recorded as set",
    );
    let stored_first = outcome.committed.is_some() && outcome.committed <= outcome.announced;
    check(outcome.announced.is_none() || stored_first, "announced before it was stored");
    check(outcome.temporaries.len() == usize::from(outcome.committed.is_some()), "another account was changed");
    if outcome.committed.is_some() {
        check(outcome.temporaries == [(setup.manner.order.unit, setup.target())], "a stranger's password was changed");
        check(outcome.opens, "a wrong password is in the store");
    } else {
        check(!outcome.opens, "it opens, but nothing was stored");
    }
    check(record.status == 200 || record.answered_at.is_none(), "answered without 200");
    check(record.ended_at >= record.started_at, "it ended before it began");
    complaints
}

/// Whether each press was reported once by each way that reported it. An INFO of several ways may come after the call's end.
fn count(setup: &Setup, outcome: &Outcome) -> Option<String> {
    let counts = outcome.record.as_ref()?.digits;
    let (keyed, lossy) = (outcome.keyed as u32, setup.to_service.loss > 0.0);
    let ways = setup.manner.ways;
    let each = |way| if ways.has(way) { keyed } else { 0 };
    let right = counts.rfc4733 == each(Way::Rfc4733)
        && (counts.inband == each(Way::InBand) || ways.has(Way::InBand) && lossy)
        && (counts.info == each(Way::Info) || ways == Ways::ALL && counts.info <= keyed);
    (!right).then(|| format!("{keyed} keys were keyed, but counted were {counts:?}"))
}
