//! Nonces: time and client address are written in each under a MAC, so that a challenge costs no memory. Only a nonce that
//! came back with a password is remembered, with the counts that were used (RFC 7616 §3.4, `nc`).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use blake2::Blake2sMac256;
use blake2::digest::{KeyInit, Mac};
use subtle::ConstantTimeEq;

use super::hex;
use crate::time::Time;

/// The lifetime of a nonce. A later request is challenged again with `stale`, and the phone need not ask its user.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);
/// The counts below the highest that may still come, each once: requests overtake each other.
const WINDOW: u32 = 64;
/// The limit of used nonces that are remembered. The oldest beyond it count as expired.
const REMEMBERED: usize = 20_000;
/// Of the MAC in a nonce, in bytes.
const MAC: usize = 16;

/// Makes nonces and knows them again.
pub struct Nonces {
    key: [u8; 32],
    used: HashMap<Stamp, Counts>,
    by_age: BTreeMap<(u64, u64), ()>,
    /// Nonces up to this one that are not in `used` may have been forgotten.
    forgotten: Option<(u64, u64)>,
}

/// When a nonce was made, in milliseconds, and what tells it from others of that moment.
type Stamp = (u64, u64);

/// Which counts of a nonce were used: the highest, and a bit for each of those below it.
#[derive(Clone, Copy)]
struct Counts {
    highest: u32,
    below: u64,
}

/// Whether a nonce may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is ours, in time, and this count has not been used.
    Fresh,
    /// It has to be replaced: too old, used with this count, made for another address, or not ours.
    Stale,
}

impl Nonces {
    /// `key` must be secret: it makes nonces.
    pub fn new(key: [u8; 32]) -> Nonces {
        Nonces { key, used: HashMap::new(), by_age: BTreeMap::new(), forgotten: None }
    }

    /// A nonce for the client at this address.
    pub fn issue(&self, now: Time, client: IpAddr, random: u64) -> String {
        let made = u64::try_from(now.elapsed().as_millis()).unwrap_or(u64::MAX);
        format!("{made:016x}{random:016x}{}", hex(&self.mac((made, random), client)))
    }

    /// Whether a nonce that came back may be used.
    pub fn check(&self, now: Time, client: IpAddr, nonce: &str, count: u32) -> Freshness {
        match self.stamp(now, client, nonce) {
            Some(stamp) if count > 0 && self.is_unused(stamp, count) => Freshness::Fresh,
            Some(_) | None => Freshness::Stale,
        }
    }

    /// Uses up this count of a nonce that came back with a password, right or wrong; stale when another request was faster.
    pub fn spend(&mut self, now: Time, client: IpAddr, nonce: &str, count: u32) -> Freshness {
        let Some(stamp) = self.stamp(now, client, nonce) else { return Freshness::Stale };
        if count == 0 || !self.is_unused(stamp, count) {
            return Freshness::Stale;
        }
        self.forget_old(now);
        let counts = self.used.entry(stamp).or_insert(Counts { highest: 0, below: 0 });
        counts.spend(count);
        self.by_age.insert(stamp, ());
        Freshness::Fresh
    }

    /// The nonce's stamp, if it is ours, for this client, and in time.
    fn stamp(&self, now: Time, client: IpAddr, nonce: &str) -> Option<Stamp> {
        let (made, rest) = nonce.split_at_checked(16)?;
        let (random, mac) = rest.split_at_checked(16)?;
        let number = |text: &str| {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
            plain.then(|| u64::from_str_radix(text, 16).ok())?
        };
        let stamp = (number(made)?, number(random)?);
        let expected = hex(&self.mac(stamp, client));
        let ours = bool::from(expected.as_bytes().ct_eq(mac.as_bytes()));
        (ours && now.since(Time::from_millis(stamp.0)) < LIFETIME).then_some(stamp)
    }

    fn is_unused(&self, stamp: Stamp, count: u32) -> bool {
        match self.used.get(&stamp) {
            Some(counts) => counts.has_left(count),
            None => self.forgotten.is_none_or(|last| stamp > last),
        }
    }

    /// Those that are too old anyway, and the oldest when there are too many.
    fn forget_old(&mut self, now: Time) {
        while let Some((&stamp, ())) = self.by_age.first_key_value() {
            let over = now.since(Time::from_millis(stamp.0)) >= LIFETIME;
            if !over && self.by_age.len() < REMEMBERED {
                return;
            }
            self.by_age.remove(&stamp);
            self.used.remove(&stamp);
            self.forgotten = Some(stamp);
        }
    }

    fn mac(&self, (made, random): Stamp, client: IpAddr) -> Vec<u8> {
        let address = match client.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        let mut mac = Blake2sMac256::new(&self.key.into());
        mac.update(b"sip nonce");
        mac.update(&made.to_be_bytes());
        mac.update(&random.to_be_bytes());
        mac.update(&address);
        mac.finalize().into_bytes().get(..MAC).unwrap_or_default().to_vec()
    }
}

impl Counts {
    fn has_left(self, count: u32) -> bool {
        match self.highest.checked_sub(count) {
            None => true,
            Some(0) => false,
            Some(behind) => behind <= WINDOW && self.below & (1 << (behind - 1)) == 0,
        }
    }

    fn spend(&mut self, count: u32) {
        match count.checked_sub(self.highest) {
            Some(0) => {}
            Some(ahead) => {
                // the highest one so far becomes the bit `ahead` below the new one
                let moved = self.below.checked_shl(ahead).unwrap_or(0);
                let was_used = if self.highest > 0 && ahead <= WINDOW { 1 << (ahead - 1) } else { 0 };
                self.below = moved | was_used;
                self.highest = count;
            }
            None => self.below |= 1 << ((self.highest - count - 1) % WINDOW),
        }
    }
}
