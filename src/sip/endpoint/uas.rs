//! The user agent server outside of dialogs (RFC 3261 §8.2, §9.2, §11.2, §13.3): admission, INVITE, CANCEL and the answer.

use super::body::{check_accept, session_of};
use super::call::{Call, Phase};
use super::handle::{CallHandle, ServerId};
use super::layer::Layer;
use super::negotiation::{Negotiation, PendingRequest, Unacknowledged};
use super::origin::Origin;
use super::refused::called_in_vain;
use super::reply::{ALLOW, Reply, SUPPORTED, check_required};
use super::session_timer::{Interval, Refresher, SessionTimer};
use super::{Admission, CommandError, Config, EndCause, Endpoint, Event, IdentityFacts, Incoming, Rejection};
use crate::number::PhoneNumber;
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::flow::{Flow, Transport, is_behind_nat, is_secure, stamp};
use crate::sip::message::{FieldError, Headers, Method, NameAddr, Request, Scheme, Uri, Via};
use crate::sip::transaction::ServerKey;
use crate::sip::wire::lex::quote;
use crate::time::Time;

/// The dial prefix by which a call shows the caller's number, whatever the line does by itself.
const SHOW_NUMBER: &str = "186";

impl Endpoint {
    pub(super) fn receive_request(&mut self, now: Time, flow: Flow, request: Request) {
        self.receive_from(now, Origin { flow, proved: None }, request);
    }

    pub(super) fn receive_from(&mut self, now: Time, origin: Origin, mut request: Request) {
        let flow = origin.flow;
        let Ok(via) = request.headers.top_via() else { return };
        let Ok(key) = ServerKey::of(&request, &via) else { return };
        let mut stamped = via.clone();
        stamp(&mut stamped, flow.remote);
        if stamped != via {
            request.headers.set_top_via(&stamped);
        }
        let known = self.layer.find_server(&key);
        if request.method == Method::Ack {
            return self.receive_ack(now, flow, known, &request);
        }
        if let Some(id) = known {
            return self.layer.repeat(id);
        }
        let starts = request.headers.to().is_ok_and(|to| to.tag().is_none()) && request.method != Method::Cancel;
        if let Err(why) = self.layer.room_for(starts, &origin) {
            let busy = Reply::busy(self.layer.config.retry_after).because(why);
            if starts {
                self.tell_refused(flow, &request.method, &request.headers, &busy);
            }
            return self.layer.respond_stateless(flow.of_response(&via), &request.headers, busy);
        }
        let cancelled = key.cancelled();
        let id = self.layer.open_server(key, flow, via.clone(), &request);
        let outcome = match DialogId::of_request(&request.headers) {
            _ if request.method == Method::Cancel => self.receive_cancel(now, id, &request, &cancelled),
            Ok(Some(dialog)) => self.receive_in_dialog(now, flow, id, &request, &dialog),
            Ok(None) => self.receive_outside(now, origin, id, &request, &via),
            Err(fault) => Err(malformed(fault)),
        };
        if let Err(reply) = &outcome
            && starts
        {
            self.tell_refused(flow, &request.method, &request.headers, reply);
        }
        match outcome {
            Ok(()) => {}
            // a flood of refused requests gets no place in the tables (§8.2.7)
            Err(reply) if starts && self.layer.is_half_full() => {
                self.layer.remove_server(id);
                self.layer.respond_stateless(flow.of_response(&via), &request.headers, reply);
            }
            Err(reply) => {
                self.layer.respond(now, id, &request.headers, reply);
            }
        }
    }

    fn receive_outside(
        &mut self,
        now: Time,
        origin: Origin,
        id: ServerId,
        request: &Request,
        via: &Via,
    ) -> Result<(), Reply> {
        match request.method {
            Method::Invite | Method::Options => {}
            Method::Register => return self.receive_register(now, origin, id, request),
            // without a To tag they belong to no dialog
            Method::Bye | Method::Info | Method::Update | Method::Prack => return Err(Reply::new(481)),
            Method::Ack | Method::Cancel => return Ok(()),
            Method::Message
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Publish
            | Method::Other(_) => return Err(Reply::method_not_allowed(&self.layer.config)),
        }
        self.check_addressed(request)?;
        check_secured(origin.flow, request)?;
        if self.layer.is_merged(request, id) {
            return Err(Reply::new(482));
        }
        check_required(request)?;
        let offer = session_of(request)?;
        self.check_admission(origin)?;
        if request.method == Method::Options {
            let reply = Reply::capabilities(&self.layer.config);
            self.layer.respond(now, id, &request.headers, reply);
            return Ok(());
        }
        self.receive_invite(now, origin, id, request, via, offer)
    }

    /// The Request-URI: a scheme that we know, and the user that we serve (§8.2.2.1). An OPTIONS may ask the host itself.
    pub(super) fn check_addressed(&self, request: &Request) -> Result<(), Reply> {
        if matches!(request.uri.scheme, Scheme::Other(_)) {
            return Err(Reply::new(416));
        }
        let user = request.uri.subscriber();
        let ours = match user.as_deref() {
            None | Some("") => request.method == Method::Options,
            Some(user) => self.serves(user),
        };
        let ours = ours || self.was_dialled(request);
        match request.headers.max_forwards() {
            _ if ours => Ok(()),
            // a request for another user would need another hop (§16.3); our own calls are taken with none left
            Some(0) => Err(Reply::new(483)),
            Some(_) | None => {
                let why = called_in_vain(&request.uri, &self.layer.config.service_user);
                Err(Reply::new(404).because(why))
            }
        }
    }

    /// A network that puts our Contact into the Request-URI keeps the number that was dialled in P-Called-Party-ID
    /// (RFC 7315 §4.2).
    fn was_dialled(&self, request: &Request) -> bool {
        let called = request.headers.first("P-Called-Party-ID").and_then(NameAddr::parse);
        called.and_then(|called| called.uri.subscriber()).is_some_and(|user| self.serves(&user))
    }

    fn serves(&self, user: &str) -> bool {
        let service = &self.layer.config.service_user;
        // the prefix that shows the caller's number reaches us where no exchange removes it
        let dialled = user.strip_prefix(SHOW_NUMBER).filter(|dialled| PhoneNumber::parse(dialled).is_ok());
        self.layer.config.any_user || is_same_user(dialled.unwrap_or(user), service)
    }

    fn check_admission(&self, origin: Origin) -> Result<(), Reply> {
        self.check_open()?;
        let calls = self.calls.len();
        let why = if calls >= self.layer.config.max_calls {
            format!("{calls} calls are running, which is [limits] calls or what descriptors allow")
        } else if origin.proved.is_some() && calls >= self.calls_for_all() {
            "the other calls are kept for trusted peers: [limits] calls, reserved_for_trusted".to_owned()
        } else {
            return Ok(());
        };
        Err(Reply::busy(self.layer.config.retry_after).because(why))
    }

    pub(super) fn check_open(&self) -> Result<(), Reply> {
        match self.admission {
            Admission::Draining { retry_after } => Err(Reply::busy(retry_after).because("the server is stopping")),
            Admission::Full { retry_after } => Err(Reply::busy(retry_after)),
            Admission::Open => Ok(()),
        }
    }

    /// The calls that peers may have which are not trusted, though they have proved their line.
    fn calls_for_all(&self) -> usize {
        let Config { max_calls, reserved, .. } = &self.layer.config;
        max_calls - max_calls * reserved / 100
    }

    fn receive_invite(
        &mut self,
        now: Time,
        origin: Origin,
        id: ServerId,
        request: &Request,
        via: &Via,
        offer: Option<Vec<u8>>,
    ) -> Result<(), Reply> {
        let Origin { flow, proved } = origin;
        check_accept(request)?;
        let interval = Interval::answering(&request.headers, &self.layer.config)?;
        let is_old = via.unique_branch().is_none();
        let dialog = Dialog::of_invite(request, &self.layer.tag(id), is_old).map_err(malformed)?;
        self.layer.respond(now, id, &request.headers, Reply::new(100));
        let call = self.next_handle();
        self.layer.assign(id, call);
        self.dialogs.insert(dialog.id().clone(), call);
        let called = request.uri.subscriber().unwrap_or_default();
        let call_id = dialog.id().call_id.clone();
        let offers = offer.is_some();
        self.layer.tell(Event::Incoming(Incoming {
            call,
            at: now,
            flow,
            identity: IdentityFacts { authenticated: proved, ..identity_of(&request.headers, flow) },
            called,
            offer,
            call_id,
            user_name: self.registrations.as_ref().and_then(|known| known.user_name(now, flow, &request.headers)),
        }));
        let phase = Phase::Incoming {
            limit: now + self.layer.config.setup_limit,
            expires: request.headers.seconds("Expires").map(|s| now + std::time::Duration::from_secs(u64::from(s))),
        };
        let pending = PendingRequest { server: id, request: request.clone(), interval };
        let mut entry = Call::new(call, flow, dialog, phase, Negotiation::called(pending, offers));
        entry.peer.behind_nat = is_behind_nat(request, via, flow.remote) || !request.headers.contains("Contact");
        entry.peer.is_secure = is_secure(request);
        entry.peer.user = request.uri.subscriber().or_else(|| Some(self.layer.config.service_user.clone()));
        entry.peer.learn(&request.headers);
        self.calls.insert(call, entry);
        self.settle(now, call);
        Ok(())
    }

    /// CANCEL (§9.2): it is answered by itself, and the INVITE with 487 if that has no answer yet.
    fn receive_cancel(
        &mut self,
        now: Time,
        id: ServerId,
        request: &Request,
        cancelled: &ServerKey,
    ) -> Result<(), Reply> {
        let invite = self.layer.find_server(cancelled).ok_or(Reply::new(481))?;
        let tag = self.layer.tag(invite);
        self.layer.set_tag(id, tag);
        self.layer.respond(now, id, &request.headers, Reply::new(200));
        let Some(handle) = self.layer.call_of(invite) else { return Ok(()) };
        let Some(call) = self.calls.get_mut(&handle) else { return Ok(()) };
        if let Some(pending) = call.negotiation.withdraw(invite) {
            self.layer.respond(now, invite, &pending.request.headers, Reply::new(487));
            if call.is_incoming() {
                call.end(EndCause::Cancelled { reason: request.headers.first("Reason").map(str::to_owned) });
            }
        }
        self.settle(now, handle);
        Ok(())
    }

    /// Answers an incoming call with 200 and `sdp` (the answer, or the offer when the INVITE had none), as soon as a session
    /// description in a reliable provisional response is acknowledged. For a call that we placed or changed without an offer:
    /// sends the ACK, or PRACK, with our answer.
    pub fn answer(&mut self, now: Time, call: CallHandle, sdp: String) -> Result<(), CommandError> {
        let handle = call;
        let call = self.calls.get_mut(&handle).ok_or(CommandError::NoSuchCall)?;
        if let Some(owed) = call.negotiation.owed_ack() {
            call.acknowledge(&mut self.layer, owed, Some(sdp));
            return Ok(());
        }
        match call.phase {
            Phase::Incoming { .. } if call.reliable.holds_answer() => call.reliable.hold(sdp)?,
            Phase::Incoming { .. } => call.give_answer(&mut self.layer, now, sdp),
            Phase::Outgoing(_) => return call.answer_early(&mut self.layer, now, &sdp),
            Phase::Running | Phase::Leaving(_) | Phase::Closing { .. } => return Err(CommandError::WrongState),
        }
        self.settle(now, handle);
        Ok(())
    }

    /// Refuses an incoming call that was not answered. `Ended` with `Rejected` follows.
    pub fn reject(&mut self, now: Time, call: CallHandle, rejection: Rejection) -> Result<(), CommandError> {
        let handle = call;
        let call = self.calls.get_mut(&handle).ok_or(CommandError::NoSuchCall)?;
        let reply = Reply::refusing(&rejection);
        let reply = match &rejection.warning {
            Some((code, text)) => reply.with("Warning", warning(call.peer.flow, *code, text)),
            None => reply,
        };
        let status = reply.status;
        call.refuse(&mut self.layer, now, reply)?;
        call.end(EndCause::Rejected { status });
        self.settle(now, handle);
        Ok(())
    }
}

impl Call {
    /// Sends the 200 to the INVITE that came.
    pub(super) fn give_answer(&mut self, layer: &mut Layer, now: Time, sdp: String) {
        let Some(invite) = self.negotiation.take_invite() else { return };
        self.phase = Phase::Running;
        self.reliable.stop();
        self.accept(layer, now, &invite, sdp);
    }

    /// Refuses the INVITE that came.
    pub(super) fn refuse(&mut self, layer: &mut Layer, now: Time, reply: Reply) -> Result<(), CommandError> {
        if !self.is_incoming() {
            return Err(CommandError::WrongState);
        }
        let invite = self.negotiation.take_invite().ok_or(CommandError::WrongState)?;
        layer.respond(now, invite.server, &invite.request.headers, reply);
        Ok(())
    }

    /// Sends the 200 to an INVITE, UPDATE or PRACK and keeps the first for repetition until its ACK comes.
    pub(super) fn accept(&mut self, layer: &mut Layer, now: Time, pending: &PendingRequest, sdp: String) {
        let PendingRequest { server, request, interval } = pending;
        let is_invite = request.method == Method::Invite;
        let describes = !is_invite || self.negotiation.needs_description();
        let reply = recording_route(Reply::new(200), request)
            .with("Contact", self.peer.contact())
            .with("Allow", ALLOW)
            .with("Supported", SUPPORTED);
        let reply = if describes { reply.describing(sdp.clone()) } else { reply };
        let sent = layer.respond(now, *server, &request.headers, Interval::write(*interval, reply));
        let Some(bytes) = sent else {
            // its transaction is over
            if is_invite {
                self.negotiation.roll_back();
            }
            return;
        };
        if is_invite {
            let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
            self.negotiation.accepted(Unacknowledged::new(now, &layer.config.timers, number, *server, bytes));
        }
        if self.is_running() && request.method != Method::Prack {
            self.start_session(now, *interval, Refresher::Uas);
        }
        if describes {
            self.local_sdp = Some(sdp);
        }
    }

    /// A 2xx that we sent as UAS, or received as UAC, starts the session's clock anew.
    pub(super) fn start_session(&mut self, now: Time, interval: Option<Interval>, us: Refresher) {
        self.session = interval.map(|interval| SessionTimer::start(now, interval.seconds, interval.refresher == us));
    }
}

/// A `sips:` URI asks for TLS on every hop, the last one too (RFC 5630 §3.1.3, §4): a request that came in
/// clear is refused.
pub(super) fn check_secured(flow: Flow, request: &Request) -> Result<(), Reply> {
    if request.uri.scheme != Scheme::Sips || flow.transport == Transport::Tls {
        return Ok(());
    }
    Err(Reply::new(480).with("Warning", warning(flow, 380, "SIPS Not Allowed")))
}

/// The value of Warning: we are its agent.
fn warning(flow: Flow, code: u16, text: &str) -> String {
    let host = Uri::sip(None, &flow.local.ip().to_string(), None).to_string();
    format!("{code} {} {}", host.trim_start_matches("sip:"), quote(text))
}

/// Record-Route is copied into a response that makes a dialog (§12.1.1).
pub(super) fn recording_route(reply: Reply, request: &Request) -> Reply {
    request.headers.all("Record-Route").fold(reply, |reply, route| reply.with("Record-Route", route))
}

pub(super) fn malformed(fault: FieldError) -> Reply {
    Reply::new(400).phrased(fault.to_string())
}

/// Telephone numbers compare in canonical form, other users as text.
fn is_same_user(a: &str, b: &str) -> bool {
    match (PhoneNumber::parse(a), PhoneNumber::parse(b)) {
        (Ok(a), Ok(b)) => a == b,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) | (Err(_), Err(_)) => a == b,
    }
}

fn identity_of(headers: &Headers, flow: Flow) -> IdentityFacts {
    let asserted = headers.list("P-Asserted-Identity");
    let read = |values: &[String]| values.iter().filter_map(|value| NameAddr::parse(value)).collect::<Vec<_>>();
    let known = read(&asserted);
    let privacy = headers.all("Privacy").flat_map(|value| value.split([';', ',']));
    IdentityFacts {
        from: headers.from().ok(),
        asserted_unreadable: known.len() != asserted.len(),
        asserted: known,
        authenticated: None,
        preferred: read(&headers.list("P-Preferred-Identity")),
        privacy: privacy.map(|value| value.trim().to_ascii_lowercase()).filter(|value| !value.is_empty()).collect(),
        remote: flow.remote,
    }
}
