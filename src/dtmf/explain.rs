//! Why a candidate was accepted or refused.

use std::collections::VecDeque;

use super::digit::Digit;
use super::limits::{self, Limits};
use super::measured::Measured;
use super::verdict::{Limit, Verdict};

/// Measurements and decision of one candidate: a stretch in which two tones of the pad stood out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explanation {
    /// The key whose tones they are.
    pub digit: Digit,
    /// The sample at which they set in.
    pub at: u64,
    /// Samples of tone when it was last measured; a digit is measured for the last time when it is taken.
    pub length: u64,
    /// Levels in dBm0, low and high tone.
    pub level: [f32; 2],
    /// Deviations from the nominal frequencies, as a part of them, low and high tone.
    pub deviation: [f32; 2],
    /// The energy that two steady tones leave unexplained, as a part of all.
    pub residual: f32,
    /// The same below 2 kHz, as a part of all energy.
    pub low_residual: f32,
    /// Mean squared unsteadiness of amplitude and phase from hop to hop, of the worse tone, as a part of its power.
    pub scatter: f32,
    /// Power in the 10 ms before the onset, as a part of the tones'.
    pub before: f32,
    /// Whether some of it was lost, or is a repeated packet.
    pub lossy: bool,
    /// The decision.
    pub verdict: Verdict,
    /// The limit that a refusal turned on.
    pub limit: Option<Limit>,
}

impl Explanation {
    /// By how many dB the low tone is stronger than the high one.
    pub fn twist(&self) -> f32 {
        self.level[0] - self.level[1]
    }

    fn is_refused_however_long(&self) -> bool {
        match self.verdict {
            Verdict::Taken | Verdict::Resumed | Verdict::TooShort => false,
            Verdict::Frequency | Verdict::Twist | Verdict::Level | Verdict::Residual | Verdict::Unsteady => true,
        }
    }
}

/// Explanations of candidates that are over, and the one that may still change.
#[derive(Default)]
pub(super) struct Explanations {
    open: Option<Explanation>,
    done: VecDeque<Explanation>,
}

impl Explanations {
    pub(super) fn add(&mut self, mut new: Explanation) {
        if let Some(open) = self.open {
            let same =
                open.digit == new.digit && new.at <= open.at + open.length + 80 && open.verdict != Verdict::Taken;
            if !same {
                self.done.push_back(open);
            } else if new.at > open.at && new.is_refused_however_long() {
                // its onset is out of sight by now
                new.length += new.at - open.at;
                new.at = open.at;
            }
        }
        self.open = Some(new);
    }

    /// The next one; the last one only once `finished`.
    pub(super) fn poll(&mut self, finished: bool) -> Option<Explanation> {
        self.done.pop_front().or_else(|| if finished { self.open.take() } else { None })
    }
}

impl Explanation {
    pub(super) fn new(digit: Digit, at: u64, m: &Measured, verdict: Verdict, limits: &Limits) -> Explanation {
        let dbm0 = |power: f32| 10.0 * (power.max(1e-9) / limits::power_of_dbm0(0.0)).log10();
        Explanation {
            digit,
            at,
            length: m.length as u64,
            level: m.power.map(dbm0),
            deviation: m.deviation,
            residual: m.share,
            low_residual: m.low_share,
            scatter: m.scatter[0].max(m.scatter[1]),
            before: m.before,
            lossy: m.lossy,
            verdict,
            limit: limits::limit(m, limits, verdict),
        }
    }
}
