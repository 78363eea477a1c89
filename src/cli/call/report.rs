//! What `karipass call` prints: a single call step by step, many calls in sum; as text or as JSON.

use std::io::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::{Value, json};

use crate::caller::Step;
use crate::cli::output::{Answer, Failure, json_line};
use crate::dialler::{Answered, Ended, Ending, Event, Observer, Outcome, Progress, Registered};

/// Prints what a dialler reports, and sums it up.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    json: bool,
    /// Each step is printed as it happens.
    steps: bool,
    set: u32,
    outcomes: Vec<(String, u32)>,
    answered: Vec<Duration>,
    replied: Vec<Duration>,
    lost: u64,
    received: u64,
    /// Why nothing more can be printed.
    failure: Option<Failure>,
}

impl Observer for Report<'_> {
    fn observe(&mut self, event: Event) -> ControlFlow<()> {
        let printed = match event {
            Event::Registered(registered) => self.registered(&registered),
            Event::Call { call, at, progress } => self.progressed(call, at, progress),
        };
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}

impl Report<'_> {
    /// Nothing has happened yet.
    pub(super) fn new(json: bool, steps: bool, out: &mut dyn Write) -> Report<'_> {
        Report {
            out,
            json,
            steps,
            set: 0,
            outcomes: vec![],
            answered: vec![],
            replied: vec![],
            lost: 0,
            received: 0,
            failure: None,
        }
    }

    /// Why nothing more could be printed, if that was the end.
    pub(super) fn failure(self) -> Option<Failure> {
        self.failure
    }

    /// Printed for many calls too: without it none may come.
    fn registered(&mut self, registered: &Registered) -> Result<(), Failure> {
        let Registered { at, line, seconds, status, reason } = registered;
        if self.json {
            let object = json!({"event": "registered", "line": line, "seconds": seconds, "status": status,
                "reason": reason, "at_ms": at.as_millis()});
            json_line(self.out, &object)?;
        } else {
            let what = if *seconds == 0 { "unregistered" } else { "registered" };
            let done = if *status == 200 { what.to_owned() } else { format!("not {what}: {status} {reason}") };
            writeln!(self.out, "{:8.3} s  {line} is {done}", at.as_secs_f64())?;
        }
        Ok(self.out.flush()?)
    }

    fn progressed(&mut self, call: u32, at: Duration, progress: Progress) -> Result<(), Failure> {
        let (object, text) = match progress {
            Progress::Calling { to, from } => {
                let text = from
                    .map_or_else(|| format!("calling {to}, number withheld"), |from| format!("calling {to} as {from}"));
                (json!({"event": "calling", "to": to, "from": from}), text)
            }
            Progress::Provisional { status, early_media } => {
                let media = if early_media { ", with early media" } else { "" };
                let object = json!({"event": "progress", "status": status, "early_media": early_media});
                (object, format!("progress: {status}{media}"))
            }
            Progress::Answered(answered) => {
                self.answered.push(at);
                in_words_answered(&answered)
            }
            Progress::Refused { status, reason } => {
                let text = format!("refused: {status} {reason}");
                (json!({"event": "refused", "status": status, "reason": reason}), text)
            }
            Progress::Unusable { why } => {
                let text = format!("answered, but not usably: {why}");
                (json!({"event": "unusable", "reason": why}), text)
            }
            Progress::Step(Step::Replied(after)) => {
                self.replied.push(after);
                return Ok(());
            }
            Progress::Step(step) => in_words_step(&step),
            Progress::Ended(ended) => {
                self.count(&ended);
                in_words_ended(&ended)
            }
        };
        self.print(call, at, object, &text)
    }

    fn count(&mut self, ended: &Ended) {
        self.lost += ended.lost;
        self.received += ended.received;
        if ended.outcome == Outcome::Set {
            self.set += 1;
        }
        let outcome = name(&ended.outcome);
        match self.outcomes.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, count)) => *count += 1,
            None => self.outcomes.push((outcome, 1)),
        }
    }

    /// The sum, and the answer: yes when every call set the password.
    pub(super) fn finish(mut self) -> Result<Answer, Failure> {
        let out = &mut *self.out;
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

    fn print(&mut self, call: u32, at: Duration, mut object: Value, text: &str) -> Result<(), Failure> {
        if !self.steps {
            return Ok(());
        }
        if self.json {
            object["at_ms"] = json!(at.as_millis());
            object["call"] = json!(call);
            json_line(self.out, &object)?;
        } else {
            writeln!(self.out, "{:8.3} s  {text}", at.as_secs_f64())?;
        }
        // seen as it happens
        Ok(self.out.flush()?)
    }
}

fn in_words_answered(answered: &Answered) -> (Value, String) {
    let Answered { codec, telephone_event, srtp } = answered;
    let srtp = srtp.map(|suite| suite.name());
    let events = if *telephone_event { "with" } else { "without" };
    let encrypted = srtp.map(|suite| format!(", {suite}")).unwrap_or_default();
    let object = json!({"event": "answered", "codec": codec, "telephone_event": telephone_event, "srtp": srtp});
    (object, format!("answered: {codec}, {events} telephone-event{encrypted}"))
}

fn in_words_step(step: &Step) -> (Value, String) {
    match step {
        Step::Heard(prompt) => (json!({"event": "heard", "prompt": prompt}), format!("heard   {prompt}")),
        Step::HeardSpeech => (json!({"event": "heard", "prompt": null}), "heard   something unknown".to_owned()),
        Step::Keyed { what, keys } => {
            let object = json!({"event": "keyed", "what": what, "keys": keys});
            (object, format!("keyed   {what}: {}", "•".repeat(*keys)))
        }
        Step::Played => (json!({"event": "played"}), "played  the recording to its end".to_owned()),
        Step::Replied(after) => (json!({"event": "replied"}), format!("replied after {after:.1?}")),
    }
}

fn in_words_ended(ended: &Ended) -> (Value, String) {
    let how = match ended.how {
        Ending::ServiceHungUp => "the service hung up",
        Ending::HungUp => "hung up",
        Ending::Refused => "the call was refused",
        Ending::NoAnswer => "nobody answered",
        Ending::GivenUp => "given up",
        Ending::Lost => "the call was lost",
    };
    let object = json!({"event": "ended", "how": how, "reason": ended.reason});
    let text = ended.reason.as_ref().map_or_else(|| how.to_owned(), |reason| format!("{how} ({reason})"));
    (object, text)
}

/// An outcome's name in the result.
fn name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Set => "set".to_owned(),
        Outcome::Failed(prompt) => format!("failed: {prompt}"),
        Outcome::Refused(status) => format!("refused: {status}"),
        Outcome::NoAnswer => "no answer".to_owned(),
        Outcome::Unfinished => "ended before the password was set".to_owned(),
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
