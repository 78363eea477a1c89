//! The thresholds that can be set, and presets of them.

/// The thresholds of a [`Detector`](super::Detector).
///
/// The presets follow columns of ITU-T Q.24, Annex A, which states which signals must be accepted and which refused. Each
/// threshold lies between the two: nearer to the first where that refuses voices, nearer to the second where that finds more
/// digits (levels). The tolerance of noise, and the rest, is in `limits.rs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Largest deviation of either tone from its nominal frequency, as a part of it.
    pub frequency_tolerance: f32,
    /// Most dB by which the low tone may be stronger than the high one.
    pub twist_low_stronger: f32,
    /// Most dB by which the high tone may be stronger than the low one.
    pub twist_high_stronger: f32,
    /// Least level of each tone in dBm0.
    pub level: f32,
    /// Least length of a clean tone in ms. A noisier one must be longer.
    pub length: f32,
    /// Least pause between two digits in ms; equal digits closer together are one. From 18 to 40.
    pub pause: f32,
}

impl Config {
    /// NTT: take ±1.8 %, refuse ±3.0 %; take -24 dBm, refuse -29 dBm; take 5 dB of twist; take 40 ms, refuse 24 ms; a pause is
    /// 30 ms, an interruption 10 ms.
    pub fn ntt() -> Config {
        Config {
            // 1.8 %, and five times the error of the estimate in 40 ms at an SNR of 15 dB
            frequency_tolerance: 0.022,
            // the 8 dB and 5.5 dB that gateways make of it, and the error of the estimate
            twist_low_stronger: 9.5,
            twist_high_stronger: 7.0,
            level: -26.5,
            // the most that a median delay of 35 ms leaves room for
            length: 31.5,
            // between a lost packet of 20 ms, played as silence, and a pause of 25 ms
            pause: 22.5,
        }
    }

    /// AT&T: take ±1.5 %, refuse ±3.5 %; take -25 dBm, refuse -55 dBm; twist from 8 dB (low stronger) to 4 dB (high stronger); take
    /// 40 ms, refuse 23 ms; a pause is 40 ms, an interruption 10 ms.
    pub fn att() -> Config {
        Config { twist_high_stronger: 5.5, level: -40.0, ..Config::ntt() }
    }

    /// ETSI ES 201 235-3: ±(1.5 % + 2 Hz), twist of 6 dB either way, 40 ms of tone and of pause, 20 ms refused and bridged.
    pub fn etsi() -> Config {
        Config { twist_low_stronger: 7.5, twist_high_stronger: 7.5, level: -40.0, pause: 30.0, ..Config::ntt() }
    }
}

impl Default for Config {
    /// NTT's, but down to -42 dBm0 a tone: gateways weaken tones, and quiet voices are recognised by other signs.
    fn default() -> Config {
        Config { level: -42.0, ..Config::ntt() }
    }
}
