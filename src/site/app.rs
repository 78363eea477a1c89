//! What every page has at hand.

use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::answers::Answers;
use super::cookie::Cookies;
use super::handles::Handles;
use super::limit::Logins;
use super::rules::Rules;
use super::runtime::Runtime;
use crate::account::Cost;
use crate::cidr::Cidr;
use crate::hex::hex;
use crate::number::PhoneNumber;
use crate::time::UnixTime;

/// The largest form that is read, but for uploads.
pub(super) const LARGEST_FORM: usize = 256 * 1024;

/// Reads the wall clock.
pub type WallClock = Arc<dyn Fn() -> UnixTime + Send + Sync>;
/// Draws 256 random bits.
pub type Random = Arc<dyn Fn() -> [u8; 32] + Send + Sync>;

pub(super) type Shared = Arc<App>;

pub(super) struct App {
    pub(super) handles: Handles,
    pub(super) runtime: Runtime,
    pub(super) clock: WallClock,
    pub(super) random: Random,
    pub(super) cookies: Cookies,
    pub(super) service_number: PhoneNumber,
    pub(super) cost: Cost,
    pub(super) rules: Rules,
    pub(super) idle_seconds: i64,
    pub(super) logins: Logins,
    pub(super) answers: Answers,
    pub(super) proxies: Vec<Cidr>,
    pub(super) refusal_after: std::time::Duration,
    pub(super) sends_mail: bool,
    pub(super) linphone: Option<String>,
}

impl App {
    pub(super) fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// A new session token: 256 random bits.
    pub(super) fn draw_token(&self) -> String {
        hex(&(self.random)())
    }

    /// 128 random bits.
    pub(super) fn draw_id(&self) -> u128 {
        let bits = (self.random)();
        bits.iter().take(16).fold(0, |id, byte| (id << 8) | u128::from(*byte))
    }

    /// A generator for salts, seeded anew.
    pub(super) fn draw_generator(&self) -> StdRng {
        StdRng::from_seed((self.random)())
    }
}
