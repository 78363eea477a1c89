//! A telephone with one call: what `karipass call` does with an endpoint and a caller, and what its owner does besides.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use karipass::caller::script::Order;
use karipass::caller::{Caller, Conclusion, Habits, INFO_TYPE, Manner, Output, Silence, Step};
use karipass::internals::sip::digest::Account;
use karipass::internals::sip::endpoint::{self, CallHandle, EndCause, Event, Outgoing};
use karipass::internals::sip::message::{NameAddr, Uri};
use karipass::internals::sip::sdp::{self, LocalMedia, Srtp};
use karipass::time::Time;

use crate::handset::Handset;
use crate::network::{Datagram, Kind};
use crate::plan::{Dial, Manners, Who};
use crate::support::{GATEWAY, LABORATORY, LEXICON, SERVICE_SIP, STRANGER, TELEPHONE, rtcp_of};
use crate::trace::{header, summary};
use crate::world::Outside;

/// A telephone in its call.
pub struct Phone {
    pub dial: Dial,
    pub handset: Handset,
    /// Names its call on the wire.
    pub call_id: Option<String>,
    /// What its owner has heard, in order; digits are in it.
    pub heard: Vec<String>,
    pub conclusion: Conclusion,
    pub refused: Option<u16>,
    pub cause: Option<EndCause>,
    call: Option<CallHandle>,
    version: u64,
    vanished: bool,
    /// What its owner does next, and when.
    next_move: Option<(Time, Move)>,
}

#[derive(Clone, Copy)]
enum Move {
    HangUp,
    Vanish,
    Hold(Time),
    Resume,
}

impl Phone {
    /// Number `index` dials now.
    pub fn dial(now: Time, index: u16, dial: Dial) -> Phone {
        let host = match dial.who {
            Who::Subscriber | Who::Withheld => GATEWAY,
            Who::Laboratory => LABORATORY,
            Who::Impostor | Who::Softphone | Who::Guesser => STRANGER,
        };
        let next_move = match dial.manners {
            Manners::Good | Manners::NeverAcks => None,
            Manners::HangsUp(after) => Some((now + after, Move::HangUp)),
            Manners::Vanishes(after) => Some((now + after, Move::Vanish)),
            Manners::Holds(after, time) => Some((now + after, Move::Hold(now + after + time))),
        };
        let (sip, media) = (SocketAddr::new(host, 5060 + index), SocketAddr::new(host, 40_000 + 2 * index));
        let mut phone = Phone {
            handset: Handset::new(sip, media, dial.seed),
            call_id: None,
            heard: vec![],
            conclusion: Conclusion::Undecided,
            refused: None,
            cause: None,
            call: None,
            version: 1,
            vanished: false,
            next_move,
            dial,
        };
        phone.place(now, host);
        phone
    }

    fn place(&mut self, now: Time, host: IpAddr) {
        let line = self.dial.line;
        let own = |name: &str| NameAddr::parse(&format!("<sip:{name}@{host}>")).unwrap();
        let withheld = self.dial.who == Who::Withheld;
        let anonymous = || NameAddr::parse("\"Anonymous\" <sip:anonymous@anonymous.invalid>").unwrap();
        let outgoing = Outgoing {
            flow: self.handset.flow(SERVICE_SIP),
            to: "sip:0664806430@192.0.2.10".parse::<Uri>().unwrap(),
            from: if withheld { anonymous() } else { own(line.as_str()) },
            asserted: match self.dial.who {
                Who::Subscriber | Who::Impostor => Some(own(line.as_str())),
                Who::Laboratory | Who::Withheld | Who::Softphone | Who::Guesser => None,
            },
            offer: Some(self.description("sendrecv")),
            headers: vec![],
        };
        let proof = match self.dial.who {
            Who::Softphone => Some(TELEPHONE),
            Who::Guesser => Some("guessed-4711"),
            Who::Subscriber | Who::Laboratory | Who::Withheld | Who::Impostor => None,
        };
        let account = |password: &str| Account { user_name: line.as_str().to_owned(), password: password.into() };
        self.handset.endpoint.set_account(proof.map(account));
        let call = self.handset.endpoint.place(now, outgoing).unwrap();
        if self.dial.manners == Manners::NeverAcks {
            self.handset.endpoint.withhold_ack(call).unwrap();
        }
        self.call = Some(call);
    }

    // What the world asks

    pub fn wakes(&self) -> Time {
        let moves = self.next_move.map_or(Time::MAX, |(at, _)| at);
        self.handset.wakes().min(moves)
    }

    /// Whether its call is over, and nothing waits any more.
    pub fn is_done(&self) -> bool {
        self.vanished || self.call.is_none() && self.handset.caller.is_none() && self.wakes() == Time::MAX
    }

    pub fn receive(&mut self, now: Time, datagram: &Datagram) {
        if !self.vanished {
            self.handset.receive(now, datagram);
        }
    }

    pub fn handle_timeout(&mut self, now: Time) {
        if let Some((_, next)) = self.next_move.take_if(|(at, _)| *at <= now) {
            self.make(now, next);
        }
        if self.vanished {
            return;
        }
        self.handset.handle_timeout(now);
    }

    fn make(&mut self, now: Time, next: Move) {
        let Some(call) = self.call else { return };
        match next {
            Move::HangUp => drop(self.handset.endpoint.hang_up(now, call, None)),
            Move::Vanish => {
                self.vanished = true;
                (self.handset.endpoint_wakes, self.handset.caller_wakes) = (Time::MAX, Time::MAX);
                (self.call, self.handset.caller) = (None, None);
            }
            Move::Hold(until) => {
                self.change(now, "sendonly");
                self.next_move = Some((until, Move::Resume));
            }
            Move::Resume => self.change(now, "sendrecv"),
        }
    }

    fn change(&mut self, now: Time, direction: &str) {
        let Some(call) = self.call else { return };
        self.version += 1;
        let description = self.description(direction);
        // not yet answered, or over: then there is nothing to change
        let _ = self.handset.endpoint.offer(now, call, Some(description));
    }

    /// Does all that endpoint and caller want done.
    pub fn flush(&mut self, out: &mut Outside<'_>) {
        if self.vanished {
            return;
        }
        loop {
            self.flush_endpoint(out);
            if !self.flush_caller(out) {
                return;
            }
        }
    }

    fn flush_endpoint(&mut self, out: &mut Outside<'_>) {
        loop {
            match self.handset.endpoint.poll_output() {
                endpoint::Output::Transmit(transmit) => {
                    if self.call_id.is_none() {
                        self.call_id = header(&String::from_utf8_lossy(&transmit.bytes), "Call-ID").map(str::to_owned);
                    }
                    let (from, to, bytes) = (transmit.flow.local, transmit.flow.remote, transmit.bytes);
                    let (port, what) = (from.port(), summary(&bytes));
                    let arrives = out.send(Datagram { kind: Kind::Sip, from, to, bytes });
                    out.note(|| format!("phone {} ──▶ {what}{}", port - 5060, if arrives { "" } else { " (lost)" }));
                }
                endpoint::Output::Event(event) => self.event(event, out),
                endpoint::Output::Timeout(at) => return self.handset.endpoint_wakes = at,
            }
        }
    }

    fn event(&mut self, event: Event, out: &mut Outside<'_>) {
        let now = out.now;
        match event {
            Event::Accepted { call: _, answer } => self.accepted(now, &answer),
            Event::Rejected { status, .. } => self.refused = Some(status),
            Event::Ended { cause, .. } => {
                out.note(|| format!("phone {}: its call has ended: {cause:?}", self.handset.sip.port() - 5060));
                assert!(self.cause.replace(cause).is_none(), "the phone's call ended twice");
                self.call = None;
                self.next_move = None;
                if let Some(caller) = &mut self.handset.caller {
                    caller.close(now);
                }
            }
            Event::InfoAnswered { .. } => {
                if let Some(caller) = &mut self.handset.caller {
                    caller.info_answered();
                }
            }
            // a refresh of the session that changes nothing
            Event::Offer { call, .. } => {
                let description = Ok(self.description("sendrecv"));
                let _ = self.handset.endpoint.respond_offer(now, call, description);
            }
            Event::OfferAnswered { .. }
            | Event::Progress { .. }
            | Event::Confirmed { .. }
            | Event::Refreshed { .. }
            | Event::EarlyMedia { .. } => {}
            Event::Registering(_)
            | Event::Registered { .. }
            | Event::Stranger(_)
            | Event::TurnedAway(_)
            | Event::RegistrationExpired { .. }
            | Event::RegistrationAnswered { .. }
            | Event::Incoming(_)
            | Event::Refused(_)
            | Event::Info { .. } => panic!("the service calls nobody, keys nothing and does not register"),
        }
    }

    fn accepted(&mut self, now: Time, answer: &[u8]) {
        let Ok(plan) = sdp::accept(answer, &self.local()) else { panic!("the service's answer is no answer") };
        let Dial { unit, line, target, ref password, ways, patient, sends_silence, seed, .. } = self.dial;
        let silence = if sends_silence { Silence::Sent } else { Silence::Suppressed };
        let manner = Manner {
            order: Order { unit, from: line, target, password: password.clone() },
            ways,
            withheld: false,
            patient,
            recording: None,
            habits: Habits { silence, ..Habits::default() },
        };
        self.handset.caller = Some(Caller::new(now, seed.rotate_left(29), manner, Arc::clone(&LEXICON), &plan));
        self.handset.caller_wakes = now;
    }

    fn flush_caller(&mut self, out: &mut Outside<'_>) -> bool {
        let now = out.now;
        let mut commanded = false;
        loop {
            let Some(caller) = &mut self.handset.caller else {
                self.handset.caller_wakes = Time::MAX;
                return commanded;
            };
            match caller.poll_output() {
                Output::Rtp { to, bytes } => {
                    out.send(Datagram { kind: Kind::Rtp, from: self.handset.media, to, bytes });
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
                    if let Some(call) = self.call {
                        let _ = self.handset.endpoint.hang_up(now, call, None);
                        commanded = true;
                    }
                }
                Output::Step(step) => self.step(step, out),
                Output::Timeout(at) => {
                    self.handset.caller_wakes = at;
                    self.conclusion = caller.conclusion().clone();
                    if self.cause.is_some() {
                        self.handset.caller = None;
                        continue;
                    }
                    return commanded;
                }
            }
        }
    }

    fn step(&mut self, step: Step, out: &mut Outside<'_>) {
        let port = self.handset.sip.port() - 5060;
        match step {
            Step::Heard(name) => {
                out.note(|| format!("phone {port}: hears {name}"));
                self.heard.push(name);
            }
            Step::Keyed { what, keys } => out.note(|| format!("phone {port}: keys {what} ({keys})")),
            Step::HeardSpeech | Step::Played | Step::Replied(_) => {}
        }
    }

    fn local(&self) -> LocalMedia {
        LocalMedia { version: self.version, srtp: Srtp::Off, ..LocalMedia::new(self.handset.media, 7) }
    }

    /// A session description as telephones write it, not as our own code does.
    fn description(&self, direction: &str) -> String {
        let (version, ip, port) = (self.version, self.handset.media.ip(), self.handset.media.port());
        format!(
            "v=0\r\no=phone 7 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
             a=fmtp:101 0-15\r\na=ptime:20\r\na={direction}\r\n"
        )
    }
}
