//! What a test caller sends: keys by one way or several at once, a recording, and silence in between.

use std::collections::VecDeque;
use std::time::Duration;

use crate::audio::g711::Law;
use crate::audio::tone::{self, Generator};
use crate::key::{Key, Way, Ways};
use crate::rtp::session::Session;
use crate::rtp::telephone_event::{Sender, Step};
use crate::time::Time;

use super::habits::{Habits, Silence};

/// Samples that a key is held: 100 ms.
const HOLD: u32 = 800;
/// Samples of silence between two keys: 100 ms.
const BETWEEN: u32 = 800;
/// Ticks between two packets of comfort noise (RFC 3389).
const NOISE_TICKS: u32 = 10;
/// Its level, in dB below overload (RFC 3389 §3.1).
const NOISE_LEVEL: u8 = 70;
/// The event code of flash (RFC 4733 §3.2).
const FLASH: u8 = 16;
/// Time from one INFO to the next.
const BETWEEN_INFOS: Duration = Duration::from_millis(200);

/// The sending half of a caller.
pub(super) struct Voice {
    ways: Ways,
    law: Law,
    /// The agreed clock of telephone events.
    event_clock: u32,
    keys: VecDeque<Key>,
    tones: Generator,
    /// Flash went out before the key that is next.
    flashed: bool,
    event: Option<Sender>,
    rest: u32,
    next_press: Time,
    /// INFOs to be sent, one at a time: one that overtakes a repeated one would be out of order (RFC 3261 §12.2.2), and the
    /// earlier key lost.
    infos: VecDeque<String>,
    info_under_way: bool,
    recording: Vec<i16>,
    played: usize,
    habits: Habits,
    ticks: u32,
    /// Silent ticks in a row.
    quiet: u32,
    frame: Vec<i16>,
}

impl Voice {
    pub(super) fn new(ways: Ways, law: Law, event_clock: u32, recording: Vec<i16>, habits: Habits) -> Voice {
        Voice {
            ways,
            law,
            event_clock,
            keys: VecDeque::new(),
            tones: Generator::new(tone::Config::default()),
            flashed: false,
            event: None,
            rest: 0,
            next_press: Time::ZERO,
            infos: VecDeque::new(),
            info_under_way: false,
            recording,
            played: 0,
            frame: vec![0; habits.samples()],
            habits,
            ticks: 0,
            quiet: 0,
        }
    }

    pub(super) fn key(&mut self, keys: &[Key]) {
        self.keys.extend(keys);
    }

    /// Whether everything is keyed, and the recording played.
    pub(super) fn is_done(&self) -> bool {
        let keyed = self.keys.is_empty() && self.event.is_none() && self.infos.is_empty() && self.tones.is_finished();
        keyed && self.played >= self.recording.len()
    }

    /// The last INFO was answered, or never will be.
    pub(super) fn info_answered(&mut self) {
        self.info_under_way = false;
    }

    /// Sends the packets of one tick. Returns the body of an INFO that is to be sent.
    pub(super) fn tick(&mut self, now: Time, session: &mut Session) -> Option<String> {
        self.ticks += 1;
        if self.habits.new_source_every.is_some_and(|every| self.ticks.is_multiple_of(every)) {
            // numbers without a pattern, from one that goes up
            let mixed = self.ticks.wrapping_mul(0x9e37_79b9);
            session.change_source(mixed, (mixed >> 7) as u16, mixed.rotate_left(13));
        }
        self.frame.fill(0);
        if self.ways.has(Way::Rfc4733) {
            if let Some(step) = self.next_step() {
                if self.ways == Ways::RFC4733 {
                    self.quiet = 0;
                    session.send_event(now, step);
                    return None;
                }
                // beside the audio, not in its place
                session.send_event(now, Step { advance: 0, ..step });
            }
        } else {
            self.press(now);
        }
        self.tones.fill(&mut self.frame);
        if let Some(rest) = self.recording.get(self.played..).filter(|rest| !rest.is_empty()) {
            self.frame.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            self.played += self.frame.len();
        }
        self.send_frame(now, session);
        self.next_info()
    }

    fn send_frame(&mut self, now: Time, session: &mut Session) {
        let sounds = self.frame.iter().any(|&sample| sample != 0);
        if sounds || self.habits.silence == Silence::Sent {
            self.quiet = 0;
            return session.send_audio(now, &self.law.encode_all(&self.frame));
        }
        if self.habits.silence == Silence::ComfortNoise && self.quiet.is_multiple_of(NOISE_TICKS) {
            session.send_comfort_noise(now, NOISE_LEVEL);
        }
        self.quiet += 1;
        session.skip(self.frame.len() as u32);
    }

    fn next_step(&mut self) -> Option<Step> {
        if let Some(step) = self.event.as_mut().and_then(Iterator::next) {
            if self.event.as_ref().is_some_and(Sender::is_done) {
                self.event = None;
                self.rest = BETWEEN;
            }
            return Some(step);
        }
        if self.rest > 0 {
            self.rest = self.rest.saturating_sub(self.frame.len() as u32);
            return None;
        }
        let key = *self.keys.front()?;
        self.flashed = self.habits.flash && self.ways == Ways::RFC4733 && !self.flashed;
        let code = if self.flashed {
            FLASH
        } else {
            self.keys.pop_front();
            key.event_code()
        };
        if !self.flashed {
            self.send_beside_events(key);
        }
        self.event = Some(Sender::new(code, HOLD, self.frame.len() as u32, self.event_clock));
        self.next_step()
    }

    /// Presses the keys that no events are sent for: one at a time, as INFO needs it, or into the queue of tones.
    fn press(&mut self, now: Time) {
        while now >= self.next_press
            && let Some(key) = self.keys.pop_front()
        {
            self.send_beside_events(key);
            if self.ways.has(Way::Info) {
                self.next_press = now + BETWEEN_INFOS;
            }
        }
    }

    fn send_beside_events(&mut self, key: Key) {
        if self.ways.has(Way::InBand) {
            self.tones.push(key);
        }
        if self.ways.has(Way::Info) {
            self.infos.push_back(info(key));
        }
    }

    fn next_info(&mut self) -> Option<String> {
        if self.info_under_way {
            return None;
        }
        let info = self.infos.pop_front()?;
        self.info_under_way = true;
        Some(info)
    }
}

fn info(key: Key) -> String {
    format!("Signal={}\r\nDuration=100\r\n", char::from(key))
}
