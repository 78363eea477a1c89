//! Structured header values: `name-addr` (From, To, Contact, Route …) and `via-parm` (RFC 3261 §25.1).

use std::fmt;
use std::net::IpAddr;

use super::lex;
use super::params::Params;
use super::uri::{HostPort, Uri, host_port_of};

/// `"Display" <uri>;params`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameAddr {
    /// The display name without quotes and escapes; none when it is missing or empty.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// The header field's parameters (not the URI's).
    pub params: Params,
}

impl NameAddr {
    /// The bare `<uri>`.
    pub fn new(uri: Uri) -> NameAddr {
        NameAddr { display: None, uri, params: Params::default() }
    }

    /// The tag, which names a dialog's end.
    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag")
    }

    /// Sets the tag.
    pub fn set_tag(&mut self, tag: &str) {
        self.params.set("tag", Some(tag));
    }

    /// Reads one value, in one line: `name-addr` or `addr-spec`, with parameters.
    pub fn parse(text: &str) -> Option<NameAddr> {
        let text = lex::line(text)?;
        if let Some((display, rest)) = lex::quoted(text) {
            return NameAddr::bracketed(display, lex::trim(rest));
        }
        match text.split_at(text.find('<').unwrap_or(text.len())) {
            (display, rest) if !rest.is_empty() && is_display(display) => {
                NameAddr::bracketed(lex::trim(display).to_owned(), rest)
            }
            _ => NameAddr::bare(text),
        }
    }

    fn bracketed(display: String, text: &str) -> Option<NameAddr> {
        let (uri, params) = text.strip_prefix('<')?.split_once('>')?;
        let display = (!display.is_empty()).then_some(display);
        Some(NameAddr { display, uri: uri.parse().ok()?, params: Params::of_field(params)? })
    }

    /// Without angle brackets every `;` belongs to the header field, and `,` and `?` may not occur (§20.10).
    fn bare(text: &str) -> Option<NameAddr> {
        let (uri, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        if uri.contains([',', '?']) {
            return None;
        }
        let uri = lex::trim(uri).parse().ok()?;
        Some(NameAddr { display: None, uri, params: Params::of_field(params)? })
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", lex::quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// `*(token LWS)`; beyond ASCII is let through, since phones send names unquoted.
fn is_display(text: &str) -> bool {
    text.bytes().all(|byte| lex::is_token_byte(byte) || matches!(byte, b' ' | b'\t') || !byte.is_ascii())
}

/// `SIP/2.0/UDP host:port;params`: one hop that a request took.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Via {
    /// The transport in upper case: `UDP`, `TCP`, `TLS`, or one we do not speak.
    pub transport: String,
    /// The host of sent-by; an IPv6 address without its brackets.
    pub host: String,
    /// The port of sent-by.
    pub port: Option<u16>,
    /// `;branch=…;rport` and the like.
    pub params: Params,
}

impl Via {
    /// What an RFC 3261 branch starts with (§8.1.1.7).
    pub const COOKIE: &'static str = "z9hG4bK";

    /// The branch, whether or not it starts with the cookie.
    pub fn branch(&self) -> Option<&str> {
        self.params.value("branch")
    }

    /// The branch if it is one of RFC 3261: the cookie and something after it.
    pub fn unique_branch(&self) -> Option<&str> {
        self.branch().filter(|branch| branch.len() > Via::COOKIE.len() && branch.starts_with(Via::COOKIE))
    }

    /// Whether the sender asks for RFC 3581 (`rport`, with or without a value).
    pub fn wants_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The port that a server filled in.
    pub fn rport(&self) -> Option<u16> {
        self.params.value("rport")?.parse().ok()
    }

    /// Fills in the source port (RFC 3581 §4).
    pub fn set_rport(&mut self, port: u16) {
        self.params.set("rport", Some(&port.to_string()));
    }

    /// The source address that a server filled in.
    pub fn received(&self) -> Option<IpAddr> {
        self.params.value("received")?.trim_matches(['[', ']']).parse().ok()
    }

    /// Fills in the source address (RFC 3261 §18.2.1).
    pub fn set_received(&mut self, address: IpAddr) {
        self.params.set("received", Some(&address.to_string()));
    }

    /// Reads one value, in one line; white space may surround each part.
    pub fn parse(text: &str) -> Option<Via> {
        let text = lex::line(text)?;
        let (sent, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let (protocol, rest) = sent.split_once('/')?;
        let (version, rest) = rest.split_once('/')?;
        if !lex::trim(protocol).eq_ignore_ascii_case("SIP") || lex::trim(version) != "2.0" {
            return None;
        }
        let (transport, sent_by) = lex::trim(rest).split_once([' ', '\t'])?;
        let (host, port) = host_port_of(lex::trim(sent_by))?;
        let transport = lex::is_token(transport).then(|| transport.to_ascii_uppercase())?;
        Some(Via { transport, host, port, params: Params::of_field(params)? })
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}{}", self.transport, HostPort(&self.host, self.port), self.params)
    }
}

#[cfg(test)]
mod tests;
