//! What the endpoint remembers of one call, and the deadlines in it.

use super::EndCause;
use super::handle::{CallHandle, ClientId};
use super::negotiation::Negotiation;
use super::peer::Peer;
use super::reliable::{Early, Reliable};
use super::session_timer::SessionTimer;
use crate::sip::dialog::Dialog;
use crate::sip::flow::Flow;
use crate::sip::message::Request;
use crate::sip::timer::{Timer, soonest};
use crate::time::Time;

/// One call, ours or the far end's.
pub(super) struct Call {
    pub handle: CallHandle,
    pub peer: Peer,
    pub dialog: Dialog,
    pub phase: Phase,
    /// Offer and answer in `dialog`. The early dialogs of our INVITE have their own.
    pub negotiation: Negotiation,
    /// Our re-INVITE or UPDATE.
    pub change: Option<Change>,
    pub session: Option<SessionTimer>,
    /// Our last description, to be repeated in a refresh.
    pub local_sdp: Option<String>,
    /// Our reliable provisional responses to its INVITE.
    pub reliable: Reliable,
    /// The early dialogs of our INVITE that are known by a provisional response.
    pub early: Vec<Early>,
    /// The number of INFOs without an answer.
    pub infos: usize,
    /// Set when the call is over; it is then removed, and the end reported.
    pub ended: Option<EndCause>,
}

/// How far a call is.
pub(super) enum Phase {
    /// It came in, and the application has not decided.
    Incoming { limit: Time, expires: Option<Time> },
    /// We placed it, and it has no final response.
    Outgoing(Setup),
    /// It was answered.
    Running,
    /// It is to end as soon as our 200 is acknowledged (RFC 3261 §15).
    Leaving(HangUp),
    /// BYE was sent.
    Closing { cause: EndCause },
}

/// A call that we placed, until its final response.
pub(super) struct Setup {
    pub client: ClientId,
    /// The INVITE has no offer.
    pub late_offer: bool,
    /// A provisional response has come.
    pub provisional: bool,
    pub limit: Time,
    pub cancel: Cancel,
    /// The 2xx is never acknowledged.
    pub withholds_ack: bool,
    /// The INVITE without Via, to be sent again with credentials; kept when there is an account for that.
    pub invite: Option<Box<Request>>,
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

impl Cancel {
    /// Why the call ends, if it is to end.
    pub(super) const fn cause(&self) -> Option<&EndCause> {
        match self {
            Cancel::No => None,
            Cancel::Wanted(HangUp { cause, .. }) | Cancel::Sent { cause, .. } => Some(cause),
        }
    }
}

/// How a call is to end.
#[derive(Clone, Debug)]
pub(super) struct HangUp {
    pub cause: EndCause,
    /// The value of Reason.
    pub reason: Option<String>,
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
    /// The application's offer, or its request for one.
    Offer(Option<String>),
    /// A refresh by re-INVITE, with the description as it is.
    RefreshByInvite,
    /// A refresh by UPDATE.
    RefreshByUpdate,
}

/// How far our re-INVITE or UPDATE is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeState {
    /// It was sent.
    Sent(ClientId),
    /// It met one of the far end's (491), and is tried again at this time.
    Again(Time),
}

impl Call {
    /// A call in its first phase.
    pub(super) fn new(handle: CallHandle, flow: Flow, dialog: Dialog, phase: Phase, negotiation: Negotiation) -> Call {
        Call {
            handle,
            peer: Peer::new(flow),
            dialog,
            phase,
            negotiation,
            change: None,
            session: None,
            local_sdp: None,
            reliable: Reliable::default(),
            early: Vec::new(),
            infos: 0,
            ended: None,
        }
    }

    /// The call is over; the first cause counts.
    pub(super) fn end(&mut self, cause: EndCause) {
        self.ended.get_or_insert(cause);
    }

    /// Where the next request in the dialog goes.
    pub(super) fn way(&self) -> Flow {
        self.peer.way(&self.dialog)
    }

    /// Whether the call was answered and neither side has hung up.
    pub(super) const fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }

    /// Whether the call came in and is unanswered.
    pub(super) const fn is_incoming(&self) -> bool {
        matches!(self.phase, Phase::Incoming { .. })
    }

    /// When the call is to be woken, and why.
    pub(super) fn deadline(&self) -> Option<(Time, Timer)> {
        let answer = self.negotiation.unacknowledged();
        soonest([
            self.phase.deadline(),
            self.change.as_ref().and_then(Change::deadline),
            self.reliable.deadline(),
            answer.map(|answer| (answer.again.next(), Timer::Answer)),
            answer.map(|answer| (answer.give_up, Timer::AnswerUnacknowledged)),
            self.session.as_ref().filter(|_| self.is_running()).and_then(SessionTimer::deadline),
        ])
    }
}

impl Phase {
    fn deadline(&self) -> Option<(Time, Timer)> {
        match self {
            Phase::Incoming { limit, expires } => {
                Some((expires.map_or(*limit, |expires| expires.min(*limit)), Timer::Setup))
            }
            Phase::Outgoing(Setup { cancel: Cancel::Sent { give_up, .. }, .. }) => Some((*give_up, Timer::Cancelled)),
            Phase::Outgoing(Setup { cancel: Cancel::No, limit, .. }) => Some((*limit, Timer::Setup)),
            Phase::Outgoing(Setup { cancel: Cancel::Wanted(_), .. })
            | Phase::Running
            | Phase::Leaving(_)
            | Phase::Closing { .. } => None,
        }
    }
}

impl Change {
    /// Whether it is an INVITE, and so part of the negotiation.
    pub(super) const fn is_invite(&self) -> bool {
        match self.kind {
            ChangeKind::Offer(_) | ChangeKind::RefreshByInvite => true,
            ChangeKind::RefreshByUpdate => false,
        }
    }

    const fn deadline(&self) -> Option<(Time, Timer)> {
        match self.state {
            ChangeState::Again(time) => Some((time, Timer::OfferAgain)),
            ChangeState::Sent(_) => None,
        }
    }
}
