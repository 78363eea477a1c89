//! Conversations with the caller: who says what next, each one a pure state machine.
//!
//! | file or folder | what is in it |
//! |---|---|
//! | `temporary_password` | the conversation that sets a temporary password: its head has the table of states |
//! | `conversation` | one of the conversations there are, as a call holds it |
//! | `digits` | what they share: entries of digits, and type-ahead |
//! | `prompt` | what they share: the names of prompts, and how numbers are read |
//!
//! Another service number is another folder, and another variant of [`Conversation`].
//!
//! Architecture invariant: this room knows nothing of sound, packets, calls or the store. Keys, the end of the prompts and the
//! store's answer come in ([`Input`]); prompts, the request to the store and the hang-up come out ([`Output`]). `now` is a
//! parameter; nothing is random; only the leaves are imported.

mod conversation;
mod digits;
mod prompt;
pub mod temporary_password;

use std::fmt;

pub use conversation::Conversation;
pub use prompt::{ALL_PROMPTS, Excuse, PromptName};
pub use temporary_password::{Config, Confirm};

use crate::key::Key;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::ticket::Ticket;
use crate::unit::Unit;

/// The contracted line that is calling.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// The number the call comes from: one of `numbers`.
    pub calling: PhoneNumber,
    /// The contract's customer number (お客様番号).
    pub customer_number: PhoneNumber,
    /// All numbers of the contract, the contract number first.
    pub numbers: Vec<PhoneNumber>,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed: one press is one input, however it arrived.
    Key(Key),
    /// All prompts of the latest [`Output::Play`] were played to their end. Does not come after [`Output::StopPlaying`].
    PromptsFinished,
    /// What became of [`Output::Store`].
    Stored(Result<(), NotSet>),
    /// The caller is gone.
    HungUp,
}

/// Why it cannot be said that the password is set. More about it is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSet {
    /// It is not in force, and will not be.
    #[error("the temporary password could not be stored")]
    Failed,
    /// The store was given it and does not answer: it may be in force, now or later.
    #[error("whether the temporary password was stored is not known")]
    NotKnown,
    /// It is not in force: another call is setting the password of the same account.
    #[error("another call sets the temporary password of the same account")]
    Overtaken,
}

/// What is to be done, in this order. `Debug` shows no digit.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Play these prompts one after the other, instead of what is playing.
    Play(Vec<PromptName>),
    /// Stop playing: the caller has pressed a key.
    StopPlaying,
    /// Get ready to store this: its caller may confirm it. The next one takes its place.
    Prepare(SetTemporaryPassword),
    /// Store what was prepared with this ticket durably, then report [`Input::Stored`]. Comes at most once.
    Store(Ticket),
    /// End the call. The last output, exactly once.
    HangUp(Ending),
    /// For the trace: the step entered, or the timer that fired.
    Step(&'static str),
}

/// The request to set a temporary password.
#[derive(Clone, PartialEq, Eq)]
pub struct SetTemporaryPassword {
    /// The authentication unit.
    pub unit: Unit,
    /// The customer number for [`Unit::Line`], otherwise the chosen number of the contract.
    pub number: PhoneNumber,
    /// What was keyed in.
    pub password: Secret,
    /// By which the request can be withdrawn. While the conversation holds it, the outcome has not been told.
    pub ticket: Ticket,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The password is stored and was announced.
    Set,
    /// Too many invalid entries.
    TooManyInvalid,
    /// Too many timeouts.
    TooManyTimeouts,
    /// It could not be set.
    StoreFailed,
    /// Whether it is set is not known.
    NotConfirmed,
    /// Another call was setting the same account's.
    Overtaken,
    /// The caller hung up before any of these was decided.
    CallerHungUp,
}

impl Ending {
    /// The name used in call records.
    pub const fn name(self) -> &'static str {
        match self {
            Ending::Set => "set",
            Ending::TooManyInvalid => "too-many-invalid",
            Ending::TooManyTimeouts => "too-many-timeouts",
            Ending::StoreFailed => "store-failed",
            Ending::NotConfirmed => "not-confirmed",
            Ending::Overtaken => "overtaken",
            Ending::CallerHungUp => "hung-up",
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line(•)")
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Play(prompts) => f.debug_tuple("Play").field(prompts).finish(),
            Output::StopPlaying => f.write_str("StopPlaying"),
            Output::Prepare(request) => f.debug_tuple("Prepare").field(request).finish(),
            Output::Store(ticket) => f.debug_tuple("Store").field(ticket).finish(),
            Output::HangUp(ending) => f.debug_tuple("HangUp").field(ending).finish(),
            Output::Step(step) => f.debug_tuple("Step").field(step).finish(),
        }
    }
}

impl fmt::Debug for SetTemporaryPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetTemporaryPassword({}, •, •)", self.unit)
    }
}

#[cfg(test)]
mod secrecy_tests;
