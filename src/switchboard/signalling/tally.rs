//! Sums in the place of single reports: the first event of a kind is told at once, those of the next minute together at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sip::endpoint::{Refused, Turned};
use crate::time::Time;

/// The least time between two reports of one kind.
const PERIOD: Duration = Duration::from_secs(60);

/// Why, and whether it was a call.
pub(super) type Kind = (Turned, bool);

/// What is told.
#[derive(Debug)]
pub(super) struct Sum {
    pub kind: Kind,
    /// Since the last report of the kind.
    pub count: u64,
    /// The last of them.
    pub last: Refused,
}

/// The counts of all kinds.
#[derive(Debug, Default)]
pub(super) struct Tallies(BTreeMap<Kind, Tally>);

#[derive(Debug)]
struct Tally {
    told: Time,
    count: u64,
    last: Option<Refused>,
}

impl Tally {
    fn take(&mut self, now: Time, kind: Kind) -> Option<Sum> {
        let last = self.last.take()?;
        self.told = now;
        Some(Sum { kind, count: std::mem::take(&mut self.count), last })
    }
}

impl Tallies {
    /// One more; what is to be told at once, if anything.
    pub(super) fn count(&mut self, now: Time, kind: Kind, refused: Refused) -> Option<Sum> {
        let is_first = !self.0.contains_key(&kind);
        let tally = self.0.entry(kind).or_insert(Tally { told: now, count: 0, last: None });
        tally.count += 1;
        tally.last = Some(refused);
        if is_first || tally.told + PERIOD <= now { tally.take(now, kind) } else { None }
    }

    /// The sums whose minute is over.
    pub(super) fn due(&mut self, now: Time) -> Vec<Sum> {
        let due = self.0.iter_mut().filter(|(_, tally)| tally.told + PERIOD <= now);
        due.filter_map(|(&kind, tally)| tally.take(now, kind)).collect()
    }

    /// All that was not told yet.
    pub(super) fn rest(&mut self) -> Vec<Sum> {
        std::mem::take(&mut self.0).into_iter().filter_map(|(kind, mut tally)| tally.take(Time::ZERO, kind)).collect()
    }

    /// When the next sum is due.
    pub(super) fn deadline(&self) -> Time {
        let waiting = self.0.values().filter(|tally| tally.count > 0);
        waiting.map(|tally| tally.told + PERIOD).min().unwrap_or(Time::MAX)
    }
}
