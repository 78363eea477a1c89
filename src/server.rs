//! The edge: sockets, threads and queues around the cores of [`crate::switchboard`].
//!
//! ```text
//! UDP, TCP ──▶ this loop: Signalling ──inbox──▶ worker threads: Calls, sockets of media ──▶ ledger's threads ──▶ store
//!          ◀──                       ◀─commands─                                        ◀─replies─
//! ```
//!
//! Queues: all are bounded. What happens when one is full is decided in the cores; the edge only reports it.

mod ledger;
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::Rng;
use tokio::sync::mpsc;
use tracing::error;

use crate::account::Cost;
use crate::call::Settings;
use crate::call::identity::Trust;
use crate::net::clock::Clock;
use crate::net::media::Ports;
use crate::net::transport::{self, BindError, Inbound, Transports};
use crate::sip::endpoint::{self, CallHandle};
use crate::sip::flow::Transport;
use crate::switchboard::ledger::{Lookup, Reply};
use crate::switchboard::{self, Answer, Calls, Command, Output, PeerLimits, Signalling, ToWorker, Waiting};
use crate::time::Time;
use crate::trace::{self, Direction, Tracer};

pub use ledger::Stores;
use ledger::{Hashing, Ledger, Outlets, undelivered};
use worker::Worker;

/// Messages that wait for one worker.
const INBOX: usize = 4096;
/// Commands of all workers that wait for signalling.
const COMMANDS: usize = 4096;
/// Answers of the account store that wait for signalling.
const ANSWERS: usize = 1024;
/// Commands, and answers, that are carried out in one turn of the loop.
const COMMANDS_A_TURN: usize = 64;
/// Messages from the network that are taken in one turn of the loop.
const MESSAGES_A_TURN: usize = 32;

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
    /// What is believed of a peer.
    pub trust: Box<dyn Fn(IpAddr) -> Trust + Send>,
    /// How much of the server one peer may take.
    pub peers: PeerLimits,
    /// Calls at once with one calling number.
    pub calls_per_line: usize,
    /// How long running calls may go on after a stop.
    pub drain: Duration,
    /// What Retry-After says in a 503.
    pub retry_after: Duration,
    /// The account store.
    pub stores: Stores,
    /// The cost of hashing a temporary password.
    pub cost: Cost,
    /// How many threads there are.
    pub threads: Threads,
    /// Where traces of calls are kept, if they are.
    pub trace: Option<trace::Options>,
}

/// How many threads there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// For calls and their media.
    pub media: usize,
    /// For hashing passwords.
    pub hashing: usize,
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
    edge: Edge,
    inbound: mpsc::Receiver<Inbound>,
    commands: mpsc::Receiver<(CallHandle, Command)>,
    answers: mpsc::Receiver<(Waiting, Answer)>,
    threads: Vec<JoinHandle<()>>,
    /// Ends when the last tracer is gone.
    trace_thread: Option<JoinHandle<()>>,
}

/// Signalling, and all that its outputs go to.
struct Edge {
    signalling: Signalling,
    transports: Transports,
    clock: Clock,
    workers: Vec<SyncSender<ToWorker>>,
    ledger: Arc<Ledger>,
    tracer: Tracer,
}

impl Server {
    /// Binds everything and starts the threads; calls are served by [`Server::run`].
    pub async fn start(options: Options) -> Result<Server, StartError> {
        let clock = Clock::start();
        let (transports, inbound) = Transports::bind(&options.listen, options.transport).await?;
        let traced = options.trace.map(|trace| trace::start(&trace, clock.epoch())).transpose()?;
        let (tracer, trace_thread) = traced.map_or_else(Default::default, |(tracer, thread)| (tracer, Some(thread)));
        let (commands_sender, commands) = mpsc::channel(COMMANDS);
        let (answers_sender, answers) = mpsc::channel(ANSWERS);
        let settings = Arc::new(options.call);
        let ports = Ports::new(&options.rtp_ips, options.rtp_ports);
        let shares = ports.split(u16::try_from(options.threads.media).unwrap_or(u16::MAX));
        let (workers, inboxes): (Vec<_>, Vec<_>) = shares.iter().map(|_| sync_channel(INBOX)).unzip();
        let hashing = Hashing { cost: options.cost, threads: options.threads.hashing };
        let outlets = Outlets { workers: workers.clone(), answers: answers_sender };
        let ledger = Ledger::open(options.stores, hashing, clock, outlets).map_err(StartError::Thread)?;
        let ledger = Arc::new(ledger);
        let mut threads = vec![];
        for (number, (mut ports, inbox)) in shares.into_iter().zip(inboxes).enumerate() {
            ports.check().map_err(StartError::Media)?;
            let worker = Worker {
                number,
                calls: Calls::new(Arc::clone(&settings)),
                ledger: Arc::clone(&ledger),
                clock,
                ports,
                advertise: options.rtp_advertise,
                commands: commands_sender.clone(),
                tracer: tracer.clone(),
            };
            let thread = std::thread::Builder::new().name(format!("media-{number}")).spawn(move || worker.run(&inbox));
            threads.push(thread.map_err(StartError::Thread)?);
        }
        let config = switchboard::Config {
            endpoint: endpoint::Config { listening: transports.reached_at(), ..options.endpoint },
            rings: options.rings,
            trust: options.trust,
            peers: options.peers,
            calls_per_line: options.calls_per_line,
            drain: options.drain,
            retry_after: options.retry_after,
            workers: workers.len(),
        };
        let signalling = Signalling::new(config, seed());
        let edge = Edge { signalling, transports, clock, workers, ledger, tracer };
        Ok(Server { edge, inbound, commands, answers, threads, trace_thread })
    }

    /// The addresses that SIP is listened for on, as bound.
    pub fn listening(&self) -> &[(Transport, SocketAddr)] {
        self.edge.transports.listening()
    }

    /// Serves calls until `shutdown` says stop and the running calls have ended, or were ended at the deadline. A second
    /// stop ends them at once.
    pub async fn run(mut self, mut shutdown: mpsc::Receiver<()>) {
        while let Some(wakes) = self.edge.carry_out() {
            tokio::select! {
                biased;
                // 1. stop: no flood of anything else may keep it from being heard
                Some(()) = shutdown.recv() => self.edge.stop(),
                // 2. what frees resources: the calls' own commands, and what they wait for
                Some(first) = self.commands.recv() => {
                    let more = std::iter::from_fn(|| self.commands.try_recv().ok());
                    std::iter::once(first).chain(more).take(COMMANDS_A_TURN).for_each(|one| self.edge.command(one));
                }
                Some(first) = self.answers.recv() => {
                    let more = std::iter::from_fn(|| self.answers.try_recv().ok());
                    std::iter::once(first).chain(more).take(COMMANDS_A_TURN).for_each(|one| self.edge.answer(one));
                }
                // 3. timers: retransmissions and time-outs
                () = sleep_until(self.edge.clock, wakes) => self.edge.timeout(),
                // 4. what makes work, and no more of it than lets the others have their turn
                Some(first) = self.inbound.recv() => {
                    let more = std::iter::from_fn(|| self.inbound.try_recv().ok());
                    std::iter::once(first).chain(more).take(MESSAGES_A_TURN).for_each(|one| self.edge.arrived(one));
                    self.edge.timeout_if_due(wakes);
                }
            }
        }
        self.stop();
    }

    /// Ends the threads, the store's last: everything handed to it is written.
    fn stop(self) {
        let Server { edge, threads, commands, answers, inbound, trace_thread } = self;
        drop((commands, answers, inbound));
        let Edge { workers, ledger, tracer, .. } = edge;
        for worker in &workers {
            // waits while the inbox is full: a worker empties it until it quits
            let _ = worker.send(ToWorker::Quit);
        }
        drop((workers, tracer));
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

impl Edge {
    /// Does what signalling wants done; when it is to be woken, or `None` when the service has stopped.
    fn carry_out(&mut self) -> Option<Time> {
        loop {
            match self.signalling.poll_output() {
                Output::Transmit(transmit) => {
                    self.tracer.sip(self.clock.now(), Direction::Out, &transmit.flow, &transmit.bytes);
                    self.transports.send(transmit);
                }
                Output::ToWorker { worker, message } => self.deliver(worker, message),
                Output::Ask { question, waiting } => self.ask(Lookup::Key { question, waiting }),
                Output::Record { record, traced } => {
                    if let Some(call_id) = traced {
                        let now = self.clock.now();
                        self.tracer.call(now, &record.id, &call_id).end(now);
                    }
                    self.ledger.record(record);
                }
                Output::Audit(row) => self.ledger.audit(row),
                Output::Stopped => return None,
                Output::Timeout(wakes) => return Some(wakes),
            }
        }
    }

    fn deliver(&mut self, worker: usize, message: ToWorker) {
        let Some(Err(refused)) = self.workers.get(worker).map(|inbox| inbox.try_send(message)) else { return };
        let (message, why) = undelivered(refused);
        self.signalling.handle_undelivered(self.clock.moment(), worker, message, why);
    }

    fn ask(&mut self, lookup: Lookup) {
        if let Some(Reply::ToSignalling(waiting, answer)) = self.ledger.look_up(lookup) {
            self.answer((waiting, answer));
        }
    }

    fn arrived(&mut self, arrived: Inbound) {
        let now = self.clock.moment();
        match arrived {
            Inbound::Message { flow, bytes } => {
                self.tracer.sip(now.time, Direction::In, &flow, &bytes);
                self.signalling.handle_message(now, flow, &bytes);
            }
            Inbound::Closed { connection } => self.signalling.handle_flow_closed(now, connection),
            Inbound::Unreachable { flow } => self.signalling.handle_unreachable(now, flow),
        }
    }

    fn command(&mut self, (call, command): (CallHandle, Command)) {
        self.signalling.handle_command(self.clock.moment(), call, command);
    }

    fn answer(&mut self, (waiting, answer): (Waiting, Answer)) {
        self.signalling.handle_answer(self.clock.moment(), waiting, answer);
    }

    fn timeout(&mut self) {
        self.signalling.handle_timeout(self.clock.moment());
    }

    /// The runtime looks at its timers only when it has nothing else to do, and so not during a flood.
    fn timeout_if_due(&mut self, wakes: Time) {
        if wakes <= self.clock.now() {
            self.timeout();
        }
    }

    fn stop(&mut self) {
        self.signalling.handle_stop(self.clock.moment());
    }
}

/// From the system's source of randomness: SRTP keys follow from it.
fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    seed
}

async fn sleep_until(clock: Clock, wake: Time) {
    match clock.instant(wake) {
        Some(instant) if wake != Time::MAX => tokio::time::sleep_until(instant.into()).await,
        _ => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
