//! A setting's value, as a file or a variable gives it, and how it is read.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use toml::de::DeValue;

/// Why a value is unusable, in words.
pub(super) type Unfit = String;

/// A setting's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Text from a variable: it may stand for a number, a switch, or a list with commas.
    Loose(String),
    Text(String),
    Integer(i64),
    Switch(bool),
    List(Vec<Value>),
    /// A kind of value that no key takes.
    Strange(&'static str),
}

impl Value {
    pub(super) fn from_toml(value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
                .map_or(Value::Strange("an integer too large"), Value::Integer),
            DeValue::Boolean(switch) => Value::Switch(*switch),
            DeValue::Array(items) => Value::List(items.iter().map(|item| Value::from_toml(item.get_ref())).collect()),
            DeValue::Float(_) => Value::Strange("a float"),
            DeValue::Datetime(_) => Value::Strange("a date"),
            DeValue::Table(_) => Value::Strange("a table"),
        }
    }

    /// The value that a text stands for.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self) -> Result<T, Unfit> {
        self.text()?.trim().parse().map_err(|why: T::Err| why.to_string())
    }

    pub(super) fn text(&self) -> Result<&str, Unfit> {
        match self {
            Value::Loose(text) | Value::Text(text) => Ok(text),
            Value::Integer(_) | Value::Switch(_) | Value::List(_) | Value::Strange(_) => Err(self.kind("a text")),
        }
    }

    pub(super) fn integer<T: TryFrom<i64>>(&self, allowed: RangeInclusive<i64>) -> Result<T, Unfit> {
        let number = match self {
            Value::Integer(number) => *number,
            Value::Loose(text) => text.trim().parse().map_err(|_| format!("{text:?} is not a whole number"))?,
            Value::Text(_) | Value::Switch(_) | Value::List(_) | Value::Strange(_) => {
                return Err(self.kind("a whole number"));
            }
        };
        let within = allowed.contains(&number).then_some(number).and_then(|number| T::try_from(number).ok());
        within.ok_or_else(|| format!("{number} is out of range"))
    }

    pub(super) fn switch(&self) -> Result<bool, Unfit> {
        match self {
            Value::Switch(switch) => Ok(*switch),
            Value::Loose(text) => text.trim().parse().map_err(|_| format!("{text:?} is neither true nor false")),
            Value::Text(_) | Value::Integer(_) | Value::List(_) | Value::Strange(_) => Err(self.kind("true or false")),
        }
    }

    pub(super) fn list(&self) -> Result<Vec<Value>, Unfit> {
        match self {
            Value::List(items) => Ok(items.clone()),
            Value::Loose(text) if text.trim().is_empty() => Ok(Vec::new()),
            Value::Loose(text) => Ok(text.split(',').map(|item| Value::Loose(item.trim().to_owned())).collect()),
            Value::Text(_) | Value::Integer(_) | Value::Switch(_) | Value::Strange(_) => Err(self.kind("a list")),
        }
    }

    pub(super) fn parse_list<T: FromStr<Err: Display>>(&self) -> Result<Vec<T>, Unfit> {
        self.list()?.iter().map(Value::parse).collect()
    }

    pub(super) fn duration(&self, allowed: RangeInclusive<Duration>) -> Result<Duration, Unfit> {
        let text = self.text()?;
        let duration = duration(text.trim()).ok_or_else(|| format!("{text:?} is not a duration"))?;
        if allowed.contains(&duration) { Ok(duration) } else { Err(format!("{text:?} is out of range")) }
    }

    fn kind(&self, needed: &str) -> Unfit {
        let kind = match self {
            Value::Loose(_) | Value::Text(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Switch(_) => "true or false",
            Value::List(_) => "a list",
            Value::Strange(kind) => kind,
        };
        format!("expected {needed}, found {kind}")
    }
}

/// `1500ms`, `10s`, `5m` or `1h`.
fn duration(text: &str) -> Option<Duration> {
    let end_of_digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(end_of_digits)?;
    let count: u64 = digits.parse().ok()?;
    let millis = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(count.checked_mul(millis)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_whole_number_with_a_unit() {
        assert_eq!(duration("10s"), Some(Duration::from_secs(10)));
        assert_eq!(duration("1500ms"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Some(Duration::from_secs(3600)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for bad in ["", "10", "s", "1.5s", "-1s", "10 sec", "10秒", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
