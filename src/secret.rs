//! Keyed-in digits that must never be seen (leaf): wiped from memory when dropped, masked in every rendering.
//!
//! Architecture invariant: there is no `Display`, no `Serialize`, and `Debug` shows only how many there are.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The most digits that are kept; further ones are counted as too long by whoever collects.
pub const CAPACITY: usize = 32;

/// A secret string of digits (or, for passwords typed on the site, of any ASCII).
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// An empty secret with room for [`CAPACITY`] bytes, so that growing it leaves no copies behind.
    pub fn new() -> Secret {
        Secret(String::with_capacity(CAPACITY))
    }

    /// Adds one character.
    pub fn push(&mut self, c: char) {
        self.0.push(c);
    }

    /// Forgets what was keyed in so far.
    pub fn clear(&mut self) {
        self.0.zeroize();
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The clear text: for hashing, checking rules and speaking only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(clear: String) -> Secret {
        Secret(clear)
    }
}

impl From<&str> for Secret {
    fn from(clear: &str) -> Secret {
        Secret(clear.to_owned())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} digits)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rendering_shows_the_digits() {
        let shown = format!("{:?}", Secret::from("48151623"));
        assert_eq!(shown, "Secret(8 digits)");
    }
}
