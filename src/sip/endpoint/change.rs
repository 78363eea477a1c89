//! Changing a running session from our side (RFC 3261 §14.1, RFC 3311), and refreshing it (RFC 4028 §7, §10).

use std::time::Duration;

use rand::RngExt;

use super::call::{Call, Change, ChangeKind, ChangeState};
use super::handle::{CallHandle, ClientId};
use super::layer::{Layer, Purpose};
use super::negotiation::{Heard, OwedAck};
use super::reply::{ACCEPT_SESSION, ALLOW, SUPPORTED};
use super::session_timer::{self, Interval, Refresher};
use super::{CommandError, EndCause, Endpoint, Event};
use crate::sip::message::{Method, Response};
use crate::time::Time;

impl Endpoint {
    /// Changes the session of a running call (re-INVITE): with an offer, or asking the far end for one.
    /// [`Event::OfferAnswered`] follows.
    pub fn offer(&mut self, now: Time, call: CallHandle, sdp: Option<String>) -> Result<(), CommandError> {
        let handle = call;
        let call = self.calls.get_mut(&handle).ok_or(CommandError::NoSuchCall)?;
        if !call.is_running() || !call.negotiation.may_offer() || call.change.is_some() {
            return Err(CommandError::WrongState);
        }
        if !self.layer.has_room(false) {
            return Err(CommandError::Full);
        }
        call.send_change(&mut self.layer, now, ChangeKind::Offer(sdp), false);
        self.settle(now, handle);
        Ok(())
    }

    pub(super) fn change_answered(&mut self, now: Time, handle: CallHandle, id: ClientId, response: &Response) {
        let waiting = self.calls.get_mut(&handle).filter(|call| call.waits_for(id));
        match (waiting, response.status) {
            (_, ..200) => {}
            (Some(call), 200..300) => call.change_accepted(&mut self.layer, now, id, response),
            (Some(call), 491) => call.change_met_another(&mut self.layer, now),
            (Some(call), 422) => call.interval_too_small(&mut self.layer, now, id, response),
            (Some(call), status) => call.change_failed(&mut self.layer, now, id, status),
            (None, 200..300) if response.headers.cseq().is_ok_and(|cseq| cseq.method == Method::Invite) => {
                self.answered_again(now, handle, id, response);
            }
            (None, _) => {}
        }
    }
}

impl Call {
    fn waits_for(&self, id: ClientId) -> bool {
        self.change.as_ref().is_some_and(|change| change.state == ChangeState::Sent(id))
    }

    fn send_change(&mut self, layer: &mut Layer, now: Time, kind: ChangeKind, longer: bool) {
        let (method, sdp) = match &kind {
            ChangeKind::Offer(sdp) => (Method::Invite, sdp.clone()),
            ChangeKind::RefreshByInvite => (Method::Invite, self.local_sdp.clone()),
            ChangeKind::RefreshByUpdate => (Method::Update, None),
        };
        let mut request = self.dialog.request(method);
        request.headers.push("Contact", self.peer.contact());
        request.headers.push("Allow", ALLOW);
        request.headers.push("Supported", SUPPORTED);
        if let Some(session) = &self.session {
            // the roles stay (RFC 4028 §7.4)
            let refresher = if session.is_ours() { "uac" } else { "uas" };
            session_timer::ask(&mut request, session.seconds, layer.config.min_session_expires, Some(refresher));
        }
        let offers = sdp.is_some();
        if let Some(sdp) = sdp {
            request.headers.push("Content-Type", ACCEPT_SESSION);
            request.body = sdp.into_bytes();
        }
        let client = layer.send(now, self.way(), request, Purpose::Change(self.handle));
        let change = Change { kind, state: ChangeState::Sent(client), longer };
        if change.is_invite() {
            self.negotiation.re_invite(offers);
        }
        self.change = Some(change);
    }

    fn change_accepted(&mut self, layer: &mut Layer, now: Time, id: ClientId, response: &Response) {
        let Some(change) = self.change.take() else { return };
        self.dialog.refresh_target(&response.headers);
        self.peer.learn(&response.headers);
        let agreed = Interval::agreed(&response.headers).or(self.one_sided_interval());
        self.start_session(now, agreed, Refresher::Uac);
        if !change.is_invite() {
            return;
        }
        let owed = OwedAck { client: id, number: response.headers.cseq().map_or(0, |cseq| cseq.number) };
        let heard = self.negotiation.heard_success(owed);
        match change.kind {
            ChangeKind::RefreshByUpdate => {}
            ChangeKind::RefreshByInvite => {
                self.acknowledge(layer, owed, None);
                if self.is_running() && !response.body.is_empty() {
                    layer.tell(Event::Refreshed { call: self.handle, answer: response.body.clone() });
                }
            }
            ChangeKind::Offer(sdp) => {
                if heard != Heard::Offer || !self.is_running() {
                    self.local_sdp = sdp;
                    self.acknowledge(layer, owed, None);
                }
                if self.is_running() {
                    let answer = Ok(response.body.clone());
                    layer.tell(Event::OfferAnswered { call: self.handle, answer });
                }
            }
        }
    }

    /// A far end that knows no session timers answers without an interval. Where a proxy asked for refreshes, we go on with them.
    fn one_sided_interval(&self) -> Option<Interval> {
        let session = self.session.as_ref().filter(|session| session.is_ours() && !self.peer.knows_timers)?;
        Some(Interval { seconds: session.seconds, refresher: Refresher::Uac, required: false })
    }

    /// 491: both ends offered at once.
    fn change_met_another(&mut self, layer: &mut Layer, now: Time) {
        self.roll_back_change();
        let again = now + self.pause(layer);
        if let Some(change) = &mut self.change {
            change.state = ChangeState::Again(again);
        }
    }

    /// The wait after a 491: the owner of the Call-ID waits longer (§14.1).
    fn pause(&self, layer: &mut Layer) -> Duration {
        let tens =
            if self.dialog.is_ours() { layer.rng.random_range(210..=400) } else { layer.rng.random_range(0..=200) };
        Duration::from_millis(10 * tens)
    }

    fn roll_back_change(&mut self) {
        if self.change.as_ref().is_some_and(Change::is_invite) {
            self.negotiation.roll_back();
        }
    }

    /// 422: the far end wants fewer refreshes (RFC 4028 §7.4).
    fn interval_too_small(&mut self, layer: &mut Layer, now: Time, id: ClientId, response: &Response) {
        let wanted = response.headers.seconds("Min-SE").unwrap_or(0);
        match (&mut self.session, &mut self.change) {
            (Some(session), Some(change)) if session.seconds < wanted && !change.longer => {
                session.seconds = wanted;
                change.longer = true;
                change.state = ChangeState::Again(now);
                self.roll_back_change();
            }
            _ => self.change_failed(layer, now, id, response.status),
        }
    }

    /// The session stays as it was, unless the far end does not know it any more (§14.1, RFC 4028 §10).
    pub(super) fn change_failed(&mut self, layer: &mut Layer, now: Time, id: ClientId, status: u16) {
        if !self.waits_for(id) {
            return;
        }
        self.roll_back_change();
        let change = self.change.take();
        if !self.is_running() {
            return;
        }
        if let Some(Change { kind: ChangeKind::Offer(_), .. }) = change {
            layer.tell(Event::OfferAnswered { call: self.handle, answer: Err(status) });
        }
        if matches!(status, 408 | 481) {
            self.drop_dead(layer, now, EndCause::DialogGone { status });
        }
    }

    /// The wait after a 491 is over.
    pub(super) fn offer_again(&mut self, layer: &mut Layer, now: Time) {
        let Some(change) = self.change.take().filter(|_| self.is_running()) else { return };
        if self.negotiation.may_offer() {
            self.send_change(layer, now, change.kind, change.longer);
        } else {
            let again = now + self.pause(layer);
            self.change = Some(Change { state: ChangeState::Again(again), ..change });
        }
    }

    /// Our refresh is due: by UPDATE where the far end takes it, else by a re-INVITE that changes nothing.
    pub(super) fn refresh_session(&mut self, layer: &mut Layer, now: Time) {
        let busy = !self.negotiation.may_offer() || self.change.is_some();
        let Some(session) = &mut self.session else { return };
        if busy {
            // the change under way refreshes it as well, or there is time for another attempt
            return session.refresh_at(now + Duration::from_secs(2));
        }
        session.refreshing();
        let kind = if self.peer.takes_update { ChangeKind::RefreshByUpdate } else { ChangeKind::RefreshByInvite };
        self.send_change(layer, now, kind, false);
    }
}
