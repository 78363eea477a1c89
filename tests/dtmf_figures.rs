//! The DTMF receiver's figures, shortened to seconds, each with a bar of its own. The whole bench is `tests/bench/dtmf/run`.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::approx_constant)]

use std::f64::consts::TAU;

use karipass::dtmf::{Config, Detector, Digit, Event};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const KEYS: [char; 16] = ['1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D'];

/// A burst and what lies over it.
#[derive(Clone)]
struct Burst {
    ms: usize,
    pause_ms: usize,
    /// Of each tone, with a sign drawn for each.
    deviation: [f64; 2],
    dbm0: [f64; 2],
    /// Both tones over white noise of 0 to 4 kHz.
    snr: Option<f64>,
    /// Frequencies and level of a tone that goes on all the time.
    dial: (&'static [f64], f64),
}

const PLAIN: Burst = Burst { ms: 50, pause_ms: 50, deviation: [0.0; 2], dbm0: [-10.0; 2], snr: None, dial: (&[], 0.0) };

fn peak(dbm0: f64) -> f64 {
    32767.0 * 10f64.powf((dbm0 - 3.14) / 20.0)
}

fn noise(rng: &mut StdRng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (TAU * v).cos()
}

/// G.711 mu-law there and back.
fn through_ulaw(x: f64) -> i16 {
    let x = x.round().clamp(-32635.0, 32635.0) as i32;
    let m = x.abs() + 132;
    let e = 31 - m.leading_zeros() as i32 - 7;
    let y = (((((m >> (e + 3)) & 15) << 3) + 132) << e) - 132;
    (if x < 0 { -y } else { y }) as i16
}

impl Burst {
    fn samples(&self, key: usize, rng: &mut StdRng) -> Vec<i16> {
        let lead = rng.random_range(0..102);
        let on = self.ms * 8;
        let (low, high) = Digit::from_char(KEYS[key]).unwrap().frequencies();
        let tones = [(low, 0), (high, 1)].map(|(hz, q)| {
            let sign = if rng.random() { 1.0 } else { -1.0 };
            (f64::from(hz) * (1.0 + sign * self.deviation[q]), peak(self.dbm0[q]), rng.random::<f64>() * TAU)
        });
        let dial: Vec<_> = self.dial.0.iter().map(|hz| (*hz, peak(self.dial.1), rng.random::<f64>() * TAU)).collect();
        let power: f64 = tones.iter().map(|t| t.1 * t.1 / 2.0).sum();
        let sigma = self.snr.map_or(0.0, |snr| (power / 10f64.powf(snr / 10.0)).sqrt());
        let sine = |t: f64, (hz, a, phase): (f64, f64, f64)| a * (TAU * hz * t / 8000.0 + phase).sin();
        (0..lead + on + self.pause_ms * 8)
            .map(|n| {
                let mut x: f64 = dial.iter().map(|tone| sine(n as f64, *tone)).sum();
                if (lead..lead + on).contains(&n) {
                    x += tones.iter().map(|tone| sine((n - lead) as f64, *tone)).sum::<f64>();
                }
                through_ulaw(if sigma > 0.0 { x + sigma * noise(rng) } else { x })
            })
            .collect()
    }

    /// How many of so many bursts are told, as exactly one event and the right one.
    fn told(&self, bursts: usize) -> usize {
        let mut rng = StdRng::seed_from_u64(20_240_711);
        let mut detector = Detector::new(&Config::default());
        detector.process(&[0; 800]);
        let mut told = 0;
        for burst in 0..bursts {
            let key = burst % 16;
            detector.process(&self.samples(key, &mut rng));
            let digits = digits(&mut detector);
            told += usize::from(digits == [KEYS[key]]);
            assert!(digits.iter().all(|d| *d == KEYS[key]) && digits.len() <= 1, "a wrong or a doubled digit");
        }
        told
    }
}

fn digits(detector: &mut Detector) -> Vec<char> {
    let mut digits = Vec::new();
    while let Some(event) = detector.poll() {
        match event {
            Event::Down { digit, .. } => digits.push(char::from(digit)),
            Event::Up { .. } => {}
        }
    }
    digits
}

#[test]
fn frequencies_1_8_percent_off_are_taken_and_3_percent_off_refused() {
    for deviation in [0.0, 0.015, 0.018] {
        assert_eq!(Burst { deviation: [deviation; 2], ..PLAIN }.told(320), 320, "{deviation}");
    }
    for deviation in [[0.03, 0.0], [0.0, 0.03], [0.035, 0.0], [0.0, 0.035]] {
        assert_eq!(Burst { deviation, ..PLAIN }.told(320), 0, "{deviation:?}");
    }
}

#[test]
fn the_corners_of_frequency_twist_length_and_noise_are_taken() {
    let short = Burst { ms: 40, ..PLAIN };
    for (name, burst) in [
        ("low +8 dB", Burst { deviation: [0.015; 2], dbm0: [-6.0, -14.0], ..short.clone() }),
        ("high +5.5 dB", Burst { deviation: [0.015; 2], dbm0: [-10.0, -4.5], ..short.clone() }),
        ("15 dB", Burst { snr: Some(15.0), ..short.clone() }),
        ("1.8 %, 15 dB", Burst { deviation: [0.018; 2], snr: Some(15.0), ..short.clone() }),
        (
            "1.8 %, high +5 dB, 15 dB",
            Burst { deviation: [0.018; 2], dbm0: [-10.0, -5.0], snr: Some(15.0), ..short.clone() },
        ),
        ("1.8 %, low +5 dB, -24 dBm0", Burst { deviation: [0.018; 2], dbm0: [-19.0, -24.0], ..short }),
    ] {
        assert_eq!(burst.told(800), 800, "{name}");
    }
}

#[test]
fn twist_and_level_have_their_limits() {
    for (dbm0, told) in [
        ([-6.0, -14.0], 160),
        ([-11.5, -6.0], 160),
        ([-6.0, -18.0], 0),
        ([-18.0, -6.0], 0),
        ([3.0, 3.0], 160),
        ([-36.0, -36.0], 160),
        ([-44.0, -44.0], 0),
    ] {
        assert_eq!(Burst { dbm0, ..PLAIN }.told(160), told, "{dbm0:?}");
    }
}

#[test]
fn lengths_from_36_ms_are_taken_and_24_ms_refused() {
    assert_eq!(Burst { ms: 36, ..PLAIN }.told(480), 480);
    assert_eq!(Burst { ms: 24, ..PLAIN }.told(480), 0);
    assert_eq!(Burst { ms: 65, pause_ms: 28, ..PLAIN }.told(480), 480);
    assert_eq!(Burst { ms: 40, pause_ms: 40, ..PLAIN }.told(480), 480);
}

#[test]
fn noise_of_10_db_hides_nothing() {
    assert_eq!(Burst { snr: Some(10.0), ..PLAIN }.told(1600), 1600);
}

#[test]
fn a_dial_tone_6_db_below_hides_nothing() {
    for tones in [&[350.0, 440.0][..], &[400.0]] {
        assert_eq!(Burst { dial: (tones, -16.0), ..PLAIN }.told(480), 480, "{tones:?}");
    }
}

#[test]
fn white_pink_and_impulse_noise_are_no_digits() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut detector = Detector::new(&Config::default());
    let (mut slow, mut slower) = (0.0, 0.0);
    for n in 0..8000 * 60 {
        let white = noise(&mut rng);
        slow += 0.1 * (white - slow);
        slower += 0.01 * (white - slower);
        let impulse = if rng.random_range(0..400) == 0 { 20_000.0 * noise(&mut rng) } else { 0.0 };
        let x = match n / (8000 * 20) {
            0 => 3000.0 * white,
            1 => 6000.0 * slow + 12_000.0 * slower + 800.0 * white,
            _ => impulse,
        };
        detector.process(&[through_ulaw(x)]);
    }
    assert!(digits(&mut detector).is_empty());
}

/// Sends runs of digits in 20 ms packets, of which this part is lost: `(missed, told in all but missed ones)`.
fn over_losses(ms: usize, part: f64, hidden: bool) -> (usize, usize) {
    let mut rng = StdRng::seed_from_u64(4733);
    let mut detector = Detector::new(&Config::default());
    let (mut missed, mut extra) = (0, 0);
    for run in 0..25 {
        let sent: Vec<usize> = (0..40).map(|n| (run + n * 7) % 16).collect();
        let burst = Burst { ms, pause_ms: ms, ..PLAIN };
        let samples: Vec<i16> = sent.iter().flat_map(|key| burst.samples(*key, &mut rng)).collect();
        for packet in samples.chunks(160) {
            match (rng.random_bool(part), hidden) {
                (false, _) => detector.process(packet),
                (true, false) => detector.lost(packet.len()),
                (true, true) => detector.process(&vec![0; packet.len()]),
            }
        }
        detector.process(&[0; 1600]);
        let told = digits(&mut detector);
        let mut rest = told.iter();
        let found =
            sent.iter().filter(|key| rest.clone().next() == Some(&KEYS[**key]) && rest.next().is_some()).count();
        missed += sent.len() - found;
        extra += told.len() - found;
    }
    (missed, extra)
}

#[test]
fn losses_double_nothing_and_hide_little() {
    let (missed, extra) = over_losses(50, 0.05, false);
    assert!(missed <= 8 && extra == 0, "{missed} of 1000 missed at 50/50 ms and 5 %, {extra} too many");
    let (missed, extra) = over_losses(100, 0.1, false);
    assert!(missed <= 1 && extra == 0, "{missed} of 1000 missed at 100/100 ms and 10 %, {extra} too many");
    let (missed, extra) = over_losses(100, 0.05, true);
    assert!(missed <= 4 && extra == 0, "{missed} of 1000 missed when losses are hidden as silence, {extra} too many");
}
