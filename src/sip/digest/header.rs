//! `WWW-Authenticate` and `Authorization` values of the scheme Digest (RFC 7616 §3.3, §3.4; RFC 3261 §25.1).
//!
//! Phones quote what should be bare and the other way round; both are read. A parameter that comes twice is not.

use std::fmt::Write;

use super::Algorithm;
use crate::sip::wire::lex;

/// The longest value that is looked at, in bytes.
const LONGEST: usize = 4096;

/// What a server asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Where the password is good for.
    pub realm: String,
    /// The server's part of the digest.
    pub nonce: String,
    /// To be returned as it is.
    pub opaque: Option<String>,
    /// By which hash.
    pub algorithm: Algorithm,
    /// Whether the password may well be right, and only the nonce is too old.
    pub stale: bool,
    /// Whether `qop="auth"` can be had; none of RFC 2069's servers know it.
    pub auth: bool,
}

impl Challenge {
    /// Reads a challenge that can be answered; `None` for another scheme, an algorithm or a protection that we have not,
    /// or what is malformed.
    pub fn parse(value: &str) -> Option<Challenge> {
        let params = Params::parse(value)?;
        let algorithm = params.value("algorithm").map_or(Some(Algorithm::Md5), Algorithm::parse)?;
        let qop = params.value("qop").filter(|qop| !qop.is_empty());
        let auth = qop.is_some_and(|qop| qop.split(',').any(|one| lex::trim(one).eq_ignore_ascii_case("auth")));
        if qop.is_some() && !auth {
            return None;
        }
        Some(Challenge {
            realm: params.value("realm")?.to_owned(),
            nonce: params.value("nonce")?.to_owned(),
            opaque: params.value("opaque").map(str::to_owned),
            algorithm,
            stale: params.value("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            auth,
        })
    }

    /// The header field's value.
    pub fn write(&self) -> String {
        let mut text = format!("Digest realm={}, nonce={}", lex::quote(&self.realm), lex::quote(&self.nonce));
        if let Some(opaque) = &self.opaque {
            let _ = write!(text, ", opaque={}", lex::quote(opaque));
        }
        if self.stale {
            text.push_str(", stale=true");
        }
        let _ = write!(text, ", algorithm={}", self.algorithm.name());
        if self.auth {
            text.push_str(", qop=\"auth\"");
        }
        text
    }
}

/// What a client says to prove itself, with `qop=auth`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who, as written.
    pub user_name: String,
    /// Of the challenge.
    pub realm: String,
    /// Of the challenge.
    pub nonce: String,
    /// What the request is for, as the client has hashed it.
    pub uri: String,
    /// Of the challenge.
    pub algorithm: Algorithm,
    /// The client's part of the digest.
    pub cnonce: String,
    /// How often the nonce has been used, this time included.
    pub count: u32,
    pub(super) count_text: String,
    pub(super) response: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, nc {})", self.algorithm.name(), self.count)
    }
}

impl Credentials {
    /// Reads credentials of the kind that we ask for; `None` for any other and for what is malformed.
    pub fn parse(value: &str) -> Option<Credentials> {
        let params = Params::parse(value)?;
        let required = |name| params.value(name).map(str::to_owned);
        let hashed_user = params.value("userhash").is_some_and(|hashed| hashed.eq_ignore_ascii_case("true"));
        if hashed_user || !params.value("qop")?.eq_ignore_ascii_case("auth") {
            return None;
        }
        let count_text = required("nc")?;
        let is_count = count_text.len() == 8 && count_text.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(Credentials {
            user_name: required("username")?,
            realm: required("realm")?,
            nonce: required("nonce")?,
            uri: required("uri")?,
            algorithm: params.value("algorithm").map_or(Some(Algorithm::Md5), Algorithm::parse)?,
            cnonce: required("cnonce")?,
            count: is_count.then(|| u32::from_str_radix(&count_text, 16).ok())??,
            count_text,
            response: required("response")?,
        })
    }
}

/// `name=value` parameters behind the scheme.
struct Params(Vec<(String, String)>);

impl Params {
    fn parse(value: &str) -> Option<Params> {
        if value.len() > LONGEST || value.contains(['\r', '\n']) {
            return None;
        }
        let (scheme, rest) = lex::trim(value).split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut params = Params(Vec::new());
        for param in lex::split(rest, ',').into_iter().filter(|param| !param.is_empty()) {
            let (name, value) = param.split_once('=')?;
            let (name, value) = (lex::trim(name), lex::trim(value));
            let value = match lex::quoted(value) {
                Some((content, "")) => content,
                Some(_) => return None,
                None if value.contains(['"', ' ', '\t']) => return None,
                None => value.to_owned(),
            };
            if !lex::is_token(name) || params.value(name).is_some() {
                return None;
            }
            params.0.push((name.to_ascii_lowercase(), value));
        }
        Some(params)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}
