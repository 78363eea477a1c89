//! The lock that wrong passwords lead to: one setting for the accounts of the settings site and the lines of the registrar.

use std::time::Duration;

/// When wrong passwords lock, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The number of wrong passwords that lock.
    pub after: u32,
    /// The duration of the lock.
    pub lasts: Duration,
}

impl Lock {
    /// The duration in whole seconds.
    pub fn seconds(self) -> i64 {
        i64::try_from(self.lasts.as_secs()).unwrap_or(i64::MAX)
    }
}

impl Default for Lock {
    fn default() -> Lock {
        Lock { after: 3, lasts: Duration::from_secs(10 * 60) }
    }
}
