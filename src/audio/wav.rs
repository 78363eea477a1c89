//! WAV files: all formats of recordings and prompts, read as a stream; and 16-bit PCM, written.
//!
//! Supported are RIFF and RF64 with 8- to 32-bit PCM, 32- and 64-bit float, µ-law and A-law, plain or as
//! `WAVE_FORMAT_EXTENSIBLE`. The input need not be seekable and is never held in memory, whatever its headers say; false
//! lengths are noticed at the end of the data and reported as a [`Warning`]. hound writes, and in tests it is the second opinion.

use std::fmt;
use std::io::{self, Read, Seek, Write};

use super::g711::Law;

/// Rates outside of this range mean a broken header.
const RATES: std::ops::RangeInclusive<u32> = 4000..=768_000;
/// Data sizes from here on mean "unknown": programs write them that do not know the size beforehand.
const UNKNOWN_SIZE: u64 = 0x7FFF_0000;
const PIECE: usize = 16 * 1024;

/// Why a WAV file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// Not a WAV file at all.
    #[error("not a WAV file: it starts with {found:?} where `RIFF` (or `RF64`) and `WAVE` belong")]
    NotWav {
        /// The first bytes, printable ones as they are.
        found: String,
    },
    /// The file ends inside its headers.
    #[error("the file ends at byte {at}, inside its {part}: it is cut off; copy or record it again")]
    CutOff {
        /// Byte offset of the end.
        at: u64,
        /// Which part was being read.
        part: &'static str,
    },
    /// A header field has an impossible value.
    #[error("the format chunk at byte {at} gives {field} {value}, which is impossible; the header is damaged")]
    Impossible {
        /// Byte offset of the chunk.
        at: u64,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A valid WAV file in an unsupported format.
    #[error(
        "the sound is in format 0x{tag:04X} ({name}), which is not supported; convert it: `sox FILE -e signed -b 16 OUT.wav`"
    )]
    Unsupported {
        /// The format tag.
        tag: u16,
        /// Its name.
        name: &'static str,
    },
    /// Reading failed.
    #[error("reading at byte {at} failed: {source}")]
    Io {
        /// Byte offset.
        at: u64,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// A fault of a file that could still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The data end before the size in the header.
    Truncated {
        /// Bytes that the header promised.
        promised: u64,
        /// Bytes that exist.
        found: u64,
    },
    /// The last frame is not whole and was left out.
    PartialFrame,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Truncated { promised, found } => {
                write!(f, "the file is cut off: its header promises {promised} bytes of sound and {found} are there")
            }
            Warning::PartialFrame => write!(f, "the last sample is not whole and was left out"),
        }
    }
}

/// The encoding of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Unsigned 8-bit.
    Unsigned8,
    /// Signed little-endian of 2, 3 or 4 bytes.
    Signed {
        /// Bytes a sample.
        bytes: usize,
    },
    /// 32-bit float.
    Float32,
    /// 64-bit float.
    Float64,
    /// One byte of G.711.
    Companded(Law),
}

impl Encoding {
    /// Bytes a sample of one channel.
    pub fn bytes(self) -> usize {
        match self {
            Encoding::Unsigned8 | Encoding::Companded(_) => 1,
            Encoding::Signed { bytes } => bytes,
            Encoding::Float32 => 4,
            Encoding::Float64 => 8,
        }
    }

    /// A sample's bytes as a value from -1 to 1. A float that is no number is silence.
    fn value(self, bytes: &[u8]) -> f32 {
        match self {
            Encoding::Unsigned8 => (f32::from(bytes.first().copied().unwrap_or(128)) - 128.0) / 128.0,
            Encoding::Companded(law) => f32::from(law.decode(bytes.first().copied().unwrap_or(0xFF))) / 32_768.0,
            Encoding::Signed { .. } => {
                let mut word = [0; 4];
                let start = word.len().saturating_sub(bytes.len());
                word.iter_mut().skip(start).zip(bytes).for_each(|(to, from)| *to = *from);
                (f64::from(i32::from_le_bytes(word)) / 2_147_483_648.0) as f32
            }
            Encoding::Float32 => finite(bytes.try_into().map(f32::from_le_bytes).unwrap_or_default()),
            Encoding::Float64 => finite(bytes.try_into().map(f64::from_le_bytes).unwrap_or_default() as f32),
        }
    }
}

fn finite(value: f32) -> f32 {
    if value.is_finite() { value.clamp(-8.0, 8.0) } else { 0.0 }
}

/// A WAV file being read.
pub struct Reader<R> {
    input: R,
    rate: u32,
    channels: usize,
    encoding: Encoding,
    promised: Option<u64>,
    found: u64,
    piece: Vec<u8>,
    /// Bytes of an incomplete frame at the front of `piece`.
    kept: usize,
    ended: bool,
    warnings: Vec<Warning>,
}

impl<R: Read> Reader<R> {
    /// Reads up to the first sample.
    pub fn new(input: R) -> Result<Reader<R>, WavError> {
        let mut header = Header { input, at: 0 };
        let sizes_in_ds64 = header.riff()?;
        let mut format = None;
        let mut long_data = None;
        loop {
            let (id, size) = header.chunk()?;
            match &id {
                b"fmt " => format = Some(header.format(size)?),
                b"ds64" if sizes_in_ds64 => long_data = Some(header.ds64(size)?),
                b"data" => {
                    let Some((rate, channels, encoding)) = format else {
                        return Err(WavError::CutOff { at: header.at, part: "headers: there is no format chunk" });
                    };
                    let size = if size == u64::from(u32::MAX) { long_data.unwrap_or(size) } else { size };
                    let known = long_data == Some(size) || (size < UNKNOWN_SIZE && size > 0);
                    return Ok(Reader::at_data(header.input, rate, channels, encoding, known.then_some(size)));
                }
                _ => header.skip(size + size % 2, "chunks before the sound")?,
            }
        }
    }

    fn at_data(input: R, rate: u32, channels: usize, encoding: Encoding, promised: Option<u64>) -> Reader<R> {
        let frame = channels * encoding.bytes();
        let piece = vec![0; PIECE.next_multiple_of(frame)];
        Reader {
            input,
            rate,
            channels,
            encoding,
            promised,
            found: 0,
            piece,
            kept: 0,
            ended: false,
            warnings: Vec::new(),
        }
    }

    /// Samples a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Number of channels; at least one.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The encoding of the samples.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The faults so far.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Appends the next samples, from -1 to 1 and interleaved by channel, to `out`; false at the end.
    pub fn read(&mut self, out: &mut Vec<f32>) -> Result<bool, WavError> {
        let frame = self.channels * self.encoding.bytes();
        while !self.ended {
            let filled = self.fill()?;
            let whole = filled - filled % frame;
            let samples = self.piece.get(..whole).unwrap_or_default().chunks_exact(self.encoding.bytes());
            out.extend(samples.map(|bytes| self.encoding.value(bytes)));
            self.piece.copy_within(whole..filled, 0);
            self.kept = filled - whole;
            if whole > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads into the piece, behind the kept part, and returns its length.
    fn fill(&mut self) -> Result<usize, WavError> {
        let left = self.promised.map_or(u64::MAX, |promised| promised - self.found);
        let end = self.kept + usize::try_from(left).unwrap_or(usize::MAX).min(self.piece.len() - self.kept);
        let room = self.piece.get_mut(self.kept..end).unwrap_or_default();
        let count = if room.is_empty() { 0 } else { read_some(&mut self.input, room, self.found)? };
        self.found += count as u64;
        if count == 0 {
            self.end(left);
        }
        Ok(self.kept + count)
    }

    fn end(&mut self, left: u64) {
        self.ended = true;
        if let Some(promised) = self.promised
            && left > 0
        {
            self.warnings.push(Warning::Truncated { promised, found: self.found });
        }
        if self.kept > 0 {
            self.warnings.push(Warning::PartialFrame);
        }
    }
}

fn read_some(input: &mut impl Read, room: &mut [u8], at: u64) -> Result<usize, WavError> {
    loop {
        match input.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(|source| WavError::Io { at, source }),
        }
    }
}

/// The chunks before the sound.
struct Header<R> {
    input: R,
    at: u64,
}

impl<R: Read> Header<R> {
    /// The file's own header; true if sizes are in a `ds64` chunk.
    fn riff(&mut self) -> Result<bool, WavError> {
        let mut start = Vec::new();
        let result = self.input.by_ref().take(12).read_to_end(&mut start);
        result.map_err(|source| WavError::Io { at: 0, source })?;
        self.at = start.len() as u64;
        match (start.get(..4), start.get(8..12)) {
            (Some(b"RIFF"), Some(b"WAVE")) => Ok(false),
            (Some(b"RF64" | b"BW64"), Some(b"WAVE")) => Ok(true),
            (Some(b"RIFF" | b"RF64" | b"BW64"), None) => Err(WavError::CutOff { at: self.at, part: "first header" }),
            (Some(b"RIFX"), _) => Err(WavError::Unsupported { tag: 0, name: "big-endian RIFX" }),
            _ => {
                Err(WavError::NotWav { found: String::from_utf8_lossy(start.get(..4).unwrap_or(&start)).into_owned() })
            }
        }
    }

    fn chunk(&mut self) -> Result<([u8; 4], u64), WavError> {
        let [a, b, c, d, size @ ..] = self.take::<8>("chunks: no sound was found")?;
        Ok(([a, b, c, d], u64::from(u32::from_le_bytes(size))))
    }

    fn ds64(&mut self, size: u64) -> Result<u64, WavError> {
        let [_riff_size @ .., a, b, c, d, e, f, g, h] = self.take::<16>("ds64 chunk")?;
        self.skip((size + size % 2).saturating_sub(16), "ds64 chunk")?;
        Ok(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    fn format(&mut self, size: u64) -> Result<(u32, usize, Encoding), WavError> {
        let at = self.at;
        let impossible = |field, value: u32| WavError::Impossible { at, field, value: u64::from(value) };
        if size < 16 {
            return Err(impossible("a size of", size as u32));
        }
        let fields = self.take::<16>("format chunk")?;
        let field = |n: usize| u16::from_le_bytes([fields[n], fields[n + 1]]);
        let rate = u32::from_le_bytes([fields[4], fields[5], fields[6], fields[7]]);
        let (mut tag, channels, block, bits) = (field(0), field(2), field(12), field(14));
        let mut rest = (size + size % 2) - 16;
        if tag == 0xFFFE && size >= 40 {
            // Extra size, valid bits, channel mask, then the GUID, whose first two bytes are the true tag.
            let extension = self.take::<24>("format chunk")?;
            rest -= 24;
            tag = u16::from_le_bytes([extension[8], extension[9]]);
        }
        self.skip(rest, "format chunk")?;
        if !RATES.contains(&rate) {
            return Err(impossible("a sampling rate of", rate));
        }
        if !(1..=64).contains(&channels) {
            return Err(impossible("a number of channels of", channels.into()));
        }
        let bytes = if block == 0 { bits.div_ceil(8) } else { block / channels };
        if u32::from(bits) > u32::from(bytes) * 8 || block % channels != 0 {
            return Err(impossible("bits a sample of", bits.into()));
        }
        Ok((rate, channels.into(), encoding(tag, bytes).ok_or_else(|| unsupported(tag, bytes))?))
    }

    fn take<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], WavError> {
        let mut bytes = [0; N];
        let mut have = 0;
        while have < N {
            let room = bytes.get_mut(have..).unwrap_or_default();
            let count = read_some(&mut self.input, room, self.at)?;
            if count == 0 {
                return Err(WavError::CutOff { at: self.at, part });
            }
            have += count;
            self.at += count as u64;
        }
        Ok(bytes)
    }

    fn skip(&mut self, size: u64, part: &'static str) -> Result<(), WavError> {
        let skipped = io::copy(&mut self.input.by_ref().take(size), &mut io::sink());
        let skipped = skipped.map_err(|source| WavError::Io { at: self.at, source })?;
        self.at += skipped;
        if skipped < size { Err(WavError::CutOff { at: self.at, part }) } else { Ok(()) }
    }
}

fn encoding(tag: u16, bytes: u16) -> Option<Encoding> {
    Some(match (tag, bytes) {
        (1, 1) => Encoding::Unsigned8,
        (1, 2..=4) => Encoding::Signed { bytes: bytes.into() },
        (3, 4) => Encoding::Float32,
        (3, 8) => Encoding::Float64,
        (6, 1) => Encoding::Companded(Law::A),
        (7, 1) => Encoding::Companded(Law::Mu),
        _ => return None,
    })
}

fn unsupported(tag: u16, bytes: u16) -> WavError {
    let name = match tag {
        1 | 3 | 6 | 7 => return WavError::Impossible { at: 20, field: "bytes a sample of", value: bytes.into() },
        0x0002 => "Microsoft ADPCM",
        0x0011 => "IMA ADPCM",
        0x0031 => "GSM 06.10",
        0x0040 | 0x0045 | 0x0064 => "G.726",
        0x0050 | 0x0055 => "MPEG audio",
        _ => "unknown",
    };
    WavError::Unsupported { tag, name }
}

/// Writes 16-bit PCM, one slice a channel, all of the same length.
pub fn write(out: impl Write + Seek, rate: u32, channels: &[&[i16]]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: channels.len().try_into().map_err(|_| hound::Error::TooWide)?,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(out, spec)?;
    for n in 0..channels.iter().map(|channel| channel.len()).max().unwrap_or(0) {
        for channel in channels {
            writer.write_sample(channel.get(n).copied().unwrap_or(0))?;
        }
    }
    writer.finalize()
}

/// A value from -1 to 1 as a 16-bit sample.
pub fn to_i16(value: f32) -> i16 {
    (value * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
#[path = "wav_tests.rs"]
mod tests;
