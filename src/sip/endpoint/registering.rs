//! Proofs of a line that trusted peers bring although they need none, and telephones that register (RFC 3261 §10, §22). How others
//! prove theirs stands in `strangers`.
//!
//! The application knows its trusted peers and keeps the keys, so it decides in between:
//!
//! ```text
//! INVITE ───▶ Event::Incoming { user_name } ─▶ application ─▶ authenticate(key) ─▶ Proof: the line, or that it is none
//! REGISTER ─▶ Event::Registering { user_name } ─▶ application ─▶ register(key) ───▶ 200 with the bindings, or 401, 403 …
//! ```
//!
//! Later requests in a dialog need no proof: its tags and Call-ID are one.

use super::command::{Registered, Ruling};
use super::handle::{CallHandle, RegisterHandle, ServerId};
use super::layer::Owner;
use super::origin::Origin;
use super::registrations::{MOST_WAITING, PATIENCE, Registrations, Waiting, line_of, refused};
use super::reply::{Reply, check_required};
use super::{Admission, CommandError, Endpoint, Event, Registering};
use crate::sip::digest::{LineKey, Proof};
use crate::sip::message::{Request, Scheme};
use crate::time::Time;

impl Endpoint {
    /// REGISTER, once it is known to be well-formed (§10.3 steps 1 and 2). Any domain in the Request-URI is ours.
    pub(super) fn receive_register(
        &mut self,
        now: Time,
        origin: Origin,
        id: ServerId,
        request: &Request,
    ) -> Result<(), Reply> {
        let Origin { flow, proved } = origin;
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
        if let Some(line) = proved {
            let retry_after = self.layer.config.retry_after;
            let (reply, outcome) = registrations.bind(now, flow, request, Some(line), retry_after);
            self.layer.respond(now, id, &request.headers, reply);
            self.layer.tell(Event::Registered { flow, outcome });
            self.settle_registrations();
            return Ok(());
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

    /// Answers a REGISTER after the application's ruling on its sender.
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

    /// What the credentials of an incoming call are worth, with the `key` of the claimed user name, if there is one. Its peer is trusted:
    /// the call goes on in any case.
    pub fn authenticate(&mut self, now: Time, call: CallHandle, key: Option<&LineKey>) -> Result<Proof, CommandError> {
        let call = self.calls.get(&call).ok_or(CommandError::NoSuchCall)?;
        let invite = call.negotiation.invite().filter(|_| call.is_incoming()).ok_or(CommandError::WrongState)?;
        let registrations = self.registrations.as_mut().ok_or(CommandError::WrongState)?;
        Ok(registrations.authenticator.prove(now, call.peer.flow.remote.ip(), &invite.request, key))
    }

    /// Removes bindings that have ended, and answers REGISTERs that the application has forgotten.
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
