//! A media session allocates nothing once its buffers are there, encrypted or not.
#![allow(clippy::unwrap_used)]

#[path = "support/counting.rs"]
mod counting;

use counting::allocations;
use karipass::internals::keying::{Keying, LONGEST, MasterKey, Suite};
use karipass::internals::rtp::session::{Config, Output, Received, Session};
use karipass::time::Time;

/// Sends and receives one packet each way; the media that was heard.
fn tick(n: u64, ends: &mut [Session; 2]) -> usize {
    let now = Time::from_millis(n * 20);
    let mut heard = 0;
    for end in 0..2 {
        ends[end].send_audio(now, &[0x55; 160]);
        ends[end].handle_timeout(now);
        loop {
            match ends[end].poll_output() {
                Output::Rtp { to, bytes } => {
                    // every twentieth is lost
                    if n % 20 != 7 {
                        ends[1 - end].handle_rtp(now, to, &bytes);
                    }
                    ends[end].recycle(bytes);
                }
                Output::Rtcp { to, bytes } => {
                    ends[1 - end].handle_rtcp(now, to, &bytes);
                    ends[end].recycle(bytes);
                }
                Output::Timeout(_) => break,
            }
        }
        while let Some(received) = ends[1 - end].poll_received() {
            if let Received::Audio { payload, .. } = received {
                heard += 1;
                ends[1 - end].recycle(payload);
            }
        }
    }
    heard
}

#[test]
fn packets_and_reports_allocate_nothing() {
    let suites = Suite::ALL.map(Some);
    for suite in suites.into_iter().chain([None]) {
        let addresses = ("192.0.2.7:4000".parse().unwrap(), "192.0.2.7:4001".parse().unwrap());
        let mut ends = [(1, 2), (2, 1)].map(|(ours, theirs)| {
            let key = |suite, fill| MasterKey::from_random(suite, [fill; LONGEST]);
            let keying = suite.map(|suite| Keying { local: key(suite, ours), remote: key(suite, theirs) });
            let config = Config { ssrc: u32::from(ours), keying, ..Config::default() };
            Session::new(Time::ZERO, config, addresses.0, addresses.1)
        });
        // the buffers come with the first packets and reports
        (0..600).for_each(|n| _ = tick(n, &mut ends));
        let before = allocations();
        let heard: usize = (600..3000).map(|n| tick(n, &mut ends)).sum();
        assert_eq!(allocations() - before, 0, "{suite:?}");
        assert!(heard > 4400, "{suite:?}: {heard} packets");
    }
}
