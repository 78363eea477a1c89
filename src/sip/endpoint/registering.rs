//! Who proves what: callers that nothing else is believed of, and telephones that register (RFC 3261 §10, §22).
//!
//! The application knows whom it believes and keeps the keys; it decides in between:
//!
//! ```text
//! INVITE ───▶ Event::Incoming { user_name } ─▶ application ─▶ authenticate(key) ─▶ Proof: the line, or 401 was sent
//! REGISTER ─▶ Event::Registering { user_name } ─▶ application ─▶ register(key) ───▶ 200 with the bindings, or 401, 403 …
//! ```
//!
//! What comes later in a dialog is not asked again: who does not know its tags and Call-ID is not in it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::call::Phase;
use super::layer::{Owner, ServerId};
use super::reply::{Reply, check_required};
use super::{Admission, CallHandle, CommandError, EndCause, Endpoint, Event};
use crate::lock::Lock;
use crate::number::PhoneNumber;
use crate::sip::digest::{Algorithm, Authenticator, Claim, LineKey, Proof};
use crate::sip::flow::Flow;
use crate::sip::message::{Headers, NameAddr, Request, Scheme};
use crate::sip::registrar::{Limits, Refusal, Registrar};
use crate::time::Time;

/// Registrations that wait for the application.
const MOST_WAITING: usize = 1_000;
/// How long each may.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a registrar is told before it starts.
#[derive(Clone, Debug)]
pub struct RegistrarConfig {
    /// What passwords are for.
    pub realm: String,
    /// What they may be hashed with, in the order in which it is offered.
    pub algorithms: Vec<Algorithm>,
    /// When wrong passwords lock.
    pub lock: Lock,
    /// How long bindings live.
    pub limits: Limits,
}

/// One REGISTER that waits for the application.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RegisterHandle(pub(super) ServerId);

/// A telephone that wants to register, or to know what is registered.
#[derive(PartialEq, Eq)]
pub struct Registering {
    /// To answer it by.
    pub handle: RegisterHandle,
    /// Where it came from.
    pub flow: Flow,
    /// The line that To names; `None` when that is no telephone number.
    pub line: Option<PhoneNumber>,
    /// The user name that it claims, with a nonce that is fresh.
    pub user_name: Option<String>,
}

/// What the application knows about who registers.
#[derive(Clone, Copy, Debug)]
pub enum Ruling<'a> {
    /// It must prove to be the line: this is the key of the user name that it claims, if there is one.
    MustProve(Option<&'a LineKey>),
    /// It is believed (in a laboratory), and the line is contracted.
    Believed,
    /// It is believed, but there is no such line: 404.
    Unknown,
    /// Nobody could be asked, or there is no time for it: 503.
    Unavailable,
}

/// What became of a REGISTER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It was done.
    Bound {
        /// Whose contacts.
        line: PhoneNumber,
        /// How many there are now.
        contacts: usize,
    },
    /// It was not proved; what was sent follows from why.
    Unproved(Proof),
    /// It was refused with this status.
    Refused(u16),
}

/// The endpoint's registrar and authenticator.
pub(super) struct Registrations {
    authenticator: Authenticator,
    registrar: Registrar,
    waiting: BTreeMap<ServerId, Waiting>,
}

struct Waiting {
    request: Request,
    flow: Flow,
    until: Time,
}

impl Registrations {
    pub fn new(config: &RegistrarConfig, seed: u64) -> Registrations {
        Registrations {
            authenticator: Authenticator::new(&config.realm, &config.algorithms, config.lock, seed),
            registrar: Registrar::new(config.limits),
            waiting: BTreeMap::new(),
        }
    }

    /// The user name that is claimed with a fresh nonce.
    pub fn user_name(&self, now: Time, flow: Flow, headers: &Headers) -> Option<String> {
        match self.authenticator.claim(now, flow.remote.ip(), headers) {
            Claim::User(name) => Some(name),
            Claim::Nothing | Claim::Stale => None,
        }
    }

    fn deadline(&self) -> Option<Time> {
        let waiting = self.waiting.values().map(|waiting| waiting.until).min();
        waiting.into_iter().chain(self.registrar.deadline()).min()
    }

    /// What is sent to who has not proved to be somebody.
    fn refusal(&mut self, now: Time, flow: Flow, proof: Proof) -> Reply {
        let stale = match proof {
            Proof::Locked(left) => {
                let seconds = left.as_secs().max(1);
                return Reply::new(403).phrased("Too Many Wrong Passwords").with("Retry-After", seconds.to_string());
            }
            Proof::Elsewhere => return Reply::new(400).phrased("Credentials For Another URI"),
            Proof::Missing { stale } => stale,
            Proof::Wrong { .. } | Proof::Right(_) => false,
        };
        let challenges = self.authenticator.challenges(now, flow.remote.ip(), stale);
        challenges.into_iter().fold(Reply::new(401), |reply, value| reply.with("WWW-Authenticate", value))
    }
}

impl Endpoint {
    /// REGISTER, once it is known to be well-formed (§10.3 steps 1 and 2). Any domain in the Request-URI is ours.
    pub(super) fn receive_register(
        &mut self,
        now: Time,
        flow: Flow,
        id: ServerId,
        request: &Request,
    ) -> Result<(), Reply> {
        let Some(registrations) = &mut self.registrations else {
            return Err(Reply::method_not_allowed(&self.layer.config));
        };
        if matches!(request.uri.scheme, Scheme::Other(_)) {
            return Err(Reply::new(416));
        }
        if self.layer.is_merged(request, id) {
            return Err(Reply::new(482));
        }
        check_required(request)?;
        if let Admission::Draining { retry_after } = self.admission {
            return Err(Reply::busy(retry_after));
        }
        if registrations.waiting.len() >= MOST_WAITING {
            return Err(Reply::busy(self.layer.config.retry_after));
        }
        let handle = RegisterHandle(id);
        let line = request.headers.to().ok().and_then(|to| line_of(&to));
        let user_name = registrations.user_name(now, flow, &request.headers);
        registrations.waiting.insert(id, Waiting { request: request.clone(), flow, until: now + PATIENCE });
        self.layer.tell(Event::Registering(Registering { handle, flow, line, user_name }));
        self.settle_registrations();
        Ok(())
    }

    /// Answers a REGISTER, as far as the application knows who sent it.
    pub fn register(
        &mut self,
        now: Time,
        handle: RegisterHandle,
        ruling: Ruling<'_>,
    ) -> Result<Registered, CommandError> {
        let registrations = self.registrations.as_mut().ok_or(CommandError::WrongState)?;
        let Waiting { request, flow, .. } = registrations.waiting.remove(&handle.0).ok_or(CommandError::NoSuchCall)?;
        let retry_after = self.layer.config.retry_after;
        let (reply, outcome) = match ruling {
            Ruling::Unknown => refused(Reply::new(404)),
            Ruling::Unavailable => refused(Reply::busy(retry_after)),
            Ruling::Believed => registrations.bind(now, flow, &request, None, retry_after),
            Ruling::MustProve(key) => {
                let proof = registrations.authenticator.prove(now, flow.remote.ip(), &request, key);
                if let Proof::Right(line) = proof {
                    registrations.bind(now, flow, &request, Some(line), retry_after)
                } else {
                    (registrations.refusal(now, flow, proof), Registered::Unproved(proof))
                }
            }
        };
        self.layer.respond(now, handle.0, &request.headers, reply);
        self.settle_registrations();
        Ok(outcome)
    }

    /// Asks the caller of an incoming call to prove its line: with `key`, that of the user name that it claims, if there is one.
    /// Unless it does, it is refused (401, 403 or 400), and `Ended` follows; not so when that is not `required`.
    pub fn authenticate(
        &mut self,
        now: Time,
        call: CallHandle,
        key: Option<&LineKey>,
        required: bool,
    ) -> Result<Proof, CommandError> {
        let handle = call;
        let call = self.calls.get_mut(&handle).ok_or(CommandError::NoSuchCall)?;
        let Phase::Incoming { server, request, .. } = &call.phase else { return Err(CommandError::WrongState) };
        let registrations = self.registrations.as_mut().ok_or(CommandError::WrongState)?;
        let proof = registrations.authenticator.prove(now, call.flow.remote.ip(), request, key);
        if !required || matches!(proof, Proof::Right(_)) {
            return Ok(proof);
        }
        let reply = registrations.refusal(now, call.flow, proof);
        let status = reply.status;
        self.layer.respond(now, *server, &request.headers, reply);
        call.end(EndCause::Rejected { status });
        self.settle(now, handle);
        Ok(proof)
    }

    /// Takes away bindings that have ended, and answers what the application has forgotten.
    pub(super) fn wake_registrations(&mut self, now: Time) {
        let Some(registrations) = &mut self.registrations else { return };
        for line in registrations.registrar.expire(now) {
            let contacts = registrations.registrar.bindings(line).len();
            self.layer.tell(Event::RegistrationExpired { line, contacts });
        }
        let overdue = registrations.waiting.iter().filter(|(_, waiting)| waiting.until <= now).map(|(id, _)| *id);
        let overdue: Vec<ServerId> = overdue.collect();
        for id in overdue {
            let Some(waiting) = registrations.waiting.remove(&id) else { continue };
            self.layer.respond(now, id, &waiting.request.headers, Reply::busy(self.layer.config.retry_after));
        }
        self.settle_registrations();
    }

    fn settle_registrations(&mut self) {
        let deadline = self.registrations.as_ref().and_then(Registrations::deadline);
        self.layer.agenda.set(Owner::Registrations, deadline);
    }
}

impl Registrations {
    /// §10.3 steps 4 to 8: who proved to be a line may bind that line's contacts only.
    fn bind(
        &mut self,
        now: Time,
        flow: Flow,
        request: &Request,
        proved: Option<PhoneNumber>,
        retry_after: Duration,
    ) -> (Reply, Registered) {
        let Some(line) = request.headers.to().ok().and_then(|to| line_of(&to)) else { return refused(Reply::new(404)) };
        if proved.is_some_and(|proved| proved != line) {
            return refused(Reply::new(403).phrased("Not Your Line"));
        }
        if let Err(refusal) = self.registrar.register(now, line, &request.headers, flow) {
            return refused(reply_to(refusal, retry_after));
        }
        let bindings = self.registrar.bindings(line);
        let outcome = Registered::Bound { line, contacts: bindings.len() };
        let reply = Reply::new(200);
        (bindings.iter().fold(reply, |reply, binding| reply.with("Contact", binding.write(now))), outcome)
    }
}

fn refused(reply: Reply) -> (Reply, Registered) {
    let status = reply.status;
    (reply, Registered::Refused(status))
}

fn reply_to(refusal: Refusal, retry_after: Duration) -> Reply {
    match refusal {
        Refusal::Malformed(fault) => Reply::new(400).phrased(fault.to_string()),
        Refusal::Star => Reply::new(400).phrased("Contact * Stands Alone With Expires 0"),
        Refusal::TooBrief { shortest } => Reply::new(423).with("Min-Expires", shortest.to_string()),
        Refusal::OutOfOrder => Reply::new(500).phrased("Out Of Order"),
        Refusal::TooManyContacts => Reply::new(403).phrased("Too Many Contacts"),
        Refusal::Full => Reply::busy(retry_after),
    }
}

/// The line that an address names, in whatever way its number is written, with any host.
fn line_of(address: &NameAddr) -> Option<PhoneNumber> {
    let user = address.uri.subscriber()?;
    let number = user.split_once('@').map_or(user.as_str(), |(number, _)| number);
    PhoneNumber::parse(number).ok()
}
