//! A media worker: a thread that owns the sockets of its calls and drives [`Calls`].
//!
//! Between two ticks the worker sleeps on its inbox, so that signalling is dealt with at once. In each round timers come first, then at
//! most [`MESSAGES_A_ROUND`] messages: a flood of them makes no packet late, and calls make no message wait for longer than a round.
//!
//! Queues: the inbox is bounded; what signalling does when it is full stands in [`crate::switchboard`].

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::mpsc::{Sender, error::TrySendError};
use tracing::warn;

use super::ledger::Ledger;
use crate::datagram::{Datagram, Kind};
use crate::net::clock::Clock;
use crate::net::media::{MediaPair, Ports, address_towards};
use crate::sip::endpoint::CallHandle;
use crate::switchboard::calls::{Calls, Output};
use crate::switchboard::ledger::{Caller, Lookup, Password, Reply};
use crate::switchboard::{Command, ToWorker};
use crate::time::Time;
use crate::trace::{self, Direction, Tracer};

/// Messages taken from the inbox before calls have their turn again.
const MESSAGES_A_ROUND: usize = 64;
/// Datagrams read from one socket in one pass: what a flood sends beyond is left to the system to drop.
const DATAGRAMS_A_PASS: usize = 32;
/// The largest datagram looked at; an Ethernet frame holds less.
const DATAGRAM: usize = 2048;
/// A sleep without anything to wake up for.
const IDLE: Duration = Duration::from_secs(3600);

/// The worker's state, owned by its thread.
pub(super) struct Worker {
    /// Its number.
    pub number: usize,
    /// Its calls.
    pub calls: Calls,
    /// The account store's threads.
    pub ledger: Arc<Ledger>,
    /// The machine's clocks.
    pub clock: Clock,
    /// This worker's share of the ports.
    pub ports: Ports,
    /// The address that callers send RTP to, where it is not the one that is bound.
    pub advertise: Option<IpAddr>,
    /// Signalling's queue.
    pub commands: Sender<(CallHandle, Command)>,
    /// Where what happens is kept, if it is.
    pub tracer: Tracer,
}

/// What a call has at the edge.
struct Line {
    sockets: Option<MediaPair>,
    trace: trace::Call,
}

struct Running {
    worker: Worker,
    lines: BTreeMap<CallHandle, Line>,
    buffer: Box<[u8; DATAGRAM]>,
}

impl Worker {
    /// Serves calls until [`ToWorker::Quit`].
    pub(super) fn run(self, inbox: &Receiver<ToWorker>) {
        let buffer = Box::new([0; DATAGRAM]);
        Running { worker: self, lines: BTreeMap::new(), buffer }.serve(inbox);
    }
}

impl Running {
    fn serve(&mut self, inbox: &Receiver<ToWorker>) {
        loop {
            let now = self.worker.clock.now();
            self.worker.calls.handle_timeout(now);
            let Some(wakes) = self.carry_out(now) else { return };
            let patience = wakes.since(self.worker.clock.now()).min(IDLE);
            match inbox.recv_timeout(patience) {
                Ok(first) => {
                    let now = self.worker.clock.moment();
                    let messages = std::iter::once(first).chain(inbox.try_iter().take(MESSAGES_A_ROUND - 1));
                    messages.for_each(|message| self.worker.calls.handle_message(now, message));
                }
                Err(RecvTimeoutError::Timeout) => {}
                // signalling and the ledger are gone without a word
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Does what the calls want done; when they are to be woken, or `None` when the worker is to end.
    fn carry_out(&mut self, now: Time) -> Option<Time> {
        loop {
            let number = self.worker.number;
            match self.worker.calls.poll_output() {
                Output::Timeout(wakes) => return Some(wakes),
                Output::Send(call, datagram) => self.send(now, call, datagram),
                Output::Read(kinds) => self.read(now, kinds),
                Output::Command(call, command) => self.command(call, command),
                Output::Begun { call, id, sip_call_id } => {
                    let trace = self.worker.tracer.call(now, &id, &sip_call_id);
                    self.lines.insert(call, Line { sockets: None, trace });
                }
                Output::OpenMedia { call, towards, reached } => {
                    let rtp = self.open(call, towards, reached);
                    self.worker.calls.handle_media(now, call, rtp);
                }
                Output::FindLine { call, number: asked } => {
                    let caller = Caller { worker: number, call };
                    let refused = self.worker.ledger.look_up(Lookup::Line { number: asked, caller });
                    self.take(refused);
                }
                Output::Prepare { call, request } => {
                    let caller = Caller { worker: number, call };
                    let refused = self.worker.ledger.hash(Password { request, caller });
                    self.take(refused);
                }
                Output::Store { call, id, hashed, ticket } => {
                    let prepared = hashed.set_by(id, self.worker.clock.wall());
                    let refused = self.worker.ledger.store(prepared, ticket, Caller { worker: number, call });
                    self.take(refused);
                }
                Output::Over { call, record } => {
                    self.worker.ledger.record(record);
                    if let Some(line) = self.lines.remove(&call) {
                        line.trace.end(now);
                    }
                }
                Output::Quit => return None,
            }
        }
    }

    /// The ledger's reply to what its queue had no room for.
    fn take(&mut self, refused: Option<Reply>) {
        if let Some(Reply::ToWorker { message, .. }) = refused {
            self.worker.calls.handle_message(self.worker.clock.moment(), message);
        }
    }

    fn command(&mut self, call: CallHandle, command: Command) {
        match self.worker.commands.try_send((call, command)) {
            // closed: the service has stopped
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full((call, command))) => self.worker.calls.handle_undelivered(call, command),
        }
    }

    /// Opens the call's sockets; the address for the caller is `None` when that fails.
    fn open(&mut self, call: CallHandle, towards: IpAddr, reached: IpAddr) -> Option<SocketAddr> {
        let line = self.lines.get_mut(&call)?;
        let failed = |error: &std::io::Error| warn!(%error, "no ports for a call");
        let pair = self.worker.ports.allocate(towards).inspect_err(failed).ok()?;
        let bound = pair.local().ok()?;
        line.sockets = Some(pair);
        let own = match bound.ip() {
            ip if !ip.is_unspecified() => ip,
            ip if ip.is_ipv4() == reached.is_ipv4() => reached,
            // signalling goes over the other IP version
            ip => address_towards(towards)
                .inspect_err(|error| warn!(%error, "no way to where media is to go"))
                .unwrap_or(ip),
        };
        line.trace.listens(SocketAddr::new(own, bound.port()));
        let advertised = self.worker.advertise.filter(|ip| ip.is_ipv4() == own.is_ipv4());
        Some(SocketAddr::new(advertised.unwrap_or(own), bound.port()))
    }

    fn read(&mut self, now: Time, kinds: &[Kind]) {
        let Running { worker, lines, buffer, .. } = self;
        for (&call, line) in lines {
            let Some(sockets) = &line.sockets else { continue };
            for &kind in kinds {
                for _ in 0..DATAGRAMS_A_PASS {
                    // an error is an empty socket, or an ICMP message about something sent before
                    let Ok((length, remote)) = sockets.of(kind).recv_from(&mut buffer[..]) else { break };
                    let datagram = Datagram { kind, remote, bytes: buffer.get(..length).unwrap_or_default() };
                    line.trace.datagram(now, Direction::In, datagram);
                    worker.calls.handle_datagram(now, call, datagram);
                }
            }
        }
    }

    fn send(&mut self, now: Time, call: CallHandle, datagram: Datagram) {
        if let Some(line) = self.lines.get_mut(&call)
            && let Some(sockets) = &line.sockets
        {
            // what cannot be sent now is late, and so lost: the next packet comes in 20 ms
            let _ = sockets.of(datagram.kind).send_to(&datagram.bytes, datagram.remote);
            line.trace.datagram(now, Direction::Out, datagram.borrowed());
        }
        self.worker.calls.recycle(call, datagram.bytes);
    }
}
