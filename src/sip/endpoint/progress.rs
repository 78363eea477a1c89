//! Before the answer: provisional responses of ours and of the far end, and their PRACKs (RFC 3261 §13.3.1.1, RFC 3262).

use super::body::session_of;
use super::call::Call;
use super::handle::{CallHandle, ServerId};
use super::in_dialog::refused;
use super::layer::{Layer, Purpose};
use super::negotiation::{Carrier, Heard, PendingRequest, Refusal};
use super::reliable::{Description, Pending, Provisional, wishes};
use super::reply::{ACCEPT_SESSION, ALLOW, RELIABLE_PROVISIONALS, Reply, SUPPORTED};
use super::uas::{malformed, recording_route};
use super::{CommandError, EndCause, Endpoint, Event};
use crate::sip::dialog::DialogId;
use crate::sip::message::{CSeq, Method, RAck, Request, Response};
use crate::time::Time;

impl Endpoint {
    /// Reports ringing to the caller (180), where that is possible. Not needed before `answer`.
    pub fn ring(&mut self, now: Time, call: CallHandle) -> Result<(), CommandError> {
        self.progress(now, call, 180, None)
    }

    /// Reports progress to the caller (101 to 199), with a session description for early media (183):
    /// [`Event::EarlyMedia`] follows. A caller that supports it gets a reliable response. Then the next one waits for its
    /// PRACK, and so does an answer after a session description; without a PRACK for 64·T1 the call ends with 504 (RFC 3262 §3).
    pub fn progress(
        &mut self,
        now: Time,
        call: CallHandle,
        status: u16,
        sdp: Option<String>,
    ) -> Result<(), CommandError> {
        let handle = call;
        let call = self.calls.get_mut(&handle).ok_or(CommandError::NoSuchCall)?;
        let invite = call.negotiation.invite().filter(|_| call.is_incoming()).ok_or(CommandError::WrongState)?;
        let (supports, _) = wishes(&invite.request.headers);
        // an offer needs a response that cannot get lost (RFC 3262 §5)
        let offers = call.negotiation.is_unopened() && sdp.is_some();
        if !(101..200).contains(&status) || offers && !supports {
            return Err(CommandError::WrongState);
        }
        let provisional = Provisional { status, sdp };
        if call.reliable.is_waiting() {
            call.reliable.queue(provisional);
        } else {
            call.send_provisional(&mut self.layer, now, provisional);
        }
        self.settle(now, handle);
        Ok(())
    }
}

impl Endpoint {
    /// A request in a dialog that is unknown or over: a PRACK may come after the final response.
    pub(super) fn receive_late(
        &mut self,
        now: Time,
        id: ServerId,
        request: &Request,
        dialog: &DialogId,
    ) -> Result<(), Reply> {
        if request.method != Method::Prack {
            return Err(Reply::new(481));
        }
        let rack = request.headers.rack().ok().filter(|rack| rack.cseq.method == Method::Invite);
        let description = rack.and_then(|rack| self.departed.take(now, dialog, &rack)).ok_or(Reply::new(481))?;
        let answers = description == Description::Offer;
        // there is nothing left to agree on
        let status = if session_of(request)?.is_some() && !answers { 488 } else { 200 };
        self.layer.respond(now, id, &request.headers, Reply::new(status));
        Ok(())
    }
}

impl Call {
    fn send_provisional(&mut self, layer: &mut Layer, now: Time, provisional: Provisional) {
        let Some(PendingRequest { server, request, .. }) = self.negotiation.invite() else { return };
        let (supports, requires) = wishes(&request.headers);
        let description = match provisional.sdp {
            None => Description::None,
            Some(_) if self.negotiation.is_unopened() => Description::Offer,
            Some(_) => Description::Answer,
        };
        let describes = description != Description::None;
        // after an INVITE without an offer the first reliable response must offer (RFC 3262 §5)
        let reliably = supports && (describes || !self.negotiation.is_unopened());
        if requires && !reliably {
            return;
        }
        let mut reply = recording_route(Reply::new(provisional.status), request)
            .with("Contact", self.peer.contact())
            .with("Allow", ALLOW)
            .with("Supported", SUPPORTED);
        let sequence = reliably.then(|| self.reliable.next_sequence(layer));
        if let Some(sequence) = sequence {
            reply = reply.with("Require", RELIABLE_PROVISIONALS).with("RSeq", sequence.to_string());
        }
        if let Some(sdp) = &provisional.sdp {
            reply = reply.describing(sdp.clone());
            self.local_sdp = Some(sdp.clone());
        }
        let Some(bytes) = layer.respond(now, *server, &request.headers, reply) else { return };
        match sequence {
            Some(sequence) => {
                let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
                let pending = Pending::new(sequence, number, *server, bytes, description);
                self.reliable.wait(now, &layer.config.timers, pending);
                if describes {
                    self.negotiation.described();
                }
            }
            None if describes => layer.tell(Event::EarlyMedia { call: self.handle, answer: None }),
            None => {}
        }
    }

    pub(super) fn repeat_provisional(&mut self, layer: &mut Layer, now: Time) {
        if let Some((server, bytes)) = self.reliable.repeat(now) {
            let flow = layer.flow_of(server).unwrap_or(self.peer.flow);
            layer.transmit(flow, bytes);
        }
    }

    /// RFC 3262 §3 leaves the 5xx open; 504 says that an answer did not come in time.
    pub(super) fn provisional_unacknowledged(&mut self, layer: &mut Layer, now: Time) {
        let Some(invite) = self.negotiation.take_invite() else { return };
        layer.respond(now, invite.server, &invite.request.headers, Reply::new(504));
        self.end(EndCause::NoPrack);
    }

    /// PRACK (RFC 3262 §3, §5): its body is the answer to our offer, or another offer once there was an answer.
    pub(super) fn receive_prack(
        &mut self,
        layer: &mut Layer,
        now: Time,
        id: ServerId,
        request: &Request,
    ) -> Result<(), Reply> {
        let rack = request.headers.rack().map_err(malformed)?;
        let invited = rack.cseq.method == Method::Invite;
        let pending = self.reliable.matching(&rack).filter(|_| invited).ok_or(Reply::new(481))?;
        let description = pending.description;
        let body = session_of(request)?;
        let answers = description == Description::Offer && self.negotiation.needs_answer_in_prack();
        if answers && body.is_none() {
            return Err(refused(layer, Refusal::OutOfOrder));
        }
        let (answer, offer) = if answers { (body, None) } else { (None, body) };
        let turn = if offer.is_some() { self.check_turn(Carrier::Prack, request) } else { Ok(()) };
        if turn == Err(Refusal::OutOfOrder) {
            return Err(refused(layer, Refusal::OutOfOrder));
        }
        self.reliable.acknowledged();
        if answers {
            self.negotiation.pracked();
        }
        let reply = match turn {
            Ok(()) if offer.is_some() => None,
            Ok(()) => Some(Reply::new(200)),
            // the response is acknowledged all the same
            Err(refusal) => Some(refused(layer, refusal)),
        };
        if let Some(reply) = reply {
            layer.respond(now, id, &request.headers, reply);
        }
        if description != Description::None {
            layer.tell(Event::EarlyMedia { call: self.handle, answer });
        }
        if offer.is_some() && turn.is_ok() {
            self.consider(layer, id, request, None, offer);
        }
        if let Some(next) = self.reliable.take_next() {
            self.send_provisional(layer, now, next);
        }
        if !self.reliable.holds_answer()
            && let Some(sdp) = self.reliable.take_held()
        {
            self.give_answer(layer, now, sdp);
        }
        Ok(())
    }

    /// A provisional response to our INVITE, other than 100. It is reported unless it was here before.
    pub(super) fn heard_progress(&mut self, layer: &mut Layer, now: Time, response: &Response) {
        let early = self.early_of_response(response);
        if let Some(sequence) = response.headers.reliable_sequence()
            && !early.is_some_and(|at| self.heard_reliable(layer, now, at, response, sequence))
        {
            return;
        }
        let (status, body) = (response.status, response.body.clone());
        layer.tell(Event::Progress { call: self.handle, status, body });
    }

    /// Acknowledges a reliable provisional response (RFC 3262 §4). False when it was here before or comes out of order: then
    /// it is passed over, and the far end repeats what is missing.
    fn heard_reliable(&mut self, layer: &mut Layer, now: Time, at: usize, response: &Response, sequence: u32) -> bool {
        let Some(early) = self.early.get_mut(at) else { return false };
        if early.sequence.is_some_and(|last| last.wrapping_add(1) != sequence) {
            return false;
        }
        early.sequence = Some(sequence);
        let cseq = CSeq { number: self.dialog.local_number(), method: Method::Invite };
        let rack = RAck { sequence, cseq };
        match early.negotiation.heard_reliable(&rack, !response.body.is_empty()) {
            // PRACK waits for the application's answer
            Heard::Offer => return true,
            Heard::Answer => early.answer = Some(response.body.clone()),
            Heard::Nothing => {}
        }
        self.send_prack(layer, now, at, &rack, None);
        true
    }

    /// The application answers the offer that came with a reliable provisional response.
    pub(super) fn answer_early(&mut self, layer: &mut Layer, now: Time, sdp: &str) -> Result<(), CommandError> {
        let at = self.early.iter().position(|early| early.negotiation.owes_prack()).ok_or(CommandError::WrongState)?;
        let early = self.early.get_mut(at).ok_or(CommandError::WrongState)?;
        let rack = early.negotiation.take_prack().ok_or(CommandError::WrongState)?;
        self.local_sdp = Some(sdp.to_owned());
        self.send_prack(layer, now, at, &rack, Some(sdp));
        Ok(())
    }

    fn send_prack(&mut self, layer: &mut Layer, now: Time, at: usize, rack: &RAck, sdp: Option<&str>) {
        let Some(early) = self.early.get_mut(at) else { return };
        let mut request = early.dialog.request(Method::Prack);
        request.headers.push("RAck", rack.to_string());
        if let Some(sdp) = sdp {
            request.headers.push("Content-Type", ACCEPT_SESSION);
            request.body = sdp.as_bytes().to_vec();
        }
        let way = self.peer.flow.towards(early.dialog.next_hop());
        layer.send(now, way, request, Purpose::Forgotten);
    }
}
