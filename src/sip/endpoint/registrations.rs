//! What the endpoint remembers of registrations: the bindings, the proofs, and the REGISTERs that wait for the application
//! (RFC 3261 §10.3, §22).

use std::collections::BTreeMap;
use std::time::Duration;

use super::command::Registered;
use super::config::RegistrarConfig;
use super::handle::ServerId;
use super::reply::Reply;
use crate::number::PhoneNumber;
use crate::sip::digest::{Authenticator, Claim, Proof};
use crate::sip::flow::Flow;
use crate::sip::message::{Headers, NameAddr, Request};
use crate::sip::registrar::{Refusal, Registrar};
use crate::time::Time;

/// The limit of REGISTERs that wait for the application.
pub(super) const MOST_WAITING: usize = 1_000;
/// How long each may wait.
pub(super) const PATIENCE: Duration = Duration::from_millis(2500);

/// The endpoint's registrar and authenticator.
pub(super) struct Registrations {
    pub authenticator: Authenticator,
    pub registrar: Registrar,
    pub waiting: BTreeMap<ServerId, Waiting>,
}

/// A REGISTER that waits for the application.
pub(super) struct Waiting {
    pub request: Request,
    pub flow: Flow,
    pub until: Time,
}

impl Registrations {
    pub(super) fn new(config: &RegistrarConfig, seed: u64) -> Registrations {
        Registrations {
            authenticator: Authenticator::new(&config.realm, &config.algorithms, config.lock, seed),
            registrar: Registrar::new(config.limits),
            waiting: BTreeMap::new(),
        }
    }

    /// The user name that is claimed with a fresh nonce.
    pub(super) fn user_name(&self, now: Time, flow: Flow, headers: &Headers) -> Option<String> {
        match self.authenticator.claim(now, flow.remote.ip(), headers) {
            Claim::User(name) => Some(name),
            Claim::Nothing | Claim::Stale => None,
        }
    }

    /// When a binding ends, or the application is late.
    pub(super) fn deadline(&self) -> Option<Time> {
        let waiting = self.waiting.values().map(|waiting| waiting.until).min();
        waiting.into_iter().chain(self.registrar.deadline()).min()
    }

    /// The response to a failed or missing proof.
    pub(super) fn refusal(&mut self, now: Time, flow: Flow, proof: Proof) -> Reply {
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

    /// Does what a REGISTER asks (§10.3 steps 4 to 8). A proof opens its own line only.
    pub(super) fn bind(
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

/// The refusal of a REGISTER.
pub(super) fn refused(reply: Reply) -> (Reply, Registered) {
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
pub(super) fn line_of(address: &NameAddr) -> Option<PhoneNumber> {
    let user = address.uri.subscriber()?;
    let number = user.split_once('@').map_or(user.as_str(), |(number, _)| number);
    PhoneNumber::parse(number).ok()
}
