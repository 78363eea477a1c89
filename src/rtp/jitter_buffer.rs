//! The jitter buffer: puts packets back in sequence and says how many are missing.
//!
//! It adds no delay to packets that come in order. A hole holds what follows it for the reorder window, counted from the
//! moment the hole was noticed; then the missing packets are given up. A packet that comes later than that shows that
//! the window was too short for this network: it widens, up to a limit, and narrows again in calm.

use std::collections::VecDeque;
use std::time::Duration;

use super::packet::Packet;
use crate::time::Time;

/// Packets held behind holes at most; more and the oldest hole is given up.
const CAPACITY: usize = 64;
/// A forward jump below this is loss (RFC 3550 §A.1, MAX_DROPOUT).
const MAX_DROPOUT: i64 = 3000;
/// A backward jump up to this is reordering: as far back as `delivered` remembers.
const MAX_MISORDER: i64 = 128;
/// After this much silence no older packet is still under way: one that seems so is a sender that started again.
const RESTART_SILENCE: Duration = Duration::from_secs(1);
/// Calm that narrows a widened window by one [`STEP`].
const CALM: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(20);

/// A packet on its way through the buffer, with what the buffer knows of it.
pub struct Held {
    /// The sequence number with its wraps counted.
    pub sequence: u64,
    /// When it arrived, which may be well before it is delivered.
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

    /// A sender that does not number the end of an event anew: the later payload says more.
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

/// What became of an arriving packet.
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
    /// The sequence number that is to be delivered next; none before the first packet.
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
        if let Some(verdict) = self.judge_jump(now, packet.sequence, delta) {
            return (verdict, Some(buffer));
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

    /// The next packet in sequence, with how many before it were given up; none while a hole is waited for.
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

    /// The next packet in sequence without waiting for what is missing: to empty the buffer.
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

    /// When a hole is given up unless something arrives.
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
        // a packet that was sent before the first that came is neither a duplicate nor late: unknown, so "late"
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
        // unknown when the packet was sent before the first one that came
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
