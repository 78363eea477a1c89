//! The client side of the transaction layer (RFC 3261 §17.1).

use super::{Layer, Owner, Purpose, at};
use crate::sip::endpoint::handle::ClientId;
use crate::sip::flow::{Flow, Transport};
use crate::sip::message::{CSeq, Method, Request, Response, Via};
use crate::sip::transaction::{Arrival, Client, ClientKey, Fired, InviteClient};
use crate::time::Time;

pub(super) struct ClientEntry {
    machine: ClientMachine,
    key: ClientKey,
    purpose: Purpose,
    flow: Flow,
    /// Without the body, to make ACK and CANCEL from.
    request: Request,
    /// A request too large for UDP falls back on it when no connection can be opened: the way by UDP and the whole request,
    /// kept until there is a response.
    spare: Option<Box<(Flow, Request)>>,
    /// The ACKs that were sent, to be sent again when the response is: by To tag, since forks answer apart.
    acks: Vec<Acknowledged>,
}

pub(super) enum ClientMachine {
    Invite(InviteClient),
    Other(Client),
}

pub(super) struct Acknowledged {
    to_tag: Option<String>,
    flow: Flow,
    bytes: Vec<u8>,
    spare: Option<Box<(Flow, Request)>>,
}

impl ClientEntry {
    fn is_answered(&self) -> bool {
        match &self.machine {
            ClientMachine::Invite(machine) => machine.is_answered(),
            ClientMachine::Other(machine) => machine.is_answered(),
        }
    }
}

/// A larger request does not go by UDP where the path's MTU is not known (§18.1.1).
const LARGEST_DATAGRAM: usize = 1300;

/// The limit of forks of one INVITE whose answers are kept apart.
const MAX_FORKS: usize = 8;

impl Layer {
    /// Sends a request, to which Via is added, in a transaction of its own. Each call has few of them; where there may be
    /// many, [`has_room`](Self::has_room) is asked first.
    pub(crate) fn send(&mut self, now: Time, flow: Flow, mut request: Request, purpose: Purpose) -> ClientId {
        let branch = self.branch();
        let (flow, spare) = self.carry(flow, &mut request, &branch);
        let id = self.send_as(now, flow, request, branch, purpose);
        if let Some(entry) = self.clients.get_mut(&id) {
            entry.spare = spare;
        }
        id
    }

    /// Adds Via. A request that is too large for UDP is given another way, by TCP, and the one by UDP is kept to fall back
    /// on (§18.1.1).
    fn carry(&self, flow: Flow, request: &mut Request, branch: &str) -> (Flow, Option<Box<(Flow, Request)>>) {
        let flow = flow.leaving_home(&self.config.listening);
        request.headers.push_front("Via", flow.via(branch).to_string());
        if flow.transport != Transport::Udp || request.to_bytes().len() <= LARGEST_DATAGRAM {
            return (flow, None);
        }
        let spare = Box::new((flow, request.clone()));
        let flow = Flow { transport: Transport::Tcp, ..flow }.leaving_home(&self.config.listening);
        request.headers.set_top_via(&flow.via(branch));
        (flow, Some(spare))
    }

    fn send_as(&mut self, now: Time, flow: Flow, mut request: Request, branch: String, purpose: Purpose) -> ClientId {
        let bytes = request.to_bytes();
        self.transmit(flow, bytes.clone());
        let machine = self.machine(now, flow, &request.method, bytes);
        let key = ClientKey { branch, method: request.method.clone() };
        let id = ClientId(self.id());
        request.body.clear();
        self.client_keys.insert(key.clone(), id);
        self.clients.insert(id, ClientEntry { machine, key, purpose, flow, request, spare: None, acks: Vec::new() });
        self.settle_client(id);
        id
    }

    fn machine(&self, now: Time, flow: Flow, method: &Method, bytes: Vec<u8>) -> ClientMachine {
        let (timers, reliable) = (&self.config.timers, flow.transport.is_reliable());
        if *method == Method::Invite {
            // long enough for the call to cancel it first
            let patience = self.config.setup_limit + timers.give_up() * 2;
            ClientMachine::Invite(InviteClient::new(now, timers, reliable, bytes, patience))
        } else {
            ClientMachine::Other(Client::new(now, timers, reliable, bytes))
        }
    }

    /// Requests that went by TCP for their size alone go by UDP after all, since no connection could be opened (§18.1.1).
    pub(crate) fn fall_back(&mut self, now: Time, is_gone: impl Fn(Flow) -> bool) {
        let mut ids: Vec<ClientId> = self.clients.keys().copied().collect();
        ids.sort();
        for id in ids {
            let Some(entry) = self.clients.get_mut(&id) else { continue };
            let mut again = Vec::new();
            for ack in entry.acks.iter_mut().filter(|ack| is_gone(ack.flow)) {
                let Some((flow, request)) = ack.spare.take().map(|spare| *spare) else { continue };
                (ack.flow, ack.bytes) = (flow, request.to_bytes());
                again.push((flow, ack.bytes.clone()));
            }
            if let Some((flow, mut request)) = entry.spare.take_if(|_| is_gone(entry.flow)).map(|spare| *spare) {
                let bytes = request.to_bytes();
                again.push((flow, bytes.clone()));
                let machine = self.machine(now, flow, &request.method, bytes);
                request.body.clear();
                if let Some(entry) = self.clients.get_mut(&id) {
                    (entry.flow, entry.request, entry.machine) = (flow, request, machine);
                }
                self.settle_client(id);
            }
            again.into_iter().for_each(|(flow, bytes)| self.transmit(flow, bytes));
        }
    }

    fn branch(&mut self) -> String {
        format!("{}{}", Via::COOKIE, self.token())
    }

    /// Sends a CANCEL for this INVITE (§9.1): the same Request-URI, branch, Route, From, To, Call-ID and number.
    pub(crate) fn cancel(&mut self, now: Time, id: ClientId, reason: Option<&str>) {
        let Some(entry) = self.clients.get(&id) else { return };
        let mut request = derived(&entry.request, Method::Cancel, entry.request.headers.first("To"));
        if let Some(reason) = reason {
            request.headers.push("Reason", reason);
        }
        let (flow, branch) = (entry.flow, entry.key.branch.clone());
        self.send_as(now, flow, request, branch, Purpose::Forgotten);
    }

    /// A response has come: its transaction, if the response is new to it. Failures of INVITE are acknowledged here.
    pub(crate) fn receive(&mut self, now: Time, response: &Response) -> Option<(ClientId, Purpose)> {
        let id = *self.client_keys.get(&ClientKey::of(response).ok()?)?;
        let entry = self.clients.get_mut(&id)?;
        entry.spare = None;
        let purpose = entry.purpose;
        let arrival = match &mut entry.machine {
            ClientMachine::Invite(machine) => {
                let arrival = machine.receive(now, &self.config.timers, response.status);
                if response.status >= 300 && arrival != Arrival::Stale {
                    let (flow, bytes) = (entry.flow, failure_ack(&entry.request, response));
                    self.transmit(flow, bytes);
                }
                arrival
            }
            ClientMachine::Other(machine) => machine.receive(now, &self.config.timers, response.status),
        };
        self.settle_client(id);
        (arrival == Arrival::New).then_some((id, purpose))
    }

    /// Sends the ACK for a 2xx and keeps it for when the 2xx comes again.
    pub(crate) fn send_ack(&mut self, id: ClientId, flow: Flow, mut ack: Request) {
        let branch = self.branch();
        let (flow, spare) = self.carry(flow, &mut ack, &branch);
        let bytes = ack.to_bytes();
        self.transmit(flow, bytes.clone());
        let to_tag = ack.headers.to().ok().and_then(|to| to.tag().map(str::to_owned));
        if let Some(entry) = self.clients.get_mut(&id).filter(|entry| entry.acks.len() < MAX_FORKS) {
            entry.acks.push(Acknowledged { to_tag, flow, bytes, spare });
        }
    }

    /// Sends the ACK for this 2xx again; false when it was not acknowledged before.
    pub(crate) fn ack_again(&mut self, id: ClientId, to_tag: Option<&str>) -> bool {
        let Some(entry) = self.clients.get(&id) else { return false };
        let Some(known) = entry.acks.iter().find(|ack| ack.to_tag.as_deref() == to_tag) else { return false };
        let (flow, bytes) = (known.flow, known.bytes.clone());
        self.transmit(flow, bytes);
        true
    }

    /// The INVITE that another fork has answered, and its way; none when the forks are too many to keep apart.
    pub(crate) fn another_fork(&self, id: ClientId) -> Option<(Request, Flow)> {
        let entry = self.clients.get(&id).filter(|entry| entry.acks.len() < MAX_FORKS)?;
        Some((entry.request.clone(), entry.flow))
    }

    /// Forgets the unanswered transactions whose way is gone, and says what they were for.
    pub(crate) fn abandon_clients(&mut self, is_gone: impl Fn(Flow) -> bool) -> Vec<(ClientId, Purpose)> {
        let gone = self.clients.iter().filter(|(_, entry)| is_gone(entry.flow) && !entry.is_answered());
        let mut gone: Vec<(ClientId, Purpose)> = gone.map(|(id, entry)| (*id, entry.purpose)).collect();
        gone.sort_by_key(|(id, _)| *id);
        gone.iter().for_each(|(id, _)| self.remove_client(*id));
        gone
    }

    /// Lets the timers of a client transaction fire; what it was for when it has given up.
    pub(crate) fn wake_client(&mut self, now: Time, id: ClientId) -> Option<(ClientId, Purpose)> {
        let entry = self.clients.get_mut(&id)?;
        let (flow, purpose) = (entry.flow, entry.purpose);
        let fired = match &mut entry.machine {
            ClientMachine::Invite(machine) => machine.handle_timeout(now),
            ClientMachine::Other(machine) => machine.handle_timeout(now),
        };
        self.settle_client(id);
        match fired {
            Fired::Nothing => None,
            Fired::Retransmit(bytes) => {
                self.transmit(flow, bytes);
                None
            }
            Fired::GaveUp => Some((id, purpose)),
        }
    }

    fn settle_client(&mut self, id: ClientId) {
        let Some(entry) = self.clients.get(&id) else { return };
        let (over, deadline) = match &entry.machine {
            ClientMachine::Invite(machine) => (machine.is_terminated(), machine.deadline()),
            ClientMachine::Other(machine) => (machine.is_terminated(), machine.deadline()),
        };
        self.agenda.set(Owner::Client(id), at(deadline));
        if over {
            self.remove_client(id);
        }
    }

    /// Forgets a client transaction, whatever its state.
    pub(crate) fn remove_client(&mut self, id: ClientId) {
        if let Some(entry) = self.clients.remove(&id) {
            self.agenda.set(Owner::Client(id), None);
            self.client_keys.remove(&entry.key);
        }
    }
}

/// The ACK for a failure response (§17.1.1.3): the INVITE's topmost Via and routes, the response's To.
fn failure_ack(invite: &Request, response: &Response) -> Vec<u8> {
    derived(invite, Method::Ack, response.headers.first("To")).to_bytes()
}

/// ACK or CANCEL, which copy the header fields that bind them to the INVITE.
fn derived(invite: &Request, method: Method, to: Option<&str>) -> Request {
    let mut request = Request::new(method.clone(), invite.uri.clone());
    for name in ["Via", "Max-Forwards", "Route", "From", "Call-ID"] {
        let values: Vec<&str> = invite.headers.all(name).collect();
        values.into_iter().for_each(|value| request.headers.push(name, value));
    }
    request.headers.push("To", to.unwrap_or_default());
    if let Ok(cseq) = invite.headers.cseq() {
        request.headers.push("CSeq", CSeq { number: cseq.number, method }.to_string());
    }
    request
}
