//! The user agent client (RFC 3261 §8.1, §13.2): placing calls, and the responses to our requests.

use std::time::Duration;

use super::call::{Call, Cancel, HangUp, Phase, Setup};
use super::handle::{CallHandle, ClientId};
use super::in_dialog::refuse_pending;
use super::layer::{Layer, Purpose};
use super::negotiation::{Heard, Negotiation, OwedAck};
use super::reliable::Early;
use super::reply::{ACCEPT_SESSION, ALLOW, SUPPORTED};
use super::session_timer::{self, Interval, Refresher};
use super::{CommandError, EndCause, Endpoint, Event, Outgoing};
use crate::sip::dialog::Dialog;
use crate::sip::message::{CSeq, Method, NameAddr, Request, Response, Scheme};
use crate::time::Time;

impl Endpoint {
    /// Places a call.
    pub fn place(&mut self, now: Time, outgoing: Outgoing) -> Result<CallHandle, CommandError> {
        if self.calls.len() >= self.layer.config.max_calls || !self.layer.has_room(true) {
            return Err(CommandError::Full);
        }
        let request = invite(&mut self.layer, &outgoing);
        let dialog = Dialog::placing(&request).map_err(|_| CommandError::WrongState)?;
        let handle = self.next_handle();
        let kept = self.account.is_some().then(|| Box::new(request.clone()));
        let client = self.layer.send(now, outgoing.flow, request, Purpose::Place(handle));
        let late_offer = outgoing.offer.is_none();
        let setup = Setup {
            client,
            late_offer,
            provisional: false,
            limit: now + self.layer.config.setup_limit,
            cancel: Cancel::No,
            withholds_ack: false,
            invite: kept,
        };
        let negotiation = Negotiation::calling(!late_offer);
        let mut call = Call::new(handle, outgoing.flow, dialog, Phase::Outgoing(setup), negotiation);
        call.peer.is_secure = outgoing.to.scheme == Scheme::Sips;
        call.peer.user = outgoing.from.uri.subscriber();
        call.local_sdp = outgoing.offer;
        self.calls.insert(handle, call);
        self.settle(now, handle);
        Ok(handle)
    }

    /// Never acknowledges the 2xx to this call, which was just placed: a test of what the far end does then.
    pub fn withhold_ack(&mut self, call: CallHandle) -> Result<(), CommandError> {
        let call = self.calls.get_mut(&call).ok_or(CommandError::NoSuchCall)?;
        let Phase::Outgoing(setup) = &mut call.phase else { return Err(CommandError::WrongState) };
        setup.withholds_ack = true;
        Ok(())
    }

    /// Sends an INFO. [`Event::InfoAnswered`] follows.
    pub fn send_info(
        &mut self,
        now: Time,
        call: CallHandle,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(), CommandError> {
        let call = self.calls.get_mut(&call).ok_or(CommandError::NoSuchCall)?;
        if !call.is_running() || call.negotiation.owed_ack().is_some() {
            return Err(CommandError::WrongState);
        }
        if call.infos >= MAX_INFOS || !self.layer.has_room(false) {
            return Err(CommandError::Full);
        }
        let mut request = call.dialog.request(Method::Info);
        request.headers.push("Content-Type", content_type);
        request.body = body;
        call.infos += 1;
        self.layer.send(now, call.way(), request, Purpose::Info(call.handle));
        Ok(())
    }

    pub(super) fn receive_response(&mut self, now: Time, response: &Response) {
        // §8.1.3.3: a second Via means another recipient
        if response.headers.list("Via").len() != 1 {
            return;
        }
        let Some((id, purpose)) = self.layer.receive(now, response) else { return };
        let call = match purpose {
            Purpose::Register => return self.registration_answered(now, id, response),
            Purpose::Place(handle) | Purpose::Change(handle) | Purpose::Bye(handle) | Purpose::Info(handle) => handle,
            Purpose::Forgotten => return,
        };
        match purpose {
            Purpose::Place(_) => self.invite_answered(now, call, id, response),
            Purpose::Change(_) => self.change_answered(now, call, id, response),
            Purpose::Bye(_) if response.status >= 200 => self.bye_answered(call),
            Purpose::Info(_) if response.status >= 200 => self.info_answered(now, call, response.status),
            Purpose::Bye(_) | Purpose::Info(_) | Purpose::Register | Purpose::Forgotten => {}
        }
        self.settle(now, call);
    }

    /// No response came to a request of ours, or it could not be sent.
    pub(super) fn request_failed(&mut self, now: Time, id: ClientId, purpose: Purpose, why: EndCause) {
        let (Purpose::Place(handle) | Purpose::Change(handle) | Purpose::Bye(handle) | Purpose::Info(handle)) = purpose
        else {
            if purpose == Purpose::Register {
                self.own_registration_is_over(408, crate::sip::message::reason_phrase(408));
            }
            return;
        };
        match (purpose, self.calls.get_mut(&handle)) {
            (Purpose::Place(_), Some(call)) => match &call.phase {
                Phase::Outgoing(setup) => {
                    let cause = setup.cancel.cause().cloned();
                    call.end(cause.unwrap_or(why));
                }
                Phase::Incoming { .. } | Phase::Running | Phase::Leaving(_) | Phase::Closing { .. } => {}
            },
            (Purpose::Change(_), Some(call)) => call.change_failed(&mut self.layer, now, id, 408),
            (Purpose::Bye(_), Some(call)) => match &call.phase {
                Phase::Closing { cause: EndCause::LocalBye } if why == EndCause::TimedOut => {
                    call.end(EndCause::ByeTimedOut);
                }
                Phase::Closing { cause: EndCause::LocalBye } => call.end(why),
                Phase::Closing { cause } => {
                    let cause = cause.clone();
                    call.end(cause);
                }
                Phase::Incoming { .. } | Phase::Outgoing(_) | Phase::Running | Phase::Leaving(_) => {}
            },
            (Purpose::Info(_), _) => self.info_answered(now, handle, 408),
            (Purpose::Place(_) | Purpose::Change(_) | Purpose::Bye(_) | Purpose::Register | Purpose::Forgotten, _) => {}
        }
        self.settle(now, handle);
    }

    fn invite_answered(&mut self, now: Time, handle: CallHandle, id: ClientId, response: &Response) {
        if self.calls_again(now, handle, id, response) {
            return;
        }
        let waiting = self
            .calls
            .get_mut(&handle)
            .filter(|call| matches!(&call.phase, Phase::Outgoing(setup) if setup.client == id));
        match (waiting, response.status) {
            (Some(call), ..200) => {
                call.progressed(&mut self.layer, now, response);
                for early in &call.early {
                    self.dialogs.insert(early.dialog.id().clone(), handle);
                }
            }
            (Some(call), 200..300) => {
                call.accepted(&mut self.layer, now, id, response);
                self.dialogs.insert(call.dialog.id().clone(), handle);
            }
            (Some(call), 300..) => call.refused(&mut self.layer, response),
            (None, 200..300) => self.answered_again(now, handle, id, response),
            (None, _) => {}
        }
    }

    /// A 2xx came again: ACK it again. Another fork answered as well: ACK it and hang up on it (§13.2.2.4).
    pub(super) fn answered_again(&mut self, now: Time, handle: CallHandle, id: ClientId, response: &Response) {
        let Ok(to) = response.headers.to() else { return };
        let owed = self.calls.get(&handle).is_some_and(|call| {
            call.negotiation.owed_ack().is_some_and(|owed| owed.client == id)
                && call.dialog.id().remote_tag.as_deref() == to.tag()
        });
        if owed || self.layer.ack_again(id, to.tag()) {
            return;
        }
        let Some((request, flow)) = self.layer.another_fork(id) else { return };
        let Ok(mut dialog) = Dialog::placing(&request).and_then(|dialog| dialog.answered(response)) else { return };
        let way = flow.towards(dialog.next_hop());
        self.layer.send_ack(id, way, dialog.ack(dialog.local_number()));
        if let Some(call) = self.calls.get_mut(&handle) {
            if let Some(mut early) = call.take_early(&mut dialog) {
                refuse_pending(&mut self.layer, now, &mut early.negotiation);
            }
            if call.dialog.id() != dialog.id() {
                self.dialogs.remove(dialog.id());
            }
        }
        let bye = dialog.request(Method::Bye);
        self.layer.send(now, way, bye, Purpose::Forgotten);
    }

    fn bye_answered(&mut self, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        if let Phase::Closing { cause } = &call.phase {
            let cause = cause.clone();
            call.end(cause);
        }
    }

    fn info_answered(&mut self, now: Time, handle: CallHandle, status: u16) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        call.infos = call.infos.saturating_sub(1);
        self.layer.tell(Event::InfoAnswered { call: handle, status });
        if status == 481 && call.is_running() {
            call.drop_dead(&mut self.layer, now, EndCause::DialogGone { status });
        }
    }
}

impl Call {
    fn progressed(&mut self, layer: &mut Layer, now: Time, response: &Response) {
        let Phase::Outgoing(setup) = &mut self.phase else { return };
        setup.provisional = true;
        if let Cancel::Wanted(hang_up) = &setup.cancel {
            let hang_up = hang_up.clone();
            return self.give_up(layer, now, hang_up);
        }
        if response.status > 100 {
            self.heard_progress(layer, now, response);
        }
    }

    fn accepted(&mut self, layer: &mut Layer, now: Time, id: ClientId, response: &Response) {
        let Ok(mut dialog) = self.dialog.answered(response) else { return };
        let owed = OwedAck { client: id, number: dialog.local_number() };
        let early = self.take_early(&mut dialog);
        self.dialog = dialog;
        let Phase::Outgoing(setup) = std::mem::replace(&mut self.phase, Phase::Running) else { return };
        self.peer.learn(&response.headers);
        self.start_session(now, Interval::agreed(&response.headers), Refresher::Uac);
        let earlier = early.and_then(|Early { negotiation, answer, .. }| {
            self.negotiation = negotiation;
            answer
        });
        let heard = self.negotiation.heard_success(owed);
        let hang_up = match setup.cancel {
            Cancel::No => None,
            Cancel::Wanted(hang_up) => Some(hang_up),
            Cancel::Sent { .. } => Some(HangUp { cause: EndCause::LocalBye, reason: None }),
        };
        if setup.withholds_ack {
            // its repetitions then match no transaction
            self.negotiation.take_ack();
            layer.remove_client(id);
        } else if heard != Heard::Offer || hang_up.is_some() {
            self.acknowledge(layer, owed, None);
        }
        // the first description is the answer, whatever follows (RFC 3261 §13.2.1)
        let answer = match heard {
            Heard::Offer | Heard::Answer => response.body.clone(),
            Heard::Nothing => earlier.unwrap_or_default(),
        };
        match hang_up {
            // the CANCEL came too late
            Some(hang_up) => self.send_bye(layer, now, HangUp { cause: EndCause::LocalBye, ..hang_up }),
            None => layer.tell(Event::Accepted { call: self.handle, answer }),
        }
    }

    /// Takes the early dialog that became `dialog`, and continues its sequence numbers.
    fn take_early(&mut self, dialog: &mut Dialog) -> Option<Early> {
        let at = self.early.iter().position(|early| early.dialog.id() == dialog.id())?;
        let early = self.early.swap_remove(at);
        dialog.count_on_from(&early.dialog);
        Some(early)
    }

    fn refused(&mut self, layer: &mut Layer, response: &Response) {
        let Phase::Outgoing(setup) = &self.phase else { return };
        let status = response.status;
        if let Some(cause) = setup.cancel.cause().cloned() {
            return self.end(cause);
        }
        let retry_after = response.headers.seconds("Retry-After").map(|s| Duration::from_secs(u64::from(s)));
        let reason = response.reason.clone();
        layer.tell(Event::Rejected { call: self.handle, status, reason, retry_after });
        self.end(EndCause::Rejected { status });
    }

    /// Sends the ACK for a 2xx, with our answer if the 2xx was the offer.
    pub(super) fn acknowledge(&mut self, layer: &mut Layer, owed: OwedAck, sdp: Option<String>) {
        self.negotiation.take_ack();
        let OwedAck { client, number } = owed;
        let mut ack = self.dialog.ack(number);
        if let Some(sdp) = &sdp {
            ack.headers.push("Content-Type", ACCEPT_SESSION);
            ack.body = sdp.clone().into_bytes();
        }
        layer.send_ack(client, self.way(), ack);
        self.local_sdp = sdp.or(self.local_sdp.take());
    }
}

fn invite(layer: &mut Layer, outgoing: &Outgoing) -> Request {
    let mut request = Request::new(Method::Invite, outgoing.to.clone());
    let mut from = outgoing.from.clone();
    from.set_tag(&layer.token());
    let headers = &mut request.headers;
    headers.push("Max-Forwards", "70");
    headers.push("From", from.to_string());
    headers.push("To", NameAddr::new(outgoing.to.clone()).to_string());
    headers.push("Call-ID", format!("{}{}", layer.token(), layer.token()));
    headers.push("CSeq", CSeq { number: 1, method: Method::Invite }.to_string());
    let secure = outgoing.to.scheme == Scheme::Sips;
    headers.push("Contact", outgoing.flow.contact(outgoing.from.uri.subscriber().as_deref(), secure).to_string());
    headers.push("Allow", ALLOW);
    headers.push("Supported", SUPPORTED);
    if !layer.config.user_agent.is_empty() {
        headers.push("User-Agent", layer.config.user_agent.clone());
    }
    if let Some(asserted) = &outgoing.asserted {
        headers.push("P-Asserted-Identity", asserted.to_string());
    }
    outgoing.headers.iter().for_each(|(name, value)| headers.push(name, value.clone()));
    if let Some(interval) = layer.config.session_expires {
        let seconds = session_timer::seconds(interval);
        session_timer::ask(&mut request, seconds, layer.config.min_session_expires, None);
    }
    if let Some(offer) = &outgoing.offer {
        request.headers.push("Content-Type", ACCEPT_SESSION);
        request.body = offer.clone().into_bytes();
    }
    request
}

/// The limit of INFOs of a call without an answer.
const MAX_INFOS: usize = 32;
