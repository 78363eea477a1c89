//! The counts reported about a source: the counters of RFC 3550 §6.4.1, as its appendix A.3 and A.8 compute them.

use super::samples;
use crate::time::Time;

/// Counts of one source since it was first heard.
#[derive(Default)]
pub(super) struct Reception {
    ssrc: u32,
    /// The first and the highest sequence number, wraps counted; none before the first packet.
    range: Option<(u64, u64)>,
    received: u64,
    expected_before: u64,
    received_before: u64,
    /// The jitter in samples, scaled by 16.
    jitter: u64,
    transit: Option<i64>,
}

/// The part of a report block that comes from counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The source.
    pub ssrc: u32,
    /// Of the packets since the last report, how many were lost, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative when there were duplicates.
    pub lost: i32,
    /// The extended highest sequence number.
    pub highest: u32,
    /// The interarrival jitter in samples.
    pub jitter: u32,
}

impl Reception {
    /// Counts of a new source, or of one that started again.
    pub(super) fn new(ssrc: u32) -> Reception {
        Reception { ssrc, ..Reception::default() }
    }

    /// Counts a packet, duplicate or not, with its extended sequence number.
    pub(super) fn count(&mut self, highest: u64) {
        let first = self.range.map_or(highest, |(first, _)| first);
        self.range = Some((first, highest));
        self.received += 1;
    }

    /// Follows the jitter of audio packets. Events repeat their timestamp and say nothing about it.
    pub(super) fn time(&mut self, timestamp: u32, arrived: Time) {
        let clock = samples(arrived.elapsed()) as u32;
        let transit = i64::from(clock.wrapping_sub(timestamp) as i32);
        if let Some(before) = self.transit.replace(transit) {
            let difference = i64::from((transit - before) as i32).unsigned_abs();
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
    }

    /// The jitter in samples.
    pub(super) fn jitter(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX)
    }

    /// The counts for a report; the fraction starts anew. None when nothing was received since the last report.
    pub(super) fn report(&mut self) -> Option<Counts> {
        let (first, highest) = self.range?;
        if self.received == self.received_before {
            return None;
        }
        let expected = highest - first + 1;
        let expected_now = expected - self.expected_before;
        let received_now = self.received - self.received_before;
        self.expected_before = expected;
        self.received_before = self.received;
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255);
        let lost = i64::try_from(expected).unwrap_or(i64::MAX) - i64::try_from(self.received).unwrap_or(i64::MAX);
        Some(Counts {
            ssrc: self.ssrc,
            fraction_lost: fraction as u8,
            lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: (highest - (first & !0xffff)) as u32,
            jitter: self.jitter(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn losses_are_reported_since_the_last_report_and_altogether() {
        let mut reception = Reception::new(7);
        assert_eq!(reception.report(), None);
        for sequence in [0x1_fffe_u64, 0x1_ffff, 0x2_0002, 0x2_0003] {
            reception.count(sequence);
        }
        let counts = reception.report().unwrap();
        assert_eq!((counts.fraction_lost, counts.lost, counts.highest), (85, 2, 0x1_0003));
        assert_eq!(reception.report(), None, "nothing new to report");
        reception.count(0x2_0004);
        reception.count(0x2_0004);
        let counts = reception.report().unwrap();
        assert_eq!((counts.fraction_lost, counts.lost, counts.highest), (0, 1, 0x1_0004), "duplicates count (A.3)");
    }

    #[test]
    fn jitter_is_the_smoothed_deviation_of_the_transit_time() {
        let mut reception = Reception::new(7);
        reception.time(0xffff_ff00, Time::ZERO);
        reception.time(0xffff_ff00_u32.wrapping_add(160), Time::from_millis(20));
        assert_eq!(reception.jitter(), 0, "on time, over a timestamp wrap");
        for n in 0..200_u32 {
            let late = u64::from(n % 2) * 10;
            reception.time(n * 160, Time::from_millis(u64::from(n) * 20 + late));
        }
        assert!((75..=80).contains(&reception.jitter()), "every other packet 80 samples late: {}", reception.jitter());
    }
}
