//! Collecting digits: an entry ended by `#` and forgotten by `*`, and the flushing of type-ahead.

use std::time::Duration;

use crate::key::Key;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::time::Time;

/// Whether telephones have this key: they lack A to D.
pub(super) fn is_on_telephones(key: Key) -> bool {
    !matches!(key, Key::A | Key::B | Key::C | Key::D)
}

/// Digits being keyed in. Beyond the greatest length, only the excess itself is remembered.
pub(super) struct Entry {
    digits: Secret,
    most: usize,
    overflowed: bool,
}

/// The effect of a key on an entry.
pub(super) enum Keyed {
    /// A digit was added: more may follow.
    More,
    /// `*`: the entry is empty again.
    Cleared,
    /// `#`: the caller has finished.
    Finished,
}

impl Entry {
    /// An entry of at most `most` digits.
    pub(super) fn up_to(most: usize) -> Entry {
        Entry { digits: Secret::new(), most, overflowed: false }
    }

    /// An entry for a telephone number.
    pub(super) fn for_number() -> Entry {
        Entry::up_to(11)
    }

    pub(super) fn key(&mut self, key: Key) -> Keyed {
        match key {
            Key::STAR => {
                self.clear();
                Keyed::Cleared
            }
            Key::POUND => Keyed::Finished,
            _ if self.digits.len() >= self.most => {
                self.overflowed = true;
                Keyed::More
            }
            digit => {
                self.digits.push(digit.into());
                Keyed::More
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.digits.clear();
        self.overflowed = false;
    }

    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Whether there are at least `fewest` digits.
    pub(super) fn has(&self, fewest: usize) -> bool {
        self.digits.len() >= fewest
    }

    /// The telephone number keyed in, if it is one.
    pub(super) fn number(&self) -> Option<PhoneNumber> {
        if self.overflowed { None } else { PhoneNumber::parse(self.digits.expose()).ok() }
    }

    /// The digits, without the excess.
    pub(super) fn digits(&self) -> &Secret {
        &self.digits
    }

    /// The digits, without the excess.
    pub(super) fn into_digits(self) -> Secret {
        self.digits
    }
}

/// Drops keys pressed ahead of a question that they cannot have been meant for, until they pause.
#[derive(Default)]
pub(super) struct Flush {
    until: Option<Time>,
    pause: Duration,
}

impl Flush {
    /// Drops keys from now on, until none came for `pause`, or for the pause already waited for, if that is longer.
    pub(super) fn begin(&mut self, now: Time, pause: Duration) {
        let waiting = self.until.is_some_and(|until| now < until);
        let pause = if waiting { pause.max(self.pause) } else { pause };
        *self = Flush { until: Some(now + pause), pause };
    }

    /// Drops no more.
    pub(super) fn end(&mut self) {
        self.until = None;
    }

    /// Whether a key that is pressed now is dropped.
    pub(super) fn drops_key(&mut self, now: Time) -> bool {
        let drops = self.until.is_some_and(|until| now < until);
        self.until = drops.then(|| now + self.pause);
        drops
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry(most: usize, keys: &str) -> Entry {
        let mut entry = Entry::up_to(most);
        for c in keys.chars() {
            entry.key(Key::from_char(c).unwrap());
        }
        entry
    }

    #[test]
    fn telephones_have_twelve_keys() {
        assert_eq!(Key::ALL.into_iter().filter(|key| is_on_telephones(*key)).count(), 12);
    }

    #[test]
    fn of_too_many_digits_none_is_kept() {
        let long = entry(8, &"7".repeat(100_000));
        assert!(long.overflowed());
        assert_eq!(long.into_digits().len(), 8);
        assert!(!entry(8, "48151623").overflowed());
        assert!(entry(11, "060000111199").number().is_none());
    }

    #[test]
    fn a_star_forgets_even_that_there_were_too_many() {
        let again = entry(8, "481516239*481516");
        assert!(!again.overflowed());
        assert_eq!(again.into_digits().expose(), "481516");
    }

    #[test]
    fn keys_are_dropped_until_they_pause() {
        let mut flush = Flush::default();
        assert!(!flush.drops_key(Time::ZERO));
        flush.begin(Time::ZERO, Duration::from_secs(1));
        for (millis, dropped) in [(400, true), (1_300, true), (2_299, true), (3_299, false), (3_300, false)] {
            assert_eq!(flush.drops_key(Time::from_millis(millis)), dropped, "{millis} ms");
        }
        flush.begin(Time::ZERO, Duration::from_secs(1));
        flush.begin(Time::ZERO, Duration::from_millis(500));
        assert!(flush.drops_key(Time::from_millis(999)), "the longer pause holds");
        flush.end();
        assert!(!flush.drops_key(Time::from_millis(1)));
    }
}
