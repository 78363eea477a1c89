//! Network captures: pcap (micro- and nanoseconds, either byte order) and pcapng, read as a stream of frames.
//!
//! Read here and not by pcap-file, which serves as the second opinion in tests: its pcapng reader takes every timestamp for
//! nanoseconds, refuses blocks whose options lack an end mark, and cannot give the byte at which a file is damaged. The
//! input need not be seekable, and no length in it is believed beyond [`LONGEST_FRAME`].

use std::io::{self, Read};
use std::time::Duration;

/// The longest believable frame: the limit of capture programs themselves.
pub const LONGEST_FRAME: u32 = 262_144;
/// Most bytes kept of a block; its rest is skipped.
const KEPT: u32 = LONGEST_FRAME + 64;

/// Why a capture cannot be read (any further).
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Not a capture at all.
    #[error("not a capture file: its first bytes are neither those of pcap nor of pcapng")]
    NotCapture,
    /// The file ends inside a frame or block.
    #[error(
        "the capture is cut off at byte {at}, after {frames} whole frames; \
         if it was copied, copy it again, or keep the whole part: `editcap IN.pcap OUT.pcap`"
    )]
    CutOff {
        /// Byte offset of the end.
        at: u64,
        /// Frames before it.
        frames: u64,
    },
    /// A length or type is impossible.
    #[error("the capture is damaged at byte {at}, after {frames} whole frames: {what}")]
    Damaged {
        /// Byte offset of the damaged structure.
        at: u64,
        /// Frames before it.
        frames: u64,
        /// The damage.
        what: &'static str,
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

/// One captured frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it was captured, since 1970 (or whatever the capturing program counted from).
    pub at: Duration,
    /// The link-layer type (LINKTYPE_…), which says what `bytes` start with.
    pub link: u32,
    /// The frame from its link-layer header on.
    pub bytes: Vec<u8>,
    /// Whether the capture has only a part of it.
    pub cut: bool,
    /// Its direction, seen from the capturing machine, if the capture has it.
    pub direction: Option<Direction>,
}

/// The direction of a frame, seen from the capturing machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It came in.
    In,
    /// It went out.
    Out,
}

/// A capture being read.
pub struct Capture<R> {
    input: R,
    dropped: u64,
    /// Byte offset of what is read next.
    at: u64,
    frames: u64,
    order: Order,
    format: Format,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Little,
    Big,
}

enum Format {
    Pcap { link: u32, nanoseconds: bool },
    PcapNg { interfaces: Vec<Interface>, last: Duration },
}

#[derive(Clone, Copy)]
struct Interface {
    link: u32,
    snap_length: u32,
    /// Timestamp units a second.
    resolution: u64,
    offset_seconds: i64,
}

/// Whether a file that starts with these bytes is a capture.
pub fn is_capture(start: &[u8]) -> bool {
    matches!(
        start.get(..4),
        Some(
            [0xA1, 0xB2, 0xC3, 0xD4]
                | [0xA1, 0xB2, 0x3C, 0x4D]
                | [0xD4, 0xC3, 0xB2, 0xA1]
                | [0x4D, 0x3C, 0xB2, 0xA1]
                | [0x0A, 0x0D, 0x0D, 0x0A]
        )
    )
}

impl<R: Read> Capture<R> {
    /// Reads the file's header.
    pub fn new(input: R) -> Result<Capture<R>, CaptureError> {
        let format = Format::PcapNg { interfaces: Vec::new(), last: Duration::ZERO };
        let mut capture = Capture { input, dropped: 0, at: 0, frames: 0, order: Order::Little, format };
        let magic: [u8; 4] = capture.take()?.ok_or(CaptureError::NotCapture)?;
        if !is_capture(&magic) {
            return Err(CaptureError::NotCapture);
        }
        if magic == [0x0A, 0x0D, 0x0D, 0x0A] {
            capture.section()?;
        } else {
            capture.order = if magic[0] == 0xA1 { Order::Big } else { Order::Little };
            let header: [u8; 20] = capture.take()?.ok_or(capture.cut_off())?;
            // The upper bits carry the frame check sequence's length.
            let link = u32_at(&header, 16, capture.order) & 0x03FF_FFFF;
            capture.format = Format::Pcap { link, nanoseconds: matches!(magic, [0xA1, 0xB2, 0x3C, _] | [0x4D, ..]) };
        }
        Ok(capture)
    }

    /// Number of frames read.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Number of frames that the capturing program dropped, by its own count, as far as the file was read.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The next frame; `None` at the end.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let frame = match self.format {
            Format::Pcap { link, nanoseconds } => self.pcap_frame(link, nanoseconds)?,
            Format::PcapNg { .. } => self.pcapng_frame()?,
        };
        self.frames += u64::from(frame.is_some());
        Ok(frame)
    }

    fn pcap_frame(&mut self, link: u32, nanoseconds: bool) -> Result<Option<Frame>, CaptureError> {
        let Some(header) = self.take::<16>()? else { return Ok(None) };
        let field = |n| u32_at(&header, n, self.order);
        let (seconds, fraction, captured, original) = (field(0), field(4), field(8), field(12));
        if captured > LONGEST_FRAME {
            return Err(self.damaged(16, "a frame is longer than any network's"));
        }
        let nanos = if nanoseconds { u64::from(fraction) } else { u64::from(fraction) * 1000 };
        let at = Duration::from_secs(seconds.into()) + Duration::from_nanos(nanos);
        let bytes = self.bytes(captured)?;
        Ok(Some(Frame { at, link, bytes, cut: captured < original, direction: None }))
    }

    /// Reads blocks until one is a frame.
    fn pcapng_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        loop {
            let Some(kind) = self.take::<4>()? else { return Ok(None) };
            if kind == [0x0A, 0x0D, 0x0D, 0x0A] {
                self.section()?;
                continue;
            }
            let kind = u32_at(&kind, 0, self.order);
            let length: [u8; 4] = self.take()?.ok_or(self.cut_off())?;
            let body = self.block_body(u32_at(&length, 0, self.order))?;
            let order = self.order;
            let Format::PcapNg { interfaces, last } = &mut self.format else { return Ok(None) };
            let frame = match kind {
                1 => {
                    interfaces.push(interface(&body, order));
                    continue;
                }
                2 => packet(&body, order, u16_at(&body, 0, order).into(), interfaces),
                6 => packet(&body, order, u32_at(&body, 0, order), interfaces),
                3 => simple_packet(&body, order, *last, interfaces),
                5 => {
                    self.dropped = dropped(&body, order).unwrap_or(self.dropped);
                    continue;
                }
                _ => continue,
            };
            let Some(frame) = frame else {
                return Err(
                    self.damaged(body.len() as u64 + 12, "a packet does not fit its block or its interface is missing")
                );
            };
            *last = frame.at;
            return Ok(Some(frame));
        }
    }

    /// A section header, behind its type: it sets the byte order and starts the interfaces anew.
    fn section(&mut self) -> Result<(), CaptureError> {
        let [length @ .., a, b, c, d] = self.take::<8>()?.ok_or(self.cut_off())?;
        self.order = match [a, b, c, d] {
            [0x1A, 0x2B, 0x3C, 0x4D] => Order::Big,
            [0x4D, 0x3C, 0x2B, 0x1A] => Order::Little,
            _ => return Err(self.damaged(12, "a section header has an unknown byte order")),
        };
        let length = u32_at(&length, 0, self.order);
        if length < 28 {
            return Err(self.damaged(12, "a section header is too short"));
        }
        self.block_body(length - 4)?;
        self.format = Format::PcapNg { interfaces: Vec::new(), last: Duration::ZERO };
        Ok(())
    }

    /// The body of a block: between its first two fields and the last one, which repeats the length.
    fn block_body(&mut self, length: u32) -> Result<Vec<u8>, CaptureError> {
        if length < 12 || !length.is_multiple_of(4) {
            return Err(self.damaged(8, "a block has an impossible length"));
        }
        let body = self.bytes((length - 12).min(KEPT))?;
        let rest = u64::from(length - 12 - body.len() as u32) + 4;
        let passed = io::copy(&mut self.input.by_ref().take(rest), &mut io::sink());
        let passed = passed.map_err(|source| CaptureError::Io { at: self.at, source })?;
        self.at += passed;
        if passed < rest { Err(self.cut_off()) } else { Ok(body) }
    }

    /// Exactly `N` bytes, or none at all when the file ends before the first.
    fn take<const N: usize>(&mut self) -> Result<Option<[u8; N]>, CaptureError> {
        let bytes = self.up_to(N as u32)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        bytes.try_into().map(Some).map_err(|_| self.cut_off())
    }

    fn bytes(&mut self, count: u32) -> Result<Vec<u8>, CaptureError> {
        let bytes = self.up_to(count)?;
        if bytes.len() < count as usize { Err(self.cut_off()) } else { Ok(bytes) }
    }

    fn up_to(&mut self, count: u32) -> Result<Vec<u8>, CaptureError> {
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(count.into()).read_to_end(&mut bytes);
        read.map_err(|source| CaptureError::Io { at: self.at, source })?;
        self.at += bytes.len() as u64;
        Ok(bytes)
    }

    fn cut_off(&self) -> CaptureError {
        CaptureError::CutOff { at: self.at, frames: self.frames }
    }

    /// Damage in the structure that started `back` bytes ago.
    fn damaged(&self, back: u64, what: &'static str) -> CaptureError {
        CaptureError::Damaged { at: self.at.saturating_sub(back), frames: self.frames, what }
    }
}

fn interface(body: &[u8], order: Order) -> Interface {
    let mut interface = Interface {
        link: u16_at(body, 0, order).into(),
        snap_length: u32_at(body, 4, order),
        resolution: 1_000_000,
        offset_seconds: 0,
    };
    for (code, value) in options(body.get(8..).unwrap_or_default(), order) {
        match (code, value) {
            (9, &[exponent]) => interface.resolution = resolution(exponent),
            (14, value) if value.len() == 8 => interface.offset_seconds = u64_at(value, order).cast_signed(),
            _ => {}
        }
    }
    interface
}

/// The options of a block, by code, up to their end or to the first that does not fit.
fn options(mut rest: &[u8], order: Order) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (head, behind) = rest.split_at_checked(4)?;
        let (code, length) = (u16_at(head, 0, order), usize::from(u16_at(head, 2, order)));
        let value = behind.get(..length)?;
        rest = behind.get(length.next_multiple_of(4)..).unwrap_or_default();
        (code != 0).then_some((code, value))
    })
}

/// `isb_ifdrop` of an interface statistics block.
fn dropped(body: &[u8], order: Order) -> Option<u64> {
    let option = options(body.get(12..)?, order).find(|(code, value)| *code == 5 && value.len() == 8);
    option.map(|(_, value)| u64_at(value, order))
}

/// `if_tsresol`: a negative power of ten, or of two with the top bit set.
fn resolution(exponent: u8) -> u64 {
    let base: u64 = if exponent & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(u32::from(exponent & 0x7F)).unwrap_or(1_000_000)
}

/// An enhanced packet block, or an obsolete packet block, which differs only before the timestamp.
fn packet(body: &[u8], order: Order, interface: u32, interfaces: &[Interface]) -> Option<Frame> {
    let interface = interfaces.get(interface as usize)?;
    let units = u64::from(u32_at(body, 4, order)) << 32 | u64::from(u32_at(body, 8, order));
    let (captured, original) = (u32_at(body, 12, order), u32_at(body, 16, order));
    let bytes = body.get(20..)?.get(..captured as usize)?.to_vec();
    let behind = body.get(20 + bytes.len().next_multiple_of(4)..).unwrap_or_default();
    let flags = options(behind, order).find(|(code, value)| *code == 2 && value.len() == 4);
    let direction = flags.and_then(|(_, value)| match u32_at(value, 0, order) & 3 {
        1 => Some(Direction::In),
        2 => Some(Direction::Out),
        _ => None,
    });
    let fraction = u128::from(units % interface.resolution) * 1_000_000_000 / u128::from(interface.resolution);
    let seconds = (units / interface.resolution).saturating_add_signed(interface.offset_seconds);
    let at = Duration::new(seconds, fraction as u32);
    Some(Frame { at, link: interface.link, bytes, cut: captured < original, direction })
}

/// A simple packet block has no time of its own.
fn simple_packet(body: &[u8], order: Order, at: Duration, interfaces: &[Interface]) -> Option<Frame> {
    let interface = interfaces.first()?;
    let original = u32_at(body, 0, order);
    let limit = if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
    let bytes = body.get(4..)?.get(..original.min(limit) as usize)?.to_vec();
    Some(Frame { at, link: interface.link, cut: (bytes.len() as u32) < original, bytes, direction: None })
}

/// The 16-bit number at `offset`; 0 beyond the end.
fn u16_at(bytes: &[u8], offset: usize, order: Order) -> u16 {
    let field = bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    match order {
        Order::Little => u16::from_le_bytes(field),
        Order::Big => u16::from_be_bytes(field),
    }
}

/// The 32-bit number at `offset`; 0 beyond the end.
fn u32_at(bytes: &[u8], offset: usize, order: Order) -> u32 {
    let field = bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    match order {
        Order::Little => u32::from_le_bytes(field),
        Order::Big => u32::from_be_bytes(field),
    }
}

/// The 64-bit number that `bytes` begin with; 0 when they are too short.
fn u64_at(bytes: &[u8], order: Order) -> u64 {
    let field = bytes.first_chunk().copied().unwrap_or_default();
    match order {
        Order::Little => u64::from_le_bytes(field),
        Order::Big => u64::from_be_bytes(field),
    }
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
