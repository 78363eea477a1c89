//! The open stream connections: counted, and found by their id or by whom they lead to.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::sip::endpoint::Transmit;
use crate::sip::flow::Transport;

/// Messages waiting for one connection's peer to read them.
const CONNECTION_QUEUE: usize = 64;

/// All connections.
pub(super) struct Registry {
    most: usize,
    most_per_peer: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    open: HashMap<u64, Entry>,
    by_remote: HashMap<(Transport, SocketAddr), u64>,
    peers: HashMap<IpAddr, usize>,
    last: u64,
}

struct Entry {
    transport: Transport,
    remote: SocketAddr,
    /// None once it was given up: its task ends, and gives back its place only then.
    outgoing: Option<mpsc::Sender<Transmit>>,
}

/// A connection's place among the others; given back when dropped.
pub(super) struct Place {
    registry: Arc<Registry>,
    pub id: u64,
}

/// Why a message was not taken.
pub(super) enum Refusal {
    /// There is no such connection, or not any more.
    Gone(Box<Transmit>),
    /// Its peer does not read: it has been given up.
    Stuck,
}

impl Registry {
    pub(super) fn new(most: usize, most_per_peer: usize) -> Arc<Registry> {
        Arc::new(Registry { most, most_per_peer, entries: Mutex::default() })
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection, and what is to be sent on it; none when too many are open, in all or with this peer.
    pub(super) fn register(
        self: &Arc<Self>,
        transport: Transport,
        remote: SocketAddr,
    ) -> Option<(Place, mpsc::Receiver<Transmit>)> {
        let mut entries = self.entries();
        let with_peer = entries.peers.get(&remote.ip()).copied().unwrap_or(0);
        if entries.open.len() >= self.most || with_peer >= self.most_per_peer {
            return None;
        }
        entries.last += 1;
        let id = entries.last;
        let (sender, outgoing) = mpsc::channel(CONNECTION_QUEUE);
        entries.open.insert(id, Entry { transport, remote, outgoing: Some(sender) });
        entries.by_remote.insert((transport, remote), id);
        entries.peers.insert(remote.ip(), with_peer + 1);
        Some((Place { registry: Arc::clone(self), id }, outgoing))
    }

    /// Hands a message to the connection that its flow names, or else to one that leads to the same place.
    pub(super) fn hand_over(&self, message: Transmit) -> Result<(), Refusal> {
        let mut entries = self.entries();
        let flow = message.flow;
        let id = flow.connection.or_else(|| entries.by_remote.get(&(flow.transport, flow.remote)).copied());
        let Some(entry) = id.and_then(|id| entries.open.get_mut(&id)) else {
            return Err(Refusal::Gone(Box::new(message)));
        };
        let Some(outgoing) = &entry.outgoing else { return Err(Refusal::Stuck) };
        match outgoing.try_send(message) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(message)) => Err(Refusal::Gone(Box::new(message))),
            Err(mpsc::error::TrySendError::Full(_)) => {
                entry.outgoing = None;
                Err(Refusal::Stuck)
            }
        }
    }

    /// How many connections are open.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.entries().open.len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut entries = self.registry.entries();
        let Some(Entry { transport, remote, .. }) = entries.open.remove(&self.id) else { return };
        if entries.by_remote.get(&(transport, remote)) == Some(&self.id) {
            entries.by_remote.remove(&(transport, remote));
        }
        if let Some(count) = entries.peers.get_mut(&remote.ip()) {
            *count -= 1;
            if *count == 0 {
                entries.peers.remove(&remote.ip());
            }
        }
    }
}
