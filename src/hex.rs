//! Bytes in hexadecimal: how tokens, hashes and digests are written.

use std::fmt::Write;

/// Two lower-case digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing to a string never fails
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_digits_a_byte() {
        // RFC 4648 §10, in lower case
        assert_eq!(super::hex(b"foobar"), "666f6f626172");
        assert_eq!(super::hex(&[0x00, 0x0a, 0xff]), "000aff");
        assert_eq!(super::hex(&[]), "");
    }
}
