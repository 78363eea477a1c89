//! The names of the spoken prompts, and how digits, telephone numbers and lengths are put together from them.

use std::fmt;

use crate::number::PhoneNumber;

/// The name of one spoken prompt. `Debug` hides which digit a digit's prompt speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PromptName(&'static str);

impl PromptName {
    /// The name, as the bank of prompts has it.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for PromptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.starts_with("digit-") { "digit-•" } else { self.0 })
    }
}

/// Declares each prompt once: a constant for the conversation, and a place in [`ALL_PROMPTS`].
macro_rules! prompts {
    ($($constant:ident = $name:literal),+ $(,)?) => {
        $(pub(super) const $constant: PromptName = PromptName($name);)+
        /// Every prompt that can ever be played.
        pub const ALL_PROMPTS: &[PromptName] = &[$($constant),+];
    };
}

prompts! {
    GREETING = "greeting",
    MENU_UNIT = "menu-unit",
    ASK_CUSTOMER_NUMBER = "ask-customer-number",
    OFFER_NUMBER_BEFORE = "offer-number-before",
    OFFER_NUMBER_AFTER = "offer-number-after",
    ASK_NUMBER = "ask-number",
    ASK_PASSWORD = "ask-password",
    LENGTH_FROM = "length-from",
    LENGTH_TO = "length-to",
    LENGTH_EXACTLY = "length-exactly",
    ASK_PASSWORD_END = "ask-password-end",
    LENGTH_4 = "length-4",
    LENGTH_5 = "length-5",
    LENGTH_6 = "length-6",
    LENGTH_7 = "length-7",
    LENGTH_8 = "length-8",
    LENGTH_9 = "length-9",
    LENGTH_10 = "length-10",
    LENGTH_11 = "length-11",
    LENGTH_12 = "length-12",
    LENGTH_13 = "length-13",
    LENGTH_14 = "length-14",
    LENGTH_15 = "length-15",
    LENGTH_16 = "length-16",
    ASK_PASSWORD_AGAIN = "ask-password-again",
    READ_BACK_BEFORE = "read-back-before",
    READ_BACK_AFTER = "read-back-after",
    SAVING = "saving",
    DONE = "done",
    GOODBYE = "goodbye",
    DIGIT_0 = "digit-0",
    DIGIT_1 = "digit-1",
    DIGIT_2 = "digit-2",
    DIGIT_3 = "digit-3",
    DIGIT_4 = "digit-4",
    DIGIT_5 = "digit-5",
    DIGIT_6 = "digit-6",
    DIGIT_7 = "digit-7",
    DIGIT_8 = "digit-8",
    DIGIT_9 = "digit-9",
    GROUP_NO = "group-no",
    INVALID_KEY = "invalid-key",
    NO_INPUT = "no-input",
    CUSTOMER_NUMBER_WRONG = "customer-number-wrong",
    NUMBER_INVALID = "number-invalid",
    NUMBER_NOT_IN_CONTRACT = "number-not-in-contract",
    PASSWORD_TOO_SHORT = "password-too-short",
    PASSWORD_TOO_LONG = "password-too-long",
    PASSWORD_ONE_DIGIT = "password-one-digit",
    PASSWORD_RUN = "password-run",
    PASSWORD_OWN_NUMBER = "password-own-number",
    PASSWORD_MISMATCH = "password-mismatch",
    CLEARED = "cleared",
    STORE_FAILED = "store-failed",
    NOT_CONFIRMED = "not-confirmed",
    OVERTAKEN = "overtaken",
    TOO_MANY_INVALID = "too-many-invalid",
    TOO_MANY_TIMEOUTS = "too-many-timeouts",
    REFUSED_WITHHELD = "refused-withheld",
    REFUSED_LINE = "refused-line",
    REFUSED_UNIDENTIFIED = "refused-unidentified",
}

/// The reason of a refusal, as it is spoken to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// The number is withheld: 186 before the number shows it.
    Withheld,
    /// The calling number is on no contracted line.
    NotContracted,
    /// The calling number is not certain.
    Unidentified,
}

impl Excuse {
    /// The prompt that says so.
    pub const fn prompt(self) -> PromptName {
        match self {
            Excuse::Withheld => REFUSED_WITHHELD,
            Excuse::NotContracted => REFUSED_LINE,
            Excuse::Unidentified => REFUSED_UNIDENTIFIED,
        }
    }
}

/// The lengths of a password that can be spoken.
pub(super) const SPOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 4..=16;

const LENGTHS: [PromptName; 13] = [
    LENGTH_4, LENGTH_5, LENGTH_6, LENGTH_7, LENGTH_8, LENGTH_9, LENGTH_10, LENGTH_11, LENGTH_12, LENGTH_13, LENGTH_14,
    LENGTH_15, LENGTH_16,
];

const DIGITS: [PromptName; 10] =
    [DIGIT_0, DIGIT_1, DIGIT_2, DIGIT_3, DIGIT_4, DIGIT_5, DIGIT_6, DIGIT_7, DIGIT_8, DIGIT_9];

/// Digits one by one.
pub(super) fn digits(digits: &str) -> impl Iterator<Item = PromptName> + '_ {
    digits.chars().filter_map(|c| DIGITS.get(c.to_digit(10)? as usize).copied())
}

/// A telephone number as it is customarily read: 06 の 6480 の 6430.
pub(super) fn telephone_number(number: PhoneNumber) -> Vec<PromptName> {
    let mut rest = number.as_str();
    let mut spoken = Vec::new();
    for size in groups(rest) {
        let (group, after) = rest.split_at_checked(size).unwrap_or((rest, ""));
        if !spoken.is_empty() {
            spoken.push(GROUP_NO);
        }
        spoken.extend(digits(group));
        rest = after;
    }
    spoken
}

/// The question for a password of `min` to `max` digits.
pub(super) fn ask_password((min, max): (usize, usize)) -> Vec<PromptName> {
    let mut spoken = vec![ASK_PASSWORD];
    spoken.extend(length(min));
    if min == max {
        spoken.push(LENGTH_EXACTLY);
    } else {
        spoken.push(LENGTH_FROM);
        spoken.extend(length(max));
        spoken.push(LENGTH_TO);
    }
    spoken.push(ASK_PASSWORD_END);
    spoken
}

fn length(digits: usize) -> Option<PromptName> {
    LENGTHS.get(digits.checked_sub(*SPOKEN_LENGTHS.start())?).copied()
}

/// The sizes of a number's groups. Area codes other than 03 and 06 have two to four further digits; without a table of
/// them all, three are read, which most large cities have.
fn groups(number: &str) -> [usize; 3] {
    if number.starts_with("0800") {
        [4, 3, 4]
    } else if number.len() == 11 {
        [3, 4, 4]
    } else if number.starts_with("0120") || number.starts_with("0570") {
        [4, 3, 3]
    } else if number.starts_with("03") || number.starts_with("06") {
        [2, 4, 4]
    } else {
        [3, 3, 4]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(number: &str) -> String {
        let spoken = telephone_number(PhoneNumber::parse(number).unwrap());
        spoken.iter().map(|name| name.as_str().strip_prefix("digit-").unwrap_or("の")).collect()
    }

    #[test]
    fn a_telephone_number_is_read_in_its_groups() {
        assert_eq!(read("0664806430"), "06の6480の6430");
        assert_eq!(read("0312345678"), "03の1234の5678");
        assert_eq!(read("0752117890"), "075の211の7890");
        assert_eq!(read("0120123456"), "0120の123の456");
        assert_eq!(read("0570012345"), "0570の012の345");
        assert_eq!(read("08001234567"), "0800の123の4567");
        assert_eq!(read("09012345678"), "090の1234の5678");
        assert_eq!(read("05012345678"), "050の1234の5678");
    }

    #[test]
    fn the_password_question_names_its_lengths() {
        let spoken = |digits| ask_password(digits).iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ");
        assert_eq!(spoken((4, 8)), "ask-password length-4 length-from length-8 length-to ask-password-end");
        assert_eq!(spoken((6, 6)), "ask-password length-6 length-exactly ask-password-end");
        assert_eq!(spoken((9, 16)), "ask-password length-9 length-from length-16 length-to ask-password-end");
    }

    #[test]
    fn every_prompt_is_declared_once() {
        let names: std::collections::BTreeSet<_> = ALL_PROMPTS.iter().map(|name| name.as_str()).collect();
        assert_eq!(names.len(), ALL_PROMPTS.len());
        for n in SPOKEN_LENGTHS {
            assert_eq!(length(n).unwrap().as_str(), format!("length-{n}"));
        }
        assert_eq!((length(3), length(17)), (None, None));
    }
}
