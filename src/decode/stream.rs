//! One media stream of a capture: whether it is one, what its payload types mean, and the digits in it.

use std::time::Duration;

use super::formats::Expected;
use super::merge::merge;
use super::{Listener, Place, Press, Source, time_of};
use crate::audio::g711::Law;
use crate::dtmf::Digit;
use crate::rtp::inbound::{EventFormat, Formats, Inbound, Received};
use crate::rtp::packet::Packet;
use crate::time::Time;

/// Nobody waits, so packets out of order may be as late as the jitter buffer can bear.
const WINDOW: Duration = Duration::from_millis(200);
const MAX_WINDOW: Duration = Duration::from_secs(1);
/// Gaps of media longer than this are not walked through sample by sample.
const LONG_GAP: u64 = 8000;

/// A run of packets with one SSRC between two addresses.
pub struct Stream {
    inbound: Inbound,
    listener: Listener,
    formats: Formats,
    law_of_dynamic: Option<Law>,
    /// Whether `formats.event` comes from an SDP or was recognised.
    knows_event: bool,
    /// When the first packet came.
    origin: Duration,
    /// Media time of the first thing received.
    first: Option<u64>,
    /// Media time of the detector's first sample, moved on by what was not walked through.
    detector_first: u64,
    fed: u64,
    down: Option<(u8, u64)>,
    heard: Vec<Press>,
    told: Vec<Press>,
    samples: Vec<i16>,
    /// A payload type that nothing is known about, and how many packets had it.
    unknown: Option<(u8, u64)>,
}

impl Stream {
    /// A stream whose first packet came at `origin`, with what an SDP said about it.
    pub fn new(origin: Duration, expected: Option<Expected>) -> Stream {
        let expected = expected.unwrap_or_default();
        let formats =
            Formats { audio: expected.audio.map_or(0, |(payload_type, _)| payload_type), event: expected.event };
        Stream {
            inbound: Inbound::new(formats, WINDOW, MAX_WINDOW),
            listener: Listener::new(),
            formats,
            law_of_dynamic: expected.audio.map(|(_, law)| law),
            knows_event: expected.event.is_some(),
            origin,
            first: None,
            detector_first: 0,
            fed: 0,
            down: None,
            heard: Vec::new(),
            told: Vec::new(),
            samples: Vec::new(),
            unknown: None,
        }
    }

    /// Takes a packet that was captured at `now`.
    pub fn receive(&mut self, now: Time, packet: &Packet<'_>) {
        self.pass_time(now);
        if !self.knows_event && looks_like_event(packet) {
            self.knows_event = true;
            self.formats.event = Some(EventFormat { payload_type: packet.payload_type, clock_rate: 8000 });
            self.inbound.reformat(self.formats);
        }
        if !self.inbound.knows(packet.payload_type) {
            let (_, count) = self.unknown.get_or_insert((packet.payload_type, 0));
            *count += 1;
        }
        self.inbound.receive(now, packet);
        self.drain();
    }

    /// The payload type of packets that could not be read, if there were some.
    pub fn unknown_type(&self) -> Option<(u8, u64)> {
        self.unknown
    }

    /// The digits, once there is nothing more to come.
    pub fn finish(mut self, now: Time, place: Place) -> Vec<Press> {
        self.pass_time(now + Duration::from_secs(60));
        if let Some((code, at)) = self.down {
            self.told(code, at, 0);
        }
        let place_of = |presses: Vec<Press>| presses.into_iter().map(|press| Press { place, ..press }).collect();
        let mut heard = std::mem::take(&mut self.heard);
        let origin = self.time_of(self.detector_first);
        heard.extend(self.listener.finish().into_iter().map(|tone| tone.press(origin, place)));
        merge(place_of(heard), place_of(self.told))
    }

    fn pass_time(&mut self, now: Time) {
        loop {
            let deadline = self.inbound.deadline();
            if deadline > now {
                break;
            }
            self.inbound.handle_timeout(deadline);
            self.drain();
            if self.inbound.deadline() <= deadline {
                break;
            }
        }
        self.inbound.handle_timeout(now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(received) = self.inbound.poll() {
            match received {
                Received::Audio { payload_type, payload, at } => {
                    self.audio(payload_type, &payload, at);
                    self.inbound.recycle(payload);
                }
                Received::Lost { samples } => self.gap(samples.into(), true),
                Received::Silence { samples } => self.gap(samples.into(), false),
                Received::EventDown { code, at } => {
                    self.first.get_or_insert(at);
                    self.down = Some((code, at));
                }
                Received::EventUp { code, at, duration } => self.told(code, at, duration),
            }
        }
    }

    fn audio(&mut self, payload_type: u8, payload: &[u8], at: u64) {
        let law = match (payload_type, self.law_of_dynamic) {
            (0, _) => Law::Mu,
            (8, _) => Law::A,
            (_, Some(law)) => law,
            (_, None) => return,
        };
        self.first.get_or_insert(at);
        if self.fed == 0 {
            self.detector_first = at;
        }
        self.samples.clear();
        law.decode_into(payload, &mut self.samples);
        self.listener.hear(&self.samples);
        self.fed += payload.len() as u64;
    }

    /// Nothing, for so many samples: lost on the way, or never sent.
    fn gap(&mut self, samples: u64, lost: bool) {
        if self.fed == 0 {
            return;
        }
        let walked = samples.min(LONG_GAP);
        if lost {
            self.listener.lose(walked as usize);
        } else {
            self.samples.clear();
            self.samples.resize(walked as usize, 0);
            self.listener.hear(&self.samples);
        }
        self.fed += walked;
        if samples > walked {
            self.keep_heard();
            self.detector_first += samples - walked;
        }
    }

    /// Turns what was heard into times before the two clocks move apart.
    fn keep_heard(&mut self) {
        let origin = self.time_of(self.detector_first);
        self.heard.extend(self.listener.heard.drain(..).map(|tone| tone.press(origin, Place::Mono)));
    }

    fn told(&mut self, code: u8, at: u64, duration: u32) {
        self.down = None;
        let start = self.time_of(at);
        let Some(digit) = Digit::from_event_code(code) else { return };
        let length = time_of(duration.into());
        self.told.push(Press { digit, start, length, source: Source::Rfc4733, place: Place::Mono });
    }

    /// A media time since the start of the capture.
    fn time_of(&self, at: u64) -> Duration {
        let first = self.first.unwrap_or(at);
        (self.origin + time_of(at.saturating_sub(first))).saturating_sub(time_of(first.saturating_sub(at)))
    }
}

/// A dynamic payload type with exactly one event in it (RFC 4733 §2.3): a digit or flash, the reserved bit zero.
fn looks_like_event(packet: &Packet<'_>) -> bool {
    let dynamic = (96..=127).contains(&packet.payload_type);
    dynamic && matches!(packet.payload, &[0..=16, flags, _, _] if flags & 0x40 == 0)
}
