//! The media clock of a source: RTP timestamps as one run of samples that never goes back, whatever the sender does.

use super::{AUDIO_CLOCK, samples};
use crate::time::Time;

/// How far a timestamp may run ahead of the elapsed time and still be believed (a burst after a stall).
const LEEWAY: u64 = AUDIO_CLOCK as u64;
/// Restarted senders: less than this between two packets is jitter, not a pause.
const JITTER: u64 = AUDIO_CLOCK as u64 / 10;
/// An event whose timestamp is further than this from the audio's runs on another clock.
const EVENT_LEEWAY: u64 = AUDIO_CLOCK as u64 * 10;

/// Samples without audio before a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gap {
    /// Sent, but did not arrive.
    pub lost: u64,
    /// Not sent: silence suppression, or a keyed event in their place.
    pub silence: u64,
}

/// Where in the media time packets lie.
#[derive(Default)]
pub(super) struct Timeline {
    started: bool,
    /// The media time of the sample that should come next, and its timestamp.
    position: u64,
    timestamp: u32,
    /// The samples of the last packet: what a lost one would have held.
    frame: u64,
    arrived: Time,
    /// Set after a restart: the next timestamp says nothing about time.
    unknown: bool,
}

impl Timeline {
    /// Places `length` samples; `missing` packets were given up since the last call. Returns the gap before them and the
    /// media time of the first.
    pub(super) fn advance(&mut self, timestamp: u32, length: u64, missing: u64, arrived: Time) -> (Gap, u64) {
        self.start(timestamp, arrived);
        let gap = self.gap(timestamp, missing, arrived);
        let at = self.position.saturating_add(gap.lost).saturating_add(gap.silence);
        self.position = at.saturating_add(length);
        self.timestamp = timestamp.wrapping_add(length as u32);
        self.arrived = self.arrived.max(arrived);
        self.unknown = false;
        if length > 0 {
            self.frame = length;
        }
        (gap, at)
    }

    /// The media time of a keyed event. Its timestamp is believed when it is of the audio's clock.
    pub(super) fn locate(&mut self, timestamp: u32, arrived: Time) -> u64 {
        self.start(timestamp, arrived);
        let offset = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        let at = self.position.saturating_add_signed(offset);
        let now = self.position.saturating_add(samples(arrived.since(self.arrived)));
        if self.unknown || at.abs_diff(now) > EVENT_LEEWAY { now } else { at }
    }

    /// The next timestamp is from another sender, or from the same one after a restart.
    pub(super) fn restart(&mut self) {
        self.unknown = true;
    }

    fn start(&mut self, timestamp: u32, arrived: Time) {
        if !self.started {
            // room for packets that were sent before the first that came
            self.position = (1 << 32) + u64::from(timestamp);
            self.timestamp = timestamp;
            self.arrived = arrived;
            self.started = true;
            self.unknown = false;
        }
    }

    fn gap(&self, timestamp: u32, missing: u64, arrived: Time) -> Gap {
        let elapsed = samples(arrived.since(self.arrived));
        let lost = missing.saturating_mul(self.frame);
        let ahead = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        let total = match u64::try_from(ahead) {
            Ok(ahead) if !self.unknown && ahead <= elapsed.saturating_add(lost).saturating_add(LEEWAY) => ahead,
            // overlapping audio, or a clock that was set: only the elapsed time counts
            Ok(_) | Err(_) => match elapsed.saturating_sub(self.frame) {
                paused if paused >= JITTER => paused,
                _ => lost.min(elapsed),
            },
        };
        let lost = lost.min(total);
        Gap { lost, silence: total - lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 160;

    fn started() -> Timeline {
        let mut timeline = Timeline::default();
        timeline.advance(1000, FRAME, 0, Time::ZERO);
        timeline
    }

    #[test]
    fn a_timestamp_wrap_is_nothing_special() {
        let mut timeline = Timeline::default();
        let (_, first) = timeline.advance(u32::MAX - 79, FRAME, 0, Time::ZERO);
        let (gap, second) = timeline.advance(80, FRAME, 0, Time::from_millis(20));
        assert_eq!((gap, second - first), (Gap::default(), FRAME));
        assert_eq!(timeline.locate(240, Time::from_millis(40)) - first, 2 * FRAME);
    }

    #[test]
    fn a_gap_is_split_into_what_was_lost_and_what_was_not_sent() {
        let mut timeline = started();
        let (gap, _) = timeline.advance(1000 + 5 * 160, FRAME, 1, Time::from_millis(100));
        assert_eq!(gap, Gap { lost: 160, silence: 480 });
        let (gap, _) = timeline.advance(1000 + 7 * 160, FRAME, 4, Time::from_millis(140));
        assert_eq!(gap, Gap { lost: 160, silence: 0 }, "the other three held no audio");
    }

    #[test]
    fn a_long_pause_is_believed_when_the_time_has_passed() {
        let mut timeline = started();
        let (gap, _) = timeline.advance(1160 + 60 * 8000, FRAME, 0, Time::from_millis(60_020));
        assert_eq!(gap.silence, 60 * 8000);
    }

    #[test]
    fn a_clock_that_was_set_is_not() {
        let mut timeline = started();
        let (gap, _) = timeline.advance(900_000_000, FRAME, 0, Time::from_millis(20));
        assert_eq!(gap, Gap::default());
        let (gap, _) = timeline.advance(5, FRAME, 0, Time::from_millis(540));
        assert_eq!(gap, Gap { lost: 0, silence: 4000 });
    }

    #[test]
    fn an_event_of_another_clock_is_placed_by_its_arrival() {
        let mut timeline = started();
        let position = timeline.locate(1160, Time::ZERO);
        assert_eq!(timeline.locate(3_000_000_000, Time::from_millis(30)), position + 240);
    }
}
