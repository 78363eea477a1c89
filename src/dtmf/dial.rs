//! Dial tone behind a digit: what is left of the digit's samples, with the dial tone taken out.

use super::fit::Phasor;
use super::tables::RATE;

const TAU: f32 = std::f32::consts::TAU;

/// What is taken for dial tone: North America's pair (ITU-T E.180 Supplement 2), and Japan's single tone of 400 Hz ± 20 Hz in
/// steps that a span of 40 ms cannot tell apart.
const DIAL_TONES: [&[f32]; 6] = [&[350.0, 440.0], &[400.0], &[390.0], &[410.0], &[380.0], &[420.0]];

/// Subtracts the dial tone that explains most of `left`.
pub(super) fn subtract(left: &mut [f32]) {
    let mut best: (f32, &[f32], [f32; 4]) = (0.0, &[], [0.0; 4]);
    for tones in DIAL_TONES {
        let (explained, weights) = project(left, tones);
        if explained > best.0 {
            best = (explained, tones, weights);
        }
    }
    let (_, tones, weights) = best;
    for (i, tone) in tones.iter().enumerate() {
        for (r, at) in left.iter_mut().zip(wave(*tone)) {
            *r -= weights[2 * i] * at.re + weights[2 * i + 1] * at.im;
        }
    }
}

fn wave(tone: f32) -> impl Iterator<Item = Phasor> {
    let step = Phasor::unit(tone * (TAU / RATE));
    std::iter::successors(Some(Phasor { re: 1.0, im: 0.0 }), move |at| Some(at.times(step)))
}

/// Least squares onto one or two sinusoids: the energy they explain, and their weights (cosine, sine, cosine, sine).
fn project(left: &[f32], tones: &[f32]) -> (f32, [f32; 4]) {
    let size = 2 * tones.len();
    let mut normal = [[0.0f32; 5]; 4];
    let second = tones.get(1).copied().unwrap_or(0.0);
    for ((r, a), b) in left.iter().zip(wave(tones[0])).zip(wave(second)) {
        let column = [a.re, a.im, b.re, b.im];
        for i in 0..size {
            for j in 0..size {
                normal[i][j] += column[i] * column[j];
            }
            normal[i][4] += column[i] * r;
        }
    }
    let right = [normal[0][4], normal[1][4], normal[2][4], normal[3][4]];
    for i in 0..size {
        let pivot = normal[i];
        if pivot[i].abs() < 1e-3 {
            return (0.0, [0.0; 4]);
        }
        for j in (0..size).filter(|j| *j != i) {
            let factor = normal[j][i] / pivot[i];
            for (x, p) in normal[j].iter_mut().zip(pivot) {
                *x -= factor * p;
            }
        }
    }
    let mut weights = [0.0; 4];
    for i in 0..size {
        weights[i] = normal[i][4] / normal[i][i];
    }
    (weights.iter().zip(right).map(|(w, r)| w * r).sum(), weights)
}
