//! Joins callers and their signalling to sockets: one thread, one SIP socket, a pair of media sockets a call.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;

use super::report::Report;
use crate::caller::ear::Lexicon;
use crate::caller::{Caller, INFO_TYPE, Manner, Output};
use crate::cli::output::Failure;
use crate::net::media::{MediaPair, Ports};
use crate::net::transport::source_address;
use crate::server::Clock;
use crate::sip::digest::Account;
use crate::sip::endpoint::{self, CallHandle, Endpoint, Event, Flow, Outgoing, Registration, Transport};
use crate::sip::message::{NameAddr, Uri};
use crate::sip::sdp::{self, LocalMedia};
use crate::time::Time;

/// How often media sockets are read.
const TICK: Duration = Duration::from_millis(20);
/// The socket is waited for at least so long: zero would mean for ever.
const LEAST_WAIT: Duration = Duration::from_micros(200);

/// How many calls, and how fast.
pub struct Load {
    /// In all.
    pub calls: u32,
    /// New ones a second.
    pub rate: f64,
    /// At a time.
    pub concurrent: u32,
}

/// Places calls.
pub struct Runner {
    /// Our registration was answered so.
    registered: Option<(u16, String)>,
    to: Uri,
    flow: Flow,
    socket: UdpSocket,
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
    /// Ready to call `to` at `remote`.
    pub fn new(to: Uri, remote: SocketAddr, manner: Manner, lexicon: Arc<Lexicon>) -> io::Result<Runner> {
        let ip = source_address(remote)?;
        let socket = UdpSocket::bind((ip, 0))?;
        let local = socket.local_addr()?;
        // a burst of answers waits here
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
        Ok(Runner {
            registered: None,
            to,
            flow: Flow { transport: Transport::Udp, local, remote, connection: None },
            socket,
            ports: Ports::new(ip, 0..=0, 0, 1),
            endpoint: Endpoint::new(endpoint::Config::default(), rand::rng().next_u64()),
            clock: Clock::start(),
            manner,
            lexicon,
            calls: HashMap::new(),
            placed: 0,
            next_tick: Time::ZERO,
        })
    }

    /// Places the calls and returns when all have ended.
    pub fn run(&mut self, load: &Load, report: &mut Report, out: &mut dyn Write) -> Result<(), Failure> {
        let mut datagram = vec![0u8; 65_536];
        loop {
            let now = self.clock.now();
            self.place_due(now, load, report, out)?;
            self.turn(now, report, out)?;
            let wake = self.flush(report, out)?;
            if self.calls.is_empty() && self.placed == load.calls {
                return Ok(());
            }
            let wake = wake.min(self.next_placing(load)).min(self.next_tick);
            self.wait(wake, &mut datagram)?;
        }
    }

    /// Takes in a message if one comes before `wake`.
    fn wait(&mut self, wake: Time, datagram: &mut [u8]) -> Result<(), Failure> {
        self.socket
            .set_read_timeout(Some(wake.since(self.clock.now()).max(LEAST_WAIT)))
            .map_err(|error| Failure::Resource(error.to_string()))?;
        if let Ok((length, _)) = self.socket.recv_from(datagram) {
            let message = datagram.get(..length).unwrap_or_default();
            self.endpoint.handle_message(self.clock.now(), self.flow, message);
        }
        self.endpoint.handle_timeout(self.clock.now());
        Ok(())
    }

    /// What challenges are answered with.
    pub fn prove_with(&mut self, account: Account) {
        self.endpoint.set_account(Some(account));
    }

    /// Registers for so many seconds (0: no longer) with the host that is called; returns the final status.
    pub fn register(&mut self, seconds: u32, report: &mut Report, out: &mut dyn Write) -> Result<u16, Failure> {
        let mut datagram = vec![0u8; 65_536];
        let line = self.manner.order.from;
        let registrar = Uri { user: None, password: None, headers: Vec::new(), ..self.to.clone() };
        let address_of_record = NameAddr::new(Uri::sip(Some(line.as_str()), &self.to.host, self.to.port));
        let registration = Registration { flow: self.flow, registrar, address_of_record, seconds };
        let now = self.clock.now();
        self.endpoint.send_register(now, registration).map_err(|error| Failure::Resource(error.to_string()))?;
        loop {
            let wake = self.flush(report, out)?;
            if let Some((status, reason)) = self.registered.take() {
                report.registered(out, self.clock.now(), line, seconds, status, &reason)?;
                return Ok(status);
            }
            self.wait(wake, &mut datagram)?;
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
        let sockets = self.ports.allocate().map_err(resource)?;
        let local = LocalMedia {
            rtp: sockets.local().map_err(resource)?,
            session_id: rand::rng().next_u64() >> 1,
            version: 1,
            telephone_event_pt: 101,
            direction: sdp::Direction::SendRecv,
        };
        let outgoing = Outgoing {
            flow: self.flow,
            to: self.to.clone(),
            from: self.from(),
            asserted: None,
            offer: Some(sdp::offer(&local)),
            headers: self.manner.withheld.then(|| ("Privacy".to_owned(), "id".to_owned())).into_iter().collect(),
        };
        let placed = self.endpoint.place(now, outgoing).map_err(|error| Failure::Resource(error.to_string()))?;
        let shown = (!self.manner.withheld).then_some(self.manner.order.from);
        report.calling(out, self.placed, &self.to, shown)?;
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
        NameAddr::new(Uri::sip(Some(self.manner.order.from.as_str()), &host, None))
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
                    // a service that is not there shows in the time-out, or in the refusal that the system reports
                    let _ = self.socket.send_to(&transmit.bytes, transmit.flow.remote);
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
            Event::RegistrationAnswered { status, reason } => {
                self.registered = Some((status, reason));
                Ok(())
            }
            Event::Confirmed { .. }
            | Event::Info { .. }
            | Event::Progress { .. }
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
