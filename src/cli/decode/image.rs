//! A spectrogram as a PNG of sixteen colours: a bank of single-frequency filters, and just enough of a PNG writer.

use std::f32::consts::TAU;
use std::time::Duration;

use crate::audio::SAMPLE_RATE;
use crate::decode::Piece;

/// Frequencies in Hz of the lowest and the highest row, and what lies between two.
const LOWEST: usize = 200;
const HIGHEST: usize = 1800;
const STEP: usize = 20;
pub(super) const ROWS: usize = (HIGHEST - LOWEST) / STEP + 1;

/// The edges of the picture in Hz.
pub(super) const BOTTOM: f32 = (LOWEST - STEP / 2) as f32;
pub(super) const TOP: f32 = (HIGHEST + STEP / 2) as f32;

/// Samples that a column is made of, 32 ms under a Hann window: neighbouring tones of the pad are 70 Hz apart.
const WINDOW: usize = 256;

/// What is shown below the loudest, in dB, in steps of a colour each.
pub(super) const RANGE_DB: f32 = 45.0;
const LEVELS: usize = 15;

/// From quiet to loud, in blues that leave green and orange to what is drawn over it. Colour 0 is transparent: no audio.
pub(super) const PALETTE: [[u8; 3]; LEVELS + 1] = [
    [0, 0, 0],
    [6, 8, 20],
    [8, 12, 33],
    [10, 17, 46],
    [12, 22, 59],
    [14, 26, 72],
    [19, 36, 89],
    [24, 46, 106],
    [29, 56, 123],
    [34, 66, 140],
    [53, 88, 157],
    [73, 110, 173],
    [92, 132, 190],
    [141, 170, 211],
    [191, 208, 231],
    [240, 246, 252],
];

/// Powers of every row for every column; no column where there is no audio.
pub(super) struct Spectrogram {
    columns: Vec<Option<[f32; ROWS]>>,
}

/// Cosine and sine under the window, for every row.
pub(super) struct Bank {
    rows: Vec<([f32; WINDOW], [f32; WINDOW])>,
}

impl Bank {
    pub(super) fn new() -> Bank {
        let wave = |row: usize| {
            let step = TAU * (LOWEST + row * STEP) as f32 / SAMPLE_RATE as f32;
            let hann = |n: usize| 0.5 - 0.5 * (TAU * (n as f32 + 0.5) / WINDOW as f32).cos();
            // a full-scale sine has a power of 1
            let weight = |n: usize| hann(n) * 4.0 / WINDOW as f32 / 32768.0;
            let cosine = std::array::from_fn(|n| weight(n) * (step * n as f32).cos());
            let sine = std::array::from_fn(|n| weight(n) * (step * n as f32).sin());
            (cosine, sine)
        };
        Bank { rows: (0..ROWS).map(wave).collect() }
    }

    /// `count` columns of what is in `pieces` from `start`, each `step` seconds wide.
    pub(super) fn spectrogram(&self, pieces: &[Piece], start: f64, step: f64, count: usize) -> Spectrogram {
        let column = |n: usize| {
            let time = start + (n as f64 + 0.5) * step;
            pieces.iter().find_map(|piece| self.column(window(piece, time)?))
        };
        Spectrogram { columns: (0..count).map(column).collect() }
    }

    fn column(&self, window: [f32; WINDOW]) -> Option<[f32; ROWS]> {
        let dot = |wave: &[f32; WINDOW]| wave.iter().zip(&window).map(|(a, b)| a * b).sum::<f32>();
        let mut powers = [0.0; ROWS];
        for (power, (cosine, sine)) in powers.iter_mut().zip(&self.rows) {
            *power = dot(cosine).powi(2) + dot(sine).powi(2);
        }
        Some(powers)
    }
}

/// The samples around a time, if it is within the piece.
fn window(piece: &Piece, time: f64) -> Option<[f32; WINDOW]> {
    let at = (time - seconds(piece.start)) * f64::from(SAMPLE_RATE);
    if at < 0.0 || at >= piece.samples.len() as f64 {
        return None;
    }
    let sample = |n: usize| (at as usize + n).checked_sub(WINDOW / 2).and_then(|n| piece.samples.get(n));
    Some(std::array::from_fn(|n| sample(n).map_or(0.0, |sample| f32::from(*sample))))
}

pub(super) fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

impl Spectrogram {
    /// The loudest cell, as a power of full scale.
    pub(super) fn loudest(&self) -> f32 {
        self.columns.iter().flatten().flatten().fold(0.0, |most, power| power.max(most))
    }

    /// The picture, its colours below `loudest`.
    pub(super) fn png(&self, loudest: f32) -> Vec<u8> {
        let colour = |power: f32| {
            let below = 10.0 * (loudest / power.max(1e-12)).log10();
            let level = (1.0 - below / RANGE_DB) * LEVELS as f32;
            (level.clamp(0.0, LEVELS as f32 - 1.0) as u8) + 1
        };
        let mut pixels = Vec::new();
        for row in (0..ROWS).rev() {
            pixels.push(0); // the row is not filtered
            for pair in self.columns.chunks(2) {
                let of = |column: Option<&Option<[f32; ROWS]>>| {
                    column.and_then(|column| column.as_ref()?.get(row)).map_or(0, |power| colour(*power))
                };
                pixels.push(of(pair.first()) << 4 | of(pair.get(1)));
            }
        }
        png(self.columns.len() as u32, ROWS as u32, &pixels)
    }
}

/// A PNG of four bits a pixel in the colours of the palette (ISO/IEC 15948), not compressed.
fn png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([4, 3, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"PLTE", &PALETTE.concat());
    chunk(&mut file, b"tRNS", &[0]);
    chunk(&mut file, b"IDAT", &zlib(pixels));
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    file.extend(name);
    file.extend(data);
    let mut crc = u32::MAX;
    for byte in name.iter().chain(data) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    file.extend((!crc).to_be_bytes());
}

/// Stored blocks (RFC 1950, RFC 1951 §3.2.4).
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.len().div_ceil(0xFFFF);
    for (n, block) in data.chunks(0xFFFF).enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(n + 1 == blocks));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// RFC 4648 §4.
pub(super) fn base64(data: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for three in data.chunks(3) {
        let byte = |n: usize| three.get(n).map_or(0, |byte| u32::from(*byte));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * n)) as usize & 63).copied().unwrap_or(b'=');
            text.push(if n <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_in_rfc_4648() {
        let all = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    /// The checksums of the PNG specification's empty end, and of RFC 1950's examples elsewhere: "Wikipedia" is 11E60398.
    #[test]
    fn checksums_are_right() {
        let mut end = Vec::new();
        chunk(&mut end, b"IEND", &[]);
        assert_eq!(end, [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xAE, 0x42, 0x60, 0x82]);
        assert!(zlib(b"Wikipedia").ends_with(&[0x11, 0xE6, 0x03, 0x98]));
    }

    #[test]
    fn a_tone_stands_in_its_row() {
        let tone = |n: usize| (16_384.0 * (TAU * 940.0 * n as f32 / 8000.0).sin()) as i16;
        let piece = Piece { start: Duration::from_millis(500), samples: (0..4000).map(tone).collect() };
        let drawn = Bank::new().spectrogram(&[piece], 0.0, 0.1, 10);
        assert!(drawn.columns.iter().take(5).all(Option::is_none), "before it begins");
        let column = drawn.columns.get(7).copied().flatten().unwrap_or([0.0; ROWS]);
        let loudest = (0..ROWS).max_by(|a, b| column[*a].total_cmp(&column[*b]));
        assert_eq!(loudest, Some((940 - LOWEST) / STEP));
        assert!((column[37] - 0.25).abs() < 0.01, "half of full scale, squared: {}", column[37]);
    }
}
