//! The receiver: hops in, decisions out.

use std::collections::VecDeque;

use super::candidate::{self, Limits};
use super::explain::{Explanation, Explanations, Verdict};
use super::fit;
use super::goertzel;
use super::history::{History, KEPT, Span};
use super::tables::{HOP, SCALE, TURN, TURNS};
use super::{Config, Digit, Event};

/// Decodes the digits of one call. Push samples with [`Detector::process`], then drain [`Detector::poll`].
pub struct Detector {
    limits: Limits,
    history: History,
    /// Samples in the hop that is being filled, and whether some of them are missing.
    filled: usize,
    torn: bool,
    /// The correlations of the last two hops, turned to a common phase.
    turned: [[f32; 16]; 2],
    /// What the screen saw in the latest hops; `NOTHING` or a key.
    seen: [u8; KEPT],
    tone: Option<Tone>,
    /// The last digit and the sample at which it ended.
    last: Option<(usize, u64)>,
    events: VecDeque<Event>,
    explanations: Option<Box<Explanations>>,
}

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
            turned: [[0.0; 16]; 2],
            seen: [NOTHING; KEPT],
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

    /// The next explanation of a candidate that is over. `finished` says that no more samples will come.
    pub fn poll_explanation(&mut self, finished: bool) -> Option<Explanation> {
        self.explanations.as_mut().and_then(|e| e.poll(finished))
    }

    /// Takes linear samples at 8 kHz, any number of them.
    pub fn process(&mut self, mut samples: &[i16]) {
        while !samples.is_empty() {
            let take = samples.len().min(HOP - self.filled);
            let (now, later) = samples.split_at(take);
            let filled = self.filled;
            self.history.filling()[filled..filled + take].copy_from_slice(now);
            self.advance(take);
            samples = later;
        }
    }

    /// Tells that this many samples are missing.
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

    fn advance(&mut self, samples: usize) {
        self.filled += samples;
        if self.filled == HOP {
            self.filled = 0;
            self.hop();
        }
    }

    fn hop(&mut self) {
        let lost = std::mem::take(&mut self.torn) || self.history.repeats();
        let hop = self.history.filling();
        let (bins, energy) = if lost { ([0; 16], 0) } else { (goertzel::correlate(hop), goertzel::energy(hop)) };
        self.history.complete(bins, energy, lost);
        let key = self.screen(lost);
        let slot = (self.history.hops - 1) as usize % KEPT;
        self.seen[slot] = key;
        match self.tone {
            Some(tone) => self.follow(tone),
            None if key != NOTHING => self.look(usize::from(key)),
            // what a loss has cut off is judged as it is
            None if lost && !self.history.lost(1) && self.seen_at(1) != NOTHING => {
                self.look(usize::from(self.seen_at(1)))
            }
            None => {}
        }
    }

    fn seen_at(&self, age: usize) -> u8 {
        self.seen[(self.history.hops as usize).wrapping_sub(1 + age) % KEPT]
    }

    /// The key whose two tones make up most of the last 15 ms, or `NOTHING`.
    fn screen(&mut self, lost: bool) -> u8 {
        let bins = self.history.bins(0);
        let turn = &TURNS.0[((self.history.hops - 1) % TURN as u64) as usize];
        let mut now = [0.0; 16];
        let mut sum = [0.0; 16];
        for t in 0..8 {
            let (re, im) = (bins[t] as f32, -(bins[8 + t] as f32));
            now[t] = re * turn[t] + im * turn[8 + t];
            now[8 + t] = im * turn[t] - re * turn[8 + t];
        }
        for (i, s) in sum.iter_mut().enumerate() {
            *s = now[i] + self.turned[0][i] + self.turned[1][i];
        }
        self.turned = [now, self.turned[0]];
        if lost || self.history.lost(1) {
            return NOTHING;
        }
        let hops = if self.history.lost(2) { 2.0 } else { 3.0 };
        let mut power = [0.0; 8];
        for t in 0..8 {
            power[t] = sum[t] * sum[t] + sum[8 + t] * sum[8 + t];
        }
        let row = strongest(&power, 0);
        let column = strongest(&power, 4);
        let energy = self.history.energy(0) + self.history.energy(1) + self.history.energy(2);
        let half = hops * HOP as f32 / 2.0 * SCALE as f32;
        let least = self.limits.power * half * half * SCREEN_LEVEL;
        let share = SCREEN_SHARE * half * SCALE as f32 * energy;
        if power[row] < least || power[column] < least || power[row] + power[column] < share {
            return NOTHING;
        }
        (row * 4 + column - 4) as u8
    }

    /// Looks whether the tones that the screen saw are a digit by now.
    fn look(&mut self, key: usize) {
        let seen = self.seen.iter().filter(|s| usize::from(**s) == key).count();
        if seen < 2 {
            return;
        }
        let now = self.history.hops * HOP as u64;
        // a digit that has ended is not part of this one
        let horizon = self.last.map_or(KEPT, |(_, end)| (now.saturating_sub(end) as usize / HOP).min(KEPT));
        let Some(m) = candidate::measure(&self.history, key, &self.limits, horizon) else { return };
        let at = now - m.onset as u64;
        let mut verdict = candidate::judge(&m, &self.limits);
        if verdict == Verdict::Taken && self.last.is_some_and(|(last, end)| last == key && at < end + self.limits.pause)
        {
            verdict = Verdict::Resumed;
        }
        if let Some(explanations) = &mut self.explanations {
            explanations.add(Explanation::new(digit(key), at, &m, verdict));
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
const SCREEN_SHARE: f32 = 0.38;

fn strongest(power: &[f32; 8], first: usize) -> usize {
    (first + 1..first + 4).fold(first, |best, t| if power[t] > power[best] { t } else { best })
}
