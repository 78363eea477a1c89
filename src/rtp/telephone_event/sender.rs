//! The sending end of an event: the packet of each tick (RFC 4733 §2.5.1).

use super::{Report, SEGMENT};
use crate::rtp::AUDIO_CLOCK;

/// Copies of the end, in case one is lost (RFC 4733 §2.5.1.4).
const ENDS: u8 = 3;

/// One packet of an event, for [`Session::send_event`](crate::rtp::session::Session::send_event).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The payload.
    pub report: Report,
    /// This is the first packet of the event: it carries the marker.
    pub first: bool,
    /// A new timestamp is due: the first packet of the event or of a further segment.
    pub anchor: bool,
    /// The media time, in audio samples from the anchor of the first segment, at which the segment begins.
    pub offset: u32,
    /// The media time that this packet covers, in audio samples.
    pub advance: u32,
}

/// One key held for a given time: a packet a tick, then the end three times.
pub struct Sender {
    code: u8,
    volume: u8,
    clock_rate: u32,
    /// The whole press, in audio samples.
    length: u32,
    /// A tick, in audio samples.
    interval: u32,
    /// The part that was reported, in audio samples.
    reported: u32,
    /// The start of the segment, in audio samples.
    segment: u32,
    /// Ends still to be sent.
    ends: u8,
}

impl Sender {
    /// Holds the key `code` for `length` audio samples, with a packet every `interval` audio samples (160: 20 ms).
    /// `clock_rate` is that of the negotiated telephone-event.
    pub fn new(code: u8, length: u32, interval: u32, clock_rate: u32) -> Sender {
        let interval = interval.max(1);
        Sender { code, volume: 10, clock_rate, length: length.max(1), interval, reported: 0, segment: 0, ends: ENDS }
    }

    /// Whether nothing is left to send.
    pub fn is_done(&self) -> bool {
        self.ends == 0
    }

    /// The length of a full segment, in audio samples.
    fn segment_length(&self) -> u32 {
        let length = u64::from(SEGMENT) * u64::from(AUDIO_CLOCK) / u64::from(self.clock_rate.max(1));
        u32::try_from(length).unwrap_or(u32::MAX).max(1)
    }
}

impl Iterator for Sender {
    type Item = Step;

    /// The packet of this tick; none when the event and its repeated ends are sent.
    fn next(&mut self) -> Option<Step> {
        let advance = self.interval;
        if self.is_done() {
            return None;
        }
        let first = self.reported == 0;
        let full = self.segment_length();
        let new_segment = self.reported - self.segment >= full;
        if new_segment {
            self.segment += full;
        }
        self.reported = self.reported.saturating_add(self.interval).min(self.length);
        // the last report of a full segment says exactly that it is full
        self.reported = self.reported.min(self.segment.saturating_add(full));
        let end = self.reported >= self.length;
        if end {
            self.ends -= 1;
        }
        let units = u64::from(self.reported - self.segment) * u64::from(self.clock_rate) / u64::from(AUDIO_CLOCK);
        let duration = u16::try_from(units).unwrap_or(u16::MAX);
        let report = Report { code: self.code, end, volume: self.volume, duration };
        Some(Step { report, first, anchor: first || new_segment, offset: self.segment, advance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(sender: Sender) -> Vec<(u16, bool, bool)> {
        sender.map(|step| (step.report.duration, step.first, step.report.end)).collect()
    }

    #[test]
    fn a_press_is_a_start_updates_and_three_ends() {
        let packets = sent(Sender::new(5, 500, 160, 8000));
        let expected =
            [(160, true, false), (320, false, false), (480, false, false), (500, false, true), (500, false, true)];
        assert_eq!(packets[..5], expected);
        assert_eq!(packets[5..], [(500, false, true)]);
        assert_eq!(sent(Sender::new(5, 1, 160, 8000)), [(1, true, true), (1, false, true), (1, false, true)]);
    }

    #[test]
    fn durations_are_in_units_of_the_negotiated_clock() {
        let packets = sent(Sender::new(5, 320, 160, 48_000));
        assert_eq!(packets[..2], [(960, true, false), (1920, false, true)]);
    }

    #[test]
    fn a_long_press_continues_in_a_new_segment() {
        let steps: Vec<_> = Sender::new(5, 70_000, 160, 8000).collect();
        let anchors: Vec<_> = steps.iter().filter(|step| step.anchor).map(|step| (step.offset, step.first)).collect();
        assert_eq!(anchors, [(0, true), (65_535, false)]);
        let full = steps.iter().position(|step| step.report.duration == 65_535);
        let next = full.and_then(|index| steps.get(index + 1)).map(|step| step.anchor);
        assert_eq!(next, Some(true));
        assert_eq!(steps.last().map(|step| step.report.duration), Some(4465));
    }
}
