//! Habits of telephones and faults of networks, which a test caller imitates on request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::time::Time;

/// How media is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Habits {
    /// Audio in a packet, in milliseconds: 10, 20 … 60.
    pub ptime_ms: u32,
    /// What is sent in silence.
    pub silence: Silence,
    /// How slow the clock runs, in millionths; fast when negative.
    pub skew_ppm: i32,
    /// Ticks after which the telephone goes on as another source, with another numbering.
    pub new_source_every: Option<u32>,
    /// A flash (event 16) is sent before every key. Services must ignore it.
    pub flash: bool,
    /// Faults of the network.
    pub faults: Faults,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            ptime_ms: 20,
            silence: Silence::Sent,
            skew_ppm: 0,
            new_source_every: None,
            flash: false,
            faults: Faults::default(),
        }
    }
}

impl Habits {
    /// Samples in a packet.
    pub(super) fn samples(&self) -> usize {
        self.ptime_ms.clamp(10, 60) as usize * 8
    }

    /// Time from one packet to the next.
    pub(super) fn tick(&self) -> Duration {
        let micros = u64::from(self.ptime_ms.clamp(10, 60)) * 1000;
        Duration::from_nanos(micros * 1_000_000_u64.saturating_add_signed(self.skew_ppm.into()) / 1000)
    }
}

/// What is sent in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Silence, as audio.
    Sent,
    /// Nothing.
    Suppressed,
    /// Nothing but the level of the silence, now and then (RFC 3389).
    ComfortNoise,
}

/// Faults of a network, applied to the RTP that is sent. SIP and RTCP are spared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// The part of the packets that is lost, 0 to 1.
    pub loss: f64,
    /// The greatest delay of a packet, evenly spread. Later packets wait behind it, as in a queue.
    pub jitter: Duration,
    /// The part of the packets that one to four later ones overtake, 0 to 1.
    pub reorder: f64,
    /// The seed: the same one makes the same faults.
    pub seed: u64,
}

impl Faults {
    /// Whether there are any.
    pub fn are_none(&self) -> bool {
        self.loss <= 0.0 && self.reorder <= 0.0 && self.jitter.is_zero()
    }
}

/// The network's faults at work.
pub(super) struct FaultyLine {
    faults: Faults,
    random: StdRng,
    waiting: BTreeMap<(Time, u64), (SocketAddr, Vec<u8>)>,
    taken: u64,
    /// When the last packet that is not overtaken leaves.
    last: Time,
}

impl FaultyLine {
    /// `seed` is the call's own, so that no two calls have the same faults.
    pub(super) fn new(faults: Faults, seed: u64) -> FaultyLine {
        let random = StdRng::seed_from_u64(faults.seed ^ seed);
        FaultyLine { faults, random, waiting: BTreeMap::new(), taken: 0, last: Time::ZERO }
    }

    pub(super) fn take(&mut self, now: Time, to: SocketAddr, bytes: Vec<u8>) {
        // each packet takes the same draws, so that one fate does not change all later ones
        let [lost, late, overtaken, behind] = std::array::from_fn(|_| self.random.random::<f64>());
        self.taken += 1;
        if lost < self.faults.loss {
            return;
        }
        let leaves = (now + self.faults.jitter.mul_f64(late)).max(self.last);
        let leaves = if overtaken < self.faults.reorder {
            leaves + Duration::from_millis(30) + Duration::from_millis(60).mul_f64(behind)
        } else {
            self.last = leaves;
            leaves
        };
        self.waiting.insert((leaves, self.taken), (to, bytes));
    }

    /// The next packet that leaves by now.
    pub(super) fn due(&mut self, now: Time) -> Option<(SocketAddr, Vec<u8>)> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next packet leaves.
    pub(super) fn next(&self) -> Time {
        self.waiting.first_key_value().map_or(Time::MAX, |((leaves, _), _)| *leaves)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// 10 000 packets, 20 ms apart, in the order of leaving, each with its delay.
    fn sent(faults: &Faults) -> Vec<(u64, Duration)> {
        let mut line = FaultyLine::new(faults.clone(), 0);
        let to = "192.0.2.1:4000".parse().unwrap();
        let mut left = Vec::new();
        for n in 0..10_000_u64 {
            line.take(Time::from_millis(n * 20), to, n.to_be_bytes().to_vec());
        }
        while line.next() < Time::MAX {
            let now = line.next();
            let (_, bytes) = line.due(now).unwrap();
            let n = u64::from_be_bytes(bytes.try_into().unwrap());
            left.push((n, now.since(Time::from_millis(n * 20))));
        }
        left
    }

    #[test]
    fn faults_are_as_many_as_were_asked_for() {
        let left = sent(&Faults { loss: 0.1, ..Faults::default() });
        assert!((8_850..9_150).contains(&left.len()), "{}", left.len());
        let left = sent(&Faults { jitter: Duration::from_millis(200), ..Faults::default() });
        assert!(left.len() == 10_000 && left.is_sorted_by_key(|(n, _)| *n), "late, but in order");
        assert!(left.iter().all(|(_, late)| *late < Duration::from_millis(200)));
        assert!(left.iter().any(|(_, late)| *late > Duration::from_millis(190)));
        let left = sent(&Faults { reorder: 0.05, ..Faults::default() });
        let overtaken = left.iter().filter(|(_, late)| !late.is_zero()).count();
        assert!(left.len() == 10_000 && (400..600).contains(&overtaken), "{overtaken}");
        assert!(left.windows(2).filter(|pair| pair[0].0 > pair[1].0).count() > 350);
    }

    #[test]
    fn the_same_seed_makes_the_same_faults() {
        let faults = Faults { loss: 0.2, jitter: Duration::from_millis(50), reorder: 0.1, seed: 7 };
        assert_eq!(sent(&faults), sent(&faults));
        assert_ne!(sent(&faults), sent(&Faults { seed: 8, ..faults }));
        assert!(Faults::default().are_none());
    }

    #[test]
    fn a_clock_runs_as_slow_as_was_asked_for() {
        let habits = Habits { ptime_ms: 30, skew_ppm: 500, ..Habits::default() };
        assert_eq!((habits.tick(), habits.samples()), (Duration::from_micros(30_015), 240));
        let habits = Habits { skew_ppm: -500, ..Habits::default() };
        assert_eq!(habits.tick(), Duration::from_micros(19_990));
    }
}
