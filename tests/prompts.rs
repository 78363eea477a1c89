//! Every prompt that the conversation can name is there, sounds, and sounds right.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use karipass::dtmf::{Config, Detector};
use karipass::internals::audio::prompt::Bank;
use karipass::internals::ivr::ALL_PROMPTS;

const FRAME: usize = 160;

/// The level of a frame in dBm0: a sine of 0 dBm0 peaks 3.17 dB below full scale in u-law (ITU-T G.711).
fn level(frame: &[i16]) -> f64 {
    let power = frame.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / frame.len() as f64;
    10.0 * (power / (32_767.0f64.powi(2) / 2.0)).max(1e-12).log10() + 3.17
}

/// The level of what is said: frames within 25 dB of the loudest.
fn speech_level(samples: &[i16]) -> f64 {
    let levels: Vec<f64> = samples.chunks_exact(FRAME).map(level).collect();
    let loudest = levels.iter().copied().fold(f64::MIN, f64::max);
    let spoken: Vec<f64> = levels.into_iter().filter(|level| *level > loudest - 25.0).collect();
    let mean = spoken.iter().map(|level| 10f64.powf(level / 10.0)).sum::<f64>() / spoken.len() as f64;
    10.0 * mean.log10()
}

#[test]
fn the_bank_has_what_the_conversation_names_and_nothing_else() {
    let bank = Bank::builtin();
    let wanted: BTreeSet<&str> = ALL_PROMPTS.iter().map(|prompt| prompt.as_str()).collect();
    let there: BTreeSet<&str> = bank.names().collect();
    assert_eq!(there, wanted);
}

#[test]
fn every_prompt_has_a_text() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/text.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    for prompt in ALL_PROMPTS {
        let entry = &table["prompts"][prompt.as_str()];
        assert!(!entry["text"].as_str().unwrap().is_empty() && !entry["meaning"].as_str().unwrap().is_empty());
    }
}

/// A prompt that is spoken anew must be heard anew: its length is written beside what was understood.
#[test]
fn every_prompt_was_heard_by_a_recogniser_as_it_is() {
    let heard = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/recognised.tsv")).unwrap();
    let bank = Bank::builtin();
    for name in bank.names() {
        let row = heard.lines().find(|line| line.split('\t').next() == Some(name));
        let row: Vec<&str> = row.unwrap_or_else(|| panic!("{name} has no row in recognised.tsv")).split('\t').collect();
        let length = bank.clip(name).unwrap().pcm.len() / 8;
        assert_eq!(row[1], length.to_string(), "{name} is not the recording that was heard");
        assert!(!row[5].is_empty(), "{name}: nothing was understood");
    }
}

#[test]
fn every_prompt_sounds_is_not_clipped_and_starts_at_once() {
    let bank = Bank::builtin();
    for name in bank.names() {
        let samples = &bank.clip(name).unwrap().pcm;
        let seconds = samples.len() as f64 / 8000.0;
        assert!((0.1..=15.0).contains(&seconds), "{name} lasts {seconds} s");
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(peak < 32_000, "{name} peaks at {peak}");
        let clipped = samples.windows(3).filter(|three| three.iter().all(|s| s.unsigned_abs() == peak)).count();
        assert_eq!(clipped, 0, "{name} has a flat top");
        let silent = samples.chunks_exact(FRAME / 2).take_while(|half| level(half) < -50.0).count() * 10;
        assert!(silent <= 100, "{name} begins with {silent} ms of silence");
    }
}

#[test]
fn all_prompts_are_equally_loud() {
    let bank = Bank::builtin();
    for name in bank.names() {
        let level = speech_level(&bank.clip(name).unwrap().pcm);
        assert!((-24.0..=-14.0).contains(&level), "{name} is at {level:.1} dBm0");
    }
}

#[test]
fn no_prompt_is_heard_as_a_digit() {
    let bank = Bank::builtin();
    // as they are, and as an echo of them or a loud copy would be
    for gain in [1.0, 0.18, 2.0] {
        for name in bank.names() {
            let mut detector = Detector::new(&Config::default());
            for &sample in &bank.clip(name).unwrap().pcm {
                detector.process(&[(f64::from(sample) * gain) as i16]);
            }
            detector.process(&[0; 1600]);
            assert!(detector.poll().is_none(), "{name} at gain {gain}");
        }
    }
}
