//! Digest authentication (RFC 7616, as RFC 8760 has it for SIP): challenges, credentials, and whether they match.
//!
//! | file | what is in it |
//! |---|---|
//! | here | algorithms, the stored form of a password, the response |
//! | `header` | challenges and credentials as they stand in header fields |
//! | `nonce` | nonces that need no memory until they are used, and their counts |
//! | `guard` | too many wrong passwords |
//! | `authenticator` | the server's side of it all |
//! | `answer` | the client's side |
//! | `habit` | the ways in which phones write a line's user name |
//!
//! Decisions: SHA-256 is offered first, then MD5 (RFC 8760 §2.3), unless the application chooses otherwise. An algorithm that is
//! not offered is not accepted. `qop="auth"` alone is offered and required: without it no count tells a repeated request. `auth-int`, the `-sess` algorithms and `userhash` are not offered, and credentials that use them
//! count as none. There is no `opaque`; as a client we return one.

mod answer;
mod authenticator;
mod guard;
pub mod habit;
mod header;
mod nonce;

pub use answer::{Account, Answered, answer};
pub use authenticator::{Authenticator, Claim, LineKey, Proof};
pub use guard::Guard;
pub use header::{Challenge, Credentials};
pub use nonce::{Freshness, Nonces};

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::hex::hex;
use crate::secret::Secret;

/// A hash that a digest is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `SHA-256`
    Sha256,
    /// `MD5`, which is also what no name means (RFC 7616 §3.3).
    Md5,
}

impl Algorithm {
    /// All of them, the best first: the usual order of challenges.
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

    /// The name in `algorithm`.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// The algorithm called so, in any case.
    pub fn parse(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The hash of the parts joined by colons, in hex: H(a:b:…), the only shape in which digests hash.
    fn hash(self, parts: &[&str]) -> String {
        match self {
            Algorithm::Sha256 => hex(&joined::<Sha256>(parts)),
            Algorithm::Md5 => hex(&joined::<Md5>(parts)),
        }
    }
}

fn joined<H: Digest>(parts: &[&str]) -> Vec<u8> {
    let mut hash = H::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update(b":");
        }
        hash.update(part.as_bytes());
    }
    hash.finalize().to_vec()
}

/// What is kept in place of a password: H(user:realm:password), "HA1", by each algorithm, in hex.
///
/// Within its realm it is as good as the password: it is no less secret, but it opens nothing else.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Ha1 {
    sha256: String,
    md5: String,
}

impl Ha1 {
    /// The key of this user with this password.
    pub fn derive(user_name: &str, realm: &str, password: &Secret) -> Ha1 {
        let of = |algorithm: Algorithm| algorithm.hash(&[user_name, realm, password.expose()]);
        Ha1 { sha256: of(Algorithm::Sha256), md5: of(Algorithm::Md5) }
    }

    /// The key as it was kept; `None` when these are no hashes in hex.
    pub fn from_hex(sha256: &str, md5: &str) -> Option<Ha1> {
        let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let sound = is_hex(sha256, 64) && is_hex(md5, 32);
        sound.then(|| Ha1 { sha256: sha256.to_ascii_lowercase(), md5: md5.to_ascii_lowercase() })
    }

    /// To be kept.
    pub fn expose(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Sha256 => &self.sha256,
            Algorithm::Md5 => &self.md5,
        }
    }

    /// A key without a password, compared where there is no key, so that the time reveals nothing.
    fn decoy() -> Ha1 {
        Ha1 { sha256: "0".repeat(64), md5: "0".repeat(32) }
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(•)")
    }
}

/// What the response is made of besides the key (RFC 7616 §3.4.1).
struct Exchange<'a> {
    method: &'a str,
    uri: &'a str,
    nonce: &'a str,
    /// nc and cnonce; none without qop, as in RFC 2069.
    counted: Option<(&'a str, &'a str)>,
}

impl Exchange<'_> {
    fn response(&self, algorithm: Algorithm, key: &Ha1) -> String {
        let a2 = algorithm.hash(&[self.method, self.uri]);
        let key = key.expose(algorithm);
        match self.counted {
            Some((count, cnonce)) => algorithm.hash(&[key, self.nonce, count, cnonce, "auth", &a2]),
            None => algorithm.hash(&[key, self.nonce, &a2]),
        }
    }
}

impl Credentials {
    /// Whether the sender knows the password behind `key`. It takes as long without a key.
    fn matches(&self, method: &str, key: Option<&Ha1>) -> bool {
        let decoy = Ha1::decoy();
        let exchange =
            Exchange { method, uri: &self.uri, nonce: &self.nonce, counted: Some((&self.count_text, &self.cnonce)) };
        let expected = exchange.response(self.algorithm, key.unwrap_or(&decoy));
        let given = self.response.to_ascii_lowercase();
        bool::from(expected.as_bytes().ct_eq(given.as_bytes())) & key.is_some()
    }
}

#[cfg(test)]
mod tests;
