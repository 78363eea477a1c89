//! Any datagrams, at any times, on both sockets of a session: no panic, and media time never goes back.
//!
//! The input is a run of records: a byte that says what it is, a byte of 4 ms units that pass before it, a byte of
//! length, and that many bytes of datagram.

#![no_main]

use std::time::Duration;

use karipass::internals::rtp::session::{Config, EventFormat, Formats, Output, Received, Session};
use karipass::time::Time;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let event = Some(EventFormat { payload_type: 101, clock_rate: 8000 });
    let addresses = [([192, 0, 2, 7], 4000).into(), ([192, 0, 2, 7], 4001).into(), ([203, 0, 113, 9], 4000).into()];
    let mut session = Session::new(Time::ZERO, Config { event, ..Config::default() }, addresses[0], addresses[1]);
    let (mut now, mut last) = (Time::ZERO, 0);
    let mut rest = data;
    while let [kind, passed, length, tail @ ..] = rest {
        let (datagram, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        now += Duration::from_millis(u64::from(*passed) * 4);
        let from = addresses[usize::from(kind >> 4) % 3];
        match kind & 0x0f {
            0 => session.handle_rtcp(now, from, datagram),
            1 => session.handle_timeout(now),
            2 => {
                let event = Some(EventFormat { payload_type: 96, clock_rate: u32::from(*length) * 400 });
                session.retarget(now, from, from, Formats { audio: 8, event });
            }
            3 => session.send_audio(now, datagram),
            4 => session.bye(now),
            _ => session.handle_rtp(now, from, datagram),
        }
        while let Some(received) = session.poll_received() {
            if let Received::Audio { at, payload, .. } = received {
                assert!(at >= last, "media time went back");
                last = at;
                session.recycle(payload);
            }
        }
        while !matches!(session.poll_output(), Output::Timeout(_)) {}
    }
});
