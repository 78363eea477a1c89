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
//!    the part below 2 kHz. Direct current is taken off before all this; a dial tone (350 + 440 Hz, or 400 Hz) or hum may be
//!    taken out of the residual (`background`).
//! 4. **Judge** (`limits`): level, twist, frequency, length; and the cleaner, the sooner. A clean tone is a digit after 31.5 ms; with
//!    noise as at 10 dB it must be 44 ms long, closer to its frequencies, and still begin at once.
//!
//! A digit that was taken is followed hop by hop; 13 ms without it end it, and what goes on within 22.5 ms is the same digit and
//! tells nothing more.
//!
//! Losses: a hop that is told as lost, or that repeats the one of 20 ms before to the bit (a packet played twice), is no evidence
//! either way. What a loss cuts off is judged at once, and 15 ms are enough then. Digital silence of one or two packets' length
//! inside a tone is a loss that was hidden, and is bridged while the phases on both sides agree.
//!
//! # The trade
//!
//! Noise wants tolerance and voices want strictness. They differ in where the residual is (a voice has it below 2 kHz, where its
//! harmonics are, and not evenly), in steadiness, in the onset, and in whether the tones are in place. So noise buys its tolerance
//! with length, place and onset, and needs no tolerance of what voices do. A voice *over* a digit, such as the echo of a prompt,
//! is told from one that passes for a digit by the high tone: the first has little power there and leaves it steady and in place,
//! the second glides, and its higher harmonics the most. The price is delay: 34 ms for clean digits, 40 ms at an SNR of 10 dB; and
//! that a tone is refused when speech as loud as itself lies under its onset, but for one that lasts 60 ms and is in place to
//! 0.3 %, which is what a speech codec leaves of a digit.
//!
//! There is no form for many calls at once, for it would gain nothing: the lanes are full with one call's frequencies. To
//! correlate four calls' hops together took 17.1 ns a hop instead of 10.7, out of 45 for everything, and a hop of each of 256
//! calls in turn takes as long as one of the same call.
//!
//! Thresholds: [`Config`] has those that can be set, with presets of ITU-T Q.24; `limits` has the rest, each with its reason.
//! [`Detector::with_explanations`] tells of each candidate what was measured and why it was taken or not.
//!
//! # Figures
//!
//! `tests/bench/dtmf/run` makes them, spandsp 0.0.6 first and then this receiver on the same signals; mu-law, seed 1, if nothing
//! else is said. Bursts are of 16,000 unless another number is given.
//!
//! | | spandsp | here |
//! |---|---|---|
//! | both tones off by 1.8 %, taken of 3200 (all) | 483 | 3200 |
//! | one tone off by 3.0 / 3.5 %, taken of 3200 (none) | 770 / 235 | 0 / 0 |
//! | the same at 40 ms and an SNR of 15 dB: both off by 1.8 % (all) / one off by 3.0 % (none) | 177 / 473 | 3200 / 0 |
//! | `corner`: ten rows of 40 and 50 ms, missed (none) | 0 to 15,907 | 0 in each |
//! | twist always taken / never taken, low stronger | 6.4 / 8.7 dB | 9.3 / 9.9 dB |
//! | the same, high stronger | 3.1 / 4.4 dB | 6.8 / 7.2 dB |
//! | level of a tone, always taken / never | +3 to -41 / -43 dBm0 | +3 to -41 / -43 dBm0 |
//! | length, always taken / never | 35 / 19 ms | 32 / 31 ms |
//! | 10 ms interruption splits a digit, of 800 (none) | 333 | 0 |
//! | a pause always splits from | 19 ms | 23 ms |
//! | 65/28 and 40/40 ms, errors (none) | 0 and 0 | 0 and 0 |
//! | none missed down to an SNR of (A-law) | 12.0 dB | 7.5 dB (8.5) |
//! | over dial tone of 350 + 440 Hz, none missed from | 11 dB | 6 dB |
//! | over one of 400, 380 or 420 Hz, 6 dB below a tone, missed | | 0 in each |
//! | over the echo of the prompts, active level 20 / 15 / 12 / 10 dB below a tone, missed | 0 / 27 / 194 / 439 | 0 / 0 / 16 / 133 |
//! | 50/50 ms, loss of 1 / 3 / 5 / 10 % told, missed | 150 / 487 / 875 / 1738 | 1 / 18 / 37 / 160 |
//! | the same hidden as silence | 191 / 576 / 987 / 2014 | 90 / 318 / 504 / 1120 |
//! | the same hidden as a repeated packet | 158 / 488 / 812 / 1710 | 17 / 73 / 109 / 385 |
//! | 100/100 ms, loss of 10 % told, missed | 16 | 1 |
//! | doubled at 10 % hidden, 80/80 and 100/100 ms | 332 and 1302 | 0 and 0 |
//! | false digits in speech at -15 dBm0: 13.9 h at each of nine pitches, 0.8 to 1.2 | 0 | 0 |
//! | false digits in music, 128 minutes at each of nine pitches | 0 | 0 |
//! | false digits in 30 h of white noise | 0 | 0 |
//! | false digits in 10 h of pink noise, and of impulses | | 0 and 0 |
//! | false digits in 4 h of other speech, some twenty languages, mostly children's programs; here at nine pitches | 2 | 0 |
//! | false digits in 91 minutes of machines' speech, 22 languages and our prompts; here at five pitches | 0 | 0 |
//! | `Down` after the onset, clean, median / longest | 29.6 / 36.6 ms | 33.9 / 36.5 ms |
//! | `Down` after the onset at an SNR of 10 dB, median / longest | 30.9 / 58.9 ms | 39.8 / 43.4 ms |
//! | `Up` after the end, median / longest | | 15.4 / 17.9 ms |
//! | instructions a sample in speech, AVX2 / SSE2 / aarch64 | 66 | 7.9 / 14 / 17 |
//! | instructions a sample in digital silence, the same | | 5 |
//! | time for 13.9 h of speech, the bench's own taken off | 2.7 s | 0.6 s |
//!
//! The prompts are at -17 to -21 dBm0, so that an echo returned 15 dB down is 22 dB or more below a tone of -10 dBm0. With tones
//! that are 0.8 % off, 3 are missed over one whose active level is 15 dB below a tone (spandsp: 45). All paths, and aarch64 under
//! an emulator, gave the same events to the sample. Instructions are callgrind's, over 25 minutes of that speech.
//!
//! `Down` and `Up` in packets of 20 ms come with the packet that completes them: 10 ms later in the mean.

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
mod simd;
mod tables;

pub use config::Config;
pub use detector::Detector;
pub use digit::Digit;
pub use event::Event;
pub use explain::{Explanation, Limit, Quantity, Verdict};
