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

pub(super) fn session(headers: &HeaderMap, secure: bool) -> Option<&str> {
    read(headers, session_name(secure))
}

/// The cookie that opens a session; an empty token ends it in the browser.
pub(super) fn for_session(token: &str, secure: bool) -> String {
    let name = session_name(secure);
    let (secure, age) = (only_over_tls(secure), if token.is_empty() { "; Max-Age=0" } else { "" });
    format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{age}")
}

pub(super) fn add(response: &mut Response, cookie: String) {
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

fn session_name(secure: bool) -> &'static str {
    if secure { SESSION_OVER_TLS } else { SESSION }
}

pub(super) fn only_over_tls(secure: bool) -> &'static str {
    if secure { "; Secure" } else { "" }
}
