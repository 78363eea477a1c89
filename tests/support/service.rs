//! The service's end: the two cores of the switchboard, in virtual time, with one worker, one port and a ledger of their own.

use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use karipass::caller::ear::{Ear, Heard};
use karipass::dtmf;
use karipass::internals::account::{CallRecord, Outcome};
use karipass::internals::audio::g711::Law;
use karipass::internals::call::{Input, Seed, Settings};
use karipass::internals::datagram;
use karipass::internals::keying::{MasterKey, Suite};
use karipass::internals::rtp::srtp::Receiver;
use karipass::internals::sip::endpoint::{self, CallHandle, EndCause};
use karipass::internals::sip::flow::{Flow, Transport};
use karipass::internals::switchboard::ledger::{Caller, Entry, Lookup, Password, Reply};
use karipass::internals::switchboard::{self, Calls, Command, Output, PeerLimits, Signalling, ToWorker, calls};
use karipass::time::{Moment, Time};

use super::ledger::{Ledger, wall};
use super::network::{Datagram, Kind};
use super::trace::Outlet;
use super::{BANK, LEXICON, SERVICE_MEDIA, SERVICE_SIP, Setup, rtcp_of};

/// The service with its one call.
pub struct Service {
    signalling: Signalling,
    calls: Calls,
    /// The call that has the port.
    line: Option<CallHandle>,
    setup: Setup,
    /// When signalling, and when calls, are to be woken.
    wakes: [Time; 2],
    pub ledger: Ledger,
    voice: Ear,
    /// What it said, as it left, with the time.
    pub said: Vec<(Time, String)>,
    /// How the endpoint said that the call ended.
    pub cause: Option<EndCause>,
    /// RTP packets sent.
    pub packets: usize,
    /// All that was said, octet for octet.
    pub spoken: Vec<u8>,
    /// How often the worker was woken.
    pub wakeups: usize,
    /// How often it would have read its sockets.
    pub reads: usize,
    /// The calls that came in.
    begun: usize,
    /// No call has come in, nor a stranger that was turned away.
    is_new: bool,
    /// It has stopped: nothing is there any more but what the ledger has to write.
    has_stopped: bool,
    pace: Option<Pace>,
    /// Reads what it encrypts, by the key in its description.
    tap: Option<Receiver>,
}

/// The numbers of the last packet sent: the next ones follow from them.
struct Pace {
    at: Time,
    sequence: u16,
    timestamp: u32,
    source: [u8; 4],
}

impl Service {
    pub fn new(setup: &Setup) -> Service {
        let settings = Settings {
            ivr: setup.ivr.clone(),
            longest_call: setup.longest_call,
            srtp: setup.srtp,
            announce_refusals: setup.announce_refusals,
            ..Settings::new(Arc::clone(&BANK))
        };
        let trust = setup.trust;
        let config = switchboard::Config {
            endpoint: endpoint::Config::default(),
            rings: false,
            trust: Box::new(move |_| trust),
            peers: PeerLimits { calls: 100, invites_per_second: 100.0 },
            calls_per_line: 50,
            drain: Duration::from_secs(30),
            retry_after: Duration::from_secs(10),
            workers: 1,
        };
        let mut seed = [0x5e; 32];
        seed[..8].copy_from_slice(&setup.seed.to_le_bytes());
        Service {
            signalling: Signalling::new(config, seed),
            calls: Calls::new(Arc::new(settings)),
            line: None,
            setup: setup.clone(),
            wakes: [Time::MAX; 2],
            ledger: Ledger::new(setup.seed, setup.store.clone()),
            voice: Ear::new(Arc::clone(&LEXICON)),
            said: vec![],
            cause: None,
            packets: 0,
            spoken: vec![],
            wakeups: 0,
            reads: 0,
            begun: 0,
            is_new: true,
            has_stopped: false,
            pace: None,
            tap: None,
        }
    }

    /// When there is something to do.
    pub fn wakes(&self) -> Time {
        self.wakes[0].min(self.wakes[1]).min(self.ledger.next())
    }

    /// Whether nothing is left of any call.
    pub fn is_idle(&self) -> bool {
        let no_calls = self.calls.is_empty() && self.signalling.calls() == 0;
        (no_calls || self.has_stopped) && self.ledger.next() == Time::MAX
    }

    pub fn receive(&mut self, now: Time, arrived: &Datagram) {
        let Datagram { kind, from, to, bytes } = arrived;
        let kind = match kind {
            Kind::Sip if *to == SERVICE_SIP && !self.has_stopped => {
                let flow = Flow { transport: Transport::Udp, local: SERVICE_SIP, remote: *from, connection: None };
                return self.signalling.handle_message(moment(now), flow, bytes);
            }
            Kind::Rtp if *to == SERVICE_MEDIA => datagram::Kind::Rtp,
            Kind::Rtcp if *to == rtcp_of(SERVICE_MEDIA) => datagram::Kind::Rtcp,
            // to a closed port
            Kind::Sip | Kind::Rtp | Kind::Rtcp => return,
        };
        if let Some(call) = self.line {
            self.calls.handle_datagram(now, call, datagram::Datagram { kind, remote: *from, bytes });
            // what a call makes of it need not wait for a tick: the sockets' is not simulated here
            self.calls.handle_timeout(now);
        }
    }

    pub fn handle_timeout(&mut self, now: Time) {
        if self.wakes[0] <= now {
            self.signalling.handle_timeout(moment(now));
        }
        if self.wakes[1] <= now {
            self.wakeups += 1;
            // first the sockets would be read: what came is handed in already
            self.calls.handle_timeout(now);
            self.calls.handle_timeout(now);
        }
        while let Some(reply) = self.ledger.poll(now) {
            match reply {
                Reply::ToWorker { message, .. } => self.calls.handle_message(moment(now), message),
                Reply::ToSignalling(waiting, answer) => self.signalling.handle_answer(moment(now), waiting, answer),
            }
        }
    }

    /// Once there is a call, the server is told to stop, and once more: calls are to end at once.
    pub fn stop(&mut self, now: Time) {
        if self.begun == 0 {
            return;
        }
        self.signalling.handle_stop(moment(now));
        self.signalling.handle_stop(moment(now));
    }

    /// Does all that signalling and calls want done.
    pub fn flush(&mut self, out: &mut Outlet<'_>) {
        loop {
            self.flush_signalling(out);
            if !self.flush_calls(out) {
                return;
            }
        }
    }

    fn flush_signalling(&mut self, out: &mut Outlet<'_>) {
        while !self.has_stopped {
            match self.signalling.poll_output() {
                Output::Transmit(transmit) => {
                    let (from, to) = (transmit.flow.local, transmit.flow.remote);
                    out.send(Datagram { kind: Kind::Sip, from, to, bytes: transmit.bytes });
                }
                Output::ToWorker { message, .. } => self.deliver(message, out),
                Output::Ask { question, waiting } => self.ledger.look_up(out.now, Lookup::Key { question, waiting }),
                // a stranger's INVITE comes to no call: the first record is all that there is of it
                Output::Record { record, .. } if self.is_new && record.outcome == Outcome::RefusedUntrusted => {
                    self.is_new = false;
                    self.record(record, out);
                }
                // of an INVITE that came to no call: not the call's record
                Output::Record { record, .. } => out.note(format!("service: refuses an INVITE ({})", record.status)),
                Output::Audit(row) => self.ledger.audit(row),
                Output::Stopped => {
                    out.note("service: stops");
                    self.calls.handle_message(moment(out.now), ToWorker::Quit);
                    self.has_stopped = true;
                }
                Output::Timeout(at) => return self.wakes[0] = at,
            }
        }
        self.wakes[0] = Time::MAX;
    }

    fn deliver(&mut self, message: ToWorker, out: &mut Outlet<'_>) {
        let message = match message {
            ToWorker::Incoming { incoming, trust, .. } => {
                self.begun += 1;
                self.is_new = false;
                assert_eq!(self.begun, 1, "one INVITE made two calls");
                let numbers = self.setup.service_call_seed.unwrap_or(self.setup.seed.rotate_left(7) ^ 0x6b61_7269);
                ToWorker::Incoming { incoming, trust, seed: Seed { numbers, keys: [7; 32] } }
            }
            ToWorker::Input { call, input: Input::Ended(cause) } => {
                out.note(format!("service: the call has ended: {cause:?}"));
                assert!(self.cause.replace(cause.clone()).is_none(), "the service's call ended twice");
                ToWorker::Input { call, input: Input::Ended(cause) }
            }
            other => other,
        };
        self.calls.handle_message(moment(out.now), message);
    }

    /// Tells whether signalling was told to do anything.
    fn flush_calls(&mut self, out: &mut Outlet<'_>) -> bool {
        let now = out.now;
        let mut commanded = false;
        loop {
            match self.calls.poll_output() {
                calls::Output::Send(call, media) => {
                    self.send(&media, out);
                    self.calls.recycle(call, media.bytes);
                }
                calls::Output::Command(call, command) => {
                    if let Command::Answer(description) = &command {
                        self.tap = self.setup.encryption.suite().and_then(|suite| key_in(description, suite));
                    }
                    self.signalling.handle_command(moment(now), call, command);
                    commanded = true;
                }
                calls::Output::OpenMedia { call, .. } => {
                    assert!(self.line.replace(call).is_none(), "two ports for one call");
                    self.calls.handle_media(now, call, Some(SERVICE_MEDIA));
                }
                calls::Output::FindLine { call, number } => {
                    self.ledger.look_up(now, Lookup::Line { number, caller: Caller { worker: 0, call } });
                }
                calls::Output::Prepare { call, request } => {
                    self.ledger.hash(now, Password { request, caller: Caller { worker: 0, call } });
                }
                calls::Output::Store { call, id, hashed, ticket } => {
                    out.note("service: stores a password");
                    let (prepared, caller) = (hashed.set_by(id, wall(now)), Caller { worker: 0, call });
                    self.ledger.store(now, Entry::Password { prepared, ticket, caller });
                }
                calls::Output::Over { record, .. } => {
                    self.line = None;
                    self.record(record, out);
                }
                calls::Output::Read(_) => self.reads += 1,
                calls::Output::Begun { .. } | calls::Output::Quit => {}
                calls::Output::Timeout(at) => {
                    self.wakes[1] = at;
                    return commanded;
                }
            }
        }
    }

    fn record(&mut self, record: Box<CallRecord>, out: &mut Outlet<'_>) {
        out.note(format!("service: records {} ({})", record.outcome, record.status));
        self.ledger.record(record);
    }

    fn send(&mut self, media: &datagram::Datagram, out: &mut Outlet<'_>) {
        let (kind, from) = match media.kind {
            datagram::Kind::Rtp => {
                self.listen(out.now, &media.bytes, out);
                (Kind::Rtp, SERVICE_MEDIA)
            }
            datagram::Kind::Rtcp => (Kind::Rtcp, rtcp_of(SERVICE_MEDIA)),
        };
        out.send(Datagram { kind, from, to: media.remote, bytes: media.bytes.clone() });
    }

    /// Listens to what is said, as it is sent.
    fn listen(&mut self, now: Time, packet: &[u8], out: &mut Outlet<'_>) {
        self.packets += 1;
        self.keep_pace(now, packet);
        let mut packet = packet.to_vec();
        if let Some(tap) = &mut self.tap {
            let length = tap.unprotect_rtp(&mut packet).expect("what the service encrypts");
            packet.truncate(length);
        }
        let law = if packet[1] & 0x7f == 8 { Law::A } else { Law::Mu };
        self.spoken.extend(&packet[12..]);
        for heard in self.voice.listen(now, law, &packet[12..]) {
            if let Heard::Prompt(name) = heard {
                out.note(format!("service: says {name}"));
                self.said.push((now, name));
            }
        }
    }
}

impl Service {
    /// One source; the sequence goes up by one; the timestamp goes with the time, whatever was not sent in between, and
    /// the marker says when something was not (RFC 3550 §5.1, RFC 3551 §4.1).
    fn keep_pace(&mut self, now: Time, packet: &[u8]) {
        let bytes = |from: usize| <[u8; 4]>::try_from(&packet[from..from + 4]).unwrap();
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let (timestamp, source) = (u32::from_be_bytes(bytes(4)), bytes(8));
        let marker = packet[1] & 0x80 != 0;
        if let Some(last) = &self.pace {
            let passed = now.since(last.at).as_millis() as u32;
            assert_eq!(source, last.source, "another source at {now:?}");
            assert_eq!(sequence, last.sequence.wrapping_add(1), "sequence at {now:?}");
            assert_eq!(timestamp, last.timestamp.wrapping_add(passed * 8), "timestamp at {now:?}");
            assert_eq!(marker, passed > 60, "marker at {now:?}");
        }
        self.pace = Some(Pace { at: now, sequence, timestamp, source });
    }
}

/// Reads what is encrypted with the key that a description has for a suite.
fn key_in(description: &str, suite: Suite) -> Option<Receiver> {
    let mut lines = description.lines().filter_map(|line| line.strip_prefix("a=crypto:"));
    let key = lines.find_map(|line| line.split_once(&format!(" {} inline:", suite.name())))?.1;
    let key = MasterKey::new(suite, &Base64::decode_vec(key).unwrap()).unwrap();
    Some(Receiver::new(&key))
}

/// Both clocks at `now`.
fn moment(now: Time) -> Moment {
    Moment { time: now, wall: wall(now) }
}
