//! A DTMF receiver: which keys are pressed in 8 kHz linear audio, to the sample, in noise, over speech and across losses.
//!
//! ```
//! use karipass_dtmf::{Config, Detector, Digit, Event};
//!
//! // 60 ms of the key 6, then 60 ms of silence
//! let (low, high) = Digit::D6.frequencies();
//! let sine = |hz: u16, n: usize| (std::f64::consts::TAU * f64::from(hz) * n as f64 / 8000.0).sin();
//! let tone = (0..480).map(|n| (7000.0 * (sine(low, n) + sine(high, n))) as i16);
//! let audio: Vec<i16> = tone.chain([0; 480]).collect();
//!
//! let mut detector = Detector::new(&Config::default());
//! let mut keys = String::new();
//! for packet in audio.chunks(160) {
//!     detector.process(packet);
//!     while let Some(event) = detector.poll() {
//!         match event {
//!             Event::Down { digit, .. } => keys.push(digit.into()),
//!             Event::Up { length, .. } => assert!(length.abs_diff(480) < 16),
//!         }
//!     }
//! }
//! assert_eq!(keys, "6");
//! ```
//!
//! A packet that did not arrive is reported by [`Detector::lost`], so that positions stay right and the digit beside it is still
//! recognised.
//!
//! Architecture invariant: no clock, no allocation while audio is processed, no platform mathematics; the same samples give
//! the same events on every machine, however they are cut into packets. Digits are never traced, and `Debug` hides them.
//! This crate imports nothing but `std`.
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
//!    as they are as strong. The turn of their phases from hop to hop gives the frequencies. With these a second fit on the
//!    samples gives frequency to 0.05 %, level, and *scatter*, the unsteadiness of amplitude and phase from hop to hop. The onset is
//!    the likeliest change point, to a fraction of a millisecond. The *residual* is what the two steady tones leave, all of it and
//!    the part below 2 kHz. Direct current is removed before all this; a dial tone (350 + 440 Hz, or 400 Hz) or hum may be
//!    removed from the residual (`background`).
//! 4. **Judge** (`limits`): level, twist, frequency, length; and the cleaner, the sooner. A clean tone is a digit after 31.5 ms; with
//!    noise as at 10 dB it must be 44 ms long, closer to its frequencies, and still begin at once.
//!
//! An accepted digit is followed hop by hop. 13 ms without it end it; a tone that returns within 22.5 ms is the same digit and
//! gives no further event.
//!
//! Losses: a hop that is reported lost, or that repeats the one of 20 ms before to the bit (a packet played twice), is no evidence
//! either way. What a loss cuts off is judged at once, and 15 ms are enough then. Digital silence of one or two packets' length
//! inside a tone is a concealed loss, and is bridged while the phases on both sides agree.
//!
//! # The trade
//!
//! Noise wants tolerance and voices want strictness. They differ in where the residual is (a voice has it below 2 kHz, where its
//! harmonics are, and not evenly), in steadiness, in the onset, and in whether the tones are in place. So noise buys its tolerance
//! with length, place and onset, and needs no tolerance of what voices do. A voice *over* a digit, such as the echo of a prompt,
//! differs from a voice that passes for a digit in the high tone: the first has little power there and leaves it steady and in
//! place, the second glides, and its higher harmonics the most. The price is delay: 34 ms for clean digits, 40 ms at an SNR of
//! 10 dB. A tone is also refused when speech as loud as itself lies under its onset, unless it lasts 60 ms and is in place to
//! 0.3 %, which is what a speech codec leaves of a digit.
//!
//! There is no form for many calls at once, for it would gain nothing: the lanes are full with one call's frequencies.
//!
//! Thresholds: [`Config`] has those that can be set, with presets of ITU-T Q.24; `limits` has the rest, each with its reason.
//! [`Detector::with_explanations`] reports what was measured of each candidate and why it was accepted or refused.
//!
//! Measured: every digit is found down to an SNR of 7.5 dB, no false digit in 125 h of speech nor in 19 h of music, 8 instructions a
//! sample. `tests/bench/dtmf/README.md` has the figures beside those of spandsp, and how to repeat them.

#![cfg_attr(not(test), warn(unreachable_pub))]

mod background;
mod candidate;
mod config;
mod detector;
mod digit;
mod event;
mod explain;
mod fit;
mod goertzel;
mod history;
mod limits;
mod measured;
mod phasor;
mod simd;
mod tables;
mod verdict;

pub use config::Config;
pub use detector::Detector;
pub use digit::Digit;
pub use event::Event;
pub use explain::Explanation;
pub use verdict::{Limit, Quantity, Verdict};
