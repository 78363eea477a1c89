//! The service's end: what server and worker do with an endpoint, a call and a store, in virtual time.

use std::sync::Arc;

use base64ct::{Base64, Encoding};
use karipass::caller::ear::{Ear, Heard};
use karipass::dtmf;
use karipass::internals::account::CallRecord;
use karipass::internals::audio::g711::Law;
use karipass::internals::call::{Call, Input, Output, Seed, Settings};
use karipass::internals::datagram::Kind as Media;
use karipass::internals::keying::{MasterKey, Suite};
use karipass::internals::rtp::srtp::Receiver;
use karipass::internals::sip::endpoint::{self, CallHandle, EndCause, Endpoint, Event};
use karipass::internals::sip::flow::{Flow, Transport};
use karipass::time::Time;

use super::ledger::{Ledger, Reply, wall};
use super::network::{Datagram, Kind};
use super::trace::Outlet;
use super::{BANK, LEXICON, SERVICE_MEDIA, SERVICE_SIP, Setup, rtcp_of};

/// The service with its one call.
pub struct Service {
    endpoint: Endpoint,
    call: Option<(CallHandle, Call)>,
    settings: Arc<Settings>,
    setup: Setup,
    /// When the endpoint, and when the call, is to be woken.
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
    /// How often the call was woken.
    pub wakeups: usize,
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
            dtmf: dtmf::Config::default(),
            prompts: Arc::clone(&BANK),
            longest_call: setup.longest_call,
            srtp: setup.srtp,
            announce_refusals: setup.announce_refusals,
        };
        Service {
            endpoint: Endpoint::new(endpoint::Config::default(), setup.seed ^ 0x5e12_71ce),
            call: None,
            settings: Arc::new(settings),
            setup: setup.clone(),
            wakes: [Time::MAX; 2],
            ledger: Ledger::new(setup.seed, setup.store.clone()),
            voice: Ear::new(Arc::clone(&LEXICON)),
            said: vec![],
            cause: None,
            packets: 0,
            spoken: vec![],
            wakeups: 0,
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
        self.call.is_none() && self.endpoint.calls() == 0 && self.ledger.next() == Time::MAX
    }

    pub fn receive(&mut self, now: Time, datagram: &Datagram) {
        let Datagram { kind, from, to, bytes } = datagram;
        match (kind, &mut self.call) {
            (Kind::Sip, _) if *to == SERVICE_SIP => {
                let flow = Flow { transport: Transport::Udp, local: SERVICE_SIP, remote: *from, connection: None };
                self.endpoint.handle_message(now, flow, bytes);
            }
            (Kind::Rtp, Some((_, call))) if *to == SERVICE_MEDIA => {
                call.handle_datagram(now, media(Media::Rtp, *from, bytes))
            }
            (Kind::Rtcp, Some((_, call))) if *to == rtcp_of(SERVICE_MEDIA) => {
                call.handle_datagram(now, media(Media::Rtcp, *from, bytes))
            }
            // to a closed port
            (Kind::Sip | Kind::Rtp | Kind::Rtcp, _) => {}
        }
    }

    pub fn handle_timeout(&mut self, now: Time) {
        if self.wakes[0] <= now {
            self.endpoint.handle_timeout(now);
        }
        if self.wakes[1] <= now
            && let Some((_, call)) = &mut self.call
        {
            call.handle_timeout(now);
            self.wakeups += 1;
        }
        while let Some(reply) = self.ledger.poll(now) {
            // of a call that is gone nobody waits for the answer
            let Some((_, call)) = &mut self.call else { continue };
            call.handle_input(
                now,
                match reply {
                    Reply::Line(contract) => Input::Line(contract),
                    Reply::Stored(result) => Input::Stored(result),
                },
            );
        }
    }

    /// The server stops.
    pub fn stop(&mut self, now: Time) {
        if let Some((_, call)) = &mut self.call {
            call.handle_input(now, Input::Stop);
        }
    }

    /// Does all that endpoint and call want done.
    pub fn flush(&mut self, out: &mut Outlet<'_>) {
        loop {
            self.flush_endpoint(out);
            if !self.flush_call(out) {
                return;
            }
        }
    }

    fn flush_endpoint(&mut self, out: &mut Outlet<'_>) {
        loop {
            match self.endpoint.poll_output() {
                endpoint::Output::Transmit(transmit) => {
                    let (from, to) = (transmit.flow.local, transmit.flow.remote);
                    out.send(Datagram { kind: Kind::Sip, from, to, bytes: transmit.bytes });
                }
                endpoint::Output::Event(event) => self.event(event, out),
                endpoint::Output::Timeout(at) => return self.wakes[0] = at,
            }
        }
    }

    fn event(&mut self, event: Event, out: &mut Outlet<'_>) {
        let now = out.now;
        let input = match event {
            Event::Incoming(incoming) => {
                assert!(self.call.is_none(), "one INVITE made two calls");
                let seed = self.setup.service_call_seed.unwrap_or(self.setup.seed.rotate_left(7) ^ 0x6b61_7269);
                let settings = Arc::clone(&self.settings);
                let seed = Seed { numbers: seed, keys: [7; 32] };
                let call = Call::new(now, wall(now), seed, settings, self.setup.trust, &incoming);
                self.call = Some((incoming.call, call));
                return;
            }
            // nothing that a call could be told: the phone was
            Event::Refused(_) => return,
            Event::EarlyMedia { .. } => Input::EarlyMedia,
            Event::Confirmed { answer, .. } => Input::Confirmed(answer),
            Event::Offer { offer, .. } => Input::Offer(offer),
            Event::Refreshed { answer, .. } => Input::Refreshed(answer),
            Event::Info { content_type, body, .. } => Input::Info { content_type, body },
            Event::Ended { cause, .. } => {
                out.note(format!("service: the call has ended: {cause:?}"));
                assert!(self.cause.replace(cause.clone()).is_none(), "the service's call ended twice");
                Input::Ended(cause)
            }
            Event::InfoAnswered { .. }
            | Event::Progress { .. }
            | Event::Accepted { .. }
            | Event::Rejected { .. }
            | Event::Registering(_)
            | Event::RegistrationExpired { .. }
            | Event::RegistrationAnswered { .. }
            | Event::OfferAnswered { .. } => panic!("a service places no calls"),
        };
        if let Some((_, call)) = &mut self.call {
            call.handle_input(now, input);
        }
    }

    /// Tells whether the endpoint was told to do anything.
    fn flush_call(&mut self, out: &mut Outlet<'_>) -> bool {
        let now = out.now;
        let mut commanded = false;
        loop {
            let Some((handle, call)) = &mut self.call else {
                self.wakes[1] = Time::MAX;
                return commanded;
            };
            let handle = *handle;
            // the far end may have been quicker: then there is nothing to carry out any more
            let _ = match call.poll_output() {
                Output::Datagram(media) => {
                    let (to, bytes) = (media.remote, media.bytes);
                    let (kind, from) = match media.kind {
                        Media::Rtp => (Kind::Rtp, SERVICE_MEDIA),
                        Media::Rtcp => (Kind::Rtcp, rtcp_of(SERVICE_MEDIA)),
                    };
                    if kind == Kind::Rtp {
                        self.listen(now, &bytes, out);
                    }
                    out.send(Datagram { kind, from, to, bytes });
                    continue;
                }
                Output::FindLine(number) => {
                    self.ledger.find_line(now, number);
                    continue;
                }
                Output::Store(request) => {
                    out.note("service: stores a password");
                    let id = call.id().to_owned();
                    self.ledger.set_temporary_password(now, request, id);
                    continue;
                }
                Output::Finished(record) => {
                    self.finished(&record, out);
                    continue;
                }
                Output::Timeout(at) => {
                    self.wakes[1] = at;
                    return commanded;
                }
                Output::OpenMedia { .. } => {
                    call.handle_input(now, Input::Media(Some(SERVICE_MEDIA)));
                    continue;
                }
                Output::Answer(description) => {
                    self.tap = self.setup.encryption.suite().and_then(|suite| key_in(&description, suite));
                    self.endpoint.answer(now, handle, description)
                }
                Output::Reject(rejection) => self.endpoint.reject(now, handle, rejection),
                Output::RespondOffer(response) => self.endpoint.respond_offer(now, handle, response),
                Output::Progress(description) => self.endpoint.progress(now, handle, 183, Some(description)),
                Output::HangUp(cause, text) => self.endpoint.hang_up(now, handle, Some((cause, text))),
            };
            commanded = true;
        }
    }

    fn finished(&mut self, record: &CallRecord, out: &mut Outlet<'_>) {
        out.note(format!("service: records {} ({})", record.outcome, record.status));
        self.ledger.record(record);
        let Some((_, mut call)) = self.call.take() else { return };
        assert!(matches!(call.poll_output(), Output::Timeout(Time::MAX)), "a call that is over has more to do");
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

fn media(kind: Media, remote: std::net::SocketAddr, bytes: &[u8]) -> karipass::internals::datagram::Datagram<&[u8]> {
    karipass::internals::datagram::Datagram { kind, remote, bytes }
}

/// Reads what is encrypted with the key that a description has for a suite.
fn key_in(description: &str, suite: Suite) -> Option<Receiver> {
    let mut lines = description.lines().filter_map(|line| line.strip_prefix("a=crypto:"));
    let key = lines.find_map(|line| line.split_once(&format!(" {} inline:", suite.name())))?.1;
    let key = MasterKey::new(suite, &Base64::decode_vec(key).unwrap()).unwrap();
    Some(Receiver::new(&key))
}
