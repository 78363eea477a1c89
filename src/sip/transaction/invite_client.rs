//! The INVITE client transaction (RFC 3261 §17.1.1, with the Accepted state of RFC 6026 §7.2).

use std::time::Duration;

use super::{Arrival, Fired};
use crate::sip::timer::{Backoff, Table, Timer, soonest};
use crate::time::Time;

/// One INVITE that we sent.
#[derive(Debug)]
pub struct InviteClient {
    reliable: bool,
    patience: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    Calling { request: Vec<u8>, again: Option<Backoff>, give_up: Time },
    Proceeding { until: Time },
    Completed { until: Time },
    Accepted { until: Time },
    Terminated,
}

impl InviteClient {
    /// `request` was just sent. Once there is a provisional response, the final one is waited for with `patience`.
    pub fn new(now: Time, table: &Table, reliable: bool, request: Vec<u8>, patience: Duration) -> InviteClient {
        let again = table.doubling(now, reliable);
        InviteClient { reliable, patience, state: State::Calling { request, again, give_up: now + table.give_up() } }
    }

    /// A response came. After a new failure response, and after `AckAgain`, the ACK is to be sent.
    pub fn receive(&mut self, now: Time, table: &Table, status: u16) -> Arrival {
        match (&self.state, status) {
            (State::Calling { .. }, 0..=199) => self.state = State::Proceeding { until: now + self.patience },
            (State::Proceeding { .. }, 0..=199) => {}
            (State::Calling { .. } | State::Proceeding { .. }, 200..=299) => {
                self.state = State::Accepted { until: now + table.linger(Timer::M, self.reliable) };
            }
            (State::Calling { .. } | State::Proceeding { .. }, 300..) => self.complete(now, table),
            (State::Accepted { .. }, 200..=299) => {}
            (State::Completed { .. }, 300..) => return Arrival::AckAgain,
            (State::Accepted { .. } | State::Completed { .. } | State::Terminated, _) => return Arrival::Stale,
        }
        Arrival::New
    }

    fn complete(&mut self, now: Time, table: &Table) {
        self.state = if self.reliable {
            State::Terminated
        } else {
            State::Completed { until: now + table.linger(Timer::D, false) }
        };
    }

    /// Lets the timers that are due fire.
    pub fn handle_timeout(&mut self, now: Time) -> Fired {
        match &mut self.state {
            State::Calling { give_up: until, .. } | State::Proceeding { until } if *until <= now => {
                self.state = State::Terminated;
                Fired::GaveUp
            }
            State::Calling { request, again, .. } => match Backoff::fire_if_any(again, now) {
                true => Fired::Retransmit(request.clone()),
                false => Fired::Nothing,
            },
            State::Completed { until } | State::Accepted { until } if *until <= now => {
                self.state = State::Terminated;
                Fired::Nothing
            }
            State::Proceeding { .. } | State::Completed { .. } | State::Accepted { .. } | State::Terminated => {
                Fired::Nothing
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, and which timer that is.
    pub fn deadline(&self) -> Option<(Time, Timer)> {
        match &self.state {
            State::Calling { again, give_up, .. } => {
                soonest([again.map(|again| (again.next(), Timer::A)), Some((*give_up, Timer::B))])
            }
            State::Completed { until } => Some((*until, Timer::D)),
            State::Accepted { until } => Some((*until, Timer::M)),
            State::Proceeding { until } => Some((*until, Timer::C)),
            State::Terminated => None,
        }
    }

    /// Whether the final response has come, or never will.
    pub const fn is_answered(&self) -> bool {
        matches!(self.state, State::Accepted { .. } | State::Completed { .. } | State::Terminated)
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

    fn calling(reliable: bool) -> InviteClient {
        InviteClient::new(at(0), &Table::default(), reliable, b"INVITE".to_vec(), Duration::from_secs(180))
    }

    #[test]
    fn an_unanswered_invite_is_repeated_at_doubling_intervals_until_timer_b() {
        let mut transaction = calling(false);
        let mut times = Vec::new();
        while let Some((time, timer)) = transaction.deadline() {
            let expected = if timer == Timer::A { Fired::Retransmit(b"INVITE".to_vec()) } else { Fired::GaveUp };
            assert_eq!(transaction.handle_timeout(time), expected);
            times.push(time.elapsed().as_millis());
        }
        assert_eq!(times, [500, 1500, 3500, 7500, 15_500, 31_500, 32_000]);
        assert!(transaction.is_terminated());
        assert_eq!(calling(true).deadline(), Some((at(32_000), Timer::B)));
    }

    #[test]
    fn a_provisional_response_ends_the_repetition_and_leaves_timer_c() {
        let mut transaction = calling(false);
        assert_eq!(transaction.receive(at(100), &Table::default(), 100), Arrival::New);
        assert_eq!(transaction.receive(at(200), &Table::default(), 180), Arrival::New);
        assert_eq!(transaction.deadline(), Some((at(180_100), Timer::C)));
        assert_eq!(transaction.handle_timeout(at(180_100)), Fired::GaveUp);
        assert!(transaction.is_terminated());
    }

    #[test]
    fn a_failure_is_told_once_and_acknowledged_again_until_timer_d() {
        let mut transaction = calling(false);
        assert_eq!(transaction.receive(at(100), &Table::default(), 403), Arrival::New);
        assert_eq!(transaction.receive(at(600), &Table::default(), 403), Arrival::AckAgain);
        assert_eq!(transaction.receive(at(700), &Table::default(), 200), Arrival::Stale);
        assert_eq!(transaction.deadline(), Some((at(32_100), Timer::D)));
        assert_eq!(transaction.handle_timeout(at(32_100)), Fired::Nothing);
        assert!(transaction.is_terminated());
    }

    #[test]
    fn on_a_reliable_transport_a_failure_ends_it() {
        let mut transaction = calling(true);
        assert_eq!(transaction.receive(at(100), &Table::default(), 403), Arrival::New);
        assert!(transaction.is_terminated());
    }

    #[test]
    fn repeated_and_forked_2xx_reach_the_user_until_timer_m() {
        let mut transaction = calling(false);
        assert_eq!(transaction.receive(at(100), &Table::default(), 200), Arrival::New);
        assert_eq!(transaction.receive(at(600), &Table::default(), 200), Arrival::New);
        assert_eq!(transaction.receive(at(700), &Table::default(), 486), Arrival::Stale);
        assert_eq!(transaction.receive(at(700), &Table::default(), 180), Arrival::Stale);
        assert_eq!(transaction.deadline(), Some((at(32_100), Timer::M)));
        transaction.handle_timeout(at(32_100));
        assert!(transaction.is_terminated());
    }
}
