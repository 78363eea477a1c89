//! One whole virtual call: both ends, the network and the store, from INVITE to the last timer. About 30 s of telephone time.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use karipass::key::Ways;
use support::{Setup, World};

fn virtual_call(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("virtual_call");
    group.sample_size(20);
    for (name, ways) in [("rfc4733", Ways::RFC4733), ("inband", Ways::IN_BAND), ("info", Ways::INFO)] {
        let mut seed = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                seed += 1;
                black_box(World::new(Setup::new(seed).by(ways)).run())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, virtual_call);
criterion_main!(benches);
