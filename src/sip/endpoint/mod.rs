//! The endpoint: a user agent server, and a small user agent client, over transactions and dialogs (RFC 3261 §8, §13–§15).
//!
//! Messages go in with [`Endpoint::handle_message`], time with [`Endpoint::handle_timeout`], the application's decisions with
//! the commands; what is to be done comes out of [`Endpoint::poll_output`].
//!
//! | file | what it does |
//! |---|---|
//! | `command`, `event`, `handle`, `config` | what passes between the application and the endpoint |
//! | `call`, `peer`, `origin` | what is remembered of a call, of its far end, and of where a request came from |
//! | `negotiation` | offer and answer in one dialog: what may come and go |
//! | `uas` | requests outside of dialogs: admission, INVITE, CANCEL, the answer |
//! | `in_dialog` | requests in dialogs: ACK, re-INVITE, UPDATE, INFO, BYE |
//! | `progress`, `reliable` | provisional responses and PRACK |
//! | `uac`, `early` | calls that we place: responses, early dialogs, forks |
//! | `change`, `session_timer` | re-INVITEs and UPDATEs of ours: offers and refreshes |
//! | `hang_up` | BYE and CANCEL of ours, and the deadlines of a call |
//! | `failure` | lost connections and unreachable destinations |
//! | `registering`, `registrations` | REGISTER, and callers that prove their line |
//! | `strangers` | requests of peers that have proved nothing: one answer each, without a transaction |
//! | `prove`, `own_registration` | challenges that we answer, and registrations of our own |
//! | `layer` | the transactions: their tables, and what they send |
//! | `reply`, `body`, `refused` | responses, session descriptions in bodies, reports of refused INVITEs |
//!
//! Architecture invariant: no table grows without a bound, and all randomness comes from the seed. Whether an offer may come
//! or go is asked of the negotiation and of nothing else.

mod body;
mod call;
mod change;
mod command;
mod config;
mod early;
mod event;
mod failure;
mod handle;
mod hang_up;
mod in_dialog;
mod layer;
mod negotiation;
mod origin;
mod own_registration;
mod peer;
mod progress;
mod prove;
mod refused;
mod registering;
mod registrations;
mod reliable;
mod reply;
mod session_timer;
mod strangers;
mod uac;
mod uas;

pub use command::{CommandError, Judged, Outgoing, Registered, Registration, Rejection, Ruling, Verdict};
pub use config::{Admission, Config, RegistrarConfig};
pub use event::{EndCause, Event, IdentityFacts, Incoming, Output, Registering, Stranger, Transmit};
pub use handle::{CallHandle, RegisterHandle, StrangerHandle};
pub use refused::{Refused, Turned, TurnedAway};

use std::collections::HashMap;

use rand::RngExt;
use tracing::debug;

use self::call::Call;
use self::layer::{Layer, Owner};
use self::own_registration::OwnRegistration;
use self::registrations::Registrations;
use self::reliable::Departed;
use self::reply::Reply;
use self::strangers::Strangers;
use crate::sip::dialog::DialogId;
use crate::sip::digest::Account;
use crate::sip::flow::{self, Flow};
use crate::sip::message::{Headers, Message, Method};
use crate::sip::wire::{self, ParseError, Reject};
use crate::time::Time;

/// One SIP user agent with any number of calls, over any number of transports.
pub struct Endpoint {
    layer: Layer,
    calls: HashMap<CallHandle, Call>,
    /// The dialogs of these calls, early ones too.
    dialogs: HashMap<DialogId, CallHandle>,
    departed: Departed,
    admission: Admission,
    registrations: Option<Registrations>,
    strangers: Strangers,
    account: Option<Account>,
    own_registration: OwnRegistration,
    last_call: u64,
}

impl Endpoint {
    /// An endpoint without calls. Tags, branches and Call-IDs follow from `seed`, which should be unguessable in service.
    pub fn new(config: Config, seed: u64) -> Endpoint {
        let mut layer = Layer::new(config, seed);
        let registrar = layer.config.registrar.clone();
        let registrations = registrar.map(|config| Registrations::new(&config, layer.rng.random()));
        Endpoint {
            layer,
            calls: HashMap::new(),
            dialogs: HashMap::new(),
            departed: Departed::default(),
            admission: Admission::Open,
            registrations,
            strangers: Strangers::default(),
            account: None,
            own_registration: OwnRegistration::default(),
            last_call: 0,
        }
    }

    /// One datagram, or one framed message of a stream, has come.
    pub fn handle_message(&mut self, now: Time, flow: Flow, bytes: &[u8]) {
        match wire::parse(bytes) {
            Ok(Message::Request(request)) => self.receive_request(now, flow, request),
            Ok(Message::Response(response)) => self.receive_response(now, &response),
            Err(ParseError::Drop(fault)) => debug!(%fault, "dropped bytes that are no SIP message"),
            Err(ParseError::Reject(reject)) => self.refuse_malformed(flow, *reject),
        }
    }

    /// Fires the timers that are due; to be called at the time of the last [`Output::Timeout`], or later.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(owner) = self.layer.agenda.pop_due(now) {
            match owner {
                Owner::Server(id) => self.layer.wake_server(now, id),
                Owner::Client(id) => {
                    if let Some((id, purpose)) = self.layer.wake_client(now, id) {
                        self.request_failed(now, id, purpose, EndCause::TimedOut);
                    }
                }
                Owner::Call(handle) => self.wake_call(now, handle),
                Owner::Registrations => self.wake_registrations(now),
                Owner::Strangers => self.wake_strangers(now),
            }
        }
    }

    /// The next thing to do; to be drained until it is [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.layer.poll_output()
    }

    /// Lets new calls in, or not.
    pub fn set_admission(&mut self, admission: Admission) {
        self.admission = admission;
    }

    /// Calls that have not ended.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// The wire could read enough of it to answer: without a transaction, since nothing in it is to be relied on.
    fn refuse_malformed(&mut self, flow: Flow, mut reject: Reject) {
        debug!(fault = %reject.fault, "refused a malformed request");
        let mut back = flow;
        if let Ok(mut via) = reject.headers.top_via() {
            back = flow.of_response(&via);
            flow::stamp(&mut via, flow.remote);
            reject.headers.set_top_via(&via);
        }
        let phrase = reject.fault.to_string();
        let reply = Reply::new(reject.status).phrased(phrase);
        self.tell_refused(flow, &reject.method, &reject.headers, &reply);
        self.layer.respond_stateless(back, &reject.headers, reply);
    }

    fn tell_refused(&mut self, flow: Flow, method: &Method, headers: &Headers, reply: &Reply) {
        if let Some(refused) = Refused::of(flow, method, headers, reply) {
            self.layer.tell(Event::Refused(refused));
        }
    }

    fn next_handle(&mut self) -> CallHandle {
        self.last_call += 1;
        CallHandle(self.last_call)
    }

    /// After anything was done to a call: its next deadline, or its end.
    fn settle(&mut self, now: Time, handle: CallHandle) {
        let Some(call) = self.calls.get(&handle) else { return };
        if call.ended.is_none() {
            let deadline = call.deadline().map(|(time, _)| time);
            self.layer.agenda.set(Owner::Call(handle), deadline);
            return;
        }
        self.layer.agenda.set(Owner::Call(handle), None);
        let Some(mut call) = self.calls.remove(&handle) else { return };
        self.dialogs.remove(call.dialog.id());
        for early in &call.early {
            self.dialogs.remove(early.dialog.id());
        }
        let timers = &self.layer.config.timers;
        self.departed.keep(now, timers, call.dialog.id(), &call.reliable);
        call.refuse_pending(&mut self.layer, now);
        if let Some(cause) = call.ended {
            self.layer.tell(Event::Ended { call: handle, cause });
        }
    }
}

#[cfg(test)]
mod tests;
