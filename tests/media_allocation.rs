//! A media session allocates nothing once its buffers are there, encrypted or not; nor does a call of the service, as a worker
//! drives it.
#![allow(clippy::unwrap_used)]

#[path = "support/counting.rs"]
mod counting;

use std::sync::Arc;
use std::time::Duration;

use counting::allocations;
use karipass::internals::account::demo_contract;
use karipass::internals::audio::prompt::Bank;
use karipass::internals::call::identity::Trust;
use karipass::internals::call::{Admitted, Input, Settings};
use karipass::internals::datagram::{Datagram, Kind};
use karipass::internals::keying::{Keying, LONGEST, MasterKey, Suite};
use karipass::internals::rtp::session::{Config, Output, Received, Session};
use karipass::internals::seats::Seats;
use karipass::internals::sip::endpoint::{self, CallHandle};
use karipass::internals::sip::flow::{Flow, Transport};
use karipass::internals::switchboard::{self, Calls, PeerLimits, Signalling, ToWorker, calls};
use karipass::time::{Moment, Time, UnixTime};

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

const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";

/// Both cores of the service with one call.
struct Service {
    signalling: Signalling,
    calls: Calls,
    call: Option<CallHandle>,
    sent: usize,
    /// The last message that left.
    message: String,
}

impl Service {
    fn new() -> Service {
        let settings = Settings::new(Arc::new(Bank::builtin()));
        let config = switchboard::Config {
            endpoint: endpoint::Config::default(),
            rings: false,
            trust: Box::new(|_| Trust { asserted: false, from: true, private: false }),
            peers: PeerLimits { calls: 10, invites_per_second: 10.0 },
            calls_per_line: 50,
            drain: Duration::ZERO,
            retry_after: Duration::ZERO,
            workers: 1,
        };
        let signalling = Signalling::new(config, [7; 32]);
        Service { signalling, calls: Calls::new(Arc::new(settings)), call: None, sent: 0, message: String::new() }
    }

    fn receive(&mut self, method: &str, tag: &str, body: &str) {
        let remote = "192.0.2.77:5060".parse().unwrap();
        let flow =
            Flow { transport: Transport::Udp, local: "192.0.2.10:5060".parse().unwrap(), remote, connection: None };
        let message = format!(
            "{method} sip:0664806430@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK-{method}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:0600001111@192.0.2.77>;tag=phone\r\nTo: <sip:0664806430@192.0.2.10>{tag}\r\n\
             Call-ID: allocation\r\nCSeq: 1 {method}\r\nContact: <sip:0600001111@192.0.2.77>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.signalling.handle_message(at(Time::ZERO), flow, message.as_bytes());
        while self.signal() | self.carry_out(Time::ZERO) {}
    }

    fn signal(&mut self) -> bool {
        let mut busy = false;
        loop {
            match self.signalling.poll_output() {
                switchboard::Output::Transmit(transmit) => self.message = String::from_utf8(transmit.bytes).unwrap(),
                switchboard::Output::ToWorker { message, .. } => self.calls.handle_message(at(Time::ZERO), message),
                switchboard::Output::Timeout(_) => return busy,
                output @ (switchboard::Output::Ask { .. }
                | switchboard::Output::Record { .. }
                | switchboard::Output::Audit(_)
                | switchboard::Output::Stopped) => panic!("{output:?}"),
            }
            busy = true;
        }
    }

    fn carry_out(&mut self, now: Time) -> bool {
        let mut busy = false;
        loop {
            match self.calls.poll_output() {
                calls::Output::Send(call, Datagram { bytes, .. }) => {
                    self.sent += 1;
                    self.calls.recycle(call, bytes);
                }
                calls::Output::Begun { .. } | calls::Output::Read(_) => {}
                calls::Output::Command(call, command) => self.signalling.handle_command(at(now), call, command),
                calls::Output::FindLine { call, .. } => {
                    let (contract, seat) = (demo_contract().unwrap(), Seats::default().take());
                    let input = Input::Line(Ok(Some(Admitted { contract, seat })));
                    self.calls.handle_message(at(now), ToWorker::Input { call, input });
                }
                calls::Output::OpenMedia { call, .. } => {
                    self.call = Some(call);
                    self.calls.handle_media(now, call, Some("192.0.2.10:10000".parse().unwrap()));
                }
                calls::Output::Timeout(_) => return busy,
                output @ (calls::Output::Prepare { .. }
                | calls::Output::Store { .. }
                | calls::Output::Over { .. }
                | calls::Output::Quit) => {
                    panic!("{output:?}")
                }
            }
            busy = true;
        }
    }

    /// One packet comes in, and whatever is due goes out.
    fn tick(&mut self, n: u16) {
        let now = Time::from_millis(u64::from(n) * 20);
        let mut bytes = [0xff; 172];
        bytes[..12].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        bytes[2..4].copy_from_slice(&n.to_be_bytes());
        bytes[4..8].copy_from_slice(&(u32::from(n) * 160).to_be_bytes());
        let remote = "192.0.2.77:40000".parse().unwrap();
        let datagram = Datagram { kind: Kind::Rtp, remote, bytes: &bytes[..] };
        self.calls.handle_datagram(now, self.call.unwrap(), datagram);
        // sockets are read first, then calls have their turn
        for _ in 0..2 {
            self.calls.handle_timeout(now);
            self.carry_out(now);
        }
    }
}

fn at(time: Time) -> Moment {
    Moment { time, wall: UnixTime(1_767_225_600) }
}

#[test]
fn a_call_of_the_service_allocates_nothing_while_a_prompt_is_spoken() {
    let mut service = Service::new();
    service.receive("INVITE", "", OFFER);
    let tag = service.message.lines().find_map(|line| line.strip_prefix("To: ")?.split_once(";tag=")).unwrap().1;
    let tag = format!(";tag={tag}");
    service.receive("ACK", &tag, "");
    // the buffers come with the first packets and reports; the greeting lasts longer than eight seconds
    (1..100).for_each(|n| service.tick(n));
    let (before, sent) = (allocations(), service.sent);
    (100..400).for_each(|n| service.tick(n));
    assert_eq!(allocations() - before, 0);
    assert!(service.sent - sent >= 300, "{} packets", service.sent - sent);
}
