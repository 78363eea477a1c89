//! Offers and answers of one call: which media, to where, and what is put down about those that cannot be met.

use std::net::SocketAddr;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::reason::{status_of, warning_of};
use super::{Call, Output, Phase, Talk};
use crate::account::{CallRecord, Outcome};
use crate::ivr;
use crate::keying::{Keys, Suite};
use crate::sip::endpoint::Rejection;
use crate::sip::sdp::{self, LocalMedia, MediaPlan, SdpError, Srtp};
use crate::time::Time;

impl Call {
    pub(super) fn answer(&mut self, line: ivr::Line, rtp: SocketAddr, offer: Option<&[u8]>) {
        let local = self.local(rtp);
        let negotiated = match offer {
            Some(offer) => sdp::answer(offer, &local).map(|(answer, plan)| (answer, Some(Box::new(plan)))),
            None => Ok((sdp::offer(&local), None)),
        };
        match negotiated {
            Ok((description, plan)) => {
                self.outputs.push_back(Output::Answer(description));
                self.record.status = 200;
                self.phase = Phase::Answering { line, local, plan };
            }
            Err(error) => {
                let status = unmet(&error, &mut self.record);
                let rejection = Rejection { warning: Some(warning_of(&error)), ..Rejection::new(status) };
                self.refuse_with(rejection, Outcome::RefusedMedia);
            }
        }
    }

    pub(super) fn local(&self, rtp: SocketAddr) -> LocalMedia {
        // an o= line's numbers fit into 63 bits everywhere
        let mut local = LocalMedia::new(rtp, self.seed.numbers >> 1);
        local.srtp = self.settings.srtp;
        if local.srtp != Srtp::Off {
            local.keys = Keys::draw(&Suite::ALL, &mut StdRng::from_seed(self.seed.keys));
        }
        local
    }
}

impl Talk {
    /// Answers a changed session, or makes the offer that is asked for.
    pub(super) fn respond(&mut self, now: Time, offer: Option<&[u8]>) -> Result<String, SdpError> {
        let describe = |local: &LocalMedia| match offer {
            Some(offer) => sdp::answer(offer, local).map(|(answer, plan)| (answer, Some(plan))),
            None => Ok((sdp::offer(local), None)),
        };
        let (mut description, plan) = describe(&self.local)?;
        // RFC 3264 §8: the version counts descriptions that differ
        if description != self.described {
            self.local.version += 1;
            description = describe(&self.local)?.0;
            self.described.clone_from(&description);
        }
        match plan {
            Some(plan) => self.media.retarget(now, &plan),
            None => self.offered = true,
        }
        Ok(description)
    }
}

/// What the answer to our offer means, if it can be met.
pub(super) fn accepted(answer: &[u8], local: &LocalMedia, record: &mut CallRecord) -> Option<MediaPlan> {
    match sdp::accept(answer, local) {
        Ok(plan) => Some(plan),
        Err(error) => {
            unmet(&error, record);
            None
        }
    }
}

/// The status for a session description that cannot be met, and why is put down.
pub(super) fn unmet(error: &SdpError, record: &mut CallRecord) -> u16 {
    record.refused_media = Some(match error {
        SdpError::NotAcceptable { why } => why.to_string(),
        SdpError::Malformed { .. } => error.to_string(),
    });
    tracing::debug!(call = record.id, %error, "media is refused");
    status_of(error)
}
