//! The table of timers (RFC 3261 table 4, RFC 6026 §7, RFC 4028), and the agenda that keeps every deadline.
//!
//! A deadline always says why it is there: `(Time, Timer)`, the soonest wins. Nothing here reads a clock.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use crate::time::Time;

/// Why something is to be done at a certain time. The letters are those of RFC 3261 and RFC 6026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// INVITE request retransmission, unreliable transports only.
    A,
    /// INVITE transaction timeout.
    B,
    /// How long an INVITE may go without a final response once there was a provisional one. Table 4 has it for proxies; we
    /// have it for ourselves, so that no transaction stays for ever.
    C,
    /// How long an INVITE client transaction absorbs retransmitted failure responses.
    D,
    /// Non-INVITE request retransmission, unreliable transports only.
    E,
    /// Non-INVITE transaction timeout.
    F,
    /// Retransmission of a failure response to INVITE, unreliable transports only.
    G,
    /// How long the ACK for a failure response is waited for.
    H,
    /// How long retransmitted ACKs are absorbed.
    I,
    /// How long retransmitted non-INVITE requests are answered again.
    J,
    /// How long retransmitted responses to a non-INVITE request are absorbed.
    K,
    /// How long retransmitted INVITEs are absorbed after a 2xx (RFC 6026).
    L,
    /// How long retransmitted and forked 2xx are accepted (RFC 6026).
    M,
    /// The UAS core repeats its 2xx until ACK arrives (RFC 3261 §13.3.1.4), on every transport.
    Answer,
    /// The ACK for a 2xx never came (RFC 3261 §13.3.1.4).
    AnswerUnacknowledged,
    /// A reliable provisional response is repeated until its PRACK arrives (RFC 3262 §3), on every transport.
    Provisional,
    /// The PRACK never came (RFC 3262 §3).
    ProvisionalUnacknowledged,
    /// An INVITE found no final response within its limit (`Expires`, or the configured one).
    Setup,
    /// A CANCEL was not followed by a final response (RFC 3261 §9.1).
    Cancelled,
    /// An offer that met another one (491) is tried again (RFC 3261 §14.1).
    OfferAgain,
    /// It is our turn to refresh the session (RFC 4028 §10).
    SessionRefresh,
    /// The session was not refreshed in time (RFC 4028 §10).
    SessionExpired,
}

/// The base values of RFC 3261 §17.1.1.1, from which every other timer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Estimated round-trip time; the first retransmission interval.
    pub t1: Duration,
    /// The longest retransmission interval of non-INVITE requests and of responses to INVITE.
    pub t2: Duration,
    /// The longest time that a message remains in the network.
    pub t4: Duration,
}

impl Default for Table {
    fn default() -> Table {
        Table { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Table {
    /// 64·T1: how long an exchange may take before it is given up (timers B, F, H, J, L, M).
    pub const fn give_up(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// How long timer D, J, K or I waits: nothing on a transport that repeats nothing.
    pub const fn linger(&self, timer: Timer, reliable: bool) -> Duration {
        match (timer, reliable) {
            (Timer::L | Timer::M, _) => self.give_up(),
            (_, true) => Duration::ZERO,
            (Timer::I | Timer::K, false) => self.t4,
            (_, false) => self.give_up(),
        }
    }

    /// Retransmissions from T1 on, doubling without a limit (timer A), or none on a reliable transport.
    pub fn doubling(&self, now: Time, reliable: bool) -> Option<Backoff> {
        (!reliable).then(|| Backoff::new(now, self.t1, Duration::MAX))
    }

    /// Retransmissions from T1 on, doubling up to T2 (timers E and G), or none on a reliable transport.
    pub fn doubling_to_t2(&self, now: Time, reliable: bool) -> Option<Backoff> {
        (!reliable).then(|| Backoff::new(now, self.t1, self.t2))
    }
}

/// A retransmission interval that doubles up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    next: Time,
    interval: Duration,
    limit: Duration,
}

impl Backoff {
    /// The first retransmission is due `interval` after `now`.
    pub fn new(now: Time, interval: Duration, limit: Duration) -> Backoff {
        Backoff { next: now + interval, interval, limit }
    }

    /// When the next retransmission is due.
    pub const fn next(&self) -> Time {
        self.next
    }

    /// Whether a retransmission is due; if so, the next one is scheduled. A late call yields one, never a burst.
    pub fn fire(&mut self, now: Time) -> bool {
        if now < self.next {
            return false;
        }
        self.interval = self.interval.saturating_mul(2).min(self.limit);
        self.next = now + self.interval;
        true
    }

    /// As [`fire`](Self::fire), where there may be no retransmissions at all.
    pub fn fire_if_any(backoff: &mut Option<Backoff>, now: Time) -> bool {
        backoff.as_mut().is_some_and(|backoff| backoff.fire(now))
    }

    /// Goes on at the longest interval (timer E once a provisional response has come).
    pub fn slow_down(&mut self) {
        self.interval = self.limit;
    }
}

/// The soonest of several deadlines.
pub fn soonest<const N: usize>(deadlines: [Option<(Time, Timer)>; N]) -> Option<(Time, Timer)> {
    deadlines.into_iter().flatten().min()
}

/// One deadline for each owner, and which is the soonest.
#[derive(Debug)]
pub struct Agenda<K> {
    order: BTreeSet<(Time, K)>,
    due: HashMap<K, Time>,
}

impl<K: Copy + Ord + Hash> Default for Agenda<K> {
    fn default() -> Agenda<K> {
        Agenda { order: BTreeSet::new(), due: HashMap::new() }
    }
}

impl<K: Copy + Ord + Hash> Agenda<K> {
    /// Sets, moves or (with `None`) removes the deadline of `owner`.
    pub fn set(&mut self, owner: K, deadline: Option<Time>) {
        let before = match deadline {
            Some(time) => self.due.insert(owner, time),
            None => self.due.remove(&owner),
        };
        if before == deadline {
            return;
        }
        if let Some(time) = before {
            self.order.remove(&(time, owner));
        }
        if let Some(time) = deadline {
            self.order.insert((time, owner));
        }
    }

    /// Takes out the owner with the soonest deadline that has come by `now`.
    pub fn pop_due(&mut self, now: Time) -> Option<K> {
        let &(time, owner) = self.order.first()?;
        if time > now {
            return None;
        }
        self.set(owner, None);
        Some(owner)
    }

    /// The soonest deadline, [`Time::MAX`] when there is none.
    pub fn next(&self) -> Time {
        self.order.first().map_or(Time::MAX, |&(time, _)| time)
    }

    /// How many owners wait.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether there is no deadline.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn table_4_of_rfc_3261() {
        let table = Table::default();
        assert_eq!(table.give_up(), ms(32_000));
        let unreliable = [Timer::D, Timer::H, Timer::I, Timer::J, Timer::K, Timer::L, Timer::M];
        let waits = unreliable.map(|timer| table.linger(timer, false).as_secs());
        assert_eq!(waits, [32, 32, 5, 32, 5, 32, 32]);
        let reliable = [Timer::D, Timer::I, Timer::J, Timer::K].map(|timer| table.linger(timer, true));
        assert_eq!(reliable, [Duration::ZERO; 4]);
        assert_eq!(table.linger(Timer::L, true).as_secs(), 32);
        assert_eq!(table.linger(Timer::M, true).as_secs(), 32);
    }

    #[test]
    fn retransmissions_double_from_t1_to_t2() {
        let mut backoff = Table::default().doubling_to_t2(Time::ZERO, false).unwrap();
        let mut at = Vec::new();
        while backoff.next() < Time::from_millis(32_000) {
            at.push(backoff.next().elapsed().as_millis());
            assert!(backoff.fire(backoff.next()));
        }
        assert_eq!(at, [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    }

    #[test]
    fn invites_double_without_a_limit_and_reliable_transports_repeat_nothing() {
        let mut backoff = Table::default().doubling(Time::ZERO, false).unwrap();
        let mut at = Vec::new();
        while backoff.next() < Time::from_millis(32_000) {
            at.push(backoff.next().elapsed().as_millis());
            backoff.fire(backoff.next());
        }
        assert_eq!(at, [500, 1500, 3500, 7500, 15_500, 31_500]);
        assert_eq!(Table::default().doubling(Time::ZERO, true), None);
    }

    #[test]
    fn a_late_wake_up_retransmits_once() {
        let mut backoff = Backoff::new(Time::ZERO, ms(500), ms(4000));
        assert!(backoff.fire(Time::from_millis(20_000)));
        assert!(!backoff.fire(Time::from_millis(20_000)));
        assert_eq!(backoff.next(), Time::from_millis(21_000));
    }

    #[test]
    fn the_soonest_deadline_wins_and_says_why() {
        let a = Some((Time::from_millis(20), Timer::A));
        let b = Some((Time::from_millis(10), Timer::B));
        assert_eq!(soonest([a, None, b]), b);
        assert_eq!(soonest([None, None]), None);
    }

    #[test]
    fn the_agenda_keeps_one_deadline_for_each_owner() {
        let mut agenda = Agenda::default();
        agenda.set(1, Some(Time::from_millis(30)));
        agenda.set(2, Some(Time::from_millis(10)));
        agenda.set(1, Some(Time::from_millis(20)));
        agenda.set(3, Some(Time::from_millis(5)));
        agenda.set(3, None);
        assert_eq!((agenda.len(), agenda.next()), (2, Time::from_millis(10)));
        assert_eq!(agenda.pop_due(Time::from_millis(9)), None);
        assert_eq!(agenda.pop_due(Time::from_millis(25)), Some(2));
        assert_eq!(agenda.pop_due(Time::from_millis(25)), Some(1));
        assert_eq!((agenda.pop_due(Time::MAX), agenda.next(), agenda.is_empty()), (None, Time::MAX, true));
    }
}
