//! What a temporary password may not be.

use crate::number::PhoneNumber;
use crate::secret::Secret;

/// Why a password of the right length is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weakness {
    /// One digit repeated.
    OneDigit,
    /// A straight run, up or down.
    Run,
    /// A part of one of the line's own numbers, or one of them whole.
    OwnNumber,
}

/// The first rule that the password breaks; the numbers are all those of the contract.
pub(super) fn weakness(password: &Secret, numbers: impl IntoIterator<Item = PhoneNumber>) -> Option<Weakness> {
    let digits = password.expose();
    if is_stepped(digits, 0) {
        Some(Weakness::OneDigit)
    } else if is_stepped(digits, 1) || is_stepped(digits, 9) {
        Some(Weakness::Run)
    } else if numbers.into_iter().any(|number| is_part_of(digits, number.as_str())) {
        Some(Weakness::OwnNumber)
    } else {
        None
    }
}

/// Whether each digit is `step` more than the one before it, modulo 10: 0 follows 9 on a row of keys, and 9 more is 1 less.
fn is_stepped(digits: &str, step: u8) -> bool {
    let digits = digits.as_bytes();
    digits
        .iter()
        .zip(digits.iter().skip(1))
        .all(|(a, b)| (a.wrapping_sub(b'0').wrapping_add(step)) % 10 == b.wrapping_sub(b'0'))
}

fn is_part_of(digits: &str, number: &str) -> bool {
    number.contains(digits) || number.strip_prefix('0').is_some_and(|subscriber| digits.contains(subscriber))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn judged(password: &str) -> Option<Weakness> {
        let numbers = ["0640001111", "0664806430", "09087654320"];
        weakness(&Secret::from(password), numbers.map(|number| PhoneNumber::parse(number).unwrap()))
    }

    #[test]
    fn one_digit_repeated_is_refused() {
        for password in ["0000", "11111", "77777777"] {
            assert_eq!(judged(password), Some(Weakness::OneDigit), "{password}");
        }
        assert_eq!(judged("7777777177"), None);
    }

    #[test]
    fn a_straight_run_is_refused_also_across_the_zero() {
        for password in ["1234", "12345678", "9876", "87654321", "0123", "3210", "7890", "8901", "9012", "0987", "2109"]
        {
            assert_eq!(judged(password), Some(Weakness::Run), "{password}");
        }
        for password in ["1235", "1243", "2468", "1357", "12344", "11234", "1212"] {
            assert_eq!(judged(password), None, "{password}");
        }
    }

    #[test]
    fn a_part_of_ones_own_number_is_refused() {
        // the beginning, the middle, the end, across the groups in which it is read, and nearly the whole
        for password in ["0640", "6430", "6480", "0664", "8064", "40001111", "66480643", "0908765", "4320"] {
            assert_eq!(judged(password), Some(Weakness::OwnNumber), "{password}");
        }
        // the whole number, with or without the 0 and with more around it, where passwords may be so long
        for password in ["0664806430", "664806430", "5506648064309", "6648064301"] {
            assert_eq!(judged(password), Some(Weakness::OwnNumber), "{password}");
        }
        // only shares digits with a number
        for password in ["48151623", "64809", "96430", "43206430", "1660"] {
            assert_eq!(judged(password), None, "{password}");
        }
    }
}
