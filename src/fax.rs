//! Received faxes: a TIFF as fax equipment makes it (RFC 2306, RFC 3949) is read, and a PDF made from it.
//!
//! The pages' coded lines (ITU-T T.4 and T.6) go into the PDF as they are, since PDF knows the same coding
//! (ISO 32000-1 §7.4.6, CCITTFaxDecode): nothing is decoded, so nothing can be lost. Only the order of bits within a byte
//! is turned where the TIFF has the other one.
//!
//! Architecture invariant: sizes that a document claims are believed only as far as the document has bytes for them.

mod pdf;
#[cfg(test)]
mod tests;

use std::io::Cursor;

use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, IfdDecoder};
use tiff::tags::{IfdPointer, Tag};

pub use pdf::to_pdf;

/// The largest document that is taken.
pub const LARGEST: usize = 20 * 1024 * 1024;
/// The most pages of a document.
pub const PAGES: usize = 1000;
/// The most strips of a page: one a line of a long page.
const STRIPS: usize = 20_000;
/// Wider and longer pages than any equipment sends.
const SIDE: u32 = 65_500;
/// ITU-T T.4: 8.04 dots and 7.7 lines a millimetre, where a document does not say.
const USUAL: Resolution = Resolution { across: 204.0, down: 196.0 };
const T4_OPTIONS: Tag = Tag::Unknown(292);

/// Why a document is no fax.
#[derive(Debug, thiserror::Error)]
pub enum FaxError {
    /// It is too large.
    #[error("the document has {0} bytes, and a fax may have 20 MiB at most")]
    TooLarge(usize),
    /// It has too many pages.
    #[error("the document has more than 1000 pages")]
    TooManyPages,
    /// It is no TIFF, or cut short.
    #[error("this is not a whole TIFF document: {0}")]
    NotTiff(#[from] tiff::TiffError),
    /// A page that no fax has.
    #[error("page {page}: {why}")]
    Page {
        /// Which, from 1.
        page: usize,
        /// What it is.
        why: String,
    },
}

/// A fax, as its equipment wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its pages: at least one.
    pub pages: Vec<Page>,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Dots across.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Its resolution.
    pub resolution: Resolution,
    /// How the lines are coded.
    pub coding: Coding,
    /// Whether a 1 of the coding is white.
    pub inverted: bool,
    /// The page from top to bottom.
    pub strips: Vec<Strip>,
}

/// Dots an inch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resolution {
    /// Across.
    pub across: f32,
    /// Down.
    pub down: f32,
}

/// A part of a page that is coded for itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Strip {
    /// Its lines.
    pub rows: u32,
    /// The coded lines, the most significant bit first.
    pub data: Vec<u8>,
}

/// How lines are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all: eight dots a byte, lines begin with a byte.
    Plain,
    /// By repeated bytes (TIFF's PackBits, which is PDF's RunLengthDecode).
    PackBits,
    /// ITU-T T.4 in one dimension without ends of lines; lines begin with a byte (TIFF's compression 2).
    ModifiedHuffman,
    /// ITU-T T.4 in one dimension (MH).
    Group3,
    /// ITU-T T.4 in two dimensions (MR).
    Group3TwoDimensional,
    /// ITU-T T.6 (MMR).
    Group4,
}

/// Reads a TIFF.
pub fn read(tiff: &[u8]) -> Result<Document, FaxError> {
    if tiff.len() > LARGEST {
        return Err(FaxError::TooLarge(tiff.len()));
    }
    let mut decoder = Decoder::new(Cursor::new(tiff))?;
    let mut pages = Vec::new();
    let mut next = decoder.ifd_pointer();
    while let Some(at) = next {
        if pages.len() == PAGES {
            // documents whose pages go round in a circle end here as well
            return Err(FaxError::TooManyPages);
        }
        let directory = decoder.read_directory(at)?;
        let mut tags = decoder.read_directory_tags(&directory);
        let why = |why| FaxError::Page { page: pages.len() + 1, why };
        let read = page(&mut tags, tiff).map_err(why)?;
        pages.push(read);
        next = directory.next().filter(|next| *next != IfdPointer(0));
    }
    Ok(Document { pages })
}

fn page(tags: &mut IfdDecoder<'_>, tiff: &[u8]) -> Result<Page, String> {
    let (width, height) = (number(tags, Tag::ImageWidth, None)?, number(tags, Tag::ImageLength, None)?);
    if !(1..=SIDE).contains(&width) || !(1..=SIDE).contains(&height) {
        return Err(format!("{width} by {height} dots are no page"));
    }
    for (tag, default) in [(Tag::BitsPerSample, 1), (Tag::SamplesPerPixel, 1)] {
        if number(tags, tag, Some(default))? != 1 {
            return Err("it is not black and white".to_owned());
        }
    }
    let coding = coding(tags)?;
    let reversed = number(tags, Tag::FillOrder, Some(1))? == 2;
    let inverted = match number(tags, Tag::PhotometricInterpretation, Some(0))? {
        0 => false,
        1 => true,
        other => return Err(format!("it is not black and white (photometric interpretation {other})")),
    };
    let strips = strips(tags, tiff, height, coding, width)?
        .into_iter()
        .map(|(rows, data)| Strip { rows, data: data.iter().map(|byte| turned(*byte, reversed)).collect() })
        .collect();
    Ok(Page { width, height, resolution: resolution(tags)?, coding, inverted, strips })
}

fn coding(tags: &mut IfdDecoder<'_>) -> Result<Coding, String> {
    // T4Options (RFC 2306 §4.2.3): bit 0 is two-dimensional, bit 1 uncompressed mode
    const TWO_DIMENSIONAL: u32 = 1;
    const UNCOMPRESSED: u32 = 2;
    Ok(match number(tags, Tag::Compression, Some(1))? {
        1 => Coding::Plain,
        2 => Coding::ModifiedHuffman,
        3 => match number(tags, T4_OPTIONS, Some(0))? {
            options if options & UNCOMPRESSED != 0 => return Err("T.4's uncompressed mode is not known".to_owned()),
            options if options & TWO_DIMENSIONAL != 0 => Coding::Group3TwoDimensional,
            _ => Coding::Group3,
        },
        4 => Coding::Group4,
        32_773 => Coding::PackBits,
        other => return Err(format!("compression {other} is not a fax's; Group 3 (3) and Group 4 (4) are")),
    })
}

/// A strip as it is in the document: its lines, and their coded bytes.
type CodedRows<'a> = (u32, &'a [u8]);

fn strips<'a>(
    tags: &mut IfdDecoder<'_>,
    tiff: &'a [u8],
    height: u32,
    coding: Coding,
    width: u32,
) -> Result<Vec<CodedRows<'a>>, String> {
    let rows_a_strip = number(tags, Tag::RowsPerStrip, Some(height))?.clamp(1, height);
    let count = usize::try_from(height.div_ceil(rows_a_strip)).unwrap_or(usize::MAX);
    let (offsets, sizes) = (list(tags, Tag::StripOffsets)?, list(tags, Tag::StripByteCounts)?);
    if count > STRIPS || offsets.len() != count || sizes.len() != count {
        let (offsets, sizes) = (offsets.len(), sizes.len());
        return Err(format!("{count} strips are needed, and {offsets} offsets and {sizes} sizes are there"));
    }
    let mut left = height;
    let mut strips = Vec::with_capacity(count);
    for (offset, size) in offsets.iter().zip(&sizes) {
        let rows = rows_a_strip.min(left);
        left -= rows;
        let from = usize::try_from(*offset).unwrap_or(usize::MAX);
        let to = usize::try_from(*size).ok().and_then(|size| from.checked_add(size)).unwrap_or(usize::MAX);
        let data = tiff.get(from..to).filter(|data| !data.is_empty()).ok_or("the document is cut short")?;
        let plain = u64::from(width.div_ceil(8)) * u64::from(rows);
        if coding == Coding::Plain && data.len() as u64 != plain {
            return Err(format!("{rows} lines of {width} dots are {plain} bytes, and {} are there", data.len()));
        }
        strips.push((rows, data));
    }
    Ok(strips)
}

fn resolution(tags: &mut IfdDecoder<'_>) -> Result<Resolution, String> {
    const CENTIMETRE: u32 = 3;
    let per_inch = if number(tags, Tag::ResolutionUnit, Some(2))? == CENTIMETRE { 2.54 } else { 1.0 };
    let mut dots = |tag, usual: f32| {
        let found = tags.find_tag(tag).ok().flatten().and_then(quotient);
        found.map(|dots| dots * per_inch).filter(|dots| (10.0..=10_000.0).contains(dots)).unwrap_or(usual)
    };
    Ok(Resolution { across: dots(Tag::XResolution, USUAL.across), down: dots(Tag::YResolution, USUAL.down) })
}

fn quotient(value: Value) -> Option<f32> {
    if let Value::Rational(dividend, divisor) = value {
        return Some(dividend as f32 / divisor as f32);
    }
    value.into_f32().ok()
}

fn number(tags: &mut IfdDecoder<'_>, tag: Tag, default: Option<u32>) -> Result<u32, String> {
    let found = tags.find_tag(tag).map_err(|why| why.to_string())?;
    // one value for all samples may stand for each of them
    let first = |value: Value| {
        let value = if let Value::List(list) = value { list.into_iter().next()? } else { value };
        value.into_u32().ok()
    };
    match (found, default) {
        (Some(value), _) => first(value).ok_or_else(|| format!("{tag:?} is no number")),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(format!("{tag:?} is missing")),
    }
}

fn list(tags: &mut IfdDecoder<'_>, tag: Tag) -> Result<Vec<u64>, String> {
    let found = tags.find_tag(tag).map_err(|why| why.to_string())?.ok_or_else(|| format!("{tag:?} is missing"))?;
    found.into_u64_vec().map_err(|_| format!("{tag:?} is no list of numbers"))
}

fn turned(byte: u8, reversed: bool) -> u8 {
    if reversed { byte.reverse_bits() } else { byte }
}
