//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, with one interface of raw IP packets.

use std::time::Duration;

use crate::audio::capture::Direction;

/// LINKTYPE_RAW: the packet begins with its IP header.
const RAW_IP: u16 = 101;
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;

/// Option codes, each meant for its block.
const END: u16 = 0;
const APPLICATION: u16 = 4;
const NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const FLAGS: u16 = 2;
const DROPPED: u16 = 5;

/// What a file begins with.
pub(super) fn header() -> Vec<u8> {
    let mut file = Vec::new();
    // byte-order magic, version 1.0, length of the section unknown
    let mut section = [&0x1A2B_3C4D_u32.to_le_bytes()[..], &1u16.to_le_bytes(), &[0; 2], &[0xFF; 8]].concat();
    option(&mut section, APPLICATION, concat!("karipass ", env!("CARGO_PKG_VERSION")).as_bytes());
    option(&mut section, END, &[]);
    block(&mut file, SECTION, &section);
    let mut interface = [&RAW_IP.to_le_bytes()[..], &[0; 2], &0u32.to_le_bytes()].concat();
    option(&mut interface, NAME, b"karipass: keys and audio masked");
    option(&mut interface, RESOLUTION, &[6]);
    option(&mut interface, END, &[]);
    block(&mut file, INTERFACE, &interface);
    file
}

/// A packet, `at` since 1970.
pub(super) fn packet(file: &mut Vec<u8>, at: Duration, direction: Direction, bytes: &[u8]) {
    let mut body = Vec::with_capacity(bytes.len() + 36);
    body.extend(0u32.to_le_bytes());
    body.extend(time(at));
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    body.extend(length);
    body.extend(length);
    body.extend(bytes);
    pad(&mut body);
    let flags: u32 = match direction {
        Direction::In => 1,
        Direction::Out => 2,
    };
    option(&mut body, FLAGS, &flags.to_le_bytes());
    option(&mut body, END, &[]);
    block(file, PACKET, &body);
}

/// How many packets are missing from the file, as of `at`.
pub(super) fn statistics(file: &mut Vec<u8>, at: Duration, dropped: u64) {
    let mut body = [&0u32.to_le_bytes()[..], &time(at)].concat();
    option(&mut body, DROPPED, &dropped.to_le_bytes());
    option(&mut body, END, &[]);
    block(file, STATISTICS, &body);
}

fn time(at: Duration) -> [u8; 8] {
    let micros = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
    let [a, b, c, d, e, f, g, h] = micros.to_le_bytes();
    // the upper half comes first
    [e, f, g, h, a, b, c, d]
}

fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = u32::try_from(body.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
    file.extend(kind.to_le_bytes());
    file.extend(length);
    file.extend(body);
    file.extend(length);
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]
    use super::*;
    use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
    use pcap_file::pcapng::blocks::interface_statistics::InterfaceStatisticsOption;
    use pcap_file::pcapng::{Block, PcapNgReader};

    /// Read by another reader, whose pages of the specification are the same.
    #[test]
    fn another_reader_reads_what_is_written() {
        let mut file = header();
        let at = Duration::new(1_780_000_000, 123_456_000);
        packet(&mut file, at, Direction::In, &[0x45; 21]);
        packet(&mut file, at, Direction::Out, &[0x45; 24]);
        statistics(&mut file, at, 7);
        let mut reader = PcapNgReader::new(file.as_slice()).unwrap();
        let (mut packets, mut dropped) = (vec![], None);
        while let Some(block) = reader.next_block() {
            match block.unwrap() {
                Block::EnhancedPacket(packet) => {
                    let flags = packet.options.iter().find_map(|option| match option {
                        EnhancedPacketOption::Flags(flags) => Some(*flags),
                        _ => None,
                    });
                    packets.push((packet.data.len(), flags));
                }
                Block::InterfaceStatistics(statistics) => {
                    dropped = statistics.options.iter().find_map(|option| match option {
                        InterfaceStatisticsOption::IsbIfDrop(dropped) => Some(*dropped),
                        _ => None,
                    });
                }
                _ => {}
            }
        }
        assert_eq!((packets, dropped), (vec![(21, Some(1)), (24, Some(2))], Some(7)));
        assert_eq!(reader.interfaces().len(), 1);
    }

    #[test]
    fn our_own_reader_has_the_time_too() {
        let mut file = header();
        let at = Duration::new(1_780_000_000, 123_456_000);
        packet(&mut file, at, Direction::In, b"E");
        let mut capture = crate::audio::capture::Capture::new(file.as_slice()).unwrap();
        let frame = capture.next_frame().unwrap().unwrap();
        assert_eq!((frame.at, frame.link, frame.bytes), (at, 101, b"E".to_vec()));
        assert_eq!(frame.direction, Some(Direction::In));
        statistics(&mut file, at, 7);
        let mut capture = crate::audio::capture::Capture::new(file.as_slice()).unwrap();
        while capture.next_frame().unwrap().is_some() {}
        assert_eq!(capture.dropped(), 7);
    }
}
