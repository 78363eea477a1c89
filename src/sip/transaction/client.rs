//! The non-INVITE client transaction (RFC 3261 §17.1.2).

use super::{Arrival, Fired};
use crate::sip::timer::{Backoff, Table, Timer, soonest};
use crate::time::Time;

/// One request other than INVITE and ACK that we sent.
#[derive(Debug)]
pub struct Client {
    reliable: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Unanswered { request: Vec<u8>, again: Option<Backoff>, give_up: Time },
    Completed { until: Time },
    Terminated,
}

impl Client {
    /// `request` was just sent.
    pub fn new(now: Time, table: &Table, reliable: bool, request: Vec<u8>) -> Client {
        let again = table.doubling_to_t2(now, reliable);
        Client { reliable, state: State::Unanswered { request, again, give_up: now + table.give_up() } }
    }

    /// A response came. Provisional ones slow the repetition down (the state Proceeding), but do not end it.
    pub fn receive(&mut self, now: Time, table: &Table, status: u16) -> Arrival {
        let State::Unanswered { again, .. } = &mut self.state else { return Arrival::Stale };
        if status < 200 {
            if let Some(again) = again {
                again.slow_down();
            }
        } else if self.reliable {
            self.state = State::Terminated;
        } else {
            self.state = State::Completed { until: now + table.linger(Timer::K, false) };
        }
        Arrival::New
    }

    /// Lets the timers that are due fire.
    pub fn handle_timeout(&mut self, now: Time) -> Fired {
        match &mut self.state {
            State::Unanswered { give_up, .. } if *give_up <= now => {
                self.state = State::Terminated;
                Fired::GaveUp
            }
            State::Unanswered { request, again, .. } => match Backoff::fire_if_any(again, now) {
                true => Fired::Retransmit(request.clone()),
                false => Fired::Nothing,
            },
            State::Completed { until } if *until <= now => {
                self.state = State::Terminated;
                Fired::Nothing
            }
            State::Completed { .. } | State::Terminated => Fired::Nothing,
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, and which timer that is.
    pub fn deadline(&self) -> Option<(Time, Timer)> {
        match &self.state {
            State::Unanswered { again, give_up, .. } => {
                soonest([again.map(|again| (again.next(), Timer::E)), Some((*give_up, Timer::F))])
            }
            State::Completed { until } => Some((*until, Timer::K)),
            State::Terminated => None,
        }
    }

    /// Whether the final response has come, or never will.
    pub const fn is_answered(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Terminated)
    }

    /// Whether the transaction is over and its key free.
    pub const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    fn trying(reliable: bool) -> Client {
        Client::new(at(0), &Table::default(), reliable, b"BYE".to_vec())
    }

    fn times(transaction: &mut Client) -> Vec<u128> {
        let mut times = Vec::new();
        while let Some((time, _)) = transaction.deadline() {
            transaction.handle_timeout(time);
            times.push(time.elapsed().as_millis());
        }
        times
    }

    #[test]
    fn an_unanswered_request_is_repeated_from_t1_to_t2_until_timer_f() {
        let mut transaction = trying(false);
        assert_eq!(
            times(&mut transaction),
            [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500, 32_000]
        );
        assert!(transaction.is_terminated());
    }

    #[test]
    fn a_provisional_response_slows_the_repetition_to_t2() {
        let mut transaction = trying(false);
        assert_eq!(transaction.receive(at(100), &Table::default(), 100), Arrival::New);
        assert_eq!(times(&mut transaction), [500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500, 32_000]);
    }

    #[test]
    fn the_final_response_is_told_once_and_repetitions_are_absorbed_for_t4() {
        let mut transaction = trying(false);
        assert_eq!(transaction.receive(at(100), &Table::default(), 200), Arrival::New);
        assert_eq!(transaction.receive(at(600), &Table::default(), 200), Arrival::Stale);
        assert_eq!(transaction.deadline(), Some((at(5100), Timer::K)));
    }

    #[test]
    fn on_a_reliable_transport_nothing_is_repeated_and_the_response_ends_it() {
        let mut transaction = trying(true);
        assert_eq!(transaction.deadline(), Some((at(32_000), Timer::F)));
        assert_eq!(transaction.receive(at(100), &Table::default(), 481), Arrival::New);
        assert!(transaction.is_terminated());
    }
}
