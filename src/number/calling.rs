//! The number that a call or a fax comes from, which may be of any country.

use std::fmt;
use std::str::FromStr;

use super::{NumberError, PhoneNumber, hyphenated};

/// A calling number: of Japan, or of another country as ITU-T E.164 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallingNumber {
    /// A number in Japan.
    InJapan(PhoneNumber),
    /// The digits of a number elsewhere, from the country code on.
    Abroad(u64),
}

impl CallingNumber {
    /// Reads a number in any writing of [`PhoneNumber`], or one of another country: `+` and 7 to 15 digits.
    pub fn parse(text: &str) -> Result<CallingNumber, NumberError> {
        match PhoneNumber::parse(text) {
            Ok(number) => Ok(CallingNumber::InJapan(number)),
            Err(NumberError::ForeignCountry) => {
                let digits: String =
                    text.chars().filter_map(super::digit_value).map(|d| char::from(b'0' + d)).collect();
                match digits.parse() {
                    Ok(number) if (7..=15).contains(&digits.len()) && !digits.starts_with('0') => {
                        Ok(CallingNumber::Abroad(number))
                    }
                    _ => Err(NumberError::Shape(digits.len())),
                }
            }
            Err(why) => Err(why),
        }
    }

    /// The number, when it is one in Japan.
    pub fn in_japan(self) -> Option<PhoneNumber> {
        match self {
            CallingNumber::InJapan(number) => Some(number),
            CallingNumber::Abroad(_) => None,
        }
    }

    /// As people read it.
    pub fn shown(self) -> String {
        match self {
            CallingNumber::InJapan(number) => hyphenated(number),
            CallingNumber::Abroad(_) => self.to_string(),
        }
    }
}

impl From<PhoneNumber> for CallingNumber {
    fn from(number: PhoneNumber) -> CallingNumber {
        CallingNumber::InJapan(number)
    }
}

impl FromStr for CallingNumber {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<CallingNumber, NumberError> {
        CallingNumber::parse(text)
    }
}

impl fmt::Display for CallingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallingNumber::InJapan(number) => number.fmt(f),
            CallingNumber::Abroad(digits) => write!(f, "+{digits}"),
        }
    }
}

impl serde::Serialize for CallingNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for CallingNumber {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<CallingNumber, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        CallingNumber::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_from_japan_and_from_elsewhere() {
        let read = |text: &str| CallingNumber::parse(text).map(|number| number.to_string());
        assert_eq!(read("+81 6-0000-1111"), Ok("0600001111".to_owned()));
        assert_eq!(read("+1 (650) 555-0100"), Ok("+16505550100".to_owned()));
        assert_eq!(read("＋４４ 20 7946 0000"), Ok("+442079460000".to_owned()));
        assert_eq!(read("+1234567890123456"), Err(NumberError::Shape(16)), "E.164 has 15 digits at most");
        assert_eq!(read("+44"), Err(NumberError::Shape(2)));
        assert_eq!(read("+0123456789"), Err(NumberError::Shape(10)), "no country begins with 0");
        assert_eq!(read("16505550100"), Err(NumberError::NoLeadingZero));
        assert_eq!(read("anonymous"), Err(NumberError::Character('a')));
    }
}
