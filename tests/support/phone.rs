//! The phone's end: what `karipass call` does with an endpoint and a caller, in virtual time; and what a phone's owner may do
//! besides.

use std::net::SocketAddr;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use karipass::caller::{Caller, Conclusion, INFO_TYPE, Output, Step};
use karipass::internals::keying::{Keys, MasterKey};
use karipass::internals::rtp::session::Stats;
use karipass::internals::sip::endpoint::{self, CallHandle, CommandError, EndCause, Endpoint, Event, Outgoing};
use karipass::internals::sip::message::{NameAddr, Uri};
use karipass::internals::sip::sdp::{self, LocalMedia, Srtp};
use karipass::time::Time;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::handset::Handset;
use super::network::{Datagram, Kind};
use super::trace::Outlet;
use super::{Encryption, LEXICON, Offer, PHONE_MEDIA, PHONE_SIP, SERVICE_SIP, Setup, rtcp_of};

/// The phone with its one call.
pub struct Phone {
    pub handset: Handset,
    call: Option<CallHandle>,
    setup: Setup,
    version: u64,
    /// What it encrypts with.
    pub keys: Keys,
    /// The service was asked for an offer.
    asked: bool,
    /// It sends no RTP.
    pub mute: bool,
    pub conclusion: Conclusion,
    pub heard: Vec<String>,
    /// How many keys were keyed.
    pub keyed: usize,
    /// Its 200 is never acknowledged.
    pub no_ack: bool,
    /// The provisional responses that it heard, and whether each described a session.
    pub progress: Vec<(u16, bool)>,
    /// The status that refused the call.
    pub refused: Option<u16>,
    pub answered: bool,
    /// The description that the call was answered with.
    pub answer: Option<String>,
    /// What its session counted, when it is over.
    pub stats: Option<Stats>,
    pub cause: Option<EndCause>,
    /// What became of each change of the session that it asked for.
    pub changes: Vec<Result<(), u16>>,
}

impl Phone {
    pub fn new(setup: &Setup) -> Phone {
        Phone {
            handset: Handset::new(PHONE_SIP, PHONE_MEDIA, setup.seed ^ 0x7068_6f6e_6500),
            call: None,
            setup: setup.clone(),
            version: 1,
            keys: draw_keys(setup, 1),
            asked: false,
            mute: false,
            conclusion: Conclusion::Undecided,
            heard: vec![],
            keyed: 0,
            no_ack: false,
            progress: vec![],
            refused: None,
            answered: false,
            answer: None,
            stats: None,
            cause: None,
            changes: vec![],
        }
    }

    // What its owner does

    pub fn dial(&mut self, now: Time) {
        let from = self.setup.from.clone();
        let from = from.unwrap_or_else(|| format!("<sip:{}@192.0.2.77>", self.setup.manner.order.from));
        let outgoing = Outgoing {
            flow: self.handset.flow(SERVICE_SIP),
            to: "sip:0664806430@192.0.2.10".parse::<Uri>().unwrap(),
            from: NameAddr::parse(&from).unwrap(),
            asserted: None,
            offer: self.description("sendrecv"),
            headers: self.setup.headers.clone(),
        };
        let call = self.handset.endpoint.place(now, outgoing).unwrap();
        if self.setup.no_ack {
            self.no_ack = true;
            self.handset.endpoint.withhold_ack(call).unwrap();
        }
        self.call = Some(call);
    }

    pub fn hang_up(&mut self, now: Time) {
        if let Some(call) = self.call {
            let _ = self.handset.endpoint.hang_up(now, call, None);
        }
    }

    /// Changes the session to this direction, and to where media is taken now.
    pub fn change(&mut self, now: Time, direction: &str) -> Result<(), CommandError> {
        self.version += 1;
        let description = self.description(direction);
        self.handset.endpoint.offer(now, self.call.ok_or(CommandError::NoSuchCall)?, description)
    }

    /// The old way of putting on hold: media to nowhere.
    pub fn change_to_nowhere(&mut self, now: Time) -> Result<(), CommandError> {
        self.version += 1;
        let nowhere = self.description("sendrecv").unwrap().replace("c=IN IP4 192.0.2.77", "c=IN IP4 0.0.0.0");
        self.handset.endpoint.offer(now, self.call.ok_or(CommandError::NoSuchCall)?, Some(nowhere))
    }

    /// Takes another key into use.
    pub fn change_key(&mut self, now: Time) -> Result<(), CommandError> {
        self.keys = draw_keys(&self.setup, 2);
        self.change(now, "sendrecv")
    }

    /// Asks the service for an offer in the running call.
    pub fn ask_for_offer(&mut self, now: Time) -> Result<(), CommandError> {
        self.handset.endpoint.offer(now, self.call.ok_or(CommandError::NoSuchCall)?, None)?;
        self.asked = true;
        Ok(())
    }

    // What the edge does

    pub fn wakes(&self) -> Time {
        self.handset.wakes()
    }

    pub fn is_idle(&self) -> bool {
        self.call.is_none() && self.handset.caller.is_none() && self.handset.endpoint.calls() == 0
    }

    pub fn receive(&mut self, now: Time, datagram: &Datagram) {
        self.handset.receive(now, datagram);
    }

    pub fn handle_timeout(&mut self, now: Time) {
        self.handset.handle_timeout(now);
    }

    pub fn flush(&mut self, out: &mut Outlet<'_>) {
        loop {
            self.flush_endpoint(out);
            if !self.flush_caller(out) {
                return;
            }
        }
    }

    fn flush_endpoint(&mut self, out: &mut Outlet<'_>) {
        loop {
            match self.handset.endpoint.poll_output() {
                endpoint::Output::Transmit(transmit) => {
                    let (from, to) = (transmit.flow.local, transmit.flow.remote);
                    out.send(Datagram { kind: Kind::Sip, from, to, bytes: transmit.bytes });
                }
                endpoint::Output::Event(event) => self.event(event, out),
                endpoint::Output::Timeout(at) => return self.handset.endpoint_wakes = at,
            }
        }
    }

    fn event(&mut self, event: Event, out: &mut Outlet<'_>) {
        let now = out.now;
        match event {
            Event::Accepted { call, answer } => self.accepted(now, call, &answer),
            Event::Rejected { status, .. } => self.refused = Some(status),
            Event::Ended { cause, .. } => {
                out.note(format!("phone: the call has ended: {cause:?}"));
                assert!(self.cause.replace(cause).is_none(), "the phone's call ended twice");
                self.call = None;
                if let Some(caller) = &mut self.handset.caller {
                    caller.close(now);
                }
            }
            Event::OfferAnswered { call, answer } => {
                let local = self.local();
                if let (Ok(offer), true) = (&answer, std::mem::take(&mut self.asked)) {
                    let (description, _) = sdp::answer(offer, &self.local()).unwrap();
                    self.handset.endpoint.answer(now, call, description).unwrap();
                }
                if let (Ok(answer), Some(caller)) = (&answer, &mut self.handset.caller)
                    && let Ok(plan) = sdp::accept(answer, &local)
                {
                    caller.rekey(&plan);
                }
                self.changes.push(answer.map(drop));
            }
            Event::InfoAnswered { .. } => {
                if let Some(caller) = &mut self.handset.caller {
                    caller.info_answered();
                }
            }
            Event::Progress { status, body, .. } => self.progress.push((status, !body.is_empty())),
            // a refresh of the session that changes nothing
            Event::Offer { call, .. } => {
                let description = self.description("sendrecv").ok_or(488);
                let _ = self.handset.endpoint.respond_offer(now, call, description);
            }
            Event::Confirmed { .. } | Event::Refreshed { .. } => {}
            Event::Registering(_)
            | Event::Registered { .. }
            | Event::RegistrationExpired { .. }
            | Event::RegistrationAnswered { .. } => {
                panic!("a phone neither is a registrar nor asks one")
            }
            Event::Incoming(_)
            | Event::Stranger(_)
            | Event::TurnedAway(_)
            | Event::Refused(_)
            | Event::Info { .. }
            | Event::EarlyMedia { .. } => {
                panic!("the service calls nobody, and keys nothing")
            }
        }
    }

    fn accepted(&mut self, now: Time, call: CallHandle, answer: &[u8]) {
        self.answered = true;
        self.answer = Some(String::from_utf8_lossy(answer).into_owned());
        let plan = if self.setup.offer == Offer::Late {
            let (description, plan) = sdp::answer(answer, &self.local()).unwrap();
            let answered = self.handset.endpoint.answer(now, call, description);
            assert!(self.no_ack || answered.is_ok());
            plan
        } else {
            sdp::accept(answer, &self.local()).unwrap()
        };
        let seed = self.setup.phone_call_seed.unwrap_or(self.setup.seed.rotate_left(29) ^ 0x6361_6c6c);
        self.handset.caller = Some(Caller::new(now, seed, self.setup.manner.clone(), Arc::clone(&LEXICON), &plan));
        self.handset.caller_wakes = now;
    }

    fn flush_caller(&mut self, out: &mut Outlet<'_>) -> bool {
        let now = out.now;
        let mut commanded = false;
        loop {
            let Some(caller) = &mut self.handset.caller else {
                self.handset.caller_wakes = Time::MAX;
                return commanded;
            };
            match caller.poll_output() {
                Output::Rtp { .. } if self.mute => {}
                Output::Rtp { to, bytes } => {
                    out.send(Datagram { kind: Kind::Rtp, from: self.handset.media, to, bytes })
                }
                Output::Rtcp { to, bytes } => {
                    out.send(Datagram { kind: Kind::Rtcp, from: rtcp_of(self.handset.media), to, bytes });
                }
                Output::Info(body) => {
                    if let Some(call) = self.call {
                        let _ = self.handset.endpoint.send_info(now, call, INFO_TYPE, body.into_bytes());
                        commanded = true;
                    }
                }
                Output::HangUp => {
                    self.hang_up(now);
                    commanded = true;
                }
                Output::Step(step) => self.step(step, out),
                Output::Timeout(at) => {
                    self.handset.caller_wakes = at;
                    self.conclusion = caller.conclusion().clone();
                    if self.cause.is_some() {
                        self.stats = Some(caller.stats());
                        self.handset.caller = None;
                        continue;
                    }
                    return commanded;
                }
            }
        }
    }

    fn step(&mut self, step: Step, out: &mut Outlet<'_>) {
        match step {
            Step::Heard(name) => {
                out.note(format!("phone: hears {name}"));
                self.heard.push(name);
            }
            Step::Keyed { what, keys } => {
                out.note(format!("phone: keys {what} ({keys})"));
                self.keyed += keys;
            }
            Step::HeardSpeech | Step::Played => out.note(format!("phone: {step:?}")),
            Step::Replied(_) => {}
        }
    }

    fn local(&self) -> LocalMedia {
        LocalMedia {
            version: self.version,
            telephone_event_pt: match self.setup.offer {
                Offer::Pcmu(event) | Offer::Pcma(event) | Offer::Events(event, _) => event,
                Offer::All | Offer::EventsThrice | Offer::NoEvents | Offer::Unknown | Offer::Late => 101,
            },
            srtp: if self.setup.encryption == Encryption::None { Srtp::Off } else { Srtp::Offered },
            keys: self.keys.clone(),
            ..LocalMedia::new(self.handset.media, 7)
        }
    }

    /// A session description as telephones write it, not as our own code does.
    fn description(&self, direction: &str) -> Option<String> {
        let formats = match self.setup.offer {
            Offer::All => "0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
                a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15"
                .to_owned(),
            Offer::Pcmu(event) => format!("0 {event}\r\na=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-16"),
            Offer::Pcma(event) => {
                format!("8 {event}\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:{event} telephone-event/8000")
            }
            Offer::Events(event, clock) => format!("0 8 {event}\r\na=rtpmap:{event} telephone-event/{clock}"),
            Offer::EventsThrice => "0 8 100 101 102\r\na=rtpmap:100 telephone-event/48000\r\na=fmtp:100 0-16\r\n\
                a=rtpmap:101 telephone-event/16000\r\na=rtpmap:102 telephone-event/8000\r\na=fmtp:102 0-15,66"
                .to_owned(),
            Offer::NoEvents => "0 8".to_owned(),
            Offer::Unknown => "18\r\na=rtpmap:18 G729/8000".to_owned(),
            Offer::Late => return None,
        };
        let media = self.setup.behind_nat.unwrap_or(self.handset.media);
        let (version, ip, port, ptime) = (self.version, media.ip(), media.port(), self.setup.ptime_ms);
        let proto = if matches!(self.setup.encryption, Encryption::Only(_)) { "RTP/SAVP" } else { "RTP/AVP" };
        let crypto: String = self.keys.iter().map(crypto).collect();
        Some(format!(
            "v=0\r\no=phone 7 {version} IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} {proto} {formats}\r\n{crypto}a=ptime:{ptime}\r\na={direction}\r\n"
        ))
    }
}

fn draw_keys(setup: &Setup, which: u64) -> Keys {
    let suites: Vec<_> = setup.encryption.suite().into_iter().collect();
    Keys::draw(&suites, &mut StdRng::seed_from_u64(setup.seed ^ which << 32))
}

/// A line as telephones write it.
fn crypto(key: &MasterKey) -> String {
    let inline = Base64::encode_string(key.expose());
    format!("a=crypto:1 {} inline:{inline}|2^31\r\n", key.suite().name())
}
