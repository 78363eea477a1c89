//! Joins callers and their signalling to sockets: one thread, one SIP socket or connection, a pair of media sockets a call.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::sync::mpsc;

use super::report::Report;
use crate::caller::ear::Lexicon;
use crate::caller::{Caller, INFO_TYPE, Manner, Output};
use crate::cli::output::Failure;
use crate::keying::{Keys, Suite};
use crate::net::clock::Clock;
use crate::net::media::{MediaPair, Ports};
use crate::net::tls::Authorities;
use crate::net::transport::{self, Inbound, Transports, source_address};
use crate::sip::digest::Account;
use crate::sip::endpoint::{self, CallHandle, Endpoint, Event, Outgoing, Registration};
use crate::sip::flow::{Flow, Transport};
use crate::sip::message::{NameAddr, Uri};
use crate::sip::sdp::{self, LocalMedia, MediaPlan, SdpError, Srtp};
use crate::time::Time;

/// How often media sockets are read, and packets sent.
const TICK: Duration = Duration::from_millis(20);
/// The same where packets are late by any time, or leave at other times than every 20 ms.
const FINE_TICK: Duration = Duration::from_millis(5);

/// Why we hang up (ITU-T Q.850).
const NORMAL_CLEARING: Option<(u16, &str)> = Some((16, "Normal call clearing"));

/// How many calls, and how fast.
pub struct Load {
    /// In all.
    pub calls: u32,
    /// New ones a second.
    pub rate: f64,
    /// At a time.
    pub concurrent: u32,
}

/// Whom to call, and how the way there goes.
#[derive(Clone)]
pub struct Callee {
    /// The Request-URI.
    pub to: Uri,
    /// What carries the calls.
    pub transport: Transport,
    /// The address behind the URI.
    pub remote: SocketAddr,
    /// Over TLS, whose certificates are accepted.
    pub authorities: Option<Authorities>,
}

/// What is odd about the signalling, to see what a service makes of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signalling {
    /// INVITE offers nothing; the service's offer is answered in ACK, or in PRACK.
    pub late_offer: bool,
    /// The 200 is never acknowledged.
    pub no_ack: bool,
}

/// What is offered.
pub struct Offer {
    /// Encryption by these, and nothing else; none: plain RTP.
    pub suites: Vec<Suite>,
    /// Audio in a packet, in milliseconds.
    pub ptime_ms: u32,
    /// The clock rate of telephone events, in Hz.
    pub event_clock: u32,
}

/// Places calls.
pub struct Runner {
    callee: Callee,
    /// Our registration was answered so.
    registered: Option<(u16, String)>,
    flow: Flow,
    transports: Transports,
    inbound: mpsc::Receiver<Inbound>,
    ports: Ports,
    endpoint: Endpoint,
    clock: Clock,
    manner: Manner,
    signalling: Signalling,
    offer: Offer,
    tick: Duration,
    lexicon: Arc<Lexicon>,
    calls: HashMap<CallHandle, Line>,
    placed: u32,
    next_tick: Time,
}

struct Line {
    number: u32,
    started: Time,
    sockets: MediaPair,
    local: LocalMedia,
    caller: Option<Caller>,
    /// What was agreed on before the answer.
    early: Option<MediaPlan>,
    wakes: Time,
}

impl Runner {
    /// Ready to call: over a stream, connected.
    pub async fn new(callee: Callee, manner: Manner, offer: Offer, lexicon: Arc<Lexicon>) -> io::Result<Runner> {
        let Callee { transport, remote, .. } = callee;
        let ip = source_address(remote)?;
        let any = SocketAddr::new(ip, 0);
        // a connection that broke can be made again by the other side, but for TLS, where that takes a certificate
        let listen = [(transport, any)];
        let listen = if transport == Transport::Tls { &[] } else { listen.as_slice() };
        let options = transport::Options { authorities: callee.authorities.clone(), ..transport::Options::default() };
        let (transports, inbound) = Transports::bind(listen, options).await.map_err(|error| error.source)?;
        let local = transports.listening().first().map_or(any, |(_, address)| *address);
        let mut runner = Runner {
            registered: None,
            flow: Flow { transport, local, remote, connection: None },
            callee,
            transports,
            inbound,
            ports: Ports::new(&[ip], 0..=0),
            endpoint: Endpoint::new(endpoint::Config::default(), rand::rng().next_u64()),
            clock: Clock::start(),
            tick: if manner.habits.faults.are_none() && offer.ptime_ms.is_multiple_of(20) { TICK } else { FINE_TICK },
            manner,
            signalling: Signalling::default(),
            offer,
            lexicon,
            calls: HashMap::new(),
            placed: 0,
            next_tick: Time::ZERO,
        };
        runner.connect().await?;
        runner.clock = Clock::start();
        Ok(runner)
    }

    async fn connect(&mut self) -> io::Result<()> {
        if self.flow.transport.is_reliable() {
            let flow = Flow { connection: None, ..self.flow };
            self.flow = self.transports.connect(flow, Some(&self.callee.to.host)).await?;
        }
        Ok(())
    }

    /// Signals like this from here on.
    pub fn signal(&mut self, signalling: Signalling) {
        self.signalling = signalling;
    }

    /// Places the calls and returns when all have ended.
    pub async fn run(&mut self, load: &Load, report: &mut Report, out: &mut dyn Write) -> Result<(), Failure> {
        loop {
            let now = self.clock.now();
            self.place_due(now, load, report, out)?;
            self.turn(now, report, out)?;
            let wake = self.flush(report, out)?;
            if self.calls.is_empty() && self.placed == load.calls {
                return Ok(());
            }
            let wake = wake.min(self.next_placing(load)).min(self.next_tick);
            self.wait(wake).await?;
        }
    }

    /// Takes in a message if one comes before `wake`.
    async fn wait(&mut self, wake: Time) -> Result<(), Failure> {
        let wait = wake.since(self.clock.now());
        if let Ok(Some(arrived)) = tokio::time::timeout(wait, self.inbound.recv()).await {
            self.arrived(arrived).await?;
        }
        self.endpoint.handle_timeout(self.clock.now());
        Ok(())
    }

    async fn arrived(&mut self, arrived: Inbound) -> Result<(), Failure> {
        let now = self.clock.now();
        match arrived {
            Inbound::Message { flow, bytes } => self.endpoint.handle_message(now, flow, &bytes),
            Inbound::Unreachable { flow } => self.endpoint.handle_unreachable(now, flow),
            Inbound::Closed { connection } => {
                self.endpoint.handle_flow_closed(now, connection);
                if self.flow.connection == Some(connection) {
                    let lost = |error| Failure::Resource(format!("{}: the connection broke: {error}", self.callee.to));
                    let flow = Flow { connection: None, ..self.flow };
                    let again = self.transports.connect(flow, Some(&self.callee.to.host)).await;
                    self.flow = again.map_err(lost)?;
                }
            }
        }
        Ok(())
    }

    /// What challenges are answered with.
    pub fn prove_with(&mut self, account: Account) {
        self.endpoint.set_account(Some(account));
    }

    /// Registers for so many seconds (0: no longer) with the host that is called; returns the final status.
    pub async fn register(&mut self, seconds: u32, report: &mut Report, out: &mut dyn Write) -> Result<u16, Failure> {
        let (line, to) = (self.manner.order.from, &self.callee.to);
        let registrar = Uri { user: None, password: None, headers: Vec::new(), ..to.clone() };
        let address_of_record = NameAddr::new(Uri::sip(Some(line.as_str()), &to.host, to.port));
        let registration = Registration { flow: self.flow, registrar, address_of_record, seconds };
        let now = self.clock.now();
        self.endpoint.send_register(now, registration).map_err(|error| Failure::Resource(error.to_string()))?;
        loop {
            let wake = self.flush(report, out)?;
            if let Some((status, reason)) = self.registered.take() {
                report.registered(out, self.clock.now(), line, seconds, status, &reason)?;
                return Ok(status);
            }
            self.wait(wake).await?;
        }
    }

    fn next_placing(&self, load: &Load) -> Time {
        if self.placed == load.calls || self.calls.len() >= load.concurrent as usize {
            return Time::MAX;
        }
        Time::after_start(Duration::from_secs_f64(f64::from(self.placed) / load.rate))
    }

    fn place_due(&mut self, now: Time, load: &Load, report: &mut Report, out: &mut dyn Write) -> Result<(), Failure> {
        while self.next_placing(load) <= now {
            self.placed += 1;
            self.place(now, report, out)?;
        }
        Ok(())
    }

    fn place(&mut self, now: Time, report: &mut Report, out: &mut dyn Write) -> Result<(), Failure> {
        let resource = |error: io::Error| Failure::Resource(format!("no ports for media: {error}"));
        let sockets = self.ports.allocate(self.flow.local.ip()).map_err(resource)?;
        let local = LocalMedia {
            srtp: if self.offer.suites.is_empty() { Srtp::Off } else { Srtp::Required },
            keys: Keys::draw(&self.offer.suites, &mut rand::rng()),
            ptime_ms: self.offer.ptime_ms,
            telephone_event_clock: self.offer.event_clock,
            ..LocalMedia::new(sockets.local().map_err(resource)?, rand::rng().next_u64() >> 1)
        };
        let outgoing = Outgoing {
            flow: self.flow,
            to: self.callee.to.clone(),
            from: self.from(),
            asserted: None,
            offer: (!self.signalling.late_offer).then(|| sdp::offer(&local)),
            headers: self.manner.withheld.then(|| ("Privacy".to_owned(), "id".to_owned())).into_iter().collect(),
        };
        let placed = self.endpoint.place(now, outgoing).map_err(|error| Failure::Resource(error.to_string()))?;
        if self.signalling.no_ack {
            let _ = self.endpoint.withhold_ack(placed);
        }
        let shown = (!self.manner.withheld).then_some(self.manner.order.from);
        report.calling(out, self.placed, &self.callee.to, shown)?;
        let line =
            Line { number: self.placed, started: now, sockets, local, caller: None, early: None, wakes: Time::MAX };
        self.calls.insert(placed, line);
        Ok(())
    }

    fn from(&self) -> NameAddr {
        if self.manner.withheld {
            let display = Some("Anonymous".to_owned());
            return NameAddr { display, ..NameAddr::new(Uri::sip(Some("anonymous"), "anonymous.invalid", None)) };
        }
        let host = self.flow.local.ip().to_string();
        let own = Uri::sip(Some(self.manner.order.from.as_str()), &host, None);
        NameAddr::new(Uri { scheme: self.callee.to.scheme.clone(), ..own })
    }

    /// Reads the media sockets when a tick is due, and gives every call its turn.
    fn turn(&mut self, now: Time, report: &mut Report, out: &mut dyn Write) -> Result<(), Failure> {
        if now < self.next_tick {
            return Ok(());
        }
        self.next_tick = now + self.tick;
        let handles: Vec<CallHandle> = self.calls.keys().copied().collect();
        for handle in handles {
            if let Some(line) = self.calls.get_mut(&handle) {
                line.receive(now);
            }
            self.settle(handle, report, out)?;
        }
        Ok(())
    }

    fn flush(&mut self, report: &mut Report, out: &mut dyn Write) -> Result<Time, Failure> {
        loop {
            match self.endpoint.poll_output() {
                endpoint::Output::Transmit(transmit) => {
                    // a service that is not there shows in the time-out
                    self.transports.send(transmit);
                }
                endpoint::Output::Event(event) => self.event(event, report, out)?,
                endpoint::Output::Timeout(wake) => {
                    let media = self.calls.values().map(|line| line.wakes).min();
                    return Ok(wake.min(media.unwrap_or(Time::MAX)));
                }
            }
        }
    }

    fn event(&mut self, event: Event, report: &mut Report, out: &mut dyn Write) -> Result<(), Failure> {
        let now = self.clock.now();
        match event {
            Event::Accepted { call, answer } => self.accepted(now, call, &answer, report, out),
            Event::Rejected { call, status, reason, .. } => {
                let Some(line) = self.calls.get(&call) else { return Ok(()) };
                report.refused(out, now, line.number, line.started, status, &reason)
            }
            Event::Ended { call, cause } => {
                let Some(mut line) = self.calls.remove(&call) else { return Ok(()) };
                if let Some(caller) = &mut line.caller {
                    caller.close(now);
                }
                line.send(now, |_| Ok(()))?;
                report.ended(out, now, line.number, line.started, &cause, line.caller.as_ref())
            }
            Event::Offer { call, .. } => {
                let _ = self.endpoint.respond_offer(now, call, Err(488));
                Ok(())
            }
            Event::Incoming(incoming) => {
                let _ = self.endpoint.reject(now, incoming.call, endpoint::Rejection::new(480));
                Ok(())
            }
            Event::InfoAnswered { call, .. } => {
                if let Some(caller) = self.calls.get_mut(&call).and_then(|line| line.caller.as_mut()) {
                    caller.info_answered();
                }
                Ok(())
            }
            Event::Progress { call, status, body } => self.progressed(now, call, status, &body, report, out),
            Event::RegistrationAnswered { status, reason } => {
                self.registered = Some((status, reason));
                Ok(())
            }
            Event::Refused(_)
            | Event::EarlyMedia { .. }
            | Event::Confirmed { .. }
            | Event::Refreshed { .. }
            | Event::Info { .. }
            | Event::Registering(_)
            | Event::RegistrationExpired { .. }
            | Event::OfferAnswered { .. } => Ok(()),
        }
    }

    fn accepted(
        &mut self,
        now: Time,
        call: CallHandle,
        answer: &[u8],
        report: &mut Report,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let plan = self.plan(now, call, answer);
        let Some(line) = self.calls.get_mut(&call) else { return Ok(()) };
        if let Some(caller) = &mut line.caller {
            // what was heard early is over; the answered call begins anew
            caller.close(now);
            line.send(now, |_| Ok(()))?;
        }
        match plan {
            Ok(plan) => {
                report.answered(out, now, line.number, line.started, &plan)?;
                let (manner, lexicon) = (self.manner.clone(), Arc::clone(&self.lexicon));
                line.caller = Some(Caller::new(now, rand::rng().next_u64(), manner, lexicon, &plan));
            }
            Err(error) => {
                report.unusable(out, now, line.number, line.started, &error)?;
                let _ = self.endpoint.hang_up(now, call, NORMAL_CLEARING);
            }
        }
        self.settle(call, report, out)
    }

    /// What an answer means; an offer is answered, in PRACK or ACK, whichever the far end waits for.
    fn plan(&mut self, now: Time, call: CallHandle, description: &[u8]) -> Result<MediaPlan, SdpError> {
        let gone = SdpError::Malformed { what: "the call is over".to_owned() };
        let line = self.calls.get(&call).ok_or(gone)?;
        if !self.signalling.late_offer {
            return sdp::accept(description, &line.local);
        }
        if let (true, Some(plan)) = (description.is_empty(), &line.early) {
            return Ok(plan.clone());
        }
        let (answer, plan) = sdp::answer(description, &line.local)?;
        // a description that is no offer yet, or whose ACK is withheld, is not answered
        let _ = self.endpoint.answer(now, call, answer);
        Ok(plan)
    }

    fn progressed(
        &mut self,
        now: Time,
        call: CallHandle,
        status: u16,
        description: &[u8],
        report: &mut Report,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let plan = if description.is_empty() { None } else { self.plan(now, call, description).ok() };
        let Some(line) = self.calls.get_mut(&call) else { return Ok(()) };
        report.progressed(out, now, line.number, line.started, status, plan.is_some())?;
        if let (Some(plan), None) = (&plan, &line.caller) {
            let (manner, lexicon) = (self.manner.clone(), Arc::clone(&self.lexicon));
            line.caller = Some(Caller::early(now, rand::rng().next_u64(), manner, lexicon, plan));
        }
        line.early = line.early.take().or(plan);
        self.settle(call, report, out)
    }

    fn settle(&mut self, call: CallHandle, report: &mut Report, out: &mut dyn Write) -> Result<(), Failure> {
        let now = self.clock.now();
        let Some(line) = self.calls.get_mut(&call) else { return Ok(()) };
        let (number, started) = (line.number, line.started);
        let endpoint = &mut self.endpoint;
        line.send(now, |output| {
            match output {
                // while it is not allowed, the call is ending
                Output::Info(body) => drop(endpoint.send_info(now, call, INFO_TYPE, body.into_bytes())),
                Output::HangUp => {
                    let _ = endpoint.hang_up(now, call, NORMAL_CLEARING);
                }
                Output::Step(step) => report.step(out, now, number, started, &step)?,
                Output::Rtp { .. } | Output::Rtcp { .. } | Output::Timeout(_) => {}
            }
            Ok(())
        })
    }
}

impl Line {
    fn receive(&mut self, now: Time) {
        let Some(caller) = &mut self.caller else { return };
        let mut buffer = [0u8; 2048];
        while let Ok((length, from)) = self.sockets.rtp.recv_from(&mut buffer) {
            caller.handle_rtp(now, from, buffer.get(..length).unwrap_or_default());
        }
        while let Ok((length, from)) = self.sockets.rtcp.recv_from(&mut buffer) {
            caller.handle_rtcp(now, from, buffer.get(..length).unwrap_or_default());
        }
        caller.handle_timeout(now);
    }

    /// Sends what the caller wants sent; `other` does the rest.
    fn send(&mut self, now: Time, mut other: impl FnMut(Output) -> Result<(), Failure>) -> Result<(), Failure> {
        let Some(caller) = &mut self.caller else { return Ok(()) };
        loop {
            match caller.poll_output() {
                Output::Rtp { to, bytes } => drop(self.sockets.rtp.send_to(&bytes, to)),
                Output::Rtcp { to, bytes } => drop(self.sockets.rtcp.send_to(&bytes, to)),
                Output::Timeout(wakes) => {
                    self.wakes = wakes.max(now);
                    return Ok(());
                }
                output @ (Output::Info(_) | Output::HangUp | Output::Step(_)) => other(output)?,
            }
        }
    }
}
