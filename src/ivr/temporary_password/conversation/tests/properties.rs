//! What holds of every conversation, whatever the caller, the store and the clock do.

use proptest::prelude::*;

use super::*;
use crate::ticket::Ticket;

/// Longer than any caller who has fallen silent may be kept.
const SILENCE: Duration = Duration::from_secs(600);
/// How long the call waits for the store.
const STORE_PATIENCE: Duration = Duration::from_secs(40);

#[derive(Clone, Debug)]
enum Act {
    Keys(String),
    Wait(u64),
    Listen,
    Stored(bool),
    HangUp,
}

/// Anything, but most often what leads on.
fn act() -> impl Strategy<Value = Act> {
    let known = prop::sample::select(vec!["1", "2", "3", "5", "0640001111#", "05098765000#", "48151623#", "4815", "*"]);
    prop_oneof![
        6 => known.prop_map(|keys| Act::Keys(keys.to_owned())),
        3 => "[0-9*#A-D]{1,20}".prop_map(Act::Keys),
        4 => Just(Act::Listen),
        3 => (0..12_000u64).prop_map(Act::Wait),
        3 => any::<bool>().prop_map(Act::Stored),
        1 => Just(Act::HangUp),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let confirm = prop::sample::select(vec![Confirm::ReadBack, Confirm::ReEnter]);
    (
        confirm,
        prop_oneof![3 => Just((4, 8)), 1 => (0..20usize, 0..20usize)],
        0..20_000u64,
        0..6_000u64,
        0..6u32,
        0..6u32,
    )
        .prop_map(|(confirm, password_digits, first, inter, max_invalid, max_timeouts)| Config {
            confirm,
            password_digits,
            first_digit_timeout: Duration::from_millis(first),
            inter_digit_timeout: Duration::from_millis(inter),
            max_invalid,
            max_timeouts,
        })
}

/// Follows the outputs of one conversation and objects to what must not be.
struct Watch {
    conversation: Conversation,
    now: Time,
    playing: bool,
    prepared: Option<Ticket>,
    /// When the store was asked.
    asked: Option<Time>,
    stored: Option<bool>,
    said_done: bool,
    ending: Option<Ending>,
}

impl Watch {
    fn of(config: Config) -> Watch {
        let conversation = Conversation::new(config, line());
        let mut watch = Watch {
            conversation,
            now: Time::ZERO,
            playing: false,
            prepared: None,
            asked: None,
            stored: None,
            said_done: false,
            ending: None,
        };
        watch.conversation.start(watch.now);
        watch.drain();
        watch
    }

    fn acts(&mut self, act: Act) {
        match act {
            Act::Keys(keys) => keys.chars().for_each(|c| {
                self.passes(Duration::from_millis(90));
                self.input(Input::Key(Key::from_char(c).unwrap()));
            }),
            Act::Wait(millis) => self.passes(Duration::from_millis(millis)),
            Act::Listen => self.listens(),
            Act::Stored(success) => {
                // the first answer counts
                if self.asked.is_some() && self.ending.is_none() {
                    self.stored.get_or_insert(success);
                }
                self.input(Input::Stored(if success { Ok(()) } else { Err(NotSet::Failed) }));
            }
            Act::HangUp => self.input(Input::HungUp),
        }
    }

    fn listens(&mut self) {
        self.passes(HEARING);
        self.playing = false;
        self.input(Input::PromptsFinished);
    }

    fn passes(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.conversation.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.conversation.handle_timeout(self.now);
            self.drain();
            // prompts take time: an immediate deadline must not follow upon itself for ever
            assert!(self.conversation.deadline() != Some(deadline), "the timer stands still");
        }
        self.now = end;
    }

    fn input(&mut self, input: Input) {
        self.conversation.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.conversation.poll_output() {
            assert_eq!(self.ending, None, "{output:?} after the end");
            match output {
                Output::Play(prompts) => self.play(&prompts),
                Output::StopPlaying => assert!(std::mem::take(&mut self.playing), "nothing to stop"),
                Output::Store(ticket) => {
                    assert_eq!(self.asked.replace(self.now), None, "stored twice");
                    assert_eq!(self.prepared, Some(ticket), "not what was prepared last");
                }
                Output::Prepare(request) => {
                    self.prepared = Some(request.ticket.clone());
                    assert!((4..=16).contains(&request.password.len()));
                    let mut numbers = line().numbers;
                    numbers.truncate(if request.unit == Unit::Line { 1 } else { 3 });
                    assert!(numbers.contains(&request.number), "a number of another contract");
                }
                Output::HangUp(ending) => self.ending = Some(ending),
                Output::Step(step) => assert!(!step.contains(|c: char| c.is_ascii_digit())),
            }
        }
        assert_eq!(self.ending, self.conversation.ending());
        assert!(self.ending.is_none() || self.conversation.deadline().is_none());
    }

    fn play(&mut self, prompts: &[PromptName]) {
        self.playing = true;
        assert!(!prompts.is_empty());
        assert!(prompts.iter().all(|prompt| ALL_PROMPTS.contains(prompt)));
        if prompts.iter().any(|prompt| prompt.as_str() == "done") {
            assert_eq!(self.stored, Some(true), "success claimed");
            self.said_done = true;
        }
    }

    /// The caller says nothing more, and the store does not answer until its time is over.
    fn falls_silent(&mut self) {
        let end = self.now + SILENCE;
        while self.ending.is_none() && self.now < end {
            if self.asked.is_some_and(|asked| self.now.since(asked) > STORE_PATIENCE) {
                self.input(Input::Stored(Err(NotSet::NotKnown)));
            }
            let quiet = Duration::from_millis(500);
            if self.playing { self.listens() } else { self.passes(quiet) }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_conversation_ends_once_and_claims_no_success_that_is_not(
        config in config(),
        acts in prop::collection::vec(act(), 0..60),
    ) {
        let mut watch = Watch::of(config);
        for act in acts {
            watch.acts(act);
        }
        watch.falls_silent();
        prop_assert!(watch.ending.is_some(), "still waiting: {:?}", watch.conversation);
        prop_assert_eq!(watch.said_done, watch.ending == Some(Ending::Set));
        prop_assert!(!watch.said_done || watch.asked.is_some());
        // and nothing wakes it up again
        for act in [Act::Keys("1#".into()), Act::Listen, Act::Stored(true), Act::HangUp, Act::Wait(100_000)] {
            watch.acts(act);
        }
    }
}

#[test]
fn the_acts_reach_the_end_of_the_conversation() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut reached = Vec::new();
    for _ in 0..3_000 {
        let acts = prop::collection::vec(act(), 0..60).new_tree(&mut runner).unwrap().current();
        let mut watch = Watch::of(Config { max_invalid: 6, ..Config::default() });
        acts.into_iter().for_each(|act| watch.acts(act));
        watch.falls_silent();
        reached.extend(watch.ending.filter(|ending| !reached.contains(ending)));
    }
    assert_eq!(reached.len(), 6, "{reached:?}");
}
