//! How media is encrypted (leaf): SRTP's crypto suites and the master keys that the two ends give each other (RFC 4568).
//!
//! Signalling carries them, media uses them, and neither room knows the other.
//!
//! Architecture invariant: there is no `Display`, no `Serialize`, and `Debug` shows only the suite of a key.

use std::fmt;

use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The longest master key and salt of any suite, in bytes.
pub const LONGEST: usize = 44;

/// A crypto suite: cipher, authentication and lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES-128 in counter mode, HMAC-SHA1 with a tag of 80 bits (RFC 4568 §6.2.1).
    AesCm128HmacSha1_80,
    /// The same with a tag of 32 bits on RTP; on RTCP it is 80 bits all the same (RFC 4568 §6.2.2).
    AesCm128HmacSha1_32,
    /// AES-128 in Galois/counter mode, tag of 128 bits (RFC 7714).
    AeadAes128Gcm,
    /// The same with AES-256.
    AeadAes256Gcm,
}

impl Suite {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Suite; 4] =
        [Suite::AesCm128HmacSha1_80, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm, Suite::AesCm128HmacSha1_32];

    /// The name in a session description.
    pub const fn name(self) -> &'static str {
        match self {
            Suite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of that name.
    pub fn from_name(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key.
    pub const fn key_length(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 | Suite::AeadAes128Gcm => 16,
            Suite::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    pub const fn salt_length(self) -> usize {
        match self {
            Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => 14,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 12,
        }
    }

    /// Bytes of both.
    pub const fn length(self) -> usize {
        self.key_length() + self.salt_length()
    }
}

/// A master key with its salt, wiped from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey {
    #[zeroize(skip)]
    suite: Suite,
    bytes: [u8; LONGEST],
    /// The length of the master key identifier that its owner puts in every packet; nearly always 0 (RFC 3711 §3.1).
    #[zeroize(skip)]
    identifier: u8,
}

impl MasterKey {
    /// Key and salt, one after the other. None when there are not as many bytes as the suite has.
    pub fn new(suite: Suite, bytes: &[u8]) -> Option<MasterKey> {
        let mut key = MasterKey { suite, bytes: [0; LONGEST], identifier: 0 };
        if bytes.len() != suite.length() {
            return None;
        }
        key.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(key)
    }

    /// The first bytes of `random` as a key: to be used for this suite alone.
    pub fn from_random(suite: Suite, random: [u8; LONGEST]) -> MasterKey {
        MasterKey { suite, bytes: random, identifier: 0 }
    }

    /// The same key, whose owner puts an identifier of so many bytes in every packet.
    pub fn with_identifier(mut self, length: u8) -> MasterKey {
        self.identifier = length;
        self
    }

    /// What it is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The length of the master key identifier in every packet.
    pub fn identifier_length(&self) -> usize {
        usize::from(self.identifier)
    }

    /// Key and salt, one after the other: for deriving, and for a session description.
    pub fn expose(&self) -> &[u8] {
        self.bytes.get(..self.suite.length()).unwrap_or_default()
    }

    /// The key alone.
    pub fn expose_key(&self) -> &[u8] {
        self.expose().get(..self.suite.key_length()).unwrap_or_default()
    }

    /// The salt alone.
    pub fn expose_salt(&self) -> &[u8] {
        self.expose().get(self.suite.key_length()..).unwrap_or_default()
    }
}

impl PartialEq for MasterKey {
    fn eq(&self, other: &MasterKey) -> bool {
        let same_kind = self.suite == other.suite && self.identifier == other.identifier;
        same_kind && bool::from(self.expose().ct_eq(other.expose()))
    }
}

impl Eq for MasterKey {}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}

/// The keys that one end brings to a negotiation: one for each suite that it takes, the one it likes best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<MasterKey>);

impl Keys {
    /// A key for each of `suites`; `random` is cryptographically so.
    pub fn draw(suites: &[Suite], random: &mut impl CryptoRng) -> Keys {
        let draw = |&suite: &Suite| {
            let mut bytes = Zeroizing::new([0; LONGEST]);
            random.fill_bytes(&mut bytes[..]);
            MasterKey::from_random(suite, *bytes)
        };
        Keys(suites.iter().map(draw).collect())
    }

    /// The key for `suite`, if that is taken.
    pub fn of(&self, suite: Suite) -> Option<&MasterKey> {
        self.0.iter().find(|key| key.suite() == suite)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        self.0.iter()
    }
}

/// What two ends have agreed on: one suite, and a key of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keying {
    /// We encrypt with this.
    pub local: MasterKey,
    /// The other end encrypts with this.
    pub remote: MasterKey,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_has_the_length_of_its_suite() {
        for suite in Suite::ALL {
            assert_eq!(Suite::from_name(suite.name()), Some(suite));
            let key = MasterKey::new(suite, &vec![7; suite.length()]).unwrap();
            assert_eq!((key.expose_key().len(), key.expose_salt().len()), (suite.key_length(), suite.salt_length()));
            assert_eq!(MasterKey::new(suite, &vec![7; suite.length() - 1]), None);
            assert_eq!(MasterKey::from_random(suite, [7; LONGEST]), key);
        }
        // RFC 4568 §6.2, RFC 7714 §14.2
        assert_eq!(Suite::ALL.map(Suite::length), [30, 28, 44, 30]);
    }

    #[test]
    fn no_rendering_shows_the_key() {
        let key = MasterKey::from_random(Suite::AesCm128HmacSha1_80, [0x5a; LONGEST]);
        let keying = Keying { local: key.clone(), remote: key };
        let shown = "MasterKey(AES_CM_128_HMAC_SHA1_80)";
        assert_eq!(format!("{keying:?}"), format!("Keying {{ local: {shown}, remote: {shown} }}"));
    }
}
