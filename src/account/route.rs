//! Where a call to a contracted number goes, by what its subscriber has set.

use serde::Serialize;

use crate::number::PhoneNumber;

use super::setting::{BulkTransfer, Condition, Select, Voicewarp};
use super::{Contract, Service, Setting, Store, StoreError};

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "route", rename_all = "kebab-case")]
pub enum Route {
    /// It rings at the number that was called.
    Ring,
    /// It goes on at once.
    Forward {
        /// To there.
        to: PhoneNumber,
        /// Because of this service.
        service: Service,
    },
    /// It rings first, and goes on in these cases.
    RingThenForward {
        /// To there.
        to: PhoneNumber,
        /// Because of this service.
        service: Service,
        /// After this many seconds without an answer.
        no_answer_after: Option<u8>,
        /// When the line is busy.
        when_busy: bool,
    },
}

/// Where a call from `caller` (`None` when it is withheld) to `called` goes; `None` when that is no contracted number.
pub fn route(
    store: &(impl Store + ?Sized),
    caller: Option<PhoneNumber>,
    called: PhoneNumber,
) -> Result<Option<Route>, StoreError> {
    let Some(contract) = store.line_of(called)? else { return Ok(None) };
    let bulk = in_force::<BulkTransfer>(store, &contract, called, Service::BulkTransfer)?;
    if let Some(to) = bulk.and_then(|bulk| bulk.destination) {
        // the whole line is being forwarded: nothing that is set for a single number can matter
        return Ok(Some(Route::Forward { to, service: Service::BulkTransfer }));
    }
    let voicewarp = in_force::<Voicewarp>(store, &contract, called, Service::Voicewarp)?;
    Ok(Some(voicewarp.map_or(Route::Ring, |voicewarp| voicewarp.route(caller))))
}

/// What is set for a service of a number of `contract`, when it is contracted and started.
pub fn in_force<T: serde::de::DeserializeOwned>(
    store: &(impl Store + ?Sized),
    contract: &Contract,
    number: PhoneNumber,
    service: Service,
) -> Result<Option<T>, StoreError> {
    if !contract.services_of(number).has(service) {
        return Ok(None);
    }
    let unread = |why: serde_json::Error| StoreError::Row {
        store: store.name(),
        why: format!("the setting {service} of {number}: {why}"),
    };
    let setting: Setting<T> = store.setting(number, service)?.read().map_err(unread)?;
    Ok(setting.active.then_some(setting.detail))
}

impl Voicewarp {
    /// Where it sends a call from `caller`, when it is started.
    fn route(&self, caller: Option<PhoneNumber>) -> Route {
        let is_listed = caller.is_some_and(|caller| self.listed.contains(&caller));
        let forwards = match self.select {
            Select::Off => true,
            Select::ForwardListed => is_listed,
            Select::RingListed => !is_listed,
        };
        let destination = self.destinations.get(usize::from(self.in_use)).copied().flatten();
        let Some(to) = destination.filter(|_| forwards) else { return Route::Ring };
        let (service, seconds) = (Service::Voicewarp, self.ring_seconds.0);
        let later = |no_answer_after, when_busy| Route::RingThenForward { to, service, no_answer_after, when_busy };
        match self.condition {
            Condition::Always => Route::Forward { to, service },
            Condition::NoAnswer => later(Some(seconds), false),
            Condition::Busy => later(None, true),
            Condition::NoAnswerOrBusy => later(Some(seconds), true),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::account::setting::RingSeconds;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    #[test]
    fn the_condition_says_when_and_the_list_says_whose() {
        let to = number("0312345678");
        let set = |condition, select| Voicewarp {
            condition,
            ring_seconds: RingSeconds(15),
            destinations: [None, Some(to), None, None],
            in_use: 1,
            select,
            listed: vec![number("0399990000")],
        };
        let (listed, other) = (Some(number("0399990000")), Some(number("0388880000")));
        let service = Service::Voicewarp;
        let forward = Route::Forward { to, service };
        let after = |no_answer_after, when_busy| Route::RingThenForward { to, service, no_answer_after, when_busy };
        for (condition, expected) in [
            (Condition::Always, forward),
            (Condition::NoAnswer, after(Some(15), false)),
            (Condition::Busy, after(None, true)),
            (Condition::NoAnswerOrBusy, after(Some(15), true)),
        ] {
            for (select, caller, goes) in [
                (Select::Off, listed, true),
                (Select::Off, None, true),
                (Select::ForwardListed, listed, true),
                (Select::ForwardListed, other, false),
                (Select::ForwardListed, None, false),
                (Select::RingListed, listed, false),
                (Select::RingListed, other, true),
                (Select::RingListed, None, true),
            ] {
                let expected = if goes { expected } else { Route::Ring };
                assert_eq!(set(condition, select).route(caller), expected, "{condition:?} {select:?} {caller:?}");
            }
        }
        let nowhere = Voicewarp { in_use: 0, ..set(Condition::Always, Select::Off) };
        assert_eq!(nowhere.route(other), Route::Ring, "no destination in use");
    }
}
