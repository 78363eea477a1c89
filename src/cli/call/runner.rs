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
use crate::net::media::{MediaPair, Ports};
use crate::net::tls::Authorities;
use crate::net::transport::{self, Inbound, Transports, source_address};
use crate::server::Clock;
use crate::sip::endpoint::{self, CallHandle, Endpoint, Event, Flow, Outgoing, Transport};
use crate::sip::message::{NameAddr, Uri};
use crate::sip::sdp::{self, LocalMedia};
use crate::time::Time;

/// How often media sockets are read.
const TICK: Duration = Duration::from_millis(20);

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

/// Places calls.
pub struct Runner {
    callee: Callee,
    flow: Flow,
    transports: Transports,
    inbound: mpsc::Receiver<Inbound>,
    ports: Ports,
    endpoint: Endpoint,
    clock: Clock,
    manner: Manner,
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
    wakes: Time,
}

impl Runner {
    /// Ready to call: over a stream, connected.
    pub async fn new(callee: Callee, manner: Manner, lexicon: Arc<Lexicon>) -> io::Result<Runner> {
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
            flow: Flow { transport, local, remote, connection: None },
            callee,
            transports,
            inbound,
            ports: Ports::new(&[ip], 0..=0, 0, 1),
            endpoint: Endpoint::new(endpoint::Config::default(), rand::rng().next_u64()),
            clock: Clock::start(),
            manner,
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
            let wait = wake.since(self.clock.now());
            if let Ok(Some(arrived)) = tokio::time::timeout(wait, self.inbound.recv()).await {
                self.arrived(arrived).await?;
            }
            self.endpoint.handle_timeout(self.clock.now());
        }
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
            rtp: sockets.local().map_err(resource)?,
            session_id: rand::rng().next_u64() >> 1,
            version: 1,
            telephone_event_pt: 101,
            direction: sdp::Direction::SendRecv,
        };
        let outgoing = Outgoing {
            flow: self.flow,
            to: self.callee.to.clone(),
            from: self.from(),
            asserted: None,
            offer: Some(sdp::offer(&local)),
            headers: self.manner.withheld.then(|| ("Privacy".to_owned(), "id".to_owned())).into_iter().collect(),
        };
        let placed = self.endpoint.place(now, outgoing).map_err(|error| Failure::Resource(error.to_string()))?;
        let shown = (!self.manner.withheld).then_some(self.manner.order.from);
        report.calling(out, self.placed, &self.callee.to, shown)?;
        let line = Line { number: self.placed, started: now, sockets, local, caller: None, wakes: Time::MAX };
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
        self.next_tick = now + TICK;
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
            Event::Confirmed { .. } | Event::Info { .. } | Event::Progress { .. } | Event::OfferAnswered { .. } => {
                Ok(())
            }
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
        let Some(line) = self.calls.get_mut(&call) else { return Ok(()) };
        match sdp::accept(answer, &line.local) {
            Ok(plan) => {
                report.answered(out, now, line.number, line.started, &plan)?;
                let (manner, lexicon) = (self.manner.clone(), Arc::clone(&self.lexicon));
                line.caller = Some(Caller::new(now, rand::rng().next_u64(), manner, lexicon, &plan));
            }
            Err(error) => {
                report.unusable(out, now, line.number, line.started, &error)?;
                let _ = self.endpoint.hang_up(now, call, None);
            }
        }
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
                    let _ = endpoint.hang_up(now, call, None);
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
