//! What the call has asked of the store: how long it waits, and what is true when it waits no longer.
//!
//! ```text
//! read back:  Output::Prepare ─▶ Input::Prepared, and not yet stored
//! confirmed ─▶ Output::Store ─┬─ Input::Stored ─────────────────────────────▶ told
//!                             └─ 30 s from the key ─┬─ withdrawn ───────────▶ told: it could not be set
//!                                                   └─ a commit is under way ─┬─ Input::Stored ──▶ told
//!                                                                             └─ 10 s more ──────▶ told: it is not known
//! ```
//!
//! A password that takes long to hash takes it from the same 30 s.
//!
//! The caller may have hung up by then: the same becomes of the request, and the record says it in place of the prompt.

use std::time::Duration;

use super::{Call, Output, Phase};
use crate::account::{HashedTemporaryPassword, Outcome};
use crate::ivr::{self, NotSet};
use crate::ticket::Ticket;
use crate::time::Time;

/// From the caller's key: the time the store has before the request is withdrawn.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time that a commit has beyond that, when it is under way then.
const COMMIT: Duration = Duration::from_secs(10);

/// A request that was confirmed, and that the store has not answered.
pub(super) struct Storing {
    ticket: Ticket,
    give_up: Time,
    /// A commit was under way when it should have been withdrawn.
    is_late: bool,
}

impl Call {
    /// The password is hashed. Whether it is to be stored, its caller may not have decided yet.
    pub(super) fn prepared(&mut self, now: Time, ticket: Ticket, hashed: Result<HashedTemporaryPassword, NotSet>) {
        // one that the caller has corrected meanwhile: of several that are hashed at once, the older may be ready last
        if ticket.is_withdrawn() {
            return;
        }
        self.seat = None;
        self.prepared = Some((ticket, hashed));
        self.give_to_store(now);
    }

    /// The caller has confirmed it.
    pub(super) fn store(&mut self, now: Time, ticket: Ticket) {
        self.storing = Some(Storing { ticket, give_up: now + PATIENCE, is_late: false });
        self.give_to_store(now);
    }

    fn give_to_store(&mut self, now: Time) {
        let Some(storing) = &self.storing else { return };
        match self.prepared.take_if(|(ticket, _)| *ticket == storing.ticket) {
            Some((ticket, Ok(hashed))) => self.outputs.push_back(Output::Store(hashed, ticket)),
            Some((_, Err(why))) => self.stored(now, Err(why)),
            None => {}
        }
    }

    /// When the store's time is over.
    pub(super) fn patience_ends(&self) -> Time {
        self.storing.as_ref().map_or(Time::MAX, |storing| storing.give_up)
    }

    /// Does what is due when it is.
    pub(super) fn lose_patience(&mut self, now: Time) {
        let Some(storing) = self.storing.as_mut().filter(|storing| storing.give_up <= now) else { return };
        if storing.ticket.withdraw() {
            self.stored(now, Err(NotSet::Failed));
        } else if storing.is_late {
            self.stored(now, Err(NotSet::NotKnown));
        } else {
            storing.is_late = true;
            storing.give_up = now + COMMIT;
        }
    }

    /// The store has answered, or is not waited for any longer: the conversation speaks it, or, when the caller is gone, the record
    /// keeps it.
    pub(super) fn stored(&mut self, now: Time, result: Result<(), NotSet>) {
        // an answer to what was given up
        if self.storing.take().is_none() {
            return;
        }
        self.stored = Some(result);
        match self.phase {
            Phase::Settling => self.finish(),
            Phase::Talking(_)
            | Phase::Identifying { .. }
            | Phase::Opening { .. }
            | Phase::Excusing { .. }
            | Phase::Announcing(_)
            | Phase::Answering { .. }
            | Phase::Ending
            | Phase::Finished => {
                self.talk(now, |talk| talk.conversation.handle_input(now, ivr::Input::Stored(result)));
            }
        }
    }

    /// The one record goes out.
    pub(super) fn finish(&mut self) {
        self.phase = Phase::Finished;
        self.record.outcome = self.outcome_in_the_end(self.record.outcome);
        self.outputs.push_back(Output::Finished(Box::new(self.record.clone())));
    }

    /// The outcome of a call that has ended with `outcome`, and with it what it has left in the store. Nothing is waited for any longer:
    /// what the store has not begun is not to be done.
    pub(super) fn outcome_in_the_end(&mut self, outcome: Outcome) -> Outcome {
        if self.storing.take().is_some_and(|storing| !storing.ticket.withdraw()) {
            self.stored = Some(Err(NotSet::NotKnown));
        }
        match (self.stored, outcome) {
            (Some(Ok(())), Outcome::Set) => Outcome::Set,
            (Some(Ok(())), _) => Outcome::SetUnheard,
            (Some(Err(NotSet::NotKnown)), _) => Outcome::NotConfirmed,
            (Some(Err(NotSet::Failed | NotSet::Overtaken)) | None, outcome) => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::super::{Seed, Settings};
    use super::*;
    use crate::account::PasswordHash;
    use crate::audio::prompt::Bank;
    use crate::call::identity::Trust;
    use crate::call::testing::incoming;
    use crate::number::PhoneNumber;
    use crate::time::UnixTime;
    use crate::unit::Unit;

    /// A call, whoever makes it.
    fn call() -> Call {
        let settings = Arc::new(Settings::new(Arc::new(Bank::builtin())));
        let seed = Seed { numbers: 1, keys: [7; 32] };
        let mut call = Call::new(Time::ZERO, UnixTime(0), seed, settings, Trust::default(), &incoming(1));
        while !matches!(call.poll_output(), Output::Timeout(_)) {}
        call
    }

    fn hash_of(password: &str) -> HashedTemporaryPassword {
        let (number, hash) = (PhoneNumber::parse("0600001111").unwrap(), PasswordHash::from_phc(password.to_owned()));
        HashedTemporaryPassword { unit: Unit::Line, number, hash }
    }

    #[test]
    fn a_corrected_password_is_not_stored_though_its_hash_comes_last() {
        let mut call = call();
        let (corrected, confirmed) = (Ticket::new(), Ticket::new());
        assert!(corrected.withdraw());
        call.prepared(Time::ZERO, confirmed.clone(), Ok(hash_of("second")));
        call.prepared(Time::ZERO, corrected, Ok(hash_of("first")));
        call.store(Time::ZERO, confirmed);
        let Output::Store(hashed, _) = call.poll_output() else { panic!("nothing is stored") };
        assert_eq!(hashed, hash_of("second"));
    }
}
