//! DTMF as sound (ITU-T Q.23): every digit a pair of tones, of any level, twist, deviation and timing.
//!
//! Levels are in dBm0 for each tone alone. 0 dBm0 is the level at which G.711's µ-law overloads at +3.17 dBm0, so a sine of
//! 0 dBm0 peaks at about 22,660.

use std::collections::VecDeque;
use std::f64::consts::TAU;

use super::SAMPLE_RATE;
use crate::key::Key;

/// The peak of a sine of 0 dBm0 in 16-bit samples: µ-law's overload point (8159 in 14 bits) less 3.17 dB.
pub const PEAK_AT_0_DBM0: f64 = 32_636.0 / 1.440_450_9;

/// How a generated digit sounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Level of the low-group tone, dBm0.
    pub low_dbm0: f64,
    /// Level of the high-group tone, dBm0. The difference to `low_dbm0` is the twist.
    pub high_dbm0: f64,
    /// Deviation of the low-group frequency as a fraction (0.015 is +1.5 %).
    pub low_deviation: f64,
    /// Deviation of the high-group frequency as a fraction.
    pub high_deviation: f64,
    /// Length of the tone, ms.
    pub on_ms: u32,
    /// Length of the pause after each tone, ms.
    pub off_ms: u32,
    /// Phase at which the low-group tone starts, in turns (0.25 starts at the peak).
    pub low_phase: f64,
    /// Phase at which the high-group tone starts, in turns.
    pub high_phase: f64,
    /// Raised-cosine rise and fall of this many ms inside `on_ms`; 0 starts and stops at once. 5 is what good telephones do.
    pub ramp_ms: u32,
}

impl Default for Config {
    /// 100 ms of tone and 100 ms of pause at -9 and -7 dBm0, with 5 ms ramps: a telephone on a short line.
    fn default() -> Config {
        Config {
            low_dbm0: -9.0,
            high_dbm0: -7.0,
            low_deviation: 0.0,
            high_deviation: 0.0,
            on_ms: 100,
            off_ms: 100,
            low_phase: 0.0,
            high_phase: 0.0,
            ramp_ms: 5,
        }
    }
}

/// The 16-bit peak of a sine at `dbm0`.
pub fn peak(dbm0: f64) -> f64 {
    PEAK_AT_0_DBM0 * 10f64.powf(dbm0 / 20.0)
}

/// Makes the sound of a queue of digits, in pieces of any size.
#[derive(Clone)]
pub struct Generator {
    config: Config,
    queue: VecDeque<(f64, f64)>,
    /// The digit that sounds, and how many of its samples (tone and pause) are already out.
    current: Option<(f64, f64)>,
    position: usize,
}

impl Generator {
    /// A generator with nothing to say yet.
    pub fn new(config: Config) -> Generator {
        Generator { config, queue: VecDeque::new(), current: None, position: 0 }
    }

    /// Queues a key.
    pub fn push(&mut self, key: Key) {
        let (low, high) = key.frequencies();
        self.queue.push_back((low.into(), high.into()));
    }

    /// Whether everything queued is out, the last digit's pause included.
    pub fn is_finished(&self) -> bool {
        self.current.is_none() && self.queue.is_empty()
    }

    /// Writes the next samples and returns their number: fewer than `out` holds when the queue has run out. The rest of
    /// `out` is left as it was.
    pub fn fill(&mut self, out: &mut [i16]) -> usize {
        let mut written = 0;
        for slot in out.iter_mut() {
            let Some(sample) = self.next_sample() else { break };
            *slot = sample;
            written += 1;
        }
        written
    }

    /// All that is queued, at once.
    pub fn samples(mut self) -> Vec<i16> {
        std::iter::from_fn(|| self.next_sample()).collect()
    }

    fn next_sample(&mut self) -> Option<i16> {
        let (on, off) = (samples_of(self.config.on_ms), samples_of(self.config.off_ms));
        if self.current.is_none() {
            self.current = self.queue.pop_front();
            self.position = 0;
        }
        let pair = self.current?;
        let sample = if self.position < on { self.tone(pair, on) } else { 0 };
        self.position += 1;
        if self.position >= on + off {
            self.current = None;
        }
        Some(sample)
    }

    /// Sample `self.position` of a tone of `on` samples. Two loud tones together are limited to 16 bits.
    fn tone(&self, (low, high): (f64, f64), on: usize) -> i16 {
        if low == 0.0 {
            return 0;
        }
        let config = &self.config;
        let at = self.position as f64 / f64::from(SAMPLE_RATE);
        let low = (TAU * (low * (1.0 + config.low_deviation) * at + config.low_phase)).sin() * peak(config.low_dbm0);
        let high =
            (TAU * (high * (1.0 + config.high_deviation) * at + config.high_phase)).sin() * peak(config.high_dbm0);
        ((low + high) * self.envelope(on)).round().clamp(-32768.0, 32767.0) as i16
    }

    fn envelope(&self, on: usize) -> f64 {
        let ramp = samples_of(self.config.ramp_ms).min(on / 2);
        let from_edge = self.position.min(on.saturating_sub(1).saturating_sub(self.position));
        if from_edge >= ramp {
            return 1.0;
        }
        0.5 - 0.5 * (TAU / 2.0 * (from_edge as f64 + 0.5) / ramp as f64).cos()
    }
}

/// The sound of `digits`; `None` if one of the characters is no digit.
pub fn dtmf(digits: &str, config: &Config) -> Option<Vec<i16>> {
    let mut generator = Generator::new(config.clone());
    for digit in digits.chars() {
        generator.push(Key::from_char(digit)?);
    }
    Some(generator.samples())
}

const fn samples_of(ms: u32) -> usize {
    (ms as usize) * (SAMPLE_RATE as usize) / 1000
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Level in dBm0 of `hz` in `samples`, by correlation with a sine and a cosine.
    fn level(samples: &[i16], hz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in samples.iter().enumerate() {
            let angle = TAU * hz * n as f64 / f64::from(SAMPLE_RATE);
            re += f64::from(sample) * angle.cos();
            im += f64::from(sample) * angle.sin();
        }
        20.0 * (2.0 * re.hypot(im) / samples.len() as f64 / PEAK_AT_0_DBM0).log10()
    }

    fn plain() -> Config {
        Config { ramp_ms: 0, on_ms: 1000, off_ms: 0, ..Config::default() }
    }

    #[test]
    fn a_digit_is_its_two_tones_at_the_asked_levels() {
        let samples = dtmf("6", &Config { low_dbm0: -20.0, high_dbm0: -12.0, ..plain() }).unwrap();
        assert_eq!(samples.len(), 8000);
        assert!((level(&samples, 770.0) + 20.0).abs() < 0.05);
        assert!((level(&samples, 1477.0) + 12.0).abs() < 0.05);
        assert!(level(&samples, 697.0) < -50.0);
    }

    #[test]
    fn a_deviation_moves_only_its_own_tone() {
        let samples = dtmf("1", &Config { high_deviation: -0.02, ..plain() }).unwrap();
        assert!((level(&samples, 697.0) + 9.0).abs() < 0.05);
        assert!((level(&samples, 1209.0 * 0.98) + 7.0).abs() < 0.05);
        assert!(level(&samples, 1209.0) < -30.0);
    }

    #[test]
    fn pieces_of_any_size_join_to_the_same_sound() {
        let whole = dtmf("159D#*", &Config::default()).unwrap();
        for size in [1, 7, 160, 161, 5000] {
            let mut generator = Generator::new(Config::default());
            "159D#*".chars().for_each(|digit| generator.push(Key::from_char(digit).unwrap()));
            let mut joined = Vec::new();
            while !generator.is_finished() {
                let mut piece = vec![0; size];
                let written = generator.fill(&mut piece);
                joined.extend_from_slice(&piece[..written]);
            }
            assert_eq!(joined, whole, "pieces of {size}");
        }
    }

    #[test]
    fn tone_and_pause_have_the_asked_lengths() {
        let samples =
            dtmf("11", &Config { on_ms: 50, off_ms: 30, ramp_ms: 0, low_phase: 0.25, ..Config::default() }).unwrap();
        assert_eq!(samples.len(), 2 * (400 + 240));
        assert!(samples[0] > 5000, "starts at the low tone's peak: {}", samples[0]);
        assert!(samples[400..640].iter().all(|&sample| sample == 0));
        assert_eq!(samples[..640], samples[640..]);
    }

    #[test]
    fn a_ramp_rises_and_falls_smoothly() {
        let config = Config { on_ms: 40, ramp_ms: 5, low_phase: 0.25, high_phase: 0.25, ..Config::default() };
        let ramped = dtmf("5", &config).unwrap();
        let hard = dtmf("5", &Config { ramp_ms: 0, ..config }).unwrap();
        assert!(ramped[0].abs() < 60 && hard[0] > 15_000);
        assert!(ramped[319].abs() < 60);
        assert_eq!(ramped[40..280], hard[40..280]);
    }

    #[test]
    fn what_is_no_key_has_no_sound() {
        assert!(dtmf("12x", &Config::default()).is_none());
    }

    #[test]
    fn too_loud_is_limited_not_wrapped() {
        let samples = dtmf("5", &Config { low_dbm0: 3.0, high_dbm0: 3.0, ..plain() }).unwrap();
        assert_eq!(samples.iter().max(), Some(&i16::MAX));
        assert!(samples.windows(2).all(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs() < 60_000));
    }

    #[test]
    fn zero_dbm0_is_the_overload_point_less_its_level() {
        assert!((20.0 * (32_636.0 / PEAK_AT_0_DBM0).log10() - 3.17).abs() < 0.001);
    }
}
