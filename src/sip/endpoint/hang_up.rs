//! Ending calls (RFC 3261 §15): BYE and CANCEL of ours, and the deadlines of a call.

use super::call::{Call, Cancel, HangUp, Phase, Setup};
use super::handle::CallHandle;
use super::layer::{Layer, Purpose};
use super::reply::Reply;
use super::{CommandError, EndCause, Endpoint, Rejection};
use crate::sip::message::Method;
use crate::sip::timer::Timer;
use crate::sip::wire::lex;
use crate::time::Time;

impl Endpoint {
    /// Ends a call, whatever its state: BYE, CANCEL for one of ours without an answer, 480 for an incoming one without an
    /// answer. BYE waits for the ACK of our 200 (RFC 3261 §15). `reason` goes into Reason (RFC 3326) as
    /// Q.850 cause and text. `Ended` follows when the far end has answered.
    pub fn hang_up(&mut self, now: Time, call: CallHandle, reason: Option<(u16, &str)>) -> Result<(), CommandError> {
        let handle = call;
        let call = self.calls.get_mut(&handle).ok_or(CommandError::NoSuchCall)?;
        let reason = reason.map(|(cause, text)| format!("Q.850;cause={cause};text={}", lex::quote(text)));
        match &call.phase {
            Phase::Incoming { .. } => {
                let rejection = Rejection { status: 480, reason_header: reason, ..Rejection::default() };
                return self.reject(now, handle, rejection);
            }
            Phase::Outgoing(Setup { cancel: Cancel::No, .. }) => {
                let cause = EndCause::Cancelled { reason: reason.clone() };
                call.give_up(&mut self.layer, now, HangUp { cause, reason });
            }
            Phase::Running => {
                call.close(&mut self.layer, now, HangUp { cause: EndCause::LocalBye, reason });
            }
            Phase::Outgoing(_) | Phase::Leaving(_) | Phase::Closing { .. } => return Err(CommandError::WrongState),
        }
        self.settle(now, handle);
        Ok(())
    }

    /// A deadline of the call has come.
    pub(super) fn wake_call(&mut self, now: Time, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let layer = &mut self.layer;
        match call.deadline() {
            Some((time, timer)) if time <= now => call.handle_timer(layer, now, timer),
            Some(_) | None => {}
        }
        self.settle(now, handle);
    }
}

impl Call {
    fn handle_timer(&mut self, layer: &mut Layer, now: Time, timer: Timer) {
        match timer {
            Timer::Setup => self.set_up_too_late(layer, now),
            Timer::Cancelled => self.cancelled_in_vain(layer),
            Timer::Answer => {
                let answer = self.negotiation.unacknowledged_mut().filter(|answer| answer.again.next() <= now);
                if let Some(answer) = answer {
                    answer.again.fire(now);
                    let flow = layer.flow_of(answer.server).unwrap_or(self.peer.flow);
                    layer.transmit(flow, answer.bytes.clone());
                }
            }
            Timer::AnswerUnacknowledged => self.drop_dead(layer, now, EndCause::NoAck),
            Timer::Provisional => self.repeat_provisional(layer, now),
            Timer::ProvisionalUnacknowledged => self.provisional_unacknowledged(layer, now),
            Timer::OfferAgain => self.offer_again(layer, now),
            Timer::SessionRefresh => self.refresh_session(layer, now),
            Timer::SessionExpired => self.drop_dead(layer, now, EndCause::SessionExpired),
            Timer::A
            | Timer::B
            | Timer::C
            | Timer::D
            | Timer::E
            | Timer::F
            | Timer::G
            | Timer::H
            | Timer::I
            | Timer::J
            | Timer::K
            | Timer::L
            | Timer::M => {}
        }
    }

    /// BYE, at once or as soon as our 200 is acknowledged.
    fn close(&mut self, layer: &mut Layer, now: Time, hang_up: HangUp) {
        self.refuse_pending(layer, now);
        if self.negotiation.unacknowledged().is_some() {
            self.phase = Phase::Leaving(hang_up);
        } else {
            self.send_bye(layer, now, hang_up);
        }
    }

    /// Sends the BYE that has waited for the ACK of our 200, if there is one.
    pub(super) fn leave(&mut self, layer: &mut Layer, now: Time) -> bool {
        match std::mem::replace(&mut self.phase, Phase::Running) {
            Phase::Leaving(hang_up) => {
                self.send_bye(layer, now, hang_up);
                true
            }
            other @ (Phase::Incoming { .. } | Phase::Outgoing(_) | Phase::Running | Phase::Closing { .. }) => {
                self.phase = other;
                false
            }
        }
    }

    /// Sends BYE and waits for its answer.
    pub(super) fn send_bye(&mut self, layer: &mut Layer, now: Time, hang_up: HangUp) {
        self.bye(layer, now, Purpose::Bye(self.handle), hang_up.reason);
        self.phase = Phase::Closing { cause: hang_up.cause };
    }

    /// Sends BYE, but the call is over whether or not it is answered.
    pub(super) fn drop_dead(&mut self, layer: &mut Layer, now: Time, cause: EndCause) {
        let timed_out = matches!(cause, EndCause::NoAck | EndCause::SessionExpired);
        let reason = timed_out.then(|| "Q.850;cause=102;text=\"Recovery on timer expiry\"".to_owned());
        self.bye(layer, now, Purpose::Forgotten, reason);
        self.end(cause);
    }

    fn bye(&mut self, layer: &mut Layer, now: Time, purpose: Purpose, reason: Option<String>) {
        if let Some(owed) = self.negotiation.owed_ack() {
            // a BYE is only taken after it
            self.acknowledge(layer, owed, None);
        }
        let mut request = self.dialog.request(Method::Bye);
        if let Some(reason) = reason {
            request.headers.push("Reason", reason);
        }
        layer.send(now, self.way(), request, purpose);
    }

    /// CANCEL, at once or as soon as a provisional response allows it (§9.1).
    pub(super) fn give_up(&mut self, layer: &mut Layer, now: Time, hang_up: HangUp) {
        let Phase::Outgoing(Setup { client, provisional, cancel, .. }) = &mut self.phase else { return };
        if *provisional {
            layer.cancel(now, *client, hang_up.reason.as_deref());
            *cancel = Cancel::Sent { cause: hang_up.cause, give_up: now + layer.config.timers.give_up() };
        } else {
            *cancel = Cancel::Wanted(hang_up);
        }
    }

    fn set_up_too_late(&mut self, layer: &mut Layer, now: Time) {
        match &self.phase {
            Phase::Incoming { expires, .. } => {
                let status = if expires.is_some_and(|expires| expires <= now) { 487 } else { 480 };
                // it came in, so there is an INVITE to refuse
                let _ = self.refuse(layer, now, Reply::new(status));
                self.end(EndCause::TimedOut);
            }
            Phase::Outgoing(_) => {
                self.give_up(layer, now, HangUp { cause: EndCause::TimedOut, reason: None });
            }
            Phase::Running | Phase::Leaving(_) | Phase::Closing { .. } => {}
        }
    }

    fn cancelled_in_vain(&mut self, layer: &mut Layer) {
        if let Phase::Outgoing(Setup { client, cancel: Cancel::Sent { cause, .. }, .. }) = &self.phase {
            layer.remove_client(*client);
            let cause = cause.clone();
            self.end(cause);
        }
    }
}
