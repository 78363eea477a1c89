//! What is measured of a candidate, a tone pair that may be a digit.

use super::background::Background;

/// What is measured of a candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Deviation from nominal as a part of it, low and high tone.
    pub(super) deviation: [f32; 2],
    pub(super) power: [f32; 2],
    pub(super) frequency: [f32; 2],
    /// Samples before the present at which it set in.
    pub(super) onset: usize,
    /// Samples of tone.
    pub(super) length: usize,
    pub(super) share: f32,
    pub(super) low_share: f32,
    /// Low and high tone.
    pub(super) scatter: [f32; 2],
    pub(super) before: f32,
    pub(super) lossy: bool,
    /// Whether a packet was played twice inside or beside it.
    pub(super) repeated: bool,
    /// What was taken out of the residual.
    pub(super) background: Option<Background>,
    /// Whether a packet's worth of digital silence lies inside.
    pub(super) spliced: bool,
}
