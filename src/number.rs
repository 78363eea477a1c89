//! Telephone numbers (leaf): Japanese numbers in one canonical national form.
//!
//! Canonical: `0[1-9]` and 8 digits (10 in all: fixed lines, 0120 …), or `0[5-9]0` and 8 digits (11 in all: 050 IP
//! phones, 060/070/080/090 mobiles). No area code begins with 050, 070, 080 or 090, so ten digits there are a number cut short. `+81` becomes `0`; hyphens, spaces, dots, brackets and full-width digits go. A number
//! without its leading 0 is refused rather than repaired, and 184/186 are dial prefixes, never part of a number.
//! Source: the numbering plan of the Ministry of Internal Affairs and Communications (総務省 電気通信番号計画).
//!
//! ```
//! use karipass::number::{PhoneNumber, hyphenated};
//!
//! let number = PhoneNumber::parse("+81 6-0000-1111")?;
//! assert_eq!(number.as_str(), "0600001111");
//! assert_eq!(hyphenated(number), "06-0000-1111");
//! assert!(PhoneNumber::parse("600001111").is_err());
//! # Ok::<(), karipass::number::NumberError>(())
//! ```

mod calling;
mod hyphen;

use std::fmt;
use std::str::FromStr;

pub use calling::CallingNumber;
pub use hyphen::hyphenated;

/// A Japanese telephone number in canonical national form, such as `0600001111`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber {
    digits: [u8; 11],
    length: u8,
}

/// Why a text is no telephone number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing was given.
    #[error("a telephone number is missing")]
    Empty,
    /// A character that has no place in a number.
    #[error("{0:?} does not belong in a telephone number: use digits, hyphens, or +81")]
    Character(char),
    /// A country other than Japan.
    #[error("only numbers in Japan (+81) are known")]
    ForeignCountry,
    /// The trunk prefix is missing.
    #[error("the number lacks its area code's leading 0")]
    NoLeadingZero,
    /// The digits fit no number: the length is given.
    #[error("{0} digits make no Japanese number: 10 are needed, or 11 after 050, 060, 070, 080 and 090")]
    Shape(usize),
}

impl PhoneNumber {
    /// Reads a number as people and networks write it.
    pub fn parse(text: &str) -> Result<PhoneNumber, NumberError> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        let (international, rest) = match text.strip_prefix(['+', '＋']) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut found = [0u8; 24];
        let mut count = 0usize;
        for c in rest.chars() {
            if let Some(digit) = digit_value(c) {
                if let Some(place) = found.get_mut(count) {
                    *place = digit;
                }
                count += 1;
            } else if !is_separator(c) {
                return Err(NumberError::Character(c));
            }
        }
        let digits = found.get(..count).ok_or(NumberError::Shape(count))?;
        match (international, digits) {
            (_, []) => Err(NumberError::Empty),
            // +81 6 … and the frequent +81 (0)6 … name the same line
            (true, [8, 1, 0, rest @ ..] | [8, 1, rest @ ..]) => PhoneNumber::national(&[&[0], rest].concat()),
            (true, _) => Err(NumberError::ForeignCountry),
            (false, digits) => PhoneNumber::national(digits),
        }
    }

    fn national(digits: &[u8]) -> Result<PhoneNumber, NumberError> {
        let valid = match digits {
            // 06-0000-1111 in Osaka and the mobile 060-0001-1112 begin alike: there the length decides
            [0, 6, 0, ..] => matches!(digits.len(), 10 | 11),
            [0, 5..=9, 0, ..] => digits.len() == 11,
            [0, 1..=9, ..] => digits.len() == 10,
            [0, ..] => false,
            _ => return Err(NumberError::NoLeadingZero),
        };
        if !valid {
            return Err(NumberError::Shape(digits.len()));
        }
        let mut kept = [0u8; 11];
        for (place, digit) in kept.iter_mut().zip(digits) {
            *place = b'0' + digit;
        }
        Ok(PhoneNumber { digits: kept, length: digits.len() as u8 })
    }

    /// The canonical digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[..usize::from(self.length)]).unwrap_or_default()
    }
}

fn digit_value(c: char) -> Option<u8> {
    match c {
        '0'..='9' => Some(c as u8 - b'0'),
        '０'..='９' => Some((c as u32 - '０' as u32) as u8),
        _ => None,
    }
}

/// Spaces, dots, brackets, and everything that keyboards and fonts in Japan offer for a hyphen.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        '-' | ' '
            | '.'
            | '('
            | ')'
            | '\u{3000}'
            | '\u{a0}'
            | '\t'
            | '．'
            | '（'
            | '）'
            | '－'
            | '‐'
            | '‑'
            | '‒'
            | '–'
            | '—'
            | '―'
            | '─'
            | '−'
            | 'ー'
            | 'ｰ'
    ) || is_invisible(c)
}

/// What comes along unseen when a number is copied from an address book: marks of the writing direction (Unicode Bidi_Control),
/// joiners, soft hyphens.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl FromStr for PhoneNumber {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<PhoneNumber, NumberError> {
        PhoneNumber::parse(text)
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for PhoneNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for PhoneNumber {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<PhoneNumber, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        PhoneNumber::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        PhoneNumber::parse(text).map(|n| n.to_string()).unwrap_or_else(|e| format!("{e:?}"))
    }

    #[test]
    fn every_customary_writing_is_one_number() {
        for text in [
            "0600001111",
            "06-0000-1111",
            "+81600001111",
            "+81-6-0000-1111",
            "０６－００００－１１１１",
            " 06 0000 1111 ",
            "(06)0000-1111",
            "+81(0)600001111",
            "\u{202a}06-0000-1111\u{202c}",
            "\u{202d}+81 6\u{a0}0000\u{a0}1111\u{202c}",
            "06―0000─1111",
            "06ｰ0000\u{2012}1111",
        ] {
            assert_eq!(canonical(text), "0600001111", "{text}");
        }
        assert_eq!(canonical("090-1234-5678"), "09012345678");
        assert_eq!(canonical("+819012345678"), "09012345678");
        assert_eq!(canonical("0120-000-111"), "0120000111");
        assert_eq!(canonical("060-0001-1112"), "06000011112");
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_reason() {
        assert_eq!(PhoneNumber::parse(""), Err(NumberError::Empty));
        assert_eq!(PhoneNumber::parse("anonymous"), Err(NumberError::Character('a')));
        assert_eq!(PhoneNumber::parse("600001111"), Err(NumberError::NoLeadingZero));
        assert_eq!(PhoneNumber::parse("1860600001111"), Err(NumberError::NoLeadingZero));
        assert_eq!(PhoneNumber::parse("+16505550100"), Err(NumberError::ForeignCountry));
        assert_eq!(PhoneNumber::parse("060000111"), Err(NumberError::Shape(9)));
        assert_eq!(PhoneNumber::parse("03000011112"), Err(NumberError::Shape(11)));
        assert_eq!(PhoneNumber::parse("9".repeat(200).as_str()), Err(NumberError::Shape(200)));
        assert_eq!(PhoneNumber::parse("0012345678"), Err(NumberError::Shape(10)));
        assert_eq!(PhoneNumber::parse("0901234567"), Err(NumberError::Shape(10)), "a mobile number cut short");
    }
}
