//! URIs: `sip:`, `sips:` and `tel:` taken apart, any other scheme kept whole (RFC 3261 §19.1, RFC 3966).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::fault::FieldError;
use super::lex;
use super::params::Params;

/// A URI. User, password, parameters and headers are kept escaped as they were written, so that it goes out as it came.
///
/// A `tel:` URI has its number in `user` and no host; a URI of another scheme has all of its text in `user`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Uri {
    /// What comes before the first colon.
    pub scheme: Scheme,
    /// The user part, escaped, with the parameters that a telephone number in it may carry; see [`Uri::subscriber`].
    pub user: Option<String>,
    /// The password (deprecated by the RFC, but it must survive a round trip).
    pub password: Option<String>,
    /// Name or address; an IPv6 address without its brackets.
    pub host: String,
    /// The port, when one is written.
    pub port: Option<u16>,
    /// `;transport=tcp` and the like.
    pub params: Params,
    /// `?Subject=x`: names and values, escaped.
    pub headers: Vec<(String, String)>,
}

/// A URI's scheme.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// Any other, in lower case.
    Other(String),
}

impl Uri {
    /// `sip:user@host:port`; `user` is escaped where it must be.
    pub fn sip(user: Option<&str>, host: &str, port: Option<u16>) -> Uri {
        let user = user.map(escape_user);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Uri { scheme: Scheme::Sip, user, password: None, host, port, params: Params::default(), headers: Vec::new() }
    }

    /// The user or telephone number that is meant: escapes resolved, parameters inside the user part left away.
    pub fn subscriber(&self) -> Option<String> {
        let user = self.user.as_deref()?;
        Some(lex::unescape(user.split_once(';').map_or(user, |(number, _)| number)))
    }

    /// Whether this is a `sip:` or `sips:` URI.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    fn parse(text: &str) -> Option<Uri> {
        let (scheme, rest) = text.split_once(':')?;
        let scheme = Scheme::parse(scheme)?;
        if rest.is_empty() || text.contains(|c: char| c.is_control() || matches!(c, ' ' | '<' | '>' | '"')) {
            return None;
        }
        match scheme {
            Scheme::Sip | Scheme::Sips => Uri::parse_sip(scheme, rest),
            Scheme::Tel => {
                let (number, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
                let params = Params::of_uri(params)?;
                (!number.is_empty()).then(|| Uri { params, ..Uri::opaque(scheme, number) })
            }
            Scheme::Other(_) => Some(Uri::opaque(scheme, rest)),
        }
    }

    fn parse_sip(scheme: Scheme, rest: &str) -> Option<Uri> {
        let (userinfo, rest) = match rest.split_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let (user, password) = match userinfo.and_then(|userinfo| userinfo.split_once(':')) {
            Some((user, password)) => (Some(user), Some(password)),
            None => (userinfo, None),
        };
        let (rest, headers) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let (host_port, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        let (host, port) = host_port_of(host_port)?;
        if user.is_some_and(|user| user.is_empty() || !is_user(user))
            || password.is_some_and(|password| !is_user(password))
        {
            return None;
        }
        Some(Uri {
            scheme,
            user: user.map(str::to_owned),
            password: password.map(str::to_owned),
            host,
            port,
            params: Params::of_uri(params)?,
            headers: headers_of(headers)?,
        })
    }

    fn opaque(scheme: Scheme, text: &str) -> Uri {
        let user = Some(text.to_owned());
        Uri {
            scheme,
            user,
            password: None,
            host: String::new(),
            port: None,
            params: Params::default(),
            headers: Vec::new(),
        }
    }
}

impl FromStr for Uri {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Uri, FieldError> {
        Uri::parse(text).ok_or(FieldError::Uri)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            if self.is_sip() {
                f.write_str("@")?;
            }
        }
        f.write_str(&HostPort(&self.host, self.port).to_string())?;
        write!(f, "{}", self.params)?;
        self.headers
            .iter()
            .enumerate()
            .try_for_each(|(at, (name, value))| write!(f, "{}{name}={value}", if at == 0 { '?' } else { '&' }))
    }
}

impl Scheme {
    fn parse(text: &str) -> Option<Scheme> {
        let rest = text.strip_prefix(|first: char| first.is_ascii_alphabetic())?;
        if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            return None;
        }
        Some(match text.to_ascii_lowercase().as_str() {
            "sip" => Scheme::Sip,
            "sips" => Scheme::Sips,
            "tel" => Scheme::Tel,
            other => Scheme::Other(other.to_owned()),
        })
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other(name) => name,
        })
    }
}

/// A host and its port as they are written: an IPv6 address gets its brackets.
pub(super) struct HostPort<'a>(pub &'a str, pub Option<u16>);

impl fmt::Display for HostPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.contains(':') {
            true => write!(f, "[{}]", self.0)?,
            false => f.write_str(self.0)?,
        }
        self.1.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(super) fn host_port_of(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed.split_once(']')?;
            (ipv6_address(address)?, lex::trim(after))
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let host = lex::trim(host);
            (is_host(host).then_some(host)?.to_owned(), port)
        }
    };
    let port = match port {
        "" => None,
        port => Some(lex::number(lex::trim(port.strip_prefix(':')?))?),
    };
    Some((host, port))
}

/// An IPv6 address as written, but for the third colon that RFC 3261's grammar has before an IPv4 address at the end: it must
/// be tolerated (RFC 5118 §4.10), and goes out as two.
fn ipv6_address(text: &str) -> Option<String> {
    let mended = match text.rsplit_once(":::") {
        Some((groups, v4)) if v4.parse::<Ipv4Addr>().is_ok() => format!("{groups}::{v4}"),
        Some(_) | None => text.to_owned(),
    };
    mended.parse::<Ipv6Addr>().is_ok().then_some(mended)
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// Unreserved, escaped and user-unreserved characters; beyond ASCII is let through for the sake of old equipment.
fn is_user(text: &str) -> bool {
    text.bytes().all(is_user_byte_or_escape) && lex::escapes_are_whole(text)
}

fn is_user_byte_or_escape(byte: u8) -> bool {
    byte == b'%' || !byte.is_ascii() || is_user_byte(byte)
}

fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/#".contains(&byte)
}

fn escape_user(user: &str) -> String {
    user.bytes().fold(String::with_capacity(user.len()), |mut escaped, byte| {
        match is_user_byte(byte) && byte != b'#' {
            true => escaped.push(char::from(byte)),
            false => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}

fn headers_of(text: &str) -> Option<Vec<(String, String)>> {
    let Some(text) = text.strip_prefix('?') else { return Some(Vec::new()) };
    text.split('&')
        .map(|header| {
            let (name, value) = header.split_once('=')?;
            let sound = !name.is_empty() && lex::escapes_are_whole(header);
            sound.then(|| (name.to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests;
