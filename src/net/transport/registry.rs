//! The open stream connections: counted, and found by their id or by whom they lead to.
//!
//! Some places only trusted peers may take. Where there is none left, the oldest connection of a stranger that has not carried one
//! message makes room.

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
    /// Of all places, those for trusted peers alone.
    reserved: usize,
    trusted: Trusted,
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
    /// It may be given up for another: a stranger's, which has not carried a message.
    is_silent: bool,
}

impl Entries {
    /// Places taken by connections that were not given up.
    fn taken(&self) -> usize {
        self.open.values().filter(|entry| entry.outgoing.is_some()).count()
    }

    /// Gives up the oldest connection that has carried nothing; whether there was one.
    fn make_room(&mut self) -> bool {
        let silent = self.open.iter_mut().filter(|(_, entry)| entry.is_silent && entry.outgoing.is_some());
        let oldest = silent.min_by_key(|(id, _)| **id);
        oldest.map(|(_, entry)| entry.outgoing = None).is_some()
    }
}

/// Whether a peer is one that the configuration trusts.
pub(super) type Trusted = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

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
    pub(super) fn new(most: usize, most_per_peer: usize, reserved: usize, trusted: Trusted) -> Arc<Registry> {
        Arc::new(Registry { most, most_per_peer, reserved, trusted, entries: Mutex::default() })
    }

    /// Whether the configuration trusts this peer.
    pub(super) fn trusts(&self, remote: SocketAddr) -> bool {
        (self.trusted)(remote.ip())
    }

    /// The peer has opened this connection; until it has sent a message, that may have to make room for another.
    pub(super) fn is_accepted(&self, id: u64, remote: SocketAddr) {
        let is_silent = !self.trusts(remote);
        if let Some(entry) = self.entries().open.get_mut(&id) {
            entry.is_silent = is_silent;
        }
    }

    /// A whole message has come on this connection.
    pub(super) fn has_spoken(&self, id: u64) {
        if let Some(entry) = self.entries().open.get_mut(&id) {
            entry.is_silent = false;
        }
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
        let is_trusted = self.trusts(remote);
        let most = if is_trusted { self.most } else { self.most.saturating_sub(self.reserved) };
        let mut entries = self.entries();
        let with_peer = entries.peers.get(&remote.ip()).copied().unwrap_or(0);
        // one that was given up holds its descriptor until its task has ended
        let is_crowded = entries.open.len() >= self.most.saturating_mul(2);
        if with_peer >= self.most_per_peer || is_crowded || (entries.taken() >= most && !entries.make_room()) {
            return None;
        }
        entries.last += 1;
        let id = entries.last;
        let (sender, outgoing) = mpsc::channel(CONNECTION_QUEUE);
        entries.open.insert(id, Entry { transport, remote, outgoing: Some(sender), is_silent: false });
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

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: [u8; 4] = [192, 0, 2, 1];

    fn accept(registry: &Arc<Registry>, ip: [u8; 4], port: u16) -> Option<(Place, mpsc::Receiver<Transmit>)> {
        let remote = SocketAddr::from((ip, port));
        let accepted = registry.register(Transport::Tcp, remote)?;
        registry.is_accepted(accepted.0.id, remote);
        Some(accepted)
    }

    fn is_given_up(registry: &Registry, id: u64) -> bool {
        registry.entries().open.get(&id).is_none_or(|entry| entry.outgoing.is_none())
    }

    #[test]
    fn silent_strangers_make_room_for_each_other_and_never_take_the_places_of_trusted_peers() {
        let registry = Registry::new(8, 100, 2, Arc::new(|ip| ip == IpAddr::from(GATEWAY)));
        let strangers: Vec<_> = (0..7).filter_map(|port| accept(&registry, [203, 0, 113, 9], 1000 + port)).collect();
        assert_eq!(strangers.len(), 7);
        let given_up: Vec<bool> = strangers.iter().map(|(place, _)| is_given_up(&registry, place.id)).collect();
        assert_eq!(given_up, [true, false, false, false, false, false, false]);
        // those that have spoken stay
        strangers.iter().for_each(|(place, _)| registry.has_spoken(place.id));
        assert!(accept(&registry, [203, 0, 113, 10], 1).is_none());
        let trusted: Vec<_> = (0..3).filter_map(|port| accept(&registry, GATEWAY, 1000 + port)).collect();
        assert_eq!(trusted.len(), 2, "its own places");
        assert!(trusted.iter().all(|(place, _)| !is_given_up(&registry, place.id)));
    }
}
