//! The server side of the transaction layer (RFC 3261 §17.2).

use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use tracing::trace;

use super::{Layer, Owner, at};
use crate::sip::endpoint::handle::{CallHandle, ServerId};
use crate::sip::endpoint::reply::Reply;
use crate::sip::flow::{Flow, stamp};
use crate::sip::message::{Headers, Method, Request, Via};
use crate::sip::transaction::{AckFor, Fired, InviteServer, MergeKey, Server, ServerKey};
use crate::time::Time;

pub(super) struct ServerEntry {
    machine: ServerMachine,
    key: ServerKey,
    peer: IpAddr,
    merge: Option<MergeKey>,
    flow: Flow,
    via: Via,
    tag: String,
    call: Option<CallHandle>,
}

pub(super) enum ServerMachine {
    Invite(InviteServer),
    Other(Server),
}

impl Layer {
    pub(crate) fn find_server(&self, key: &ServerKey) -> Option<ServerId> {
        self.server_keys.get(key).copied()
    }

    /// Whether a copy of this request is here that came another way (§8.2.2.2).
    pub(crate) fn is_merged(&self, request: &Request, id: ServerId) -> bool {
        MergeKey::of(request).is_some_and(|key| self.merges.get(&key).is_some_and(|&other| other != id))
    }

    /// A request has come: `via` is its topmost, as it came.
    pub(crate) fn open_server(&mut self, key: ServerKey, flow: Flow, via: Via, request: &Request) -> ServerId {
        let id = ServerId(self.id());
        let reliable = flow.transport.is_reliable();
        let machine = if request.method == Method::Invite {
            ServerMachine::Invite(InviteServer::new(reliable))
        } else {
            ServerMachine::Other(Server::new(reliable))
        };
        let outside = request.headers.to().is_ok_and(|to| to.tag().is_none());
        let merge = MergeKey::of(request).filter(|key| outside && !self.merges.contains_key(key));
        if let Some(merge) = &merge {
            self.merges.insert(merge.clone(), id);
        }
        self.server_keys.insert(key.clone(), id);
        let peer = flow.remote.ip();
        *self.peers.entry(peer).or_default() += 1;
        let (flow, tag) = (flow.of_response(&via), self.token());
        self.servers.insert(id, ServerEntry { machine, key, peer, merge, flow, via, tag, call: None });
        id
    }

    /// The To tag of the responses that this transaction sends.
    pub(crate) fn tag(&self, id: ServerId) -> String {
        self.servers.get(&id).map(|entry| entry.tag.clone()).unwrap_or_default()
    }

    /// The responses carry this tag: that of the INVITE which this request cancels.
    pub(crate) fn set_tag(&mut self, id: ServerId, tag: String) {
        if let Some(entry) = self.servers.get_mut(&id) {
            entry.tag = tag;
        }
    }

    /// The transaction is part of this call.
    pub(crate) fn assign(&mut self, id: ServerId, call: CallHandle) {
        if let Some(entry) = self.servers.get_mut(&id) {
            entry.call = Some(call);
        }
    }

    pub(crate) fn call_of(&self, id: ServerId) -> Option<CallHandle> {
        self.servers.get(&id)?.call
    }

    /// The way of the transaction's responses.
    pub(crate) fn flow_of(&self, id: ServerId) -> Option<Flow> {
        self.servers.get(&id).map(|entry| entry.flow)
    }

    /// The same request has come again.
    pub(crate) fn repeat(&mut self, id: ServerId) {
        let Some(entry) = self.servers.get(&id) else { return };
        let response = match &entry.machine {
            ServerMachine::Invite(machine) => machine.repeated(),
            ServerMachine::Other(machine) => machine.repeated(),
        };
        if let Some(response) = response {
            let bytes = response.to_vec();
            self.send_response(id, bytes);
        }
    }

    /// An ACK has come that matches the transaction.
    pub(crate) fn acknowledge(&mut self, now: Time, id: ServerId) -> AckFor {
        let Some(entry) = self.servers.get_mut(&id) else { return AckFor::Dialog };
        let ServerMachine::Invite(machine) = &mut entry.machine else { return AckFor::Transaction };
        let whom = machine.acknowledge(now, &self.config.timers);
        self.settle_server(id);
        whom
    }

    /// Sends a response and returns its bytes; none when the transaction is over, or has had its final response.
    pub(crate) fn respond(&mut self, now: Time, id: ServerId, request: &Headers, reply: Reply) -> Option<Vec<u8>> {
        let entry = self.servers.get_mut(&id)?;
        let status = reply.status;
        let bytes = reply.to(Some(&self.config), request, &entry.tag).to_bytes();
        let fits = match &mut entry.machine {
            ServerMachine::Invite(machine) => machine.respond(now, &self.config.timers, status, &bytes),
            ServerMachine::Other(machine) => machine.respond(now, &self.config.timers, &bytes),
        };
        if fits {
            self.send_response(id, bytes.clone());
        }
        self.settle_server(id);
        fits.then_some(bytes)
    }

    /// Sends these bytes the transaction's way.
    fn send_response(&mut self, id: ServerId, bytes: Vec<u8>) {
        let Some(entry) = self.servers.get(&id) else { return };
        let (flow, via) = (entry.flow, entry.via.clone());
        self.transmit_response(flow, &via, bytes);
    }

    /// Answers without a transaction (§8.2.7): repetitions get the same answer, with the same tag.
    pub(crate) fn respond_stateless(&mut self, flow: Flow, request: &Headers, reply: Reply) {
        let tag = format!("{:016x}", self.stateless_tag(request));
        let bytes = reply.to(Some(&self.config), request, &tag).to_bytes();
        match request.top_via() {
            Ok(via) => self.transmit_response(flow, &via, bytes),
            Err(_) => self.transmit(flow, bytes),
        }
    }

    /// The same for a peer that has proved nothing, whose request had `size` octets: back to where that came from, and over UDP no larger
    /// if that can be, since the source may be forged.
    pub(crate) fn respond_briefly(&mut self, flow: Flow, size: usize, request: &Headers, reply: Reply) {
        // 32 bits are what §19.3 asks for
        let tag = format!("{:08x}", self.stateless_tag(request) & 0xffff_ffff);
        let via = request.top_via().ok();
        let back = via.as_ref().map_or(flow, |via| flow.of_brief_response(via));
        let write = |reply: Reply| {
            let mut response = reply.to(None, request, &tag);
            if let Some(mut via) = via.clone() {
                stamp(&mut via, flow.remote);
                response.headers.set_top_via(&via);
            }
            response
        };
        let full = write(reply.clone());
        let fits = |bytes: &Vec<u8>| flow.transport.is_reliable() || bytes.len() <= size;
        let bytes = Some(full.to_bytes()).filter(fits).or_else(|| Some(full.to_compact_bytes()).filter(fits));
        self.transmit(back, bytes.unwrap_or_else(|| write(reply.bare()).to_compact_bytes()));
    }

    /// The same for the same request.
    fn stateless_tag(&self, request: &Headers) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.tag_secret.hash(&mut hasher);
        ["Via", "From", "Call-ID", "CSeq"].map(|name| request.first(name)).hash(&mut hasher);
        hasher.finish()
    }

    /// A connection is closed: responses will need another one (§18.2.2).
    pub(crate) fn leave_connection(&mut self, connection: u64) {
        for entry in self.servers.values_mut().filter(|entry| entry.flow.connection == Some(connection)) {
            entry.flow = entry.flow.without_connection(&entry.via);
        }
    }

    /// Forgets the transactions whose responses find no way, and says which calls they were part of.
    pub(crate) fn abandon_servers(&mut self, is_gone: impl Fn(Flow) -> bool) -> Vec<(ServerId, CallHandle)> {
        let gone = self.servers.iter().filter(|(_, entry)| is_gone(entry.flow));
        let mut gone: Vec<(ServerId, Option<CallHandle>)> = gone.map(|(id, entry)| (*id, entry.call)).collect();
        gone.sort();
        gone.iter().for_each(|(id, _)| self.remove_server(*id));
        gone.into_iter().filter_map(|(id, call)| Some((id, call?))).collect()
    }

    /// Lets the timers of a server transaction fire.
    pub(crate) fn wake_server(&mut self, now: Time, id: ServerId) {
        let Some(entry) = self.servers.get_mut(&id) else { return };
        let fired = match &mut entry.machine {
            ServerMachine::Invite(machine) => machine.handle_timeout(now),
            ServerMachine::Other(machine) => {
                machine.handle_timeout(now);
                Fired::Nothing
            }
        };
        match fired {
            Fired::Retransmit(bytes) => self.send_response(id, bytes),
            Fired::GaveUp => trace!(?id, "the response was never acknowledged"),
            Fired::Nothing => {}
        }
        self.settle_server(id);
    }

    fn settle_server(&mut self, id: ServerId) {
        let Some(entry) = self.servers.get(&id) else { return };
        let (over, deadline) = match &entry.machine {
            ServerMachine::Invite(machine) => (machine.is_terminated(), machine.deadline()),
            ServerMachine::Other(machine) => (machine.is_terminated(), machine.deadline()),
        };
        self.agenda.set(Owner::Server(id), at(deadline));
        if over {
            self.remove_server(id);
        }
    }

    /// Forgets a server transaction, whatever its state.
    pub(crate) fn remove_server(&mut self, id: ServerId) {
        let Some(entry) = self.servers.remove(&id) else { return };
        self.agenda.set(Owner::Server(id), None);
        self.server_keys.remove(&entry.key);
        if let Entry::Occupied(mut count) = self.peers.entry(entry.peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if let Some(merge) = entry.merge {
            self.merges.remove(&merge);
        }
    }
}
