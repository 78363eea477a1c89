//! The keys of a telephone and the ways a press travels (leaf): one type for what the receiver hears, telephone events and
//! INFO report, the conversation takes and a caller presses.
//!
//! Architecture invariant: a character becomes a key where text is read (an argument, a body) and nowhere further in.
//! `Debug` does not show which key it is.

pub use karipass_dtmf::Digit as Key;

/// The way a press of a key travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A tone pair in the audio.
    InBand,
    /// A telephone event (RFC 4733).
    Rfc4733,
    /// A SIP INFO.
    Info,
}

/// A set of ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways(u8);

impl Ways {
    /// No way.
    pub const NONE: Ways = Ways(0);
    /// In-band alone.
    pub const IN_BAND: Ways = Ways::NONE.with(Way::InBand);
    /// Telephone events alone.
    pub const RFC4733: Ways = Ways::NONE.with(Way::Rfc4733);
    /// INFO alone.
    pub const INFO: Ways = Ways::NONE.with(Way::Info);
    /// All of them for each press, as on networks in which one element sends tones and another reports them.
    pub const ALL: Ways = Ways::IN_BAND.with(Way::Rfc4733).with(Way::Info);

    /// The set with this way in it.
    pub const fn with(self, way: Way) -> Ways {
        Ways(self.0 | 1 << way as u8)
    }

    /// The set without this way.
    pub const fn without(self, way: Way) -> Ways {
        Ways(self.0 & !(1 << way as u8))
    }

    /// Whether this way is in it.
    pub const fn has(self, way: Way) -> bool {
        self.0 & 1 << way as u8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_goes_into_a_set_and_out_of_it() {
        let ways = Ways::NONE.with(Way::Info).with(Way::InBand).without(Way::Info);
        assert_eq!(ways, Ways::IN_BAND);
        assert!(ways.has(Way::InBand) && !ways.has(Way::Info) && !ways.has(Way::Rfc4733));
        assert_eq!(Ways::ALL.without(Way::InBand).without(Way::Rfc4733), Ways::INFO);
    }
}
