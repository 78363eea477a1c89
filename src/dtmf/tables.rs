//! Constants of the filter bank, and trigonometry that gives the same bits on every machine.
//!
//! The standard library's sine and arctangent come from the platform; here everything is add, multiply and divide, which
//! IEEE 754 defines to the bit, so that a call is decoded alike everywhere.

/// The row and column frequencies in Hz (ITU-T Q.23).
pub(super) const TONES: [u16; 8] = [697, 770, 852, 941, 1209, 1336, 1477, 1633];
/// Samples a second.
pub(super) const RATE: f32 = 8000.0;
/// Samples in a hop, the unit of the screen: 5 ms.
pub(super) const HOP: usize = 40;
/// Peak of the integer sine tables: 40 products of a 16-bit sample with it add up within 32 bits.
pub(super) const SCALE: i32 = 1600;
/// Hops after which every tone is at its starting phase again: the frequencies are whole Hz, 200 hops are a second.
pub(super) const TURN: usize = 200;

const TAU: f64 = std::f64::consts::TAU;

/// Cosine and sine of an angle given in turns, to 1e-12.
const fn cos_sin_turns(turns: f64) -> (f64, f64) {
    let mut part = turns - (turns as i64) as f64;
    if part > 0.5 {
        part -= 1.0;
    } else if part < -0.5 {
        part += 1.0;
    }
    // halve twice, so that the series is short, then double the angle back
    let x = part * TAU / 4.0;
    let (mut c, mut s) = (0.0, 0.0);
    let mut term = 1.0;
    let mut n = 0;
    while n < 20 {
        match n % 4 {
            0 => c += term,
            1 => s += term,
            2 => c -= term,
            _ => s -= term,
        }
        n += 1;
        term = term * x / n as f64;
    }
    let mut twice = 0;
    while twice < 2 {
        (c, s) = (c * c - s * s, 2.0 * c * s);
        twice += 1;
    }
    (c, s)
}

/// Cosine and sine of an angle in radians.
pub(super) fn cos_sin(radians: f32) -> (f32, f32) {
    let (c, s) = cos_sin_turns(f64::from(radians) / TAU);
    (c as f32, s as f32)
}

/// The angle of `(x, y)` in radians, -π to π, to 1e-5.
pub(super) fn angle(x: f32, y: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let (small, large) = if ax < ay { (ax, ay) } else { (ay, ax) };
    if large == 0.0 {
        return 0.0;
    }
    let r = small / large;
    // Abramowitz and Stegun 4.4.49
    let q = r * r;
    let mut a = r * (0.999_866 + q * (-0.330_299_5 + q * (0.180_141 + q * (-0.085_133 + q * 0.020_835_1))));
    if ay > ax {
        a = std::f32::consts::FRAC_PI_2 - a;
    }
    if x < 0.0 {
        a = std::f32::consts::PI - a;
    }
    if y < 0.0 { -a } else { a }
}

/// `10^(db / 10)`.
pub(super) fn power_of_db(db: f32) -> f32 {
    let mut x = f64::from(db) / 10.0 * std::f64::consts::LN_10;
    let mut squarings = 0;
    while x.abs() > 0.1 && squarings < 16 {
        x /= 2.0;
        squarings += 1;
    }
    let mut sum = 1.0;
    let mut term = 1.0;
    for n in 1..12 {
        term = term * x / f64::from(n);
        sum += term;
    }
    for _ in 0..squarings {
        sum *= sum;
    }
    sum as f32
}

/// For each pair of samples of a hop, the eight cosines for both samples (interleaved), then the eight sines. Time counts
/// from the middle of the hop, which makes cosines and sines orthogonal.
#[repr(C, align(64))]
pub(super) struct Pairs(pub(super) [[i16; 32]; HOP / 2]);

pub(super) static PAIRS: Pairs = Pairs(pairs());

const fn pairs() -> [[i16; 32]; HOP / 2] {
    let mut out = [[0; 32]; HOP / 2];
    let mut n = 0;
    while n < HOP {
        let mut tone = 0;
        while tone < 8 {
            let t = n as f64 - (HOP as f64 - 1.0) / 2.0;
            let (c, s) = cos_sin_turns(TONES[tone] as f64 / 8000.0 * t);
            out[n / 2][2 * tone + n % 2] = round(c * SCALE as f64);
            out[n / 2][16 + 2 * tone + n % 2] = round(s * SCALE as f64);
            tone += 1;
        }
        n += 1;
    }
    out
}

const fn round(x: f64) -> i16 {
    if x < 0.0 { (x - 0.5) as i16 } else { (x + 0.5) as i16 }
}

/// For each hop of a second, what turns the eight correlations back to the phase of hop 0: eight cosines, eight sines.
#[repr(C, align(64))]
pub(super) struct Turns(pub(super) [[f32; 16]; TURN]);

pub(super) static TURNS: Turns = Turns(turns());

const fn turns() -> [[f32; 16]; TURN] {
    let mut out = [[0.0; 16]; TURN];
    let mut hop = 0;
    while hop < TURN {
        let mut tone = 0;
        while tone < 8 {
            let (c, s) = cos_sin_turns((TONES[tone] as usize * hop % TURN) as f64 / TURN as f64);
            out[hop][tone] = c as f32;
            out[hop][8 + tone] = s as f32;
            tone += 1;
        }
        hop += 1;
    }
    out
}

/// The inverse of the 2 × 2 matrix of inner products of two cosines, or two sines, over a hop: `(first, cross, second)`.
#[derive(Clone, Copy)]
pub(super) struct Inverse {
    pub(super) first: f32,
    pub(super) cross: f32,
    pub(super) second: f32,
}

impl Inverse {
    pub(super) const fn of(first: f64, cross: f64, second: f64) -> Inverse {
        let d = first * second - cross * cross;
        Inverse { first: (second / d) as f32, cross: (-cross / d) as f32, second: (first / d) as f32 }
    }
}

/// The inverses for cosines and for sines at the nominal frequencies of each of the 16 keys.
pub(super) static NOMINAL: [(Inverse, Inverse); 16] = nominal();

const fn nominal() -> [(Inverse, Inverse); 16] {
    let mut out =
        [(Inverse { first: 0.0, cross: 0.0, second: 0.0 }, Inverse { first: 0.0, cross: 0.0, second: 0.0 }); 16];
    let mut key = 0;
    while key < 16 {
        let (mut c, mut s) = ([0.0; 3], [0.0; 3]);
        let mut n = 0;
        while n < HOP {
            let t = n as f64 - (HOP as f64 - 1.0) / 2.0;
            let (c1, s1) = cos_sin_turns(TONES[key / 4] as f64 / 8000.0 * t);
            let (c2, s2) = cos_sin_turns(TONES[4 + key % 4] as f64 / 8000.0 * t);
            c = [c[0] + c1 * c1, c[1] + c1 * c2, c[2] + c2 * c2];
            s = [s[0] + s1 * s1, s[1] + s1 * s2, s[2] + s2 * s2];
            n += 1;
        }
        out[key] = (Inverse::of(c[0], c[1], c[2]), Inverse::of(s[0], s[1], s[2]));
        key += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trigonometry_agrees_with_the_platform() {
        for i in -4000..4000 {
            let x = i as f32 * 0.013;
            let (c, s) = cos_sin(x);
            assert!((c - x.cos()).abs() < 2e-6 && (s - x.sin()).abs() < 2e-6, "{x}");
            let (y, z) = ((i as f32 * 0.7).cos() * 3.0, (i as f32 * 1.1).sin() * 5.0);
            assert!((angle(y, z) - z.atan2(y)).abs() < 3e-5, "{y} {z}");
            let db = i as f32 / 50.0;
            assert!((power_of_db(db) / 10f32.powf(db / 10.0) - 1.0).abs() < 1e-4, "{db}");
        }
        assert_eq!(angle(0.0, 0.0), 0.0);
    }

    #[test]
    fn no_hop_can_overflow_its_32_bits() {
        let mut worst = [0i64; 16];
        for pair in &PAIRS.0 {
            for lane in 0..32 {
                worst[lane / 2] += i64::from(pair[lane].unsigned_abs()) * 32768;
            }
        }
        assert!(worst.iter().all(|w| *w < i64::from(i32::MAX)));
    }
}
