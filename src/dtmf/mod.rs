//! The DTMF receiver: digits out of 8 kHz linear audio.
//!
//! Architecture invariant: no clock, no allocation on the way of a packet, no platform mathematics; the same samples give
//! the same events on every machine, however they are cut into packets. Digits are never traced, and `Debug` hides them.
//!
//! # Method
//!
//! Audio is cut into hops of 5 ms. Four steps, each for a small part of what the one before lets through:
//!
//! 1. **Bank** (`goertzel`, `simd`): each hop is correlated with cosine and sine at the eight frequencies: 16-bit products added
//!    in 32 bits, so that AVX2, SSE2 and portable code agree to the bit. Turned to a common phase and added over three hops they
//!    are eight Goertzel filters of 15 ms. A hop below the reject level costs only its energy.
//! 2. **Screen** (`detector`): the strongest row and the strongest column must hold 38 % of the energy of these 15 ms (a tone 1.8 %
//!    off keeps half of its power there, at an SNR of 10 dB), be above the reject level, and have been seen in some other hops of
//!    the last 80 ms.
//! 3. **Measure** (`candidate`, `fit`): the two tones of each hop are solved for by least squares, back from the present for as long
//!    as they are as strong. How far their phases turn from hop to hop gives the frequencies; with these a second fit on the
//!    samples gives frequency to 0.05 %, level, and *scatter*, how unsteady amplitude and phase are from hop to hop. The onset is
//!    the likeliest change point, to a fraction of a millisecond. The *residual* is what the two steady tones leave, all of it and
//!    the part below 2 kHz. A dial tone (350 + 440 Hz, or 400 Hz) may be taken out of it.
//! 4. **Judge** (`limits`): level, twist, frequency, length; and the cleaner, the sooner. A clean tone is a digit after 31.5 ms; with
//!    noise as at 10 dB it must be 44 ms long, closer to its frequencies, and still begin at once.
//!
//! A digit that was taken is followed hop by hop; 13 ms without it end it, and what goes on within 22.5 ms is the same digit and
//! tells nothing more.
//!
//! Losses: a hop that is told as lost, or that repeats the one of 20 ms before to the bit (a packet played twice), is no evidence
//! either way. What a loss cuts off is judged at once, and 17 ms are enough then. Digital silence of one or two packets' length
//! inside a tone is a loss that was hidden, and is bridged while the phases on both sides agree.
//!
//! # The trade
//!
//! Noise wants tolerance and voices want strictness. They differ in where the residual is (a voice has it below 2 kHz, where its
//! harmonics are, and not evenly), in steadiness, in the onset, and in whether the tones are in place. So noise buys its tolerance
//! with length, place and onset, and needs no tolerance of what voices do. The price is delay: 34 ms for clean digits, 42 ms at an
//! SNR of 10 dB; and that a tone is refused when speech as loud as itself lies under its onset.
//!
//! Thresholds: [`Config`] has those that can be set, with presets of ITU-T Q.24; `limits` has the rest, each with its reason.
//! [`Detector::with_explanations`] tells of each candidate what was measured and why it was taken or not.
//!
//! # Figures
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
