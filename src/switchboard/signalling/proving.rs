//! Lines that prove themselves: what the account store knows about a caller or a telephone, between the endpoint's question and
//! our answer to it.
//!
//! | who | asked for its password |
//! |---|---|
//! | a peer of `trusted_peers` or `trust_from` that calls | never; credentials that it sends all the same, and that are right, count first |
//! | any other that calls (`strangers`) | when any line has a password, so that lines without one are not told apart |
//! | a peer of `trust_from` that registers | when that line has a password |
//! | any other that registers (`strangers`) | always |

use std::net::IpAddr;

use tracing::{debug, info, warn};

use super::{Output, Signalling};
use crate::account::{Action, AuditEntry, Store, StoreError};
use crate::call::{LONGEST_LOOKUP, LookupFailed};
use crate::number::PhoneNumber;
use crate::sip::digest::{Ha1, LineKey, Proof};
use crate::sip::endpoint::{CallHandle, Incoming, RegisterHandle, Registered, Registering, Ruling, StrangerHandle};
use crate::time::{Moment, Time};

/// What is to be looked up.
#[derive(Clone, Debug)]
pub struct Question {
    /// The user name that is claimed.
    pub user_name: Option<String>,
    /// The line that is to be registered.
    pub line: Option<PhoneNumber>,
    /// What passwords are for.
    pub realm: String,
}

/// What the store knows.
#[derive(Debug)]
pub struct Known {
    /// Any line has a password.
    pub any: bool,
    /// The key of the user name.
    pub key: Option<LineKey>,
    /// The line is contracted.
    pub contracted: bool,
    /// The line has a password.
    pub has_password: bool,
}

/// The answer to a question.
pub type Answer = Result<Known, LookupFailed>;

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub enum Waiting {
    /// A call of a trusted peer, which brought credentials.
    Call(CallHandle),
    /// Requests of strangers, if they are to be challenged.
    Passwords,
    /// A stranger that has answered a challenge.
    Stranger {
        /// Its request.
        stranger: StrangerHandle,
        /// Where it came from.
        peer: IpAddr,
    },
    /// A telephone that registers.
    Register {
        /// Its REGISTER.
        register: RegisterHandle,
        /// Where it came from.
        peer: IpAddr,
        /// Its From is believed.
        is_believed: bool,
    },
}

impl Question {
    /// Asks the store.
    pub fn ask(&self, store: &dyn Store) -> Result<Known, StoreError> {
        let found = match &self.user_name {
            Some(user_name) => store.find_user_name(user_name)?,
            None => None,
        };
        // what was hashed for another realm matches nothing
        let found = found.filter(|found| found.realm == self.realm);
        let key = found.and_then(|found| {
            let key = Ha1::from_hex(&found.user_name.ha1_sha256, &found.user_name.ha1_md5)?;
            Some(LineKey { line: found.number, key })
        });
        Ok(Known {
            any: store.has_line_password(None)?,
            key,
            contracted: match self.line {
                Some(line) => store.line_of(line)?.is_some(),
                None => false,
            },
            has_password: match self.line {
                Some(line) => store.has_line_password(Some(line))?,
                None => false,
            },
        })
    }
}

impl Signalling {
    /// Whether the credentials of this caller have to be looked up before the call is anybody's; if so, that is under way.
    pub(super) fn asks_whose_call(&mut self, incoming: Incoming) -> Option<Incoming> {
        let wants_proof = incoming.identity.authenticated.is_none() && incoming.user_name.is_some();
        let Some(realm) = self.realm.clone().filter(|_| wants_proof) else { return Some(incoming) };
        let question = Question { user_name: incoming.user_name.clone(), line: None, realm };
        let call = incoming.call;
        self.unproved.insert(call, incoming);
        self.ask(question, Waiting::Call(call));
        None
    }

    pub(super) fn registering(&mut self, now: Moment, registering: Registering) {
        let Registering { handle, flow, line, user_name } = registering;
        let peer = flow.remote.ip();
        if !self.peers.asks(now.time, peer) {
            return self.registered(now, handle, peer, Ruling::Unavailable, None);
        }
        let is_believed = (self.trust)(peer).from;
        match self.realm.clone() {
            Some(realm) if is_believed || user_name.is_some() => {
                let waiting = Waiting::Register { register: handle, peer, is_believed };
                self.ask(Question { user_name, line, realm }, waiting);
            }
            Some(_) | None => self.registered(now, handle, peer, Ruling::MustProve(None), None),
        }
    }

    pub(super) fn ask(&mut self, question: Question, waiting: Waiting) {
        self.outputs.push_back(Output::Ask { question, waiting });
    }

    /// When the first look-up of a call is given up.
    pub(super) fn lookups_end_at(&self) -> Time {
        self.unproved.values().map(|incoming| incoming.at + LONGEST_LOOKUP).min().unwrap_or(Time::MAX)
    }

    /// The store has not answered in time: what it answers later is nobody's.
    pub(super) fn give_up_lookups(&mut self, now: Moment) {
        let late = self.unproved.values().filter(|incoming| incoming.at + LONGEST_LOOKUP <= now.time);
        let late: Vec<CallHandle> = late.map(|incoming| incoming.call).collect();
        late.into_iter().for_each(|call| self.whose_call(now, call, Err(LookupFailed)));
    }

    /// The store has answered.
    pub(super) fn answered(&mut self, now: Moment, waiting: Waiting, answer: Answer) {
        match waiting {
            Waiting::Call(call) => self.whose_call(now, call, answer),
            Waiting::Passwords => self.passwords_known(now, answer),
            Waiting::Stranger { stranger, peer } => self.claim_known(now, stranger, peer, answer),
            Waiting::Register { register, peer, is_believed } => {
                let standing = match &answer {
                    Err(LookupFailed) => Ruling::Unavailable,
                    Ok(known) if !is_believed || known.key.is_some() || known.has_password => {
                        Ruling::MustProve(known.key.as_ref())
                    }
                    Ok(known) if known.contracted => Ruling::Believed,
                    Ok(_) => Ruling::Unknown,
                };
                let line = answer.as_ref().ok().and_then(|known| known.key.as_ref()).map(|key| key.line);
                self.registered(now, register, peer, standing, line);
            }
        }
    }

    fn registered(
        &mut self,
        now: Moment,
        register: RegisterHandle,
        peer: IpAddr,
        standing: Ruling<'_>,
        line: Option<PhoneNumber>,
    ) {
        match self.endpoint.register(now.time, register, standing) {
            Ok(outcome) => self.note_registered(now, peer, outcome, line),
            Err(error) => debug!(%error, "too late for a registration"),
        }
    }

    pub(super) fn note_registered(
        &mut self,
        now: Moment,
        peer: IpAddr,
        outcome: Registered,
        line: Option<PhoneNumber>,
    ) {
        match outcome {
            Registered::Bound { contacts, .. } => info!(%peer, contacts, "a telephone has registered"),
            Registered::Unproved(proof) => self.note_proof(now, peer, proof, line),
            Registered::Refused(status) => info!(%peer, status, "a registration is refused"),
        }
    }

    fn whose_call(&mut self, now: Moment, call: CallHandle, answer: Answer) {
        // the caller may have hung up meanwhile
        let Some(mut incoming) = self.unproved.remove(&call) else { return };
        let peer = incoming.flow.remote.ip();
        let Ok(known) = answer else { return self.hand_over(now, incoming) };
        match self.endpoint.authenticate(now.time, call, known.key.as_ref()) {
            Ok(proof) => {
                self.note_proof(now, peer, proof, known.key.as_ref().map(|key| key.line));
                if let Proof::Right(line) = proof {
                    incoming.identity.authenticated = Some(line);
                }
                self.hand_over(now, incoming);
            }
            Err(error) => {
                debug!(%error, "too late to ask whose call it is");
                self.peers.ended(peer);
            }
        }
    }

    /// Wrong passwords go into the audit; while a lock lasts they are not even looked at, and cannot fill it.
    pub(super) fn note_proof(&mut self, now: Moment, peer: IpAddr, proof: Proof, line: Option<PhoneNumber>) {
        let locks = match proof {
            Proof::Wrong { locks } => locks,
            Proof::Missing { stale } => return debug!(%peer, stale, "challenged"),
            Proof::Right(_) | Proof::Locked(_) | Proof::Elsewhere => return,
        };
        warn!(%peer, locks, "a wrong password of a telephone");
        let who = if line.is_some() { "" } else { ", no such user name" };
        self.outputs.push_back(Output::Audit(Box::new(AuditEntry {
            at: now.wall,
            actor: "serve".to_owned(),
            action: if locks { Action::LineLocked } else { Action::LineWrong },
            unit: None,
            number: line,
            detail: Some(format!("from {peer}{who}")),
        })));
    }
}
