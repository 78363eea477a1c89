//! One media stream of a capture: its payload types, and the digits in it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::formats::Expected;
use super::listener::{Listener, time_of};
use super::merge::merge;
use super::report::{Found, Options, Place, Press, Source};
use crate::audio::g711::Law;
use crate::key::Key;
use crate::rtp::inbound::{EventFormat, Formats, Inbound, Received};
use crate::rtp::packet::Packet;
use crate::time::Time;

/// The reordering window. There is no listener to keep waiting, so it is as wide as the jitter buffer can bear.
const WINDOW: Duration = Duration::from_millis(100);
const MAX_WINDOW: Duration = Duration::from_secs(1);
/// Gaps of media longer than this are not walked through sample by sample.
const LONG_GAP: u64 = 8000;
/// After this much silence no older packet is still under way: one that seems older is the first of a recording that the sender plays.
const SILENCE: Duration = Duration::from_millis(250);
/// Greatest believable distance between media time and time of capture.
const BELIEVABLE: Duration = Duration::from_millis(150);

/// A run of packets with one SSRC between two addresses.
pub(super) struct Stream {
    inbound: Inbound,
    /// The last packet's number and time of arrival.
    latest: Option<(u16, Time)>,
    /// Number of jumps back in the numbering.
    jumps: u32,
    listener: Listener,
    formats: Formats,
    law_of_dynamic: Option<Law>,
    /// Whether a packet of the type in `formats.event` has arrived: no other type is an event then.
    has_events: bool,
    suspects: Vec<Suspect>,
    /// The arrival of the first packet, since the start of the capture, and its media time.
    first: Option<(Duration, u64)>,
    /// Media time of the detector's first sample, moved on by what was not walked through.
    detector_first: u64,
    fed: u64,
    down: Option<(u8, Duration)>,
    found: Found,
    told: Vec<Press>,
    samples: Vec<i16>,
    /// Unknown payload types, and the number of packets of each.
    unknown: BTreeMap<u8, u64>,
}

impl Stream {
    /// A stream, with the formats that an SDP gave it.
    pub(super) fn new(expected: Option<Expected>, options: Options) -> Stream {
        let expected = expected.unwrap_or_default();
        let formats =
            Formats { audio: expected.audio.map_or(0, |(payload_type, _)| payload_type), event: expected.event };
        Stream {
            inbound: Inbound::new(formats, WINDOW, MAX_WINDOW),
            latest: None,
            jumps: 0,
            listener: Listener::new(options),
            formats,
            law_of_dynamic: expected.audio.map(|(_, law)| law),
            has_events: false,
            suspects: Vec::new(),
            first: None,
            detector_first: 0,
            fed: 0,
            down: None,
            found: Found::default(),
            told: Vec::new(),
            samples: Vec::new(),
            unknown: BTreeMap::new(),
        }
    }

    /// Takes a packet that was captured at `now`.
    pub(super) fn receive(&mut self, now: Time, packet: &Packet<'_>) {
        self.pass_time(now);
        self.recognise(packet);
        if !self.inbound.knows(packet.payload_type) {
            *self.unknown.entry(packet.payload_type).or_default() += 1;
        }
        self.notice_jump(now, packet);
        // as another source, independent of all before
        let ssrc = packet.ssrc.wrapping_add(self.jumps);
        self.inbound.receive(now, &Packet { ssrc, ..*packet });
        self.drain(now);
    }

    /// Whether the sender plays another recording, with numbers of its own: an event begins, with an older number and after a
    /// silence.
    fn notice_jump(&mut self, now: Time, packet: &Packet<'_>) {
        let begins = packet.marker && packet.payload_type >= 96;
        if let Some((number, at)) = self.latest
            && begins
            && number.wrapping_sub(packet.sequence) < u16::MAX / 2
            && number != packet.sequence
            && now >= at + SILENCE
        {
            self.jumps = self.jumps.wrapping_add(1);
        }
        self.latest = Some((packet.sequence, now));
    }

    /// Payload types that could not be read, with the number of their packets.
    pub(super) fn unknown_types(&self) -> &BTreeMap<u8, u64> {
        &self.unknown
    }

    /// What was found, at the end of the stream.
    pub(super) fn finish(mut self, now: Time, place: Place) -> Found {
        self.pass_time(now + Duration::from_secs(60));
        self.up(0);
        let mut found = std::mem::take(&mut self.found);
        let origin = self.time_of(self.detector_first);
        found.append(self.listener.finish(origin, place));
        found.presses.iter_mut().chain(&mut self.told).for_each(|press| press.place = place);
        found.candidates.iter_mut().for_each(|candidate| candidate.place = place);
        found.presses = merge(found.presses, self.told);
        found
    }

    /// Finds the payload type of telephone events when no SDP gave it, or gave another than is sent.
    fn recognise(&mut self, packet: &Packet<'_>) {
        self.has_events |= self.formats.event.is_some_and(|event| event.payload_type == packet.payload_type);
        if self.has_events {
            return;
        }
        let Some(suspect) = Suspect::of(packet) else { return };
        if self.suspects.iter().any(|before| before.is_confirmed_by(&suspect)) {
            self.has_events = true;
            self.unknown.remove(&packet.payload_type);
            self.formats.event = Some(EventFormat { payload_type: packet.payload_type, clock_rate: 8000 });
            self.inbound.reformat(self.formats);
        }
        self.suspects.retain(|before| before.payload_type != suspect.payload_type);
        self.suspects.push(suspect);
    }

    fn pass_time(&mut self, now: Time) {
        loop {
            let deadline = self.inbound.deadline();
            if deadline > now {
                break;
            }
            self.inbound.handle_timeout(deadline);
            self.drain(deadline);
            if self.inbound.deadline() <= deadline {
                break;
            }
        }
        self.inbound.handle_timeout(now);
        self.drain(now);
    }

    fn drain(&mut self, now: Time) {
        while let Some(received) = self.inbound.poll() {
            match received {
                Received::Audio { payload_type, payload, at } => {
                    self.first.get_or_insert((now.elapsed(), at));
                    self.audio(payload_type, &payload, at);
                    self.inbound.recycle(payload);
                }
                Received::Lost { samples } => self.gap(samples.into(), true),
                Received::Silence { samples } => self.gap(samples.into(), false),
                Received::EventDown { code, at } => {
                    self.first.get_or_insert((now.elapsed(), at));
                    self.down = Some((code, self.believable(at, now)));
                }
                Received::EventUp { duration, .. } => self.up(duration),
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
        if self.fed == 0 {
            self.detector_first = at;
        }
        self.samples.clear();
        law.decode_into(payload, &mut self.samples);
        self.listener.hear(&self.samples);
        self.fed += payload.len() as u64;
    }

    /// Takes a gap of `samples`: lost on the way, or never sent.
    fn gap(&mut self, samples: u64, lost: bool) {
        if self.fed == 0 {
            return;
        }
        let walked = samples.min(LONG_GAP);
        if lost {
            self.listener.lose(walked as usize);
        } else {
            self.listener.rest(walked as usize);
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
        self.found.append(self.listener.found_so_far(origin, Place::Mono));
    }

    fn up(&mut self, duration: u32) {
        let Some((code, start)) = self.down.take() else { return };
        let Some(digit) = Key::from_event_code(code) else { return };
        let length = time_of(duration.into());
        self.told.push(Press { digit, start, length, source: Source::Rfc4733, place: Place::Mono });
    }

    /// When an event began: at its timestamp, unless that runs away from the time of capture. (SIPp counts
    /// timestamps as if a digit took 50 ms.)
    fn believable(&self, at: u64, now: Time) -> Duration {
        let start = self.time_of(at);
        if start.abs_diff(now.elapsed()) > BELIEVABLE { now.elapsed() } else { start }
    }

    /// A media time since the start of the capture.
    fn time_of(&self, at: u64) -> Duration {
        let (origin, first) = self.first.unwrap_or_default();
        (origin + time_of(at.saturating_sub(first))).saturating_sub(time_of(first.saturating_sub(at)))
    }
}

/// What may be a telephone event: a digit or flash under a dynamic payload type (RFC 4733 §2.3).
struct Suspect {
    payload_type: u8,
    timestamp: u32,
    event: u8,
    duration: u16,
}

impl Suspect {
    fn of(packet: &Packet<'_>) -> Option<Suspect> {
        let (96..=127, &[event @ 0..=16, _, high, low]) = (packet.payload_type, packet.payload) else { return None };
        let duration = u16::from_be_bytes([high, low]);
        Some(Suspect { payload_type: packet.payload_type, timestamp: packet.timestamp, event, duration })
    }

    /// An event stays where it began and grows; four bytes of anything else do not.
    fn is_confirmed_by(&self, later: &Suspect) -> bool {
        let same =
            (self.payload_type, self.timestamp, self.event) == (later.payload_type, later.timestamp, later.event);
        same && later.duration > 0 && later.duration >= self.duration
    }
}
