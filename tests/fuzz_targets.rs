//! The fuzz targets as a plain test: each over its corpus, as it is and changed here and there. It keeps them in step with the
//! code that they call; to look for more is the fuzzer's (`tests/fuzz/README.md`).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

// stands in for the fuzzer's crate
extern crate self as libfuzzer_sys;

// they are without a main for the fuzzer's sake
#[allow(unused_attributes)]
#[path = "fuzz/fuzz_targets"]
mod targets {
    pub mod digest;
    pub mod rtp;
    pub mod sdp;
    pub mod srtp;
    pub mod telephone_event;
    pub mod wire;
}

/// Makes a function of a target. It stands below them, for they import it by name.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:block) => {
        pub fn run($bytes: &[u8]) $body
    };
}

/// Each input is changed so often.
const CHANGES: u64 = 1000;

/// Every file below this folder of the repository, by its name.
fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())).collect()
}

/// Some bytes cut out, put in, changed or followed by another input's.
fn changed(bytes: &[u8], others: &[&Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..=bytes.len());
        let length = rng.random_range(0..=bytes.len() - at).min(rng.random_range(1..40));
        match rng.random_range(0..4) {
            0 => drop(bytes.drain(at..at + length)),
            1 => drop(bytes.splice(at..at, (0..length).map(|_| rng.random()).collect::<Vec<u8>>())),
            2 => bytes[at..at + length].iter_mut().for_each(|byte| *byte ^= 1 << rng.random_range(0..8)),
            _ => {
                let other = others.choose(rng).unwrap();
                bytes.truncate(at);
                bytes.extend_from_slice(&other[rng.random_range(0..=other.len())..]);
            }
        }
    }
    bytes
}

fn over_its_corpus(name: &str, target: fn(&[u8]), more: &[&str]) {
    let corpus = format!("tests/fuzz/corpus/{name}");
    let inputs: BTreeMap<_, _> = more.iter().copied().chain([corpus.as_str()]).flat_map(files).collect();
    let all: Vec<_> = inputs.values().collect();
    for (file, bytes) in &inputs {
        target(bytes);
        for seed in 0..CHANGES {
            let input = changed(bytes, &all, &mut StdRng::seed_from_u64(seed));
            assert!(catch_unwind(|| target(&input)).is_ok(), "{name}: {file}, change {seed}: {input:02x?}");
        }
    }
}

/// Each target by its name, and where there are inputs for it besides its corpus.
type Target = (&'static str, fn(&[u8]), &'static [&'static str]);
const TARGETS: [Target; 6] = [
    ("digest", targets::digest::run, &[]),
    ("rtp", targets::rtp::run, &[]),
    ("sdp", targets::sdp::run, &[]),
    ("srtp", targets::srtp::run, &[]),
    ("telephone_event", targets::telephone_event::run, &[]),
    ("wire", targets::wire::run, &["fixtures/sip-torture"]),
];

#[test]
fn every_target_takes_its_corpus_and_what_comes_of_it() {
    for (name, target, more) in TARGETS {
        over_its_corpus(name, target, more);
    }
}

#[test]
fn no_target_is_left_out() {
    let there = files("tests/fuzz/fuzz_targets");
    assert!(
        there.keys().map(|file| file.trim_end_matches(".rs")).eq(TARGETS.map(|(name, ..)| name)),
        "{:?}",
        there.keys()
    );
}
