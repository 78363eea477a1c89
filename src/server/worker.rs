//! A media worker: a thread that owns its calls, their sockets and one clock that paces all of them.
//!
//! Packets go out on a grid of 20 ms that all calls share, and in the same pass every socket is read until it is empty.
//! Between two ticks the worker sleeps on its inbox, so that signalling is dealt with at once.
//!
//! Queues: the inbox is bounded; what signalling does when it is full is written in [`super`]. Commands to signalling that find
//! its queue full wait here and go out at the next tick: there are at most a few for each call.
//!
//! A panic while a call has its turn is a fault of ours. It ends that call, and no other: a worker that is gone would have every
//! new call sent to it, as the one with the fewest.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use tokio::sync::mpsc::{Sender, error::TrySendError};
use tracing::{debug, error, info, warn};

use crate::account::Outcome;
use crate::call::identity::Trust;
use crate::call::{Call, Input, Output, Seed, Settings, cause_of};
use crate::net::clock::Clock;
use crate::net::media::{MediaPair, Ports, address_towards};
use crate::sip::endpoint::{CallHandle, EndCause, Incoming, Rejection};
use crate::time::Time;
use crate::trace::{self, Direction, Tracer};

use super::ledger::Ledger;

/// How finely wake-ups are gathered: half the grid on which packets go out.
const GRAIN: Duration = Duration::from_millis(10);
/// How often sockets are read.
const TICK: Duration = Duration::from_millis(20);
/// RTCP is read every so many ticks: nothing in it is urgent.
const RTCP_TICKS: u64 = 25;
/// Datagrams read from one socket in one pass: what a flood sends beyond is left to the system to drop.
const MOST_PER_PASS: usize = 32;
/// The largest datagram looked at; an Ethernet frame holds less.
const DATAGRAM: usize = 2048;

/// What a worker is told.
pub enum ToWorker {
    /// A call has come in.
    Incoming {
        /// What came in.
        incoming: Box<Incoming>,
        /// What is believed of the peer.
        trust: Trust,
        /// The call's own randomness.
        seed: Seed,
    },
    /// Something for a running call.
    Input {
        /// Which.
        call: CallHandle,
        /// What.
        input: Input,
    },
    /// All calls end now.
    Stop,
    /// The worker ends, and with it whatever calls have not come to their end.
    Quit,
}

/// What a call wants of signalling.
#[derive(Debug)]
pub enum Command {
    /// Answer with this session description.
    Answer(String),
    /// Refuse.
    Reject(Rejection),
    /// Answer a changed session.
    RespondOffer(Result<String, u16>),
    /// Send this session description in a 183.
    Progress(String),
    /// Hang up, for this cause of ITU-T Q.850.
    HangUp(u16, &'static str),
}

/// The worker's state, owned by its thread.
pub struct Worker {
    /// What all calls share.
    pub settings: Arc<Settings>,
    /// The account store's threads.
    pub ledger: Arc<Ledger>,
    /// The machine's clocks.
    pub clock: Clock,
    /// This worker's share of the ports.
    pub ports: Ports,
    /// The address that callers send RTP to, where it is not the one that is bound.
    pub advertise: Option<IpAddr>,
    /// The way back into this worker's inbox, for the store's replies.
    pub own_inbox: SyncSender<ToWorker>,
    /// Signalling's queue.
    pub commands: Sender<(CallHandle, Command)>,
    /// Where what happens is kept, if it is.
    pub tracer: Tracer,
}

/// A call with its sockets.
struct Active {
    call: Call,
    /// Our address as the caller reaches it, for media sockets that are bound to every address.
    reached: IpAddr,
    sockets: Option<MediaPair>,
    trace: trace::Call,
    wakes: Time,
}

struct Running {
    worker: Worker,
    calls: HashMap<CallHandle, Active>,
    waiting: VecDeque<(CallHandle, Command)>,
    next_tick: Time,
    ticks: u64,
    quit: bool,
    buffer: Box<[u8; DATAGRAM]>,
}

impl Worker {
    /// Serves calls until it is told [`ToWorker::Quit`].
    pub fn run(self, inbox: &Receiver<ToWorker>) {
        Running::new(self).serve(inbox);
    }
}

impl Running {
    fn new(worker: Worker) -> Running {
        Running {
            next_tick: worker.clock.now(),
            worker,
            calls: HashMap::new(),
            waiting: VecDeque::new(),
            ticks: 0,
            quit: false,
            buffer: Box::new([0; DATAGRAM]),
        }
    }

    fn serve(&mut self, inbox: &Receiver<ToWorker>) {
        while !self.quit {
            let now = self.worker.clock.now();
            self.pass(now);
            let wakes = self.wakes();
            match inbox.recv_timeout(wakes.since(self.worker.clock.now())) {
                Ok(message) => {
                    let now = self.worker.clock.now();
                    self.handle(now, message);
                    // whatever else is there, but never so much that a tick is late
                    inbox.try_iter().take(64).for_each(|message| self.handle(now, message));
                }
                Err(RecvTimeoutError::Timeout) => {}
                // never: the worker holds a sender itself
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Nothing to wake for when there is no call, nor anything that waits.
    fn wakes(&self) -> Time {
        if self.calls.is_empty() && self.waiting.is_empty() {
            return self.worker.clock.now() + Duration::from_secs(3600);
        }
        let first = self.calls.values().map(|active| active.wakes).min().unwrap_or(Time::MAX);
        grid(first).min(self.next_tick)
    }

    /// Reads the sockets when a tick is due, and gives every call its turn whose time has come.
    fn pass(&mut self, now: Time) {
        let tick = now >= self.next_tick;
        if tick {
            self.next_tick = Time::after_start(next_multiple(now.elapsed(), TICK));
            self.ticks += 1;
            self.send_waiting();
        }
        let rtcp = tick && self.ticks.is_multiple_of(RTCP_TICKS);
        let due: Vec<CallHandle> = self.calls.iter().filter(|(_, a)| tick || a.wakes <= now).map(|(&h, _)| h).collect();
        for handle in due {
            self.contain(handle, |running| running.turn(now, handle, tick, rtcp));
        }
    }

    /// Reads a call's sockets if `tick`, and lets it do what its time has come for.
    fn turn(&mut self, now: Time, handle: CallHandle, tick: bool, rtcp: bool) {
        let Some(active) = self.calls.get_mut(&handle) else { return };
        if tick {
            active.receive(now, rtcp, &mut self.buffer[..]);
        }
        if active.wakes <= now {
            active.call.handle_timeout(now);
        }
        self.settle(handle);
    }

    /// Gives a call its turn. One that panics ends.
    fn contain(&mut self, handle: CallHandle, turn: impl FnOnce(&mut Running)) {
        if catch_unwind(AssertUnwindSafe(|| turn(self))).is_ok() {
            return;
        }
        let broken = self.calls.remove(&handle);
        let id = broken.as_ref().map(|active| active.call.id().to_owned()).unwrap_or_default();
        error!(call = id, "a fault of ours ended this call; what is written above tells where");
        if let Some(active) = broken {
            active.trace.end(self.worker.clock.now());
        }
        let (cause, text) = cause_of(Outcome::Lost);
        self.waiting.push_back((handle, Command::HangUp(cause, text)));
    }

    fn handle(&mut self, now: Time, message: ToWorker) {
        match message {
            ToWorker::Incoming { incoming, trust, seed } => {
                self.contain(incoming.call, |running| running.begin(now, &incoming, trust, seed));
            }
            ToWorker::Input { call: handle, input } => {
                self.contain(handle, |running| running.tell(now, handle, input));
            }
            ToWorker::Stop => self.tell_all(now, || Input::Stop),
            ToWorker::Quit => {
                self.tell_all(now, || Input::Stop);
                self.tell_all(now, || Input::Ended(EndCause::ByeTimedOut));
                // again to those that still wait for the store: their records go out as they are
                self.tell_all(now, || Input::Ended(EndCause::ByeTimedOut));
                self.quit = true;
            }
        }
    }

    fn begin(&mut self, now: Time, incoming: &Incoming, trust: Trust, seed: Seed) {
        let handle = incoming.call;
        let settings = Arc::clone(&self.worker.settings);
        let call = Call::new(now, self.worker.clock.wall(), seed, settings, trust, incoming);
        info!(call = call.id(), "a call comes in");
        debug!(call = call.id(), sip_call_id = incoming.call_id, remote = %incoming.flow.remote);
        let reached = incoming.flow.local.ip();
        let trace = self.worker.tracer.call(now, call.id(), &incoming.call_id);
        self.calls.insert(handle, Active { call, reached, sockets: None, trace, wakes: now });
        self.settle(handle);
    }

    fn tell(&mut self, now: Time, handle: CallHandle, mut input: Input) {
        let Some(active) = self.calls.get_mut(&handle) else { return };
        if let Input::Line { contract: Ok(Some(_)), local_rtp } = &mut input {
            *local_rtp = active.open(&mut self.worker.ports, self.worker.advertise);
        }
        active.call.handle_input(now, input);
        self.settle(handle);
    }

    fn tell_all(&mut self, now: Time, input: fn() -> Input) {
        let handles: Vec<CallHandle> = self.calls.keys().copied().collect();
        for handle in handles {
            self.contain(handle, |running| running.tell(now, handle, input()));
        }
    }

    /// Does what the call wants done.
    fn settle(&mut self, handle: CallHandle) {
        let now = self.worker.clock.now();
        let Some(active) = self.calls.get_mut(&handle) else { return };
        let mut commands = VecDeque::new();
        let finished = loop {
            match active.call.poll_output() {
                Output::Rtp { to, bytes } => active.send(now, to, &bytes, false),
                Output::Rtcp { to, bytes } => active.send(now, to, &bytes, true),
                Output::Answer(description) => commands.push_back(Command::Answer(description)),
                Output::Reject(rejection) => commands.push_back(Command::Reject(rejection)),
                Output::RespondOffer(response) => commands.push_back(Command::RespondOffer(response)),
                Output::HangUp(cause, text) => commands.push_back(Command::HangUp(cause, text)),
                Output::Progress(description) => commands.push_back(Command::Progress(description)),
                Output::OpenMedia => {
                    let rtp = active.open(&mut self.worker.ports, self.worker.advertise);
                    active.call.handle_input(self.worker.clock.now(), Input::Media(rtp));
                }
                Output::FindLine(number) => {
                    let reply = self.worker.reply(handle, |contract| Input::Line { contract, local_rtp: None });
                    self.worker.ledger.find_line(number, reply);
                }
                Output::Store(request) => {
                    let reply = self.worker.reply(handle, Input::Stored);
                    self.worker.ledger.set_temporary_password(request, active.call.id().to_owned(), reply);
                }
                Output::Finished(record) => {
                    info!(call = record.id, outcome = %record.outcome, status = record.status, "the call is over");
                    self.worker.ledger.record(record);
                    break true;
                }
                Output::Timeout(wakes) => {
                    active.wakes = wakes;
                    break false;
                }
            }
        };
        if finished && let Some(active) = self.calls.remove(&handle) {
            active.trace.end(now);
        }
        self.waiting.extend(commands.into_iter().map(|command| (handle, command)));
        self.send_waiting();
    }

    fn send_waiting(&mut self) {
        while let Some(command) = self.waiting.pop_front() {
            match self.worker.commands.try_send(command) {
                Ok(()) => {}
                Err(TrySendError::Full(command)) => {
                    self.waiting.push_front(command);
                    return;
                }
                Err(TrySendError::Closed(_)) => return,
            }
        }
    }
}

impl Worker {
    /// A way for the store's threads to tell a call their answer.
    fn reply<T: 'static>(&self, call: CallHandle, input: fn(T) -> Input) -> Box<dyn FnOnce(T) + Send> {
        let inbox = self.own_inbox.clone();
        Box::new(move |answer| {
            // waits when the inbox is full: the worker empties it, and never waits for the store
            let _ = inbox.send(ToWorker::Input { call, input: input(answer) });
        })
    }
}

impl Active {
    /// Opens the call's sockets; the address for the caller is `None` when that fails.
    fn open(&mut self, ports: &mut Ports, advertise: Option<IpAddr>) -> Option<SocketAddr> {
        let towards = self.call.media_address().unwrap_or(self.reached);
        let pair = ports.allocate(towards).inspect_err(|error| warn!(%error, "no ports for a call")).ok()?;
        let bound = pair.local().ok()?;
        self.sockets = Some(pair);
        let own = match bound.ip() {
            ip if !ip.is_unspecified() => ip,
            ip if ip.is_ipv4() == self.reached.is_ipv4() => self.reached,
            // signalling goes over the other IP version
            ip => address_towards(towards)
                .inspect_err(|error| warn!(%error, "no way to where media is to go"))
                .unwrap_or(ip),
        };
        self.trace.listens(SocketAddr::new(own, bound.port()));
        let advertised = advertise.filter(|ip| ip.is_ipv4() == own.is_ipv4());
        Some(SocketAddr::new(advertised.unwrap_or(own), bound.port()))
    }

    fn receive(&mut self, now: Time, rtcp: bool, buffer: &mut [u8]) {
        let Some(sockets) = &self.sockets else { return };
        for _ in 0..MOST_PER_PASS {
            // an error is an empty socket, or an ICMP message about something sent before
            let Ok((length, from)) = sockets.rtp.recv_from(buffer) else { break };
            let datagram = buffer.get(..length).unwrap_or_default();
            self.trace.datagram(now, Direction::In, false, from, datagram);
            self.call.handle_rtp(now, from, datagram);
        }
        for _ in 0..if rtcp { MOST_PER_PASS } else { 0 } {
            let Ok((length, from)) = sockets.rtcp.recv_from(buffer) else { break };
            let datagram = buffer.get(..length).unwrap_or_default();
            self.trace.datagram(now, Direction::In, true, from, datagram);
            self.call.handle_rtcp(now, from, datagram);
        }
        self.wakes = self.wakes.min(now);
    }

    fn send(&mut self, now: Time, to: SocketAddr, bytes: &[u8], rtcp: bool) {
        if let Some(sockets) = &self.sockets {
            let socket = if rtcp { &sockets.rtcp } else { &sockets.rtp };
            // what cannot be sent now is late, and so lost: the next packet comes in 20 ms
            let _ = socket.send_to(bytes, to);
            self.trace.datagram(now, Direction::Out, rtcp, to, bytes);
        }
    }
}

fn grid(time: Time) -> Time {
    if time == Time::MAX {
        return time;
    }
    let grain = GRAIN.as_nanos();
    let up = time.elapsed().as_nanos().div_ceil(grain).saturating_mul(grain);
    Time::after_start(Duration::from_nanos(u64::try_from(up).unwrap_or(u64::MAX)))
}

/// The first multiple of `step` after `elapsed`.
fn next_multiple(elapsed: Duration, step: Duration) -> Duration {
    let count = elapsed.as_nanos() / step.as_nanos() + 1;
    step.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
