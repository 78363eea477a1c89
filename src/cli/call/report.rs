//! What `karipass call` tells: a single call step by step, many calls in sum; as text or as JSON.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use crate::caller::{Caller, Step, Verdict};
use crate::cli::output::{Answer, Failure, json_line};
use crate::number::PhoneNumber;
use crate::sip::endpoint::EndCause;
use crate::sip::message::Uri;
use crate::sip::sdp::{Codec, MediaPlan, SdpError};
use crate::time::Time;

/// Collects and tells.
pub struct Report {
    json: bool,
    /// Each step is told as it happens.
    steps: bool,
    set: u32,
    outcomes: Vec<(String, u32)>,
    answered: Vec<Duration>,
    replied: Vec<Duration>,
    lost: u64,
    received: u64,
}

impl Report {
    /// Nothing has happened yet.
    pub fn new(json: bool, steps: bool) -> Report {
        Report { json, steps, set: 0, outcomes: vec![], answered: vec![], replied: vec![], lost: 0, received: 0 }
    }

    /// `from`: `None` when the number is withheld.
    pub(super) fn calling(
        &self,
        out: &mut dyn Write,
        call: u32,
        to: &Uri,
        from: Option<PhoneNumber>,
    ) -> Result<(), Failure> {
        self.tell(out, Duration::ZERO, call, json!({"event": "calling", "to": to.to_string(), "from": from}), || {
            from.map_or_else(|| format!("calling {to}, number withheld"), |from| format!("calling {to} as {from}"))
        })
    }

    pub(super) fn progressed(
        &self,
        out: &mut dyn Write,
        now: Time,
        call: u32,
        started: Time,
        status: u16,
        early_media: bool,
    ) -> Result<(), Failure> {
        let object = json!({"event": "progress", "status": status, "early_media": early_media});
        let media = if early_media { ", with early media" } else { "" };
        self.tell(out, now.since(started), call, object, || format!("progress: {status}{media}"))
    }

    /// Told whatever is told of the calls: without it none may come.
    pub(super) fn registered(
        &self,
        out: &mut dyn Write,
        at: Time,
        line: PhoneNumber,
        seconds: u32,
        status: u16,
        reason: &str,
    ) -> Result<(), Failure> {
        if self.json {
            let at_ms = at.elapsed().as_millis();
            json_line(
                out,
                &json!({"event": "registered", "line": line, "seconds": seconds, "status": status,
                "reason": reason, "at_ms": at_ms}),
            )?;
        } else {
            let what = if seconds == 0 { "unregistered" } else { "registered" };
            let done = if status == 200 { what.to_owned() } else { format!("not {what}: {status} {reason}") };
            writeln!(out, "{:8.3} s  {line} is {done}", at.elapsed().as_secs_f64())?;
        }
        Ok(out.flush()?)
    }

    pub(super) fn answered(
        &mut self,
        out: &mut dyn Write,
        now: Time,
        call: u32,
        started: Time,
        plan: &MediaPlan,
    ) -> Result<(), Failure> {
        self.answered.push(now.since(started));
        let codec = match plan.codec {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        };
        let events = if plan.telephone_event.is_some() { "with" } else { "without" };
        let srtp = plan.keying.as_ref().map(|keying| keying.local.suite().name());
        let telephone_event = plan.telephone_event.is_some();
        let object = json!({"event": "answered", "codec": codec, "telephone_event": telephone_event, "srtp": srtp});
        let encrypted = srtp.map(|suite| format!(", {suite}")).unwrap_or_default();
        self.tell(out, now.since(started), call, object, || {
            format!("answered: {codec}, {events} telephone-event{encrypted}")
        })
    }

    pub(super) fn refused(
        &mut self,
        out: &mut dyn Write,
        now: Time,
        call: u32,
        started: Time,
        status: u16,
        reason: &str,
    ) -> Result<(), Failure> {
        let object = json!({"event": "refused", "status": status, "reason": reason});
        self.tell(out, now.since(started), call, object, || format!("refused: {status} {reason}"))
    }

    pub(super) fn unusable(
        &mut self,
        out: &mut dyn Write,
        now: Time,
        call: u32,
        started: Time,
        error: &SdpError,
    ) -> Result<(), Failure> {
        let object = json!({"event": "unusable", "reason": error.to_string()});
        self.tell(out, now.since(started), call, object, || format!("answered, but not usably: {error}"))
    }

    pub(super) fn step(
        &mut self,
        out: &mut dyn Write,
        now: Time,
        call: u32,
        started: Time,
        step: &Step,
    ) -> Result<(), Failure> {
        let (object, text) = match step {
            Step::Heard(prompt) => (json!({"event": "heard", "prompt": prompt}), format!("heard   {prompt}")),
            Step::HeardSpeech => (json!({"event": "heard", "prompt": null}), "heard   something unknown".to_owned()),
            Step::Keyed { what, keys } => (
                json!({"event": "keyed", "what": what, "keys": keys}),
                format!("keyed   {what}: {}", "•".repeat(*keys)),
            ),
            Step::Played => (json!({"event": "played"}), "played  the recording to its end".to_owned()),
            Step::Replied(after) => {
                self.replied.push(*after);
                return Ok(());
            }
        };
        self.tell(out, now.since(started), call, object, || text)
    }

    pub(super) fn ended(
        &mut self,
        out: &mut dyn Write,
        now: Time,
        call: u32,
        started: Time,
        cause: &EndCause,
        caller: Option<&Caller>,
    ) -> Result<(), Failure> {
        if let Some(caller) = caller {
            let inbound = caller.stats().inbound;
            self.lost += inbound.lost;
            self.received += inbound.received;
        }
        let outcome = outcome(cause, caller);
        let text = match cause {
            EndCause::RemoteBye { .. } => "the service hung up",
            EndCause::LocalBye | EndCause::ByeTimedOut => "hung up",
            EndCause::Rejected { .. } => "the call was refused",
            EndCause::TimedOut => "nobody answered",
            EndCause::Cancelled { .. } => "given up",
            EndCause::NoAck
            | EndCause::NoPrack
            | EndCause::DialogGone { .. }
            | EndCause::FlowFailed
            | EndCause::SessionExpired => "the call was lost",
        };
        let reason = if let EndCause::RemoteBye { reason } = cause { reason.as_deref() } else { None };
        let object = json!({"event": "ended", "how": text, "reason": reason});
        self.tell(out, now.since(started), call, object, || match reason {
            Some(reason) => format!("{text} ({reason})"),
            None => text.to_owned(),
        })?;
        if outcome == "set" {
            self.set += 1;
        }
        match self.outcomes.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, count)) => *count += 1,
            None => self.outcomes.push((outcome, 1)),
        }
        Ok(())
    }

    /// The sum, and the answer: yes when every call set the password.
    pub fn finish(mut self, out: &mut dyn Write) -> Result<Answer, Failure> {
        let calls: u32 = self.outcomes.iter().map(|(_, count)| count).sum();
        self.outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let (answered, replied) = (Spread::of(&mut self.answered), Spread::of(&mut self.replied));
        if self.json {
            let outcomes: serde_json::Map<_, _> = self.outcomes.iter().map(|(o, n)| (o.clone(), json!(n))).collect();
            let packets = json!({"received": self.received, "lost": self.lost});
            let object = json!({"event": "result", "calls": calls, "set": self.set, "outcomes": outcomes,
                "answer_ms": answered.json(), "key_to_prompt_ms": replied.json(), "packets": packets});
            json_line(out, &object)?;
        } else if self.steps {
            let outcome = self.outcomes.first().map_or("nothing happened", |(outcome, _)| outcome.as_str());
            writeln!(out, "\nresult: {outcome}")?;
        } else {
            let outcomes: Vec<String> = self.outcomes.iter().map(|(o, n)| format!("{n} {o}")).collect();
            writeln!(out, "{calls} calls: {}", outcomes.join(", "))?;
            writeln!(out, "INVITE to 200          {answered}")?;
            writeln!(out, "last key to next prompt {replied}")?;
            writeln!(out, "RTP packets            {} received, {} lost", self.received, self.lost)?;
        }
        Ok(if self.set == calls && calls > 0 { Answer::Yes } else { Answer::No })
    }

    fn tell(
        &self,
        out: &mut dyn Write,
        at: Duration,
        call: u32,
        mut object: serde_json::Value,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if !self.steps {
            return Ok(());
        }
        if self.json {
            object["at_ms"] = json!(at.as_millis());
            object["call"] = json!(call);
            json_line(out, &object)?;
        } else {
            writeln!(out, "{:8.3} s  {}", at.as_secs_f64(), text())?;
        }
        // whoever watches sees it as it happens
        Ok(out.flush()?)
    }
}

fn outcome(cause: &EndCause, caller: Option<&Caller>) -> String {
    match (caller.map(Caller::verdict), cause) {
        (Some(Verdict::Set), _) => "set".to_owned(),
        (Some(Verdict::Failed(prompt)), _) => format!("failed: {prompt}"),
        (_, EndCause::Rejected { status }) => format!("refused: {status}"),
        (None, EndCause::TimedOut) => "no answer".to_owned(),
        (_, _) => "ended before the password was set".to_owned(),
    }
}

/// Median, 99th percentile and maximum.
struct Spread(Option<[Duration; 3]>);

impl Spread {
    fn of(times: &mut [Duration]) -> Spread {
        times.sort_unstable();
        let at = |percent: usize| times.get((times.len().saturating_sub(1)) * percent / 100).copied();
        Spread(at(50).zip(at(99)).zip(at(100)).map(|((median, high), most)| [median, high, most]))
    }

    fn json(&self) -> serde_json::Value {
        let ms = |time: Duration| (time.as_secs_f64() * 1e5).round() / 1e2;
        self.0.map_or(json!(null), |[p50, p99, max]| json!({"p50": ms(p50), "p99": ms(p99), "max": ms(max)}))
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some([median, high, most]) = self.0 else { return f.write_str("-") };
        write!(f, "p50 {median:.1?}, p99 {high:.1?}, max {most:.1?}")
    }
}
