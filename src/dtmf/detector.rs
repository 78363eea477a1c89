//! The receiver: hops in, decisions out.

use std::collections::VecDeque;

use super::candidate;
use super::config::Config;
use super::digit::Digit;
use super::event::Event;
use super::explain::{Explanation, Explanations};
use super::fit;
use super::goertzel::{self, Bank, SCREEN_SHARE, Seen};
use super::history::{History, KEPT, Span};
use super::limits::{self, Limits};
use super::tables::{HOP, SCALE};
use super::verdict::Verdict;

/// Decodes the digits of one call. Push samples with [`Detector::process`], then drain [`Detector::poll`].
pub struct Detector {
    limits: Limits,
    history: History,
    /// Samples in the hop that is being filled, and whether some of them are missing.
    filled: usize,
    torn: bool,
    bank: Bank,
    /// What the screen saw in the latest hops; `NOTHING` or a key.
    seen: [u8; KEPT],
    /// Hops in a row that repeat those of 20 ms before.
    repeated: usize,
    /// Hops since one that was silent or missing.
    unbroken: usize,
    tone: Option<Tone>,
    /// The last digit and the sample at which it ended.
    last: Option<(usize, u64)>,
    events: VecDeque<Event>,
    explanations: Option<Box<Explanations>>,
}

/// Hops that are taken for packets played again: three packets. A tone of a multiple of 50 Hz, such as Japan's dial tone,
/// repeats itself for longer.
const MOST_REPEATED: usize = 12;

/// In how many hops of the last 80 ms a key must have been seen to be looked at: less when some did not arrive or are silent,
/// for a digit may be in pieces then.
const LEAST_SEEN: usize = 4;
const LEAST_SEEN_AFTER_GAP: usize = 2;

const NOTHING: u8 = 0xFF;

/// A tone that was taken for a digit and goes on.
#[derive(Clone, Copy)]
struct Tone {
    key: usize,
    at: u64,
    power: [f32; 2],
    frequency: [f32; 2],
    /// Whether it only goes on after a gap too short to be a pause.
    resumed: bool,
    /// Age of the newest hop with the tone, when that is not the present one.
    silent: usize,
    lost: usize,
}

/// Events that fit before the queue grows: a second of the fastest dialling.
const EVENTS: usize = 32;

impl Detector {
    /// A receiver at the start of its audio.
    pub fn new(config: &Config) -> Detector {
        Detector {
            limits: Limits::new(config),
            history: History::new(),
            filled: 0,
            torn: false,
            bank: Bank::default(),
            seen: [NOTHING; KEPT],
            repeated: 0,
            unbroken: 0,
            tone: None,
            last: None,
            events: VecDeque::with_capacity(EVENTS),
            explanations: None,
        }
    }

    /// A receiver that also explains each candidate. It allocates as it does so.
    pub fn with_explanations(config: &Config) -> Detector {
        Detector { explanations: Some(Box::default()), ..Detector::new(config) }
    }

    /// The next explanation of a candidate that is over. `finished`: no more samples will come.
    pub fn poll_explanation(&mut self, finished: bool) -> Option<Explanation> {
        self.explanations.as_mut().and_then(|e| e.poll(finished))
    }

    /// Takes linear samples at 8 kHz, any number of them.
    pub fn process(&mut self, mut samples: &[i16]) {
        while let Some((hop, later)) = samples.split_first_chunk::<HOP>()
            && self.filled == 0
        {
            *self.history.filling() = *hop;
            self.hop(false);
            samples = later;
        }
        while !samples.is_empty() {
            let take = samples.len().min(HOP - self.filled);
            let (now, later) = samples.split_at(take);
            let filled = self.filled;
            self.history.filling()[filled..filled + take].copy_from_slice(now);
            self.advance(take);
            samples = later;
        }
    }

    /// Takes a loss of this many samples.
    pub fn lost(&mut self, mut samples: usize) {
        while samples > 0 {
            let take = samples.min(HOP - self.filled);
            let filled = self.filled;
            self.history.filling()[filled..filled + take].fill(0);
            self.torn = true;
            self.advance(take);
            samples -= take;
        }
    }

    /// The next event, oldest first.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    #[inline(never)]
    fn advance(&mut self, samples: usize) {
        self.filled += samples;
        if self.filled == HOP {
            self.filled = 0;
            let lost = std::mem::take(&mut self.torn);
            self.hop(lost);
        }
    }

    #[inline(always)]
    fn hop(&mut self, lost: bool) {
        self.repeated = if self.history.repeats() { self.repeated + 1 } else { 0 };
        let repeated = (1..=MOST_REPEATED).contains(&self.repeated);
        let lost = lost || repeated;
        let (samples, bins) = self.history.filled();
        let seen = if lost { self.bank.skip(bins) } else { self.bank.take(samples, self.limits.quiet, bins) };
        self.history.complete(lost, repeated);
        self.unbroken = if seen == Seen::Silence { 0 } else { self.unbroken + 1 };
        let key = if seen == Seen::Tones { self.screen() } else { NOTHING };
        self.seen[(self.history.hops - 1) as usize % KEPT] = key;
        if self.tone.is_some() || key != NOTHING || lost {
            self.decide(key, lost);
        }
    }

    #[inline(never)]
    fn decide(&mut self, key: u8, lost: bool) {
        match self.tone {
            Some(tone) => self.follow(tone),
            None if key != NOTHING => self.look(usize::from(key)),
            // a tone cut off by a loss is judged as it is
            None if lost && !self.history.lost(1) && self.seen_at(1) != NOTHING => {
                self.look(usize::from(self.seen_at(1)));
            }
            None => {}
        }
    }

    fn seen_at(&self, age: usize) -> u8 {
        self.seen[(self.history.hops as usize).wrapping_sub(1 + age) % KEPT]
    }

    /// The key whose two tones make up most of the last 15 ms, or `NOTHING`.
    fn screen(&self) -> u8 {
        let (power, energy) = (&self.bank.power, self.bank.energy_of_three);
        let (row, column) = (strongest(power, 0), strongest(power, 4));
        // two hops are enough beside a loss, one is not
        let hops = match (self.history.lost(1), self.history.lost(2)) {
            (true, _) => return NOTHING,
            (false, true) => 2.0,
            (false, false) => 3.0,
        };
        if row.1 + column.1 < SCREEN_SHARE * goertzel::full_power(hops) * energy as f32 {
            return NOTHING;
        }
        let half = hops * (HOP as f32 / 2.0 * SCALE as f32);
        if row.1.min(column.1) < self.limits.power * half * half * SCREEN_LEVEL {
            return NOTHING;
        }
        (row.0 * 4 + column.0) as u8
    }

    /// Looks whether the tones that the screen saw are a digit by now.
    fn look(&mut self, key: usize) {
        let seen = self.seen.iter().filter(|s| usize::from(**s) == key).count();
        if seen < if self.unbroken < KEPT { LEAST_SEEN_AFTER_GAP } else { LEAST_SEEN } {
            return;
        }
        let now = self.history.hops * HOP as u64;
        // a digit that has ended is not part of this one
        let horizon = self.last.map_or(KEPT, |(_, end)| (now.saturating_sub(end) as usize / HOP).min(KEPT));
        let Some(m) = candidate::measure(&mut self.history, key, &self.limits, horizon, self.explanations.is_some())
        else {
            return;
        };
        let at = now - m.onset as u64;
        let mut verdict = limits::judge(&m, &self.limits);
        if verdict == Verdict::Taken && self.last.is_some_and(|(last, end)| last == key && at < end + self.limits.pause)
        {
            verdict = Verdict::Resumed;
        }
        if let Some(explanations) = &mut self.explanations {
            explanations.add(Explanation::new(digit(key), at, &m, verdict, &self.limits));
        }
        let resumed = match verdict {
            Verdict::Taken => false,
            Verdict::Resumed => true,
            Verdict::TooShort | Verdict::Frequency | Verdict::Twist => return,
            Verdict::Level | Verdict::Residual | Verdict::Unsteady => return,
        };
        if !resumed {
            self.events.push_back(Event::Down { digit: digit(key), at });
        }
        self.tone = Some(Tone { key, at, power: m.power, frequency: m.frequency, resumed, silent: 0, lost: 0 });
    }

    /// Waits for the end of the tone.
    fn follow(&mut self, mut tone: Tone) {
        if self.history.lost(0) {
            tone.lost += 1;
            if tone.silent > 0 {
                tone.silent += 1;
            }
        } else {
            let now = fit::nominal(self.history.bins(0), tone.key).tone;
            if now[0].power() > 0.25 * tone.power[0] && now[1].power() > 0.25 * tone.power[1] {
                tone.silent = 0;
                tone.lost = 0;
            } else {
                tone.silent += 1 + if tone.silent == 0 { tone.lost } else { 0 };
            }
        }
        self.tone = Some(tone);
        if tone.silent >= 2 || tone.lost >= 20 {
            self.end(tone);
        }
    }

    fn end(&mut self, tone: Tone) {
        let age = tone.silent.max(tone.lost);
        let back = self.end_of(&tone, age);
        if back < 13 * 8 {
            return;
        }
        let end = (self.history.hops * HOP as u64 - back as u64).max(tone.at);
        if !tone.resumed {
            self.events.push_back(Event::Up { digit: digit(tone.key), at: tone.at, length: end - tone.at });
        }
        self.last = Some((tone.key, end));
        self.tone = None;
    }

    /// How many samples ago the tone ended whose newest hop has this age.
    fn end_of(&self, tone: &Tone, age: usize) -> usize {
        let mut full = fit::Ages::default();
        for back in age + 1..(age + 7).min(KEPT) {
            if self.history.lost(back) {
                break;
            }
            let now = fit::nominal(self.history.bins(back), tone.key).tone;
            if now[0].power() < 0.5 * tone.power[0] || now[1].power() < 0.5 * tone.power[1] {
                break;
            }
            full.add(back);
        }
        if full.count() < 2 || age == 0 {
            return age * HOP;
        }
        let fit = fit::Fit::new(&self.history, full, tone.frequency);
        let newest = if self.history.lost(age - 1) { age } else { age - 1 };
        fit.end(&self.history, Span::hops(full.newest(), newest))
    }
}

fn digit(key: usize) -> Digit {
    Digit::of_tones(key >> 2, key & 3)
}

const SCREEN_LEVEL: f32 = 0.16;

#[inline(always)]
fn strongest(power: &[f32; 8], first: usize) -> (usize, f32) {
    let (a, b) = (usize::from(power[first + 1] > power[first]), 2 + usize::from(power[first + 3] > power[first + 2]));
    let best = if power[first + b] > power[first + a] { b } else { a };
    (best, power[first + best])
}

#[cfg(test)]
mod tests;
