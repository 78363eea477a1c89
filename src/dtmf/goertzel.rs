//! The filter bank: what eight Goertzel filters would tell about each 5 ms hop, as integer correlations.
//!
//! Integers make it exact: whatever the machine and the order of summation, the sums are the same to the bit.

use super::tables::{HOP, PAIRS};

/// Eight cosine correlations, then eight sine correlations of a hop, times [`super::tables::SCALE`].
pub(super) type Bins = [i32; 16];

/// The correlations of one hop.
pub(super) fn correlate(samples: &[i16; HOP]) -> Bins {
    portable(samples)
}

/// The energy of one hop: the sum of squares, a 64th of it, rounded down sample by sample.
pub(super) fn energy(samples: &[i16; HOP]) -> u32 {
    samples.iter().map(|x| (i32::from(*x) * i32::from(*x)) as u32 >> 6).sum()
}

#[inline(always)]
fn portable(samples: &[i16; HOP]) -> Bins {
    let mut bins = [0; 16];
    for (pair, table) in samples.chunks_exact(2).zip(&PAIRS.0) {
        let (x, y) = (i32::from(pair[0]), i32::from(pair[1]));
        for (bin, t) in bins.iter_mut().zip(table.chunks_exact(2)) {
            *bin += x * i32::from(t[0]) + y * i32::from(t[1]);
        }
    }
    bins
}
