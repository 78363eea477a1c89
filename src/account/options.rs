//! How a store is opened.

use std::time::Duration;

use super::Cost;
use crate::lock::Lock;

/// Whether a store that is missing is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It must be there.
    Existing,
    /// It is made when it is missing.
    Create,
}

/// How a store is opened; the default is what is usual.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What new hashes cost, so that an unknown account takes as long as a known one.
    pub cost: Cost,
    /// How long a write waits for other programs' writes before it is given up.
    pub wait: Duration,
    /// When wrong passwords lock an account.
    pub lock: Lock,
}

impl Default for Options {
    fn default() -> Options {
        Options { cost: Cost::default(), wait: Duration::from_secs(30), lock: Lock::default() }
    }
}
