//! The last 80 ms: samples, their correlations, and which hops did not arrive.

use super::goertzel::Bins;
use super::tables::HOP;

/// Hops that are kept: 80 ms.
pub(super) const KEPT: usize = 16;

/// Hops in a packet of 20 ms.
const PACKET: usize = 4;

/// Least peak of a repeated packet, since silence repeats itself. A power of two, so that or-ing all samples shows it.
const LOUD: i16 = 64;

pub(super) struct History {
    samples: [[i16; HOP]; KEPT],
    bins: [Bins; KEPT],
    lost: [bool; KEPT],
    /// Lost as well: an earlier packet was played in place of it.
    repeated: [bool; KEPT],
    /// The direct current under the samples, as it was when a candidate was last looked at.
    direct: f32,
    /// Hops completed since the first sample.
    pub(super) hops: u64,
}

/// A hop by its age: 0 is the newest complete one.
pub(super) type Age = usize;

impl History {
    pub(super) fn new() -> History {
        History {
            samples: [[0; HOP]; KEPT],
            bins: [[0; 16]; KEPT],
            lost: [true; KEPT],
            repeated: [false; KEPT],
            direct: 0.0,
            hops: 0,
        }
    }

    /// The hop that is being filled.
    pub(super) fn filling(&mut self) -> &mut [i16; HOP] {
        &mut self.samples[self.hops as usize % KEPT]
    }

    /// Whether the hop being filled equals the one of 20 ms before to the bit: a packet played twice to conceal a loss.
    pub(super) fn repeats(&self) -> bool {
        let now = &self.samples[self.hops as usize % KEPT];
        let before = &self.samples[(self.hops as usize).wrapping_sub(PACKET) % KEPT];
        now[0] == before[0]
            && now[1] == before[1]
            && now.iter().fold(0, |all, x| all | x.wrapping_add(LOUD) as u16) >= 2 * LOUD as u16
            && now == before
    }

    /// The filled hop, and the place of its correlations.
    #[inline(always)]
    pub(super) fn filled(&mut self) -> (&[i16; HOP], &mut Bins) {
        let slot = self.hops as usize % KEPT;
        (&self.samples[slot], &mut self.bins[slot])
    }

    /// Ends the hop that was filled.
    #[inline(always)]
    pub(super) fn complete(&mut self, lost: bool, repeated: bool) {
        let slot = self.hops as usize % KEPT;
        (self.lost[slot], self.repeated[slot]) = (lost, repeated);
        self.hops += 1;
    }

    fn slot(&self, age: Age) -> usize {
        (self.hops.wrapping_sub(1 + age as u64)) as usize % KEPT
    }

    /// Estimates the direct current: the mean of what arrived, to which tones add next to nothing within 80 ms.
    pub(super) fn find_direct_current(&mut self) {
        let (mut sum, mut count) = (0i32, 0);
        for age in (0..KEPT).filter(|age| !self.lost(*age) && !self.dead(*age)) {
            sum += self.raw(age).iter().map(|x| i32::from(*x)).sum::<i32>();
            count += HOP as i32;
        }
        self.direct = if count > 0 { sum as f32 / count as f32 } else { 0.0 };
    }

    fn raw(&self, age: Age) -> &[i16; HOP] {
        &self.samples[self.slot(age)]
    }

    /// The samples of a hop without direct current.
    pub(super) fn samples(&self, age: Age) -> [f32; HOP] {
        self.raw(age).map(|x| f32::from(x) - self.direct)
    }

    pub(super) fn bins(&self, age: Age) -> &Bins {
        &self.bins[self.slot(age)]
    }

    /// The samples of a span without direct current, oldest first.
    pub(super) fn span(&self, span: Span) -> impl Iterator<Item = f32> + '_ {
        let start = (self.hops as usize * HOP).wrapping_sub(span.from);
        (0..span.len()).map(move |n| {
            let at = start.wrapping_add(n) % (KEPT * HOP);
            f32::from(self.samples[at / HOP][at % HOP]) - self.direct
        })
    }

    /// Whether the hop is digital silence: one value all along, and next to nothing.
    pub(super) fn dead(&self, age: Age) -> bool {
        let samples = self.raw(age);
        let first = samples[0];
        first.unsigned_abs() <= 16 && samples.iter().all(|x| *x == first)
    }

    /// Whether the hop is missing, be it lost, too old or before the first sample.
    pub(super) fn lost(&self, age: Age) -> bool {
        age >= KEPT || self.lost[self.slot(age)]
    }

    /// Whether the hop is missing, and an earlier one was played in its place.
    pub(super) fn repeated(&self, age: Age) -> bool {
        age < KEPT && self.repeated[self.slot(age)]
    }
}

/// A span of samples. Start and end count backwards from the present.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Span {
    /// The hops from age `oldest` to age `newest`.
    pub(super) fn hops(oldest: Age, newest: Age) -> Span {
        Span { from: (oldest + 1) * HOP, to: newest * HOP }
    }

    pub(super) fn len(self) -> usize {
        self.from.saturating_sub(self.to)
    }
}
