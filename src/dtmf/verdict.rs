//! The decision about a candidate, and the limit on which a refusal turns.

/// A decision about a candidate, and its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is a digit.
    Taken,
    /// It goes on after a gap that is too short to be a pause: the digit before it, still held.
    Resumed,
    /// Too short, or too short for its noise.
    TooShort,
    /// A tone is too far from its frequency.
    Frequency,
    /// One tone is too much stronger than the other.
    Twist,
    /// A tone is too weak.
    Level,
    /// Too much of it is not the two tones.
    Residual,
    /// Its amplitude or phase wanders, as a voice does.
    Unsteady,
}

/// The limit that a candidate exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The limited quantity.
    pub of: Quantity,
    /// Its value, in the unit that [`Explanation`](super::Explanation) has.
    pub value: f32,
}

/// A limited measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Least level of each tone in dBm0.
    Level,
    /// Most twist in dB; negative when the high tone is the stronger one.
    Twist,
    /// Largest deviation of each tone.
    Deviation,
    /// Least length in samples.
    Length,
    /// Most residual.
    Residual,
    /// Most residual below 2 kHz.
    LowResidual,
    /// Most power before the onset.
    Before,
    /// Most unsteadiness.
    Scatter,
}
