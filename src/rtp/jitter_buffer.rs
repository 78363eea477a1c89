//! The jitter buffer: puts packets back in sequence and says how many are missing.
//!
//! It adds no delay to packets that come in order. A hole holds what follows it for the reorder window, counted from the
//! moment the hole was noticed; then the missing packets are given up. A packet that comes later than that shows that
//! the window was too short for this network: it widens, up to a limit, and narrows again in calm.

use std::collections::VecDeque;
use std::time::Duration;

use super::packet::Packet;
use crate::time::Time;

/// Most packets held behind holes. With more, the oldest hole is given up.
const CAPACITY: usize = 64;
/// A forward jump below this is loss (RFC 3550 §A.1, MAX_DROPOUT).
const MAX_DROPOUT: i64 = 3000;
/// A backward jump up to this is reordering: as far back as `delivered` remembers.
const MAX_MISORDER: i64 = 128;
/// After this much silence no older packet is still under way: one that seems older shows a restarted sender.
const RESTART_SILENCE: Duration = Duration::from_secs(1);
/// Calm that narrows a widened window by one [`STEP`].
const CALM: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(20);

/// A packet on its way through the buffer.
pub struct Held {
    /// The sequence number with its wraps counted.
    pub sequence: u64,
    /// The time of arrival, which may be well before delivery.
    pub arrived: Time,
    /// The marker bit.
    pub marker: bool,
    /// The payload type.
    pub payload_type: u8,
    /// The RTP timestamp.
    pub timestamp: u32,
    /// The sender.
    pub ssrc: u32,
    /// The payload's bytes.
    pub payload: Vec<u8>,
}

impl Held {
    fn new(packet: &Packet<'_>, sequence: u64, arrived: Time, mut buffer: Vec<u8>) -> Held {
        buffer.clear();
        buffer.extend_from_slice(packet.payload);
        Held {
            sequence,
            arrived,
            marker: packet.marker,
            payload_type: packet.payload_type,
            timestamp: packet.timestamp,
            ssrc: packet.ssrc,
            payload: buffer,
        }
    }

    /// For senders that repeat a sequence number at the end of an event: the later payload is the fuller one.
    fn renew(&mut self, packet: &Packet<'_>) {
        if (packet.timestamp, packet.payload_type) == (self.timestamp, self.payload_type) {
            self.payload.clear();
            self.payload.extend_from_slice(packet.payload);
        }
    }

    /// The packet as it arrived.
    pub fn packet(&self) -> Packet<'_> {
        Packet {
            marker: self.marker,
            payload_type: self.payload_type,
            sequence: self.sequence as u16,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            payload: &self.payload,
        }
    }
}

/// The fate of an arriving packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It will come out of [`JitterBuffer::next`].
    Kept,
    /// A packet with its sequence number is still held.
    Repeated,
    /// A packet with its sequence number was delivered before.
    Duplicate,
    /// It had been given up.
    Late,
    /// Its sequence number is far from the others. Dropped; should the next one follow it, that is a restart.
    Stray,
    /// The sender numbers its packets anew: empty the buffer, [`JitterBuffer::restart`], and place the packet again.
    Restart,
}

/// Reorders the packets of one source.
pub struct JitterBuffer {
    base_window: Duration,
    max_window: Duration,
    window: Duration,
    widened: Time,
    /// The sequence number to be delivered next; none before the first packet.
    expected: Option<u64>,
    /// Bit n: whether `expected - 1 - n` was delivered.
    delivered: u128,
    highest: u64,
    last_arrival: Time,
    stray: Option<u16>,
    given_up: Option<Time>,
    held: VecDeque<Held>,
}

impl JitterBuffer {
    /// A buffer that waits `window` for missing packets, and up to `max_window` where the network needs it.
    pub fn new(window: Duration, max_window: Duration) -> JitterBuffer {
        JitterBuffer {
            base_window: window,
            max_window: max_window.max(window),
            window,
            widened: Time::ZERO,
            expected: None,
            delivered: 0,
            highest: 0,
            last_arrival: Time::ZERO,
            stray: None,
            given_up: None,
            held: VecDeque::new(),
        }
    }

    /// Takes a packet in. `buffer` is reused for its payload; it comes back when the packet is not kept.
    pub fn place(&mut self, now: Time, packet: &Packet<'_>, buffer: Vec<u8>) -> (Placed, Option<Vec<u8>>) {
        let Some(expected) = self.expected else {
            self.begin(packet.sequence);
            return self.place(now, packet, buffer);
        };
        let delta = i64::from(packet.sequence.wrapping_sub(self.highest as u16) as i16);
        if let Some(placed) = self.judge_jump(now, packet.sequence, delta) {
            return (placed, Some(buffer));
        }
        // cannot go below zero: counting starts at 2^16, and only so far back is accepted
        let sequence = self.highest.saturating_add_signed(delta);
        if sequence < expected {
            return (self.judge_old(now, expected - sequence), Some(buffer));
        }
        self.last_arrival = now;
        self.highest = self.highest.max(sequence);
        self.narrow(now);
        self.hold(now, packet, sequence, buffer)
    }

    fn hold(&mut self, now: Time, packet: &Packet<'_>, sequence: u64, buffer: Vec<u8>) -> (Placed, Option<Vec<u8>>) {
        let behind = self.held.iter().rev().take_while(|held| held.sequence >= sequence).count();
        let position = self.held.len() - behind;
        match self.held.get_mut(position) {
            Some(held) if held.sequence == sequence => {
                held.renew(packet);
                (Placed::Repeated, Some(buffer))
            }
            Some(_) | None => {
                self.held.insert(position, Held::new(packet, sequence, now, buffer));
                (Placed::Kept, None)
            }
        }
    }

    /// The next packet in sequence and the number of packets given up before it; none while a hole is waited for.
    pub fn next(&mut self, now: Time) -> Option<(u64, Held)> {
        let front = self.held.front()?;
        let missing = front.sequence.saturating_sub(self.expected?);
        if missing > 0 {
            let noticed = self.hole_noticed()?;
            if now < noticed + self.window && self.held.len() <= CAPACITY {
                return None;
            }
            self.given_up = Some(noticed);
        }
        self.take()
    }

    /// The next packet in sequence without waiting for missing ones: to empty the buffer.
    pub fn take(&mut self) -> Option<(u64, Held)> {
        let held = self.held.pop_front()?;
        let missing = held.sequence.saturating_sub(self.expected?);
        let moved = u32::try_from(missing.saturating_add(1)).unwrap_or(u32::MAX);
        self.delivered = self.delivered.checked_shl(moved).unwrap_or(0) | 1;
        self.expected = Some(held.sequence + 1);
        Some((missing, held))
    }

    /// Forgets the numbering; the next packet starts a new one.
    pub fn restart(&mut self) {
        self.expected = None;
        self.stray = None;
        self.held.clear();
    }

    /// When a hole is given up.
    pub fn deadline(&self) -> Time {
        self.hole_noticed().map_or(Time::MAX, |noticed| noticed + self.window)
    }

    /// The highest sequence number so far, wraps counted, starting at 2^16.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    fn begin(&mut self, sequence: u16) {
        self.highest = (1 << 16) + u64::from(sequence);
        self.expected = Some(self.highest);
        // a packet sent before the first to arrive is neither a duplicate nor late: unknown, so "late"
        self.delivered = 0;
    }

    fn hole_noticed(&self) -> Option<Time> {
        self.held.iter().map(|held| held.arrived).min()
    }

    fn judge_jump(&mut self, now: Time, sequence: u16, delta: i64) -> Option<Placed> {
        if delta < 0 && now.since(self.last_arrival) >= RESTART_SILENCE {
            return Some(Placed::Restart);
        }
        if (-MAX_MISORDER..MAX_DROPOUT).contains(&delta) {
            return None;
        }
        let follows = self.stray.is_some_and(|stray| sequence == stray.wrapping_add(1));
        if follows || now.since(self.last_arrival) >= RESTART_SILENCE {
            return Some(Placed::Restart);
        }
        self.stray = Some(sequence);
        Some(Placed::Stray)
    }

    /// A packet `back` places before the next one to be delivered.
    fn judge_old(&mut self, now: Time, back: u64) -> Placed {
        let bit = u32::try_from(back - 1).ok().and_then(|shift| self.delivered.checked_shr(shift)).unwrap_or(0) & 1;
        if bit == 1 {
            return Placed::Duplicate;
        }
        if back <= 128 {
            self.delivered |= 1_u128.checked_shl((back - 1) as u32).unwrap_or(0);
        }
        self.widen(now);
        Placed::Late
    }

    fn widen(&mut self, now: Time) {
        // unknown when the packet was sent before the first one to arrive
        let Some(noticed) = self.given_up else { return };
        self.window = (now.since(noticed) + STEP / 2).clamp(self.window, self.max_window);
        self.widened = now;
    }

    fn narrow(&mut self, now: Time) {
        if self.window > self.base_window && now.since(self.widened) >= CALM {
            self.window = self.window.saturating_sub(STEP).max(self.base_window);
            self.widened = now;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn buffer() -> JitterBuffer {
        JitterBuffer::new(Duration::from_millis(60), Duration::from_millis(240))
    }

    fn place(buffer: &mut JitterBuffer, millis: u64, sequence: u16) -> Placed {
        let (marker, payload_type, timestamp, ssrc, payload) = (false, 0, 0, 0, &[][..]);
        let packet = Packet { marker, payload_type, sequence, timestamp, ssrc, payload };
        buffer.place(Time::from_millis(millis), &packet, Vec::new()).0
    }

    /// What comes out, as (given up, sequence number).
    fn out(buffer: &mut JitterBuffer, millis: u64) -> Vec<(u64, u16)> {
        let next = || buffer.next(Time::from_millis(millis));
        std::iter::from_fn(next).map(|(missing, held)| (missing, held.sequence as u16)).collect()
    }

    #[test]
    fn each_hole_has_its_own_wait() {
        let mut buffer = buffer();
        for (millis, sequence) in [(0, 0), (40, 2), (80, 4)] {
            assert_eq!(place(&mut buffer, millis, sequence), Placed::Kept);
        }
        assert_eq!(out(&mut buffer, 99), [(0, 0)]);
        assert_eq!(out(&mut buffer, 100), [(1, 2)]);
        assert_eq!(buffer.deadline(), Time::from_millis(140));
        assert_eq!(out(&mut buffer, 140), [(1, 4)]);
        assert_eq!(buffer.deadline(), Time::MAX);
    }

    #[test]
    fn a_burst_behind_a_hole_does_not_grow_without_bound() {
        let mut buffer = buffer();
        place(&mut buffer, 0, 0);
        for sequence in 2..=CAPACITY as u16 + 1 {
            place(&mut buffer, 1, sequence);
        }
        assert_eq!(out(&mut buffer, 1).len(), 1, "full, but within bounds");
        place(&mut buffer, 1, CAPACITY as u16 + 2);
        assert_eq!(out(&mut buffer, 1).len(), CAPACITY + 1);
    }

    #[test]
    fn what_came_before_is_told_from_what_was_given_up() {
        let mut buffer = buffer();
        place(&mut buffer, 0, 0xffff);
        place(&mut buffer, 20, 2);
        assert_eq!(out(&mut buffer, 80), [(0, 0xffff), (2, 2)]);
        assert_eq!(place(&mut buffer, 80, 0xffff), Placed::Duplicate);
        assert_eq!(place(&mut buffer, 80, 1), Placed::Late);
        assert_eq!(place(&mut buffer, 80, 1), Placed::Duplicate);
        assert_eq!(place(&mut buffer, 80, 0xfffe), Placed::Late, "before the first that came");
        assert_eq!(buffer.highest(), 0x2_0002);
    }

    #[test]
    fn a_jump_of_up_to_a_minute_is_loss_and_a_further_one_a_restart() {
        let mut buffer = buffer();
        place(&mut buffer, 0, 0);
        assert_eq!(place(&mut buffer, 20, 2999), Placed::Kept);
        assert_eq!(out(&mut buffer, 80), [(0, 0), (2998, 2999)]);
        assert_eq!(place(&mut buffer, 100, 20_000), Placed::Stray);
        assert_eq!(place(&mut buffer, 120, 3000), Placed::Kept, "the stray one was just that");
        assert_eq!(place(&mut buffer, 140, 40_000), Placed::Stray);
        assert_eq!(place(&mut buffer, 160, 40_001), Placed::Restart);
        buffer.restart();
        assert_eq!(place(&mut buffer, 160, 40_001), Placed::Kept);
    }

    #[test]
    fn going_back_after_a_silence_is_a_restart() {
        let mut buffer = buffer();
        place(&mut buffer, 0, 10);
        assert_eq!(place(&mut buffer, 999, 3), Placed::Late);
        assert_eq!(place(&mut buffer, 1000, 3), Placed::Restart);
    }
}
