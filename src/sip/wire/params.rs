//! `;name=value` parameters, of URIs and of header fields alike.

use std::fmt;

use super::lex;

/// Ordered parameters. Names compare without regard to case; values are kept as written, quotes included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// Whether `name` is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The value of `name` as written; none when it is absent or has no value.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(self.position(name)?)?.1.as_deref()
    }

    /// The value of `name` without the quotes and escapes of a quoted string.
    pub fn text(&self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        Some(lex::quoted(value).map_or_else(|| value.to_owned(), |(content, _)| content))
    }

    /// Gives `name` the value, in its place when it is there already, else at the end.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.position(name).and_then(|at| self.0.get_mut(at)) {
            Some(param) => param.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes `name` away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads `;a=1;b` (with its leading semicolon) of a header field, where white space may surround everything.
    pub(super) fn of_field(text: &str) -> Option<Params> {
        Params::read(lex::trim(text), |value| match lex::quoted(value) {
            Some((_, rest)) => rest.is_empty(),
            None => !value.contains([' ', '\t', '"', '<', '>']),
        })
    }

    /// Reads `;a=1;b` (with its leading semicolon) of a URI, where no white space may stand.
    pub(super) fn of_uri(text: &str) -> Option<Params> {
        if text.contains([' ', '\t']) {
            return None;
        }
        let mut params = Params::read(text, |value| !value.contains(['"', '<', '>']))?;
        for (name, value) in &mut params.0 {
            if !lex::escapes_are_whole(name) || !value.as_deref().is_none_or(lex::escapes_are_whole) {
                return None;
            }
            // `%6C%72` is `lr` (RFC 4475 §3.1.1.5)
            let plain = lex::unescape(name);
            if lex::is_token(&plain) && !plain.contains('%') {
                *name = plain;
            }
        }
        Some(params)
    }

    fn read(text: &str, is_value: impl Fn(&str) -> bool) -> Option<Params> {
        let mut params = Params::default();
        if text.is_empty() {
            return Some(params);
        }
        for param in lex::split(text.strip_prefix(';')?, ';') {
            let (name, value) = match param.split_once('=') {
                Some((name, value)) => (lex::trim(name), Some(lex::trim(value))),
                None => (param, None),
            };
            if !is_name(name) || !value.is_none_or(|value| !value.is_empty() && is_value(value)) {
                return None;
            }
            params.0.push((name.to_owned(), value.map(str::to_owned)));
        }
        Some(params)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(other, _)| other.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| match value {
            Some(value) => write!(f, ";{name}={value}"),
            None => write!(f, ";{name}"),
        })
    }
}

/// A token, or what RFC 3261 lets a URI parameter's name consist of besides.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| lex::is_token_byte(byte) || b"[]/:&+$()".contains(&byte))
}
