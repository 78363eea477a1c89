//! Traces of signalling: what comes from the network, from workers and from the store, and what is done about it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod full;
mod proving;
mod routing;
mod stopping;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::*;
use crate::lock::Lock;
use crate::sip::digest::{Account, Algorithm, Ha1, LineKey, answer};
use crate::sip::endpoint::{self, RegistrarConfig};
use crate::sip::flow::{Flow, Transport};
use crate::sip::message::{Message, Response};
use crate::sip::registrar::Limits;
use crate::sip::wire;
use crate::time::{Moment, Time, UnixTime};

const SDP: &str =
    "v=0\r\no=- 2 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0\r\n";

/// Signalling on a bench: what it does is written down in lines such as `503 INVITE, Retry-After 5` and `worker 0: Stop`.
struct Bench {
    signalling: Signalling,
    now: Time,
    /// What these workers' inboxes answer.
    closed: BTreeMap<usize, Undelivered>,
    lines: Vec<String>,
    responses: Vec<Response>,
    asked: VecDeque<Waiting>,
    /// Of the last record.
    detail: Option<String>,
    wakes: Time,
}

fn config(workers: usize) -> Config {
    Config {
        endpoint: endpoint::Config { max_calls: 100, ..endpoint::Config::default() },
        rings: false,
        trust: Box::new(|_| Trust { asserted: true, from: true, private: true }),
        peers: PeerLimits { calls: 50, invites_per_second: 100.0 },
        calls_per_line: 50,
        drain: Duration::from_secs(30),
        retry_after: Duration::from_secs(7),
        workers,
    }
}

/// Passwords are asked for; only these peers' From is believed.
fn asking(believed: &'static [&str]) -> Config {
    let registrar = RegistrarConfig {
        realm: "karipass".to_owned(),
        algorithms: Algorithm::ALL.to_vec(),
        lock: Lock { after: 2, lasts: Duration::from_secs(600) },
        limits: Limits::default(),
    };
    let trust = move |peer: IpAddr| {
        let from = believed.iter().any(|believed| peer == believed.parse::<IpAddr>().unwrap());
        Trust { asserted: false, from, private: true }
    };
    let endpoint = endpoint::Config { registrar: Some(registrar), ..endpoint::Config::default() };
    Config { endpoint, trust: Box::new(trust), ..config(1) }
}

impl Bench {
    fn new(config: Config) -> Bench {
        Bench {
            signalling: Signalling::new(config, [7; 32]),
            now: Time::ZERO,
            closed: BTreeMap::new(),
            lines: vec![],
            responses: vec![],
            asked: VecDeque::new(),
            detail: None,
            wakes: Time::MAX,
        }
    }

    fn moment(&self) -> Moment {
        Moment { time: self.now, wall: UnixTime(1_767_225_600).plus(self.now.elapsed().as_secs() as i64) }
    }

    /// Wakes it at every time that it asks for, up to then.
    fn until(&mut self, ms: u64) -> &mut Bench {
        while self.wakes <= Time::from_millis(ms) {
            self.now = self.now.max(self.wakes);
            let now = self.moment();
            self.act(|signalling| signalling.handle_timeout(now));
        }
        self.now = Time::from_millis(ms);
        self
    }

    fn receive(&mut self, phone: &Phone, message: &str) -> &mut Bench {
        let (now, flow) = (self.moment(), phone.flow());
        self.act(|signalling| signalling.handle_message(now, flow, message.as_bytes()))
    }

    fn command(&mut self, call: u64, command: Command) -> &mut Bench {
        let now = self.moment();
        self.act(|signalling| signalling.handle_command(now, CallHandle(call), command))
    }

    /// The store answers the oldest question.
    fn answer(&mut self, answer: Answer) -> &mut Bench {
        let (now, waiting) = (self.moment(), self.asked.pop_front().unwrap());
        self.act(|signalling| signalling.handle_answer(now, waiting, answer))
    }

    fn stop(&mut self) -> &mut Bench {
        let now = self.moment();
        self.act(|signalling| signalling.handle_stop(now))
    }

    /// The call is answered and acknowledged.
    fn talk(&mut self, phone: &mut Phone, call: u64) -> &mut Bench {
        self.receive(phone, &phone.invite()).command(call, Command::Answer(SDP.to_owned()));
        phone.tag = self.responses.last().unwrap().headers.to().unwrap().tag().map(str::to_owned);
        self.receive(phone, &phone.request("ACK", 1))
    }

    fn act(&mut self, act: impl FnOnce(&mut Signalling)) -> &mut Bench {
        act(&mut self.signalling);
        loop {
            let line = match self.signalling.poll_output() {
                Output::Timeout(at) => {
                    self.wakes = at;
                    return self;
                }
                Output::Transmit(transmit) => self.transmitted(&transmit.bytes),
                Output::ToWorker { worker, message } => match self.closed.get(&worker) {
                    Some(&why) => {
                        let now = self.moment();
                        self.signalling.handle_undelivered(now, worker, message, why);
                        None
                    }
                    None => Some(format!("worker {worker}: {message:?}")),
                },
                Output::Ask { question, waiting } => {
                    self.asked.push_back(waiting);
                    Some(format!("asks the store about {}", question.user_name.as_deref().unwrap_or("no user name")))
                }
                Output::Record { record, traced } => {
                    self.detail.clone_from(&record.detail);
                    let traced = if traced.is_some() { ", traced" } else { "" };
                    Some(format!("record: {} {}{traced}", record.outcome, record.status))
                }
                Output::Audit(row) => Some(format!("audit: {}", row.action)),
                Output::Stopped => Some("stopped".to_owned()),
            };
            self.lines.extend(line);
        }
    }

    fn transmitted(&mut self, bytes: &[u8]) -> Option<String> {
        match wire::parse(bytes).unwrap() {
            Message::Request(request) => Some(request.method.to_string()),
            Message::Response(response) if response.status == 100 => None,
            Message::Response(response) => {
                let retry = response.headers.first("Retry-After").map(|value| format!(", Retry-After {value}"));
                let cseq = response.headers.first("CSeq").unwrap().split(' ').next_back().unwrap().to_owned();
                let line = format!("{} {cseq}{}", response.status, retry.unwrap_or_default());
                self.responses.push(response);
                Some(line)
            }
        }
    }

    /// What was done since the last time.
    fn trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}

/// A telephone with one call.
struct Phone {
    address: SocketAddr,
    call: u32,
    tag: Option<String>,
    /// What proves its line.
    credentials: String,
}

impl Phone {
    fn at(ip: &str, call: u32) -> Phone {
        Phone { address: format!("{ip}:5060").parse().unwrap(), call, tag: None, credentials: String::new() }
    }

    fn flow(&self) -> Flow {
        let local = "192.0.2.10:5060".parse().unwrap();
        Flow { transport: Transport::Udp, local, remote: self.address, connection: None }
    }

    fn invite(&self) -> String {
        self.request("INVITE", 1)
    }

    fn request(&self, method: &str, number: u32) -> String {
        let Phone { address, call, credentials, .. } = self;
        let tag = self.tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        let (to, body) = if method == "INVITE" { ("0664806430", SDP) } else { ("0664806430", "") };
        let to = if method == "REGISTER" { "0600001111" } else { to };
        let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK-{call}-{number}-{}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:0600001111@192.0.2.9>;tag=phone\r\nTo: <sip:{to}@192.0.2.10>{tag}\r\n\
             Call-ID: {call}@phone\r\nCSeq: {number} {method}\r\nContact: <sip:0600001111@{address}>\r\n\
             {credentials}{content}Content-Length: {}\r\n\r\n{body}",
            uri(method),
            if method == "ACK" || method == "CANCEL" { "INVITE" } else { method },
            body.len(),
        )
    }

    fn info(&self, number: u32) -> String {
        let plain = self.request("INFO", number);
        plain.replace("Content-Length: 0\r\n\r\n", "Content-Type: application/dtmf\r\nContent-Length: 1\r\n\r\n5")
    }

    /// Answers the challenges of a response.
    fn prove(&mut self, response: &Response, method: &str, password: &str) {
        let account = Account { user_name: "0600001111".to_owned(), password: crate::secret::Secret::from(password) };
        let challenges: Vec<&str> = response.headers.all("WWW-Authenticate").collect();
        let answered = answer(challenges, &account, method, uri(method), "c0ffee").unwrap();
        self.credentials = format!("Authorization: {}\r\n", answered.credentials);
    }
}

fn uri(method: &str) -> &'static str {
    if method == "REGISTER" { "sip:192.0.2.10" } else { "sip:0664806430@192.0.2.10" }
}

/// The key of the line whose password is `correct horse`.
fn key() -> LineKey {
    let password = crate::secret::Secret::from("correct horse");
    LineKey { line: "0600001111".parse().unwrap(), key: Ha1::derive("0600001111", "karipass", &password) }
}
