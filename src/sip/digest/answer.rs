//! The client's side: credentials for a challenge (RFC 7616 §3.4, RFC 8760 §2.4).

use super::{Challenge, Exchange, Ha1};
use crate::secret::Secret;
use crate::sip::wire::lex;

/// The client's user name and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user name, as the server knows it.
    pub user_name: String,
    /// The password.
    pub password: Secret,
}

/// The credentials that answer a challenge.
#[derive(Clone, PartialEq, Eq)]
pub struct Answered {
    /// The value of Authorization, or of Proxy-Authorization.
    pub credentials: String,
    /// The challenge said that only the nonce of the credentials before was too old.
    pub stale: bool,
}

/// Answers the topmost challenge that can be answered; `None` when there is none. `cnonce` is fresh randomness.
pub fn answer<'a>(
    challenges: impl IntoIterator<Item = &'a str>,
    account: &Account,
    method: &str,
    uri: &str,
    cnonce: &str,
) -> Option<Answered> {
    // the nonce is used once: each request that is challenged gets one of its own
    const COUNT: &str = "00000001";
    let challenge = challenges.into_iter().find_map(Challenge::parse)?;
    let key = Ha1::derive(&account.user_name, &challenge.realm, &account.password);
    let counted = challenge.auth.then_some((COUNT, cnonce));
    let exchange = Exchange { method, uri, nonce: &challenge.nonce, counted };
    let response = exchange.response(challenge.algorithm, &key);
    let quoted = [
        ("username", account.user_name.as_str()),
        ("realm", &challenge.realm),
        ("nonce", &challenge.nonce),
        ("uri", uri),
        ("response", &response),
    ];
    let quoted = quoted.map(|(name, value)| format!("{name}={}", lex::quote(value))).join(", ");
    let mut credentials = format!("Digest {quoted}, algorithm={}", challenge.algorithm.name());
    if challenge.auth {
        credentials += &format!(", cnonce={}, qop=auth, nc={COUNT}", lex::quote(cnonce));
    }
    if let Some(opaque) = &challenge.opaque {
        credentials += &format!(", opaque={}", lex::quote(opaque));
    }
    Some(Answered { credentials, stale: challenge.stale })
}
