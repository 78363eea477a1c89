//! What a caller who is refused hears before the refusal, where `sip.refuse_with_announcement` says so: the reason, in early
//! media (183), unanswered and uncharged; then the same status as without.
//!
//! Only peers that are believed hear it. In answer to any other INVITE, which may have been forged, sound is not sent to the
//! address that it names.

use std::net::SocketAddr;
use std::time::Duration;

use super::Output;
use super::media::Media;
use super::offer::unmet;
use super::{Call, Phase};
use crate::account::{CallRecord, Outcome};
use crate::datagram::Datagram;
use crate::ivr::Excuse;
use crate::sip::endpoint::Rejection;
use crate::sip::sdp;
use crate::time::Time;

/// The longest announcement: a phone that is on hold, or a bank with long prompts, gets its status then.
const LONGEST: Duration = Duration::from_secs(20);

impl Call {
    /// Refuses, with the reason spoken first where that is wanted and the caller has said where to.
    pub(super) fn refuse_aloud(&mut self, status: u16, outcome: Outcome, offer: Option<Vec<u8>>) {
        match (excuse_for(outcome), offer) {
            (Some(excuse), Some(offer)) if self.announces => {
                self.record.status = status;
                self.record.outcome = outcome;
                let towards = sdp::media_address(&offer);
                self.phase = Phase::Excusing { excuse, offer, plan: None };
                self.outputs.push_back(Output::OpenMedia { towards });
            }
            _ => self.refuse(status, outcome),
        }
    }

    pub(super) fn excuse(&mut self, rtp: Option<SocketAddr>) {
        let local = rtp.map(|rtp| self.local(rtp));
        let Phase::Excusing { offer, plan, .. } = &mut self.phase else { return };
        match local.map(|local| sdp::answer(offer, &local)) {
            Some(Ok((description, agreed))) => {
                *plan = Some(agreed);
                self.outputs.push_back(Output::Progress(description));
            }
            // nothing can be said: the status has to do
            unsaid => {
                if let Some(Err(error)) = unsaid {
                    unmet(&error, &mut self.record);
                }
                self.refuse(self.record.status, self.record.outcome);
            }
        }
    }

    pub(super) fn announce(&mut self, now: Time) {
        let Phase::Excusing { excuse, plan: Some(plan), .. } = &self.phase else { return };
        let media = Media::new(now, &self.settings, self.seed.numbers, self.peer, plan.clone());
        let announcement = Announcement::new(now, media, *excuse);
        self.phase = Phase::Announcing(Box::new(announcement));
    }

    /// The announcement is over, however far it came: the refusal follows.
    pub(super) fn conclude(&mut self, now: Time) {
        if let Phase::Announcing(announcement) = std::mem::replace(&mut self.phase, Phase::Ending) {
            self.outputs.extend(announcement.close(now, &mut self.record));
        }
        self.outputs.push_back(Output::Reject(Rejection::new(self.record.status)));
    }
}

/// The reason that is spoken, if the outcome has one.
fn excuse_for(outcome: Outcome) -> Option<Excuse> {
    match outcome {
        Outcome::RefusedWithheld => Some(Excuse::Withheld),
        Outcome::RefusedUnknownLine => Some(Excuse::NotContracted),
        Outcome::RefusedConflict | Outcome::RefusedUntrusted => Some(Excuse::Unidentified),
        Outcome::RefusedPassword
        | Outcome::RefusedMedia
        | Outcome::RefusedRequest
        | Outcome::RefusedBusy
        | Outcome::RefusedLineBusy
        | Outcome::RefusedStore
        | Outcome::Set
        | Outcome::SetUnheard
        | Outcome::Cancelled
        | Outcome::HungUp
        | Outcome::TooManyInvalid
        | Outcome::TooManyTimeouts
        | Outcome::StoreFailed
        | Outcome::NotConfirmed
        | Outcome::Overtaken
        | Outcome::NoAck
        | Outcome::Lost
        | Outcome::TooLong
        | Outcome::Stopped => None,
    }
}

/// An announcement that is being made.
pub(super) struct Announcement {
    media: Media,
    until: Time,
}

impl Announcement {
    pub(super) fn new(now: Time, mut media: Media, excuse: Excuse) -> Announcement {
        media.play(&[excuse.prompt()]);
        Announcement { media, until: now + LONGEST }
    }

    pub(super) fn handle_datagram(&mut self, now: Time, datagram: Datagram<&[u8]>) {
        self.media.handle_datagram(now, datagram);
        // no key was asked for
        while self.media.pressed().is_some() {}
    }

    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        self.media.recycle(buffer);
    }

    /// Does what is due; true when everything is said.
    pub(super) fn handle_timeout(&mut self, now: Time) -> bool {
        self.media.handle_timeout(now);
        self.media.prompts_finished() || self.until <= now
    }

    pub(super) fn poll_output(&mut self) -> Output {
        self.media.poll_output().unwrap_or_else(|wakes| Output::Timeout(wakes.min(self.until)))
    }

    /// The last packets.
    pub(super) fn close(mut self, now: Time, record: &mut CallRecord) -> Vec<Output> {
        self.media.close(now, record);
        std::iter::from_fn(|| self.media.poll_output().ok()).collect()
    }
}
