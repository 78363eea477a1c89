//! Two sinusoids fitted to a span of hops by least squares: frequencies, amplitudes, and the unexplained rest.

use super::background::Background;
use super::goertzel::Bins;
use super::history::{Age, History, KEPT, Span};
use super::phasor::Phasor;
use super::tables::{HOP, Inverse, NOMINAL, RATE, SCALE, TONES, TURN, TURNS};

const TAU: f32 = std::f32::consts::TAU;

/// The amplitudes of a key's two tones within one hop, time counted from its middle.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tones {
    pub(super) tone: [Phasor; 2],
}

fn solve(c: [f32; 2], s: [f32; 2], cosines: &Inverse, sines: &Inverse) -> Tones {
    let p = [cosines.first * c[0] + cosines.cross * c[1], cosines.cross * c[0] + cosines.second * c[1]];
    let q = [sines.first * s[0] + sines.cross * s[1], sines.cross * s[0] + sines.second * s[1]];
    Tones { tone: [Phasor { re: p[0], im: -q[0] }, Phasor { re: p[1], im: -q[1] }] }
}

/// The two tones of `key` in a hop, at their nominal frequencies, from the correlations alone.
pub(super) fn nominal(bins: &Bins, key: usize) -> Tones {
    let (row, column) = (key >> 2 & 3, 4 + (key & 3));
    let bin = |i: usize| bins[i] as f32 * (1.0 / SCALE as f32);
    let (cosines, sines) = &NOMINAL[key & 15];
    solve([bin(row), bin(column)], [bin(8 + row), bin(8 + column)], cosines, sines)
}

/// Turns the tones of a hop to what they would be at hop 0, were they at their nominal frequencies.
pub(super) fn turned(tones: &Tones, key: usize, hop: u64) -> [Phasor; 2] {
    let turn = &TURNS.0[(hop % TURN as u64) as usize];
    let by = |t: usize| Phasor { re: turn[t], im: -turn[8 + t] };
    [tones.tone[0].times(by(key >> 2 & 3)), tones.tone[1].times(by(4 + (key & 3)))]
}

/// Nominal angular frequencies of a key's tones, in radians a sample.
pub(super) fn nominal_frequencies(key: usize) -> [f32; 2] {
    [key >> 2 & 3, 4 + (key & 3)].map(|t| f32::from(TONES[t]) * (TAU / RATE))
}

/// A set of hops by age.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ages(pub(super) u16);

impl Ages {
    pub(super) fn add(&mut self, age: Age) {
        self.0 |= 1 << (age & 15);
    }

    pub(super) fn has(self, age: Age) -> bool {
        age < KEPT && self.0 >> age & 1 == 1
    }

    pub(super) fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Age> {
        (0..KEPT).filter(move |age| self.has(*age))
    }

    pub(super) fn oldest(self) -> Age {
        15usize.saturating_sub(self.0.leading_zeros() as usize)
    }

    pub(super) fn newest(self) -> Age {
        self.0.trailing_zeros() as usize & 15
    }
}

/// Two steady sinusoids. Time counts in samples from the middle of the newest hop (age 0).
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// Radians a sample.
    pub(super) frequency: [f32; 2],
    pub(super) tone: [Phasor; 2],
    /// Mean squared distance of each hop's phasor from the steady one, as a part of its power.
    pub(super) scatter: [f32; 2],
}

/// The middle of the hop of this age.
fn middle(age: Age) -> f32 {
    -((age * HOP) as f32)
}

/// cos and sin of one frequency at the samples of a hop, time from its middle.
struct Wave {
    c: [f32; HOP],
    s: [f32; HOP],
}

impl Wave {
    fn new(w: f32) -> Wave {
        let mut wave = Wave { c: [0.0; HOP], s: [0.0; HOP] };
        let step = Phasor::unit(w);
        let mut at = Phasor::unit(w * 0.5);
        for n in 0..HOP / 2 {
            wave.c[HOP / 2 + n] = at.re;
            wave.s[HOP / 2 + n] = at.im;
            wave.c[HOP / 2 - 1 - n] = at.re;
            wave.s[HOP / 2 - 1 - n] = -at.im;
            at = at.times(step);
        }
        wave
    }
}

fn dot(x: &[f32; HOP], y: &[f32; HOP]) -> f32 {
    let mut lanes = [0.0; 8];
    for (x, y) in x.chunks_exact(8).zip(y.chunks_exact(8)) {
        for i in 0..8 {
            lanes[i] += x[i] * y[i];
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

impl Fit {
    /// Fits to the hops of `ages`, starting from the frequencies `start` (good to about 1 %).
    pub(super) fn new(history: &History, ages: Ages, start: [f32; 2]) -> Fit {
        let waves = start.map(Wave::new);
        let cosines = inverse(&waves[0].c, &waves[1].c);
        let sines = inverse(&waves[0].s, &waves[1].s);
        let mut hops = [[Phasor::default(); 2]; KEPT];
        for age in ages.iter() {
            let x = history.samples(age);
            let c = [dot(&x, &waves[0].c), dot(&x, &waves[1].c)];
            let s = [dot(&x, &waves[0].s), dot(&x, &waves[1].s)];
            let tones = solve(c, s, &cosines, &sines);
            for q in 0..2 {
                hops[age][q] = tones.tone[q].times(Phasor::unit(-start[q] * middle(age)));
            }
        }
        let mut fit = Fit { frequency: start, tone: [Phasor::default(); 2], scatter: [0.0; 2] };
        for q in 0..2 {
            let slope = slope(&hops, q, ages);
            fit.frequency[q] += slope;
            let count = ages.count() as f32;
            let steady = |age: Age| hops[age][q].times(Phasor::unit(-slope * middle(age)));
            let mean = ages.iter().fold(Phasor::default(), |sum, age| sum.plus(steady(age))).scaled(1.0 / count);
            let spread: f32 = ages.iter().map(|age| steady(age).plus(mean.scaled(-1.0)).power()).sum();
            fit.tone[q] = mean;
            fit.scatter[q] = spread / (count * mean.power()).max(1e-9);
        }
        fit
    }

    /// The fitted signal from `back` samples before the present on.
    fn wave(&self, back: usize) -> impl Iterator<Item = f32> + use<> {
        let start = (HOP as f32 + 1.0) / 2.0 - back as f32;
        let mut at = [0, 1].map(|q| self.tone[q].times(Phasor::unit(self.frequency[q] * start)));
        let step = self.frequency.map(Phasor::unit);
        std::iter::repeat_with(move || {
            let value = at[0].re + at[1].re;
            at = [at[0].times(step[0]), at[1].times(step[1])];
            value
        })
    }

    /// The remainder of these spans after the fit, and after a known background.
    pub(super) fn residual(&self, history: &History, spans: &[Span], background: Option<Background>) -> Residual {
        let mut sum = Residual::default();
        for span in spans {
            sum.add(&mut Left::new(self, history, *span), background);
        }
        sum
    }

    /// How many samples before the present the tone set in: the likeliest point within the span.
    pub(super) fn onset(&self, history: &History, span: Span) -> usize {
        self.likeliest(history, span, -1.0)
    }

    /// How many samples before the present the tone ended: the likeliest point within the span.
    pub(super) fn end(&self, history: &History, span: Span) -> usize {
        self.likeliest(history, span, 1.0)
    }

    fn likeliest(&self, history: &History, span: Span, sign: f32) -> usize {
        let mut best = (0.0, span.from);
        let mut sum = 0.0;
        let mut back = span.from;
        for (x, m) in history.span(span).zip(self.wave(span.from)) {
            sum += sign * m * (2.0 * x - m);
            back -= 1;
            if sum > best.0 {
                best = (sum, back);
            }
        }
        best.1
    }
}

fn inverse(x: &[f32; HOP], y: &[f32; HOP]) -> Inverse {
    let (first, cross, second) = (dot(x, x), dot(x, y), dot(y, y));
    let d = 1.0 / (first * second - cross * cross);
    Inverse { first: second * d, cross: -cross * d, second: first * d }
}

/// Radians a sample by which the phasors still turn: the slope of their phase, weighted alike.
fn slope(hops: &[[Phasor; 2]; KEPT], q: usize, ages: Ages) -> f32 {
    // a first guess from neighbours, then a regression on what is left, which cannot wrap
    let turn = ages
        .iter()
        .filter(|age| ages.has(age + 1))
        .fold(Phasor::default(), |sum, age| sum.plus(hops[age][q].times(hops[age + 1][q].conjugate())));
    let guess = turn.angle() / HOP as f32;
    let steady = |age: Age| hops[age][q].times(Phasor::unit(-guess * middle(age)));
    let mean = ages.iter().fold(Phasor::default(), |sum, age| sum.plus(steady(age))).conjugate();
    let count = ages.count() as f32;
    let centre = ages.iter().map(middle).sum::<f32>() / count;
    let (mut tp, mut tt) = (0.0, 0.0);
    for age in ages.iter() {
        let t = middle(age) - centre;
        tp += t * steady(age).times(mean).angle();
        tt += t * t;
    }
    if tt > 0.0 { guess + tp / tt } else { guess }
}

/// The remainder of a span after a fit.
struct Left {
    samples: [f32; KEPT * HOP],
    count: usize,
    signal: f32,
}

impl Left {
    fn new(fit: &Fit, history: &History, span: Span) -> Left {
        let mut left = Left { samples: [0.0; KEPT * HOP], count: 0, signal: 0.0 };
        for ((x, m), r) in history.span(span).zip(fit.wave(span.from)).zip(&mut left.samples) {
            *r = x - m;
            left.signal += x * x;
            left.count += 1;
        }
        left
    }
}

/// Energies of a fit's remainder.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Residual {
    all: f32,
    /// The part below 2 kHz, at half the rate.
    low: f32,
    signal: f32,
    samples: f32,
    low_samples: f32,
}

impl Residual {
    fn add(&mut self, left: &mut Left, background: Option<Background>) {
        let samples = &mut left.samples[..left.count];
        if let Some(background) = background {
            background.subtract(samples);
        }
        self.signal += left.signal;
        self.samples += left.count as f32;
        self.all += samples.iter().map(|r| r * r).sum::<f32>();
        // a half-band filter: Deslauriers and Dubuc's, -6 dB at 2 kHz
        for w in samples.windows(7).step_by(2) {
            let y = 0.5 * w[3] + (9.0 / 32.0) * (w[2] + w[4]) - (1.0 / 32.0) * (w[0] + w[6]);
            self.low += y * y;
            self.low_samples += 1.0;
        }
    }

    /// The remainder as a part of the energy.
    pub(super) fn share(&self) -> f32 {
        self.all / self.signal.max(1.0)
    }

    /// The remainder below 2 kHz as a part of the energy.
    pub(super) fn low_share(&self) -> f32 {
        self.low * self.samples / (self.low_samples * self.signal).max(1.0)
    }
}
