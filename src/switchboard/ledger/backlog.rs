//! Who is admitted while passwords wait to be hashed: a caller who has keyed everything in must not hear that it comes to nothing.
//!
//! Each call that is admitted will have one hash made, some ten to twenty seconds after it was answered. So all of them are counted from
//! the look-up of their line until their password is hashed or they are over, and not only those that are in the queue.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use crate::seats::{Seat, Seats};

/// The longest that the hashes of all admitted calls may take together. Beside calls in full sound a hash takes up to five times as long
/// as it took while they were few, and then still comes within the caller's patience.
const LONGEST: Duration = Duration::from_secs(10);
/// What a hash takes until one was made: argon2id with the usual cost.
const USUAL: Duration = Duration::from_millis(25);
/// The newest hash has this share in the mean.
const SHARE: u32 = 8;

/// The hashes to be made.
pub struct Backlog {
    hashers: u32,
    seats: Seats,
    mean: Mutex<Duration>,
}

impl Backlog {
    /// Nothing waits for these threads.
    pub fn new(hashers: usize) -> Backlog {
        let hashers = u32::try_from(hashers).unwrap_or(u32::MAX).max(1);
        Backlog { hashers, seats: Seats::default(), mean: Mutex::new(USUAL) }
    }

    /// A hash has taken this long.
    pub fn hashed(&self, took: Duration) {
        let mut mean = self.mean.lock().unwrap_or_else(PoisonError::into_inner);
        *mean = (*mean * (SHARE - 1) + took) / SHARE;
    }

    /// The admitted calls whose password is still to be hashed.
    pub fn calls(&self) -> usize {
        self.seats.taken()
    }

    /// A seat for one more call, if its password can be hashed in time.
    pub fn admit(&self) -> Option<Seat> {
        let mean = *self.mean.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = u32::try_from(self.calls()).unwrap_or(u32::MAX);
        (mean.saturating_mul(ahead) / self.hashers <= LONGEST).then(|| self.seats.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(backlog: &Backlog) -> Vec<Seat> {
        std::iter::from_fn(|| backlog.admit()).take(100_000).collect()
    }

    #[test]
    fn as_many_are_admitted_as_can_be_hashed_in_time() {
        let backlog = Backlog::new(2);
        // 10 s of two threads at 25 ms a hash
        let seats = admitted(&backlog);
        assert_eq!(seats.len(), 801);
        drop(seats);
        for _ in 0..100 {
            backlog.hashed(Duration::from_millis(100));
        }
        let seats = admitted(&backlog);
        assert!((201..=202).contains(&seats.len()), "{}", seats.len());
        // one more for each that is over
        assert!(backlog.admit().is_none());
        drop(seats.into_iter().skip(200));
        assert!(backlog.admit().is_some());
    }

    #[test]
    fn a_first_call_is_admitted_however_slow_hashes_are() {
        let backlog = Backlog::new(1);
        for _ in 0..1000 {
            backlog.hashed(Duration::from_secs(60));
        }
        assert!(backlog.admit().is_some());
    }
}
