//! One of the conversations that a caller can have.

use super::temporary_password;
use super::{Config, Ending, Input, Line, Output};
use crate::number::PhoneNumber;
use crate::time::Time;
use crate::unit::Unit;

/// One conversation, from the greeting to the last word.
///
/// After each call of `start`, `handle_input` or `handle_timeout`, drain [`Conversation::poll_output`] and look at
/// [`Conversation::deadline`] anew.
#[derive(Debug)]
pub enum Conversation {
    /// Sets a temporary password.
    TemporaryPassword(temporary_password::Conversation),
}

impl Conversation {
    /// Sets a temporary password of `line`'s contract; nothing is said before [`Conversation::start`].
    pub fn temporary_password(config: Config, line: Line) -> Conversation {
        Conversation::TemporaryPassword(temporary_password::Conversation::new(config, line))
    }

    /// Says the first words. Only the first call does anything.
    pub fn start(&mut self, now: Time) {
        match self {
            Conversation::TemporaryPassword(conversation) => conversation.start(now),
        }
    }

    /// Takes in what has happened.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match self {
            Conversation::TemporaryPassword(conversation) => conversation.handle_input(now, input),
        }
    }

    /// Does what is due at `now`; nothing before [`Conversation::deadline`].
    pub fn handle_timeout(&mut self, now: Time) {
        match self {
            Conversation::TemporaryPassword(conversation) => conversation.handle_timeout(now),
        }
    }

    /// What is to be done next; drain it until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        match self {
            Conversation::TemporaryPassword(conversation) => conversation.poll_output(),
        }
    }

    /// When [`Conversation::handle_timeout`] is to be called, if nothing happens before.
    pub fn deadline(&self) -> Option<Time> {
        match self {
            Conversation::TemporaryPassword(conversation) => conversation.deadline(),
        }
    }

    /// The unit chosen, as far as the conversation came.
    pub fn unit(&self) -> Option<Unit> {
        match self {
            Conversation::TemporaryPassword(conversation) => conversation.unit(),
        }
    }

    /// The number chosen (the customer number for the line unit), as far as the conversation came.
    pub fn target(&self) -> Option<PhoneNumber> {
        match self {
            Conversation::TemporaryPassword(conversation) => conversation.target(),
        }
    }

    /// How it ended, once [`Output::HangUp`] was given out.
    pub fn ending(&self) -> Option<Ending> {
        match self {
            Conversation::TemporaryPassword(conversation) => conversation.ending(),
        }
    }
}
