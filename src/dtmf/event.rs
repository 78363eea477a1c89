//! The events of a detector.

use super::digit::Digit;

/// A key went down or up. Positions count samples (of 8 kHz, lost ones included) since the first one given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A digit, as soon as it is certain. Digits are to be collected from these.
    Down {
        /// The key.
        digit: Digit,
        /// The sample at which its tone set in.
        at: u64,
    },
    /// Its tone has ended. Each `Down` is followed by one `Up` before the next `Down`.
    Up {
        /// The key.
        digit: Digit,
        /// The sample at which its tone set in, as in `Down`.
        at: u64,
        /// Samples from there to its end.
        length: u64,
    },
}
