//! One press is one digit, whether it was heard, reported as an event, or both.

use std::time::Duration;

use super::report::{Press, Source};

/// Greatest distance between the starts of a tone and of its event. Gateways that turn tones into events let the beginning of
/// the tone through and start the event when they are sure.
const APART: Duration = Duration::from_millis(150);

/// Joins the presses of one stream, heard and reported, in order of time.
pub(super) fn merge(heard: Vec<Press>, reported: Vec<Press>) -> Vec<Press> {
    let mut presses = reported;
    for tone in heard {
        let event = presses.iter_mut().filter(|event| event.source == Source::Rfc4733 && is_same(&tone, event));
        match event.min_by_key(|event| event.start.abs_diff(tone.start)) {
            Some(event) => *event = join(&tone, event),
            None => presses.push(tone),
        }
    }
    presses.sort_by_key(|press| press.start);
    presses
}

fn is_same(tone: &Press, event: &Press) -> bool {
    tone.digit == event.digit && tone.start.abs_diff(event.start) <= APART
}

/// From the earlier start to the later end.
fn join(tone: &Press, event: &Press) -> Press {
    let start = tone.start.min(event.start);
    let end = (tone.start + tone.length).max(event.start + event.length);
    Press { start, length: end - start, source: Source::Both, ..*event }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::report::Place;
    use super::*;
    use crate::key::Key;

    fn press(digit: char, start: u64, length: u64, source: Source) -> Press {
        let (start, length) = (Duration::from_millis(start), Duration::from_millis(length));
        Press { digit: Key::from_char(digit).unwrap(), start, length, source, place: Place::Stream(1) }
    }

    #[test]
    fn a_tone_and_its_event_are_one_press_of_their_joint_length() {
        let heard = vec![press('5', 1000, 40, Source::InBand)];
        let reported = vec![press('5', 1060, 100, Source::Rfc4733)];
        assert_eq!(merge(heard, reported), [press('5', 1000, 160, Source::Both)]);
    }

    #[test]
    fn the_same_digit_twice_is_two_presses() {
        let heard = vec![press('5', 1000, 60, Source::InBand), press('5', 1120, 60, Source::InBand)];
        let reported = vec![press('5', 1010, 60, Source::Rfc4733), press('5', 1130, 60, Source::Rfc4733)];
        let merged = merge(heard, reported);
        assert_eq!(merged.len(), 2);
        assert!(merged.iter().all(|press| press.source == Source::Both && press.length == Duration::from_millis(70)));
    }

    #[test]
    fn other_digits_and_other_times_stay_apart() {
        let heard = vec![press('5', 1000, 60, Source::InBand), press('6', 2000, 60, Source::InBand)];
        let reported = vec![press('6', 1000, 60, Source::Rfc4733), press('6', 2200, 60, Source::Rfc4733)];
        assert_eq!(merge(heard, reported).len(), 4);
    }
}
