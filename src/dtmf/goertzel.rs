//! The filter bank: the output of eight Goertzel filters for each 5 ms hop, as integer correlations, and their power over the
//! last three hops.
//!
//! The correlations are integers: whatever the machine and the order of summation, the sums are the same to the bit. The few
//! operations on floats are written lane by lane, and Rust neither reorders nor contracts them.

use super::simd;
#[cfg(any(test, not(target_arch = "x86_64")))]
use super::tables::PAIRS;
use super::tables::{HOP, SCALE, TURN, TURNS};

/// Eight cosine correlations, then eight sine correlations of a hop, times [`super::tables::SCALE`].
pub(super) type Bins = [i32; 16];

/// Least part of the energy of three hops in the eight frequencies together that is worth a look.
pub(super) const SCREEN_SHARE: f32 = 0.38;

/// The correlations over the last 15 ms, kept up hop by hop.
#[derive(Clone, Debug, Default, PartialEq)]
#[repr(C, align(32))]
pub(super) struct Bank {
    /// Those of the last two hops, turned to a common phase: eight real parts, eight imaginary ones.
    turned: [[f32; 16]; 2],
    /// Power at the eight frequencies over three hops.
    pub(super) power: [f32; 8],
    /// Energy of three hops, as a 64th of the sum of squares.
    pub(super) energy_of_three: u32,
    /// The hop within a second, 0 to 199: where the phases are.
    phase: usize,
    /// Energies of the last two hops: a 64th of the sum of squares, rounded down pair by pair.
    energy: [u32; 2],
}

/// The content of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Silence, or nothing arrived.
    Silence,
    /// The eight frequencies hold too little of the energy of the last three hops.
    Other,
    /// They hold a good part of it: see [`Bank::power`].
    Tones,
}

impl Bank {
    /// Takes a hop in. One with no more energy than `quiet` is taken for silence.
    #[inline(always)]
    pub(super) fn take(&mut self, samples: &[i16; HOP], quiet: u32, bins: &mut Bins) -> Seen {
        let turn = self.next_turn();
        simd::take(self, samples, turn, quiet, bins)
    }

    #[inline(always)]
    fn next_turn(&mut self) -> &'static [f32; 16] {
        let turn = &TURNS.0[self.phase];
        self.phase = if self.phase + 1 < TURN { self.phase + 1 } else { 0 };
        turn
    }

    /// Takes a hop in that is missing.
    pub(super) fn skip(&mut self, bins: &mut Bins) -> Seen {
        self.next_turn();
        self.silence(0, bins)
    }

    #[inline(always)]
    fn silence(&mut self, energy: u32, bins: &mut Bins) -> Seen {
        *bins = [0; 16];
        self.turned = [[0.0; 16], self.turned[0]];
        self.add(energy);
        Seen::Silence
    }

    #[inline(always)]
    fn add(&mut self, energy: u32) {
        self.energy_of_three = energy.wrapping_add(self.energy[0]).wrapping_add(self.energy[1]);
        self.energy = [energy, self.energy[0]];
    }

    #[inline(always)]
    fn turn(&mut self, energy: u32, bins: &Bins, turn: &[f32; 16]) -> Seen {
        let mut now = [0.0; 16];
        for t in 0..8 {
            let (c, s) = (bins[t] as f32, bins[8 + t] as f32);
            now[t] = c * turn[t] - s * turn[8 + t];
            now[8 + t] = c * turn[8 + t] + s * turn[t];
        }
        let mut power = [0.0; 8];
        for t in 0..8 {
            let re = now[t] + self.turned[0][t] + self.turned[1][t];
            let im = now[8 + t] + self.turned[0][8 + t] + self.turned[1][8 + t];
            power[t] = re * re + im * im;
        }
        self.turned = [now, self.turned[0]];
        self.add(energy);
        self.power = power;
        let sum = ((power[0] + power[4]) + (power[2] + power[6])) + ((power[1] + power[5]) + (power[3] + power[7]));
        let least = SCREEN_SHARE * full_power(3.0) * self.energy_of_three as f32;
        if sum < least { Seen::Other } else { Seen::Tones }
    }
}

/// The power of a steady tone over `hops` hops, per unit of its energy in 64ths.
#[inline(always)]
pub(super) fn full_power(hops: f32) -> f32 {
    hops * (HOP as f32 / 2.0 * 64.0 * SCALE as f32 * SCALE as f32)
}

/// [`Bank::take`], by these two functions.
#[inline(always)]
pub(super) fn take_by(
    bank: &mut Bank,
    samples: &[i16; HOP],
    turn: &[f32; 16],
    quiet: u32,
    bins: &mut Bins,
    (energy, correlate): (impl Fn(&[i16; HOP]) -> u32, impl Fn(&[i16; HOP], &mut Bins)),
) -> Seen {
    let energy = energy(samples);
    if energy <= quiet {
        return bank.silence(energy, bins);
    }
    correlate(samples, bins);
    bank.turn(energy, bins, turn)
}

/// The energy of one hop, in portable code.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
pub(super) fn energy(samples: &[i16; HOP]) -> u32 {
    samples.chunks_exact(2).map(|pair| (square(pair[0]) + square(pair[1])) >> 6).sum()
}

#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn square(x: i16) -> u32 {
    (i32::from(x) * i32::from(x)) as u32
}

/// The correlations of one hop, in portable code.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
pub(super) fn correlate(samples: &[i16; HOP], bins: &mut Bins) {
    *bins = [0; 16];
    for (pair, table) in samples.chunks_exact(2).zip(&PAIRS.0) {
        let (x, y) = (i32::from(pair[0]), i32::from(pair[1]));
        for (bin, t) in bins.iter_mut().zip(table.chunks_exact(2)) {
            *bin += x * i32::from(t[0]) + y * i32::from(t[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::TONES;
    use super::*;

    /// The oracle's filter at `hz`; of what it gives only the last element is the transform of all samples.
    fn oracle(samples: &[f64], hz: f64) -> f64 {
        let scaled = 4.0 * std::f64::consts::PI.powi(2) * hz / 8000.0;
        let filtered = goertzel_filter::filter_naive(&samples.to_vec(), scaled);
        filtered.last().map_or(0.0, |z| z.re.hypot(z.im))
    }

    fn sines(tones: &[(f64, f64)]) -> Vec<i16> {
        let at = |n: i32| {
            tones.iter().map(|(hz, a)| a * (f64::from(n) * hz * std::f64::consts::TAU / 8000.0 + a).sin()).sum()
        };
        (0..120)
            .map(|n| {
                let x: f64 = at(n);
                x.round() as i16
            })
            .collect()
    }

    #[test]
    fn three_hops_have_the_power_of_a_goertzel_filter_over_120_samples() {
        let signals: [&[(f64, f64)]; 4] = [
            &[(697.0, 5000.0), (1336.0, 7000.0)],
            &[(955.0, 9000.0), (1610.0, 3000.0)],
            &[(300.0, 12000.0)],
            &[(770.0, 40.0), (1209.0, 30.0)],
        ];
        for signal in signals {
            let samples = sines(signal);
            let exact: Vec<f64> = samples.iter().map(|x| f64::from(*x)).collect();
            let mut bank = Bank::default();
            let mut seen = None;
            for (hop, samples) in samples.chunks_exact(HOP).enumerate() {
                let samples: &[i16; HOP] = samples.try_into().expect("a hop");
                seen = Some(simd::take(&mut bank, samples, &TURNS.0[hop], 0, &mut [0; 16]));
            }
            let largest = TONES.iter().map(|hz| oracle(&exact, f64::from(*hz))).fold(0.0, f64::max);
            assert_eq!(seen == Some(Seen::Tones), signal.len() == 2, "digits pass the screen");
            for (hz, power) in TONES.iter().zip(bank.power) {
                let expected = oracle(&exact, f64::from(*hz));
                let found = f64::from(power).sqrt() / f64::from(SCALE);
                assert!((found - expected).abs() < 2e-3 * largest, "{hz} Hz: {found} against {expected}");
            }
        }
    }
}
