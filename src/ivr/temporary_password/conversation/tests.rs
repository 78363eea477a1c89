//! Conversations in virtual time, written as transcripts: what the caller hears and presses, in order.
#![allow(clippy::unwrap_used)]

mod passwords;
mod paths;
mod properties;
mod storing;
mod timers;
mod type_ahead;

use std::collections::VecDeque;
use std::time::Duration;

use super::Conversation;
use crate::ivr::NotSet;
use crate::ivr::temporary_password::{Config, Confirm};
use crate::ivr::{ALL_PROMPTS, Ending, Input, Line, Output, PromptName, SetTemporaryPassword};
use crate::key::Key;
use crate::number::PhoneNumber;
use crate::time::Time;
use crate::unit::Unit;

const GREETING: &str = "greeting menu-unit";
const OFFER: &str = "offer-number-before 06の4000の2222 offer-number-after";
const ASK_PASSWORD: &str = "ask-password length-4 length-from length-8 length-to ask-password-end";
/// How long any prompts take to be heard.
const HEARING: Duration = Duration::from_secs(3);
/// From key to key of a caller who presses several.
const BETWEEN_KEYS: Duration = Duration::from_millis(300);

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

/// A contract of three numbers, called from the second.
fn line() -> Line {
    Line {
        calling: number("0640002222"),
        customer_number: number("0640001111"),
        numbers: vec![number("0640001111"), number("0640002222"), number("05098765000")],
    }
}

/// A conversation and what of it was not yet accounted for.
struct Trace {
    conversation: Conversation,
    now: Time,
    outputs: VecDeque<Output>,
    /// The last request that was prepared.
    prepared: Option<SetTemporaryPassword>,
}

impl Trace {
    fn of(config: Config) -> Trace {
        Trace::on(line(), config)
    }

    fn on(line: Line, config: Config) -> Trace {
        let conversation = Conversation::new(config, line);
        let mut trace = Trace { conversation, now: Time::from_millis(7_000), outputs: VecDeque::new(), prepared: None };
        trace.conversation.start(trace.now);
        trace.drain();
        trace
    }

    fn new() -> Trace {
        Trace::of(Config::default())
    }

    /// A caller of the line unit who has heard how to key in the password.
    fn at_password(config: Config) -> Trace {
        let mut trace = Trace::of(config);
        trace.hears(GREETING).presses("1").hears("ask-customer-number").presses("0640001111#").hears(ASK_PASSWORD);
        trace
    }

    /// The next output is these prompts, and the caller listens to their end. A word of digits stands for their prompts.
    #[track_caller]
    fn hears(&mut self, prompts: &str) -> &mut Trace {
        self.begins_to_hear(prompts).passes(HEARING);
        self.input(Input::PromptsFinished)
    }

    /// The next output is these prompts, still playing.
    #[track_caller]
    fn begins_to_hear(&mut self, prompts: &str) -> &mut Trace {
        match self.outputs.pop_front() {
            Some(Output::Play(played)) => assert_eq!(names(&played), expected(prompts), "prompts"),
            other => panic!("expected {prompts:?}, not {other:?}"),
        }
        self
    }

    /// The prompts are interrupted.
    #[track_caller]
    fn is_cut_off(&mut self) -> &mut Trace {
        assert_eq!(self.outputs.pop_front(), Some(Output::StopPlaying));
        self
    }

    #[track_caller]
    fn hears_no_more(&mut self) -> &mut Trace {
        assert!(self.outputs.is_empty(), "{:?}", self.outputs);
        self
    }

    /// Presses keys, one every 0.3 s, the first after 0.3 s.
    fn presses(&mut self, keys: &str) -> &mut Trace {
        for c in keys.chars() {
            self.passes(BETWEEN_KEYS);
            self.input(Input::Key(Key::from_char(c).unwrap()));
        }
        self
    }

    fn waits(&mut self, seconds: f64) -> &mut Trace {
        self.passes(Duration::from_secs_f64(seconds))
    }

    fn hangs_up(&mut self) -> &mut Trace {
        self.input(Input::HungUp)
    }

    #[track_caller]
    fn stores(&mut self, unit: Unit, target: &str, password: &str) -> &mut Trace {
        match self.outputs.pop_front() {
            Some(Output::Store(ticket)) => {
                let request = self.prepared.as_ref().filter(|request| request.ticket == ticket).expect("prepared");
                assert!(!ticket.is_withdrawn());
                assert_eq!((request.unit, request.number), (unit, number(target)));
                assert!(request.password.expose() == password, "another password");
            }
            other => panic!("expected to store, not {other:?}"),
        }
        self
    }

    fn store_answers(&mut self, result: Result<(), NotSet>) -> &mut Trace {
        self.input(Input::Stored(result))
    }

    /// The call is ended, and nothing that comes later is minded.
    #[track_caller]
    fn ends(&mut self, ending: Ending) {
        assert_eq!(self.outputs.pop_front(), Some(Output::HangUp(ending)));
        self.hangs_up().presses("1#*").store_answers(Ok(())).input(Input::PromptsFinished);
        self.conversation.start(self.now);
        self.drain();
        self.waits(100.0).hears_no_more();
        assert_eq!((self.conversation.deadline(), self.conversation.ending()), (None, Some(ending)));
    }

    /// Time passes; each deadline on the way is met to the millisecond.
    fn passes(&mut self, time: Duration) -> &mut Trace {
        let end = self.now + time;
        while let Some(deadline) = self.conversation.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline;
            self.conversation.handle_timeout(deadline);
            self.drain();
        }
        self.now = end;
        self
    }

    fn input(&mut self, input: Input) -> &mut Trace {
        self.conversation.handle_input(self.now, input);
        self.drain();
        self
    }

    fn drain(&mut self) {
        while let Some(output) = self.conversation.poll_output() {
            match output {
                Output::Step(_) => {}
                Output::Prepare(request) => self.prepared = Some(request),
                Output::Play(_) | Output::StopPlaying | Output::Store(_) | Output::HangUp(_) => {
                    self.outputs.push_back(output);
                }
            }
        }
    }
}

fn names(prompts: &[PromptName]) -> String {
    prompts.iter().map(|prompt| prompt.as_str()).collect::<Vec<_>>().join(" ")
}

/// `06の48` is `digit-0 digit-6 group-no digit-4 digit-8`.
fn expected(prompts: &str) -> String {
    let word = |word: &str| {
        if !word.starts_with(|c: char| c.is_ascii_digit()) {
            return word.to_owned();
        }
        let spoken = word.chars().map(|c| if c == 'の' { "group-no".to_owned() } else { format!("digit-{c}") });
        spoken.collect::<Vec<_>>().join(" ")
    };
    prompts.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}
