//! RTCP for two parties (RFC 3550 §6): compound reports, written and read, and their schedule.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use super::reception::Counts;
use crate::time::Time;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const CNAME: u8 = 1;

/// The sender information of a report (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// When this was sent, as 32.32 bit seconds.
    pub ntp: u64,
    /// The same instant as an RTP timestamp.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// A report block: the reception of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The counts.
    pub counts: Counts,
    /// The middle 32 bits of the last sender report's NTP time; 0 for none.
    pub last_report: u32,
    /// The time since its reception, in 65536ths of a second.
    pub delay: u32,
}

/// One compound packet to be written.
#[derive(Debug)]
pub struct Compound<'a> {
    /// Our source.
    pub ssrc: u32,
    /// Our name, the same for the whole call.
    pub cname: &'a str,
    /// Present if we sent lately: makes it a sender report.
    pub sender: Option<SenderInfo>,
    /// Present if we received lately.
    pub block: Option<Block>,
    /// Whether we leave.
    pub bye: bool,
}

impl Compound<'_> {
    /// Writes SR or RR, SDES and, when leaving, BYE over whatever `buffer` held.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        self.write_report(buffer);
        self.write_description(buffer);
        if self.bye {
            let start = open(buffer, 1, GOODBYE, self.ssrc);
            close(buffer, start);
        }
    }

    fn write_report(&self, buffer: &mut Vec<u8>) {
        let kind = if self.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
        let start = open(buffer, u8::from(self.block.is_some()), kind, self.ssrc);
        if let Some(info) = &self.sender {
            buffer.extend(info.ntp.to_be_bytes());
            buffer.extend([info.timestamp, info.packets, info.octets].map(u32::to_be_bytes).as_flattened());
        }
        if let Some(Block { counts, last_report, delay }) = &self.block {
            let lost = (u32::from(counts.fraction_lost) << 24) | (counts.lost as u32 & 0x00ff_ffff);
            let words = [counts.ssrc, lost, counts.highest, counts.jitter, *last_report, *delay];
            buffer.extend(words.map(u32::to_be_bytes).as_flattened());
        }
        close(buffer, start);
    }

    fn write_description(&self, buffer: &mut Vec<u8>) {
        let start = open(buffer, 1, SOURCE_DESCRIPTION, self.ssrc);
        let name = self.cname.as_bytes();
        let name = name.get(..255).unwrap_or(name);
        buffer.extend([CNAME, name.len() as u8]);
        buffer.extend(name);
        // the list ends with at least one zero, on a word boundary (§6.5)
        buffer.resize((buffer.len() - start) / 4 * 4 + 4 + start, 0);
        close(buffer, start);
    }
}

fn open(buffer: &mut Vec<u8>, count: u8, kind: u8, ssrc: u32) -> usize {
    let start = buffer.len();
    buffer.extend([0x80 | count, kind, 0, 0]);
    buffer.extend(ssrc.to_be_bytes());
    start
}

fn close(buffer: &mut [u8], start: usize) {
    let words = (buffer.len() - start) / 4 - 1;
    if let Some(length) = buffer.get_mut(start + 2..start + 4) {
        length.copy_from_slice(&(words as u16).to_be_bytes());
    }
}

/// One packet of a received compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// SR, or RR when there is no sender.
    Report {
        /// The reporting source.
        ssrc: u32,
        /// Its sender information.
        sender: Option<SenderInfo>,
        /// Its report blocks.
        blocks: Blocks<'a>,
    },
    /// SDES: the description of a source.
    Description {
        /// The first source.
        ssrc: u32,
        /// Its CNAME.
        cname: &'a [u8],
    },
    /// BYE: the sources leave.
    Goodbye {
        /// The first source, if any is named.
        ssrc: Option<u32>,
    },
    /// APP, feedback and any other type.
    Other {
        /// The packet type.
        kind: u8,
    },
}

/// The report blocks of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [u8]);

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let (ssrc, fraction_lost) = (word(&mut self.0)?, *self.0.first()?);
        // sign-extend 24 bits
        let lost = (word(&mut self.0)? << 8) as i32 >> 8;
        let (highest, jitter) = (word(&mut self.0)?, word(&mut self.0)?);
        let counts = Counts { ssrc, fraction_lost, lost, highest, jitter };
        Some(Block { counts, last_report: word(&mut self.0)?, delay: word(&mut self.0)? })
    }
}

/// The packets of a datagram, up to the first that is broken. None when it is not RTCP at all. Never panics.
pub fn parse(datagram: &[u8]) -> Option<impl Iterator<Item = Packet<'_>>> {
    let mut rest = datagram;
    is_rtcp(datagram).then(|| std::iter::from_fn(move || parse_one(&mut rest)))
}

/// Whether a datagram is RTCP rather than RTP (RFC 5761 §4). Reduced-size packets (RFC 5506) begin with any type.
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

fn parse_one<'a>(rest: &mut &'a [u8]) -> Option<Packet<'a>> {
    let [first, kind, high, low] = *rest.first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([high, low])) * 4 + 4;
    let (whole, after) = rest.split_at_checked(length)?;
    *rest = after;
    let mut body = whole.get(4..)?;
    if first & 0x20 != 0 {
        let padding = usize::from(*body.last()?);
        body = body.get(..body.len().checked_sub(padding)?)?;
    }
    (first >> 6 == 2).then_some(())?;
    Some(match kind {
        SENDER_REPORT | RECEIVER_REPORT => parse_report(usize::from(first & 0x1f), kind == SENDER_REPORT, body)?,
        SOURCE_DESCRIPTION if first & 0x1f > 0 => parse_description(body)?,
        GOODBYE if first & 0x1f == 0 => Packet::Goodbye { ssrc: None },
        GOODBYE => Packet::Goodbye { ssrc: Some(word(&mut body)?) },
        _ => Packet::Other { kind },
    })
}

fn parse_report(count: usize, sends: bool, mut body: &[u8]) -> Option<Packet<'_>> {
    let ssrc = word(&mut body)?;
    let sender = match sends {
        true => Some(SenderInfo {
            ntp: (u64::from(word(&mut body)?) << 32) | u64::from(word(&mut body)?),
            timestamp: word(&mut body)?,
            packets: word(&mut body)?,
            octets: word(&mut body)?,
        }),
        false => None,
    };
    Some(Packet::Report { ssrc, sender, blocks: Blocks(body.get(..count * 24)?) })
}

fn parse_description(mut body: &[u8]) -> Option<Packet<'_>> {
    let ssrc = word(&mut body)?;
    while let [kind, length, rest @ ..] = body
        && *kind != 0
    {
        let (text, after) = rest.split_at_checked(usize::from(*length))?;
        if *kind == CNAME {
            return Some(Packet::Description { ssrc, cname: text });
        }
        body = after;
    }
    Some(Packet::Description { ssrc, cname: &[] })
}

fn word(bytes: &mut &[u8]) -> Option<u32> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_be_bytes(*word))
}

/// An instant as an NTP timestamp: seconds since the start of [`Time`], which RFC 3550 §6.4.1 allows in place of the
/// wall clock. The time zero is written as one 2^-32 s, since 0 means none.
pub fn ntp(now: Time) -> u64 {
    let elapsed = now.elapsed();
    let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
    ((elapsed.as_secs() << 32) | fraction).max(1)
}

/// The middle 32 bits of an NTP timestamp: seconds as 16.16 bits.
pub fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// When reports are due: RFC 3550 §6.3, for two parties and a share of bandwidth that reports never reach, so that only
/// the minimum interval counts.
pub struct Schedule {
    random: StdRng,
    next: Time,
}

/// The minimum interval (§6.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// Makes up for timer reconsideration converging below the intended mean (§6.3.1: e − 3/2).
const COMPENSATION: f64 = 1.218_28;

impl Schedule {
    /// The first report comes after half the interval.
    pub fn new(now: Time, seed: u64) -> Schedule {
        let mut schedule = Schedule { random: StdRng::seed_from_u64(seed), next: Time::MAX };
        schedule.next = now + schedule.draw(INTERVAL / 2);
        schedule
    }

    /// When the next report is due.
    pub fn next(&self) -> Time {
        self.next
    }

    /// Whether a report is due now. If so, the next is scheduled.
    pub fn is_due(&mut self, now: Time) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + self.draw(INTERVAL);
        }
        due
    }

    /// No more reports.
    pub fn stop(&mut self) {
        self.next = Time::MAX;
    }

    fn draw(&mut self, interval: Duration) -> Duration {
        interval.mul_f64(self.random.random_range(0.5..1.5) / COMPENSATION)
    }
}

#[cfg(test)]
mod tests;
