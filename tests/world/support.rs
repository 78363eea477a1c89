//! What all of the world's files need: addresses, prompts, numbers, randomness.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub use crate::wire::rtcp_of;
use karipass::caller::ear::Lexicon;
use karipass::internals::audio::prompt::Bank;
use karipass::number::PhoneNumber;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The service's host.
pub const SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
/// Where the service takes SIP.
pub const SERVICE_SIP: SocketAddr = SocketAddr::new(SERVICE, 5060);
/// The carrier's gateway: one of the trusted peers, so its P-Asserted-Identity is believed.
pub const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
/// A laboratory, whose From is believed.
pub const LABORATORY: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
/// Anywhere else: nothing is believed.
pub const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66));

/// What the telephone of the first contract's line proves itself with.
pub const TELEPHONE: &str = "telephone-81-lamp";
/// What it is hashed for.
pub const REALM: &str = "karipass";

/// The prompts, loaded once.
pub static BANK: LazyLock<Arc<Bank>> = LazyLock::new(|| Arc::new(Bank::builtin()));
/// The prompts as an ear knows them.
pub static LEXICON: LazyLock<Arc<Lexicon>> = LazyLock::new(|| Arc::new(Lexicon::new(&BANK)));

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

/// Randomness of its own for each part of a world, so that one part's draws change no other's.
pub fn rng(seed: u64, part: u64) -> StdRng {
    StdRng::seed_from_u64(mixed(seed ^ mixed(part)))
}

/// Neighbours have nothing in common.
pub fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
