//! Requests of peers that have proved nothing (RFC 3261 §26.3.2.4): each gets one answer without a transaction (§8.2.7), from a source
//! address to the same, no larger than it must be, and is never repeated. What a peer sends that has a dialog with us is served as
//! anybody's.
//!
//! | request | answer |
//! |---|---|
//! | REGISTER without fresh credentials | 401, whose nonce remembers itself |
//! | INVITE without | the application's: 401 where lines have passwords, 403 where none has |
//! | either with fresh ones | held while the application looks up the key: 200 to who proves its line, 401 to others |
//! | either from who is locked out | 403 |
//! | OPTIONS | 200 |
//! | any other | 405, 481 |
//!
//! ```text
//! request ─▶ judged by itself ─▶ one answer, Event::TurnedAway
//!               └─▶ held ─▶ Event::Stranger ─▶ application ─▶ judge ─▶ proved: as if it came now from who is trusted
//!                                                                  └─▶ one answer
//! ```
//!
//! Bound: [`MOST_WITHOUT`] requests without credentials and [`MOST_WITH`] with them are held, each for [`PATIENCE`]. Fresh credentials hold
//! a nonce that was sent to the very address, so that a forged source takes none of the second share.

use std::collections::{BTreeMap, HashMap};

use tracing::debug;

use super::command::{Judged, Verdict};
use super::handle::StrangerHandle;
use super::layer::Owner;
use super::origin::Origin;
use super::registrations::{PATIENCE, line_of};
use super::reply::{Reply, check_required};
use super::uas::check_secured;
use super::{CommandError, Endpoint, Event, Stranger, Turned, TurnedAway};
use crate::sip::dialog::DialogId;
use crate::sip::digest::Proof;
use crate::sip::flow::Flow;
use crate::sip::message::{Headers, Message, Method, Request};
use crate::sip::transaction::ServerKey;
use crate::sip::wire::{self, ParseError};
use crate::time::Time;

/// The limit of held requests that name no user.
const MOST_WITHOUT: usize = 250;
/// The limit of those that do, with a nonce of ours.
const MOST_WITH: usize = 750;

/// The requests that wait for the application.
#[derive(Default)]
pub(super) struct Strangers {
    held: BTreeMap<StrangerHandle, Held>,
    keys: HashMap<ServerKey, StrangerHandle>,
    with_credentials: usize,
    last: u64,
}

struct Held {
    request: Request,
    flow: Flow,
    /// Of the request as it came, in octets.
    size: usize,
    key: ServerKey,
    has_credentials: bool,
    until: Time,
}

/// What becomes of a request that is not refused for what it is.
enum Next {
    /// It is an OPTIONS, and is answered.
    Capabilities,
    /// The application looks up the user whose credentials it brings, or whether any line has a password.
    LookUp { user_name: Option<String> },
}

/// Why a request is not served, and the answer to it.
type Refusal = (Turned, Reply);

impl Strangers {
    fn has_room(&self, with_credentials: bool) -> bool {
        match with_credentials {
            true => self.with_credentials < MOST_WITH,
            false => self.held.len() - self.with_credentials < MOST_WITHOUT,
        }
    }

    fn hold(&mut self, held: Held) -> StrangerHandle {
        self.last += 1;
        let handle = StrangerHandle(self.last);
        self.keys.insert(held.key.clone(), handle);
        self.with_credentials += usize::from(held.has_credentials);
        self.held.insert(handle, held);
        handle
    }

    fn release(&mut self, handle: StrangerHandle) -> Option<Held> {
        let held = self.held.remove(&handle)?;
        self.keys.remove(&held.key);
        self.with_credentials -= usize::from(held.has_credentials);
        Some(held)
    }

    /// When the first one has waited for too long: all wait equally long.
    fn deadline(&self) -> Option<Time> {
        self.held.first_key_value().map(|(_, held)| held.until)
    }
}

impl Endpoint {
    /// One datagram, or one framed message of a stream, has come from a peer that is not trusted.
    pub fn handle_stranger(&mut self, now: Time, flow: Flow, bytes: &[u8]) {
        match wire::parse(bytes) {
            Ok(Message::Request(request)) => self.receive_from_stranger(now, flow, request, bytes.len()),
            Ok(Message::Response(response)) => self.receive_response(now, &response),
            Err(ParseError::Drop(fault)) => debug!(%fault, "dropped bytes that are no SIP message"),
            Err(ParseError::Reject(reject)) => {
                let reply = Reply::new(reject.status).phrased(reject.fault.to_string());
                self.turn_away(flow, bytes.len(), &reject.method, &reject.headers, (Turned::Request, reply));
            }
        }
    }

    fn receive_from_stranger(&mut self, now: Time, flow: Flow, request: Request, size: usize) {
        let Ok(via) = request.headers.top_via() else { return };
        let Ok(key) = ServerKey::of(&request, &via) else { return };
        if self.knows(&request, &key) {
            return self.receive_request(now, flow, request);
        }
        if request.method == Method::Ack || self.strangers.keys.contains_key(&key) {
            return;
        }
        if request.method == Method::Cancel && self.withdraw_held(&request, flow, &key) {
            return;
        }
        match self.judge_by_itself(now, flow, &request) {
            Ok(Next::LookUp { user_name }) => {
                let until = now + PATIENCE;
                let has_credentials = user_name.is_some();
                self.hold_stranger(Held { request, flow, size, key, has_credentials, until }, user_name);
            }
            Ok(Next::Capabilities) => {
                let reply = Reply::capabilities(&self.layer.config);
                self.layer.respond_briefly(flow, size, &request.headers, reply);
            }
            Err(refusal) => self.turn_away(flow, size, &request.method, &request.headers, refusal),
        }
    }

    /// Whether it belongs to what we have with its sender already.
    fn knows(&self, request: &Request, key: &ServerKey) -> bool {
        let dialog = || DialogId::of_request(&request.headers).ok().flatten();
        let cancels = request.method == Method::Cancel && self.layer.find_server(&key.cancelled()).is_some();
        cancels
            || self.layer.find_server(key).is_some()
            || dialog().is_some_and(|dialog| self.dialogs.contains_key(&dialog) || self.departed.has(&dialog))
    }

    /// CANCEL of an INVITE that is held: both are answered.
    fn withdraw_held(&mut self, cancel: &Request, flow: Flow, key: &ServerKey) -> bool {
        let Some(handle) = self.strangers.keys.get(&key.cancelled()).copied() else { return false };
        let Some(invite) = self.release_stranger(handle) else { return false };
        self.layer.respond_briefly(flow, invite.size, &cancel.headers, Reply::new(200));
        self.layer.respond_briefly(invite.flow, invite.size, &invite.request.headers, Reply::new(487));
        true
    }

    fn judge_by_itself(&mut self, now: Time, flow: Flow, request: &Request) -> Result<Next, Refusal> {
        let unfit = |reply| (Turned::Request, reply);
        match request.method {
            Method::Invite | Method::Options => {
                self.check_addressed(request).map_err(unfit)?;
                check_secured(flow, request).map_err(unfit)?;
            }
            Method::Register if self.registrations.is_some() && request.uri.is_sip() => {}
            Method::Bye | Method::Cancel | Method::Info | Method::Update | Method::Prack => {
                return Err(unfit(Reply::new(481)));
            }
            Method::Register
            | Method::Ack
            | Method::Message
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Publish
            | Method::Other(_) => return Err(unfit(Reply::method_not_allowed(&self.layer.config))),
        }
        if request.headers.to().is_ok_and(|to| to.tag().is_some()) {
            return Err(unfit(Reply::new(481)));
        }
        check_required(request).map_err(unfit)?;
        self.check_open().map_err(|reply| (Turned::Busy, reply))?;
        if request.method == Method::Options {
            return Ok(Next::Capabilities);
        }
        self.claim_of(now, flow, request).map(|user_name| Next::LookUp { user_name })
    }

    /// What the sender's credentials say, as far as no key is needed to tell.
    fn claim_of(&mut self, now: Time, flow: Flow, request: &Request) -> Result<Option<String>, Refusal> {
        let Some(registrations) = &mut self.registrations else { return Err(untrusted()) };
        match registrations.authenticator.hopeless(now, flow.remote.ip(), request) {
            None => Ok(registrations.user_name(now, flow, &request.headers)),
            Some(Proof::Missing { stale: false }) if request.method == Method::Invite => Ok(None),
            Some(proof) => Err((turned(proof), registrations.refusal(now, flow, proof))),
        }
    }

    fn hold_stranger(&mut self, held: Held, user_name: Option<String>) {
        let Held { request, flow, size, .. } = &held;
        if !self.strangers.has_room(held.has_credentials) {
            let busy = Reply::busy(self.layer.config.retry_after).because("too many look-ups are under way");
            return self.turn_away(*flow, *size, &request.method, &request.headers, (Turned::Busy, busy));
        }
        let line = request.headers.to().ok().and_then(|to| line_of(&to));
        let (flow, is_call) = (*flow, request.method == Method::Invite);
        let handle = self.strangers.hold(held);
        self.layer.tell(Event::Stranger(Stranger { handle, flow, is_call, user_name, line }));
        self.settle_strangers();
    }

    /// What the application has found out about a stranger. A proof opens its line: the request is then served as from a peer that is
    /// trusted to be that line.
    pub fn judge(&mut self, now: Time, stranger: StrangerHandle, verdict: Verdict<'_>) -> Result<Judged, CommandError> {
        let Held { request, flow, size, .. } = self.release_stranger(stranger).ok_or(CommandError::NoSuchCall)?;
        let (refusal, proof) = match verdict {
            Verdict::Untrusted => (untrusted(), None),
            Verdict::Unavailable => {
                let why = "the account store could not be read";
                ((Turned::Unavailable, Reply::busy(self.layer.config.retry_after).because(why)), None)
            }
            Verdict::Busy(why) => ((Turned::Busy, Reply::busy(self.layer.config.retry_after).because(why)), None),
            Verdict::Prove(key) => {
                let registrations = self.registrations.as_mut().ok_or(CommandError::WrongState)?;
                let proof = registrations.authenticator.prove(now, flow.remote.ip(), &request, key);
                if let Proof::Right(line) = proof {
                    self.receive_from(now, Origin { flow, proved: Some(line) }, request);
                    return Ok(Judged::Proved);
                }
                ((turned(proof), registrations.refusal(now, flow, proof)), Some(proof))
            }
        };
        self.turn_away(flow, size, &request.method, &request.headers, refusal);
        Ok(Judged::TurnedAway(proof))
    }

    /// Who was held for too long gets 503.
    pub(super) fn wake_strangers(&mut self, now: Time) {
        let late = self.strangers.held.iter().take_while(|(_, held)| held.until <= now);
        let late: Vec<StrangerHandle> = late.map(|(handle, _)| *handle).collect();
        for handle in late {
            // it is there
            let _ = self.judge(now, handle, Verdict::Unavailable);
        }
        self.settle_strangers();
    }

    fn release_stranger(&mut self, handle: StrangerHandle) -> Option<Held> {
        let held = self.strangers.release(handle);
        self.settle_strangers();
        held
    }

    fn settle_strangers(&mut self) {
        let deadline = self.strangers.deadline();
        self.layer.agenda.set(Owner::Strangers, deadline);
    }

    fn turn_away(&mut self, flow: Flow, size: usize, method: &Method, headers: &Headers, refusal: Refusal) {
        let (turned, reply) = refusal;
        let away = TurnedAway::of(flow, method, headers, turned, &reply);
        self.layer.respond_briefly(flow, size, headers, reply);
        self.layer.tell(Event::TurnedAway(away));
    }
}

fn untrusted() -> Refusal {
    let why = "the peer is not in [sip] trusted_peers, nor in trust_from, and no password of a line proved who calls";
    (Turned::Untrusted, Reply::new(403).because(why))
}

fn turned(proof: Proof) -> Turned {
    match proof {
        Proof::Missing { .. } | Proof::Right(_) => Turned::Challenged,
        Proof::Wrong { .. } => Turned::WrongPassword,
        Proof::Locked(_) => Turned::LockedOut,
        Proof::Elsewhere => Turned::Request,
    }
}
