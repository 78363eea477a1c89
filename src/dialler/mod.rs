//! The edge of the test caller: places calls, many at once, and joins callers and their signalling to sockets.
//!
//! One thread, one SIP socket or connection, a pair of media sockets a call. What happens goes to an [`Observer`]:
//!
//! ```no_run
//! use karipass::caller::script::Order;
//! use karipass::caller::{Habits, Manner};
//! use karipass::dialler::{Believed, Callee, Dialler, Event, Load, Offer};
//! use karipass::key::Ways;
//! use karipass::number::PhoneNumber;
//! use karipass::secret::Secret;
//! use karipass::unit::Unit;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let from = PhoneNumber::parse("0600001111")?;
//! let order = Order { unit: Unit::Line, from, target: None, password: Secret::from("48151623") };
//! let manner = Manner {
//!     order,
//!     ways: Ways::RFC4733,
//!     withheld: false,
//!     patient: false,
//!     recording: None,
//!     habits: Habits::default(),
//! };
//! let callee = Callee::find("sip:0664806430@127.0.0.1:5060".parse()?, None, &Believed::System)?;
//! let mut dialler = Dialler::new(callee, manner, Offer::default()).await?;
//! let mut events: Vec<Event> = Vec::new();
//! dialler.run(&Load::default(), &mut events).await?;
//! println!("{:?}", events.last());
//! # Ok(())
//! # }
//! ```
//!
//! Architecture invariant: the dialler prints nothing, and knows neither the command line nor the service that it calls.

mod callee;
mod error;
mod event;
mod placed;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::sync::mpsc;

use crate::audio::prompt::Bank;
use crate::caller::ear::Lexicon;
use crate::caller::{Caller, INFO_TYPE, Manner, Output};
use crate::keying::{Keys, Suite};
use crate::net::clock::Clock;
use crate::net::descriptors::raise_limit;
use crate::net::media::Ports;
use crate::net::transport::{self, Inbound, Transports, source_address};
use crate::secret::Secret;
use crate::sip::digest::Account;
use crate::sip::endpoint::{self, CallHandle, Endpoint, Outgoing, Registration};
use crate::sip::flow::{Flow, Transport};
use crate::sip::message::{NameAddr, Uri};
use crate::sip::sdp::{self, LocalMedia, MediaPlan, SdpError, Srtp};
use crate::time::Time;

pub use callee::{Believed, Callee, Target};
pub use error::{CalleeError, Error};
pub use event::{Answered, Ended, Ending, Event, Observer, Outcome, Progress, Registered};

use placed::Placed;

/// How often media sockets are read, and packets sent.
const TICK: Duration = Duration::from_millis(20);
/// The same where packets are late by any time, or leave at other times than every 20 ms.
const FINE_TICK: Duration = Duration::from_millis(5);
/// File descriptors for everything but calls.
const DESCRIPTORS_FOR_THE_REST: u32 = 64;

/// Why we hang up (ITU-T Q.850).
const NORMAL_CLEARING: Option<(u16, &str)> = Some((16, "Normal call clearing"));

/// How many calls, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// In all.
    pub calls: u32,
    /// New ones a second.
    pub rate: f64,
    /// At a time.
    pub concurrent: u32,
}

impl Default for Load {
    /// One call.
    fn default() -> Load {
        Load { calls: 1, rate: 1.0, concurrent: 1 }
    }
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
#[derive(Clone, Debug)]
pub struct Offer {
    /// Encryption by these, and nothing else; none: plain RTP.
    pub suites: Vec<Suite>,
    /// Audio in a packet, in milliseconds.
    pub ptime_ms: u32,
    /// The clock rate of telephone events, in Hz.
    pub event_clock: u32,
}

impl Default for Offer {
    /// Plain RTP, as most telephones offer it.
    fn default() -> Offer {
        Offer { suites: Vec::new(), ptime_ms: 20, event_clock: 8000 }
    }
}

/// Places calls.
pub struct Dialler {
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
    calls: HashMap<CallHandle, Placed>,
    placed: u32,
    next_tick: Time,
    /// What the observer has not seen yet.
    events: VecDeque<Event>,
}

impl Dialler {
    /// Ready to call: over a stream, connected.
    pub async fn new(callee: Callee, manner: Manner, offer: Offer) -> Result<Dialler, Error> {
        let to = callee.to.to_string();
        Dialler::connected(callee, manner, offer).await.map_err(|why| Error::Unreachable { to, why })
    }

    async fn connected(callee: Callee, manner: Manner, offer: Offer) -> io::Result<Dialler> {
        let Callee { transport, remote, .. } = callee;
        let ip = source_address(remote)?;
        let any = SocketAddr::new(ip, 0);
        // a connection that broke can be made again by the other side, but for TLS, where that takes a certificate
        let listen = [(transport, any)];
        let listen = if transport == Transport::Tls { &[] } else { listen.as_slice() };
        let options = transport::Options { authorities: callee.authorities.clone(), ..transport::Options::default() };
        let (transports, inbound) = Transports::bind(listen, options).await.map_err(|error| error.source)?;
        let local = transports.listening().first().map_or(any, |(_, address)| *address);
        let mut dialler = Dialler {
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
            lexicon: Arc::new(Lexicon::new(&Bank::builtin())),
            calls: HashMap::new(),
            placed: 0,
            next_tick: Time::ZERO,
            events: VecDeque::new(),
        };
        dialler.connect().await?;
        dialler.clock = Clock::start();
        Ok(dialler)
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

    /// What challenges are answered with from here on.
    pub fn prove_with(&mut self, user_name: String, password: Secret) {
        self.endpoint.set_account(Some(Account { user_name, password }));
    }

    /// Places the calls and returns when all have ended.
    pub async fn run(&mut self, load: &Load, observer: &mut dyn Observer) -> Result<(), Error> {
        // RTP and RTCP
        raise_limit(load.concurrent.min(load.calls).saturating_mul(2).saturating_add(DESCRIPTORS_FOR_THE_REST));
        loop {
            let now = self.clock.now();
            let placed = self.place_due(now, load);
            self.turn(now);
            let wake = self.flush();
            self.report(observer)?;
            placed?;
            if self.calls.is_empty() && self.placed == load.calls {
                return Ok(());
            }
            let wake = wake.min(self.next_placing(load)).min(self.next_tick);
            self.wait(wake).await?;
        }
    }

    /// Registers for `seconds` (0: removes the registration) with the host that is called; returns the final status.
    pub async fn register(&mut self, seconds: u32, observer: &mut dyn Observer) -> Result<u16, Error> {
        let (line, to) = (self.manner.order.from, &self.callee.to);
        let registrar = Uri { user: None, password: None, headers: Vec::new(), ..to.clone() };
        let address_of_record = NameAddr::new(Uri::sip(Some(line.as_str()), &to.host, to.port));
        let registration = Registration { flow: self.flow, registrar, address_of_record, seconds };
        self.endpoint.send_register(self.clock.now(), registration)?;
        loop {
            let wake = self.flush();
            if let Some((status, reason)) = self.registered.take() {
                let at = self.clock.now().elapsed();
                self.events.push_back(Event::Registered(Registered { at, line, seconds, status, reason }));
                self.report(observer)?;
                return Ok(status);
            }
            self.report(observer)?;
            self.wait(wake).await?;
        }
    }

    fn report(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        while let Some(event) = self.events.pop_front() {
            if observer.observe(event).is_break() {
                return Err(Error::Ended);
            }
        }
        Ok(())
    }

    /// Takes in a message if one comes before `wake`.
    async fn wait(&mut self, wake: Time) -> Result<(), Error> {
        let wait = wake.since(self.clock.now());
        if let Ok(Some(arrived)) = tokio::time::timeout(wait, self.inbound.recv()).await {
            self.arrived(arrived).await?;
        }
        self.endpoint.handle_timeout(self.clock.now());
        Ok(())
    }

    async fn arrived(&mut self, arrived: Inbound) -> Result<(), Error> {
        let now = self.clock.now();
        match arrived {
            Inbound::Message { flow, bytes } => self.endpoint.handle_message(now, flow, &bytes),
            Inbound::Unreachable { flow } => self.endpoint.handle_unreachable(now, flow),
            Inbound::Closed { connection } => {
                self.endpoint.handle_flow_closed(now, connection);
                if self.flow.connection == Some(connection) {
                    let to = self.callee.to.to_string();
                    self.connect().await.map_err(|why| Error::Broken { to, why })?;
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

    fn place_due(&mut self, now: Time, load: &Load) -> Result<(), Error> {
        while self.next_placing(load) <= now {
            self.placed += 1;
            self.place(now)?;
        }
        Ok(())
    }

    fn place(&mut self, now: Time) -> Result<(), Error> {
        let sockets = self.ports.allocate(self.flow.local.ip()).map_err(Error::Ports)?;
        let local = LocalMedia {
            srtp: if self.offer.suites.is_empty() { Srtp::Off } else { Srtp::Required },
            keys: Keys::draw(&self.offer.suites, &mut rand::rng()),
            ptime_ms: self.offer.ptime_ms,
            telephone_event_clock: self.offer.event_clock,
            ..LocalMedia::new(sockets.local().map_err(Error::Ports)?, rand::rng().next_u64() >> 1)
        };
        let outgoing = Outgoing {
            flow: self.flow,
            to: self.callee.to.clone(),
            from: self.from(),
            asserted: None,
            offer: (!self.signalling.late_offer).then(|| sdp::offer(&local)),
            headers: self.manner.withheld.then(|| ("Privacy".to_owned(), "id".to_owned())).into_iter().collect(),
        };
        let call = self.endpoint.place(now, outgoing)?;
        if self.signalling.no_ack {
            let _ = self.endpoint.withhold_ack(call);
        }
        let placed =
            Placed { number: self.placed, started: now, sockets, local, caller: None, early: None, wakes: Time::MAX };
        self.calls.insert(call, placed);
        let from = (!self.manner.withheld).then_some(self.manner.order.from);
        self.tell(now, call, Progress::Calling { to: self.callee.to.to_string(), from });
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
    fn turn(&mut self, now: Time) {
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + self.tick;
        let handles: Vec<CallHandle> = self.calls.keys().copied().collect();
        for handle in handles {
            if let Some(placed) = self.calls.get_mut(&handle) {
                placed.receive(now);
            }
            self.settle(handle);
        }
    }

    fn flush(&mut self) -> Time {
        loop {
            match self.endpoint.poll_output() {
                endpoint::Output::Transmit(transmit) => {
                    // a service that is not there shows in the time-out
                    self.transports.send(transmit);
                }
                endpoint::Output::Event(event) => self.event(event),
                endpoint::Output::Timeout(wake) => {
                    let media = self.calls.values().map(|placed| placed.wakes).min();
                    return wake.min(media.unwrap_or(Time::MAX));
                }
            }
        }
    }

    fn event(&mut self, event: endpoint::Event) {
        use endpoint::Event;
        let now = self.clock.now();
        match event {
            Event::Accepted { call, answer } => self.accepted(now, call, &answer),
            Event::Rejected { call, status, reason, .. } => self.tell(now, call, Progress::Refused { status, reason }),
            Event::Ended { call, cause } => self.ended(now, call, cause),
            Event::Offer { call, .. } => {
                let _ = self.endpoint.respond_offer(now, call, Err(488));
            }
            Event::Incoming(incoming) => {
                let _ = self.endpoint.reject(now, incoming.call, endpoint::Rejection::new(480));
            }
            Event::InfoAnswered { call, .. } => {
                if let Some(caller) = self.calls.get_mut(&call).and_then(|placed| placed.caller.as_mut()) {
                    caller.info_answered();
                }
            }
            Event::Progress { call, status, body } => self.progressed(now, call, status, &body),
            Event::RegistrationAnswered { status, reason } => self.registered = Some((status, reason)),
            Event::Refused(_)
            | Event::EarlyMedia { .. }
            | Event::Confirmed { .. }
            | Event::Refreshed { .. }
            | Event::Info { .. }
            | Event::Registering(_)
            | Event::Registered { .. }
            | Event::Stranger(_)
            | Event::TurnedAway(_)
            | Event::RegistrationExpired { .. }
            | Event::OfferAnswered { .. } => {}
        }
    }

    fn ended(&mut self, now: Time, call: CallHandle, cause: endpoint::EndCause) {
        let Some(mut placed) = self.calls.remove(&call) else { return };
        if let Some(caller) = &mut placed.caller {
            caller.close(now);
        }
        placed.send(now, |_| ());
        let progress = Progress::Ended(Ended::new(cause, placed.caller.as_ref()));
        let at = now.since(placed.started);
        self.events.push_back(Event::Call { call: placed.number, at, progress });
    }

    fn accepted(&mut self, now: Time, call: CallHandle, answer: &[u8]) {
        let plan = self.plan(now, call, answer);
        let Some(placed) = self.calls.get_mut(&call) else { return };
        if let Some(caller) = &mut placed.caller {
            // what was heard early is over; the answered call begins anew
            caller.close(now);
            placed.send(now, |_| ());
        }
        match plan {
            Ok(plan) => {
                let (manner, lexicon) = (self.manner.clone(), Arc::clone(&self.lexicon));
                placed.caller = Some(Caller::new(now, rand::rng().next_u64(), manner, lexicon, &plan));
                self.tell(now, call, Progress::Answered(Answered::with(&plan)));
            }
            Err(error) => {
                self.tell(now, call, Progress::Unusable { why: error.to_string() });
                let _ = self.endpoint.hang_up(now, call, NORMAL_CLEARING);
            }
        }
        self.settle(call);
    }

    /// What an answer means; an offer is answered, in PRACK or ACK, whichever the far end waits for.
    fn plan(&mut self, now: Time, call: CallHandle, description: &[u8]) -> Result<MediaPlan, SdpError> {
        let gone = SdpError::Malformed { what: "the call is over".to_owned() };
        let placed = self.calls.get(&call).ok_or(gone)?;
        if !self.signalling.late_offer {
            return sdp::accept(description, &placed.local);
        }
        if let (true, Some(plan)) = (description.is_empty(), &placed.early) {
            return Ok(plan.clone());
        }
        let (answer, plan) = sdp::answer(description, &placed.local)?;
        // not answered: a description that is not an offer yet, or whose ACK is withheld
        let _ = self.endpoint.answer(now, call, answer);
        Ok(plan)
    }

    fn progressed(&mut self, now: Time, call: CallHandle, status: u16, description: &[u8]) {
        let plan = if description.is_empty() { None } else { self.plan(now, call, description).ok() };
        self.tell(now, call, Progress::Provisional { status, early_media: plan.is_some() });
        let Some(placed) = self.calls.get_mut(&call) else { return };
        if let (Some(plan), None) = (&plan, &placed.caller) {
            let (manner, lexicon) = (self.manner.clone(), Arc::clone(&self.lexicon));
            placed.caller = Some(Caller::early(now, rand::rng().next_u64(), manner, lexicon, plan));
        }
        placed.early = placed.early.take().or(plan);
        self.settle(call);
    }

    /// Has what the caller wants done.
    fn settle(&mut self, call: CallHandle) {
        let now = self.clock.now();
        let Some(placed) = self.calls.get_mut(&call) else { return };
        let (number, at) = (placed.number, now.since(placed.started));
        let (endpoint, events) = (&mut self.endpoint, &mut self.events);
        placed.send(now, |output| match output {
            // while it is not allowed, the call is ending
            Output::Info(body) => drop(endpoint.send_info(now, call, INFO_TYPE, body.into_bytes())),
            Output::HangUp => {
                let _ = endpoint.hang_up(now, call, NORMAL_CLEARING);
            }
            Output::Step(step) => {
                events.push_back(Event::Call { call: number, at, progress: Progress::Step(step) });
            }
            Output::Rtp { .. } | Output::Rtcp { .. } | Output::Timeout(_) => {}
        });
    }

    fn tell(&mut self, now: Time, call: CallHandle, progress: Progress) {
        let Some(placed) = self.calls.get(&call) else { return };
        let at = now.since(placed.started);
        self.events.push_back(Event::Call { call: placed.number, at, progress });
    }
}
