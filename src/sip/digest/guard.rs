//! Too many wrong passwords: they lock a user name at an address, and then the address (RFC 7616 §5.6 leaves the means to us).
//!
//! The lock is for an address, so that a subscriber cannot be locked out from elsewhere: a wrong password counts only with a
//! nonce that was sent to that very address. A user name that does not exist locks like one that does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::lock::Lock;
use crate::time::Time;

/// An address is locked as a whole after this multiple of [`Lock::after`], whatever the user names.
const NAMES: u32 = 10;
/// The limit of tallies.
const REMEMBERED: usize = 20_000;

/// The wrong passwords, by sender.
#[derive(Debug)]
pub struct Guard {
    lock: Lock,
    tallies: HashMap<Who, Tally>,
}

/// An address (a /64 of IPv6), alone or together with a user name.
type Who = (IpAddr, Option<String>);

#[derive(Clone, Copy, Debug)]
struct Tally {
    wrong: u32,
    since: Time,
    locked_until: Option<Time>,
}

impl Tally {
    fn is_over(&self, now: Time, lock: Lock) -> bool {
        now >= self.locked_until.unwrap_or(self.since + lock.lasts)
    }
}

impl Guard {
    /// None yet.
    pub fn new(lock: Lock) -> Guard {
        Guard { lock, tallies: HashMap::new() }
    }

    /// How long this user name is still locked at this address, if it is.
    pub fn locked(&self, now: Time, client: IpAddr, user_name: &str) -> Option<Duration> {
        let address = network(client);
        let until = |who: &Who| self.tallies.get(who)?.locked_until.filter(|until| now < *until);
        let until = until(&(address, Some(user_name.to_owned()))).max(until(&(address, None)))?;
        Some(until.since(now))
    }

    /// A password was wrong; whether that was the last one.
    pub fn wrong(&mut self, now: Time, client: IpAddr, user_name: &str) -> bool {
        let address = network(client);
        self.make_room(now);
        let name = self.count(now, (address, Some(user_name.to_owned())), self.lock.after);
        let all = self.count(now, (address, None), self.lock.after.saturating_mul(NAMES));
        name || all
    }

    /// A password was right: the wrong ones before are forgiven this user name, though not the address.
    pub fn right(&mut self, client: IpAddr, user_name: &str) {
        self.tallies.remove(&(network(client), Some(user_name.to_owned())));
    }

    fn count(&mut self, now: Time, who: Who, most: u32) -> bool {
        let (lock, fresh) = (self.lock, Tally { wrong: 0, since: now, locked_until: None });
        let tally = self.tallies.entry(who).or_insert(fresh);
        if tally.is_over(now, lock) {
            *tally = fresh;
        }
        tally.wrong = tally.wrong.saturating_add(1);
        let locks = tally.wrong >= most && tally.locked_until.is_none();
        if locks {
            tally.locked_until = Some(now + lock.lasts);
        }
        locks
    }

    fn make_room(&mut self, now: Time) {
        if self.tallies.len() + 2 <= REMEMBERED {
            return;
        }
        let lock = self.lock;
        self.tallies.retain(|_, tally| !tally.is_over(now, lock));
        // a flood from one address is locked by address: names can go
        if self.tallies.len() + 2 > REMEMBERED {
            self.tallies.retain(|(_, name), tally| name.is_none() || tally.locked_until.is_some());
        }
        if self.tallies.len() + 2 > REMEMBERED {
            self.tallies.clear();
        }
    }
}

/// An IPv6 host has its whole /64.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}
