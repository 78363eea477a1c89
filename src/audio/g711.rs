//! G.711: the telephone's two 8-bit laws and 16-bit linear samples.
//!
//! The arithmetic is audio-codec-algorithms' (checked there against the ITU's own G.191 tools); here it is laid out once in
//! tables small enough to stay in the first-level cache. The laws see only the 14 (µ-law) or 13 (A-law) upper bits of a
//! sample, so a table has one entry for each of these and no more.

use std::sync::LazyLock;

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// A companding law of ITU-T G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// µ-law: PCMU, RTP payload type 0; Japan and North America.
    Mu,
    /// A-law: PCMA, RTP payload type 8; elsewhere.
    A,
}

/// The byte of µ-law silence (positive zero).
pub const MU_SILENCE: u8 = 0xFF;
/// The byte of A-law silence (the smallest positive value; A-law has no zero).
pub const A_SILENCE: u8 = 0xD5;

impl Law {
    /// The byte that stands for silence.
    pub const fn silence(self) -> u8 {
        match self {
            Law::Mu => MU_SILENCE,
            Law::A => A_SILENCE,
        }
    }

    /// One sample as a byte.
    pub fn encode(self, sample: i16) -> u8 {
        self.tables().encode_one(sample)
    }

    /// One byte as a sample.
    pub fn decode(self, byte: u8) -> i16 {
        self.tables().decode_one(byte)
    }

    /// Appends the bytes of `samples` to `out`.
    fn encode_into(self, samples: &[i16], out: &mut Vec<u8>) {
        let tables = self.tables();
        out.extend(samples.iter().map(|&sample| tables.encode_one(sample)));
    }

    /// Appends the samples of `bytes` to `out`.
    pub fn decode_into(self, bytes: &[u8], out: &mut Vec<i16>) {
        let tables = self.tables();
        out.extend(bytes.iter().map(|&byte| tables.decode_one(byte)));
    }

    /// The bytes of `samples`.
    pub fn encode_all(self, samples: &[i16]) -> Vec<u8> {
        let mut out = Vec::with_capacity(samples.len());
        self.encode_into(samples, &mut out);
        out
    }

    /// The samples of `bytes`.
    pub fn decode_all(self, bytes: &[u8]) -> Vec<i16> {
        let mut out = Vec::with_capacity(bytes.len());
        self.decode_into(bytes, &mut out);
        out
    }

    fn tables(self) -> &'static Tables {
        match self {
            Law::Mu => &MU,
            Law::A => &A,
        }
    }
}

static MU: LazyLock<Tables> = LazyLock::new(|| Tables::new(2, encode_ulaw, decode_ulaw));
static A: LazyLock<Tables> = LazyLock::new(|| Tables::new(3, encode_alaw, decode_alaw));

struct Tables {
    /// Lower bits of a sample that the law does not see.
    ignored: u32,
    /// By a sample's upper bits, shifted down, as unsigned.
    encode: Box<[u8]>,
    decode: [i16; 256],
}

impl Tables {
    fn new(ignored: u32, encode: fn(i16) -> u8, decode: fn(u8) -> i16) -> Tables {
        let entries = 0..=(u16::MAX >> ignored);
        Tables {
            ignored,
            encode: entries.map(|upper| encode((upper << ignored).cast_signed())).collect(),
            decode: std::array::from_fn(|byte| decode(byte as u8)),
        }
    }

    fn encode_one(&self, sample: i16) -> u8 {
        let upper = sample.cast_unsigned() >> self.ignored;
        self.encode.get(usize::from(upper)).copied().unwrap_or(MU_SILENCE)
    }

    fn decode_one(&self, byte: u8) -> i16 {
        self.decode[usize::from(byte)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decoder output values of G.711 tables 1a (A-law, 13 bits) and 2a (µ-law, 14 bits): the first of each segment.
    #[test]
    fn decoded_values_are_those_of_the_recommendation() {
        let mu =
            [(0x80, 8031), (0x8F, 4191), (0x9F, 2079), (0xAF, 1023), (0xBF, 495), (0xCF, 231), (0xDF, 99), (0xEF, 33)];
        for (byte, value) in mu {
            assert_eq!(Law::Mu.decode(byte), value * 4, "{byte:02X}");
            assert_eq!(Law::Mu.decode(byte & 0x7F), -value * 4, "{byte:02X} negative");
        }
        assert_eq!([0xFF, 0x7F, 0xFE].map(|byte| Law::Mu.decode(byte)), [0, 0, 8]);

        let a =
            [(0xAA, 4032), (0xA5, 2112), (0xB5, 1056), (0x85, 528), (0x95, 264), (0xE5, 132), (0xF5, 66), (0xD5, 1)];
        for (byte, value) in a {
            assert_eq!(Law::A.decode(byte), value * 8, "{byte:02X}");
            assert_eq!(Law::A.decode(byte & 0x7F), -value * 8, "{byte:02X} negative");
        }
    }

    /// G.711 tables 5 and 6: these eight bytes, repeated, are 1 kHz at 0 dBm0; so a full-scale sine is at +3.17 dBm0 (µ-law)
    /// and at +3.14 dBm0 (A-law).
    #[test]
    fn the_reference_tone_is_at_0_dbm0() {
        let cases = [
            (Law::Mu, [0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E], 8159.0 * 4.0, 3.17),
            (Law::A, [0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4], 4096.0 * 8.0, 3.17 - 0.03),
        ];
        for (law, bytes, overload, overload_dbm0) in cases {
            let samples = law.decode_all(&bytes);
            let power = samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / 8.0;
            let below_overload = 10.0 * (power * 2.0 / f64::powi(overload, 2)).log10();
            assert!((below_overload + overload_dbm0).abs() < 0.03, "{law:?}: {below_overload}");
            assert_eq!(law.encode_all(&samples), bytes);
        }
    }

    #[test]
    fn tables_agree_with_the_arithmetic_for_every_sample() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(Law::Mu.encode(sample), encode_ulaw(sample), "{sample}");
            assert_eq!(Law::A.encode(sample), encode_alaw(sample), "{sample}");
        }
    }

    #[test]
    fn every_byte_survives_the_way_through_linear() {
        for byte in 0..=255 {
            assert_eq!(Law::A.encode(Law::A.decode(byte)), byte);
            let wanted = if byte == 0x7F { MU_SILENCE } else { byte }; // µ-law's two zeroes are one number
            assert_eq!(Law::Mu.encode(Law::Mu.decode(byte)), wanted);
        }
    }

    #[test]
    fn silence_is_the_byte_of_zero() {
        assert_eq!(Law::Mu.encode(0), Law::Mu.silence());
        assert_eq!(Law::A.encode(0), Law::A.silence());
    }
}
