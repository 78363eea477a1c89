//! Before the answer: provisional responses of ours and of the far end, and their PRACKs (RFC 3261 §13.3.1.1, RFC 3262).

use super::body::session_of;
use super::call::{Call, Phase};
use super::layer::{Layer, Purpose, ServerId};
use super::reliable::{Pending, Provisional, wishes};
use super::reply::{ACCEPT_SESSION, ALLOW, RELIABLE_PROVISIONALS, Reply, SUPPORTED};
use super::uas::{malformed, recording_route};
use super::{CallHandle, CommandError, EndCause, Endpoint, Event};
use crate::sip::dialog::DialogId;
use crate::sip::message::{CSeq, Method, RAck, Request, Response};
use crate::time::Time;

impl Endpoint {
    /// Tells the caller that the call rings (180), where that can be told. Not needed before `answer`.
    pub fn ring(&mut self, now: Time, call: CallHandle) -> Result<(), CommandError> {
        self.progress(now, call, 180, None)
    }

    /// Tells the caller how the call gets on (101 to 199), with a session description for early media (183):
    /// [`Event::EarlyMedia`] follows. It is sent reliably to who supports that. Then the next one waits for its PRACK, and so
    /// does an answer after a session description; without a PRACK for 64·T1 the call ends with 504 (RFC 3262 §3).
    pub fn progress(
        &mut self,
        now: Time,
        call: CallHandle,
        status: u16,
        sdp: Option<String>,
    ) -> Result<(), CommandError> {
        let handle = call;
        let call = self.calls.get_mut(&handle).ok_or(CommandError::NoSuchCall)?;
        let Phase::Incoming { request, .. } = &call.phase else { return Err(CommandError::WrongState) };
        let (supports, _) = wishes(&request.headers);
        // an offer in a response that may get lost would be none (RFC 3262 §5)
        let offers = matches!(session_of(request), Ok(None)) && sdp.is_some();
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
    /// A request in a dialog that is not, or no longer, there: the PRACK of a response that was overtaken by the final one.
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
        let answers = rack.and_then(|rack| self.departed.take(now, dialog, &rack)).ok_or(Reply::new(481))?;
        // there is nothing left to agree on
        let status = if session_of(request)?.is_some() && !answers { 488 } else { 200 };
        self.layer.respond(now, id, &request.headers, Reply::new(status));
        Ok(())
    }
}

impl Call {
    fn send_provisional(&mut self, layer: &mut Layer, now: Time, provisional: Provisional) {
        let Phase::Incoming { server, request, .. } = &self.phase else { return };
        let (supports, requires) = wishes(&request.headers);
        let describes = provisional.sdp.is_some();
        let offered = matches!(session_of(request), Ok(Some(_)));
        // where the INVITE offers nothing, the first reliable response has to (RFC 3262 §5)
        let reliably = supports && (offered || describes || self.reliable.has_exchanged());
        if requires && !reliably {
            return;
        }
        let mut reply = recording_route(Reply::new(provisional.status), request)
            .with("Contact", self.contact())
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
                let pending = Pending::new(sequence, number, *server, bytes, describes);
                self.reliable.wait(now, &layer.config.timers, pending);
            }
            None if describes => layer.tell(Event::EarlyMedia { call: self.handle, answer: None }),
            None => {}
        }
    }

    pub(super) fn repeat_provisional(&mut self, layer: &mut Layer, now: Time) {
        if let Some((server, bytes)) = self.reliable.repeat(now) {
            let flow = layer.flow_of(server).unwrap_or(self.flow);
            layer.transmit(flow, bytes);
        }
    }

    /// RFC 3262 §3 leaves the 5xx open; 504 says that somebody did not answer in time.
    pub(super) fn provisional_unacknowledged(&mut self, layer: &mut Layer, now: Time) {
        let Phase::Incoming { server, request, .. } = &self.phase else { return };
        layer.respond(now, *server, &request.headers, Reply::new(504));
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
        let describes = self.reliable.matching(&rack).filter(|_| invited).ok_or(Reply::new(481))?.describes;
        let body = session_of(request)?;
        let answers = describes && self.offered_early();
        if body.is_none() && answers || body.is_some() && !(describes || self.reliable.has_exchanged()) {
            return Err(Reply::new(400).phrased("Offer And Answer Out Of Order"));
        }
        self.reliable.acknowledged(describes);
        match body {
            Some(offer) if !answers => {
                if describes {
                    layer.tell(Event::EarlyMedia { call: self.handle, answer: None });
                }
                self.consider(layer, id, request, None, Some(offer));
            }
            answer => {
                layer.respond(now, id, &request.headers, Reply::new(200));
                if describes {
                    layer.tell(Event::EarlyMedia { call: self.handle, answer });
                }
            }
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

    /// Whether a session description in our provisional response is the offer.
    pub(super) fn offered_early(&self) -> bool {
        match &self.phase {
            Phase::Incoming { request, .. } => {
                !self.reliable.has_exchanged() && matches!(session_of(request), Ok(None))
            }
            Phase::Outgoing { .. } | Phase::Running | Phase::Closing { .. } => false,
        }
    }

    /// A provisional response to our INVITE, other than 100, which the application is told of unless it was here before.
    pub(super) fn heard_progress(&mut self, layer: &mut Layer, now: Time, response: &Response) {
        let Phase::Outgoing { late_offer, .. } = self.phase else { return };
        let early = self.early_of_response(response);
        if let Some(sequence) = response.headers.reliable_sequence()
            && !early.is_some_and(|at| self.heard_reliable(layer, now, at, response, sequence, late_offer))
        {
            return;
        }
        let (status, body) = (response.status, response.body.clone());
        layer.tell(Event::Progress { call: self.handle, status, body });
    }

    /// Acknowledges a reliable provisional response (RFC 3262 §4). False when it was here before or comes out of order: then
    /// it is passed over, and the far end repeats what is missing.
    fn heard_reliable(
        &mut self,
        layer: &mut Layer,
        now: Time,
        at: usize,
        response: &Response,
        sequence: u32,
        late_offer: bool,
    ) -> bool {
        let Some(early) = self.early.get_mut(at) else { return false };
        if early.sequence.is_some_and(|last| last.wrapping_add(1) != sequence) {
            return false;
        }
        early.sequence = Some(sequence);
        let cseq = CSeq { number: self.dialog.local_number(), method: Method::Invite };
        let rack = RAck { sequence, cseq };
        let describes = !response.body.is_empty();
        if late_offer && describes && !early.exchanged {
            early.owed = Some(rack);
            return true;
        }
        if describes && early.answer.is_none() {
            early.answer = Some(response.body.clone());
        }
        self.send_prack(layer, now, at, &rack, None);
        true
    }

    /// The application answers the offer that came with a reliable provisional response.
    pub(super) fn answer_early(&mut self, layer: &mut Layer, now: Time, sdp: &str) -> Result<(), CommandError> {
        let at = self.early.iter().position(|early| early.owed.is_some()).ok_or(CommandError::WrongState)?;
        let early = self.early.get_mut(at).ok_or(CommandError::WrongState)?;
        let rack = early.owed.take().ok_or(CommandError::WrongState)?;
        early.exchanged = true;
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
        let way = self.flow.towards(early.dialog.next_hop());
        layer.send(now, way, request, Purpose::Forgotten);
    }
}
