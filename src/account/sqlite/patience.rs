//! Waiting for other programs where SQLite does not do so by itself.

use std::thread;
use std::time::{Duration, Instant};

use crate::account::tables::Failure;

/// Runs the work again where it meets a lock that SQLite does not wait for, such as while another program enters WAL mode
/// or recovers after a crash.
pub(super) fn patiently<T>(wait: Duration, mut work: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    const PAUSE: Duration = Duration::from_millis(20);
    let end = Instant::now() + wait;
    loop {
        match work() {
            Err(Failure::Conflict) if Instant::now() < end => thread::sleep(PAUSE),
            done => return done,
        }
    }
}
