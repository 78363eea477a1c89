//! One RTP packet as bytes (RFC 3550 §5.1): the only file that names the `rtp-rs` crate.
//!
//! Padding, CSRC lists and header extensions are checked and skipped; nothing of them is kept.

use std::fmt;

use rtp_rs::{RtpPacketBuilder, RtpReader, RtpReaderError, Seq};

use super::Error;

/// The parts of a packet that this crate uses. The payload is borrowed from the datagram.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The marker bit: the first packet of a talkspurt or of an event.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number; wraps.
    pub sequence: u16,
    /// The media time of the first sample, or of the event's start; wraps.
    pub timestamp: u32,
    /// The source.
    pub ssrc: u32,
    /// The payload, without padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram. Never panics, whatever the bytes.
    pub fn parse(datagram: &'a [u8]) -> Result<Packet<'a>, Error> {
        let reader = RtpReader::new(datagram).map_err(|error| refusal(&error))?;
        Ok(Packet {
            marker: reader.mark(),
            payload_type: reader.payload_type(),
            sequence: u16::from(reader.sequence_number()),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
            payload: reader.payload(),
        })
    }

    /// Writes the packet over whatever `buffer` held.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        let builder = RtpPacketBuilder::new()
            .marked(self.marker)
            .payload_type(self.payload_type & 0x7f)
            .sequence(Seq::from(self.sequence))
            .timestamp(self.timestamp)
            .ssrc(self.ssrc)
            .payload(self.payload);
        buffer.clear();
        buffer.resize(builder.target_length(), 0);
        // cannot fail: the length is the target's, the payload type has 7 bits and there is no extension
        let written = builder.build_into(buffer).unwrap_or(0);
        buffer.truncate(written);
    }
}

// a payload may be a keyed digit or its tone
impl fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packet")
            .field("marker", &self.marker)
            .field("payload_type", &self.payload_type)
            .field("sequence", &self.sequence)
            .field("timestamp", &self.timestamp)
            .field("ssrc", &format_args!("{:08x}", self.ssrc))
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}

fn refusal(error: &RtpReaderError) -> Error {
    match *error {
        RtpReaderError::BufferTooShort(had) => Error::Truncated { had },
        RtpReaderError::HeadersTruncated { buffer_len, .. } => Error::Truncated { had: buffer_len },
        RtpReaderError::UnsupportedVersion(version) => Error::Version(version),
        RtpReaderError::PaddingLengthInvalid(length) => Error::Padding(length),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const PLAIN: [u8; 14] = [0x80, 0x80, 0xff, 0xfe, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 7, 9];

    fn with(first: u8, tail: &[u8]) -> Vec<u8> {
        [&[first], &PLAIN[1..12], tail].concat()
    }

    #[test]
    fn the_fixed_header_is_read_and_written_back() {
        let packet = Packet::parse(&PLAIN).unwrap();
        assert_eq!((packet.marker, packet.payload_type, packet.sequence), (true, 0, 0xfffe));
        assert_eq!((packet.timestamp, packet.ssrc, packet.payload), (160, 0xdead_beef, &[7, 9][..]));
        let mut buffer = vec![1; 300];
        packet.write(&mut buffer);
        assert_eq!(buffer, PLAIN);
    }

    #[test]
    fn padding_extension_and_csrc_are_skipped() {
        let padded = with(0xa0, &[7, 9, 0, 0, 3]);
        assert_eq!(Packet::parse(&padded).unwrap().payload, [7, 9]);
        let extended = with(0x90, &[0xbe, 0xde, 0, 1, 1, 2, 3, 4, 7, 9]);
        assert_eq!(Packet::parse(&extended).unwrap().payload, [7, 9]);
        let mixed = with(0x82, &[1, 1, 1, 1, 2, 2, 2, 2, 7, 9]);
        assert_eq!(Packet::parse(&mixed).unwrap().payload, [7, 9]);
        let all = with(0xb1, &[1, 1, 1, 1, 0xbe, 0xde, 0, 0, 7, 9, 1]);
        assert_eq!(Packet::parse(&all).unwrap().payload, [7, 9]);
        let only_padding = with(0xa0, &[0, 2]);
        assert!(Packet::parse(&only_padding).unwrap().payload.is_empty());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(Packet::parse(&[]), Err(Error::Truncated { had: 0 }));
        assert_eq!(Packet::parse(&PLAIN[..11]), Err(Error::Truncated { had: 11 }));
        assert_eq!(Packet::parse(&with(0x00, &[])), Err(Error::Version(0)));
        assert_eq!(Packet::parse(&with(0xa0, &[7, 0])), Err(Error::Padding(0)));
        assert_eq!(Packet::parse(&with(0xa0, &[7, 9])), Err(Error::Padding(9)));
        assert!(matches!(Packet::parse(&with(0x8f, &[0; 59])), Err(Error::Truncated { .. })));
        assert!(matches!(Packet::parse(&with(0x90, &[0, 0, 0])), Err(Error::Truncated { .. })));
        assert!(matches!(Packet::parse(&with(0x90, &[0, 0, 0xff, 0xff, 1])), Err(Error::Truncated { .. })));
    }

    #[test]
    fn no_rendering_shows_the_payload() {
        assert!(format!("{:?}", Packet::parse(&PLAIN).unwrap()).ends_with("payload: 2 bytes }"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Packet::parse(&bytes);
        }

        #[test]
        fn any_packet_comes_back(
            marker: bool, payload_type in 0_u8..128, sequence: u16, timestamp: u32, ssrc: u32,
            payload in proptest::collection::vec(any::<u8>(), 0..500),
        ) {
            let sent = Packet { marker, payload_type, sequence, timestamp, ssrc, payload: &payload };
            let mut buffer = Vec::new();
            sent.write(&mut buffer);
            prop_assert_eq!(Packet::parse(&buffer).unwrap(), sent);
        }
    }
}
