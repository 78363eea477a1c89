//! Why a call is over: its outcome, the Reasons (RFC 3326) in its record and in our BYE, and the statuses that the endpoint
//! gives by itself.

use crate::account::Outcome;
use crate::ivr::Ending;
use crate::sip::endpoint::EndCause;
use crate::sip::sdp::{Mismatch, SdpError};

/// So many characters of a Reason are kept.
const LONGEST_REASON: usize = 200;

/// The status that our INVITE server transaction ended with, when the application had no part in it.
pub(super) fn final_status(cause: &EndCause, ours: u16) -> u16 {
    match cause {
        EndCause::Cancelled { .. } => 487,
        EndCause::NoPrack => 504,
        EndCause::TimedOut => 480,
        EndCause::RemoteBye { .. }
        | EndCause::LocalBye
        | EndCause::ByeTimedOut
        | EndCause::Rejected { .. }
        | EndCause::NoAck
        | EndCause::DialogGone { .. }
        | EndCause::FlowFailed
        | EndCause::SessionExpired => ours,
    }
}

/// What the caller said about why it hung up, as far as a record needs it.
pub(super) fn reason_in(cause: &EndCause) -> Option<String> {
    let (EndCause::RemoteBye { reason } | EndCause::Cancelled { reason }) = cause else { return None };
    let reason = reason.as_deref()?;
    Some(reason.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect())
}

/// The cause of ITU-T Q.850, and its text, that our BYE gives.
pub fn cause_of(outcome: Outcome) -> (u16, &'static str) {
    match outcome {
        Outcome::Stopped | Outcome::StoreFailed | Outcome::NotConfirmed | Outcome::RefusedStore | Outcome::Lost => {
            (41, "Temporary failure")
        }
        Outcome::RefusedMedia => (88, "Incompatible destination"),
        Outcome::TooLong | Outcome::NoAck => (102, "Recovery on timer expiry"),
        Outcome::Set
        | Outcome::SetUnheard
        | Outcome::Overtaken
        | Outcome::HungUp
        | Outcome::TooManyInvalid
        | Outcome::TooManyTimeouts
        | Outcome::Cancelled
        | Outcome::RefusedUnknownLine
        | Outcome::RefusedWithheld
        | Outcome::RefusedConflict
        | Outcome::RefusedUntrusted
        | Outcome::RefusedPassword
        | Outcome::RefusedRequest
        | Outcome::RefusedLineBusy
        | Outcome::RefusedBusy => (16, "Normal call clearing"),
    }
}

/// How a call ended whose conversation ended so.
pub(super) fn outcome_of(ending: Ending) -> Outcome {
    match ending {
        Ending::Set => Outcome::Set,
        Ending::TooManyInvalid => Outcome::TooManyInvalid,
        Ending::TooManyTimeouts => Outcome::TooManyTimeouts,
        Ending::StoreFailed => Outcome::StoreFailed,
        Ending::NotConfirmed => Outcome::NotConfirmed,
        Ending::Overtaken => Outcome::Overtaken,
        Ending::CallerHungUp => Outcome::HungUp,
    }
}

/// The status for a description that is not usable.
pub(super) fn status_of(error: &SdpError) -> u16 {
    match error {
        SdpError::Malformed { .. } => 400,
        SdpError::NotAcceptable { .. } => 488,
    }
}

/// The Warning about a session description that is not usable, beside the status (RFC 3261 §13.3.1.3, §20.43).
pub(super) fn warning_of(error: &SdpError) -> (u16, String) {
    let (code, text) = match error {
        SdpError::Malformed { .. } => (399, error.to_string()),
        SdpError::NotAcceptable { why } => {
            let code = match why {
                Mismatch::Address | Mismatch::Family { .. } => 301,
                Mismatch::Transport => 302,
                Mismatch::NoAudio => 304,
                Mismatch::Codec => 305,
                Mismatch::Crypto | Mismatch::Unencrypted => 399,
            };
            (code, why.to_string())
        }
    };
    (code, text)
}
