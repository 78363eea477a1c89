//! The sixteen keys of a DTMF pad.

use std::fmt;

/// One key: a row tone (low group) and a column tone (high group). `Debug` does not show which.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digit {
    /// `4 * row + column`, 0..16.
    key: u8,
}

/// Keys in the order of rows and columns (ITU-T Q.23).
const PAD: [char; 16] = ['1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D'];

/// Keys in the order of their event codes (RFC 4733 §3.2).
const EVENTS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

impl Digit {
    /// The key that is written `c`; letters in either case.
    pub fn from_char(c: char) -> Option<Digit> {
        let c = c.to_ascii_uppercase();
        PAD.iter().zip(0..).find(|(pad, _)| **pad == c).map(|(_, key)| Digit { key })
    }

    /// The key of a telephone event (RFC 4733 §3.2), 0 to 15.
    pub fn from_event_code(code: u8) -> Option<Digit> {
        EVENTS.get(usize::from(code)).copied().and_then(Digit::from_char)
    }

    /// The telephone event of this key (RFC 4733 §3.2), 0 to 15.
    pub fn event_code(self) -> u8 {
        let written = char::from(self);
        EVENTS.iter().zip(0..).find(|(event, _)| **event == written).map_or(0, |(_, code)| code)
    }

    /// The nominal frequencies in Hz, row and column (ITU-T Q.23).
    pub fn frequencies(self) -> (u16, u16) {
        let (row, column) = self.tones();
        (super::tables::TONES[row], super::tables::TONES[column])
    }

    pub(super) fn of_tones(row: usize, column: usize) -> Digit {
        Digit { key: ((row & 3) << 2 | (column & 3)) as u8 }
    }

    /// Indices of the row and column tone among the eight.
    pub(super) fn tones(self) -> (usize, usize) {
        (usize::from(self.key >> 2) & 3, 4 + usize::from(self.key & 3))
    }

    pub(super) fn key(self) -> usize {
        usize::from(self.key) & 15
    }
}

impl From<Digit> for char {
    fn from(digit: Digit) -> char {
        PAD[digit.key()]
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(•)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn characters_and_event_codes_round_trip() {
        for (code, c) in (0..).zip("0123456789*#ABCD".chars()) {
            let digit = Digit::from_char(c).unwrap();
            assert_eq!(char::from(digit), c);
            assert_eq!(digit.event_code(), code);
            assert_eq!(Digit::from_event_code(code), Some(digit));
        }
        assert_eq!(Digit::from_char('d'), Digit::from_char('D'));
        assert_eq!(Digit::from_char('E'), None);
        assert_eq!(Digit::from_event_code(16), None);
    }

    #[test]
    fn frequencies_are_those_of_q23() {
        assert_eq!(Digit::from_char('1').unwrap().frequencies(), (697, 1209));
        assert_eq!(Digit::from_char('6').unwrap().frequencies(), (770, 1477));
        assert_eq!(Digit::from_char('0').unwrap().frequencies(), (941, 1336));
        assert_eq!(Digit::from_char('D').unwrap().frequencies(), (941, 1633));
    }

    #[test]
    fn debug_does_not_tell_the_key() {
        assert_eq!(format!("{:?}", Digit::from_char('7').unwrap()), "Digit(•)");
    }
}
