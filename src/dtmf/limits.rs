//! The thresholds in the units that are compared, and the judgement of what was measured.
//!
//! A tone must be the cleaner the shorter it is: this is what lets a digit be taken 32 ms after it began, lets one be taken in
//! noise, and still takes no voice for one. Voices hold two tones at these frequencies for 30 ms now and then, but not without a
//! fundamental, neighbouring harmonics, a glide or a swell; and hardly ever from a silence, or with both tones in place.

use super::background::Background;
use super::config::Config;
use super::history::KEPT;
use super::measured::Measured;
use super::tables::{HOP, power_of_db};
use super::verdict::{Limit, Quantity, Verdict};

/// Thresholds in the units that are compared.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) deviation: f32,
    /// Power of the low tone over the high one.
    pub(super) twist: (f32, f32),
    /// Squared amplitude.
    pub(super) power: f32,
    /// Energy of a hop (a 64th of it) that cannot hold a tone.
    pub(super) quiet: u32,
    pub(super) length: usize,
    pub(super) pause: u64,
}

/// dBm0 of a sine that reaches full scale (ITU-T G.711: 3.14 for A-law, 3.17 for mu-law).
#[allow(clippy::approx_constant)]
const FULL_SCALE: f32 = 3.14;

/// Squared amplitude of a sine of this level.
pub(super) fn power_of_dbm0(level: f32) -> f32 {
    32767.0 * 32767.0 * power_of_db(level - FULL_SCALE)
}

impl Limits {
    pub(super) fn new(config: &Config) -> Limits {
        Limits {
            deviation: config.frequency_tolerance,
            twist: (power_of_db(-config.twist_high_stronger), power_of_db(config.twist_low_stronger)),
            power: power_of_dbm0(config.level),
            quiet: (power_of_dbm0(config.level) * HOP as f32 * 0.1 / 64.0) as u32,
            length: (config.length * 8.0) as usize,
            pause: (config.pause * 8.0) as u64,
        }
    }

    /// Whether the powers of the two tones are near enough to each other, with this much leeway.
    pub(super) fn twist_allows(&self, power: [f32; 2], leeway: f32) -> bool {
        power[0] * leeway > power[1] * self.twist.0 && power[0] < power[1] * self.twist.1 * leeway
    }
}

/// Limits of a tone and of the sound beside it.
#[derive(Clone, Copy)]
struct Allowance {
    /// Residual below 2 kHz, as a part of all energy: where a voice has its harmonics. White noise at an SNR of 10 dB leaves
    /// 0.037 ± 0.004 there in 45 ms.
    low_share: f32,
    /// All residual. The same noise leaves 0.09.
    share: f32,
    /// Unsteadiness from hop to hop, of the low and the high tone. The same noise gives 0.01 ± 0.004.
    scatter: [f32; 2],
    /// Power in the 10 ms before the onset, as a part of the tones': a digit begins at once.
    before: f32,
    /// Least length in samples.
    length: usize,
    /// Largest deviation of the low and the high frequency: a noisy tone must be in place.
    deviation: [f32; 2],
}

/// No limit but the configuration's.
const ANY: f32 = f32::MAX;

/// From clean to noisy. The steps were set so that white noise of the SNR named misses none of 16,000, and then as tight as
/// that allows.
const ALLOWED: [Allowance; 9] = [
    // 17 dB, and all effects of G.711 and clipping
    Allowance { low_share: 0.025, share: 0.06, scatter: [0.02; 2], before: 0.12, length: 0, deviation: [ANY; 2] },
    // very clean, after anything: speech, noise, a click
    Allowance { low_share: 0.01, share: 0.03, scatter: [0.01; 2], before: ANY, length: 280, deviation: [0.02; 2] },
    // 15 dB within 40 ms, at 1.8 % and 5 dB of twist
    Allowance { low_share: 0.035, share: 0.09, scatter: [0.034; 2], before: 0.15, length: 288, deviation: [ANY; 2] },
    // 12 dB within 45 ms
    Allowance { low_share: 0.055, share: 0.14, scatter: [0.04; 2], before: 0.2, length: 320, deviation: [0.016; 2] },
    // 10 dB within 50 ms
    Allowance { low_share: 0.08, share: 0.18, scatter: [0.045; 2], before: 0.25, length: 352, deviation: [0.014; 2] },
    OVER_ECHO[0],
    OVER_ECHO[1],
    OVER_ECHO[2],
    IN_PLACE,
];

/// Over a voice, such as the echo of a prompt, within 50 ms. That shakes the low tone, near which it is strong, and leaves the
/// high one in place. A voice of which two harmonics happen to be a digit is the other way round: its glide is the larger the
/// higher the harmonic. None came nearer than 1.6 times these limits in 87 h of speech, and no music nearer than 1.25 times.
const OVER_ECHO: [Allowance; 3] = [
    Allowance {
        low_share: 0.14,
        share: 0.2,
        scatter: [0.16, 0.035],
        before: 1.2,
        length: 304,
        deviation: [0.005, 0.0015],
    },
    Allowance {
        low_share: 0.16,
        share: 0.22,
        scatter: [0.22, 0.035],
        before: 0.5,
        length: 352,
        deviation: [0.003, 0.0012],
    },
    // from a telephone that divides its crystal's frequency to within 0.8 %
    Allowance {
        low_share: 0.14,
        share: 0.2,
        scatter: [0.15, 0.02],
        before: 0.3,
        length: 336,
        deviation: [0.012, 0.0085],
    },
];

/// With a dial tone removed, which itself stood before the onset and shakes each hop's phasors.
const BEHIND_DIAL_TONE: Allowance =
    Allowance { low_share: 0.025, share: 0.05, scatter: [0.03; 2], before: 0.5, length: 0, deviation: [0.02; 2] };

/// With hum removed. Voices have the mains' frequency too, so the tone must be long enough to be distinguished from theirs.
const BEHIND_HUM: Allowance =
    Allowance { low_share: 0.025, share: 0.05, scatter: [0.02; 2], before: 0.5, length: 480, deviation: [0.01; 2] };

/// When the onset is more than 80 ms ago, out of sight: a tone that became clean only then, as music does.
const WITHOUT_ONSET: [Allowance; 2] = [
    Allowance { low_share: 0.02, share: 0.05, scatter: [0.01; 2], before: ANY, length: 0, deviation: [0.02; 2] },
    IN_PLACE,
];

/// Long, and exactly in place. A speech codec leaves that of a digit, but neither a steady amplitude nor an onset.
const IN_PLACE: Allowance =
    Allowance { low_share: 0.06, share: 0.12, scatter: [0.08; 2], before: ANY, length: 480, deviation: [0.003; 2] };

/// Least length in samples beside a loss, from what is left of 50 ms: 15 ms, less the error of an edge. That is two whole hops,
/// the least that shows a frequency.
const LENGTH_BESIDE_LOSS: usize = 118;

/// The same beside a packet that was played twice: 17 ms. The repeated packet may be any part of the tone, with an onset in it,
/// so that the rest shows less than its length suggests.
const LENGTH_BESIDE_REPEAT: usize = 136;

/// The same around digital silence of a packet's length, which is a concealed loss.
const LENGTH_AROUND_HOLE: usize = 160;

impl Allowance {
    fn covers(&self, m: &Measured) -> Verdict {
        if m.low_share > self.low_share || m.share > self.share || m.before > self.before {
            Verdict::Residual
        } else if m.scatter.iter().zip(self.scatter).any(|(s, most)| *s > most) {
            Verdict::Unsteady
        } else if m.deviation.iter().zip(self.deviation).any(|(d, most)| d.abs() > most) {
            Verdict::Frequency
        } else if m.length < self.length {
            Verdict::TooShort
        } else {
            Verdict::Taken
        }
    }
}

/// The allowances that apply to the candidate, from strict to loose.
fn allowances(m: &Measured) -> &'static [Allowance] {
    match m.background {
        Some(background) => std::slice::from_ref(behind(background)),
        None if m.onset >= KEPT * HOP - 16 => &WITHOUT_ONSET,
        None => &ALLOWED,
    }
}

/// The first allowance that covers the candidate decides, otherwise the last one gives the reason.
fn judge_noise(m: &Measured) -> Verdict {
    let mut verdict = Verdict::Residual;
    for allowance in allowances(m) {
        verdict = allowance.covers(m);
        if verdict == Verdict::Taken {
            break;
        }
    }
    verdict
}

fn behind(background: Background) -> &'static Allowance {
    match background {
        Background::DialTone => &BEHIND_DIAL_TONE,
        Background::Hum => &BEHIND_HUM,
    }
}

/// Most of the energy that a dial tone may make up beside a digit: two tones, each 6 dB weaker, and some noise. The same for hum.
const BACKGROUND_SHARE: f32 = 0.32;

/// Whether it is worth looking for a background in the residual.
pub(super) fn may_hide(m: &Measured, background: Background) -> bool {
    let allowance = behind(background);
    m.low_share > allowance.low_share
        && m.share < BACKGROUND_SHARE
        && m.length >= allowance.length
        && judge_noise(m) != Verdict::Taken
}

/// Whether the rest without the background is small enough to confirm it.
pub(super) fn was_hidden(low_share: f32, background: Background) -> bool {
    low_share < behind(background).low_share
}

/// The decision about a measured candidate.
pub(super) fn judge(m: &Measured, limits: &Limits) -> Verdict {
    let need = least_length(m, limits);
    if m.power.iter().any(|p| *p < limits.power) {
        Verdict::Level
    } else if !limits.twist_allows(m.power, 1.0) {
        Verdict::Twist
    } else if m.deviation.iter().any(|d| d.abs() > limits.deviation) {
        Verdict::Frequency
    } else if m.length < need {
        Verdict::TooShort
    } else {
        judge_noise(m)
    }
}

/// Least length in samples of a candidate that is clean.
fn least_length(m: &Measured, limits: &Limits) -> usize {
    if m.repeated {
        LENGTH_BESIDE_REPEAT
    } else if m.lossy {
        LENGTH_BESIDE_LOSS
    } else if m.spliced {
        LENGTH_AROUND_HOLE
    } else {
        limits.length
    }
}

/// The limit behind a verdict: of several allowances the loosest one's, which refuses it too.
pub(super) fn limit(m: &Measured, limits: &Limits, verdict: Verdict) -> Option<Limit> {
    let loosest = allowances(m).last()?;
    let db = |ratio: f32| 10.0 * ratio.log10();
    let (of, value) = match verdict {
        Verdict::Taken | Verdict::Resumed => return None,
        Verdict::Level => (Quantity::Level, db(limits.power / power_of_dbm0(0.0))),
        Verdict::Twist if m.power[0] > m.power[1] => (Quantity::Twist, db(limits.twist.1)),
        Verdict::Twist => (Quantity::Twist, db(limits.twist.0)),
        Verdict::Frequency => (Quantity::Deviation, limits.deviation.min(loosest_deviation(m, limits, loosest))),
        Verdict::TooShort if m.length < least_length(m, limits) => (Quantity::Length, least_length(m, limits) as f32),
        Verdict::TooShort => (Quantity::Length, loosest.length as f32),
        Verdict::Residual if m.low_share > loosest.low_share => (Quantity::LowResidual, loosest.low_share),
        Verdict::Residual if m.share > loosest.share => (Quantity::Residual, loosest.share),
        Verdict::Residual => (Quantity::Before, loosest.before),
        Verdict::Unsteady => (Quantity::Scatter, loosest.scatter[0]),
    };
    Some(Limit { of, value })
}

/// The limit of deviation: the configured one if it was exceeded, otherwise that of the loosest allowance.
fn loosest_deviation(m: &Measured, limits: &Limits, loosest: &Allowance) -> f32 {
    if m.deviation.iter().any(|d| d.abs() > limits.deviation) { limits.deviation } else { loosest.deviation[0] }
}
