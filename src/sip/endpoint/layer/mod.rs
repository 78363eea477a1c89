//! The transaction layer: the bounded tables of server and client transactions, found by their keys, and the messages
//! that they send. It knows nothing of calls.

mod clients;
mod servers;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::handle::{CallHandle, ClientId, ServerId};
use super::origin::Origin;
use super::{Config, Event, Output, Transmit};
use crate::sip::flow::Flow;
use crate::sip::message::Via;
use crate::sip::timer::{Agenda, Timer};
use crate::sip::transaction::{ClientKey, MergeKey, ServerKey};
use crate::time::Time;
use clients::ClientEntry;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use servers::ServerEntry;

/// The owner of a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Owner {
    Server(ServerId),
    Client(ClientId),
    Call(CallHandle),
    /// The registrar.
    Registrations,
    /// The requests of strangers that wait for the application.
    Strangers,
}

/// The purpose of a client transaction: where its responses go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The INVITE that places a call.
    Place(CallHandle),
    /// A re-INVITE or UPDATE.
    Change(CallHandle),
    /// The BYE that the call waits for.
    Bye(CallHandle),
    /// An INFO.
    Info(CallHandle),
    /// A registration of our own.
    Register,
    /// CANCEL, PRACK, and a BYE whose answer does not matter.
    Forgotten,
}

pub(super) struct Layer {
    pub config: Config,
    pub agenda: Agenda<Owner>,
    pub rng: StdRng,
    outputs: VecDeque<Output>,
    servers: HashMap<ServerId, ServerEntry>,
    server_keys: HashMap<ServerKey, ServerId>,
    merges: HashMap<MergeKey, ServerId>,
    /// Server transactions by peer.
    peers: HashMap<IpAddr, usize>,
    clients: HashMap<ClientId, ClientEntry>,
    client_keys: HashMap<ClientKey, ClientId>,
    next_id: u64,
    tag_secret: u64,
}

impl Layer {
    pub(super) fn new(config: Config, seed: u64) -> Layer {
        let mut rng = StdRng::seed_from_u64(seed);
        let tag_secret = rng.random();
        Layer {
            config,
            agenda: Agenda::default(),
            rng,
            outputs: VecDeque::new(),
            servers: HashMap::new(),
            server_keys: HashMap::new(),
            merges: HashMap::new(),
            peers: HashMap::new(),
            clients: HashMap::new(),
            client_keys: HashMap::new(),
            next_id: 0,
            tag_secret,
        }
    }

    /// A random token for tags, branches and Call-IDs.
    pub(super) fn token(&mut self) -> String {
        format!("{:016x}", self.rng.random::<u64>())
    }

    pub(super) fn transmit(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Transmit(Transmit { flow, bytes, otherwise: None }));
    }

    /// A response to a request whose topmost Via was `via`.
    pub(super) fn transmit_response(&mut self, flow: Flow, via: &Via, bytes: Vec<u8>) {
        let otherwise = flow.connection.map(|_| flow.without_connection(via).remote);
        self.outputs.push_back(Output::Transmit(Transmit { flow, bytes, otherwise }));
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Timeout(self.agenda.next()))
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The entries of each table.
    #[cfg(test)]
    pub fn census(&self) -> [usize; 6] {
        let servers = [self.servers.len(), self.server_keys.len(), self.merges.len()];
        let clients = [self.clients.len(), self.client_keys.len(), self.agenda.len()];
        [servers[0], servers[1], servers[2], clients[0], clients[1], clients[2]]
    }

    /// Whether there is no transaction and no deadline.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.census() == [0; 6]
    }

    /// Whether half of the room for transactions is taken.
    pub(super) fn is_half_full(&self) -> bool {
        self.servers.len() + self.clients.len() > self.config.max_transactions / 2
    }

    /// Whether there is room for another transaction. Requests that start something new leave an eighth to the others.
    pub(super) fn has_room(&self, starts: bool) -> bool {
        self.has_room_beside(if starts { self.config.max_transactions / 8 } else { 0 })
    }

    /// The same for a request that has come: one peer leaves room for the others, and what is kept for trusted ones.
    pub(super) fn room_for(&self, starts: bool, origin: &Origin) -> Result<(), &'static str> {
        let most = self.config.max_transactions;
        let kept = if starts && origin.proved.is_some() { most * self.config.reserved / 100 } else { 0 };
        let of_peer = self.peers.get(&origin.flow.remote.ip()).copied().unwrap_or_default();
        if !self.has_room(starts) || !self.has_room_beside(kept) {
            return Err("too many requests are being answered: [limits] transactions, reserved_for_trusted");
        }
        if starts && of_peer >= self.config.max_transactions_per_peer {
            return Err("too many requests of its peer are being answered: [limits] transactions_per_peer");
        }
        Ok(())
    }

    fn has_room_beside(&self, kept: usize) -> bool {
        self.servers.len() + self.clients.len() < self.config.max_transactions.saturating_sub(kept)
    }
}

fn at(deadline: Option<(Time, Timer)>) -> Option<Time> {
    deadline.map(|(time, _)| time)
}
