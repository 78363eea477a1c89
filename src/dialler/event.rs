//! The events that a dialler reports, and their observer.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::caller::{Caller, Conclusion, Step};
use crate::keying::Suite;
use crate::number::PhoneNumber;
use crate::sip::endpoint::EndCause;
use crate::sip::sdp::{Codec, MediaPlan};

/// Sees what happens, in order.
pub trait Observer {
    /// One event. `Break` ends the dialler's work at once, with its calls as they are.
    fn observe(&mut self, event: Event) -> ControlFlow<()>;
}

/// Keeps everything.
impl Observer for Vec<Event> {
    fn observe(&mut self, event: Event) -> ControlFlow<()> {
        self.push(event);
        ControlFlow::Continue(())
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A registration, or its removal, was answered.
    Registered(Registered),
    /// A call came this far.
    Call {
        /// The call's number, from 1.
        call: u32,
        /// Since it was placed.
        at: Duration,
        /// How far.
        progress: Progress,
    },
}

/// The final answer to REGISTER.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// Since the dialler began.
    pub at: Duration,
    /// The number that was to be registered.
    pub line: PhoneNumber,
    /// For how long; 0 removes a registration.
    pub seconds: u32,
    /// The status.
    pub status: u16,
    /// Its reason phrase.
    pub reason: String,
}

/// How far a call has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// INVITE is on its way.
    Calling {
        /// The Request-URI.
        to: String,
        /// The calling number; `None` when it is withheld.
        from: Option<PhoneNumber>,
    },
    /// A provisional response came.
    Provisional {
        /// 101 to 199.
        status: u16,
        /// Whether there is early media.
        early_media: bool,
    },
    /// Answered.
    Answered(Answered),
    /// Answered, but no media was agreed on.
    Unusable {
        /// Why.
        why: String,
    },
    /// Refused.
    Refused {
        /// 300 to 699.
        status: u16,
        /// Its reason phrase.
        reason: String,
    },
    /// The caller heard, keyed or played something.
    Step(Step),
    /// It is over.
    Ended(Ended),
}

/// What was agreed on.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// `PCMU` or `PCMA`.
    pub codec: &'static str,
    /// Whether keys may be sent as telephone events (RFC 4733).
    pub telephone_event: bool,
    /// How media is encrypted, if it is.
    pub srtp: Option<Suite>,
}

impl Answered {
    pub(super) fn with(plan: &MediaPlan) -> Answered {
        Answered {
            codec: match plan.codec {
                Codec::Pcmu => "PCMU",
                Codec::Pcma => "PCMA",
            },
            telephone_event: plan.telephone_event.is_some(),
            srtp: plan.keying.as_ref().map(|keying| keying.local.suite()),
        }
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// By whom, or by what.
    pub how: Ending,
    /// The far end's Reason header (RFC 3326), where it hung up with one.
    pub reason: Option<String>,
    /// What was achieved.
    pub outcome: Outcome,
    /// RTP packets that came.
    pub received: u64,
    /// RTP packets that should have come.
    pub lost: u64,
}

/// What ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The service hung up.
    ServiceHungUp,
    /// The caller hung up.
    HungUp,
    /// The service refused the call.
    Refused,
    /// Nobody answered in time.
    NoAnswer,
    /// The caller gave up before the answer.
    GivenUp,
    /// The call broke: no ACK or PRACK, no way to the service, a session that was not refreshed.
    Lost,
}

/// What a call achieved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// "It is set" was heard.
    Set,
    /// This prompt reported a failure.
    Failed(String),
    /// The call was refused with this status.
    Refused(u16),
    /// Nobody answered.
    NoAnswer,
    /// It ended before the password was set.
    Unfinished,
}

impl Ended {
    pub(super) fn new(cause: EndCause, caller: Option<&Caller>) -> Ended {
        let inbound = caller.map(|caller| caller.stats().inbound).unwrap_or_default();
        Ended {
            how: Ending::from(&cause),
            outcome: Outcome::of(&cause, caller),
            reason: if let EndCause::RemoteBye { reason } = cause { reason } else { None },
            received: inbound.received,
            lost: inbound.lost,
        }
    }
}

impl From<&EndCause> for Ending {
    fn from(cause: &EndCause) -> Ending {
        match cause {
            EndCause::RemoteBye { .. } => Ending::ServiceHungUp,
            EndCause::LocalBye | EndCause::ByeTimedOut => Ending::HungUp,
            EndCause::Rejected { .. } => Ending::Refused,
            EndCause::TimedOut => Ending::NoAnswer,
            EndCause::Cancelled { .. } => Ending::GivenUp,
            EndCause::NoAck
            | EndCause::NoPrack
            | EndCause::DialogGone { .. }
            | EndCause::FlowFailed
            | EndCause::SessionExpired => Ending::Lost,
        }
    }
}

impl Outcome {
    fn of(cause: &EndCause, caller: Option<&Caller>) -> Outcome {
        match (caller.map(Caller::conclusion), cause) {
            (Some(Conclusion::Set), _) => Outcome::Set,
            (Some(Conclusion::Failed(prompt)), _) => Outcome::Failed(prompt.clone()),
            (_, EndCause::Rejected { status }) => Outcome::Refused(*status),
            (None, EndCause::TimedOut) => Outcome::NoAnswer,
            (_, _) => Outcome::Unfinished,
        }
    }
}
