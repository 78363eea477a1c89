//! Passwords: hashing with argon2id, and how long a temporary one lives.
//!
//! Hashing and comparing take tens of milliseconds and megabytes by intent: call them from a small bounded pool.

use std::cell::RefCell;
use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rand::CryptoRng;
use subtle::ConstantTimeEq;

use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::unit::Unit;

/// 24 hours: a temporary password is valid up to, and not including, the second this long after it was set.
pub const TEMPORARY_SECONDS: i64 = 24 * 60 * 60;

/// A temporary password that is hashed. When it begins to be valid is not decided yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedTemporaryPassword {
    /// By what it opens.
    pub unit: Unit,
    /// The customer number for [`Unit::Line`], else a number of the contract.
    pub number: PhoneNumber,
    /// The hash.
    pub hash: PasswordHash,
}

impl HashedTemporaryPassword {
    /// Ready to be stored at `now`.
    pub fn set_by(self, call_id: impl Into<String>, now: UnixTime) -> PreparedTemporaryPassword {
        let HashedTemporaryPassword { unit, number, hash } = self;
        let (expires_at, call_id) = (now.plus(TEMPORARY_SECONDS), call_id.into());
        PreparedTemporaryPassword { unit, number, hash, set_at: now, expires_at, call_id }
    }
}

/// A temporary password that is hashed and ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedTemporaryPassword {
    /// By what it opens.
    pub unit: Unit,
    /// The customer number for [`Unit::Line`], else a number of the contract.
    pub number: PhoneNumber,
    /// The hash.
    pub hash: PasswordHash,
    /// When it was confirmed.
    pub set_at: UnixTime,
    /// The first second at which it is no longer valid.
    pub expires_at: UnixTime,
    /// The call it was keyed in, for the audit.
    pub call_id: String,
}

/// Hashes a temporary password. Slow by intent.
pub fn prepare(
    unit: Unit,
    number: PhoneNumber,
    password: &Secret,
    now: UnixTime,
    call_id: impl Into<String>,
    cost: Cost,
    rng: &mut impl CryptoRng,
) -> Result<PreparedTemporaryPassword, PasswordError> {
    let hash = hash(password, cost, rng)?;
    Ok(HashedTemporaryPassword { unit, number, hash }.set_by(call_id, now))
}

/// Hashes any password with a fresh salt. Slow by intent.
pub fn hash(password: &Secret, cost: Cost, rng: &mut impl CryptoRng) -> Result<PasswordHash, PasswordError> {
    let Cost { memory_kib, passes, lanes } = cost;
    let mut salt = [0u8; 16];
    rng.fill_bytes(&mut salt);
    let salt = phc::Salt::new(&salt).map_err(|_| PasswordError::Hash)?;
    let output = digest(&cost.argon2(), password, &salt, Params::DEFAULT_OUTPUT_LEN).ok_or(PasswordError::Hash)?;
    Ok(PasswordHash(format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${output}")))
}

/// argon2 in memory that the thread keeps: tens of megabytes taken and given back for each hash would leave the allocator
/// with holes that never close.
fn digest(argon2: &Argon2<'_>, password: &Secret, salt: &[u8], length: usize) -> Option<phc::Output> {
    thread_local! {
        static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
    }
    MEMORY.with_borrow_mut(|memory| {
        let blocks = argon2.params().block_count();
        if memory.len() < blocks {
            memory.resize_with(blocks, Block::default);
        }
        let memory = memory.get_mut(..blocks)?;
        let mut output = [0u8; phc::Output::MAX_LENGTH];
        let output = output.get_mut(..length)?;
        argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, output, memory).ok()?;
        phc::Output::new(output).ok()
    })
}

/// Why there is no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// argon2 refused.
    #[error("the password could not be hashed")]
    Hash,
    /// A cost that argon2 cannot do.
    #[error(
        "argon2id cannot use {memory_kib} KiB, {passes} passes and {lanes} lanes: \
             allowed are 8 KiB a lane to 1048576 KiB, 1 to 64 passes, 1 to 16 lanes"
    )]
    Cost {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
}

/// An argon2id hash in PHC string form (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash as it was stored.
    pub fn from_phc(text: String) -> PasswordHash {
        PasswordHash(text)
    }

    /// What is to be stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the hash of `password`. Slow by intent; a text that is no argon2 hash matches nothing.
    pub fn matches(&self, password: &Secret) -> bool {
        self.compare(password).unwrap_or(false)
    }

    fn compare(&self, password: &Secret) -> Option<bool> {
        let hash = phc::PasswordHash::new(&self.0).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = hash.version.map_or(Some(Version::V0x13), |version| Version::try_from(version).ok())?;
        let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).ok()?);
        let expected = hash.hash?;
        let found = digest(&argon2, password, hash.salt.as_deref()?, expected.len())?;
        Some(found.as_bytes().ct_eq(expected.as_bytes()).into())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(•)")
    }
}

/// What a hash costs. The default is the least that OWASP's Password Storage Cheat Sheet asks for: 19 MiB, 2 passes, 1 lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl Cost {
    /// The least argon2 can do, for tests that are about something else.
    pub const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    /// A cost within what argon2 and a server can do.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Cost, PasswordError> {
        let possible = (1..=16).contains(&lanes)
            && (1..=64).contains(&passes)
            && memory_kib >= lanes.saturating_mul(8)
            && memory_kib <= 1_048_576;
        if possible {
            Ok(Cost { memory_kib, passes, lanes })
        } else {
            Err(PasswordError::Cost { memory_kib, passes, lanes })
        }
    }

    /// A hash of this cost that no password has: comparing with it takes as long as with a real one.
    pub fn decoy(self) -> PasswordHash {
        let Cost { memory_kib, passes, lanes } = self;
        PasswordHash(format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}$ZGVjb3kgZGVjb3kgZGVjbw\
             $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        ))
    }

    fn argon2(self) -> Argon2<'static> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, None).unwrap_or_default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_hash_matches_its_password_and_no_other() {
        let hash = hash(&Secret::from("48151623"), Cost::CHEAP, &mut StdRng::seed_from_u64(1)).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", hash.as_str());
        assert!(hash.matches(&Secret::from("48151623")));
        for wrong in ["48151624", "4815162", "481516233", ""] {
            assert!(!hash.matches(&Secret::from(wrong)), "{wrong}");
        }
    }

    #[test]
    fn the_default_cost_is_owasps() {
        let hash = hash(&Secret::from("48151623"), Cost::default(), &mut StdRng::seed_from_u64(1)).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    }

    #[test]
    fn the_same_password_never_has_the_same_hash() {
        let mut rng = StdRng::seed_from_u64(1);
        let password = Secret::from("48151623");
        assert_ne!(hash(&password, Cost::CHEAP, &mut rng), hash(&password, Cost::CHEAP, &mut rng));
    }

    #[test]
    fn the_decoy_is_a_whole_hash_of_the_same_cost_that_nothing_matches() {
        for cost in [Cost::CHEAP, Cost::default(), Cost::new(64, 3, 2).unwrap()] {
            let decoy = cost.decoy();
            let parsed = phc::PasswordHash::new(decoy.as_str()).unwrap();
            assert_eq!(Params::try_from(&parsed).unwrap().m_cost(), cost.memory_kib);
            assert_eq!(parsed.hash.unwrap().len(), 32);
            assert!(!decoy.matches(&Secret::from("48151623")));
        }
    }

    /// Made by the reference implementation in C (by way of argon2-cffi), whose own tests have the same.
    #[test]
    fn a_hash_made_by_the_reference_implementation_matches() {
        let reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash = PasswordHash::from_phc(reference.to_owned());
        assert!(hash.matches(&Secret::from("password")));
        assert!(!hash.matches(&Secret::from("Password")));
    }

    #[test]
    fn a_cost_that_cannot_be_is_refused() {
        for (memory, passes, lanes) in [(0, 1, 1), (8, 0, 1), (8, 1, 0), (15, 1, 2), (u32::MAX, 1, 1), (8, 1, u32::MAX)]
        {
            assert!(Cost::new(memory, passes, lanes).is_err(), "{memory} {passes} {lanes}");
        }
    }

    #[test]
    fn no_rendering_shows_password_or_hash() {
        let mut rng = StdRng::seed_from_u64(1);
        let number = PhoneNumber::parse("0600001111").unwrap();
        let password = Secret::from("48151623");
        let prepared = prepare(Unit::Line, number, &password, UnixTime(0), "call-1", Cost::CHEAP, &mut rng).unwrap();
        let shown = format!("{prepared:?}");
        assert!(!shown.contains("48151623") && !shown.contains("argon2"), "{shown}");
        assert_eq!(prepared.expires_at, UnixTime(86_400));
    }
}
