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

impl Storing {
    /// Takes the request back; `false`: a commit is under way.
    pub(super) fn withdraw(&self) -> bool {
        self.ticket.withdraw()
    }
}

impl Call {
    /// The password is hashed. Whether it is to be stored, its caller may not have decided yet.
    pub(super) fn prepared(&mut self, now: Time, ticket: Ticket, hashed: Result<HashedTemporaryPassword, NotSet>) {
        self.place = None;
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
        if storing.withdraw() {
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

    /// The one record goes out. Nothing is waited for any longer, and what the store still has is not to be done.
    pub(super) fn finish(&mut self) {
        if let Some(storing) = self.storing.take()
            && !storing.withdraw()
        {
            self.stored = Some(Err(NotSet::NotKnown));
        }
        self.phase = Phase::Finished;
        self.record.outcome = self.what_was_stored(self.record.outcome);
        self.outputs.push_back(Output::Finished(Box::new(self.record.clone())));
    }

    /// The outcome of a call that ended with `outcome`, whatever it has left in the store.
    pub(super) fn what_was_stored(&self, outcome: Outcome) -> Outcome {
        match (self.stored, outcome) {
            (Some(Ok(())), Outcome::Set) => Outcome::Set,
            (Some(Ok(())), _) => Outcome::SetUnheard,
            (Some(Err(NotSet::NotKnown)), _) => Outcome::NotConfirmed,
            (Some(Err(NotSet::Failed | NotSet::Overtaken)) | None, outcome) => outcome,
        }
    }
}
