//! The conversation that sets a temporary password: unit, number, password, confirmation, store.
//!
//! `conversation` is the machine and what every step does, `state` the states, `steps` what each step makes of a key or a finished
//! entry, `weakness` what a password may not be.
//!
//! # The states
//!
//! Each state is a variant of `state::State` and owns what it has learned so far. A question that is asked again
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
//! | `Storing` | *saving*, if the store takes over 0.6 s, and again 4 s after its end | in force → `Farewell` with *done*; not → with *store-failed* or *overtaken*; not known → with *not-confirmed*; keys are ignored |
//! | `Farewell` | the last words, *goodbye* | heard to the end → `Ended` |
//! | `Ended` | | nothing |
//!
//! In every state that asks:
//!
//! - **Nothing keyed** for 10 s from the end of the prompts: *no-input*, again. In an entry, 5 s after a digit: an entry that
//!   is long enough counts as finished, as if `#` had been pressed (an old phone may have no `#`, and a caller may wait for
//!   something to happen). One that is too short (a password repeated: shorter than the first) is a
//!   timeout: it is forgotten, *no-input*, again.
//! - **`*`** in an entry forgets it: *cleared*, again. That is no invalid entry. In a menu it is an invalid key.
//! - **`#` with nothing** before it is an invalid entry, with the step's own prompt (for a password, *password-too-short*).
//! - **Invalid entries and timeouts** are counted apart, over the whole call: nothing resets them. The third invalid one
//!   speaks *too-many-invalid* and *goodbye*, the third timeout *too-many-timeouts* and *goodbye*.
//! - **Barge-in**: a key stops any prompt. Keys A to D, which no telephone has but speech may imitate, are ignored.
//! - **The caller hangs up**: → `Ended` at once. A store request already sent stands; its answer is ignored. How long an answer may
//!   take is the call's to decide.
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
//! that merely shares some digits with a number is allowed. The first rule that is broken is the one the caller hears.

mod conversation;
mod state;
mod steps;
mod weakness;

use std::time::Duration;

pub use conversation::Conversation;

/// How the caller confirms the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// It is read back, and accepted with a key.
    ReadBack,
    /// It is entered twice.
    ReEnter,
}

/// Settings of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How the password is confirmed.
    pub confirm: Confirm,
    /// Least and greatest length of a password in digits; clamped to 4 ..= 16, for which there are prompts.
    pub password_digits: (usize, usize),
    /// Time for the first digit, from the end of the prompts.
    pub first_digit_timeout: Duration,
    /// Time for each further digit.
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
