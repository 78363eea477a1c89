//! `a=crypto`: suites and keys in session descriptions (RFC 4568).
//!
//! A line that asks for something we do not do (several keys, an unknown suite, a session parameter that weakens or changes the
//! transform) is passed over, as RFC 4568 §5.1.2 wants: there may be another that we can take.

use base64ct::{Base64, Encoding};
use sdp_types::Media;
use zeroize::Zeroizing;

use super::attributes::values;
use crate::keying::{LONGEST, MasterKey, Suite};

/// The longest master key identifier, in bytes (RFC 4568 §6.1).
const LONGEST_IDENTIFIER: u8 = 128;

/// An `a=crypto` that we can take.
pub(super) struct CryptoAttribute {
    /// Names it: the answer repeats it.
    pub(super) tag: u32,
    /// The sender's key.
    pub(super) key: MasterKey,
}

/// The attributes that can be taken, in the other end's order of preference.
pub(super) fn attributes(media: &Media) -> impl Iterator<Item = CryptoAttribute> {
    values(&media.attributes, "crypto").filter_map(read)
}

/// The attribute's value.
pub(super) fn write(tag: u32, key: &MasterKey) -> String {
    let mut encoded = Zeroizing::new([0; 64]);
    // 44 bytes become 60
    let encoded = Base64::encode(key.expose(), &mut encoded[..]).unwrap_or_default();
    format!("{tag} {} inline:{encoded}", key.suite().name())
}

fn read(value: &str) -> Option<CryptoAttribute> {
    let mut words = value.split_ascii_whitespace();
    let (tag, suite, key) = (words.next()?, words.next()?, words.next()?);
    let tag = tag.parse().ok().filter(|_| tag.len() <= 9)?;
    let key = master_key(Suite::from_name(suite)?, key)?;
    words.all(is_harmless).then_some(CryptoAttribute { tag, key })
}

/// `inline:KEY|LIFETIME|IDENTIFIER:LENGTH`, the latter two each if wanted. A lifetime is far longer than any call.
fn master_key(suite: Suite, text: &str) -> Option<MasterKey> {
    let (method, rest) = text.split_at_checked("inline:".len())?;
    // several keys are joined by semicolons
    if !method.eq_ignore_ascii_case("inline:") || rest.contains(';') {
        return None;
    }
    let mut parts = rest.split('|');
    let mut bytes = Zeroizing::new([0; LONGEST]);
    let encoded = parts.next()?;
    let padding = encoded.len().next_multiple_of(4) - encoded.len();
    // some leave out what fills up the last four characters
    let encoded = Zeroizing::new(format!("{encoded}{}", "===".get(..padding)?));
    let key = MasterKey::new(suite, Base64::decode(encoded.as_bytes(), &mut bytes[..]).ok()?)?;
    let identifier = parts.find_map(|part| part.split_once(':'));
    match identifier {
        None => Some(key),
        Some((value, length)) => {
            value.parse::<u128>().ok()?;
            let length = length.parse().ok().filter(|length| (1..=LONGEST_IDENTIFIER).contains(length))?;
            Some(key.with_identifier(length))
        }
    }
}

/// A session parameter (RFC 4568 §6.3) that may be overlooked: marked so, or a mere hint.
fn is_harmless(parameter: &str) -> bool {
    parameter.starts_with('-') || parameter.starts_with("WSH=") || parameter == "KDR=0"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The key of RFC 4568's examples.
    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn taken(value: &str) -> Option<(u32, Suite, usize)> {
        read(value).map(|line| (line.tag, line.key.suite(), line.key.identifier_length()))
    }

    #[test]
    fn lines_of_rfc_4568_and_of_telephones() {
        let suite = Suite::AesCm128HmacSha1_80;
        for (line, identifier) in [
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), 0),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20"), 0),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"), 4),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:1 WSH=64"), 1),
            (format!("1  AES_CM_128_HMAC_SHA1_80  inline:{KEY}  -UNHEARD_OF=1 "), 0),
            (format!("1 aes_cm_128_hmac_sha1_80 INLINE:{KEY}"), 0),
        ] {
            assert_eq!(taken(&line), Some((1, suite, identifier)), "{line}");
        }
        assert_eq!(
            read(&format!("7 AES_CM_128_HMAC_SHA1_32 inline:{KEY}")).unwrap().key.expose(),
            b"YS___semctl () {\t220;}\n}\nunles"
        );
    }

    #[test]
    fn a_line_that_we_cannot_keep_to_is_passed_over() {
        for line in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNAUTHENTICATED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} FEC_ORDER=FEC_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:129"),
            format!("1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}AAAA"),
            format!("1 AEAD_AES_256_GCM inline:{KEY}"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            "1 AES_CM_128_HMAC_SHA1_80 inline:".to_owned(),
            "1 AES_CM_128_HMAC_SHA1_80 ipaté".to_owned(),
            "1 AES_CM_128_HMAC_SHA1_80".to_owned(),
            String::new(),
        ] {
            assert_eq!(taken(&line), None, "{line}");
        }
    }

    #[test]
    fn a_line_is_read_as_it_is_written() {
        for suite in Suite::ALL {
            let key = MasterKey::from_random(suite, [0xa5; LONGEST]);
            let line = read(&write(3, &key)).unwrap();
            assert!(line.tag == 3 && line.key == key);
        }
    }
}
