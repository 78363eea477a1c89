//! Keyed digits as named events in RTP (RFC 4733): the payload, its [`Receiver`] and its [`Sender`].
//!
//! Architecture invariant: no rendering shows which digit an event is.

mod receiver;
mod sender;

use std::fmt;

pub use receiver::{Change, Receiver};
pub use sender::{Sender, Step};

/// The longest duration of one payload; a longer press continues in a new segment (RFC 4733 §2.5.1.3).
pub const SEGMENT: u32 = 0xffff;
/// Event codes up to this are read: 0 to 9, `*`, `#`, A to D, and flash (RFC 4733 §3.2).
pub const LAST_CODE: u8 = 16;

/// One event report: the four bytes of RFC 4733 §2.3.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Which event: 0 to 9, 10 `*`, 11 `#`, 12 to 15 A to D, 16 flash.
    pub code: u8,
    /// Whether the event is over.
    pub end: bool,
    /// The tone's level as dBm0 without its sign, 0 to 63. Meaningless to a receiver of digits.
    pub volume: u8,
    /// The duration of the event so far, in units of the payload's clock.
    pub duration: u16,
}

impl Report {
    /// The reports in a payload with the offset of each from the packet's timestamp. There is nearly always one; more
    /// follow each other in time (RFC 4733 §2.5.1.5). The list ends at bytes that do not look like a report.
    pub fn all(payload: &[u8]) -> impl Iterator<Item = (u32, Report)> {
        let mut offset = 0_u32;
        let mut open = true;
        payload.as_chunks::<4>().0.iter().enumerate().map_while(move |(index, bytes)| {
            let report = Report::from(*bytes);
            // only bytes that can be nothing else: some senders leave rubbish after the first
            let sensible = index == 0 || (report.code <= LAST_CODE && report.duration > 0 && bytes[1] & 0x40 == 0);
            let here = (open && sensible).then_some((offset, report));
            open = report.end && report.duration > 0;
            offset = offset.wrapping_add(u32::from(report.duration));
            here
        })
    }

    /// The four bytes.
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, (u8::from(self.end) << 7) | (self.volume & 0x3f), high, low]
    }
}

impl From<[u8; 4]> for Report {
    fn from([code, flags, high, low]: [u8; 4]) -> Report {
        Report { code, end: flags & 0x80 != 0, volume: flags & 0x3f, duration: u16::from_be_bytes([high, low]) }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.end { ", end" } else { "" };
        write!(f, "Report(•, {} long{end})", self.duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_that_of_rfc_4733() {
        let report = Report { code: 11, end: true, volume: 10, duration: 400 };
        assert_eq!(report.to_bytes(), [0x0b, 0x8a, 0x01, 0x90]);
        assert!(Report::from([0x0b, 0xca, 0x01, 0x90]) == report, "the reserved bit is ignored");
        assert_eq!(format!("{report:?}"), "Report(•, 400 long, end)");
    }

    #[test]
    fn several_reports_follow_each_other_in_time() {
        let payload = [1, 0x80, 0x03, 0x20, 2, 0x80, 0x01, 0x90, 3, 0, 0, 160];
        let all: Vec<_> = Report::all(&payload).map(|(offset, report)| (offset, report.code)).collect();
        assert_eq!(all, [(0, 1), (800, 2), (1200, 3)]);
    }

    #[test]
    fn rubbish_behind_a_report_is_no_digit() {
        let codes = |payload: &[u8]| Report::all(payload).map(|(_, report)| report.code).collect::<Vec<_>>();
        assert_eq!(codes(&[1, 0x80, 0x03, 0x20, 0, 0, 0, 0]), [1]);
        assert_eq!(codes(&[1, 0x80, 0x03, 0x20, 2, 0]), [1]);
        assert_eq!(codes(&[1, 0, 0x03, 0x20, 2, 0, 0, 160]), [1], "the first is not over");
        assert!(codes(&[1, 0x80, 0x03]).is_empty());
    }
}
