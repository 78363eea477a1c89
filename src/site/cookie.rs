//! Cookies: reading and setting them, and the one that names a session.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

const SESSION: &str = "karipass-session";
/// Browsers take a cookie of this name only over TLS, from this very host, for all its paths (RFC 6265bis §4.1.3.2).
const SESSION_OVER_TLS: &str = "__Host-karipass-session";

pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| if key == name { Some(value) } else { None })
}

/// How cookies are kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookies {
    /// Browsers send them over TLS alone.
    OverTls,
    /// Over HTTP too.
    Plain,
}

impl Cookies {
    /// The token of the session that a browser names.
    pub(super) fn session(self, headers: &HeaderMap) -> Option<&str> {
        read(headers, self.session_name())
    }

    /// Opens a session in the browser.
    pub(super) fn opening(self, token: &str) -> String {
        format!("{}={token}; Path=/; HttpOnly; SameSite=Strict{}", self.session_name(), self.attribute())
    }

    /// Ends the session in the browser.
    pub(super) fn ending(self) -> String {
        format!("{}; Max-Age=0", self.opening(""))
    }

    /// The attribute of every cookie.
    pub(super) fn attribute(self) -> &'static str {
        match self {
            Cookies::OverTls => "; Secure",
            Cookies::Plain => "",
        }
    }

    fn session_name(self) -> &'static str {
        match self {
            Cookies::OverTls => SESSION_OVER_TLS,
            Cookies::Plain => SESSION,
        }
    }
}

pub(super) fn add(response: &mut Response, cookie: String) {
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}
