//! The one place that reads the machine's clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::{Moment, Time, UnixTime};

/// Reads [`Time`] since it was made, and the time of day.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// The time since the start.
    pub fn now(&self) -> Time {
        Time::after_start(self.start.elapsed())
    }

    /// Now, by both clocks.
    pub fn moment(&self) -> Moment {
        Moment { time: self.now(), wall: self.wall() }
    }

    /// The machine's time at `time`.
    pub fn instant(&self, time: Time) -> Option<Instant> {
        self.start.checked_add(time.elapsed())
    }

    /// The time of day at [`Time::ZERO`], since 1970.
    pub fn epoch(&self) -> Duration {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.saturating_sub(self.start.elapsed())
    }

    /// The time of day.
    pub fn wall(&self) -> UnixTime {
        time_of_day()
    }
}

/// The time of day, for what needs no [`Time`]. A machine whose clock stands before 1970 is taken to be at 1970.
pub fn time_of_day() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
