//! One source of audio: its detector, the digits and candidates, and the audio itself if it is wanted.

use std::time::Duration;

use super::report::{Candidate, Found, Options, Piece, Place, Press, Source};
use crate::audio::SAMPLE_RATE;
use crate::dtmf::{Config, Detector, Event, Explanation, Verdict};
use crate::key::Key;

/// A detector and its findings. Positions count samples since the first one.
pub(super) struct Listener {
    detector: Detector,
    heard: Vec<Heard>,
    explained: Vec<Explanation>,
    /// Samples so far, lost ones included.
    fed: u64,
    /// The audio and where it began, a piece between two gaps.
    pieces: Vec<(u64, Vec<i16>)>,
    keep: bool,
    kept: usize,
}

/// A digit: position and length in samples.
struct Heard {
    digit: Key,
    at: u64,
    length: u64,
}

impl Listener {
    /// Silence after which the detector has seen the end of any tone.
    const TAIL: usize = SAMPLE_RATE as usize / 5;

    /// Silence before the first sample, for a tone that is already there: a detector wants to see the onset.
    const LEAD: usize = SAMPLE_RATE as usize / 50;

    /// Most samples of a source that are kept: an hour.
    const MOST_KEPT: usize = 3600 * SAMPLE_RATE as usize;

    pub(super) fn new(options: Options) -> Listener {
        let config = Config::default();
        let mut detector = if options.explain { Detector::with_explanations(&config) } else { Detector::new(&config) };
        detector.process(&[0; Listener::LEAD]);
        Listener {
            detector,
            heard: Vec::new(),
            explained: Vec::new(),
            fed: 0,
            pieces: Vec::new(),
            keep: options.audio,
            kept: 0,
        }
    }

    pub(super) fn hear(&mut self, samples: &[i16]) {
        self.keep(samples);
        self.fed += samples.len() as u64;
        self.detector.process(samples);
        self.collect(false);
    }

    /// Takes samples that were never sent.
    pub(super) fn rest(&mut self, samples: usize) {
        self.fed += samples as u64;
        const NOTHING: [i16; 160] = [0; 160];
        let mut left = samples;
        while left > 0 {
            let now = left.min(NOTHING.len());
            self.detector.process(NOTHING.get(..now).unwrap_or(&NOTHING));
            left -= now;
        }
        self.collect(false);
    }

    /// Takes samples that were lost.
    pub(super) fn lose(&mut self, samples: usize) {
        self.fed += samples as u64;
        self.detector.lost(samples);
        self.collect(false);
    }

    /// What was found, once nothing more comes. `origin` is the time of the first sample.
    pub(super) fn finish(mut self, origin: Duration, place: Place) -> Found {
        self.rest(Listener::TAIL);
        self.found_so_far(origin, place)
    }

    /// Hands over what was found, in times. In the middle of a source, the last tone must have ended before.
    pub(super) fn found_so_far(&mut self, origin: Duration, place: Place) -> Found {
        self.collect(true);
        let explained = std::mem::take(&mut self.explained);
        let candidates = explained.into_iter().map(|explanation| self.candidate(explanation, origin, place)).collect();
        let pieces = self.pieces.drain(..).map(|(at, samples)| Piece { start: origin + time_of(at), samples });
        let pieces = pieces.collect();
        let presses = self.heard.drain(..).map(|heard| heard.press(origin, place)).collect();
        Found { presses, candidates, pieces }
    }

    fn candidate(&self, explanation: Explanation, origin: Duration, place: Place) -> Candidate {
        let at = explanation.at.saturating_sub(Listener::LEAD as u64);
        let taken = explanation.verdict == Verdict::Taken;
        let heard = self.heard.iter().find(|heard| taken && heard.at == at);
        let length = heard.map_or(explanation.length, |heard| heard.length);
        Candidate { start: origin + time_of(at), length: time_of(length), place, explanation }
    }

    fn keep(&mut self, samples: &[i16]) {
        if !self.keep || self.kept + samples.len() > Listener::MOST_KEPT {
            return;
        }
        self.kept += samples.len();
        match self.pieces.last_mut() {
            Some((at, piece)) if *at + piece.len() as u64 == self.fed => piece.extend_from_slice(samples),
            Some(_) | None => self.pieces.push((self.fed, samples.to_vec())),
        }
    }

    fn collect(&mut self, finished: bool) {
        while let Some(event) = self.detector.poll() {
            match event {
                Event::Down { .. } => {}
                Event::Up { digit, at, length } => {
                    let at = at.saturating_sub(Listener::LEAD as u64);
                    self.heard.push(Heard { digit, at, length });
                }
            }
        }
        self.explained.extend(std::iter::from_fn(|| self.detector.poll_explanation(finished)));
    }
}

impl Heard {
    fn press(self, origin: Duration, place: Place) -> Press {
        let (start, length) = (origin + time_of(self.at), time_of(self.length));
        Press { digit: self.digit, start, length, source: Source::InBand, place }
    }
}

/// The time of a position in audio.
pub(super) fn time_of(samples: u64) -> Duration {
    Duration::from_micros(samples.saturating_mul(1_000_000 / u64::from(SAMPLE_RATE)))
}
