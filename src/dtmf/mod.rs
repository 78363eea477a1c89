//! The DTMF receiver: digits out of 8 kHz linear audio.
//!
//! Architecture invariant: no clock, no allocation on the way of a packet, no platform mathematics; the same samples give
//! the same events on every machine, however they are cut into packets.

mod candidate;
mod config;
mod detector;
mod dial;
mod digit;
mod event;
mod explain;
mod fit;
mod goertzel;
mod history;
mod limits;
mod simd;
mod tables;

pub use config::Config;
pub use detector::Detector;
pub use digit::Digit;
pub use event::Event;
pub use explain::{Explanation, Verdict};
