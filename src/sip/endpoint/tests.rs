//! Traces of the endpoint: a hand-written phone talks to it in virtual time, or two of them talk to each other.
#![allow(clippy::unwrap_used)]

mod admission;
mod answering;
mod cancelling;
mod challenged;
mod changing;
mod early;
mod hanging_up;
mod monkey;
mod negotiating;
mod other_transports;
mod pair;
mod placing;
mod pracking;
mod proving;
mod refusing;
mod registering;
mod routing;
mod sessions;
mod strangers;
mod torture;
mod transports;

use std::net::SocketAddr;

use super::{CallHandle, Config, Endpoint, Event, Output};
use crate::sip::flow::{Flow, Transport};
use crate::sip::message::{Message, Request, Response};
use crate::sip::wire;
use crate::time::Time;

pub(super) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
                              m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
pub(super) const OURS: &str = "v=0\r\no=- 2 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                               m=audio 10000 RTP/AVP 0\r\n";

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn udp() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: address("192.0.2.1:5060"),
        remote: address("192.0.2.9:5060"),
        connection: None,
    }
}

pub(super) fn tcp() -> Flow {
    Flow { transport: Transport::Tcp, remote: address("192.0.2.9:34567"), connection: Some(7), ..udp() }
}

/// An endpoint on a bench: what it does is written down as lines `ms → STATUS METHOD`, `ms → METHOD` and `ms · Event`.
pub(super) struct Bench {
    pub endpoint: Endpoint,
    pub flow: Flow,
    /// Its peer is not trusted.
    pub is_stranger: bool,
    pub now: u64,
    pub sent: Vec<(Flow, Message)>,
    pub events: Vec<Event>,
    /// What was refused, (status, why).
    pub refused: Vec<(u16, String)>,
    trace: Vec<String>,
}

impl Bench {
    pub fn new() -> Bench {
        Bench::with(Config::default())
    }

    pub fn with(config: Config) -> Bench {
        let endpoint = Endpoint::new(config, 1);
        Bench {
            endpoint,
            flow: udp(),
            is_stranger: false,
            now: 0,
            sent: Vec::new(),
            events: Vec::new(),
            refused: Vec::new(),
            trace: Vec::new(),
        }
    }

    pub fn time(&self) -> Time {
        Time::from_millis(self.now)
    }

    /// Lets time pass up to `ms`, with everything that is due on the way.
    pub fn until(&mut self, ms: u64) -> &mut Bench {
        let mut spins = 0;
        while let Some(due) = self.drain().filter(|due| *due <= Time::from_millis(ms)) {
            let before = self.now;
            self.now = self.now.max(u64::try_from(due.elapsed().as_millis()).unwrap());
            spins = if before == self.now { spins + 1 } else { 0 };
            assert!(spins < 10, "a deadline at {before} ms is never met");
            self.endpoint.handle_timeout(self.time());
        }
        self.now = ms;
        self
    }

    /// The phone sends this at `ms`.
    pub fn receive(&mut self, ms: u64, message: &str) -> &mut Bench {
        let flow = self.flow;
        self.receive_on(ms, flow, message)
    }

    pub fn receive_on(&mut self, ms: u64, flow: Flow, message: &str) -> &mut Bench {
        self.until(ms);
        match self.is_stranger {
            true => self.endpoint.handle_stranger(Time::from_millis(ms), flow, message.as_bytes()),
            false => self.endpoint.handle_message(Time::from_millis(ms), flow, message.as_bytes()),
        }
        self.drain();
        self
    }

    /// The application does this at `ms`.
    pub fn act<T>(&mut self, ms: u64, command: impl FnOnce(&mut Endpoint, Time) -> T) -> T {
        self.until(ms);
        let result = command(&mut self.endpoint, Time::from_millis(ms));
        self.drain();
        result
    }

    fn drain(&mut self) -> Option<Time> {
        loop {
            match self.endpoint.poll_output() {
                Output::Timeout(time) => return (time != Time::MAX).then_some(time),
                Output::Event(Event::Refused(refused)) => self.refused.push((refused.status, refused.why)),
                Output::Event(event) => {
                    self.trace.push(format!("{} · {}", self.now, short(&event)));
                    self.events.push(event);
                }
                Output::Transmit(transmit) => {
                    let Ok(message) = wire::parse(&transmit.bytes) else {
                        // what was malformed comes back as it was
                        let echo = transmit.bytes.starts_with(b"SIP/2.0 4") || transmit.bytes.starts_with(b"SIP/2.0 5");
                        assert!(echo, "{}", transmit.bytes.escape_ascii());
                        continue;
                    };
                    let what = match &message {
                        Message::Request(request) => request.method.to_string(),
                        Message::Response(response) => {
                            format!("{} {}", response.status, response.headers.cseq().unwrap().method)
                        }
                    };
                    self.trace.push(format!("{} → {what}", self.now));
                    self.sent.push((transmit.flow, message));
                }
            }
        }
    }

    /// What happened since this was last asked.
    pub fn trace(&mut self) -> Vec<String> {
        self.drain();
        std::mem::take(&mut self.trace)
    }

    /// The last message that went out, and where.
    pub fn last_flow(&self) -> Flow {
        self.sent.last().unwrap().0
    }

    pub fn response(&self) -> &Response {
        match &self.sent.last().unwrap().1 {
            Message::Response(response) => response,
            Message::Request(request) => panic!("{} was sent last", request.method),
        }
    }

    pub fn request(&self) -> &Request {
        match &self.sent.last().unwrap().1 {
            Message::Request(request) => request,
            Message::Response(response) => panic!("{} was sent last", response.status),
        }
    }

    /// The call of the last event.
    pub fn call(&self) -> CallHandle {
        self.events
            .iter()
            .rev()
            .find_map(|event| if let Event::Incoming(i) = event { Some(i.call) } else { None })
            .unwrap()
    }

    /// A call that was answered at 0 ms and acknowledged at 10 ms.
    pub fn talking(phone: &mut Phone) -> Bench {
        Bench::talking_with(Config::default(), phone)
    }

    pub fn talking_with(config: Config, phone: &mut Phone) -> Bench {
        let mut bench = Bench::answered_with(config, phone);
        bench.receive(10, &phone.ack());
        bench.trace();
        bench
    }

    /// A call that was answered at once, without the ACK.
    pub fn answered(phone: &mut Phone) -> Bench {
        Bench::answered_with(Config::default(), phone)
    }

    fn answered_with(config: Config, phone: &mut Phone) -> Bench {
        let mut bench = Bench::with(config);
        bench.flow = phone.flow;
        bench.receive(0, &phone.invite());
        let call = bench.call();
        bench.act(0, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
        phone.hear(bench.response());
        bench
    }
}

/// An event without its data.
fn short(event: &Event) -> String {
    match event {
        Event::Incoming(_) => "Incoming".to_owned(),
        Event::Refused(refused) => format!("Refused {}", refused.status),
        Event::Confirmed { answer, .. } => format!("Confirmed{}", if answer.is_some() { " with answer" } else { "" }),
        Event::EarlyMedia { answer, .. } => {
            format!("EarlyMedia{}", if answer.is_some() { " with answer" } else { "" })
        }
        Event::Offer { offer, .. } => format!("Offer{}", if offer.is_some() { "" } else { " wanted" }),
        Event::Refreshed { .. } => "Refreshed".to_owned(),
        Event::Info { content_type, .. } => format!("Info {content_type}"),
        Event::InfoAnswered { status, .. } => format!("InfoAnswered {status}"),
        Event::Progress { status, .. } => format!("Progress {status}"),
        Event::Accepted { .. } => "Accepted".to_owned(),
        Event::Rejected { status, .. } => format!("Rejected {status}"),
        Event::OfferAnswered { answer, .. } => {
            format!("OfferAnswered {}", answer.as_ref().err().copied().unwrap_or(200))
        }
        Event::Registering(_) => "Registering".to_owned(),
        Event::Registered { outcome, .. } => format!("Registered {outcome:?}"),
        Event::Stranger(stranger) => {
            format!("Stranger{}", if stranger.user_name.is_some() { " with a name" } else { "" })
        }
        Event::TurnedAway(away) => format!("TurnedAway {:?} {}", away.turned, away.refused.status),
        Event::RegistrationExpired { contacts, .. } => format!("RegistrationExpired, {contacts} left"),
        Event::RegistrationAnswered { status, .. } => format!("RegistrationAnswered {status}"),
        Event::Ended { cause, .. } => format!("Ended {cause:?}"),
    }
}

/// A phone whose messages are written by hand.
pub(super) struct Phone {
    pub flow: Flow,
    pub via: String,
    pub to_tag: Option<String>,
    number: u32,
    /// The number of the last INVITE, which its ACK bears whatever came in between.
    invited: u32,
    branch: u32,
}

impl Phone {
    pub fn new() -> Phone {
        Phone {
            flow: udp(),
            via: "SIP/2.0/UDP 192.0.2.9:5060".to_owned(),
            to_tag: None,
            number: 0,
            invited: 0,
            branch: 0,
        }
    }

    pub fn over_tcp() -> Phone {
        Phone { flow: tcp(), via: "SIP/2.0/TCP 192.0.2.9:5060".to_owned(), ..Phone::new() }
    }

    /// Takes the To tag from a response.
    pub fn hear(&mut self, response: &Response) {
        self.to_tag = response.headers.to().unwrap().tag().map(str::to_owned);
    }

    /// The next request, in a transaction of its own.
    pub fn request(&mut self, method: &str) -> String {
        self.number += 1;
        self.branch += 1;
        if method == "INVITE" {
            self.invited = self.number;
        }
        self.say(method, "")
    }

    /// The first INVITE, or a re-INVITE once the To tag is known.
    pub fn invite(&mut self) -> String {
        let invite = self.request("INVITE");
        with_body(&invite, "application/sdp", SDP)
    }

    /// The ACK for a 2xx.
    pub fn ack(&mut self) -> String {
        self.branch += 1;
        Phone { number: self.invited, via: self.via.clone(), to_tag: self.to_tag.clone(), ..*self }.say("ACK", "")
    }

    /// The ACK or CANCEL that shares the branch of the last request.
    pub fn same_branch(&mut self, method: &str) -> String {
        self.say(method, "")
    }

    fn say(&self, method: &str, extra: &str) -> String {
        let tag = self.to_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        format!(
            "{method} sip:0664806430@192.0.2.1 SIP/2.0\r\n\
             Via: {};branch=z9hG4bK-{}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:0600001111@192.0.2.9>;tag=phone\r\n\
             To: <sip:0664806430@192.0.2.1>{tag}\r\n\
             Call-ID: trace@192.0.2.9\r\n\
             CSeq: {} {method}\r\n\
             Contact: <sip:0600001111@192.0.2.9:5060>\r\n{extra}\r\n",
            self.via, self.branch, self.number
        )
    }

    /// A response to a request of the endpoint.
    pub fn respond(&self, request: &Request, status: u16, extra: &str) -> String {
        let mut response = Response::to(&request.headers, status);
        if status > 100 && request.headers.to().unwrap().tag().is_none() {
            let to = format!("{};tag=phone", request.headers.first("To").unwrap());
            response.headers.set("To", to);
        }
        response.headers.push("Contact", "<sip:0600001111@192.0.2.9:5060>");
        with(&String::from_utf8(response.to_bytes()).unwrap(), extra)
    }
}

/// The message with another header line.
pub(super) fn with(message: &str, line: &str) -> String {
    if line.is_empty() { message.to_owned() } else { message.replacen("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"), 1) }
}

/// The message without this header.
pub(super) fn without(message: &str, name: &str) -> String {
    message.split_inclusive("\r\n").filter(|line| !line.starts_with(&format!("{name}:"))).collect()
}

pub(super) fn with_body(message: &str, content_type: &str, body: &str) -> String {
    let message = without(&without(message, "Content-Length"), "Content-Type");
    with(&message, &format!("Content-Type: {content_type}\r\nContent-Length: {}", body.len())) + body
}
