//! What is taken for a digit: every threshold, in one place.

/// The thresholds of a [`super::Detector`]. The presets follow the columns of ITU-T Q.24, Annex A.
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
    /// Least length of a clean tone in ms.
    pub length: f32,
    /// Least pause between two digits in ms; equal digits closer together are one.
    pub pause: f32,
}

impl Config {
    /// NTT: the default.
    pub fn ntt() -> Config {
        Config {
            frequency_tolerance: 0.022,
            twist_low_stronger: 9.5,
            twist_high_stronger: 7.0,
            level: -42.0,
            length: 31.5,
            pause: 22.5,
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::ntt()
    }
}
