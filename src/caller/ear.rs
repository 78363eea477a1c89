//! Recognises prompts: compares received frames with those of the known prompts.
//!
//! The service starts each prompt on a packet's boundary, and packets hold whole tens of milliseconds. So a prompt's frames
//! arrive octet for octet as they are in the bank, at one of two offsets, whatever was lost before. Of a service with other
//! prompts, only speech and silence are recognised.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::audio::g711::Law;
use crate::audio::prompt::Bank;
use crate::time::Time;

/// 20 ms at 8 kHz.
const FRAME: usize = 160;
/// 10 ms: a frame may begin at any of these.
const STEP: usize = FRAME / 2;
/// Most steps missing in a row within one playing of a prompt.
const MOST_MISSING: u32 = 50;
/// An utterance ends after this much silence.
pub const PAUSE: Duration = Duration::from_millis(1000);
/// A frame with this mean magnitude (16-bit) or more has sound in it: about -46 dBm0.
const SOUND: i32 = 100;

/// All frames of all prompts, by content: made once, shared by all ears.
#[derive(Debug)]
pub struct Lexicon {
    names: Vec<String>,
    places: HashMap<u64, Vec<Place>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    prompt: u32,
    /// Steps from its beginning.
    step: u32,
}

impl Lexicon {
    /// The prompts of `bank`, as they sound in both laws.
    pub fn new(bank: &Bank) -> Lexicon {
        let names: Vec<String> = bank.names().map(str::to_owned).collect();
        let mut places: HashMap<u64, Vec<Place>> = HashMap::new();
        for (prompt, name) in (0u32..).zip(&names) {
            let Some(clip) = bank.clip(name) else { continue };
            for (law, octets) in [(Law::Mu, &clip.pcmu), (Law::A, &clip.pcma)] {
                for (step, content) in (0u32..).step_by(2).zip(octets.chunks_exact(FRAME)) {
                    if has_sound(law, content) {
                        places.entry(digest(content)).or_default().push(Place { prompt, step });
                    }
                }
            }
        }
        Lexicon { names, places }
    }
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A known prompt has begun.
    Prompt(String),
    /// Unknown speech has begun.
    Speech,
    /// Nothing has sounded for [`PAUSE`].
    Pause,
}

/// Listens to one call.
#[derive(Debug)]
pub struct Ear {
    lexicon: Arc<Lexicon>,
    /// The prompts that may be playing, each at the frame heard last. A single one is recognised.
    candidates: Vec<Place>,
    /// Steps since that frame, silent ones included: a prompt has pauses of its own.
    passed: u32,
    reported: bool,
    unknown_steps: u32,
    /// The last frame's length of sound.
    window: Vec<u8>,
    last_sound: Option<Time>,
}

impl Ear {
    /// Steps of unknown sound that count as speech.
    const UNKNOWN: u32 = 20;

    /// An ear that knows `lexicon`.
    pub fn new(lexicon: Arc<Lexicon>) -> Ear {
        Ear {
            lexicon,
            candidates: vec![],
            passed: 0,
            reported: false,
            unknown_steps: 0,
            window: vec![],
            last_sound: None,
        }
    }

    /// Listens to the next packet's payload.
    pub fn listen(&mut self, now: Time, law: Law, payload: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        let mut window = std::mem::take(&mut self.window);
        for step in payload.chunks_exact(STEP) {
            if window.len() == FRAME {
                window.drain(..STEP);
            }
            window.extend_from_slice(step);
            self.passed = self.passed.saturating_add(1);
            if has_sound(law, &window) {
                self.last_sound = Some(now);
                heard.extend(self.sound(&window));
            } else {
                heard.extend(self.silence(now));
            }
        }
        self.window = window;
        heard
    }

    /// Whether anything sounds at `now`, or did within the last [`PAUSE`].
    pub fn hears_sound(&self, now: Time) -> bool {
        self.last_sound.is_some_and(|last| now.since(last) < PAUSE)
    }

    fn silence(&mut self, now: Time) -> Option<Heard> {
        let last = self.last_sound?;
        if now.since(last) < PAUSE {
            return None;
        }
        self.last_sound = None;
        self.unknown_steps = 0;
        Some(Heard::Pause)
    }

    fn sound(&mut self, frame: &[u8]) -> Option<Heard> {
        let places = self.lexicon.places.get(&digest(frame)).map(Vec::as_slice).unwrap_or_default();
        if places.is_empty() {
            self.unknown_steps += 1;
            return (self.unknown_steps == Ear::UNKNOWN).then_some(Heard::Speech);
        }
        self.unknown_steps = 0;
        let passed = self.passed..=self.passed.saturating_add(MOST_MISSING);
        let goes_on = |place: &&Place| {
            self.candidates.iter().any(|candidate| {
                candidate.prompt == place.prompt && passed.contains(&place.step.wrapping_sub(candidate.step))
            })
        };
        let going_on: Vec<Place> = places.iter().filter(goes_on).copied().collect();
        self.passed = 0;
        if going_on.is_empty() {
            self.reported = false;
            self.candidates = places.to_vec();
        } else {
            self.candidates = going_on;
        }
        match self.candidates.as_slice() {
            [only] if !self.reported => {
                self.reported = true;
                self.lexicon.names.get(only.prompt as usize).cloned().map(Heard::Prompt)
            }
            _ => None,
        }
    }
}

fn has_sound(law: Law, frame: &[u8]) -> bool {
    let sum: i32 = frame.iter().map(|&octet| i32::from(law.decode(octet)).abs()).sum();
    sum >= SOUND * frame.len() as i32
}

fn digest(frame: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    frame.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hear(sequence: &[&str], law: Law, lose_every: usize) -> Vec<String> {
        hear_in_packets(FRAME, sequence, law, lose_every)
    }

    fn hear_in_packets(length: usize, sequence: &[&str], law: Law, lose_every: usize) -> Vec<String> {
        let bank = Bank::builtin();
        let mut ear = Ear::new(Arc::new(Lexicon::new(&bank)));
        let mut now = Time::ZERO;
        let mut heard = Vec::new();
        let mut octets: Vec<u8> =
            sequence.iter().flat_map(|name| bank.clip(name).unwrap().encoded(law).to_vec()).collect();
        octets.extend(vec![law.silence(); FRAME * 50]);
        for (at, frame) in octets.chunks(length).enumerate() {
            now += Duration::from_micros(length as u64 * 125);
            if lose_every == 0 || at % lose_every != 0 {
                heard.extend(ear.listen(now, law, frame));
            }
        }
        heard.into_iter().filter_map(|h| if let Heard::Prompt(name) = h { Some(name) } else { None }).collect()
    }

    #[test]
    fn every_prompt_is_recognised_in_both_laws() {
        for name in Bank::builtin().names() {
            assert_eq!(hear(&[name], Law::Mu, 0), [name]);
            assert_eq!(hear(&[name], Law::A, 0), [name]);
        }
    }

    #[test]
    fn prompts_in_a_row_and_the_same_one_twice_are_distinguished() {
        let row = ["greeting", "menu-unit", "digit-1", "digit-1", "digit-7", "read-back-after"];
        assert_eq!(hear(&row, Law::Mu, 0), row);
        assert_eq!(hear(&row, Law::Mu, 9), row, "with every ninth packet lost");
    }

    #[test]
    fn prompts_are_distinguished_in_packets_of_any_length() {
        let row = ["greeting", "digit-1", "digit-1", "read-back-after"];
        for length in [80, 160, 240, 320, 400, 480] {
            assert_eq!(hear_in_packets(length, &row, Law::Mu, 0), row, "{length}");
            assert_eq!(hear_in_packets(length, &row, Law::A, 11), row, "{length}, with every eleventh packet lost");
        }
    }

    #[test]
    fn what_is_not_known_is_speech_and_then_a_pause() {
        let bank = Bank::builtin();
        let mut ear = Ear::new(Arc::new(Lexicon::new(&bank)));
        let tone = crate::audio::tone::dtmf("5555", &crate::audio::tone::Config::default()).unwrap();
        let mut heard = vec![];
        let mut now = Time::ZERO;
        for frame in tone.chunks_exact(FRAME).chain(std::iter::repeat_n(&[0i16; FRAME][..], 60)) {
            now += Duration::from_millis(20);
            heard.extend(ear.listen(now, Law::Mu, &Law::Mu.encode_all(frame)));
        }
        assert_eq!(heard, [Heard::Speech, Heard::Pause]);
    }
}
