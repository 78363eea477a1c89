//! What happened on the wire, kept for each call as a capture that Wireshark opens: `FOLDER/ID.pcapng`, by the call record's id.
//!
//! ```text
//! signalling ──sip──▶ masked ─┐
//! workers    ──rtp──▶ masked ─┴─ bounded queue ──▶ the thread `trace` ──▶ shelf (files, limits)
//! ```
//!
//! Keys, audio (the password is read back in it) and credentials are masked before anything is queued: past that point there
//! is no secret. Encrypted packets are written as decrypted.
//!
//! Queue: bounded. When it is full, packets are dropped and counted, media first: a thread that serves calls never waits for it
//! or for the disk behind it. A disk that is full or broken costs traces, never a call.

mod book;
mod frame;
pub mod ladder;
pub mod mask;
mod pcapng;
mod shelf;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::warn;

pub use crate::audio::capture::Direction;
use crate::datagram::{Datagram, Kind};
use crate::sip::flow::Flow;
use crate::time::Time;

use book::Book;
use shelf::Shelf;

/// Packets that wait to be written: at 600 calls, a seventh of a second.
const QUEUE: usize = 8192;
/// From here on only signalling is queued.
const MEDIA_QUEUE: usize = QUEUE / 4 * 3;
/// How often buffers are handed to the system: a trace that is read during its call lags by up to this.
const FLUSH: Duration = Duration::from_millis(500);

/// Where traces are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The folder; it is made when it is not there.
    pub folder: PathBuf,
    /// The largest trace of one call, in bytes.
    pub call_bytes: u64,
    /// The most of all traces together, in bytes: the oldest go first.
    pub total_bytes: u64,
    /// The most traces: the oldest go first.
    pub files: usize,
}

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be kept in {}: {source}", folder.display())]
pub struct StartError {
    folder: PathBuf,
    source: std::io::Error,
}

/// Takes in what is to be traced; the default traces nothing. Clones are the same tracer.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

struct Inner {
    sender: SyncSender<Item>,
    /// How many are in the queue.
    waiting: Arc<AtomicUsize>,
    /// Signalling that did not get into the queue.
    dropped: AtomicU64,
    /// The time of day at [`Time::ZERO`], since 1970.
    epoch: Duration,
}

/// One call's own tracer.
pub struct Call {
    tracer: Tracer,
    id: Arc<str>,
    /// Where we receive its RTP.
    local: Option<SocketAddr>,
    dropped: u64,
}

enum Item {
    Sip { at: Duration, direction: Direction, flow: Flow, bytes: Vec<u8> },
    Begin { at: Duration, id: Arc<str>, sip_call_id: String },
    Datagram { at: Duration, direction: Direction, id: Arc<str>, from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    End { at: Duration, id: Arc<str>, dropped: u64 },
}

/// Where the trace of a call is, or would be; `None` for what cannot be a call's id.
pub fn path_of(folder: &Path, id: &str) -> Option<PathBuf> {
    shelf::is_id(id).then(|| folder.join(shelf::file_name(id)))
}

/// Starts the thread that writes. It ends, with everything written, when the last clone of the tracer is gone.
pub fn start(options: &Options, epoch: Duration) -> Result<(Tracer, JoinHandle<()>), StartError> {
    let failed = |source| StartError { folder: options.folder.clone(), source };
    let shelf = Shelf::open(options).map_err(failed)?;
    let (sender, inbox) = sync_channel(QUEUE);
    let waiting = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&waiting);
    let thread = std::thread::Builder::new().name("trace".to_owned()).spawn(move || keep(&inbox, &counter, shelf));
    let inner = Inner { sender, waiting, dropped: AtomicU64::new(0), epoch };
    Ok((Tracer(Some(Arc::new(inner))), thread.map_err(failed)?))
}

impl Tracer {
    /// A SIP message came or goes. It is kept when its Call-ID is, or soon will be, that of a call.
    pub fn sip(&self, now: Time, direction: Direction, flow: &Flow, bytes: &[u8]) {
        let Some(inner) = &self.0 else { return };
        let mut bytes = bytes.to_vec();
        mask::sip(&mut bytes);
        let item = Item::Sip { at: inner.at(now), direction, flow: *flow, bytes };
        if !inner.push(item, QUEUE) && inner.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!("messages missing from traces: the disk is too slow");
        }
    }

    /// A call has got its record's id: what was and will be said under `sip_call_id` belongs to it.
    pub fn call(&self, now: Time, id: &str, sip_call_id: &str) -> Call {
        let id: Arc<str> = id.into();
        if let Some(inner) = &self.0 {
            let sip_call_id = sip_call_id.to_owned();
            inner.push(Item::Begin { at: inner.at(now), id: Arc::clone(&id), sip_call_id }, QUEUE);
        }
        Call { tracer: self.clone(), id, local: None, dropped: 0 }
    }
}

impl Inner {
    fn at(&self, now: Time) -> Duration {
        self.epoch + now.elapsed()
    }

    /// Whether there was room.
    fn push(&self, item: Item, room: usize) -> bool {
        // counted before it is sent: the reader may be quicker than we are, and takes off one for each that it gets
        let sent = self.waiting.fetch_add(1, Ordering::Relaxed) < room && self.sender.try_send(item).is_ok();
        if !sent {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        sent
    }
}

impl Call {
    /// Its RTP is received there, and its RTCP on the next port.
    pub fn listens(&mut self, local: SocketAddr) {
        self.local = Some(local);
    }

    /// A datagram came to, or leaves, the socket of its kind.
    pub fn datagram(&mut self, now: Time, direction: Direction, datagram: Datagram<&[u8]>) {
        let (Some(inner), Some(local)) = (&self.tracer.0, self.local) else { return };
        let Datagram { kind, remote, bytes } = datagram;
        let mut bytes = bytes.to_vec();
        mask::rtp(&mut bytes);
        let port = match kind {
            Kind::Rtp => local.port(),
            Kind::Rtcp => local.port().saturating_add(1),
        };
        let local = SocketAddr::new(local.ip(), port);
        let (from, to) = match direction {
            Direction::In => (remote, local),
            Direction::Out => (local, remote),
        };
        let item = Item::Datagram { at: inner.at(now), direction, id: Arc::clone(&self.id), from, to, bytes };
        self.dropped += u64::from(!inner.push(item, MEDIA_QUEUE));
    }

    /// The call is over.
    pub fn end(self, now: Time) {
        if let Some(inner) = &self.tracer.0 {
            inner.push(Item::End { at: inner.at(now), id: self.id, dropped: self.dropped }, QUEUE);
        }
    }
}

fn keep(inbox: &Receiver<Item>, waiting: &AtomicUsize, shelf: Shelf) {
    let mut book = Book::new(shelf);
    let mut next_flush = std::time::Instant::now() + FLUSH;
    loop {
        let patience = if book.is_idle() { Duration::from_secs(3600) } else { FLUSH };
        let first = match inbox.recv_timeout(patience) {
            Ok(item) => Some(item),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for item in first.into_iter().chain(inbox.try_iter().take(QUEUE)) {
            waiting.fetch_sub(1, Ordering::Relaxed);
            book.enter(item);
        }
        let now = std::time::Instant::now();
        if now >= next_flush {
            book.flush();
            next_flush = now + FLUSH;
        }
    }
    book.close();
}

#[cfg(test)]
mod tests;
