//! A steady sound behind a digit, such as a dial tone or hum, and its removal from the residual.

use super::phasor::Phasor;
use super::tables::RATE;

const TAU: f32 = std::f32::consts::TAU;

/// The sounds that may be behind a digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Background {
    /// The tone that invites to dial.
    DialTone,
    /// The mains in a line.
    Hum,
}

impl Background {
    /// The frequencies of each kind.
    fn kinds(self) -> &'static [&'static [f32]] {
        match self {
            // North America's pair (ITU-T E.180 Supplement 2), and Japan's single tone of 400 Hz ± 20 Hz in steps that a span
            // of 40 ms cannot distinguish
            Background::DialTone => &[&[350.0, 440.0], &[400.0], &[390.0], &[410.0], &[380.0], &[420.0]],
            // the mains and their odd harmonics, which are strongest when they are distorted
            Background::Hum => &[&[50.0, 150.0, 250.0], &[60.0, 180.0, 300.0]],
        }
    }

    /// Subtracts the kind that explains the largest part of `left`.
    pub(super) fn subtract(self, left: &mut [f32]) {
        let mut best = (0.0, [].as_slice(), [0.0; MOST]);
        for tones in self.kinds() {
            let (explained, weights) = project(left, tones);
            if explained > best.0 {
                best = (explained, tones, weights);
            }
        }
        let (_, tones, weights) = best;
        for (tone, weights) in tones.iter().zip(weights.chunks_exact(2)) {
            for (r, at) in left.iter_mut().zip(wave(*tone)) {
                *r -= weights[0] * at.re + weights[1] * at.im;
            }
        }
    }
}

/// Most weights: cosine and sine of three tones.
const MOST: usize = 6;

fn wave(tone: f32) -> impl Iterator<Item = Phasor> {
    let step = Phasor::unit(tone * (TAU / RATE));
    std::iter::successors(Some(Phasor { re: 1.0, im: 0.0 }), move |at| Some(at.times(step)))
}

/// Least squares onto up to three sinusoids: the energy they explain, and their weights (cosine, sine, cosine, sine …).
fn project(left: &[f32], tones: &[f32]) -> (f32, [f32; MOST]) {
    let size = 2 * tones.len();
    let mut normal = [[0.0f32; MOST + 1]; MOST];
    let tone = |n: usize| wave(tones.get(n).copied().unwrap_or(0.0));
    for (((r, a), b), c) in left.iter().zip(tone(0)).zip(tone(1)).zip(tone(2)) {
        let column = [a.re, a.im, b.re, b.im, c.re, c.im];
        for i in 0..size {
            for j in 0..size {
                normal[i][j] += column[i] * column[j];
            }
            normal[i][MOST] += column[i] * r;
        }
    }
    let right = normal.map(|row| row[MOST]);
    for i in 0..size {
        let pivot = normal[i];
        if pivot[i].abs() < 1e-3 {
            return (0.0, [0.0; MOST]);
        }
        for j in (0..size).filter(|j| *j != i) {
            let factor = normal[j][i] / pivot[i];
            for (x, p) in normal[j].iter_mut().zip(pivot) {
                *x -= factor * p;
            }
        }
    }
    let mut weights = [0.0; MOST];
    for i in 0..size {
        weights[i] = normal[i][MOST] / normal[i][i];
    }
    (weights.iter().zip(right).map(|(w, r)| w * r).sum(), weights)
}
