//! One 20 ms packet of G.711 encrypted, and decrypted: what SRTP adds to every call fifty times a second, each way.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use karipass::internals::keying::{LONGEST, MasterKey, Suite};
use karipass::internals::rtp::packet::Packet;
use karipass::internals::rtp::srtp::{Receiver, Sender};

fn packet(sequence: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    let timestamp = u32::from(sequence) * 160;
    Packet { marker: false, payload_type: 0, sequence, timestamp, ssrc: 7, payload: &[0x55; 160] }.write(&mut bytes);
    bytes
}

fn srtp(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp");
    group.throughput(Throughput::Elements(1));
    for suite in Suite::ALL {
        let key = MasterKey::from_random(suite, [7; LONGEST]);
        let (mut sender, mut sequence) = (Sender::new(&key), 0u16);
        group.bench_function(format!("protect/{}", suite.name()), |bencher| {
            bencher.iter_batched_ref(
                || {
                    sequence = sequence.wrapping_add(1);
                    packet(sequence)
                },
                |bytes| sender.protect_rtp(black_box(bytes)),
                BatchSize::SmallInput,
            );
        });
        let (mut sender, mut receiver, mut sequence) = (Sender::new(&key), Receiver::new(&key), 0u16);
        group.bench_function(format!("unprotect/{}", suite.name()), |bencher| {
            bencher.iter_batched_ref(
                || {
                    sequence = sequence.wrapping_add(1);
                    let mut bytes = packet(sequence);
                    sender.protect_rtp(&mut bytes);
                    bytes
                },
                |bytes| receiver.unprotect_rtp(black_box(bytes)).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, srtp);
criterion_main!(benches);
