//! One life of the service: the switchboard's cores and the ledger, driven as `server` drives them, without its sockets and threads.
//!
//! What is the driver's own decision there is modelled here: queues hold a limited number, media sockets keep what arrives until they are
//! read, and a stop ends workers first and the ledger last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use karipass::internals::call::identity::Trust;
use karipass::internals::call::{Input, Settings};
use karipass::internals::datagram::{Datagram, Kind as MediaKind};
use karipass::internals::ivr;
use karipass::internals::lock::Lock;
use karipass::internals::sip::digest::Algorithm;
use karipass::internals::sip::endpoint::{self, CallHandle, RegistrarConfig};
use karipass::internals::sip::flow::{Flow, Transport};
use karipass::internals::sip::registrar::Limits;
use karipass::internals::sip::sdp::Srtp;
use karipass::internals::switchboard::ledger::{Caller, Lookup, Password, Reply};
use karipass::internals::switchboard::{Calls, Config, Output, PeerLimits, Signalling, ToWorker, Undelivered, calls};
use karipass::time::{Moment, Time};
use rand::{Rng, RngExt};

use crate::book::Book;
use crate::disk::Disk;
use crate::ledger::{Ledger, Settled};
use crate::log::Log;
use crate::network::{Datagram as Packet, Kind};
use crate::plan::Plan;
use crate::support::{BANK, GATEWAY, LABORATORY, REALM, SERVICE, SERVICE_SIP, rng, secs};
use crate::tap::Tap;
use crate::trace::summary;
use crate::world::Outside;

/// What a media socket keeps until it is read; what comes beyond is lost.
const SOCKET: usize = 64;
/// The pairs of ports for media, taken in turn, from one that is drawn at the start.
const FIRST_PORT: u16 = 10_000;
const PAIRS: u16 = 5000;

/// The most messages that signalling takes in one turn.
const MESSAGES_A_TURN: usize = 32;
/// Messages that wait for signalling; what comes beyond is lost.
const INBOUND: usize = 4096;

/// What the loop of `server` looks at first, as far as it matters here. Commands and answers come between, and take no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A stop, then timers, then a limited number of messages.
    StopFirst,
    /// A message, then timers, then a stop.
    StopLast,
}

/// The service from one start to its end.
pub struct Service {
    /// The how-manieth life this is.
    pub life: u32,
    pub signalling: Signalling,
    wakes: Time,
    pub workers: Vec<Worker>,
    pub ledger: Ledger,
    room: usize,
    inbound: VecDeque<(SocketAddr, Vec<u8>)>,
    stop_is_asked: bool,
    order: Order,
    message_takes: Duration,
    /// When signalling is done with what it is at.
    free_at: Time,
    pub state: State,
    pub ports: BTreeSet<u16>,
    next_pair: u16,
}

/// How far it is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Serving,
    /// All workers have ended; the ledger writes what it has.
    Closing,
    Closed,
}

/// A worker with its inbox and the sockets of its calls.
pub struct Worker {
    pub calls: Calls,
    pub inbox: VecDeque<ToWorker>,
    wakes: Time,
    pub open: BTreeMap<CallHandle, Open>,
    has_quit: bool,
}

/// A call that a worker has.
pub struct Open {
    pub id: String,
    port: Option<u16>,
    waiting: VecDeque<(MediaKind, SocketAddr, Vec<u8>)>,
    tap: Tap,
}

/// What the service touches beside the network.
pub struct Around<'a> {
    pub now: Moment,
    pub disk: &'a mut Disk,
    pub book: &'a mut Book,
    pub log: Option<&'a Log>,
}

impl Around<'_> {
    fn read_along(&self, output: &impl std::fmt::Debug) {
        if let Some(log) = self.log {
            log.add(&format!("{output:?}\n"));
        }
    }
}

impl Service {
    pub fn start(plan: &Plan, life: u32) -> Service {
        let mut random = rng(plan.seed, 100 + u64::from(life));
        let mut seed = [0; 32];
        random.fill_bytes(&mut seed);
        let next_pair = if plan.draws_ports { random.random_range(0..PAIRS) } else { 0 };
        let config = Config {
            endpoint: endpoint::Config { registrar: plan.registrar.then(registrar), ..endpoint::Config::default() },
            rings: true,
            trust: Box::new(trust),
            peers: PeerLimits { calls: 50, invites_per_second: 50.0 },
            calls_per_line: 50,
            drain: plan.drain,
            retry_after: secs(5),
            workers: plan.workers,
        };
        let settings = Arc::new(Settings {
            ivr: ivr::Config { confirm: plan.confirm, ..ivr::Config::default() },
            longest_call: plan.longest_call,
            srtp: Srtp::Offered,
            ..Settings::new(Arc::clone(&BANK))
        });
        let worker = |_| Worker {
            calls: Calls::new(Arc::clone(&settings)),
            inbox: VecDeque::new(),
            wakes: Time::MAX,
            open: BTreeMap::new(),
            has_quit: false,
        };
        Service {
            life,
            signalling: Signalling::new(config, seed),
            wakes: Time::MAX,
            workers: (0..plan.workers).map(worker).collect(),
            ledger: Ledger::new(plan.pace, plan.hashers, plan.queue, random),
            room: plan.queue,
            inbound: VecDeque::new(),
            stop_is_asked: false,
            order: plan.order,
            message_takes: plan.message_takes,
            free_at: Time::ZERO,
            state: State::Serving,
            ports: BTreeSet::new(),
            next_pair,
        }
    }

    /// When there is something to do.
    pub fn wakes(&self) -> Time {
        let waits = self.state == State::Serving && (!self.inbound.is_empty() || self.stop_is_asked);
        let signalling = if waits { self.free_at } else { self.wakes.max(self.free_at) };
        self.workers.iter().map(|worker| worker.wakes).fold(signalling.min(self.ledger.wakes()), Time::min)
    }

    /// Calls that are not over, wherever they are.
    pub fn calls(&self) -> usize {
        self.workers.iter().map(|worker| worker.calls.len()).fold(self.signalling.calls(), usize::max)
    }

    pub fn receive(&mut self, now: Moment, packet: Packet) {
        let Packet { kind, from, to, bytes } = packet;
        if to == SERVICE_SIP && self.state == State::Serving && self.inbound.len() < INBOUND {
            self.inbound.push_back((from, bytes));
            return self.turns(now);
        }
        let (kind, port) = match kind {
            Kind::Rtcp => (MediaKind::Rtcp, to.port() - 1),
            Kind::Rtp => (MediaKind::Rtp, to.port()),
            Kind::Sip => return,
        };
        let open = self.workers.iter_mut().flat_map(|worker| worker.open.values_mut());
        // what comes to a port that is closed meets nobody
        if let Some(open) = open.into_iter().find(|open| open.port == Some(port))
            && open.waiting.len() < SOCKET
        {
            open.waiting.push_back((kind, from, bytes));
        }
    }

    pub fn stop(&mut self, now: Moment) {
        self.stop_is_asked = true;
        self.turns(now);
    }

    pub fn handle_timeout(&mut self, now: Moment) {
        self.turns(now);
        for worker in &mut self.workers {
            if worker.wakes <= now.time {
                worker.calls.handle_timeout(now.time);
            }
        }
    }

    /// The loop of `server`, as long as there is something to do and time for it.
    fn turns(&mut self, now: Moment) {
        while self.free_at <= now.time {
            let turned = match self.order {
                Order::StopFirst => self.hears_stop(now) || self.wakes_up(now) || self.reads(now, MESSAGES_A_TURN),
                Order::StopLast => self.reads(now, 1) || self.wakes_up(now) || self.hears_stop(now),
            };
            if !turned {
                return;
            }
        }
    }

    fn hears_stop(&mut self, now: Moment) -> bool {
        let asked = std::mem::take(&mut self.stop_is_asked);
        if asked {
            self.signalling.handle_stop(now);
        }
        asked
    }

    fn wakes_up(&mut self, now: Moment) -> bool {
        let due = self.wakes <= now.time;
        if due {
            self.wakes = Time::MAX;
            self.signalling.handle_timeout(now);
        }
        due
    }

    fn reads(&mut self, now: Moment, most: usize) -> bool {
        let count = self.inbound.len().min(most);
        for (remote, bytes) in self.inbound.drain(..count) {
            let flow = Flow { transport: Transport::Udp, local: SERVICE_SIP, remote, connection: None };
            self.signalling.handle_message(now, flow, &bytes);
        }
        self.free_at = now.time + self.message_takes * count as u32;
        count > 0
    }

    /// Does all that the cores want done.
    pub fn flush(&mut self, out: &mut Outside<'_>, around: &mut Around<'_>) {
        loop {
            let mut moved = self.drain_signalling(out, around);
            for worker in 0..self.workers.len() {
                moved |= self.drain_worker(worker, out, around);
            }
            self.ledger.handle_timeout(around.now, around.disk);
            self.settle(out, around);
            while let Some(reply) = self.ledger.poll_reply() {
                self.reply(reply, out, around);
                moved = true;
            }
            if !moved {
                break;
            }
        }
        if self.state == State::Closing && self.ledger.is_idle() {
            self.state = State::Closed;
        }
    }

    fn drain_signalling(&mut self, out: &mut Outside<'_>, around: &mut Around<'_>) -> bool {
        let mut moved = false;
        loop {
            let output = self.signalling.poll_output();
            around.read_along(&output);
            match output {
                Output::Timeout(at) => {
                    self.wakes = at;
                    return moved;
                }
                Output::Transmit(transmit) => {
                    let (from, to, bytes) = (transmit.flow.local, transmit.flow.remote, transmit.bytes);
                    let what = summary(&bytes);
                    let arrives = out.send(Packet { kind: Kind::Sip, from, to, bytes });
                    out.note(|| format!("service ──▶ {to}: {what}{}", if arrives { "" } else { " (lost)" }));
                }
                Output::ToWorker { worker, message } => {
                    if self.workers[worker].inbox.len() < self.room {
                        self.workers[worker].inbox.push_back(message);
                    } else {
                        self.signalling.handle_undelivered(around.now, worker, message, Undelivered::Full);
                    }
                }
                Output::Ask { question, waiting } => {
                    self.ledger.look_up(around.now.time, Lookup::Key { question, waiting })
                }
                Output::Record { record, .. } => {
                    out.note(|| format!("service: records {} ({})", record.outcome, record.status));
                    around.book.refused(&record);
                    self.ledger.record(record);
                }
                Output::Audit(row) => self.ledger.audit(row),
                Output::Stopped => {
                    out.note(|| "service: has stopped".to_owned());
                    for worker in &mut self.workers {
                        worker.inbox.push_back(ToWorker::Quit);
                    }
                    self.state = State::Closing;
                }
            }
            moved = true;
        }
    }

    fn drain_worker(&mut self, number: usize, out: &mut Outside<'_>, around: &mut Around<'_>) -> bool {
        let now = around.now;
        let mut moved = false;
        loop {
            let worker = &mut self.workers[number];
            if let Some(message) = worker.inbox.pop_front().filter(|_| !worker.has_quit) {
                worker.calls.handle_message(now, message);
                moved = true;
            }
            loop {
                match self.workers[number].calls.poll_output() {
                    calls::Output::Timeout(at) => {
                        self.workers[number].wakes = at;
                        break;
                    }
                    output => {
                        around.read_along(&output);
                        self.carry_out(number, output, out, around);
                    }
                }
                moved = true;
            }
            let worker = &mut self.workers[number];
            if worker.wakes <= now.time {
                worker.calls.handle_timeout(now.time);
            } else if worker.inbox.is_empty() {
                return moved;
            }
        }
    }

    fn carry_out(&mut self, number: usize, output: calls::Output, out: &mut Outside<'_>, around: &mut Around<'_>) {
        let now = around.now;
        let Service { workers, signalling, ledger, ports, next_pair, life, .. } = self;
        let worker = &mut workers[number];
        match output {
            calls::Output::Begun { call, id, sip_call_id } => {
                around.book.begun(now.time, *life, &id, &sip_call_id);
                worker.open.insert(call, Open { id, port: None, waiting: VecDeque::new(), tap: Tap::default() });
            }
            calls::Output::Command(call, command) => signalling.handle_command(now, call, command),
            calls::Output::OpenMedia { call, .. } => {
                let port = FIRST_PORT + 2 * *next_pair;
                *next_pair = (*next_pair + 1) % PAIRS;
                assert!(ports.insert(port), "so many calls there are not");
                worker.open.get_mut(&call).expect("a call that has begun").port = Some(port);
                worker.calls.handle_media(now.time, call, Some(SocketAddr::new(SERVICE, port)));
            }
            calls::Output::Read(kinds) => worker.read(now.time, kinds),
            calls::Output::Send(call, datagram) => worker.send(call, datagram, out, around.book),
            calls::Output::FindLine { call, number: line } => {
                ledger.look_up(now.time, Lookup::Line { number: line, caller: Caller { worker: number, call } });
            }
            calls::Output::Prepare { call, request } => {
                around.book.prepared(&worker.open[&call].id, &request);
                ledger.hash(Password { request, caller: Caller { worker: number, call } });
            }
            calls::Output::Store { call, id, hashed, ticket } => {
                out.note(|| format!("service: stores a password for call {id}"));
                around.book.asked(&id, &ticket);
                ledger.store(hashed.set_by(id, now.wall), ticket, Caller { worker: number, call });
            }
            calls::Output::Over { call, record } => {
                out.note(|| format!("service: call {} is over: {} ({})", record.id, record.outcome, record.status));
                around.book.over(now.time, &record);
                if let Some(port) = worker.open.remove(&call).and_then(|open| open.port) {
                    ports.remove(&port);
                }
                ledger.record(record);
            }
            calls::Output::Quit => worker.has_quit = true,
            calls::Output::Timeout(_) => unreachable!("it ends the draining"),
        }
    }

    fn reply(&mut self, reply: Reply, out: &mut Outside<'_>, around: &mut Around<'_>) {
        around.read_along(&reply);
        match reply {
            Reply::ToSignalling(waiting, answer) => self.signalling.handle_answer(around.now, waiting, answer),
            Reply::ToWorker { worker, message } => {
                if let ToWorker::Input { call, input: Input::Stored(result) } = &message
                    && let Some(open) = self.workers[worker].open.get(call)
                {
                    out.note(|| {
                        let what = result.map_or_else(|why| format!("{why:?}"), |()| "stored".to_owned());
                        format!("store: {what} for call {}", open.id)
                    });
                    around.book.told(around.now.time, &open.id, result.is_ok());
                }
                // a thread of the ledger waits while the inbox is full
                self.workers[worker].inbox.push_back(message);
            }
        }
    }

    fn settle(&mut self, out: &mut Outside<'_>, around: &mut Around<'_>) {
        for settled in std::mem::take(&mut self.ledger.settled) {
            match settled {
                Settled::Lost(id) => around.book.lost(&id),
                Settled::Committed { passwords, records } => {
                    out.note(|| format!("store: commits {} passwords, {} records", passwords.len(), records.len()));
                    around.book.committed(around.now, around.disk, &passwords, &records);
                }
            }
        }
    }
}

impl Open {
    pub fn has_port(&self) -> bool {
        self.port.is_some()
    }
}

impl Worker {
    fn read(&mut self, now: Time, kinds: &[MediaKind]) {
        for (call, open) in &mut self.open {
            let (read, kept): (VecDeque<_>, _) = open.waiting.drain(..).partition(|(kind, ..)| kinds.contains(kind));
            open.waiting = kept;
            for (kind, remote, bytes) in read {
                self.calls.handle_datagram(now, *call, Datagram { kind, remote, bytes: bytes.as_slice() });
            }
        }
    }

    fn send(&mut self, call: CallHandle, datagram: Datagram, out: &mut Outside<'_>, book: &mut Book) {
        let Datagram { kind, remote, bytes } = datagram;
        let Some(open) = self.open.get_mut(&call) else { panic!("a call that is over sends") };
        let port = open.port.expect("a call that sends has a port");
        let (kind, port) = match kind {
            MediaKind::Rtp => (Kind::Rtp, port),
            MediaKind::Rtcp => (Kind::Rtcp, port + 1),
        };
        if kind == Kind::Rtp
            && let Some(prompt) = open.tap.hears(&bytes)
        {
            let shown = if prompt.starts_with("digit-") { "digit-•" } else { prompt };
            out.note(|| format!("service: says {shown} to call {}", open.id));
            book.said(out.now, &open.id, prompt);
        }
        let from = SocketAddr::new(SERVICE, port);
        out.send(Packet { kind, from, to: remote, bytes: bytes.clone() });
        self.calls.recycle(call, bytes);
    }
}

/// Lines without trust prove themselves.
fn registrar() -> RegistrarConfig {
    RegistrarConfig {
        realm: REALM.to_owned(),
        algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
        lock: Lock::default(),
        limits: Limits::default(),
    }
}

/// What is believed of whom.
fn trust(peer: IpAddr) -> Trust {
    Trust { asserted: peer == GATEWAY, from: peer == LABORATORY, private: true }
}
