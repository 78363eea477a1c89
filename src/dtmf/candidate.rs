//! A candidate: what is measured of a tone pair that may be a digit.

use super::background::Background;
use super::fit::{self, Ages, Fit, Tones};
use super::history::{History, KEPT, Span};
use super::limits::{self, Limits};
use super::measured::Measured;
use super::phasor::Phasor;
use super::tables::{self, HOP};

/// Hops that carry the tones at about the same strength.
#[derive(Default)]
struct Reach {
    full: Ages,
    lossy: bool,
    repeated: bool,
}

impl Reach {
    /// Hops of digital silence between those with the tones.
    fn dead_hops(&self, history: &History) -> usize {
        (self.full.newest()..self.full.oldest()).filter(|age| !self.full.has(*age) && history.dead(*age)).count()
    }

    /// Fewest hops of a candidate that may be long enough: two more may carry the tone in part.
    fn least_hops(&self, history: &History, limits: &Limits, explain: bool) -> usize {
        if self.lossy || explain || self.dead_hops(history) > 0 {
            2
        } else {
            (limits.length / HOP).saturating_sub(1).max(2)
        }
    }
}

/// Samples in a packet of 20 ms.
const PACKET: usize = 160;

/// Whether a hole is one packet or two, to the precision of its edges.
fn is_packets(hole: usize) -> bool {
    hole.abs_diff(PACKET) < 10 || hole.abs_diff(2 * PACKET) < 10
}

/// Error of the first estimate of the frequencies.
const ROUGHLY: f32 = 0.012;

/// Extra twist allowed in the first 15 ms: 6 dB, for a voice over them.
const ROUGH_TWIST: f32 = 4.0;

/// Extra frequency error allowed when candidates are explained.
const ROUGHLY_EXPLAINED: f32 = 0.04;

/// Scatter that no allowance reaches, not even when a hop at the edge is half empty.
const HOPELESS_SCATTER: [f32; 2] = [0.25, 0.1];

/// Most hops of silence or loss inside a digit: those that a 20 ms hole touches.
const HOLE: usize = 5;

/// The same for digital silence, which is two packets that were lost and hidden rather than a pause.
const DEAD_HOLE: usize = 9;

/// Measures the tones of `key` that end now, or at a loss that begins now, looking back over `horizon` hops at most.
/// A candidate that cannot become a digit is dropped as early as possible, unless everything is to be explained.
pub(super) fn measure(
    history: &mut History,
    key: usize,
    limits: &Limits,
    horizon: usize,
    explain: bool,
) -> Option<Measured> {
    let mut hops = [Tones::default(); KEPT];
    let reach = reach(history, key, limits, &mut hops, horizon, explain)?;
    if reach.full.count() < reach.least_hops(history, limits, explain) {
        return None;
    }
    history.find_direct_current();
    let history = &*history;
    let start = rough_frequencies(history, key, &hops, reach.full)?;
    let nominal = fit::nominal_frequencies(key);
    let off = |w: [f32; 2]| [w[0] / nominal[0] - 1.0, w[1] / nominal[1] - 1.0];
    let roughly = if explain { ROUGHLY_EXPLAINED } else { ROUGHLY };
    if off(start).iter().any(|d| d.abs() > limits.deviation + roughly) {
        return None;
    }
    let mut fit = Fit::new(history, reach.full, start);
    let hopeless = off(fit.frequency).iter().any(|d| d.abs() > 1.2 * limits.deviation)
        || fit.scatter.iter().zip(HOPELESS_SCATTER).any(|(s, most)| *s > most)
        || !limits.twist_allows(fit.tone.map(Phasor::power), 2.0);
    if hopeless && !explain {
        return None;
    }
    let (spans, count) = spans(history, &fit, reach.full);
    let spans = &spans[..count];
    let whole = whole(reach.full, spans);
    if whole != reach.full && whole.count() >= 2 {
        fit = Fit::new(history, whole, fit.frequency);
    }
    let residual = fit.residual(history, spans, None);
    let onset = spans.last().map_or(0, |s| s.from);
    let power = fit.tone.map(Phasor::power);
    let before = before(history, onset) / ((power[0] + power[1]) * 0.5).max(1.0);
    let spliced = reach.dead_hops(history) >= 3
        && spans.windows(2).any(|pair| pair[1].to.checked_sub(pair[0].from).is_some_and(is_packets));
    let mut m = Measured {
        deviation: off(fit.frequency),
        power,
        frequency: fit.frequency,
        onset,
        length: spans.iter().map(|s| s.len()).sum(),
        share: residual.share(),
        low_share: residual.low_share(),
        scatter: fit.scatter,
        before,
        lossy: reach.lossy,
        repeated: reach.repeated,
        background: None,
        spliced,
    };
    for background in [Background::DialTone, Background::Hum] {
        if m.background.is_none() && limits::may_hide(&m, background) {
            let residual = fit.residual(history, spans, Some(background));
            if limits::was_hidden(residual.low_share(), background) {
                (m.share, m.low_share, m.background) = (residual.share(), residual.low_share(), Some(background));
            }
        }
    }
    Some(m)
}

/// Mean power in the 10 ms before the onset, but for the last millisecond; nothing when that did not arrive.
fn before(history: &History, onset: usize) -> f32 {
    let to = onset + 8;
    let mut from = to;
    while from < to + 80 && !history.lost(from / HOP) {
        from += 1;
    }
    let span = Span { from, to };
    if span.len() > 8 { history.span(span).map(|x| x * x).sum::<f32>() / span.len() as f32 } else { 0.0 }
}

/// Range of the power of a hop's low and high tone, as a part of that of the newest hops. A voice over the digit shakes the
/// low tone.
const LIKE: [(f32, f32); 2] = [(0.4, 3.0), (0.4, 2.0)];

/// Walks back from the present over the hops whose tones are as strong as those of the last full ones.
fn reach(
    history: &History,
    key: usize,
    limits: &Limits,
    hops: &mut [Tones; KEPT],
    horizon: usize,
    explain: bool,
) -> Option<Reach> {
    let mut near = [0.0; 2];
    let mut count = 0.0;
    // of the newest hops, but not the very newest when there is a choice: the tone may be ending in it
    for age in [1, 2, 3, 4, 5, 6, 0] {
        if !history.lost(age) && count < 3.0 && !history.dead(age) {
            let tones = fit::nominal(history.bins(age), key);
            count += 1.0;
            near = [near[0] + tones.tone[0].power(), near[1] + tones.tone[1].power()];
        }
    }
    if count < 2.0 {
        return None;
    }
    let near = near.map(|n| n / count);
    if !explain && !limits.twist_allows(near, ROUGH_TWIST) {
        return None;
    }
    let alike = |q: usize, power: f32| power > LIKE[q].0 * near[q] && power < LIKE[q].1 * near[q];
    let mut reach = Reach::default();
    let mut hole = 0;
    for (age, hop) in hops.iter_mut().enumerate().take(horizon) {
        let lost = history.lost(age);
        if !lost {
            *hop = fit::nominal(history.bins(age), key);
        }
        if !lost && alike(0, hop.tone[0].power()) && alike(1, hop.tone[1].power()) {
            if hole > 0 && reach.full.count() >= 6 {
                break;
            }
            hole = 0;
            reach.full.add(age);
        } else {
            hole += 1;
            let most = if history.dead(age) || hole > HOLE && history.dead(age - 1) { DEAD_HOLE } else { HOLE };
            if hole > most || age == 1 && reach.full.count() == 0 && !history.lost(0) {
                break;
            }
        }
    }
    let oldest = reach.full.oldest();
    let ages = 0..=oldest + 1;
    reach.lossy = ages.clone().any(|age| age < KEPT && history.lost(age) && (age as u64) < history.hops);
    reach.repeated = ages.clone().any(|age| history.repeated(age));
    Some(reach)
}

/// The frequencies by how far the phases turn from hop to hop.
fn rough_frequencies(history: &History, key: usize, hops: &[Tones; KEPT], full: Ages) -> Option<[f32; 2]> {
    let mut sum = [[0.0f32; 2]; 2];
    let mut pairs = 0;
    let turned = |age: usize| fit::turned(&hops[age], key, history.hops.wrapping_sub(1 + age as u64));
    for age in full.iter().filter(|age| full.has(age + 1)) {
        let (newer, older) = (turned(age), turned(age + 1));
        for q in 0..2 {
            sum[q][0] += newer[q].re * older[q].re + newer[q].im * older[q].im;
            sum[q][1] += newer[q].im * older[q].re - newer[q].re * older[q].im;
        }
        pairs += 1;
    }
    let nominal = fit::nominal_frequencies(key);
    (pairs > 0).then(|| [0, 1].map(|q| nominal[q] + tables::angle(sum[q][0], sum[q][1]) / HOP as f32))
}

/// Those of the hops that the spans cover, but for a few samples.
fn whole(full: Ages, spans: &[Span]) -> Ages {
    let covered = |age: usize| spans.iter().any(|s| s.from + 3 >= (age + 1) * HOP && s.to <= age * HOP + 3);
    let mut whole = Ages::default();
    full.iter().filter(|age| covered(*age)).for_each(|age| whole.add(age));
    whole
}

/// The runs of hops as spans of samples with their edges found to the sample, newest first.
fn spans(history: &History, fit: &Fit, full: Ages) -> ([Span; KEPT], usize) {
    let mut spans = [Span::default(); KEPT];
    let mut count = 0;
    let mut age = 0;
    while age < KEPT {
        if !full.has(age) {
            age += 1;
            continue;
        }
        let newest = age;
        while full.has(age + 1) {
            age += 1;
        }
        let oldest = age;
        let outer = if oldest + 1 < KEPT && !history.lost(oldest + 1) { oldest + 1 } else { oldest };
        let inner = if newest > 0 && !history.lost(newest - 1) { newest - 1 } else { newest };
        let from = fit.onset(history, Span::hops(outer, oldest));
        let to = fit.end(history, Span::hops(newest, inner));
        spans[count] = Span { from, to };
        count += 1;
        age += 1;
    }
    (spans, count)
}
