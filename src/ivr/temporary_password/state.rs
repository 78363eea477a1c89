//! The states, each with what it knows, and the reasons for deadlines and refusals.

use std::mem;

use super::weakness::Weakness;
use crate::ivr::digits::Entry;
use crate::ivr::prompt::{self, PromptName};
use crate::ivr::{Ending, NotSet};
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::ticket::Ticket;
use crate::unit::Unit;

/// Where the conversation is: the table is at the head of this folder.
pub(super) enum State {
    Idle,
    UnitMenu,
    CustomerNumber(Entry),
    OfferCalling { unit: Unit },
    OtherNumber { unit: Unit, entry: Entry },
    Password { target: Target, entry: Entry },
    PasswordAgain { target: Target, first: Secret, prepared: Unconfirmed, entry: Entry },
    ReadBack { target: Target, password: Secret, prepared: Unconfirmed },
    // the ticket goes when the outcome is told
    Storing { ticket: Ticket, saving: Saving },
    Farewell(Ending),
    Ended(Ending),
}

/// The unit and number whose password is set.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) unit: Unit,
    pub(super) number: PhoneNumber,
}

/// A request that was prepared, and that its caller has not confirmed: withdrawn when it is let go of.
pub(super) struct Unconfirmed(Ticket);

/// Whether *saving* is being said while the store works.
pub(super) enum Saving {
    Silent,
    /// Being said; the answer that comes meanwhile is spoken after it.
    Saying(Option<Result<(), NotSet>>),
}

/// Why there is a deadline.
#[derive(Clone, Copy)]
pub(super) enum Reason {
    /// Nothing was keyed since the end of the prompts.
    FirstDigit,
    /// No digit followed the last one.
    InterDigit,
    /// The store is slow: the caller should hear that it is at work.
    StoreAtWork,
}

/// Why an entry is invalid.
pub(super) enum Refusal {
    Key,
    CustomerNumber,
    NotANumber,
    NotInContract,
    TooShort,
    TooLong,
    Weak(Weakness),
    Mismatch,
}

impl Unconfirmed {
    pub(super) fn new(ticket: Ticket) -> Unconfirmed {
        Unconfirmed(ticket)
    }

    pub(super) fn confirmed(mut self) -> Ticket {
        mem::take(&mut self.0)
    }
}

impl Drop for Unconfirmed {
    fn drop(&mut self) {
        self.0.withdraw();
    }
}

impl State {
    /// The name of the step, for the trace.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::UnitMenu => "unit-menu",
            State::CustomerNumber(_) => "customer-number",
            State::OfferCalling { .. } => "offer-calling",
            State::OtherNumber { .. } => "other-number",
            State::Password { .. } => "password",
            State::PasswordAgain { .. } => "password-again",
            State::ReadBack { .. } => "read-back",
            State::Storing { .. } => "storing",
            State::Farewell(_) => "farewell",
            State::Ended(_) => "ended",
        }
    }

    /// The digits being keyed in, where digits are.
    pub(super) fn entry(&mut self) -> Option<&mut Entry> {
        match self {
            State::CustomerNumber(entry)
            | State::OtherNumber { entry, .. }
            | State::Password { entry, .. }
            | State::PasswordAgain { entry, .. } => Some(entry),
            State::Idle
            | State::UnitMenu
            | State::OfferCalling { .. }
            | State::ReadBack { .. }
            | State::Storing { .. }
            | State::Farewell(_)
            | State::Ended(_) => None,
        }
    }

    /// Whether what was keyed in may be all that the caller meant to key in.
    pub(super) fn is_long_enough(&self, fewest: usize) -> bool {
        match self {
            State::CustomerNumber(entry) | State::OtherNumber { entry, .. } => {
                entry.overflowed() || entry.number().is_some()
            }
            State::Password { entry, .. } => entry.has(fewest),
            State::PasswordAgain { first, entry, .. } => entry.has(first.len()),
            State::Idle
            | State::UnitMenu
            | State::OfferCalling { .. }
            | State::ReadBack { .. }
            | State::Storing { .. }
            | State::Farewell(_)
            | State::Ended(_) => false,
        }
    }

    /// Whether keys mean nothing here.
    pub(super) fn ignores_keys(&self) -> bool {
        matches!(self, State::Idle | State::Storing { .. } | State::Ended(_))
    }
}

impl Reason {
    /// The name of the timer, for the trace.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Reason::FirstDigit => "first-digit-timeout",
            Reason::InterDigit => "inter-digit-timeout",
            Reason::StoreAtWork => "store-at-work",
        }
    }
}

impl Refusal {
    /// What the caller hears.
    pub(super) const fn prompt(&self) -> PromptName {
        match self {
            Refusal::Key => prompt::INVALID_KEY,
            Refusal::CustomerNumber => prompt::CUSTOMER_NUMBER_WRONG,
            Refusal::NotANumber => prompt::NUMBER_INVALID,
            Refusal::NotInContract => prompt::NUMBER_NOT_IN_CONTRACT,
            Refusal::TooShort => prompt::PASSWORD_TOO_SHORT,
            Refusal::TooLong => prompt::PASSWORD_TOO_LONG,
            Refusal::Weak(Weakness::OneDigit) => prompt::PASSWORD_ONE_DIGIT,
            Refusal::Weak(Weakness::Run) => prompt::PASSWORD_RUN,
            Refusal::Weak(Weakness::OwnNumber) => prompt::PASSWORD_OWN_NUMBER,
            Refusal::Mismatch => prompt::PASSWORD_MISMATCH,
        }
    }
}
