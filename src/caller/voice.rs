//! What a test caller sends: keys by one way or by all at once, a recording, and silence in between.

use std::collections::VecDeque;
use std::time::Duration;

use crate::audio::g711::Law;
use crate::audio::tone::{self, Generator};
use crate::dtmf::Digit;
use crate::rtp::session::Session;
use crate::rtp::telephone_event::{Sender, Step};
use crate::time::Time;

/// 20 ms at 8 kHz.
pub(super) const FRAME: usize = 160;
/// How long a key is held, and how long until the next: 100 ms each, in samples.
const HOLD: u32 = 800;
/// Silence between two keys, in frames.
const BETWEEN: u32 = 5;
/// INFOs are sent this far apart.
const BETWEEN_INFOS: Duration = Duration::from_millis(200);

/// By which way keys are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Telephone events (RFC 4733).
    Rfc4733,
    /// Tones in the audio.
    InBand,
    /// SIP INFO with `application/dtmf-relay`.
    Info,
    /// All of these for each press, as networks deliver it in which one element sends tones and another tells of them.
    All,
}

/// The sending half of a caller.
pub(super) struct Voice {
    way: Way,
    law: Law,
    /// The agreed clock of telephone events.
    event_clock: u32,
    keys: VecDeque<char>,
    tones: Generator,
    event: Option<Sender>,
    rest: u32,
    next_info: Time,
    /// INFOs to be sent. Only one is under way at a time: a later one that overtakes a repeated one would be out of order
    /// (RFC 3261 §12.2.2), and the earlier key lost.
    infos: VecDeque<String>,
    info_under_way: bool,
    recording: Vec<i16>,
    played: usize,
}

impl Voice {
    pub(super) fn new(way: Way, law: Law, event_clock: u32, recording: Vec<i16>) -> Voice {
        Voice {
            way,
            law,
            event_clock,
            keys: VecDeque::new(),
            tones: Generator::new(tone::Config::default()),
            event: None,
            rest: 0,
            next_info: Time::ZERO,
            infos: VecDeque::new(),
            info_under_way: false,
            recording,
            played: 0,
        }
    }

    pub(super) fn key(&mut self, keys: &str) {
        self.keys.extend(keys.chars());
    }

    /// Whether everything is keyed, and the recording played.
    pub(super) fn is_done(&self) -> bool {
        let keyed = self.keys.is_empty() && self.event.is_none() && self.infos.is_empty() && self.tones.is_finished();
        keyed && self.played >= self.recording.len()
    }

    /// The INFO that was sent last is answered, or will not be.
    pub(super) fn info_answered(&mut self) {
        self.info_under_way = false;
    }

    /// Sends the packets of one tick; an INFO to be sent comes back as its body.
    pub(super) fn tick(&mut self, now: Time, session: &mut Session) -> Option<String> {
        let mut frame = [0i16; FRAME];
        match self.way {
            Way::InBand => {
                while let Some(key) = self.keys.pop_front() {
                    self.tones.push(key);
                }
                self.tones.fill(&mut frame);
            }
            Way::Rfc4733 => {
                if let Some(step) = self.next_step() {
                    session.send_event(now, step);
                    return None;
                }
            }
            Way::Info => self.press_by_info(now),
            Way::All => {
                if let Some(step) = self.next_step() {
                    // beside the audio, not in its place
                    session.send_event(now, Step { advance: 0, ..step });
                }
                self.tones.fill(&mut frame);
            }
        }
        if let Some(rest) = self.recording.get(self.played..).filter(|rest| !rest.is_empty()) {
            frame.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            self.played += FRAME;
        }
        session.send_audio(now, &self.law.encode_all(&frame));
        self.next_info()
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
            self.rest -= 1;
            return None;
        }
        let key = self.keys.pop_front()?;
        let digit = Digit::from_char(key)?;
        if self.way == Way::All {
            self.tones.push(key);
            self.infos.push_back(info(key));
        }
        self.event = Some(Sender::new(digit.event_code(), HOLD, FRAME as u32, self.event_clock));
        self.next_step()
    }

    fn press_by_info(&mut self, now: Time) {
        if now < self.next_info {
            return;
        }
        if let Some(key) = self.keys.pop_front() {
            self.next_info = now + BETWEEN_INFOS;
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

fn info(key: char) -> String {
    format!("Signal={key}\r\nDuration=100\r\n")
}
