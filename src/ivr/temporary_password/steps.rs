//! What each step makes of a key or of a finished entry: which step is next.

use super::Confirm;
use super::conversation::{
    Conversation, LONGEST_SAVING, PAUSE_AFTER_ERROR, PAUSE_BETWEEN_GROUPS, STORE_IN_SILENCE, STORE_IN_SILENCE_AGAIN,
};
use super::state::{Reason, Refusal, Saving, State, Target, Unconfirmed};
use super::weakness::weakness;
use crate::ivr::digits::{Entry, Keyed};
use crate::ivr::prompt;
use crate::ivr::{Ending, Line, NotSet, Output, SetTemporaryPassword};
use crate::key::Key;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::ticket::Ticket;
use crate::time::Time;
use crate::unit::Unit;

impl Conversation {
    pub(super) fn choose_unit(&mut self, now: Time, key: Key) -> State {
        let unit = match key {
            Key::D1 => Unit::Line,
            Key::D2 => Unit::Number,
            Key::D3 => Unit::AdminUser,
            _ => return self.refuse(now, Refusal::Key, State::UnitMenu),
        };
        self.chosen.unit = Some(unit);
        let next = match unit {
            Unit::Line => State::CustomerNumber(Entry::for_number()),
            Unit::Number | Unit::AdminUser => State::OfferCalling { unit },
        };
        self.ask(&[], next)
    }

    pub(super) fn choose_number(&mut self, now: Time, key: Key, unit: Unit) -> State {
        match key {
            Key::D1 => self.target_chosen(now, unit, self.line.calling),
            Key::D5 => self.ask(&[], State::OtherNumber { unit, entry: Entry::for_number() }),
            _ => self.refuse(now, Refusal::Key, State::OfferCalling { unit }),
        }
    }

    pub(super) fn collect(&mut self, now: Time, key: Key, mut state: State) -> State {
        let Some(entry) = state.entry() else { return state };
        match entry.key(key) {
            Keyed::More => {
                self.deadline = Some((now + self.config.inter_digit_timeout, Reason::InterDigit));
                state
            }
            Keyed::Cleared => self.ask(&[prompt::CLEARED], state),
            Keyed::Finished => self.finish_entry(now, state),
        }
    }

    fn finish_entry(&mut self, now: Time, state: State) -> State {
        match state {
            State::CustomerNumber(entry) => self.check_customer_number(now, &entry),
            State::OtherNumber { unit, entry } => self.check_other_number(now, unit, &entry),
            State::Password { target, entry } => self.check_password(now, target, entry),
            State::PasswordAgain { target, first, prepared, entry } => {
                self.check_password_again(now, target, (first, prepared), &entry)
            }
            State::Idle
            | State::UnitMenu
            | State::OfferCalling { .. }
            | State::ReadBack { .. }
            | State::Storing { .. }
            | State::Farewell(_)
            | State::Ended(_) => state,
        }
    }

    fn check_customer_number(&mut self, now: Time, entry: &Entry) -> State {
        if entry.number() == Some(self.line.customer_number) {
            self.target_chosen(now, Unit::Line, self.line.customer_number)
        } else {
            self.refuse(now, Refusal::CustomerNumber, State::CustomerNumber(Entry::for_number()))
        }
    }

    fn check_other_number(&mut self, now: Time, unit: Unit, entry: &Entry) -> State {
        let refusal = match entry.number() {
            Some(number) if self.line.numbers.contains(&number) => return self.target_chosen(now, unit, number),
            Some(_) => Refusal::NotInContract,
            None => Refusal::NotANumber,
        };
        self.refuse(now, refusal, State::OtherNumber { unit, entry: Entry::for_number() })
    }

    /// The second group of steps begins.
    fn target_chosen(&mut self, now: Time, unit: Unit, number: PhoneNumber) -> State {
        self.chosen.number = Some(number);
        self.flush.begin(now, PAUSE_BETWEEN_GROUPS);
        let next = self.password(Target { unit, number });
        self.ask(&[], next)
    }

    fn password(&self, target: Target) -> State {
        let (_, most) = self.config.password_digits;
        State::Password { target, entry: Entry::up_to(most) }
    }

    fn check_password(&mut self, now: Time, target: Target, entry: Entry) -> State {
        match self.judge(&entry) {
            Err(refusal) => {
                let again = self.password(target);
                self.refuse(now, refusal, again)
            }
            Ok(()) => {
                let password = entry.into_digits();
                let prepared = self.prepare(target, &password);
                let (_, most) = self.config.password_digits;
                let next = match self.config.confirm {
                    Confirm::ReadBack => State::ReadBack { target, password, prepared },
                    Confirm::ReEnter => {
                        State::PasswordAgain { target, first: password, prepared, entry: Entry::up_to(most) }
                    }
                };
                self.ask(&[], next)
            }
        }
    }

    /// While the caller listens, the password can be hashed.
    fn prepare(&mut self, Target { unit, number }: Target, password: &Secret) -> Unconfirmed {
        let ticket = Ticket::new();
        let prepared = Unconfirmed::new(ticket.clone());
        let password = password.clone();
        self.outputs.push_back(Output::Prepare(SetTemporaryPassword { unit, number, password, ticket }));
        prepared
    }

    fn judge(&self, entry: &Entry) -> Result<(), Refusal> {
        let (fewest, _) = self.config.password_digits;
        if !entry.has(fewest) {
            return Err(Refusal::TooShort);
        }
        if entry.overflowed() {
            return Err(Refusal::TooLong);
        }
        let Line { calling, customer_number, numbers } = &self.line;
        let own = numbers.iter().chain([calling, customer_number]).copied();
        weakness(entry.digits(), own).map_or(Ok(()), |weakness| Err(Refusal::Weak(weakness)))
    }

    fn check_password_again(
        &mut self,
        now: Time,
        target: Target,
        (first, prepared): (Secret, Unconfirmed),
        entry: &Entry,
    ) -> State {
        if !entry.overflowed() && *entry.digits() == first {
            return self.store(now, prepared);
        }
        // either of the two may be the mistaken one
        let again = self.password(target);
        self.refuse(now, Refusal::Mismatch, again)
    }

    pub(super) fn confirm(
        &mut self,
        now: Time,
        key: Key,
        target: Target,
        (password, prepared): (Secret, Unconfirmed),
    ) -> State {
        match key {
            Key::D1 => self.store(now, prepared),
            Key::D2 => {
                let again = self.password(target);
                self.ask(&[], again)
            }
            _ => self.refuse(now, Refusal::Key, State::ReadBack { target, password, prepared }),
        }
    }

    fn store(&mut self, now: Time, prepared: Unconfirmed) -> State {
        let ticket = prepared.confirmed();
        let state = State::Storing { ticket: ticket.clone(), saving: Saving::Silent };
        self.outputs.push_back(Output::Step(state.name()));
        self.outputs.push_back(Output::Store(ticket));
        self.deadline = Some((now + STORE_IN_SILENCE, Reason::StoreAtWork));
        state
    }

    pub(super) fn tell_outcome(&mut self, now: Time, result: Result<(), NotSet>) -> State {
        match result {
            Ok(()) => self.farewell(now, prompt::DONE, Ending::Set),
            Err(NotSet::Failed) => self.farewell(now, prompt::STORE_FAILED, Ending::StoreFailed),
            Err(NotSet::NotKnown) => self.farewell(now, prompt::NOT_CONFIRMED, Ending::NotConfirmed),
            Err(NotSet::Overtaken) => self.farewell(now, prompt::OVERTAKEN, Ending::Overtaken),
        }
    }

    // What each timer does

    /// An entry that is long enough counts as finished; a shorter one is forgotten. Further digits of it would now answer
    /// another question (a 1 would accept a password of which the caller has keyed in half): they are dropped.
    pub(super) fn no_more_keyed(&mut self, now: Time, mut state: State) -> State {
        let (fewest, _) = self.config.password_digits;
        self.flush.begin(now, PAUSE_AFTER_ERROR);
        if state.is_long_enough(fewest) {
            return self.finish_entry(now, state);
        }
        if let Some(entry) = state.entry() {
            entry.clear();
        }
        self.nothing_keyed(now, state)
    }

    pub(super) fn say_saving(&mut self, now: Time, state: State) -> State {
        let State::Storing { ticket, saving } = state else { return state };
        if let Saving::Saying(Some(result)) = saving {
            // its end was not heard of
            return self.tell_outcome(now, result);
        }
        self.play(vec![prompt::SAVING]);
        self.deadline = Some((now + LONGEST_SAVING, Reason::StoreAtWork));
        State::Storing { ticket, saving: Saving::Saying(None) }
    }

    pub(super) fn saving_said(&mut self, now: Time, ticket: Ticket, saving: Saving) -> State {
        match saving {
            Saving::Saying(Some(result)) => self.tell_outcome(now, result),
            Saving::Saying(None) | Saving::Silent => {
                self.deadline = Some((now + STORE_IN_SILENCE_AGAIN, Reason::StoreAtWork));
                State::Storing { ticket, saving: Saving::Silent }
            }
        }
    }
}
