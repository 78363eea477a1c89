//! Signalling's part: it owns the endpoint, and decides who is admitted, who must prove a line, and which worker serves a call.
//!
//! ```text
//! INVITE ─▶ peer is trusted ─▶ peer's limits ─▶ what its credentials say ─▶ worker with the fewest calls
//!             │ no               │ 503             if it has sent any         │ 503: its inbox is full, or none is left
//!             ▼                  └── recorded ────────────────────────────────┘
//!          proves its line ─▶ the same way
//!             └─▶ 401, 403, 503 without a transaction, counted (`strangers`)
//! ```
//!
//! Stopping: `Open ─stop─▶ Draining ─last call over─▶ Stopped`; at the deadline, or at a second stop, calls are ended, and
//! the answers to our BYEs are waited for ([`LAST_WORDS`]).

mod limits;
mod proving;
mod refusals;
mod strangers;
mod tally;
mod workers;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tracing::{debug, info};

use super::{Command, ToWorker, Undelivered};
use crate::account::{AuditEntry, CallRecord};
use crate::call::identity::{Trust, caller_number};
use crate::call::{Input, Seed};
use crate::sip::endpoint::{self, Admission, CallHandle, CommandError, Endpoint, Event, Incoming, Transmit};
use crate::sip::flow::Flow;
use crate::time::{Moment, Time};

pub use limits::PeerLimits;
use limits::{Lines, Peers};
pub use proving::{Answer, Known, Question, Waiting};
use refusals::Telling;
use strangers::Strangers;
use workers::{Route, Workers};

/// How long the answer to the last BYE is waited for when the service stops.
pub const LAST_WORDS: Duration = Duration::from_secs(2);

/// How signalling behaves.
pub struct Config {
    /// The endpoint's part.
    pub endpoint: endpoint::Config,
    /// Whether a call rings (180) before it is answered.
    pub rings: bool,
    /// Which identities are believed, by peer.
    pub trust: Box<dyn Fn(IpAddr) -> Trust + Send>,
    /// One peer's share of the service.
    pub peers: PeerLimits,
    /// Calls at a time with one calling number.
    pub calls_per_line: usize,
    /// How long running calls may go on after a stop.
    pub drain: Duration,
    /// What Retry-After says in a 503.
    pub retry_after: Duration,
    /// The number of workers.
    pub workers: usize,
}

/// What is to be done next. Drain it until it is a `Timeout`.
#[derive(Debug)]
pub enum Output {
    /// Send this.
    Transmit(Transmit),
    /// Put this into the worker's inbox; where it is not taken, [`Signalling::handle_undelivered`].
    ToWorker {
        /// Its number, from 0.
        worker: usize,
        /// What.
        message: ToWorker,
    },
    /// Ask the store; the answer goes to [`Signalling::handle_answer`].
    Ask {
        /// What is asked.
        question: Question,
        /// Who waits for the answer.
        waiting: Waiting,
    },
    /// Keep the record of a call that no worker had.
    Record {
        /// The record.
        record: Box<CallRecord>,
        /// The Call-ID whose messages are the record's trace; `None`: it has none.
        traced: Option<String>,
    },
    /// Add this to the audit.
    Audit(Box<AuditEntry>),
    /// The service has stopped: end the workers, then close the store. Comes once.
    Stopped,
    /// Nothing more for now: call [`Signalling::handle_timeout`] at this time ([`Time::MAX`]: nothing waits).
    Timeout(Time),
}

/// The signalling core.
pub struct Signalling {
    endpoint: Endpoint,
    workers: Workers,
    peers: Peers,
    lines: Lines,
    trust: Box<dyn Fn(IpAddr) -> Trust + Send>,
    rings: bool,
    drain: Duration,
    retry_after: Duration,
    /// What passwords of telephones are for; `None` when none is asked for.
    realm: Option<String>,
    telling: Telling,
    /// Calls of trusted peers whose credentials are being looked up.
    unproved: BTreeMap<CallHandle, Incoming>,
    strangers: Strangers,
    stopping: Stopping,
    rng: StdRng,
    outputs: VecDeque<Output>,
    /// When the endpoint wants to be woken.
    wakes: Time,
}

/// How far stopping has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    /// No stop was asked for.
    Open,
    /// Running calls may still end by themselves, until then.
    Draining(Time),
    /// They have been ended; the answers to our BYEs are waited for, until then.
    LastWords(Time),
    /// All is over.
    Stopped,
}

impl Signalling {
    /// Signalling without calls. All randomness follows from `seed`, which is unguessable in service.
    pub fn new(config: Config, seed: [u8; 32]) -> Signalling {
        let mut rng = StdRng::from_seed(seed);
        let realm = config.endpoint.registrar.as_ref().map(|registrar| registrar.realm.clone());
        Signalling {
            endpoint: Endpoint::new(config.endpoint, rng.next_u64()),
            workers: Workers::new(config.workers),
            peers: Peers::new(config.peers),
            lines: Lines::new(config.calls_per_line),
            trust: config.trust,
            rings: config.rings,
            drain: config.drain,
            retry_after: config.retry_after,
            realm,
            telling: Telling::default(),
            unproved: BTreeMap::new(),
            strangers: Strangers::default(),
            stopping: Stopping::Open,
            rng,
            outputs: VecDeque::new(),
            wakes: Time::MAX,
        }
    }

    /// One datagram, or one framed message of a stream, has come.
    pub fn handle_message(&mut self, now: Moment, flow: Flow, bytes: &[u8]) {
        if (self.trust)(flow.remote.ip()).is_any() {
            self.endpoint.handle_message(now.time, flow, bytes);
        } else {
            self.endpoint.handle_stranger(now.time, flow, bytes);
        }
        self.settle(now);
    }

    /// A connection is gone.
    pub fn handle_flow_closed(&mut self, now: Moment, connection: u64) {
        self.endpoint.handle_flow_closed(now.time, connection);
        self.settle(now);
    }

    /// No connection could be opened for a message on this flow.
    pub fn handle_unreachable(&mut self, now: Moment, flow: Flow) {
        self.endpoint.handle_unreachable(now.time, flow);
        self.settle(now);
    }

    /// A call wants this.
    pub fn handle_command(&mut self, now: Moment, call: CallHandle, command: Command) {
        let at = now.time;
        carried_out(match command {
            Command::Answer(description) => {
                if self.rings {
                    carried_out(self.endpoint.ring(at, call));
                }
                self.endpoint.answer(at, call, description)
            }
            Command::Reject(rejection) => self.endpoint.reject(at, call, rejection),
            Command::RespondOffer(response) => self.endpoint.respond_offer(at, call, response),
            Command::Progress(description) => self.endpoint.progress(at, call, 183, Some(description)),
            Command::HangUp(cause, text) => self.endpoint.hang_up(at, call, Some((cause, text))),
        });
        self.settle(now);
    }

    /// The store has answered.
    pub fn handle_answer(&mut self, now: Moment, waiting: Waiting, answer: Answer) {
        self.answered(now, waiting, answer);
        self.settle(now);
    }

    /// The worker's inbox did not take this message. A new call is refused, an INFO is dropped (the phone has its 200; the key is
    /// lost, as on a bad line), and anything else waits here, in order. A worker that is gone has lost its calls: they end.
    pub fn handle_undelivered(&mut self, now: Moment, worker: usize, message: ToWorker, why: Undelivered) {
        match why {
            Undelivered::Full => {
                self.workers.is_full(now.time, worker);
                self.put_off(now, worker, message);
                for output in std::mem::take(&mut self.outputs) {
                    self.put_off_or_keep(now, worker, output);
                }
            }
            Undelivered::Gone => self.bereave(now, worker, message),
        }
        self.settle(now);
    }

    /// A message to a worker whose inbox is full waits with the others; any other output stays where it was.
    fn put_off_or_keep(&mut self, now: Moment, full: usize, output: Output) {
        if let Output::ToWorker { worker, message } = output {
            if worker == full {
                return self.put_off(now, worker, message);
            }
            return self.outputs.push_back(Output::ToWorker { worker, message });
        }
        self.outputs.push_back(output);
    }

    /// The service is to stop: no new calls, and running ones may end by the deadline. A second stop ends them at once.
    pub fn handle_stop(&mut self, now: Moment) {
        self.endpoint.set_admission(Admission::Draining { retry_after: self.retry_after });
        info!(calls = self.endpoint.calls(), "stopping: no new calls");
        self.tell_all_sums(now);
        match self.stopping {
            Stopping::Open => self.stopping = Stopping::Draining(now.time + self.drain),
            Stopping::Draining(_) => self.stop_calls(now.time),
            Stopping::LastWords(_) | Stopping::Stopped => {}
        }
        self.settle(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.endpoint.handle_timeout(now.time);
        self.workers.retry(now.time, &mut self.outputs);
        self.give_up_lookups(now);
        self.tell_sums(now);
        match self.stopping {
            Stopping::Draining(until) if until <= now.time => {
                info!("the deadline is over: the last calls are ended");
                self.stop_calls(now.time);
            }
            Stopping::LastWords(until) if until <= now.time => self.stopped(now),
            Stopping::Open | Stopping::Draining(_) | Stopping::LastWords(_) | Stopping::Stopped => {}
        }
        self.settle(now);
    }

    /// What is to be done next; to be drained until it is [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| {
            let deadline = match self.stopping {
                Stopping::Open | Stopping::Stopped => Time::MAX,
                Stopping::Draining(until) | Stopping::LastWords(until) => until,
            };
            let own = [deadline, self.workers.retries_at(), self.lookups_end_at(), self.strangers.deadline()];
            Output::Timeout(own.into_iter().fold(self.wakes, Time::min))
        })
    }

    /// Calls that have not ended.
    pub fn calls(&self) -> usize {
        self.endpoint.calls()
    }

    /// Takes over all that the endpoint has ready.
    fn settle(&mut self, now: Moment) {
        self.wakes = loop {
            match self.endpoint.poll_output() {
                endpoint::Output::Transmit(transmit) => self.outputs.push_back(Output::Transmit(transmit)),
                endpoint::Output::Event(event) => self.event(now, event),
                endpoint::Output::Timeout(wakes) => break wakes,
            }
        };
        if matches!(self.stopping, Stopping::Draining(_) | Stopping::LastWords(_)) && self.endpoint.calls() == 0 {
            self.stopped(now);
        }
    }

    fn event(&mut self, now: Moment, event: Event) {
        match event {
            Event::Incoming(incoming) => self.incoming(now, incoming),
            Event::Refused(refused) => self.refused(now, refused),
            Event::EarlyMedia { call, .. } => self.tell(now, call, Input::EarlyMedia),
            Event::Confirmed { call, answer } => self.tell(now, call, Input::Confirmed(answer)),
            Event::Offer { call, offer } => self.tell(now, call, Input::Offer(offer)),
            Event::Refreshed { call, answer } => self.tell(now, call, Input::Refreshed(answer)),
            Event::Info { call, content_type, body } => self.tell(now, call, Input::Info { content_type, body }),
            Event::Registering(registering) => self.registering(now, registering),
            Event::Registered { flow, outcome } => self.note_registered(now, flow.remote.ip(), outcome, None),
            Event::Stranger(stranger) => self.stranger(now, stranger),
            Event::TurnedAway(away) => self.turned_away(now, away),
            Event::RegistrationExpired { contacts, .. } => debug!(contacts, "a registration has run out"),
            Event::Ended { call, cause } => {
                if let Some(unproved) = self.unproved.remove(&call) {
                    self.peers.ended(unproved.flow.remote.ip());
                }
                self.tell(now, call, Input::Ended(cause));
                if let Some(route) = self.workers.forget(call) {
                    self.release(route);
                }
            }
            // of calls that we place or change ourselves: a service does neither
            Event::RegistrationAnswered { .. }
            | Event::InfoAnswered { .. }
            | Event::Progress { .. }
            | Event::Accepted { .. }
            | Event::Rejected { .. }
            | Event::OfferAnswered { .. } => {}
        }
    }

    fn incoming(&mut self, now: Moment, incoming: Incoming) {
        if !self.peers.admit(now.time, incoming.flow.remote.ip()) {
            let why = "its peer is at [limits] calls_per_peer or invites_per_second_per_peer";
            return self.turn_away(now, &incoming, why);
        }
        if let Some(incoming) = self.asks_whose_call(incoming) {
            self.hand_over(now, incoming);
        }
    }

    /// To the worker with the fewest calls.
    fn hand_over(&mut self, now: Moment, incoming: Incoming) {
        let (call, peer) = (incoming.call, incoming.flow.remote.ip());
        let trust = (self.trust)(peer);
        // who is nobody is refused by the call itself
        let line = caller_number(&incoming.identity, trust, incoming.identity.authenticated).ok();
        if line.is_some_and(|line| !self.lines.admit(line)) {
            self.peers.ended(peer);
            return self.line_is_busy(now, &incoming);
        }
        let route = |worker| Route { worker, peer, line };
        let Some(worker) = self.workers.least_busy() else {
            self.release(route(0));
            return self.turn_away(now, &incoming, "no media worker is left");
        };
        let message = ToWorker::Incoming { trust, seed: Seed::draw(&mut self.rng), incoming: Box::new(incoming) };
        self.workers.route(call, route(worker));
        self.send(now, worker, message);
    }

    fn record_id(&mut self, now: Moment) -> String {
        format!("{:x}-{:016x}", now.wall.0, self.rng.next_u64())
    }

    /// Passes it to the worker that has the call, if one has.
    fn tell(&mut self, now: Moment, call: CallHandle, input: Input) {
        if let Some(worker) = self.workers.worker_of(call) {
            self.send(now, worker, ToWorker::Input { call, input });
        }
    }

    fn send(&mut self, now: Moment, worker: usize, message: ToWorker) {
        match self.workers.takes_none(worker) {
            true => self.put_off(now, worker, message),
            false => self.outputs.push_back(Output::ToWorker { worker, message }),
        }
    }

    /// What becomes of a message to a worker whose inbox is full.
    fn put_off(&mut self, now: Moment, worker: usize, message: ToWorker) {
        match message {
            ToWorker::Incoming { incoming, .. } => self.take_back(now, &incoming, "a media worker has too much to do"),
            ToWorker::Input { input: Input::Info { .. }, .. } => {
                debug!("a worker's inbox is full: an INFO is dropped");
            }
            message @ (ToWorker::Input { .. } | ToWorker::Stop | ToWorker::Quit) => self.workers.hold(worker, message),
        }
    }

    /// A call that was given to a worker and never reached it.
    fn take_back(&mut self, now: Moment, incoming: &Incoming, why: &str) {
        if let Some(route) = self.workers.forget(incoming.call) {
            self.release(route);
        }
        self.turn_away(now, incoming, why);
    }

    /// The places of a call that is over.
    fn release(&mut self, route: Route) {
        self.peers.ended(route.peer);
        if let Some(line) = route.line {
            self.lines.ended(line);
        }
    }

    /// The worker has ended by an internal error: its calls end, and no other goes there.
    fn bereave(&mut self, now: Moment, worker: usize, message: ToWorker) {
        if let ToWorker::Incoming { incoming, .. } = message {
            self.take_back(now, &incoming, "a media worker is gone");
        }
        for (call, route) in self.workers.lose(worker) {
            self.release(route);
            self.abandoned(now, call, route.peer);
        }
        let outputs = std::mem::take(&mut self.outputs);
        self.outputs = outputs.into_iter().filter(|output| !output.is_to(worker)).collect();
    }

    fn stop_calls(&mut self, now: Time) {
        for worker in self.workers.all() {
            match self.workers.takes_none(worker) {
                true => self.workers.hold(worker, ToWorker::Stop),
                false => self.outputs.push_back(Output::ToWorker { worker, message: ToWorker::Stop }),
            }
        }
        self.stopping = Stopping::LastWords(now + LAST_WORDS);
    }

    fn stopped(&mut self, now: Moment) {
        self.tell_all_sums(now);
        self.stopping = Stopping::Stopped;
        self.outputs.push_back(Output::Stopped);
    }
}

impl Output {
    fn is_to(&self, number: usize) -> bool {
        matches!(self, Output::ToWorker { worker, .. } if *worker == number)
    }
}

/// The caller may hang up while the call decides: then there is nothing to carry out any more.
fn carried_out(result: Result<(), CommandError>) {
    if let Err(error) = result {
        debug!(%error, "too late for a command");
    }
}
