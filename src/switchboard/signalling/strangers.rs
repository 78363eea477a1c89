//! Peers that are neither trusted nor proved: what the store has to say to their claims, and how those that are turned away are counted.
//!
//! Whether any line has a password at all, so that strangers are challenged, is asked again after [`FRESH`], however many come.

use std::net::IpAddr;
use std::time::Duration;

use tracing::{debug, info};

use super::tally::{Sum, Tallies};
use super::{Answer, Output, Question, Signalling, Waiting};
use crate::account::{CallRecord, Outcome};
use crate::call::{LONGEST_LOOKUP, LookupFailed};
use crate::sip::endpoint::{Judged, Stranger, StrangerHandle, Turned, TurnedAway, Verdict};
use crate::time::{Moment, Time};

/// How long it is taken for known whether any line has a password.
const FRESH: Duration = Duration::from_millis(2);

/// What signalling remembers of strangers.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// Whether any line has a password, and when that was learnt.
    passwords: Option<(bool, Time)>,
    /// Since when that is being asked.
    asked: Option<Time>,
    /// Requests without credentials that wait for the answer.
    waiting: Vec<StrangerHandle>,
    tallies: Tallies,
}

impl Strangers {
    /// When a sum is to be told.
    pub(super) fn deadline(&self) -> Time {
        self.tallies.deadline()
    }

    fn learn(&mut self, now: Time, any: bool) {
        self.passwords = Some((any, now));
    }

    fn known(&self, now: Time) -> Option<bool> {
        self.passwords.filter(|(_, learnt)| now.since(*learnt) < FRESH).map(|(any, _)| any)
    }
}

impl Signalling {
    /// A stranger calls or registers, and what it gets depends on what the store knows.
    pub(super) fn stranger(&mut self, now: Moment, stranger: Stranger) {
        let Stranger { handle, flow, user_name, line, .. } = stranger;
        let peer = flow.remote.ip();
        let Some(realm) = self.realm.clone() else { return self.judge(now, handle, Verdict::Untrusted) };
        if user_name.is_none() {
            return self.without_credentials(now, handle, realm);
        }
        if !self.peers.asks(now.time, peer) {
            let why = "its address is at [limits] calls_per_peer or invites_per_second_per_peer";
            return self.judge(now, handle, Verdict::Busy(why));
        }
        self.ask(Question { user_name, line, realm }, Waiting::Stranger { stranger: handle, peer });
    }

    fn without_credentials(&mut self, now: Moment, handle: StrangerHandle, realm: String) {
        if let Some(any) = self.strangers.known(now.time) {
            return self.judge(now, handle, without_key(any));
        }
        if self.strangers.asked.is_none_or(|since| now.time.since(since) >= LONGEST_LOOKUP) {
            self.strangers.asked = Some(now.time);
            // who waited for the answer before has been answered by the endpoint
            self.strangers.waiting.clear();
            self.ask(Question { user_name: None, line: None, realm }, Waiting::Passwords);
        }
        self.strangers.waiting.push(handle);
    }

    /// The store has said whether any line has a password.
    pub(super) fn passwords_known(&mut self, now: Moment, answer: Answer) {
        self.strangers.asked = None;
        let verdict = match answer {
            Ok(known) => {
                self.strangers.learn(now.time, known.any);
                without_key(known.any)
            }
            Err(LookupFailed) => Verdict::Unavailable,
        };
        for handle in std::mem::take(&mut self.strangers.waiting) {
            self.judge(now, handle, verdict);
        }
    }

    /// The store has said what it knows about the user that a stranger claims to be.
    pub(super) fn claim_known(&mut self, now: Moment, handle: StrangerHandle, peer: IpAddr, answer: Answer) {
        let Ok(known) = answer else { return self.judge(now, handle, Verdict::Unavailable) };
        self.strangers.learn(now.time, known.any);
        let line = known.key.as_ref().map(|key| key.line);
        match self.endpoint.judge(now.time, handle, Verdict::Prove(known.key.as_ref())) {
            Ok(Judged::TurnedAway(Some(proof))) => self.note_proof(now, peer, proof, line),
            Ok(Judged::TurnedAway(None) | Judged::Proved) => {}
            Err(error) => debug!(%error, "too late to judge a stranger"),
        }
    }

    fn judge(&mut self, now: Moment, handle: StrangerHandle, verdict: Verdict<'_>) {
        if let Err(error) = self.endpoint.judge(now.time, handle, verdict) {
            debug!(%error, "too late to judge a stranger");
        }
    }

    /// A stranger was turned away: it is told at once if it is the first of its kind for a while, and in a sum otherwise.
    pub(super) fn turned_away(&mut self, now: Moment, away: TurnedAway) {
        let TurnedAway { turned, is_call, refused } = away;
        if let Some(sum) = self.strangers.tallies.count(now.time, (turned, is_call), refused) {
            self.tell_sum(now, sum);
        }
    }

    pub(super) fn tell_sums(&mut self, now: Moment) {
        for sum in self.strangers.tallies.due(now.time) {
            self.tell_sum(now, sum);
        }
    }

    /// The service stops: what was counted is told now.
    pub(super) fn tell_all_sums(&mut self, now: Moment) {
        for sum in self.strangers.tallies.rest() {
            self.tell_sum(now, sum);
        }
    }

    fn tell_sum(&mut self, now: Moment, sum: Sum) {
        let Sum { kind: (turned, is_call), count, last } = sum;
        let (peer, status) = (last.flow.remote.ip(), last.status);
        if turned == Turned::Challenged && count == 1 {
            return debug!(%peer, status, "challenged");
        }
        info!(count, last_peer = %peer, status, call = is_call, "requests of peers that have proved nothing are turned away");
        let Some(outcome) = outcome_of(turned).filter(|_| is_call) else { return };
        let mut record = CallRecord::new(self.record_id(now), now.wall, peer.to_string(), outcome);
        record.status = status;
        record.detail = Some(match count {
            1 => last.why,
            _ => format!("{count} calls in a minute that were refused so, the last of them because: {}", last.why),
        });
        let traced = Some(last.call_id).filter(|call_id| count == 1 && !call_id.is_empty());
        self.outputs.push_back(Output::Record { record: Box::new(record), traced });
    }
}

/// What a caller without credentials gets.
fn without_key(any_password: bool) -> Verdict<'static> {
    if any_password { Verdict::Prove(None) } else { Verdict::Untrusted }
}

/// The outcome in the record of a call that was turned away so; a challenge is no end.
fn outcome_of(turned: Turned) -> Option<Outcome> {
    match turned {
        Turned::Challenged => None,
        Turned::Request => Some(Outcome::RefusedRequest),
        Turned::WrongPassword | Turned::LockedOut => Some(Outcome::RefusedPassword),
        Turned::Untrusted => Some(Outcome::RefusedUntrusted),
        Turned::Busy => Some(Outcome::RefusedBusy),
        Turned::Unavailable => Some(Outcome::RefusedStore),
    }
}
