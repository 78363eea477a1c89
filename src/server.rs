//! The edge loop: sockets ↔ cores ↔ store.
//!
//! ```text
//! UDP, TCP ──▶ signalling (this loop: owns sip::Endpoint) ──inbox──▶ media workers (own call::Call, RTP sockets) ──▶ ledger
//!          ◀──                                            ◀─commands─                                              ◀─replies─
//! ```
//!
//! Queues: a worker's inbox is bounded. When it is full a new call is refused with 503, an INFO is dropped (the phone has its
//! 200; the key is lost, as on a bad line), and anything else waits here, in order, a few entries a call at most.

mod desk;
mod ledger;
mod limits;
mod refusals;
mod worker;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::Rng;
use tokio::sync::mpsc;
use tracing::{debug, error, info};

use crate::account::{Cost, Store};
use crate::call::identity::Trust;
use crate::call::{Input, Seed, Settings};
use crate::net::clock::Clock;
use crate::net::media::Ports;
use crate::net::transport::{self, BindError, Inbound, Transports};
use crate::sip::endpoint::{self, Admission, CallHandle, CommandError, Endpoint, Event, Incoming, Output};
use crate::sip::flow::Transport;
use crate::time::Time;
use crate::trace::{self, Direction, Tracer};

use ledger::Ledger;
pub use limits::PeerLimits;
use limits::Peers;
use worker::{Command, ToWorker, Worker};

/// Messages that wait for one worker.
const INBOX: usize = 4096;
/// Commands of all workers that wait for signalling.
const COMMANDS: usize = 4096;
/// Answers of the account store that wait for signalling.
const ANSWERS: usize = 1024;
/// After the last BYE was sent, how long its answer is waited for when the server stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Everything a server is made of.
pub struct Options {
    /// Where SIP is listened for.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// How it is listened.
    pub transport: transport::Options,
    /// The addresses that RTP is received on, at most one of each family.
    pub rtp_ips: Vec<IpAddr>,
    /// The address that callers send RTP to, where it is another.
    pub rtp_advertise: Option<IpAddr>,
    /// The ports that RTP and RTCP are received on; 0 lets the system choose.
    pub rtp_ports: RangeInclusive<u16>,
    /// How signalling behaves.
    pub endpoint: endpoint::Config,
    /// Whether a call rings (180) before it is answered.
    pub rings: bool,
    /// How calls go.
    pub call: Settings,
    /// What is believed of whom.
    pub trust: Box<dyn Fn(IpAddr) -> Trust + Send>,
    /// How much of the server one peer may take.
    pub peers: PeerLimits,
    /// How long running calls may go on when the server is told to stop.
    pub drain: Duration,
    /// What Retry-After says while the server is stopping.
    pub retry_after: Duration,
    /// Opens the account store, once for each thread that needs it.
    pub stores: [Box<dyn Store>; 2],
    /// The cost of hashing a temporary password.
    pub cost: Cost,
    /// Threads for media, and for hashing.
    pub threads: (usize, usize),
    /// Where traces of calls are kept, if they are.
    pub trace: Option<trace::Options>,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// No port for media can be had.
    #[error("cannot receive RTP: {0}; see rtp.listen and rtp.ports")]
    Media(std::io::Error),
    /// Traces cannot be kept.
    #[error(transparent)]
    Trace(#[from] trace::StartError),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// A server that listens, and is about to serve.
pub struct Server {
    signalling: Signalling,
    inbound: mpsc::Receiver<Inbound>,
    commands: mpsc::Receiver<(CallHandle, Command)>,
    answers: mpsc::Receiver<(desk::Waiting, desk::Answer)>,
    threads: Vec<JoinHandle<()>>,
    ledger: Arc<Ledger>,
    /// Ends when the last tracer is gone.
    trace_thread: Option<JoinHandle<()>>,
}

struct Signalling {
    endpoint: Endpoint,
    transports: Transports,
    clock: Clock,
    workers: Vec<Inbox>,
    calls: HashMap<CallHandle, Route>,
    peers: Peers,
    trust: Box<dyn Fn(IpAddr) -> Trust + Send>,
    rings: bool,
    ledger: Arc<Ledger>,
    tracer: Tracer,
    drain: Duration,
    retry_after: Duration,
    /// What passwords of telephones are for; `None` when nobody is asked for one.
    realm: Option<String>,
    telling: refusals::Telling,
    /// Calls whose line is being looked up.
    unproved: HashMap<CallHandle, Incoming>,
    /// The way back from the store.
    answers: mpsc::Sender<(desk::Waiting, desk::Answer)>,
}

/// A worker as signalling sees it.
struct Inbox {
    sender: SyncSender<ToWorker>,
    waiting: VecDeque<ToWorker>,
    calls: usize,
}

#[derive(Clone, Copy)]
struct Route {
    worker: usize,
    peer: IpAddr,
}

impl Server {
    /// Binds everything and starts the threads; calls are served by [`Server::run`].
    pub async fn start(options: Options) -> Result<Server, StartError> {
        let clock = Clock::start();
        let (transports, inbound) = Transports::bind(&options.listen, options.transport).await?;
        let [reader, writer] = options.stores;
        let (media_threads, hash_threads) = options.threads;
        let ledger = Ledger::open(reader, writer, options.cost, hash_threads, clock).map_err(StartError::Thread)?;
        let ledger = Arc::new(ledger);
        let traced = options.trace.map(|trace| trace::start(&trace, clock.epoch())).transpose()?;
        let (tracer, trace_thread) = traced.map_or_else(Default::default, |(tracer, thread)| (tracer, Some(thread)));
        let (commands_sender, commands) = mpsc::channel(COMMANDS);
        let (answers_sender, answers) = mpsc::channel(ANSWERS);
        let realm = options.endpoint.registrar.as_ref().map(|registrar| registrar.realm.clone());
        let settings = Arc::new(options.call);
        let ports = Ports::new(&options.rtp_ips, options.rtp_ports);
        let shares = ports.split(u16::try_from(media_threads).unwrap_or(u16::MAX));
        let (mut workers, mut threads) = (vec![], vec![]);
        for (share, mut ports) in shares.into_iter().enumerate() {
            let (sender, inbox) = sync_channel(INBOX);
            ports.check().map_err(StartError::Media)?;
            let worker = Worker {
                settings: Arc::clone(&settings),
                ledger: Arc::clone(&ledger),
                clock,
                ports,
                advertise: options.rtp_advertise,
                own_inbox: sender.clone(),
                commands: commands_sender.clone(),
                tracer: tracer.clone(),
            };
            let thread = std::thread::Builder::new().name(format!("media-{share}")).spawn(move || worker.run(&inbox));
            threads.push(thread.map_err(StartError::Thread)?);
            workers.push(Inbox { sender, waiting: VecDeque::new(), calls: 0 });
        }
        let endpoint = endpoint::Config { listening: transports.reached_at(), ..options.endpoint };
        let signalling = Signalling {
            endpoint: Endpoint::new(endpoint, rand::rng().next_u64()),
            transports,
            clock,
            workers,
            calls: HashMap::new(),
            peers: Peers::new(options.peers),
            trust: options.trust,
            rings: options.rings,
            ledger: Arc::clone(&ledger),
            tracer,
            drain: options.drain,
            retry_after: options.retry_after,
            realm,
            telling: refusals::Telling::default(),
            unproved: HashMap::new(),
            answers: answers_sender,
        };
        Ok(Server { signalling, inbound, commands, answers, threads, ledger, trace_thread })
    }

    /// The addresses that SIP is listened for on, as bound.
    pub fn listening(&self) -> &[(Transport, SocketAddr)] {
        self.signalling.transports.listening()
    }

    /// Serves calls until `shutdown` says stop and the running calls have ended, or were ended at the deadline. A second
    /// stop ends them at once.
    pub async fn run(mut self, mut shutdown: mpsc::Receiver<()>) {
        let mut deadline = None;
        loop {
            let wake = self.signalling.flush();
            if deadline.is_some() && self.signalling.endpoint.calls() == 0 {
                break;
            }
            let now = self.signalling.clock.now();
            if deadline.is_some_and(|(at, _)| at <= now) {
                match deadline {
                    Some((_, Draining::Calls)) => {
                        info!("the deadline is over: the last calls are ended");
                        self.signalling.stop_calls();
                        deadline = Some((now + LAST_WORDS, Draining::LastWords));
                        continue;
                    }
                    Some((_, Draining::LastWords)) | None => break,
                }
            }
            let wake = deadline.map_or(wake, |(at, _)| wake.min(at));
            tokio::select! {
                biased;
                // 1. what frees resources: the calls' own commands
                Some((call, command)) = self.commands.recv() => self.signalling.command(call, command),
                Some((waiting, answer)) = self.answers.recv() => self.signalling.answered(waiting, answer),
                // 2. timers: retransmissions and time-outs
                () = sleep_until(self.signalling.clock, wake) => self.signalling.timeout(),
                // 3. what makes work
                Some(arrived) = self.inbound.recv() => self.signalling.arrived(arrived),
                Some(()) = shutdown.recv() => {
                    deadline = Some(self.signalling.drain(deadline.is_some()));
                }
            }
        }
        self.stop();
    }

    /// Ends the threads, the store's last: everything handed to it is written.
    fn stop(self) {
        let Server { signalling, threads, ledger, commands, answers, inbound, trace_thread } = self;
        drop((commands, answers, inbound));
        let Signalling { workers, ledger: shared, tracer, .. } = signalling;
        for worker in &workers {
            // waits while the inbox is full: a worker empties it until it quits
            let _ = worker.sender.send(ToWorker::Quit);
        }
        drop((workers, shared, tracer));
        for thread in threads {
            if thread.join().is_err() {
                error!("a media worker has panicked");
            }
        }
        if trace_thread.is_some_and(|thread| thread.join().is_err()) {
            error!("the thread that keeps traces has panicked");
        }
        match Arc::try_unwrap(ledger) {
            Ok(ledger) => ledger.close(),
            Err(_) => error!("the account store is still in use at the end"),
        }
    }
}

/// How far stopping has come.
#[derive(Clone, Copy)]
enum Draining {
    /// Running calls may still end by themselves.
    Calls,
    /// They have been ended; the answers to our BYEs are waited for.
    LastWords,
}

async fn sleep_until(clock: Clock, wake: Time) {
    match clock.instant(wake) {
        Some(instant) if wake != Time::MAX => tokio::time::sleep_until(instant.into()).await,
        _ => std::future::pending().await,
    }
}

impl Signalling {
    /// Sends and tells all that the endpoint has ready; the time at which it wants to be woken.
    fn flush(&mut self) -> Time {
        let mut wake = loop {
            match self.endpoint.poll_output() {
                Output::Transmit(transmit) => {
                    self.tracer.sip(self.clock.now(), Direction::Out, &transmit.flow, &transmit.bytes);
                    self.transports.send(transmit);
                }
                Output::Event(event) => self.event(event),
                Output::Timeout(wake) => break wake,
            }
        };
        for worker in &mut self.workers {
            worker.push_waiting();
            if !worker.waiting.is_empty() {
                wake = wake.min(self.clock.now() + Duration::from_millis(10));
            }
        }
        wake
    }

    fn arrived(&mut self, arrived: Inbound) {
        let now = self.clock.now();
        match arrived {
            Inbound::Message { flow, bytes } => {
                self.tracer.sip(now, Direction::In, &flow, &bytes);
                self.endpoint.handle_message(now, flow, &bytes);
            }
            Inbound::Closed { connection } => {
                self.endpoint.handle_flow_closed(now, connection);
            }
            Inbound::Unreachable { flow } => self.endpoint.handle_unreachable(now, flow),
        }
    }

    fn timeout(&mut self) {
        self.endpoint.handle_timeout(self.clock.now());
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Incoming(incoming) => self.incoming(incoming),
            Event::Refused(refused) => self.refused(refused),
            Event::EarlyMedia { call, .. } => self.tell(call, Input::EarlyMedia),
            Event::Confirmed { call, answer } => self.tell(call, Input::Confirmed(answer)),
            Event::Offer { call, offer } => self.tell(call, Input::Offer(offer)),
            Event::Refreshed { call, answer } => self.tell(call, Input::Refreshed(answer)),
            Event::Info { call, content_type, body } => self.tell(call, Input::Info { content_type, body }),
            Event::Registering(registering) => self.registering(registering),
            Event::RegistrationExpired { contacts, .. } => debug!(contacts, "a registration has run out"),
            Event::Ended { call, cause } => {
                if let Some(unproved) = self.unproved.remove(&call) {
                    self.peers.ended(unproved.flow.remote.ip());
                }
                self.tell(call, Input::Ended(cause));
                if let Some(route) = self.calls.remove(&call) {
                    self.peers.ended(route.peer);
                    if let Some(worker) = self.workers.get_mut(route.worker) {
                        worker.calls = worker.calls.saturating_sub(1);
                    }
                }
            }
            // of calls that we place or change ourselves: a server does neither
            Event::RegistrationAnswered { .. }
            | Event::InfoAnswered { .. }
            | Event::Progress { .. }
            | Event::Accepted { .. }
            | Event::Rejected { .. }
            | Event::OfferAnswered { .. } => {}
        }
    }

    fn incoming(&mut self, incoming: Incoming) {
        let now = self.clock.now();
        if !self.peers.admit(now, incoming.flow.remote.ip()) {
            let why = "its peer is at [limits] calls_per_peer or invites_per_second_per_peer";
            return self.turn_away(&incoming, why);
        }
        if let Some(incoming) = self.asks_whose_call(incoming) {
            self.hand_over(incoming);
        }
    }

    /// To the worker with the fewest calls.
    fn hand_over(&mut self, incoming: Incoming) {
        let (call, peer) = (incoming.call, incoming.flow.remote.ip());
        let Some((index, worker)) = self.workers.iter_mut().enumerate().min_by_key(|(_, worker)| worker.calls) else {
            return;
        };
        let message = ToWorker::Incoming {
            trust: (self.trust)(peer),
            seed: Seed::draw(&mut rand::rng()),
            incoming: Box::new(incoming),
        };
        match worker.sender.try_send(message) {
            Ok(()) => {
                worker.calls += 1;
                self.calls.insert(call, Route { worker: index, peer });
            }
            Err(
                TrySendError::Full(ToWorker::Incoming { incoming, .. })
                | TrySendError::Disconnected(ToWorker::Incoming { incoming, .. }),
            ) => {
                self.peers.ended(peer);
                self.turn_away(&incoming, "a media worker has too much to do");
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    fn record_id(&self) -> String {
        format!("{:x}-{:016x}", self.clock.wall().0, rand::rng().next_u64())
    }

    fn tell(&mut self, call: CallHandle, input: Input) {
        let Some(route) = self.calls.get(&call) else { return };
        let Some(worker) = self.workers.get_mut(route.worker) else { return };
        let droppable = matches!(input, Input::Info { .. });
        worker.push(ToWorker::Input { call, input }, droppable);
    }

    fn command(&mut self, call: CallHandle, command: Command) {
        let now = self.clock.now();
        carried_out(match command {
            Command::Answer(description) => {
                if self.rings {
                    carried_out(self.endpoint.ring(now, call));
                }
                self.endpoint.answer(now, call, description)
            }
            Command::Reject(rejection) => self.endpoint.reject(now, call, rejection),
            Command::RespondOffer(response) => self.endpoint.respond_offer(now, call, response),
            Command::Progress(description) => self.endpoint.progress(now, call, 183, Some(description)),
            Command::HangUp(cause, text) => self.endpoint.hang_up(now, call, Some((cause, text))),
        });
    }

    fn drain(&mut self, again: bool) -> (Time, Draining) {
        let now = self.clock.now();
        self.endpoint.set_admission(Admission::Draining { retry_after: self.retry_after });
        info!(calls = self.endpoint.calls(), "stopping: no new calls");
        let deadline = if again { now } else { now + self.drain };
        (deadline, Draining::Calls)
    }

    fn stop_calls(&mut self) {
        for worker in &mut self.workers {
            worker.push(ToWorker::Stop, false);
        }
    }
}

impl Inbox {
    fn push(&mut self, message: ToWorker, droppable: bool) {
        self.push_waiting();
        if !self.waiting.is_empty() {
            if !droppable {
                self.waiting.push_back(message);
            }
            return;
        }
        match self.sender.try_send(message) {
            Ok(()) => {}
            Err(TrySendError::Full(message)) if !droppable => self.waiting.push_back(message),
            Err(TrySendError::Full(_)) => debug!("a worker's inbox is full: an INFO is dropped"),
            Err(TrySendError::Disconnected(_)) => error!("a media worker is gone"),
        }
    }

    fn push_waiting(&mut self) {
        while let Some(message) = self.waiting.pop_front() {
            match self.sender.try_send(message) {
                Ok(()) => {}
                Err(TrySendError::Full(message)) => return self.waiting.push_front(message),
                Err(TrySendError::Disconnected(_)) => error!("a media worker is gone"),
            }
        }
    }
}

/// The caller may hang up while the call decides: then there is nothing to carry out any more.
fn carried_out(result: Result<(), CommandError>) {
    if let Err(error) = result {
        debug!(%error, "too late for a command");
    }
}
