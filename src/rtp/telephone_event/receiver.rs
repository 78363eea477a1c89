//! The receiving end of events: any packet of a press is enough to report it, and it is reported once (RFC 4733 §2.5.2).
//!
//! A press is named by its timestamp. Some senders depart from the RFC: ends with a timestamp of their own, ends that repeat
//! a sequence number, a duration that wraps instead of a new segment, one timestamp for all presses as long as no audio moves
//! the sender's clock on. An end with an unknown timestamp may belong to the press before, or be the only packet left of a new
//! one: the sender's habits decide, then the sequence numbers, then the elapsed time.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::{LAST_CODE, Report, SEGMENT};
use crate::rtp::AUDIO_CLOCK;
use crate::rtp::packet::Packet;
use crate::time::Time;

/// A press without a report for this long is over. When its reports resume, it is still the same press.
const TIMEOUT: Duration = Duration::from_millis(500);
/// Timestamps remembered. A late packet of a press further back belongs to no known press.
const NAMES: usize = 32;
/// Longest time after the end of a press in which a packet of it may still arrive, overtaken by the end.
const OVERTAKEN: Duration = Duration::from_millis(60);
/// Repetitions of an end (RFC 4733 §2.5.1.4): an end more packets after the first is another press's.
const REPEATED_ENDS: u32 = 2;

/// A key goes down or up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A key was pressed.
    Down {
        /// The event code.
        code: u8,
        /// The extended RTP timestamp of the press; its low 32 bits are the packet's.
        at: u64,
    },
    /// It was let go.
    Up {
        /// The event code.
        code: u8,
        /// As in `Down`.
        at: u64,
        /// How long it was held, in samples at 8 kHz, as far as it was reported.
        duration: u32,
    },
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Down { at, .. } => write!(f, "Down(•, at {at})"),
            Change::Up { at, duration, .. } => write!(f, "Up(•, at {at}, {duration} long)"),
        }
    }
}

/// Turns event packets, in sequence as far as they can be, into presses.
pub struct Receiver {
    clock_rate: u32,
    names: VecDeque<Name>,
    press: Option<Press>,
    presses: u64,
    habits: Habits,
    changes: VecDeque<Change>,
}

/// The newest press.
struct Press {
    id: u64,
    ssrc: u32,
    code: u8,
    timestamp: u32,
    at: u64,
    /// In units of the event clock, over all segments.
    duration: u32,
    down: bool,
    /// An end was received.
    ended: bool,
    sequence: u16,
    arrived: Time,
    /// The source started again: nothing that follows belongs to it.
    closed: bool,
}

/// A timestamp under which a press was reported.
struct Name {
    ssrc: u32,
    timestamp: u32,
    code: u8,
    press: u64,
    /// From the start of the press to the start of this segment.
    offset: u32,
    /// The duration reported under this name, its wraps counted.
    duration: u32,
}

/// The sender's habits, as far as they have shown.
#[derive(Default)]
struct Habits {
    /// An end kept the timestamp of the updates before it.
    ends_keep_timestamp: bool,
    /// A repeated end kept the timestamp of the first.
    repeats_keep_timestamp: bool,
}

/// A report and the header of its packet.
#[derive(Clone, Copy)]
struct Sighting {
    arrived: Time,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    report: Report,
    /// The packet has the marker bit: an event begins with it (RFC 4733 §2.2.2).
    marked: bool,
}

/// How a report under an unknown timestamp relates to the newest press.
enum Relation {
    New,
    /// It is of the same press, from this offset on.
    Same(u32),
    /// It is older than a press that was reported: too late.
    Stale,
}

impl Receiver {
    /// A receiver of events at the negotiated `clock_rate` (samples a second, nearly always 8000).
    pub fn new(clock_rate: u32) -> Receiver {
        Receiver {
            clock_rate: clock_rate.max(1),
            names: VecDeque::with_capacity(NAMES),
            press: None,
            presses: 0,
            habits: Habits::default(),
            changes: VecDeque::new(),
        }
    }

    /// Takes a telephone-event packet that arrived at `arrived`, which need not be now.
    pub fn receive(&mut self, arrived: Time, packet: &Packet<'_>) {
        self.handle_timeout(arrived);
        for (offset, report) in Report::all(packet.payload) {
            if report.code <= LAST_CODE {
                let timestamp = packet.timestamp.wrapping_add(offset);
                let Packet { ssrc, sequence, marker, .. } = *packet;
                let marked = marker && offset == 0;
                self.sight(Sighting { arrived, ssrc, sequence, timestamp, report, marked });
            }
        }
    }

    /// Ends a press without further reports.
    pub fn handle_timeout(&mut self, now: Time) {
        if now >= self.deadline() {
            self.release();
        }
    }

    /// When [`Receiver::handle_timeout`] has something to do; [`Time::MAX`] when no key is down.
    pub fn deadline(&self) -> Time {
        self.press.as_ref().filter(|press| press.down).map_or(Time::MAX, |press| press.arrived + TIMEOUT)
    }

    /// The next change.
    pub fn poll(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// The source numbers its packets anew: its next packet repeats none before it.
    pub fn restart(&mut self) {
        self.release();
        self.names.clear();
        if let Some(press) = &mut self.press {
            press.closed = true;
        }
    }

    fn sight(&mut self, seen: Sighting) {
        if self.begins_again(&seen) {
            self.names.retain(|name| !name.is_of(&seen));
            self.begin(&seen);
            return self.update(&seen);
        }
        if self.known(&seen) {
            return self.update(&seen);
        }
        match self.relate(&seen) {
            Relation::New => self.begin(&seen),
            Relation::Same(offset) => self.name(&seen, offset),
            Relation::Stale => return,
        }
        self.update(&seen);
    }

    fn known(&self, seen: &Sighting) -> bool {
        self.names.iter().any(|name| name.is_of(seen))
    }

    /// A sender whose clock stands still gives the next press of the key the name of the one before. That press begins after the
    /// end, with the marker and a shorter duration.
    fn begins_again(&self, seen: &Sighting) -> bool {
        let Some(press) = self.press.as_ref().filter(|press| press.ended && !press.closed) else { return false };
        let is_named = self.names.iter().any(|name| name.press == press.id && name.is_of(seen));
        let is_first = seen.marked && !seen.report.end && u32::from(seen.report.duration) < press.duration;
        let is_later = ahead(seen.sequence, press.sequence) > 0 && seen.arrived.since(press.arrived) > OVERTAKEN;
        is_named && is_first && is_later
    }

    fn begin(&mut self, seen: &Sighting) {
        self.release();
        let step = |press: &Press| press.at.checked_add_signed(difference(seen.timestamp, press.timestamp));
        let at = self.press.as_ref().and_then(step).unwrap_or((1 << 32) + u64::from(seen.timestamp));
        self.presses += 1;
        self.press = Some(Press {
            id: self.presses,
            ssrc: seen.ssrc,
            code: seen.report.code,
            timestamp: seen.timestamp,
            at,
            duration: 0,
            down: true,
            ended: false,
            sequence: seen.sequence,
            arrived: seen.arrived,
            closed: false,
        });
        self.changes.push_back(Change::Down { code: seen.report.code, at });
        self.name(seen, 0);
    }

    fn name(&mut self, seen: &Sighting, offset: u32) {
        if self.names.len() == NAMES {
            self.names.pop_front();
        }
        let (ssrc, timestamp, code, press) = (seen.ssrc, seen.timestamp, seen.report.code, self.presses);
        self.names.push_back(Name { ssrc, timestamp, code, press, offset, duration: 0 });
    }

    fn update(&mut self, seen: &Sighting) {
        let Some(name) = self.names.iter_mut().find(|name| name.is_of(seen)) else { return };
        let Some(press) = self.press.as_mut().filter(|press| press.id == name.press) else { return };
        let later = ahead(seen.sequence, press.sequence);
        if later > 0 {
            self.habits.learn(seen, press, name);
            press.sequence = seen.sequence;
            press.arrived = seen.arrived;
        }
        name.lengthen(seen.report.duration, later >= 0);
        press.duration = press.duration.max(name.offset.saturating_add(name.duration));
        if seen.report.end {
            press.ended = true;
            self.release();
        }
    }

    /// The key is up, by an end or without one.
    fn release(&mut self) {
        let Some(press) = self.press.as_mut().filter(|press| press.down) else { return };
        press.down = false;
        let duration = u64::from(press.duration) * u64::from(AUDIO_CLOCK) / u64::from(self.clock_rate);
        let duration = u32::try_from(duration).unwrap_or(u32::MAX);
        self.changes.push_back(Change::Up { code: press.code, at: press.at, duration });
    }

    fn relate(&self, seen: &Sighting) -> Relation {
        let Some(press) = self.press.as_ref().filter(|press| !press.closed) else { return Relation::New };
        let same_code = press.code == seen.report.code;
        if press.ssrc != seen.ssrc {
            return if same_code && self.carries_on(press, seen) { Relation::Same(0) } else { Relation::New };
        }
        let later = ahead(seen.sequence, press.sequence);
        let gap = difference(seen.timestamp, press.timestamp);
        if later < 0 {
            return if gap < 0 || same_code { Relation::Stale } else { Relation::New };
        }
        if !same_code {
            return Relation::New;
        }
        if later == 0 {
            // one packet sent twice, the second time with another timestamp
            return Relation::Same(0);
        }
        match (press.ended, seen.report.end) {
            (true, false) => Relation::New,
            (true, true) => self.relate_second_end(press, seen, later.unsigned_abs(), gap),
            (false, false) => self.relate_update(press, gap),
            (false, true) => self.relate_first_end(press, seen, later.unsigned_abs(), gap),
        }
    }

    /// An update with another timestamp, while the key is down as far as we know.
    fn relate_update(&self, press: &Press, gap: i64) -> Relation {
        match u32::try_from(gap) {
            Ok(gap) if is_segment(gap) || gap <= self.span(press) => Relation::Same(gap),
            Ok(_) | Err(_) => Relation::New,
        }
    }

    /// An end with another timestamp, while the key is down as far as we know.
    fn relate_first_end(&self, press: &Press, seen: &Sighting, later: u32, gap: i64) -> Relation {
        let reported = u32::from(seen.report.duration);
        let Ok(gap) = u32::try_from(gap) else { return Relation::Same(0) };
        if is_segment(gap) {
            return Relation::Same(gap);
        }
        if gap <= self.span(press) {
            return Relation::Same(if reported < press.duration { gap } else { 0 });
        }
        // the whole press cannot be shorter than the reported part
        if reported < press.duration || self.habits.ends_keep_timestamp {
            return Relation::New;
        }
        let lost_updates = (reported - press.duration) / (self.clock_rate / 50).max(1);
        self.weigh(press, seen, gap, later > lost_updates + REPEATED_ENDS)
    }

    /// An end with another timestamp, after an end.
    fn relate_second_end(&self, press: &Press, seen: &Sighting, later: u32, gap: i64) -> Relation {
        let reported = u32::from(seen.report.duration);
        if later > REPEATED_ENDS {
            return Relation::New;
        }
        match u32::try_from(gap) {
            Err(_) => Relation::Same(0),
            Ok(gap) if gap < self.span(press) => Relation::Same(0),
            Ok(_) if reported < press.duration || self.habits.repeats_keep_timestamp => Relation::New,
            Ok(gap) => self.weigh(press, seen, gap, false),
        }
    }

    /// Which is nearer to the elapsed time: the end of this press, or that of another, `gap` later?
    fn weigh(&self, press: &Press, seen: &Sighting, gap: u32, too_many_between: bool) -> Relation {
        let passed = self.units(seen.arrived.since(press.arrived));
        let same = u64::from(u32::from(seen.report.duration).saturating_sub(press.duration));
        let other = same + u64::from(gap);
        if too_many_between || passed * 2 > same + other { Relation::New } else { Relation::Same(0) }
    }

    /// The sender changed its SSRC while the key was down, and the duration grows on; or it did so between an end and its
    /// repetition, in less time than another press of that length would have taken.
    fn carries_on(&self, press: &Press, seen: &Sighting) -> bool {
        let reported = u32::from(seen.report.duration);
        let grows = press.down && press.duration > 0 && reported > press.duration;
        let passed = self.units(seen.arrived.since(press.arrived));
        grows || (press.ended && seen.report.end && reported == press.duration && passed * 2 < u64::from(reported))
    }

    /// The certain length of a press after its timestamp. A sender of events at another clock may run its
    /// timestamps at the audio's.
    fn span(&self, press: &Press) -> u32 {
        let scaled = u64::from(press.duration) * u64::from(AUDIO_CLOCK) / u64::from(self.clock_rate);
        press.duration.min(u32::try_from(scaled).unwrap_or(u32::MAX))
    }

    fn units(&self, span: Duration) -> u64 {
        u64::try_from(span.as_millis() * u128::from(self.clock_rate) / 1000).unwrap_or(u64::MAX)
    }
}

impl Name {
    fn is_of(&self, seen: &Sighting) -> bool {
        (self.ssrc, self.timestamp, self.code) == (seen.ssrc, seen.timestamp, seen.report.code)
    }

    /// Follows the 16-bit duration, which some senders let wrap.
    fn lengthen(&mut self, reported: u16, newer: bool) {
        let candidate = (self.duration & !0xffff) | u32::from(reported);
        let wrapped = newer && candidate.saturating_add(0x8000) < self.duration;
        let candidate = if wrapped { candidate.saturating_add(0x1_0000) } else { candidate };
        self.duration = self.duration.max(candidate);
    }
}

impl Habits {
    fn learn(&mut self, seen: &Sighting, press: &Press, name: &Name) {
        let reported_before = name.duration > 0;
        if seen.report.end && reported_before {
            self.ends_keep_timestamp |= !press.ended;
            self.repeats_keep_timestamp |= press.ended;
        }
    }
}

/// A whole number of full segments (RFC 4733 §2.5.1.3), also with 2^16 taken for a segment, as some senders do.
fn is_segment(gap: u32) -> bool {
    gap > 0 && (gap.is_multiple_of(SEGMENT) || gap.is_multiple_of(SEGMENT + 1))
}

/// How much later the timestamp `a` is than `b`, over a wrap.
fn difference(a: u32, b: u32) -> i64 {
    i64::from(a.wrapping_sub(b) as i32)
}

/// How many packets after the sequence number `b` comes `a`, over a wrap.
fn ahead(a: u16, b: u16) -> i32 {
    i32::from(a.wrapping_sub(b) as i16)
}

#[cfg(test)]
mod tests;
