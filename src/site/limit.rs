//! The rate limit of logins from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::http::network_of;
use crate::time::UnixTime;

/// The limit of addresses remembered. Beyond it, addresses whose minute is over are dropped; when that frees nothing, new
/// addresses are refused.
const ADDRESSES: usize = 65_536;
const WINDOW_SECONDS: i64 = 60;

pub(super) struct Logins {
    a_minute: u32,
    seen: Mutex<HashMap<IpAddr, Window>>,
}

struct Window {
    since: UnixTime,
    count: u32,
}

impl Logins {
    pub(super) fn new(a_minute: u32) -> Logins {
        Logins { a_minute, seen: Mutex::default() }
    }

    /// Counts a login. Beyond the limit, the error is the number of seconds until the next is admitted.
    pub(super) fn admit(&self, address: IpAddr, now: UnixTime) -> Result<(), i64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network_of(address);
        let is_over = |window: &Window| !window.since.holds_at(now, WINDOW_SECONDS);
        if seen.len() >= ADDRESSES && !seen.contains_key(&network) {
            seen.retain(|_, window| !is_over(window));
            if seen.len() >= ADDRESSES {
                return Err(WINDOW_SECONDS);
            }
        }
        let window = seen.entry(network).or_insert(Window { since: now, count: 0 });
        if is_over(window) {
            *window = Window { since: now, count: 0 };
        }
        if window.count >= self.a_minute {
            return Err(window.since.plus(WINDOW_SECONDS).0.saturating_sub(now.0).max(1));
        }
        window.count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_a_minute_from_one_network_are_limited() {
        let logins = Logins::new(2);
        let at = |text: &str, second| logins.admit(text.parse().unwrap_or(IpAddr::V4([0; 4].into())), UnixTime(second));
        assert_eq!(at("192.0.2.1", 0), Ok(()));
        assert_eq!(at("192.0.2.1", 10), Ok(()));
        assert_eq!(at("192.0.2.1", 20), Err(40));
        assert_eq!(at("::ffff:192.0.2.1", 20), Err(40), "the same address in another form");
        assert_eq!(at("192.0.2.2", 20), Ok(()), "another address");
        assert_eq!(at("192.0.2.1", 60), Ok(()), "the minute is over");
        assert_eq!([at("192.0.2.1", 61), at("192.0.2.1", 62)], [Ok(()), Err(58)]);
        assert_eq!(at("192.0.2.1", -1), Ok(()), "the clock was set back");
        assert_eq!([at("2001:db8::1", 0), at("2001:db8::2", 0), at("2001:db8::3", 0)], [Ok(()), Ok(()), Err(60)]);
    }
}
