//! The rules for own passwords.

use super::lang::Lang;
use crate::account::Contract;
use crate::secret::Secret;

/// The rules for own passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The fewest characters.
    pub fewest: usize,
    /// The most characters.
    pub most: usize,
    /// Whether letters and digits are both required.
    pub letters_and_digits: bool,
    /// After this many seconds the next login asks for another one first.
    pub valid_seconds: i64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { fewest: 8, most: 64, letters_and_digits: true, valid_seconds: 60 * 24 * 60 * 60 }
    }
}

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokenRule {
    TooShort,
    TooLong,
    Characters,
    LetterAndDigit,
    OwnNumber,
    Common,
    Previous,
    Temporary,
    NotTheSame,
}

impl Rules {
    /// The first rule that a password breaks, of those that need no hash. Takes a few milliseconds.
    pub(super) fn check(&self, password: &Secret, contract: &Contract) -> Option<BrokenRule> {
        let clear = password.expose();
        let characters = clear.chars().count();
        let digits: String = clear.chars().filter(char::is_ascii_digit).collect();
        let has_both = clear.chars().any(char::is_alphabetic) && !digits.is_empty();
        // without its area code's 0 it is still the number
        let is_in = |number: &str| number.get(1..).is_some_and(|rest| digits.contains(rest));
        let broken = [
            (characters < self.fewest, BrokenRule::TooShort),
            (characters > self.most, BrokenRule::TooLong),
            (clear.chars().any(char::is_control), BrokenRule::Characters),
            (self.letters_and_digits && !has_both, BrokenRule::LetterAndDigit),
            (contract.numbers().any(|number| is_in(number.as_str())), BrokenRule::OwnNumber),
        ];
        let simple = broken.into_iter().find_map(|(is_broken, fault)| is_broken.then_some(fault));
        simple.or_else(|| is_common(clear).then_some(BrokenRule::Common))
    }
}

/// Below 10^6 guesses by zxcvbn's estimate, whose lists hold the most common passwords.
fn is_common(clear: &str) -> bool {
    zxcvbn::zxcvbn(clear, &["karipass", "hikari", "denwa"]).score() < zxcvbn::Score::Two
}

impl BrokenRule {
    pub(super) fn text(self, rules: &Rules, lang: Lang) -> String {
        let Rules { fewest, most, .. } = rules;
        match self {
            BrokenRule::TooShort => match lang {
                Lang::Japanese => format!("{fewest}文字以上で入力してください。"),
                Lang::English => format!("Use at least {fewest} characters."),
            },
            BrokenRule::TooLong => match lang {
                Lang::Japanese => format!("{most}文字以内で入力してください。"),
                Lang::English => format!("Use at most {most} characters."),
            },
            BrokenRule::Characters => {
                lang.say("使えない文字が含まれています。", "It holds characters that cannot be used.").into()
            }
            BrokenRule::LetterAndDigit => {
                lang.say("英字と数字の両方を含めてください。", "Use both letters and digits.").into()
            }
            BrokenRule::OwnNumber => lang
                .say("ご契約の電話番号を含むパスワードは使えません。", "It must not contain a number of your line.")
                .into(),
            BrokenRule::Common => lang
                .say(
                    "推測されやすいパスワードです。別のものにしてください。",
                    "It is too easy to guess. Choose another one.",
                )
                .into(),
            BrokenRule::Previous => lang
                .say("現在または前回のパスワードは使えません。", "It must not be your current or previous password.")
                .into(),
            BrokenRule::Temporary => {
                lang.say("仮パスワードと同じものは使えません。", "It must not be the temporary password.").into()
            }
            BrokenRule::NotTheSame => {
                lang.say("確認用のパスワードが一致しません。", "The two new passwords are not the same.").into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::account::demo_contract;

    #[test]
    fn each_rule_has_its_own_answer() {
        let rules = Rules::default();
        let contract = demo_contract().unwrap();
        for (password, fault) in [
            ("sh0rt", Some(BrokenRule::TooShort)),
            ("seven77", Some(BrokenRule::TooShort)),
            ("onlyletterskumquat", Some(BrokenRule::LetterAndDigit)),
            ("4815162342108", Some(BrokenRule::LetterAndDigit)),
            ("my0600001111x", Some(BrokenRule::OwnNumber)),
            ("a06-0000-2222", Some(BrokenRule::OwnNumber)),
            ("x600002222y", Some(BrokenRule::OwnNumber)),
            ("password1", Some(BrokenRule::Common)),
            ("qwerty123", Some(BrokenRule::Common)),
            ("abcd1234", Some(BrokenRule::Common)),
            ("tea\u{7}spoon48kumquat", Some(BrokenRule::Characters)),
            ("kumquat-48-tram", None),
            ("さくらと富士山48景", None),
        ] {
            assert_eq!(rules.check(&Secret::from(password), &contract), fault, "{password}");
        }
        let any = Rules { letters_and_digits: false, ..rules };
        assert_eq!(any.check(&Secret::from("onlyletterskumquat"), &contract), None);
        assert_eq!(any.check(&Secret::from("aaaaaaaa"), &contract), Some(BrokenRule::Common));
        let long = "kumquat48-".repeat(7);
        assert_eq!(rules.check(&Secret::from(long.as_str()), &contract), Some(BrokenRule::TooLong));
        assert_eq!(rules.check(&Secret::from(long.get(..64).unwrap()), &contract), None);
    }
}
