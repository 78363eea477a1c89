//! Before the answer: whose line is it, is it contracted, is there time for its password, and a port.

use std::net::SocketAddr;

use super::identity::{self, Trust, Unidentified};
use super::{Admitted, Call, LONGEST_LOOKUP, NotAdmitted, Output, Phase};
use crate::account::Outcome;
use crate::ivr;
use crate::sip::endpoint::Incoming;
use crate::sip::sdp;

impl Call {
    pub(super) fn identify(&mut self, trust: Trust, incoming: &Incoming) {
        // of identities of which one cannot be read, the readable ones are not believed either
        let authenticated = incoming.identity.authenticated;
        let identified = if authenticated.is_none() && trust.asserted && incoming.identity.asserted_unreadable {
            self.record.detail = Some("a value of P-Asserted-Identity cannot be read".to_owned());
            Err(Unidentified::Conflict)
        } else {
            identity::caller_number(&incoming.identity, trust, authenticated)
        };
        match identified {
            Ok(calling) => {
                self.record.caller = Some(calling);
                let until = incoming.at + LONGEST_LOOKUP;
                self.phase = Phase::Identifying { calling, offer: incoming.offer.clone(), until };
                self.outputs.push_back(Output::FindLine(calling));
            }
            Err(why) => {
                self.record.detail = self.record.detail.take().or_else(|| why.told(trust));
                let (status, outcome) = match why {
                    Unidentified::Withheld | Unidentified::Private => (433, Outcome::RefusedWithheld),
                    Unidentified::Conflict => (403, Outcome::RefusedConflict),
                    Unidentified::Untrusted => (403, Outcome::RefusedUntrusted),
                    Unidentified::NotANumber(_) => (403, Outcome::RefusedUnknownLine),
                };
                self.refuse_aloud(status, outcome, incoming.offer.clone());
            }
        }
    }

    pub(super) fn found(&mut self, admitted: Result<Option<Admitted>, NotAdmitted>) {
        let Phase::Identifying { calling, offer, .. } = &mut self.phase else { return };
        let (calling, offer) = (*calling, offer.take());
        match admitted {
            Err(NotAdmitted::LookupFailed) => self.refuse(503, Outcome::RefusedStore),
            Err(NotAdmitted::Backlog) => {
                let why =
                    "its password could not be hashed in time beside those of other calls: see [limits] hash_workers";
                self.record.detail = Some(why.to_owned());
                self.refuse(503, Outcome::RefusedBusy);
            }
            Ok(None) => self.refuse_aloud(403, Outcome::RefusedUnknownLine, offer),
            Ok(Some(Admitted { contract, seat })) => {
                self.seat = Some(seat);
                let numbers = contract.numbers().collect();
                let line = ivr::Line { calling, customer_number: contract.customer_number, numbers };
                self.outputs.push_back(Output::OpenMedia { towards: offer.as_deref().and_then(sdp::media_address) });
                self.phase = Phase::Opening { line, offer };
            }
        }
    }

    /// A port is open, or none is free.
    pub(super) fn opened(&mut self, rtp: Option<SocketAddr>) {
        let Phase::Opening { .. } = &self.phase else { return self.excuse(rtp) };
        let Phase::Opening { line, offer } = std::mem::replace(&mut self.phase, Phase::Ending) else { return };
        match rtp {
            Some(rtp) => self.answer(line, rtp, offer.as_deref()),
            None => {
                self.record.detail =
                    Some("no port for its media could be had: see [rtp] ports, and the log".to_owned());
                self.refuse(503, Outcome::RefusedBusy);
            }
        }
    }
}
