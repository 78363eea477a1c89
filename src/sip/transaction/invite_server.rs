//! The INVITE server transaction (RFC 3261 §17.2.1, with the Accepted state of RFC 6026 §7.1).
//!
//! It absorbs retransmitted INVITEs whatever the application is doing. A 2xx is repeated by the UAS core, not here.

use super::Fired;
use crate::sip::timer::{Backoff, Table, Timer, soonest};
use crate::time::Time;

/// The recipient of an ACK that matches the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckFor {
    /// It acknowledged a failure response; the transaction has taken it.
    Transaction,
    /// It acknowledged a 2xx and belongs to the dialog.
    Dialog,
}

/// One INVITE that arrived.
#[derive(Debug)]
pub struct InviteServer {
    reliable: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Proceeding { provisional: Option<Vec<u8>> },
    Completed { response: Vec<u8>, again: Option<Backoff>, give_up: Time },
    Confirmed { until: Time },
    Accepted { until: Time },
    Terminated,
}

impl InviteServer {
    /// An INVITE has arrived.
    pub const fn new(reliable: bool) -> InviteServer {
        InviteServer { reliable, state: State::Proceeding { provisional: None } }
    }

    /// The response that was just sent, with its status. Says whether it fits: one final response, then none.
    pub fn respond(&mut self, now: Time, table: &Table, status: u16, response: &[u8]) -> bool {
        let State::Proceeding { provisional } = &mut self.state else { return false };
        match status {
            0..=199 => *provisional = Some(response.to_vec()),
            200..=299 => self.state = State::Accepted { until: now + table.linger(Timer::L, self.reliable) },
            300.. => {
                let again = table.doubling_to_t2(now, self.reliable);
                self.state = State::Completed { response: response.to_vec(), again, give_up: now + table.give_up() };
            }
        }
        true
    }

    /// The INVITE came again: what to send again, if anything.
    pub fn repeated(&self) -> Option<&[u8]> {
        match &self.state {
            State::Proceeding { provisional } => provisional.as_deref(),
            State::Completed { response, .. } => Some(response),
            State::Confirmed { .. } | State::Accepted { .. } | State::Terminated => None,
        }
    }

    /// An ACK with this transaction's branch came.
    pub fn acknowledge(&mut self, now: Time, table: &Table) -> AckFor {
        match self.state {
            State::Accepted { .. } => return AckFor::Dialog,
            State::Completed { .. } if self.reliable => self.state = State::Terminated,
            State::Completed { .. } => self.state = State::Confirmed { until: now + table.linger(Timer::I, false) },
            State::Proceeding { .. } | State::Confirmed { .. } | State::Terminated => {}
        }
        AckFor::Transaction
    }

    /// Lets the timers that are due fire.
    pub fn handle_timeout(&mut self, now: Time) -> Fired {
        match &mut self.state {
            State::Completed { give_up, .. } if *give_up <= now => {
                self.state = State::Terminated;
                Fired::GaveUp
            }
            State::Completed { response, again, .. } => match Backoff::fire_if_any(again, now) {
                true => Fired::Retransmit(response.clone()),
                false => Fired::Nothing,
            },
            State::Confirmed { until } | State::Accepted { until } if *until <= now => {
                self.state = State::Terminated;
                Fired::Nothing
            }
            State::Proceeding { .. } | State::Confirmed { .. } | State::Accepted { .. } | State::Terminated => {
                Fired::Nothing
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, and which timer that is.
    pub fn deadline(&self) -> Option<(Time, Timer)> {
        match &self.state {
            State::Proceeding { .. } | State::Terminated => None,
            State::Completed { again, give_up, .. } => {
                soonest([again.map(|again| (again.next(), Timer::G)), Some((*give_up, Timer::H))])
            }
            State::Confirmed { until } => Some((*until, Timer::I)),
            State::Accepted { until } => Some((*until, Timer::L)),
        }
    }

    /// Whether no final response was sent yet.
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether the transaction is over and its key free.
    pub const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const UDP: bool = false;
    const TCP: bool = true;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    /// Runs every deadline up to the end and says what happened when.
    fn trace(transaction: &mut InviteServer, until: u64) -> Vec<(u64, Timer, Fired)> {
        let mut events = Vec::new();
        while let Some((time, timer)) = transaction.deadline().filter(|&(time, _)| time <= at(until)) {
            let fired = transaction.handle_timeout(time);
            events.push((u64::try_from(time.elapsed().as_millis()).unwrap(), timer, fired));
        }
        events
    }

    fn answered(reliable: bool, status: u16) -> InviteServer {
        let mut transaction = InviteServer::new(reliable);
        assert!(transaction.respond(at(0), &Table::default(), status, b"final"));
        transaction
    }

    #[test]
    fn retransmitted_invites_get_the_last_provisional_for_as_long_as_the_application_thinks() {
        let mut transaction = InviteServer::new(UDP);
        assert!(transaction.respond(at(0), &Table::default(), 100, b"100"));
        assert_eq!(transaction.deadline(), None);
        assert_eq!(transaction.repeated(), Some(&b"100"[..]));
        assert!(transaction.respond(at(60_000), &Table::default(), 180, b"180"));
        assert_eq!(transaction.repeated(), Some(&b"180"[..]));
    }

    #[test]
    fn a_failure_is_repeated_from_t1_to_t2_until_timer_h() {
        let mut transaction = answered(UDP, 403);
        assert_eq!(transaction.repeated(), Some(&b"final"[..]));
        let events = trace(&mut transaction, 100_000);
        let times: Vec<u64> = events.iter().map(|event| event.0).collect();
        assert_eq!(times, [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500, 32_000]);
        assert!(events.iter().take(10).all(|e| e.1 == Timer::G && e.2 == Fired::Retransmit(b"final".to_vec())));
        assert_eq!(events.last().map(|e| (e.1, e.2.clone())), Some((Timer::H, Fired::GaveUp)));
        assert!(transaction.is_terminated());
    }

    #[test]
    fn an_ack_ends_the_repetition_and_later_acks_are_absorbed_for_t4() {
        let mut transaction = answered(UDP, 486);
        assert_eq!(trace(&mut transaction, 1000).len(), 1);
        assert_eq!(transaction.acknowledge(at(1000), &Table::default()), AckFor::Transaction);
        assert_eq!(transaction.acknowledge(at(1200), &Table::default()), AckFor::Transaction);
        assert_eq!(transaction.repeated(), None);
        assert_eq!(trace(&mut transaction, 100_000), [(6000, Timer::I, Fired::Nothing)]);
        assert!(transaction.is_terminated());
    }

    #[test]
    fn a_reliable_transport_repeats_nothing_and_ends_with_the_ack() {
        let mut transaction = answered(TCP, 486);
        assert_eq!(transaction.deadline(), Some((at(32_000), Timer::H)));
        assert_eq!(transaction.acknowledge(at(10), &Table::default()), AckFor::Transaction);
        assert!(transaction.is_terminated());
    }

    #[test]
    fn after_a_2xx_invites_are_absorbed_until_timer_l_and_acks_belong_to_the_dialog() {
        for reliable in [UDP, TCP] {
            let mut transaction = answered(reliable, 200);
            assert_eq!(transaction.repeated(), None);
            assert_eq!(transaction.acknowledge(at(10), &Table::default()), AckFor::Dialog);
            assert_eq!(trace(&mut transaction, 100_000), [(32_000, Timer::L, Fired::Nothing)]);
            assert!(transaction.is_terminated());
        }
    }

    #[test]
    fn there_is_one_final_response() {
        for status in [200, 403] {
            let mut transaction = answered(UDP, status);
            assert!(!transaction.respond(at(5), &Table::default(), 500, b"second"));
            assert!(!transaction.respond(at(5), &Table::default(), 180, b"late"));
            assert_ne!(transaction.repeated(), Some(&b"second"[..]));
        }
    }
}
