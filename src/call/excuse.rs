//! What a caller who is refused hears before the refusal, where `sip.refuse_with_announcement` says so: the reason, in early
//! media (183), unanswered and uncharged; then the same status as without.
//!
//! Only peers that are believed are told so. To anybody else's INVITE, which may have been forged, sound is not sent to the
//! address that it names.

use std::net::SocketAddr;
use std::time::Duration;

use super::Output;
use super::media::Media;
use crate::account::{CallRecord, Outcome};
use crate::ivr::Excuse;
use crate::time::Time;

/// The longest announcement: a phone that is on hold, or a bank with long prompts, gets its status then.
const LONGEST: Duration = Duration::from_secs(20);

/// The reason that is spoken, if the outcome has one.
pub(super) fn excuse_for(outcome: Outcome) -> Option<Excuse> {
    match outcome {
        Outcome::RefusedWithheld => Some(Excuse::Withheld),
        Outcome::RefusedUnknownLine => Some(Excuse::NotContracted),
        Outcome::RefusedConflict | Outcome::RefusedUntrusted => Some(Excuse::Unidentified),
        Outcome::RefusedPassword
        | Outcome::RefusedMedia
        | Outcome::RefusedBusy
        | Outcome::RefusedStore
        | Outcome::Set
        | Outcome::SetUnheard
        | Outcome::Cancelled
        | Outcome::HungUp
        | Outcome::TooManyInvalid
        | Outcome::TooManyTimeouts
        | Outcome::StoreFailed
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

    pub(super) fn handle_rtp(&mut self, now: Time, from: SocketAddr, bytes: &[u8]) {
        self.media.handle_rtp(now, from, bytes);
        // nobody asked for a key
        while self.media.pressed().is_some() {}
    }

    pub(super) fn handle_rtcp(&mut self, now: Time, from: SocketAddr, bytes: &[u8]) {
        self.media.handle_rtcp(now, from, bytes);
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
