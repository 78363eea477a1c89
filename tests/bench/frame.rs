//! One 20 ms frame through the detector of tones: what every call costs fifty times a second.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use karipass::dtmf::{Config, Detector};
use karipass::internals::audio::prompt::Bank;
use karipass::internals::audio::tone;

const FRAME: usize = 160;

/// A phone's idle line: the least noise that G.711 can carry.
fn hiss(samples: usize) -> Vec<i16> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 29) as i16 * 8 - 28
    };
    (0..samples).map(|_| next()).collect()
}

fn frame(criterion: &mut Criterion) {
    let bank = Bank::builtin();
    let speech = &bank.clip("greeting").unwrap().pcm;
    let tones = tone::dtmf("1234567890*#", &tone::Config::default()).unwrap();
    let sounds = [("speech", speech.clone()), ("silence", vec![0; 8000]), ("hiss", hiss(8000)), ("tone", tones)];
    let mut group = criterion.benchmark_group("frame");
    group.throughput(Throughput::Elements(1));
    for (name, sound) in sounds {
        let mut detector = Detector::new(&Config::default());
        let mut frames = sound.chunks_exact(FRAME).cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                detector.process(black_box(frames.next().unwrap()));
                while let Some(event) = detector.poll() {
                    black_box(event);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frame);
criterion_main!(benches);
