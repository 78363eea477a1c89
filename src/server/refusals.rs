//! Calls that are refused before a worker has them: each is recorded and logged, but a flood of them fills neither store nor log.

use tracing::{info, warn};

use super::{Signalling, carried_out};
use crate::account::{CallRecord, Outcome};
use crate::sip::endpoint::{Incoming, Refused, Rejection};
use crate::time::Time;

/// So many refusals are told at once, and so many a second go on being told.
const AT_ONCE: f64 = 200.0;
const PER_SECOND: f64 = 20.0;

/// How many refusals may still be told (a token bucket).
#[derive(Debug)]
pub struct Telling {
    credit: f64,
    counted: Time,
    untold: u64,
}

impl Default for Telling {
    fn default() -> Telling {
        Telling { credit: AT_ONCE, counted: Time::ZERO, untold: 0 }
    }
}

impl Telling {
    /// Whether one more is told; if so, how many were not since the last that was.
    fn next(&mut self, now: Time) -> Option<u64> {
        let earned = now.since(self.counted).as_secs_f64() * PER_SECOND;
        (self.credit, self.counted) = ((self.credit + earned).min(AT_ONCE), now);
        if self.credit < 1.0 {
            self.untold += 1;
            return None;
        }
        self.credit -= 1.0;
        Some(std::mem::take(&mut self.untold))
    }
}

impl Signalling {
    /// 503: the peer has too many calls, or a worker too much to do.
    pub(super) fn turn_away(&mut self, incoming: &Incoming, why: &str) {
        let rejection = Rejection { retry_after: Some(self.retry_after), ..Rejection::new(503) };
        carried_out(self.endpoint.reject(self.clock.now(), incoming.call, rejection));
        let (flow, call_id) = (incoming.flow, incoming.call_id.clone());
        self.refused(Refused { flow, call_id, status: 503, why: why.to_owned() });
    }

    /// The caller was refused: a record of it.
    pub(super) fn refused(&mut self, refused: Refused) {
        let Refused { flow, call_id, status, why } = refused;
        let now = self.clock.now();
        let Some(untold) = self.telling.next(now) else { return };
        if untold > 0 {
            warn!(untold, "so many calls were refused and are not recorded: there were too many at once");
        }
        let outcome = match status {
            503 => Outcome::RefusedBusy,
            406 | 415 => Outcome::RefusedMedia,
            _ => Outcome::RefusedRequest,
        };
        let peer = flow.remote.ip();
        let mut record = CallRecord::new(self.record_id(), self.clock.wall(), peer.to_string(), outcome);
        record.status = status;
        if !call_id.is_empty() {
            self.tracer.call(now, &record.id, &call_id).end(now);
        }
        // what was called is a number: for the record, not for the log
        info!(call = record.id, %peer, status, %outcome, "a call is refused");
        record.detail = Some(why);
        self.ledger.record(Box::new(record));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_in_part_and_what_was_left_out_is_counted() {
        let mut telling = Telling::default();
        let told = (0..1000).filter(|_| telling.next(Time::ZERO).is_some()).count();
        assert_eq!(told, 200);
        assert_eq!(telling.next(Time::from_millis(1000)), Some(800));
        let told = (0..1000).filter(|_| telling.next(Time::from_millis(1000)).is_some()).count();
        assert_eq!(told, 19);
    }
}
