//! The state machine: inputs and timers, and what every step does. The table of states is at the head of this folder.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::time::Duration;

use super::Config;
use super::state::{Reason, Refusal, Saving, State};
use crate::ivr::digits::{Flush, is_on_telephones};
use crate::ivr::prompt::{self, PromptName};
use crate::ivr::{Ending, Input, Line, NotSet, Output};
use crate::key::Key;
use crate::number::PhoneNumber;
use crate::time::Time;
use crate::unit::Unit;

/// After an error: the pause after which a key is an answer again, and no more type-ahead.
pub(super) const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);
/// From the first group of steps into the second: the pause after which a key is meant for the second.
pub(super) const PAUSE_BETWEEN_GROUPS: Duration = Duration::from_millis(500);
/// In the last words: the pause after which a key skips them.
const PAUSE_IN_LAST_WORDS: Duration = Duration::from_secs(2);
/// The time the store has before the caller hears *saving*.
pub(super) const STORE_IN_SILENCE: Duration = Duration::from_millis(600);
/// The same from the end of *saving* to the next one.
pub(super) const STORE_IN_SILENCE_AGAIN: Duration = Duration::from_secs(4);
/// Longer than *saving* takes to be heard.
pub(super) const LONGEST_SAVING: Duration = Duration::from_secs(10);

/// One conversation, from the greeting to the last word.
///
/// After each call of `start`, `handle_input` or `handle_timeout`, drain [`Conversation::poll_output`] and look at
/// [`Conversation::deadline`] anew.
pub struct Conversation {
    pub(super) config: Config,
    pub(super) line: Line,
    state: State,
    /// Whether the latest `Play` is still to be heard to its end.
    playing: bool,
    pub(super) deadline: Option<(Time, Reason)>,
    pub(super) flush: Flush,
    invalid: u32,
    timeouts: u32,
    pub(super) chosen: Chosen,
    pub(super) outputs: VecDeque<Output>,
}

/// The caller's choices for the call record, kept also once the call has ended.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) unit: Option<Unit>,
    pub(super) number: Option<PhoneNumber>,
}

impl Conversation {
    /// A conversation with the caller of `line`; nothing is said before [`Conversation::start`].
    pub fn new(mut config: Config, line: Line) -> Conversation {
        let (spoken_least, spoken_most) = prompt::SPOKEN_LENGTHS.into_inner();
        let (fewest, most) = config.password_digits;
        let fewest = fewest.clamp(spoken_least, spoken_most);
        config.password_digits = (fewest, most.clamp(fewest, spoken_most));
        Conversation {
            config,
            line,
            state: State::Idle,
            playing: false,
            deadline: None,
            flush: Flush::default(),
            invalid: 0,
            timeouts: 0,
            chosen: Chosen::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Greets and asks for the unit. Only the first call does anything.
    pub fn start(&mut self, _now: Time) {
        if matches!(self.state, State::Idle) {
            self.state = self.ask(&[prompt::GREETING], State::UnitMenu);
        }
    }

    /// Takes in what has happened.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match input {
            Input::Key(key) => self.handle_key(now, key),
            Input::PromptsFinished => self.handle_prompts_finished(now),
            Input::Stored(result) => self.handle_stored(now, result),
            Input::HungUp => self.handle_hung_up(),
        }
    }

    /// Does what is due at `now`; nothing before [`Conversation::deadline`].
    pub fn handle_timeout(&mut self, now: Time) {
        let Some((_, reason)) = self.deadline.take_if(|(at, _)| *at <= now) else { return };
        self.outputs.push_back(Output::Step(reason.name()));
        let state = self.take_state();
        self.state = match reason {
            Reason::FirstDigit => self.nothing_keyed(now, state),
            Reason::InterDigit => self.no_more_keyed(now, state),
            Reason::StoreAtWork => self.say_saving(now, state),
        };
    }

    /// What is to be done next; drain it until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Conversation::handle_timeout`] is to be called, if nothing happens before.
    pub fn deadline(&self) -> Option<Time> {
        self.deadline.map(|(at, _)| at)
    }

    /// The unit chosen, as far as the conversation came.
    pub fn unit(&self) -> Option<Unit> {
        self.chosen.unit
    }

    /// The number chosen (the customer number for the line unit), as far as the conversation came.
    pub fn target(&self) -> Option<PhoneNumber> {
        self.chosen.number
    }

    /// How it ended, once [`Output::HangUp`] was given out.
    pub fn ending(&self) -> Option<Ending> {
        if let State::Ended(ending) = self.state { Some(ending) } else { None }
    }

    // What happens

    fn handle_key(&mut self, now: Time, key: Key) {
        if !is_on_telephones(key) || self.state.ignores_keys() || self.flush.drops_key(now) {
            return;
        }
        if mem::take(&mut self.playing) {
            self.outputs.push_back(Output::StopPlaying);
        }
        self.state = match self.take_state() {
            State::UnitMenu => self.choose_unit(now, key),
            State::OfferCalling { unit } => self.choose_number(now, key, unit),
            State::ReadBack { target, password, prepared } => self.confirm(now, key, target, (password, prepared)),
            State::Farewell(ending) => self.hang_up(ending),
            state @ (State::CustomerNumber(_)
            | State::OtherNumber { .. }
            | State::Password { .. }
            | State::PasswordAgain { .. }) => self.collect(now, key, state),
            state @ (State::Idle | State::Storing { .. } | State::Ended(_)) => state,
        };
    }

    fn handle_prompts_finished(&mut self, now: Time) {
        if !mem::take(&mut self.playing) {
            return;
        }
        self.flush.end();
        self.state = match self.take_state() {
            State::Storing { ticket, saving } => self.saving_said(now, ticket, saving),
            State::Farewell(ending) => self.hang_up(ending),
            state @ (State::Idle | State::Ended(_)) => state,
            state @ (State::UnitMenu
            | State::CustomerNumber(_)
            | State::OfferCalling { .. }
            | State::OtherNumber { .. }
            | State::Password { .. }
            | State::PasswordAgain { .. }
            | State::ReadBack { .. }) => {
                self.deadline = Some((now + self.config.first_digit_timeout, Reason::FirstDigit));
                state
            }
        };
    }

    fn handle_stored(&mut self, now: Time, result: Result<(), NotSet>) {
        if let State::Storing { saving, .. } = &mut self.state {
            match saving {
                Saving::Saying(answer) => *answer = answer.or(Some(result)),
                Saving::Silent => self.state = self.tell_outcome(now, result),
            }
        }
    }

    /// Leaves nothing to be done but the request that the store already has. A caller who hangs up during the last words
    /// knows how it ended.
    fn handle_hung_up(&mut self) {
        let ending = match self.state {
            State::Ended(_) => return,
            State::Farewell(ending) => ending,
            State::Idle
            | State::UnitMenu
            | State::CustomerNumber(_)
            | State::OfferCalling { .. }
            | State::OtherNumber { .. }
            | State::Password { .. }
            | State::PasswordAgain { .. }
            | State::ReadBack { .. }
            | State::Storing { .. } => Ending::CallerHungUp,
        };
        self.outputs.retain(|output| !matches!(output, Output::Play(_) | Output::StopPlaying));
        self.state = self.hang_up(ending);
    }

    // What every step does

    /// Asks the question of `next`, after saying `first`.
    pub(super) fn ask(&mut self, first: &[PromptName], next: State) -> State {
        self.outputs.push_back(Output::Step(next.name()));
        self.play(first.iter().copied().chain(self.question(&next)).collect());
        next
    }

    fn question(&self, state: &State) -> Vec<PromptName> {
        match state {
            State::UnitMenu => vec![prompt::MENU_UNIT],
            State::CustomerNumber(_) => vec![prompt::ASK_CUSTOMER_NUMBER],
            State::OfferCalling { .. } => {
                let number = prompt::telephone_number(self.line.calling);
                between(prompt::OFFER_NUMBER_BEFORE, number, prompt::OFFER_NUMBER_AFTER)
            }
            State::OtherNumber { .. } => vec![prompt::ASK_NUMBER],
            State::Password { .. } => prompt::ask_password(self.config.password_digits),
            State::PasswordAgain { .. } => vec![prompt::ASK_PASSWORD_AGAIN],
            State::ReadBack { password, .. } => {
                between(prompt::READ_BACK_BEFORE, prompt::digits(password.expose()), prompt::READ_BACK_AFTER)
            }
            State::Idle | State::Storing { .. } | State::Farewell(_) | State::Ended(_) => Vec::new(),
        }
    }

    pub(super) fn refuse(&mut self, now: Time, refusal: Refusal, again: State) -> State {
        self.invalid = self.invalid.saturating_add(1);
        if self.invalid >= self.config.max_invalid {
            return self.farewell(now, prompt::TOO_MANY_INVALID, Ending::TooManyInvalid);
        }
        self.flush.begin(now, PAUSE_AFTER_ERROR);
        self.ask(&[refusal.prompt()], again)
    }

    pub(super) fn nothing_keyed(&mut self, now: Time, again: State) -> State {
        self.timeouts = self.timeouts.saturating_add(1);
        if self.timeouts >= self.config.max_timeouts {
            return self.farewell(now, prompt::TOO_MANY_TIMEOUTS, Ending::TooManyTimeouts);
        }
        self.ask(&[prompt::NO_INPUT], again)
    }

    pub(super) fn farewell(&mut self, now: Time, outcome: PromptName, ending: Ending) -> State {
        self.outputs.push_back(Output::Step(State::Farewell(ending).name()));
        self.play(vec![outcome, prompt::GOODBYE]);
        self.flush.begin(now, PAUSE_IN_LAST_WORDS);
        State::Farewell(ending)
    }

    fn hang_up(&mut self, ending: Ending) -> State {
        self.deadline = None;
        self.outputs.push_back(Output::HangUp(ending));
        State::Ended(ending)
    }

    pub(super) fn play(&mut self, prompts: Vec<PromptName>) {
        self.playing = true;
        self.deadline = None;
        self.outputs.push_back(Output::Play(prompts));
    }

    fn take_state(&mut self) -> State {
        mem::replace(&mut self.state, State::Idle)
    }
}

fn between(before: PromptName, spoken: impl IntoIterator<Item = PromptName>, after: PromptName) -> Vec<PromptName> {
    [before].into_iter().chain(spoken).chain([after]).collect()
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conversation({})", self.state.name())
    }
}

#[cfg(test)]
mod tests;
