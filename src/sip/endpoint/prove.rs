//! The client's side of authentication: requests that are challenged are sent again with credentials (RFC 3261 §22.2), and
//! registrations of our own (§10.2).

use super::call::{Cancel, Phase, Setup};
use super::handle::{CallHandle, ClientId};
use super::layer::Purpose;
use super::{CommandError, Endpoint, Event, Registration};
use crate::sip::dialog::Dialog;
use crate::sip::digest::{Account, answer};
use crate::sip::message::{CSeq, Method, Request, Response, Scheme};
use crate::time::Time;

impl Endpoint {
    /// The account that answers challenges to our requests.
    pub fn set_account(&mut self, account: Option<Account>) {
        self.account = account;
    }

    /// Sends a REGISTER. [`Event::RegistrationAnswered`] follows.
    pub fn send_register(&mut self, now: Time, registration: Registration) -> Result<(), CommandError> {
        if !self.layer.has_room(true) {
            return Err(CommandError::Full);
        }
        if self.own_registration.call_id.is_empty() {
            self.own_registration.call_id = format!("{}{}", self.layer.token(), self.layer.token());
        }
        self.own_registration.answered = false;
        self.own_registration.wanted = Some(registration);
        self.send_own_registration(now, None);
        Ok(())
    }

    fn send_own_registration(&mut self, now: Time, credentials: Option<(&str, String)>) {
        let Some(wanted) = self.own_registration.wanted.clone() else { return };
        self.own_registration.number += 1;
        let mut from = wanted.address_of_record.clone();
        from.set_tag(&self.layer.token());
        let mut request = Request::new(Method::Register, wanted.registrar.clone());
        let headers = &mut request.headers;
        headers.push("Max-Forwards", "70");
        headers.push("From", from.to_string());
        headers.push("To", wanted.address_of_record.to_string());
        headers.push("Call-ID", self.own_registration.call_id.clone());
        headers.push("CSeq", CSeq { number: self.own_registration.number, method: Method::Register }.to_string());
        let user = wanted.address_of_record.uri.subscriber();
        headers
            .push("Contact", wanted.flow.contact(user.as_deref(), wanted.registrar.scheme == Scheme::Sips).to_string());
        headers.push("Expires", wanted.seconds.to_string());
        if !self.layer.config.user_agent.is_empty() {
            headers.push("User-Agent", self.layer.config.user_agent.clone());
        }
        if let Some((name, value)) = credentials {
            headers.push(name, value);
        }
        let client = self.layer.send(now, wanted.flow, request, Purpose::Register);
        self.own_registration.client = Some(client);
    }

    pub(super) fn registration_answered(&mut self, now: Time, id: ClientId, response: &Response) {
        if self.own_registration.client != Some(id) || response.status < 200 {
            return;
        }
        let Some(wanted) = self.own_registration.wanted.clone() else { return };
        let uri = wanted.registrar.to_string();
        match self.credentials(response, "REGISTER", &uri, self.own_registration.answered) {
            Some(credentials) => {
                self.own_registration.answered = true;
                self.send_own_registration(now, Some(credentials));
            }
            None => self.own_registration_is_over(response.status, response.reason.clone()),
        }
    }

    pub(super) fn own_registration_is_over(&mut self, status: u16, reason: String) {
        self.own_registration.client = None;
        self.layer.tell(Event::RegistrationAnswered { status, reason });
    }

    /// Sends the INVITE again with credentials, if the response asks for them and they were not refused before.
    pub(super) fn calls_again(&mut self, now: Time, handle: CallHandle, id: ClientId, response: &Response) -> bool {
        let Some(call) = self.calls.get(&handle) else { return false };
        let Phase::Outgoing(Setup { cancel: Cancel::No, client, invite: Some(invite), .. }) = &call.phase else {
            return false;
        };
        if *client != id {
            return false;
        }
        let (flow, mut request) = (call.peer.flow, invite.as_ref().clone());
        let uri = request.uri.to_string();
        let answered = request.headers.contains("Authorization") || request.headers.contains("Proxy-Authorization");
        let Some((name, value)) = self.credentials(response, "INVITE", &uri, answered) else { return false };
        let Ok(cseq) = request.headers.cseq() else { return false };
        request.headers.remove("Authorization");
        request.headers.remove("Proxy-Authorization");
        request.headers.set("CSeq", CSeq { number: cseq.number.wrapping_add(1), ..cseq }.to_string());
        request.headers.push(name, value);
        let Some(call) = self.calls.get_mut(&handle) else { return false };
        let Ok(dialog) = Dialog::placing(&request) else { return false };
        call.dialog = dialog;
        let Phase::Outgoing(setup) = &mut call.phase else { return false };
        setup.invite = Some(Box::new(request.clone()));
        setup.client = self.layer.send(now, flow, request, Purpose::Place(handle));
        setup.provisional = false;
        true
    }

    /// The header field that answers the challenges of a 401 or 407. Credentials that were refused already are not sent a second
    /// time, unless only their nonce was too old.
    fn credentials(
        &mut self,
        response: &Response,
        method: &str,
        uri: &str,
        answered: bool,
    ) -> Option<(&'static str, String)> {
        let (asks, answers) = match response.status {
            401 => ("WWW-Authenticate", "Authorization"),
            407 => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return None,
        };
        let cnonce = self.layer.token();
        let account = self.account.as_ref()?;
        let given = answer(response.headers.all(asks), account, method, uri, &cnonce)?;
        (!answered || given.stale).then_some((answers, given.credentials))
    }
}
