//! Time as the cores see it (leaf): a parameter, never read from a clock.
//!
//! [`Time`] is monotonic and counts from an arbitrary start that the edge chooses (the process's start, or zero in a
//! test); [`UnixTime`] is the wall clock's UTC second, for expiry and records.
//!
//! Architecture invariant: nothing in this crate's cores turns one into the other or reads either from the machine.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A monotonic instant: the time elapsed since an arbitrary start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(Duration);

impl Time {
    /// The arbitrary start.
    pub const ZERO: Time = Time(Duration::ZERO);
    /// Later than every deadline.
    pub const MAX: Time = Time(Duration::MAX);

    /// The instant `elapsed` after the start.
    pub const fn after_start(elapsed: Duration) -> Time {
        Time(elapsed)
    }

    /// The instant `millis` milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Time {
        Time(Duration::from_millis(millis))
    }

    /// Time since the start.
    pub const fn elapsed(self) -> Duration {
        self.0
    }

    /// Time since `earlier`; zero when that is not earlier.
    pub fn since(self, earlier: Time) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, rhs: Duration) -> Time {
        Time(self.0.saturating_add(rhs))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, rhs: Duration) -> Time {
        Time(self.0.saturating_sub(rhs))
    }
}

/// One moment by both clocks. They are read together and kept apart: the wall clock may jump, and `time` does not follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For every deadline.
    pub time: Time,
    /// For records and expiry.
    pub wall: UnixTime,
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s", self.0.as_secs_f64())
    }
}

/// How far one clock may be ahead of another: machines that share a store never have quite the same time, and what is asked
/// first may be answered last.
pub const AHEAD_SECONDS: i64 = 60;

/// Whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// The same as people in Japan write it, to the minute: `2026年1月31日 9:05`. There is no summer time in Japan.
    pub fn in_japan(self) -> String {
        let Ok(at) = jiff::Timestamp::from_second(self.0) else { return String::new() };
        let at = jiff::tz::Offset::constant(9).to_datetime(at);
        format!("{}年{}月{}日 {}:{:02}", at.year(), at.month(), at.day(), at.hour(), at.minute())
    }

    /// The same in English: `2026-01-31 09:05 JST`.
    pub fn in_japan_for_english(self) -> String {
        let Ok(at) = jiff::Timestamp::from_second(self.0) else { return String::new() };
        let at = jiff::tz::Offset::constant(9).to_datetime(at);
        format!("{} JST", at.strftime("%Y-%m-%d %H:%M"))
    }

    /// Whether `now` is in the `seconds` from this one on. What was stored by a clock that was ahead, and set back since,
    /// would hold for longer than it was meant to: it does not hold at all.
    pub fn holds_at(self, now: UnixTime, seconds: i64) -> bool {
        now < self.plus(seconds) && self <= now.plus(AHEAD_SECONDS)
    }

    /// The same for what ends with this second and was meant to hold for at most `seconds`.
    pub fn ends_within(self, now: UnixTime, seconds: i64) -> bool {
        now < self && self <= now.latest_end(seconds)
    }

    /// The last second to which what begins now, by any of the clocks, and holds for `seconds` may last.
    pub fn latest_end(self, seconds: i64) -> UnixTime {
        self.plus(seconds).plus(AHEAD_SECONDS)
    }

    /// The second `seconds` later.
    pub const fn plus(self, seconds: i64) -> UnixTime {
        UnixTime(self.0.saturating_add(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_clock_ahead_has_stored_holds_no_longer_than_it_was_meant_to() {
        let holds = |now| UnixTime(1_000).holds_at(UnixTime(now), 600);
        assert_eq!([939, 940, 1_000, 1_599, 1_600].map(holds), [false, true, true, true, false]);
        let ends = |now| UnixTime(1_600).ends_within(UnixTime(now), 600);
        assert_eq!([939, 940, 1_000, 1_599, 1_600].map(ends), [false, true, true, true, false]);
        assert!(!UnixTime(i64::MAX).ends_within(UnixTime(0), 600));
    }

    #[test]
    fn time_never_wraps_or_panics() {
        assert_eq!(Time::MAX + Duration::from_secs(1), Time::MAX);
        assert_eq!(Time::ZERO - Duration::from_secs(1), Time::ZERO);
        assert_eq!(Time::from_millis(5).since(Time::from_millis(9)), Duration::ZERO);
    }
}
