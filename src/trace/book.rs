//! Which message belongs to which call, and what becomes of it in that call's file.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::shelf::{Shelf, Sink};
use super::{Direction, Item, frame, pcapng};
use crate::sip::flow::{Flow, Transport};
use crate::sip::message::{Message, Method};
use crate::sip::wire;

/// Limits for INVITEs that have not become a call: their number, the messages of each, and the time (RFC 3261 §17.1.1.2,
/// timer B).
const MOST_PENDING: usize = 256;
const MOST_MESSAGES: usize = 32;
const PENDING: Duration = Duration::from_secs(32);
/// How long after its end a call's messages are still taken: answers to its BYE, ACK for its refusal, repetitions.
const LINGER: Duration = Duration::from_secs(5);
/// What is kept back of a call's room for signalling.
const FOR_SIGNALLING: u64 = 64 * 1024;
/// A buffer of this size is handed to the system without waiting for its time.
const BUFFER: usize = 64 * 1024;
/// Between two complaints about the disk.
const COMPLAIN: Duration = Duration::from_secs(60);

/// The open traces.
pub(super) struct Book {
    shelf: Shelf,
    pending: HashMap<String, Pending>,
    by_sip_call_id: HashMap<String, Arc<str>>,
    traces: HashMap<Arc<str>, Trace>,
    now: Duration,
    complained: Option<Duration>,
}

struct Pending {
    since: Duration,
    messages: Vec<Said>,
}

struct Said {
    at: Duration,
    direction: Direction,
    flow: Flow,
    bytes: Vec<u8>,
}

struct Trace {
    sip_call_id: String,
    /// `None`: it could not be begun, or was given up.
    file: Option<OpenFile>,
    /// By direction of a stream: the sequence number of its next octet.
    sequences: HashMap<(SocketAddr, SocketAddr), u32>,
    dropped: u64,
    closes_at: Option<Duration>,
}

/// A file being written.
pub(super) struct OpenFile {
    path: PathBuf,
    sink: Box<dyn Sink>,
    buffer: Vec<u8>,
    /// What is on the disk, and with the buffer.
    written: u64,
    length: u64,
}

impl Book {
    pub(super) fn new(shelf: Shelf) -> Book {
        Book {
            shelf,
            pending: HashMap::new(),
            by_sip_call_id: HashMap::new(),
            traces: HashMap::new(),
            now: Duration::ZERO,
            complained: None,
        }
    }

    /// Whether nothing waits for a time.
    pub(super) fn is_idle(&self) -> bool {
        self.traces.is_empty() && self.pending.is_empty()
    }

    pub(super) fn enter(&mut self, item: Item) {
        match item {
            Item::Sip { at, direction, flow, bytes } => {
                self.now = self.now.max(at);
                self.sip(Said { at, direction, flow, bytes });
            }
            Item::Begin { at, id, sip_call_id } => self.begin(at, &id, sip_call_id),
            Item::Datagram { at, direction, id, from, to, bytes } => {
                self.now = self.now.max(at);
                let Some(trace) = self.traces.get_mut(&id) else { return };
                trace.keep(&mut self.shelf, at, direction, &frame::udp(from, to, &bytes), FOR_SIGNALLING);
            }
            Item::End { at, id, dropped } => {
                self.now = self.now.max(at);
                let Some(trace) = self.traces.get_mut(&id) else { return };
                trace.dropped += dropped;
                trace.closes_at = Some(at + LINGER);
                self.write(&id);
            }
        }
    }

    /// Hands what was gathered to the system, and closes what is over. To be called now and then.
    pub(super) fn flush(&mut self) {
        // without packets time stands still here, which only makes a linger longer
        self.now += super::FLUSH;
        let ids: Vec<Arc<str>> = self.traces.keys().cloned().collect();
        for id in ids {
            self.write(&id);
            if self.traces.get(&id).and_then(|trace| trace.closes_at).is_some_and(|at| at <= self.now) {
                self.finish(&id);
            }
        }
        let now = self.now;
        self.pending.retain(|_, pending| pending.since + PENDING > now);
    }

    /// The end of everything.
    pub(super) fn close(&mut self) {
        let ids: Vec<Arc<str>> = self.traces.keys().cloned().collect();
        ids.iter().for_each(|id| self.finish(id));
    }

    fn sip(&mut self, said: Said) {
        let Ok(message) = wire::parse(&said.bytes) else { return };
        let Ok(call_id) = message.headers().call_id() else { return };
        if let Some(id) = self.by_sip_call_id.get(call_id) {
            let Some(trace) = self.traces.get_mut(id) else { return };
            return trace.say(&mut self.shelf, &said);
        }
        let begins = matches!(&message, Message::Request(request) if request.method == Method::Invite)
            && said.direction == Direction::In
            && self.pending.len() < MOST_PENDING;
        if begins {
            self.pending.entry(call_id.to_owned()).or_insert_with(|| Pending { since: said.at, messages: Vec::new() });
        }
        if let Some(pending) = self.pending.get_mut(call_id).filter(|pending| pending.messages.len() < MOST_MESSAGES) {
            pending.messages.push(said);
        }
    }

    fn begin(&mut self, at: Duration, id: &Arc<str>, sip_call_id: String) {
        self.now = self.now.max(at);
        let file = match self.shelf.begin(id) {
            Ok(begun) => begun.map(|(path, sink)| OpenFile::new(path, sink)),
            Err(error) => {
                self.complain(id, &error);
                None
            }
        };
        if let Some(file) = &file {
            self.shelf.grow(file.length);
        }
        let pending = self.pending.remove(&sip_call_id);
        let mut trace =
            Trace { sip_call_id: sip_call_id.clone(), file, sequences: HashMap::new(), dropped: 0, closes_at: None };
        for said in pending.into_iter().flat_map(|pending| pending.messages) {
            trace.say(&mut self.shelf, &said);
        }
        self.by_sip_call_id.insert(sip_call_id, Arc::clone(id));
        self.traces.insert(Arc::clone(id), trace);
    }

    fn write(&mut self, id: &Arc<str>) {
        let Some(trace) = self.traces.get_mut(id) else { return };
        let Some(file) = &mut trace.file else { return };
        let Err(error) = file.write() else { return };
        if let Some(file) = trace.file.take() {
            self.shelf.finish(file.path, file.length);
        }
        self.complain(id, &error);
    }

    fn finish(&mut self, id: &Arc<str>) {
        let now = self.now;
        if let Some(trace) = self.traces.get_mut(id) {
            let dropped = trace.dropped;
            if let Some(file) = &mut trace.file {
                let mut block = Vec::new();
                pcapng::statistics(&mut block, now, dropped);
                self.shelf.grow(block.len() as u64);
                file.push(&block);
            }
        }
        self.write(id);
        if let Some(trace) = self.traces.remove(id) {
            if self.by_sip_call_id.get(&trace.sip_call_id) == Some(id) {
                self.by_sip_call_id.remove(&trace.sip_call_id);
            }
            if let Some(file) = trace.file {
                self.shelf.finish(file.path, file.length);
            }
        }
    }

    fn complain(&mut self, id: &str, error: &std::io::Error) {
        if self.complained.is_none_or(|before| before + COMPLAIN <= self.now) {
            self.complained = Some(self.now);
            warn!(call = id, %error, "trace abandoned, the call goes on (logged once a minute)");
        }
    }
}

impl Trace {
    fn say(&mut self, shelf: &mut Shelf, said: &Said) {
        let Said { at, direction, flow, bytes } = said;
        let (from, to) = match direction {
            Direction::In => (flow.remote, flow.local),
            Direction::Out => (flow.local, flow.remote),
        };
        match flow.transport {
            Transport::Tcp => {
                for piece in bytes.chunks(frame::LONGEST_PAYLOAD) {
                    let acknowledged = self.sequences.get(&(to, from)).copied().unwrap_or(1);
                    let sequence = self.sequences.entry((from, to)).or_insert(1);
                    let packet = frame::tcp(from, to, *sequence, acknowledged, piece);
                    *sequence = sequence.wrapping_add(u32::try_from(piece.len()).unwrap_or(0));
                    self.keep(shelf, *at, *direction, &packet, 0);
                }
            }
            // in TCP, readers take what goes to TLS's ports for ciphertext
            Transport::Udp | Transport::Tls => {
                self.keep(shelf, *at, *direction, &frame::udp(from, to, bytes), 0);
            }
        }
    }

    fn keep(&mut self, shelf: &mut Shelf, at: Duration, direction: Direction, packet: &[u8], kept_back: u64) {
        let limit = shelf.call_bytes();
        let Some(file) = &mut self.file else {
            self.dropped += 1;
            return;
        };
        let mut block = Vec::with_capacity(packet.len() + 64);
        pcapng::packet(&mut block, at, direction, packet);
        let length = block.len() as u64;
        if file.length + length + kept_back.min(limit / 4) > limit || !shelf.grow(length) {
            self.dropped += 1;
            return;
        }
        file.push(&block);
    }
}

impl OpenFile {
    pub(super) fn new(path: PathBuf, sink: Box<dyn Sink>) -> OpenFile {
        let buffer = pcapng::header();
        let length = buffer.len() as u64;
        OpenFile { path, sink, buffer, written: 0, length }
    }

    pub(super) fn push(&mut self, block: &[u8]) {
        self.buffer.extend(block);
        self.length += block.len() as u64;
    }

    /// What cannot be written whole is not written at all: the file ends with its last whole block.
    pub(super) fn write(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        match self.sink.write_all(&self.buffer) {
            Ok(()) => {
                self.written = self.length;
                self.buffer.clear();
                if self.buffer.capacity() > BUFFER {
                    self.buffer.shrink_to(BUFFER);
                }
                Ok(())
            }
            Err(error) => {
                let _ = self.sink.cut(self.written);
                self.buffer = Vec::new();
                Err(error)
            }
        }
    }
}
