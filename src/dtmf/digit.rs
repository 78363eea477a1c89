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

#[allow(missing_docs)]
impl Digit {
    pub const D1: Digit = Digit { key: 0 };
    pub const D2: Digit = Digit { key: 1 };
    pub const D3: Digit = Digit { key: 2 };
    pub const A: Digit = Digit { key: 3 };
    pub const D4: Digit = Digit { key: 4 };
    pub const D5: Digit = Digit { key: 5 };
    pub const D6: Digit = Digit { key: 6 };
    pub const B: Digit = Digit { key: 7 };
    pub const D7: Digit = Digit { key: 8 };
    pub const D8: Digit = Digit { key: 9 };
    pub const D9: Digit = Digit { key: 10 };
    pub const C: Digit = Digit { key: 11 };
    pub const STAR: Digit = Digit { key: 12 };
    pub const D0: Digit = Digit { key: 13 };
    pub const POUND: Digit = Digit { key: 14 };
    pub const D: Digit = Digit { key: 15 };
}

impl Digit {
    /// All sixteen, in the order of their event codes (RFC 4733 §3.2).
    pub const ALL: [Digit; 16] = [
        Digit::D0,
        Digit::D1,
        Digit::D2,
        Digit::D3,
        Digit::D4,
        Digit::D5,
        Digit::D6,
        Digit::D7,
        Digit::D8,
        Digit::D9,
        Digit::STAR,
        Digit::POUND,
        Digit::A,
        Digit::B,
        Digit::C,
        Digit::D,
    ];

    /// The key that is written `c`; letters in either case.
    pub fn from_char(c: char) -> Option<Digit> {
        let c = c.to_ascii_uppercase();
        PAD.iter().zip(0..).find(|(pad, _)| **pad == c).map(|(_, key)| Digit { key })
    }

    /// The key of a telephone event (RFC 4733 §3.2), 0 to 15. Flash (16) is none.
    pub fn from_event_code(code: u8) -> Option<Digit> {
        Digit::ALL.get(usize::from(code)).copied()
    }

    /// The telephone event of this key (RFC 4733 §3.2), 0 to 15.
    pub fn event_code(self) -> u8 {
        Digit::ALL.iter().zip(0..).find(|(digit, _)| **digit == self).map_or(0, |(_, code)| code)
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
            assert_eq!(Digit::ALL[usize::from(code)], digit);
        }
        assert_eq!(Digit::from_char('d'), Digit::from_char('D'));
        assert_eq!(Digit::from_char('E'), None);
        assert_eq!(Digit::from_char('１'), None);
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
