//! The filter bank's inner loop for x86-64: SSE2, which every such machine has, and AVX2 where the machine has it.
//!
//! 16-bit products are added in 32 bits, which is exact, so every path gives what `goertzel::correlate` gives.
#![cfg_attr(target_arch = "x86_64", allow(unsafe_code))]

#[cfg(not(target_arch = "x86_64"))]
use super::goertzel;
use super::goertzel::{Bank, Bins, Seen};
use super::tables::HOP;

/// Takes a hop into the bank on the best path of this machine.
#[inline(always)]
pub(super) fn take(bank: &mut Bank, samples: &[i16; HOP], turn: &[f32; 16], quiet: u32, bins: &mut Bins) -> Seen {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 is there, as was just asked.
            unsafe { x86::take_avx2(bank, samples, turn, quiet, bins) }
        } else {
            x86::take_sse2(bank, samples, turn, quiet, bins)
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    goertzel::take_by(bank, samples, turn, quiet, bins, (goertzel::energy, goertzel::correlate))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_add_epi32, _mm_madd_epi16, _mm_set1_epi32, _mm_setzero_si128, _mm_srli_epi32,
        _mm256_add_epi32, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_madd_epi16, _mm256_set1_epi32,
        _mm256_setzero_si256, _mm256_srli_epi32,
    };
    use std::mem::transmute;

    use super::super::goertzel::{self, Bank, Bins, Seen};
    use super::super::tables::{HOP, PAIRS};

    #[target_feature(enable = "avx2")]
    pub(super) fn take_avx2(
        bank: &mut Bank,
        samples: &[i16; HOP],
        turn: &[f32; 16],
        quiet: u32,
        bins: &mut Bins,
    ) -> Seen {
        goertzel::take_by(
            bank,
            samples,
            turn,
            quiet,
            bins,
            (
                |samples| energy_avx2(samples),
                |samples, bins| {
                    let mut sums = [_mm256_setzero_si256(); 2];
                    for (pair, table) in pairs(samples).iter().zip(&PAIRS.0) {
                        let x = _mm256_set1_epi32(*pair);
                        // SAFETY: both are 64 bytes of integers, for which every pattern of bits is a value.
                        let table: [__m256i; 2] = unsafe { transmute(*table) };
                        sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(x, table[0]));
                        sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(x, table[1]));
                    }
                    // SAFETY: as above.
                    *bins = unsafe { transmute::<[__m256i; 2], Bins>(sums) };
                },
            ),
        )
    }

    pub(super) fn take_sse2(
        bank: &mut Bank,
        samples: &[i16; HOP],
        turn: &[f32; 16],
        quiet: u32,
        bins: &mut Bins,
    ) -> Seen {
        goertzel::take_by(
            bank,
            samples,
            turn,
            quiet,
            bins,
            (energy, |samples, bins| {
                // SAFETY: SSE2 is part of x86-64; the transmutes are between arrays of integers of 64 bytes.
                unsafe {
                    let mut sums = [_mm_setzero_si128(); 4];
                    for (pair, table) in pairs(samples).iter().zip(&PAIRS.0) {
                        let x = _mm_set1_epi32(*pair);
                        let table: [__m128i; 4] = transmute(*table);
                        for (sum, t) in sums.iter_mut().zip(table) {
                            *sum = _mm_add_epi32(*sum, _mm_madd_epi16(x, t));
                        }
                    }
                    *bins = transmute::<[__m128i; 4], Bins>(sums);
                }
            }),
        )
    }

    /// [`energy`] with sixteen samples at a time.
    #[target_feature(enable = "avx2")]
    fn energy_avx2(samples: &[i16; HOP]) -> u32 {
        let (wide, rest) = samples.split_at(32);
        let mut sum = _mm_setzero_si128();
        if let (Some(wide), Some(rest)) = (wide.first_chunk::<32>(), rest.first_chunk::<8>()) {
            // SAFETY: the transmutes are between arrays of integers of one size.
            let wide = unsafe { transmute::<[i16; 32], [__m256i; 2]>(*wide) };
            // SAFETY: as above.
            let rest = unsafe { transmute::<[i16; 8], __m128i>(*rest) };
            let squares = wide.map(|x| _mm256_srli_epi32::<6>(_mm256_madd_epi16(x, x)));
            let both = _mm256_add_epi32(squares[0], squares[1]);
            sum = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256::<1>(both));
            sum = _mm_add_epi32(sum, _mm_srli_epi32::<6>(_mm_madd_epi16(rest, rest)));
        }
        // SAFETY: as above.
        let [a, b, c, d]: [u32; 4] = unsafe { transmute(sum) };
        a.wrapping_add(b).wrapping_add(c.wrapping_add(d))
    }

    /// A sum of two squares reaches 2^31 at most, which fits an unsigned number.
    #[inline(always)]
    fn energy(samples: &[i16; HOP]) -> u32 {
        // SAFETY: SSE2 is part of x86-64; the transmutes are between arrays of integers of one size.
        let lanes: [u32; 4] = unsafe {
            let eights: [__m128i; 5] = transmute(*samples);
            let mut sum = _mm_setzero_si128();
            for x in eights {
                sum = _mm_add_epi32(sum, _mm_srli_epi32::<6>(_mm_madd_epi16(x, x)));
            }
            transmute(sum)
        };
        let [a, b, c, d] = lanes;
        a.wrapping_add(b).wrapping_add(c.wrapping_add(d))
    }

    /// Two samples at a time, the first in the low half.
    #[inline(always)]
    fn pairs(samples: &[i16; HOP]) -> [i32; HOP / 2] {
        // SAFETY: both are 80 bytes of integers.
        unsafe { transmute(*samples) }
    }

    #[cfg(test)]
    mod tests {
        use super::super::super::tables::TURNS;
        use super::*;
        use proptest::prelude::*;

        fn take_portable(bank: &mut Bank, samples: &[i16; HOP], turn: &[f32; 16], quiet: u32, bins: &mut Bins) -> Seen {
            goertzel::take_by(bank, samples, turn, quiet, bins, (goertzel::energy, goertzel::correlate))
        }

        proptest! {
            #[test]
            fn every_path_gives_the_same_bits(hops: Vec<([[i16; 8]; 5], u8)>, quiet in 0u32..100_000) {
                let mut banks = [Bank::default(), Bank::default(), Bank::default()];
                for (number, (samples, shift)) in hops.iter().enumerate() {
                    let mut hop = [0; HOP];
                    hop.copy_from_slice(samples.as_flattened());
                    let hop = hop.map(|x: i16| x >> (shift % 16));
                    let turn = &TURNS.0[number % 200];
                    let mut bins = [[1; 16]; 3];
                    let expected = take_portable(&mut banks[0], &hop, turn, quiet, &mut bins[0]);
                    prop_assert_eq!(take_sse2(&mut banks[1], &hop, turn, quiet, &mut bins[1]), expected);
                    prop_assert_eq!(bins[1], bins[0]);
                    prop_assert_eq!(&banks[1], &banks[0]);
                    if std::arch::is_x86_feature_detected!("avx2") {
                        // SAFETY: AVX2 is there.
                        let seen = unsafe { take_avx2(&mut banks[2], &hop, turn, quiet, &mut bins[2]) };
                        prop_assert_eq!(seen, expected);
                        prop_assert_eq!(bins[2], bins[0]);
                        prop_assert_eq!(&banks[2], &banks[0]);
                    }
                }
            }

            #[test]
            fn full_scale_does_not_overflow(signs: [[bool; 8]; 5]) {
                let mut hop = [0; HOP];
                hop.iter_mut().zip(signs.as_flattened()).for_each(|(x, s)| *x = if *s { i16::MIN } else { i16::MAX });
                let mut bins = [[0; 16]; 2];
                let mut banks = [Bank::default(), Bank::default()];
                take_portable(&mut banks[0], &hop, &TURNS.0[0], 0, &mut bins[0]);
                take_sse2(&mut banks[1], &hop, &TURNS.0[0], 0, &mut bins[1]);
                prop_assert_eq!(bins[1], bins[0]);
                prop_assert_eq!(&banks[1], &banks[0]);
                let exact = hop.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 64.0;
                prop_assert!((f64::from(banks[0].energy_of_three) - exact).abs() <= 20.0);
            }
        }
    }
}
