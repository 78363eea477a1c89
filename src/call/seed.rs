//! Where a call's random numbers and its keys come from.

use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A call's own randomness.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed {
    /// Its numbers follow from this; the id in every line of the log shows it.
    pub numbers: u64,
    /// Its SRTP keys follow from this: from the system's own source of randomness, and shown nowhere.
    pub keys: [u8; 32],
}

impl Seed {
    /// One from the system's source of randomness, or from what stands for it.
    pub fn draw(random: &mut impl CryptoRng) -> Seed {
        let mut keys = [0; 32];
        random.fill_bytes(&mut keys);
        Seed { numbers: random.next_u64(), keys }
    }
}
