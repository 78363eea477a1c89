//! The receiving half of a session: datagrams of one source in, audio in order and presses out.
//!
//! Usable alone, for example on a capture: it knows no addresses and sends nothing.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::jitter_buffer::{Held, JitterBuffer, Placed};
use super::packet::Packet;
use super::reception::{Counts, Reception};
use super::telephone_event::{Change, Receiver};
use super::timeline::Timeline;
use super::{AUDIO_CLOCK, Error};
use crate::time::Time;

/// Comfort noise (RFC 3389), at 8 kHz.
pub(super) const COMFORT_NOISE: u8 = 13;
/// G.711 in both laws (RFC 3551 §6): the numbers never mean anything else, so they are read even if not agreed.
const STATIC_AUDIO: [u8; 2] = [0, 8];
/// Spare payload buffers kept for reuse.
const SPARE: usize = 16;

/// The agreed telephone-event payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFormat {
    /// Its payload type.
    pub payload_type: u8,
    /// Its clock, samples a second.
    pub clock_rate: u32,
}

/// The formats that a source may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats {
    /// The agreed audio payload type. PCMU as 0 and PCMA as 8 are read besides.
    pub audio: u8,
    /// The agreed events, if any.
    pub event: Option<EventFormat>,
}

/// Received media, in order. Times are in audio samples and never go back; their origin is arbitrary.
pub enum Received {
    /// A packet of audio.
    Audio {
        /// Its payload type, which gives the law.
        payload_type: u8,
        /// One byte a sample. May be handed back with `recycle`.
        payload: Vec<u8>,
        /// The media time of the first sample.
        at: u64,
    },
    /// Audio that was sent but did not arrive.
    Lost {
        /// How much.
        samples: u32,
    },
    /// Time in which no audio was sent: silence suppression, or a keyed event in its place.
    Silence {
        /// How much.
        samples: u32,
    },
    /// A key was pressed.
    EventDown {
        /// The event code: 0 to 9, 10 `*`, 11 `#`, 12 to 15 A to D, 16 flash.
        code: u8,
        /// When, in media time.
        at: u64,
    },
    /// It was let go.
    EventUp {
        /// The event code.
        code: u8,
        /// When it was pressed: the same as in its `EventDown`.
        at: u64,
        /// How long it was held, in samples, as far as it was reported.
        duration: u32,
    },
}

// audio may be the tone of a keyed digit
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Received::Audio { payload_type, payload, at } => {
                write!(f, "Audio(type {payload_type}, {} samples, at {at})", payload.len())
            }
            Received::Lost { samples } => write!(f, "Lost({samples})"),
            Received::Silence { samples } => write!(f, "Silence({samples})"),
            Received::EventDown { at, .. } => write!(f, "EventDown(•, at {at})"),
            Received::EventUp { at, duration, .. } => write!(f, "EventUp(•, at {at}, {duration} long)"),
        }
    }
}

/// Counts for the call record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets in time and of a known type.
    pub received: u64,
    /// Packets that were given up.
    pub lost: u64,
    /// Of those, packets that arrived too late.
    pub late: u64,
    /// Packets that arrived again.
    pub duplicates: u64,
    /// Packets whose payload type was not agreed.
    pub unknown_type: u64,
    /// Packets dropped for a sequence number far from the others.
    pub strays: u64,
    /// How often the sender started anew: another SSRC, or another numbering.
    pub restarts: u64,
    /// Presses reported as events.
    pub presses: u64,
    /// The interarrival jitter in samples (RFC 3550 §6.4.1).
    pub jitter: u32,
}

/// Receives one stream.
pub struct Inbound {
    formats: Formats,
    ssrc: Option<u32>,
    buffer: JitterBuffer,
    timeline: Timeline,
    events: Receiver,
    pressed_at: u64,
    /// Packets given up since the last audio.
    missing: u64,
    reception: Reception,
    counters: Counters,
    ready: VecDeque<Received>,
    spare: Vec<Vec<u8>>,
}

impl Inbound {
    /// A stream of these formats. A hole is waited for `window`, or up to `max_window` on a network that needs it.
    pub fn new(formats: Formats, window: Duration, max_window: Duration) -> Inbound {
        Inbound {
            formats,
            ssrc: None,
            buffer: JitterBuffer::new(window, max_window),
            timeline: Timeline::default(),
            events: receiver(formats),
            pressed_at: 0,
            missing: 0,
            reception: Reception::default(),
            counters: Counters::default(),
            ready: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// Takes a datagram.
    pub fn handle(&mut self, now: Time, datagram: &[u8]) -> Result<(), Error> {
        self.receive(now, &Packet::parse(datagram)?);
        Ok(())
    }

    /// Takes a packet.
    pub fn receive(&mut self, now: Time, packet: &Packet<'_>) {
        if self.ssrc != Some(packet.ssrc) {
            if !self.knows(packet.payload_type) {
                self.counters.unknown_type += 1;
                return;
            }
            self.change_source(packet.ssrc);
        }
        self.place(now, packet);
        self.deliver(now);
    }

    /// Gives up packets that did not arrive in time, and ends presses without further reports. At [`Time::MAX`] that is
    /// everything: the end of a capture.
    pub fn handle_timeout(&mut self, now: Time) {
        self.deliver(now);
        self.events.handle_timeout(now);
        self.report_events(now);
    }

    /// When [`Inbound::handle_timeout`] has something to do.
    pub fn deadline(&self) -> Time {
        self.buffer.deadline().min(self.events.deadline())
    }

    /// The next thing received.
    pub fn poll(&mut self) -> Option<Received> {
        self.ready.pop_front()
    }

    /// Takes a payload's buffer back for reuse.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE {
            self.spare.push(buffer);
        }
    }

    /// Whether this payload type is expected.
    pub fn knows(&self, payload_type: u8) -> bool {
        self.is_audio(payload_type) || self.is_event(payload_type) || payload_type == COMFORT_NOISE
    }

    /// Other formats from now on.
    pub fn reformat(&mut self, formats: Formats) {
        if formats.event != self.formats.event {
            self.events.restart();
            self.report_events(Time::ZERO);
            self.events = receiver(formats);
        }
        self.formats = formats;
    }

    /// Counts for the call record.
    pub fn counters(&self) -> Counters {
        Counters { jitter: self.reception.jitter(), ..self.counters }
    }

    /// Counts for a report block; none when nothing arrived since the last.
    pub fn report(&mut self) -> Option<Counts> {
        self.reception.report()
    }

    fn is_event(&self, payload_type: u8) -> bool {
        self.formats.event.is_some_and(|event| event.payload_type == payload_type)
    }

    fn is_audio(&self, payload_type: u8) -> bool {
        payload_type == self.formats.audio || (STATIC_AUDIO.contains(&payload_type) && !self.is_event(payload_type))
    }

    fn change_source(&mut self, ssrc: u32) {
        if self.ssrc.replace(ssrc).is_some() {
            tracing::debug!("another RTP source");
            self.counters.restarts += 1;
            self.start_over();
        }
        self.reception = Reception::new(ssrc);
    }

    /// Delivers what is held, and forgets the numbering.
    fn start_over(&mut self) {
        while let Some((missing, held)) = self.buffer.take() {
            self.deliver_one(missing, held);
        }
        self.buffer.restart();
        self.timeline.restart();
        self.missing = 0;
    }

    fn place(&mut self, now: Time, packet: &Packet<'_>) {
        let buffer = self.spare.pop().unwrap_or_default();
        let (placed, unused) = self.buffer.place(now, packet, buffer);
        if let Some(buffer) = unused {
            self.recycle(buffer);
        }
        match placed {
            Placed::Kept => self.count(now, packet),
            Placed::Repeated => self.counters.duplicates += 1,
            Placed::Duplicate => {
                self.counters.duplicates += 1;
                self.take_event(now, packet);
            }
            Placed::Late => {
                self.counters.late += 1;
                self.take_event(now, packet);
            }
            Placed::Stray => self.counters.strays += 1,
            Placed::Restart => self.renumber(now, packet),
        }
    }

    fn renumber(&mut self, now: Time, packet: &Packet<'_>) {
        tracing::debug!("the RTP source numbers its packets anew");
        self.counters.restarts += 1;
        self.start_over();
        self.events.restart();
        self.reception = Reception::new(packet.ssrc);
        self.place(now, packet);
    }

    fn count(&mut self, now: Time, packet: &Packet<'_>) {
        self.reception.count(self.buffer.highest());
        if self.is_audio(packet.payload_type) {
            self.reception.time(packet.timestamp, now);
        }
        let counter = match self.knows(packet.payload_type) {
            true => &mut self.counters.received,
            false => &mut self.counters.unknown_type,
        };
        *counter += 1;
    }

    fn deliver(&mut self, now: Time) {
        while let Some((missing, held)) = self.buffer.next(now) {
            self.deliver_one(missing, held);
        }
    }

    fn deliver_one(&mut self, missing: u64, held: Held) {
        self.missing = self.missing.saturating_add(missing);
        self.counters.lost = self.counters.lost.saturating_add(missing);
        if self.is_audio(held.payload_type) && !held.payload.is_empty() {
            return self.deliver_audio(held);
        }
        if held.payload_type == COMFORT_NOISE {
            self.advance(held.timestamp, 0, held.arrived);
        }
        self.take_event(held.arrived, &held.packet());
        self.recycle(held.payload);
    }

    fn deliver_audio(&mut self, held: Held) {
        let at = self.advance(held.timestamp, held.payload.len() as u64, held.arrived);
        self.ready.push_back(Received::Audio { payload_type: held.payload_type, payload: held.payload, at });
    }

    /// Moves the media time on and delivers the gap before it.
    fn advance(&mut self, timestamp: u32, length: u64, arrived: Time) -> u64 {
        let missing = std::mem::take(&mut self.missing);
        let (gap, at) = self.timeline.advance(timestamp, length, missing, arrived);
        if gap.lost > 0 {
            self.ready.push_back(Received::Lost { samples: u32::try_from(gap.lost).unwrap_or(u32::MAX) });
        }
        if gap.silence > 0 {
            self.ready.push_back(Received::Silence { samples: u32::try_from(gap.silence).unwrap_or(u32::MAX) });
        }
        at
    }

    /// Takes a packet that may be an event. `arrived` need not be now.
    fn take_event(&mut self, arrived: Time, packet: &Packet<'_>) {
        if self.is_event(packet.payload_type) {
            self.events.receive(arrived, packet);
            self.report_events(arrived);
        }
    }

    fn report_events(&mut self, arrived: Time) {
        while let Some(change) = self.events.poll() {
            self.ready.push_back(match change {
                Change::Down { code, at } => {
                    self.counters.presses += 1;
                    self.pressed_at = self.timeline.locate(at as u32, arrived);
                    Received::EventDown { code, at: self.pressed_at }
                }
                Change::Up { code, duration, .. } => Received::EventUp { code, at: self.pressed_at, duration },
            });
        }
    }
}

fn receiver(formats: Formats) -> Receiver {
    Receiver::new(formats.event.map_or(AUDIO_CLOCK, |event| event.clock_rate))
}

#[cfg(test)]
mod tests;
