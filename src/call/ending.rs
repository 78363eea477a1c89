//! The end of a call, from whichever side it comes: what it leaves in the record. The record goes out once, and not before the store
//! has answered or is given up.

use super::reason::{cause_of, final_status, outcome_of, reason_in};
use super::{Call, Output, Phase, Talk};
use crate::account::Outcome;
use crate::ivr;
use crate::sip::endpoint::EndCause;
use crate::time::Time;

impl Call {
    /// We end the call: with BYE when it was answered.
    pub(super) fn end(&mut self, now: Time, outcome: Outcome) {
        match std::mem::replace(&mut self.phase, Phase::Ending) {
            Phase::Identifying { .. } | Phase::Opening { .. } => self.refuse(503, outcome),
            phase @ (Phase::Excusing { .. } | Phase::Announcing(_)) => {
                self.phase = phase;
                self.conclude(now);
            }
            Phase::Answering { .. } => {
                self.record.outcome = outcome;
                self.hang_up(outcome);
            }
            Phase::Talking(talk) => {
                self.leave(now, *talk, outcome);
                self.hang_up(outcome);
            }
            phase @ (Phase::Ending | Phase::Settling | Phase::Finished) => self.phase = phase,
        }
    }

    fn hang_up(&mut self, outcome: Outcome) {
        let (cause, text) = cause_of(outcome);
        self.outputs.push_back(Output::HangUp(cause, text));
    }

    pub(super) fn ended(&mut self, now: Time, cause: &EndCause) {
        let outcome = match cause {
            EndCause::RemoteBye { .. } => Outcome::HungUp,
            EndCause::Cancelled { .. } => Outcome::Cancelled,
            EndCause::NoAck | EndCause::NoPrack => Outcome::NoAck,
            EndCause::LocalBye | EndCause::ByeTimedOut | EndCause::Rejected { .. } => self.record.outcome,
            EndCause::TimedOut | EndCause::DialogGone { .. } | EndCause::FlowFailed | EndCause::SessionExpired => {
                Outcome::Lost
            }
        };
        self.record.reason = reason_in(cause);
        match std::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Talking(talk) => self.leave(now, *talk, outcome),
            // why it was refused says more than that the caller has not heard it out
            Phase::Announcing(announcement) => {
                self.outputs.extend(announcement.close(now, &mut self.record));
                self.record.status = final_status(cause, self.record.status);
            }
            Phase::Excusing { .. } => self.record.status = final_status(cause, self.record.status),
            Phase::Identifying { .. } | Phase::Opening { .. } | Phase::Answering { .. } => {
                self.record.outcome = outcome;
                if outcome == Outcome::Cancelled {
                    self.record.status = 487;
                }
            }
            Phase::Ending => {}
            // told once more: the server stops
            Phase::Settling => return self.finish(),
            Phase::Finished => return,
        }
        self.record.ended_at = self.wall(now);
        if self.storing.is_some() { self.phase = Phase::Settling } else { self.finish() }
    }

    /// Closes the media and enters what the talk has learned into the record. What is being said as the last words has
    /// come out so, even if the caller does not hear them out; anything before has come out as `outcome`.
    fn leave(&mut self, now: Time, mut talk: Talk, outcome: Outcome) {
        talk.conversation.handle_input(now, ivr::Input::HungUp);
        let told = talk.conversation.ending().map(outcome_of).filter(|&told| told != Outcome::HungUp);
        self.record.outcome = told.unwrap_or(outcome);
        self.record.unit = talk.conversation.unit();
        self.record.target = talk.conversation.target();
        talk.media.close(now, &mut self.record);
        while let Ok(output) = talk.media.poll_output() {
            self.outputs.push_back(output);
        }
    }
}
