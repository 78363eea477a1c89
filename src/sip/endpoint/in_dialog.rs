//! Requests within a dialog (RFC 3261 §12.2.2): ACK, re-INVITE, UPDATE, INFO, BYE, OPTIONS.

use rand::RngExt;

use super::body::{check_accept, session_of};
use super::call::{Call, Phase};
use super::handle::{CallHandle, ServerId};
use super::layer::Layer;
use super::negotiation::{Carrier, Negotiation, PendingRequest, Refusal};
use super::reply::{ACCEPT_KEYS, ALLOW, Reply, SUPPORTED, check_required};
use super::session_timer::{Interval, Refresher};
use super::{CommandError, EndCause, Endpoint, Event};
use crate::sip::dialog::DialogId;
use crate::sip::flow::Flow;
use crate::sip::message::{Method, Request};
use crate::sip::transaction::AckFor;
use crate::time::Time;

impl Endpoint {
    /// An ACK: of the transaction for a failure, of the dialog for a 2xx. One that fits neither is late or stray,
    /// and is never answered.
    pub(super) fn receive_ack(&mut self, now: Time, flow: Flow, known: Option<ServerId>, request: &Request) {
        if known.is_some_and(|id| self.layer.acknowledge(now, id) == AckFor::Transaction) {
            return;
        }
        let Ok(Some(dialog)) = DialogId::of_request(&request.headers) else { return };
        let Some(&handle) = self.dialogs.get(&dialog) else { return };
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        if !call.negotiation.acknowledged(number) {
            return;
        }
        call.peer.flow = flow;
        let answer = session_of(request).ok().flatten();
        self.layer.tell(Event::Confirmed { call: handle, answer });
        call.leave(&mut self.layer, now);
        self.settle(now, handle);
    }

    pub(super) fn receive_in_dialog(
        &mut self,
        now: Time,
        flow: Flow,
        id: ServerId,
        request: &Request,
        dialog: &DialogId,
    ) -> Result<(), Reply> {
        let Some(&handle) = self.dialogs.get(dialog) else { return self.receive_late(now, id, request, dialog) };
        let call = self.calls.get_mut(&handle).ok_or(Reply::new(481))?;
        check_required(request)?;
        let number = request.headers.cseq().map_err(super::uas::malformed)?.number;
        if !call.dialog_named(dialog).ok_or(Reply::new(481))?.advance(number) {
            return Err(Reply::new(500).phrased("CSeq Out Of Order"));
        }
        self.layer.assign(id, handle);
        let layer = &mut self.layer;
        if call.dialog.id() != dialog {
            let outcome = call.receive_early(layer, now, id, request);
            self.settle(now, handle);
            return outcome;
        }
        call.peer.flow = flow;
        let outcome = match request.method {
            Method::Bye => {
                call.receive_bye(layer, now, id, request);
                Ok(())
            }
            // a PRACK may come after the final response (RFC 3262 §3)
            Method::Prack => call.receive_prack(layer, now, id, request),
            // having sent BYE we know the dialog no more
            _ if matches!(call.phase, Phase::Closing { .. }) => Err(Reply::new(481)),
            Method::Invite => call.receive_invite(layer, now, id, request),
            Method::Update
            | Method::Info
            | Method::Options
            | Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Message
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Publish
            | Method::Other(_) => call.receive_alike(layer, now, id, request),
        };
        self.settle(now, handle);
        outcome
    }

    /// Responds to [`Event::Offer`]: with our session description, or with a status such as 488 that leaves the session
    /// as it was.
    pub fn respond_offer(
        &mut self,
        now: Time,
        call: CallHandle,
        response: Result<String, u16>,
    ) -> Result<(), CommandError> {
        let handle = call;
        let call = self.calls.get_mut(&handle).ok_or(CommandError::NoSuchCall)?;
        let pending = call.take_offered().ok_or(CommandError::WrongState)?;
        match response {
            Ok(sdp) => {
                call.offer_accepted(&pending.request);
                call.accept(&mut self.layer, now, &pending, sdp);
            }
            Err(status) => {
                if pending.request.method == Method::Invite {
                    call.negotiation.roll_back();
                }
                let status = if (300..700).contains(&status) { status } else { 500 };
                self.layer.respond(now, pending.server, &pending.request.headers, Reply::new(status));
            }
        }
        self.settle(now, handle);
        Ok(())
    }
}

impl Call {
    /// A re-INVITE (§14.2).
    fn receive_invite(&mut self, layer: &mut Layer, now: Time, id: ServerId, request: &Request) -> Result<(), Reply> {
        self.negotiation.may_accept(Carrier::Invite).map_err(|refusal| refused(layer, refusal))?;
        check_accept(request)?;
        let offer = session_of(request)?;
        let interval = Interval::answering(&request.headers, &layer.config)?;
        if self.negotiation.take_unacknowledged() {
            // its sender has our 200: the ACK was lost or overtaken (RFC 5407 §3.1.4)
            layer.tell(Event::Confirmed { call: self.handle, answer: None });
        }
        if self.leave(layer, now) {
            return Err(Reply::new(487));
        }
        layer.respond(now, id, &request.headers, Reply::new(100));
        self.consider(layer, id, request, interval, offer);
        Ok(())
    }

    /// Requests that early and confirmed dialogs answer alike.
    pub(super) fn receive_alike(
        &mut self,
        layer: &mut Layer,
        now: Time,
        id: ServerId,
        request: &Request,
    ) -> Result<(), Reply> {
        match request.method {
            Method::Update => self.receive_update(layer, now, id, request),
            Method::Info => self.receive_info(layer, now, id, request),
            Method::Options => {
                let reply = Reply::capabilities(&layer.config).with("Contact", self.peer.contact());
                layer.respond(now, id, &request.headers, reply);
                Ok(())
            }
            Method::Ack | Method::Cancel => Ok(()),
            Method::Invite
            | Method::Bye
            | Method::Prack
            | Method::Register
            | Method::Message
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Publish
            | Method::Other(_) => Err(Reply::new(405).with("Allow", ALLOW)),
        }
    }

    /// UPDATE (RFC 3311 §5.2): a refresh is answered at once, an offer is the application's.
    fn receive_update(&mut self, layer: &mut Layer, now: Time, id: ServerId, request: &Request) -> Result<(), Reply> {
        let interval = Interval::answering(&request.headers, &layer.config)?;
        if let Some(offer) = session_of(request)? {
            self.check_turn(Carrier::Update, request).map_err(|refusal| refused(layer, refusal))?;
            self.consider(layer, id, request, interval, Some(offer));
            return Ok(());
        }
        if self.negotiation_of(request).is_updating() {
            return Err(refused(layer, Refusal::Busy));
        }
        self.peer.learn(&request.headers);
        if let Some(dialog) = self.dialog_of(request) {
            dialog.refresh_target(&request.headers);
        }
        let reply =
            Reply::new(200).with("Contact", self.peer.contact()).with("Allow", ALLOW).with("Supported", SUPPORTED);
        layer.respond(now, id, &request.headers, Interval::write(interval, reply));
        if matches!(self.phase, Phase::Running) {
            self.start_session(now, interval, Refresher::Uas);
        }
        Ok(())
    }

    /// Whether an offer, or an INVITE, may come now. The application considers one at a time, whatever dialog it is in.
    pub(super) fn check_turn(&mut self, carrier: Carrier, request: &Request) -> Result<(), Refusal> {
        if matches!(self.phase, Phase::Leaving(_) | Phase::Closing { .. }) {
            return Err(Refusal::Glare);
        }
        self.negotiation_of(request).may_accept(carrier)?;
        if self.negotiations().any(|negotiation| negotiation.is_offered()) {
            return Err(Refusal::Busy);
        }
        Ok(())
    }

    /// Passes an offer, or the request for one, to the application.
    pub(super) fn consider(
        &mut self,
        layer: &mut Layer,
        server: ServerId,
        request: &Request,
        interval: Option<Interval>,
        offer: Option<Vec<u8>>,
    ) {
        self.peer.learn(&request.headers);
        let pending = PendingRequest { server, request: request.clone(), interval };
        match request.method == Method::Invite {
            true => self.negotiation.invited(pending, offer.is_some()),
            false => self.negotiation_of(request).offered(pending),
        }
        layer.tell(Event::Offer { call: self.handle, offer });
    }

    /// The request that [`Event::Offer`] was about.
    fn take_offered(&mut self) -> Option<PendingRequest> {
        let offered = self.negotiations().find_map(Negotiation::take_offered);
        if offered.is_some() || self.is_incoming() {
            return offered;
        }
        self.negotiation.take_invite()
    }

    /// INFO: keys (the two content types of practice, RFC 6086 §2 calls it legacy usage), or nothing at all.
    fn receive_info(&mut self, layer: &mut Layer, now: Time, id: ServerId, request: &Request) -> Result<(), Reply> {
        if request.headers.contains("Info-Package") {
            // RFC 6086 §4.2.2: we are willing to receive none
            return Err(Reply::new(469).with("Recv-Info", ""));
        }
        if !request.body.is_empty() {
            let content_type = request.headers.content_type().unwrap_or_default();
            if !ACCEPT_KEYS.split(", ").any(|accepted| accepted == content_type) {
                return Err(Reply::unsupported_media(ACCEPT_KEYS));
            }
            layer.tell(Event::Info { call: self.handle, content_type, body: request.body.clone() });
        }
        layer.respond(now, id, &request.headers, Reply::new(200));
        Ok(())
    }

    fn receive_bye(&mut self, layer: &mut Layer, now: Time, id: ServerId, request: &Request) {
        layer.respond(now, id, &request.headers, Reply::new(200));
        let reason = request.headers.first("Reason").map(str::to_owned);
        match self.phase {
            Phase::Incoming { .. } => {
                self.refuse_pending(layer, now);
                self.end(EndCause::Cancelled { reason });
            }
            Phase::Outgoing(_) | Phase::Running | Phase::Leaving(_) => self.end(EndCause::RemoteBye { reason }),
            // both hung up; ours is answered as well
            Phase::Closing { .. } => {}
        }
    }

    /// 487 to the far end's unanswered requests (§15.1.2).
    pub(super) fn refuse_pending(&mut self, layer: &mut Layer, now: Time) {
        for negotiation in self.negotiations() {
            refuse_pending(layer, now, negotiation);
        }
    }
}

/// 487 to the far end's unanswered requests in one dialog.
pub(super) fn refuse_pending(layer: &mut Layer, now: Time, negotiation: &mut Negotiation) {
    while let Some(PendingRequest { server, request, .. }) = negotiation.take_pending() {
        layer.respond(now, server, &request.headers, Reply::new(487));
    }
}

/// The response to an offer, or an INVITE, that cannot be taken now.
pub(super) fn refused(layer: &mut Layer, refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Glare => Reply::new(491),
        Refusal::Busy => Reply::new(500).with("Retry-After", layer.rng.random_range(0..=10).to_string()),
        Refusal::OutOfOrder => Reply::new(400).phrased("Offer And Answer Out Of Order"),
    }
}
