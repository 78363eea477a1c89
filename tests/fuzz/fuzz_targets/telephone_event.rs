//! Any event packets, at any clock, at any times: no panic, presses go down and up in turn, and none that is told has a code
//! beyond flash.
//!
//! The first two bytes are the clock rate in units of 250 Hz. Then a run of records: a byte of 4 ms units that pass, two of sequence
//! number, two of the timestamp's middle, a byte that picks SSRC and length, and the payload.

#![no_main]

use std::time::Duration;

use karipass::internals::rtp::packet::Packet;
use karipass::internals::rtp::telephone_event::{Change, LAST_CODE, Receiver};
use karipass::time::Time;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [high, low, records @ ..] = data else { return };
    let mut rest = records;
    let mut receiver = Receiver::new(u32::from(u16::from_be_bytes([*high, *low])) * 250);
    let (mut now, mut down) = (Time::ZERO, None);
    while let [passed, s1, s0, t2, t1, kind, tail @ ..] = rest {
        let (payload, tail) = tail.split_at(tail.len().min(usize::from(kind & 0x0f)));
        rest = tail;
        now += Duration::from_millis(u64::from(*passed) * 4);
        match kind >> 4 {
            15 => receiver.restart(),
            14 => receiver.handle_timeout(now),
            ssrc => receiver.receive(
                now,
                &Packet {
                    marker: kind & 0x80 != 0,
                    payload_type: 101,
                    sequence: u16::from_be_bytes([*s1, *s0]),
                    timestamp: u32::from_be_bytes([0xff, *t2, *t1, 0]),
                    ssrc: u32::from(ssrc & 1),
                    payload,
                },
            ),
        }
        while let Some(change) = receiver.poll() {
            match change {
                Change::Down { code, at } => {
                    assert!(code <= LAST_CODE && down.replace((code, at)).is_none(), "two presses at once");
                }
                Change::Up { code, at, .. } => assert_eq!(down.take(), Some((code, at)), "let go what was not pressed"),
            }
        }
        assert!(down.is_some() || receiver.deadline() == Time::MAX);
    }
    receiver.handle_timeout(Time::MAX);
    while let Some(change) = receiver.poll() {
        assert!(matches!(change, Change::Up { code, at, .. } if down.take() == Some((code, at))));
    }
    assert!(down.is_none(), "a key is down for ever");
});
