//! What the endpoint remembers of one call, and the deadlines in it.

use super::layer::{ClientId, ServerId};
use super::reliable::{Early, Reliable};
use super::session_timer::{Interval, SessionTimer};
use super::{CallHandle, EndCause};
use crate::sip::dialog::Dialog;
use crate::sip::flow::Flow;
use crate::sip::message::Request;
use crate::sip::timer::{Backoff, Table, Timer, soonest};
use crate::time::Time;

/// One call, ours or the far end's.
pub(super) struct Call {
    pub handle: CallHandle,
    /// The way to the other side: that of its last message.
    pub flow: Flow,
    /// Requests go where the last message came from, not to the Contact, which is an address behind a NAT.
    pub behind_nat: bool,
    /// It was asked for with a `sips:` URI: so is our Contact.
    pub is_secure: bool,
    /// We placed it, so the Call-ID is ours.
    pub is_ours: bool,
    /// The user part of our Contact.
    pub user: Option<String>,
    pub dialog: Dialog,
    pub phase: Phase,
    /// Our 200 that waits for its ACK.
    pub answer: Option<Answer>,
    /// What we do once that ACK is here.
    pub hang_up: Option<HangUp>,
    /// The far end's re-INVITE or UPDATE that the application is thinking about.
    pub offered: Option<Offered>,
    /// Our re-INVITE or UPDATE.
    pub change: Option<Change>,
    /// The INVITE whose 200 we cannot acknowledge before the application has answered the offer in it, and its number.
    pub owed_ack: Option<(ClientId, u32)>,
    pub session: Option<SessionTimer>,
    /// The far end takes UPDATE.
    pub takes_update: bool,
    /// The far end knows session timers.
    pub knows_timers: bool,
    /// What we last described, to say it again in a refresh.
    pub local_sdp: Option<String>,
    /// Our reliable provisional responses to its INVITE.
    pub reliable: Reliable,
    /// The early dialogs that our INVITE has led to, as far as their responses were reliable.
    pub early: Vec<Early>,
    /// The 2xx to our INVITE is never acknowledged.
    pub withholds_ack: bool,
    /// INFOs that were not answered yet.
    pub infos: usize,
    /// Our INVITE as it was sent, without Via, to be sent again with credentials; kept when there is an account for that.
    pub invite: Option<Box<Request>>,
    /// Set when the call is over; it is then removed and the application told.
    pub ended: Option<EndCause>,
}

/// How far a call is.
pub(super) enum Phase {
    /// It came in, and the application has not decided.
    Incoming { server: ServerId, request: Box<Request>, interval: Option<Interval>, limit: Time, expires: Option<Time> },
    /// We placed it, and nobody has answered.
    Outgoing { client: ClientId, late_offer: bool, provisional: bool, limit: Time, cancel: Cancel },
    /// It was answered.
    Running,
    /// BYE was sent.
    Closing { cause: EndCause },
}

/// Whether our INVITE is being cancelled.
pub(super) enum Cancel {
    No,
    /// CANCEL must wait for a provisional response (RFC 3261 §9.1).
    Wanted(HangUp),
    /// CANCEL was sent; without a final response the call is over then.
    Sent {
        cause: EndCause,
        give_up: Time,
    },
}

/// How a call is to end.
#[derive(Clone, Debug)]
pub(super) struct HangUp {
    pub cause: EndCause,
    /// The value of Reason.
    pub reason: Option<String>,
}

/// A 200 that is repeated until its ACK comes (RFC 3261 §13.3.1.4).
pub(super) struct Answer {
    pub number: u32,
    pub server: ServerId,
    pub bytes: Vec<u8>,
    /// The 200 held our offer: the ACK must hold the answer.
    pub offers: bool,
    pub again: Backoff,
    pub give_up: Time,
}

/// A re-INVITE or UPDATE that came.
pub(super) struct Offered {
    pub server: ServerId,
    pub request: Request,
    pub interval: Option<Interval>,
}

/// A re-INVITE or UPDATE of ours.
pub(super) struct Change {
    pub kind: ChangeKind,
    pub state: ChangeState,
    /// It was sent with the longer interval that a 422 asked for.
    pub longer: bool,
}

/// What our re-INVITE or UPDATE is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChangeKind {
    /// The application's offer, or its wish for one.
    Offer(Option<String>),
    /// The session timer's, by re-INVITE with the description as it is.
    RefreshByInvite,
    /// The session timer's, by UPDATE.
    RefreshByUpdate,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeState {
    /// It was sent.
    Sent(ClientId),
    /// It met one of the far end's (491) and is tried again then.
    Again(Time),
}

impl Call {
    /// A call in its first state.
    pub fn new(handle: CallHandle, flow: Flow, dialog: Dialog, phase: Phase) -> Call {
        Call {
            handle,
            flow,
            behind_nat: false,
            is_secure: false,
            is_ours: false,
            user: None,
            dialog,
            phase,
            answer: None,
            hang_up: None,
            offered: None,
            change: None,
            owed_ack: None,
            session: None,
            takes_update: false,
            knows_timers: false,
            local_sdp: None,
            reliable: Reliable::default(),
            early: Vec::new(),
            withholds_ack: false,
            infos: 0,
            invite: None,
            ended: None,
        }
    }

    /// The call is over; the first cause counts.
    pub fn end(&mut self, cause: EndCause) {
        self.ended.get_or_insert(cause);
    }

    /// Where the next request in the dialog goes.
    pub fn way(&self) -> Flow {
        let is_open = !self.flow.transport.is_reliable() || self.flow.connection.is_some();
        if self.behind_nat && is_open { self.flow } else { self.flow.towards(self.dialog.next_hop()) }
    }

    /// Our Contact.
    pub fn contact(&self) -> String {
        self.flow.contact(self.user.as_deref(), self.is_secure).to_string()
    }

    /// Whether the call was answered and nobody has hung up.
    pub const fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running) && self.hang_up.is_none()
    }

    /// Whether an INVITE or UPDATE of ours waits for its answer.
    pub fn is_changing(&self) -> bool {
        self.change.as_ref().is_some_and(|change| matches!(change.state, ChangeState::Sent(_)))
    }

    /// When the call is to be woken, and why.
    pub fn deadline(&self) -> Option<(Time, Timer)> {
        let setup = match &self.phase {
            Phase::Incoming { limit, expires, .. } => {
                Some((expires.map_or(*limit, |expires| expires.min(*limit)), Timer::Setup))
            }
            Phase::Outgoing { cancel: Cancel::Sent { give_up, .. }, .. } => Some((*give_up, Timer::Cancelled)),
            Phase::Outgoing { cancel: Cancel::No, limit, .. } => Some((*limit, Timer::Setup)),
            Phase::Outgoing { cancel: Cancel::Wanted(_), .. } | Phase::Running | Phase::Closing { .. } => None,
        };
        let again = match &self.change {
            Some(Change { state: ChangeState::Again(time), .. }) => Some((*time, Timer::OfferAgain)),
            Some(Change { state: ChangeState::Sent(_), .. }) | None => None,
        };
        soonest([
            setup,
            again,
            self.reliable.deadline(),
            self.answer.as_ref().map(|answer| (answer.again.next(), Timer::Answer)),
            self.answer.as_ref().map(|answer| (answer.give_up, Timer::AnswerUnacknowledged)),
            self.session.as_ref().filter(|_| self.is_running()).and_then(SessionTimer::deadline),
        ])
    }
}

impl Answer {
    /// A 200 that was just sent.
    pub fn new(now: Time, timers: &Table, number: u32, server: ServerId, bytes: Vec<u8>) -> Answer {
        let again = Backoff::new(now, timers.t1, timers.t2);
        Answer { number, server, bytes, offers: false, again, give_up: now + timers.give_up() }
    }
}
