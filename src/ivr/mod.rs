//! The conversation with the caller: who says what next, as one pure state machine.
//!
//! Architecture invariant: this room knows nothing of sound, packets, calls or the store. It is told which key was
//! pressed, that the prompts were heard to their end, and what the store answered; it says which prompts to play, what to
//! store and when to hang up. `now` is a parameter; nothing is random; only the leaves are imported.
//!
//! # The states
//!
//! Each state is a variant of `conversation::State` and owns what it has learned so far. A question that is asked again
//! speaks the reason first.
//!
//! | state | spoken | key or event → next state |
//! |---|---|---|
//! | `Idle` | | `start` → `UnitMenu`, with *greeting* |
//! | `UnitMenu` | *menu-unit* | `1` → `CustomerNumber`; `2`, `3` → `OfferCalling`; other: *invalid-key*, again |
//! | `CustomerNumber` | *ask-customer-number* | digits `#`: the contract's → `Password`; else *customer-number-wrong*, again |
//! | `OfferCalling` | *offer-number-before*, the calling number, *offer-number-after* | `1` → `Password`; `5` → `OtherNumber`; other: *invalid-key*, again |
//! | `OtherNumber` | *ask-number* | digits `#`: one of the contract's → `Password`; else *number-invalid* or *number-not-in-contract*, again |
//! | `Password` | *ask-password* … *ask-password-end* | digits `#`: fit → `ReadBack`, or `PasswordAgain` under [`Confirm::ReEnter`]; else *password-too-short*, *-too-long*, *-one-digit*, *-run*, *-own-number*, again |
//! | `ReadBack` | *read-back-before*, each digit, *read-back-after* | `1` → `Storing`; `2` → `Password`; other: *invalid-key*, again |
//! | `PasswordAgain` | *ask-password-again* | digits `#`: the same → `Storing`; else *password-mismatch*, `Password` |
//! | `Storing` | *saving*, if the store takes over 0.6 s | stored → `Farewell` with *done*; failed, or no answer for 30 s → `Farewell` with *store-failed*; keys are ignored |
//! | `Farewell` | the last words, *goodbye* | heard to the end → `Ended` |
//! | `Ended` | | nothing |
//!
//! In every state that asks:
//!
//! - **Nothing keyed** for 10 s from the end of the prompts: *no-input*, again. In an entry, 5 s after a digit: what is
//!   long enough counts as finished, as if `#` had been pressed (an old phone may have no `#`, and a caller may wait for
//!   something to happen). What is too short (a password repeated: shorter than the first) is a
//!   timeout: it is forgotten, *no-input*, again.
//! - **`*`** in an entry forgets it: *cleared*, again. That is no invalid entry. In a menu it is an invalid key.
//! - **`#` with nothing** before it is an invalid entry, with the step's own prompt (for a password, *password-too-short*).
//! - **Invalid entries and timeouts** are counted apart, over the whole call: nothing resets them. The third invalid one
//!   speaks *too-many-invalid* and *goodbye*, the third timeout *too-many-timeouts* and *goodbye*.
//! - **Barge-in**: a key stops any prompt. Keys A to D, which no telephone has but speech may imitate, are ignored.
//! - **The caller hangs up**: → `Ended` at once. A store request already sent stands; its answer is ignored.
//!
//! # Type-ahead
//!
//! A key takes effect when it comes, so keys pressed before their question was heard are kept, within a group of steps:
//! unit and target are one, password and its confirmation the other. They are flushed, that is dropped without stopping
//! the prompt, where they cannot have been meant for the question now asked:
//!
//! - after an error, and after an entry that was taken as finished without `#`: until they pause for 1 s, or the prompts
//!   have been heard to the end;
//! - from the first group into the second: until they pause for 0.5 s, or the prompts have been heard to the end;
//! - in the last words: until they pause for 2 s, so that a stray key does not swallow *done*; then a key skips the rest.
//!
//! After 10 s of silence there is nothing to flush: a key that crosses that *no-input* is an answer.
//!
//! # What a password may not be
//!
//! Shorter or longer than configured; one digit repeated; a straight run, up or down by one, in which 0 follows 9 as on
//! a row of keys (1234, 9876, 7890, 8901, 2109); a part of one of the contract's numbers, wherever in it (for 0600001111:
//! 0600, 000111, …), or one of those numbers whole, with or without its leading 0, and something around it. A password
//! that merely shares some digits with a number is allowed. The reasons are told in this order.

mod conversation;
mod digits;
mod password;
mod prompt;

use std::fmt;
use std::time::Duration;

pub use conversation::Conversation;
pub use prompt::{ALL_PROMPTS, Excuse, PromptName};

use crate::key::Key;
use crate::number::PhoneNumber;
use crate::secret::Secret;
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

/// How a caller makes sure of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// It is read back, and accepted with a key.
    ReadBack,
    /// It is entered twice.
    ReEnter,
}

/// What may be set about the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How the password is confirmed.
    pub confirm: Confirm,
    /// The fewest and the most digits of a password; brought into 4 ..= 16, for which there are prompts.
    pub password_digits: (usize, usize),
    /// How long the first digit may take, from the end of the prompts.
    pub first_digit_timeout: Duration,
    /// How long each further digit may take.
    pub inter_digit_timeout: Duration,
    /// The invalid entry that ends the call (0 means the first).
    pub max_invalid: u32,
    /// The timeout that ends the call (0 means the first).
    pub max_timeouts: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            confirm: Confirm::ReadBack,
            password_digits: (4, 8),
            first_digit_timeout: Duration::from_secs(10),
            inter_digit_timeout: Duration::from_secs(5),
            max_invalid: 3,
            max_timeouts: 3,
        }
    }
}

/// What the conversation is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed: one press is one input, however it arrived.
    Key(Key),
    /// All prompts of the latest [`Output::Play`] were played to their end. Not told after [`Output::StopPlaying`].
    PromptsFinished,
    /// What became of [`Output::Store`].
    Stored(Result<(), StoreFailed>),
    /// The caller is gone.
    HungUp,
}

/// The password was not stored: for whatever reason, which the store's own records tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the temporary password could not be stored")]
pub struct StoreFailed;

/// What is to be done, in this order. `Debug` shows no digit.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Play these prompts one after the other, instead of what is playing.
    Play(Vec<PromptName>),
    /// Stop playing: the caller has pressed a key.
    StopPlaying,
    /// Store this durably, then tell [`Input::Stored`]. Comes at most once.
    Store(SetTemporaryPassword),
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
    /// The store failed or did not answer.
    StoreFailed,
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
            Output::Store(request) => f.debug_tuple("Store").field(request).finish(),
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
