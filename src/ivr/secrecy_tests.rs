//! No rendering of this room's types shows a digit that was keyed in, nor a number.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::time::Duration;

use super::*;
use crate::time::Time;

fn assert_no_digit(shown: &dyn Debug) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert!(!text.contains(|c: char| c.is_ascii_digit()), "{text}");
    }
}

fn line() -> Line {
    let number = PhoneNumber::parse("0640001111").unwrap();
    Line { calling: number, customer_number: number, numbers: vec![number] }
}

#[test]
fn no_key_is_shown() {
    let shown: Vec<_> = Key::ALL.iter().map(|key| format!("{key:?} {:?}", Input::Key(*key))).collect();
    assert!(shown.iter().all(|text| *text == shown[0]), "{shown:?}");
    assert_no_digit(&Key::ALL);
}

#[test]
fn no_digit_prompt_is_shown() {
    let digits: Vec<_> = ALL_PROMPTS.iter().copied().filter(|name| name.as_str().starts_with("digit-")).collect();
    assert_eq!(digits.len(), 10);
    assert_no_digit(&digits);
    assert_no_digit(&Output::Play(digits));
}

#[test]
fn no_request_and_no_line_is_shown() {
    let (number, password, ticket) = (line().calling, "4815".into(), Ticket::new());
    let request = SetTemporaryPassword { unit: Unit::Line, number, password, ticket };
    assert_no_digit(&request);
    assert_no_digit(&Output::Prepare(request));
    assert_no_digit(&line());
}

/// Walks through whole conversations, and renders everything that comes out and the conversation itself on the way.
#[test]
fn no_step_of_a_conversation_is_shown() {
    for (confirm, password) in [(Confirm::ReadBack, "48151623#31"), (Confirm::ReEnter, "48151623#48151623#")] {
        let keys = format!("250640001111#{password}");
        let mut conversation = Conversation::temporary_password(Config { confirm, ..Config::default() }, line());
        conversation.start(Time::ZERO);
        let (mut now, mut stores, mut digits) = (Time::ZERO, 0, 0);
        for c in keys.chars() {
            now += Duration::from_secs(2);
            conversation.handle_input(now, Input::Key(Key::from_char(c).unwrap()));
            assert_no_digit(&conversation);
            while let Some(output) = conversation.poll_output() {
                stores += usize::from(matches!(output, Output::Store(_)));
                if let Output::Play(prompts) = &output {
                    digits += prompts.iter().filter(|name| name.as_str().starts_with("digit-")).count();
                }
                // the lengths that are asked for are no secret
                let shown = format!("{output:?}").replace("length-4", "").replace("length-8", "");
                assert!(!shown.contains(|c: char| c.is_ascii_digit()), "{shown}");
            }
        }
        let read_aloud = if confirm == Confirm::ReadBack { 10 + 8 + 8 } else { 10 };
        assert_eq!((stores, digits), (1, read_aloud));
    }
}

#[test]
fn no_error_is_shown_with_a_digit() {
    assert_no_digit(&Input::Stored(Err(NotSet::Failed)));
    assert!(!NotSet::Failed.to_string().contains(|c: char| c.is_ascii_digit()));
}
