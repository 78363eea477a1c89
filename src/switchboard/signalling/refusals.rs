//! Calls that are refused before a worker has them: each is recorded and logged, but a flood of them fills neither store nor log.

use std::net::IpAddr;

use tracing::{info, warn};

use super::{Output, Signalling, carried_out};
use crate::account::{CallRecord, Outcome};
use crate::call::cause_of;
use crate::sip::endpoint::{CallHandle, Incoming, Refused, Rejection};
use crate::time::{Moment, Time};

/// Refusals recorded in one burst, and a second from then on.
const AT_ONCE: f64 = 200.0;
const PER_SECOND: f64 = 20.0;

/// How many refusals may still be recorded (a token bucket).
#[derive(Debug)]
pub(super) struct Telling {
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
    /// Whether one more is recorded; if so, how many were not since the last that was.
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
    pub(super) fn turn_away(&mut self, now: Moment, incoming: &Incoming, why: &str) {
        let rejection = Rejection { retry_after: Some(self.retry_after), ..Rejection::new(503) };
        carried_out(self.endpoint.reject(now.time, incoming.call, rejection));
        let (flow, call_id) = (incoming.flow, incoming.call_id.clone());
        self.refused(now, Refused { flow, call_id, status: 503, why: why.to_owned() });
    }

    /// 486: the line has as many calls as it may.
    pub(super) fn line_is_busy(&mut self, now: Moment, incoming: &Incoming) {
        carried_out(self.endpoint.reject(now.time, incoming.call, Rejection::new(486)));
        let why = "its line has as many calls as [limits] calls_per_line allows".to_owned();
        let (flow, call_id) = (incoming.flow, incoming.call_id.clone());
        self.refused(now, Refused { flow, call_id, status: 486, why });
    }

    /// The caller was refused: a record of it.
    pub(super) fn refused(&mut self, now: Moment, refused: Refused) {
        let Refused { flow, call_id, status, why } = refused;
        let Some(untold) = self.telling.next(now.time) else { return };
        if untold > 0 {
            warn!(untold, "calls were refused and are not recorded: there were too many at once");
        }
        let outcome = match status {
            503 => Outcome::RefusedBusy,
            486 => Outcome::RefusedLineBusy,
            406 | 415 => Outcome::RefusedMedia,
            _ => Outcome::RefusedRequest,
        };
        let peer = flow.remote.ip();
        let mut record = CallRecord::new(self.record_id(now), now.wall, peer.to_string(), outcome);
        record.status = status;
        // what was called is a number: for the record, not for the log
        info!(call = record.id, %peer, status, %outcome, "a call is refused");
        record.detail = Some(why);
        let traced = Some(call_id).filter(|call_id| !call_id.is_empty());
        self.outputs.push_back(Output::Record { record: Box::new(record), traced });
    }

    /// The worker that had the call is gone, and with it all that is known about it.
    pub(super) fn abandoned(&mut self, now: Moment, call: CallHandle, peer: IpAddr) {
        let (cause, text) = cause_of(Outcome::Lost);
        carried_out(self.endpoint.hang_up(now.time, call, Some((cause, text))));
        let mut record = CallRecord::new(self.record_id(now), now.wall, peer.to_string(), Outcome::Lost);
        record.detail = Some("internal error: its media worker is gone".to_owned());
        self.outputs.push_back(Output::Record { record: Box::new(record), traced: None });
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
