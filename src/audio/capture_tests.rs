//! Captures written by pcap-file, and blocks written by hand.
#![allow(clippy::unwrap_used)]
use std::borrow::Cow;

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::{DataLink, Endianness, TsResolution};

use super::*;

const AT: Duration = Duration::new(1_700_000_000, 123_456_000);

fn pcap(endianness: Endianness, ts_resolution: TsResolution) -> Vec<u8> {
    let header = PcapHeader { endianness, ts_resolution, datalink: DataLink::LINUX_SLL2, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    writer.write_packet(&PcapPacket::new(AT, 3, &[1, 2, 3])).unwrap();
    writer.write_packet(&PcapPacket::new(AT, 9, &[4, 5])).unwrap();
    writer.into_writer()
}

fn pcapng(endianness: Endianness, options: Vec<InterfaceDescriptionOption<'static>>, units: u64) -> Vec<u8> {
    let mut writer = PcapNgWriter::with_endianness(Vec::new(), endianness).unwrap();
    let interface = InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: 65_535, options };
    writer.write_pcapng_block(interface).unwrap();
    let packet = EnhancedPacketBlock {
        interface_id: 0,
        // The writer stores nanoseconds as units, whatever the interface says.
        timestamp: Duration::from_nanos(units),
        original_len: 5,
        data: Cow::Borrowed(&[1, 2, 3, 4, 5]),
        options: Vec::new(),
    };
    writer.write_pcapng_block(packet).unwrap();
    writer.into_inner()
}

fn frames(bytes: &[u8]) -> Result<Vec<Frame>, CaptureError> {
    let mut capture = Capture::new(bytes)?;
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame()? {
        frames.push(frame);
    }
    Ok(frames)
}

#[test]
fn pcap_is_read_in_either_byte_order_and_resolution() {
    for endianness in [Endianness::Little, Endianness::Big] {
        for resolution in [TsResolution::MicroSecond, TsResolution::NanoSecond] {
            let read = frames(&pcap(endianness, resolution)).unwrap();
            assert_eq!(read[0], Frame { at: AT, link: 276, bytes: vec![1, 2, 3], cut: false, direction: None });
            assert_eq!(read[1], Frame { at: AT, link: 276, bytes: vec![4, 5], cut: true, direction: None });
        }
    }
}

#[test]
fn pcapng_times_follow_the_interface() {
    let options = [
        (vec![], 1_700_000_000_123_456),
        (vec![InterfaceDescriptionOption::IfTsResol(9)], 1_700_000_000_123_456_000),
        (
            vec![InterfaceDescriptionOption::IfTsResol(6), InterfaceDescriptionOption::IfTsOffset(1_000_000_000)],
            700_000_000_123_456,
        ),
    ];
    for (options, units) in options {
        for endianness in [Endianness::Little, Endianness::Big] {
            let read = frames(&pcapng(endianness, options.clone(), units)).unwrap();
            assert_eq!(
                read,
                [Frame { at: AT, link: 1, bytes: vec![1, 2, 3, 4, 5], cut: false, direction: None }],
                "{options:?}"
            );
        }
    }
    let binary =
        pcapng(Endianness::Little, vec![InterfaceDescriptionOption::IfTsResol(0x80 | 10)], 1_700_000_000 << 10 | 512);
    assert_eq!(frames(&binary).unwrap()[0].at, Duration::from_millis(1_700_000_000_500));
}

/// A little-endian block.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 12).to_le_bytes();
    [&kind.to_le_bytes(), &length, body, &length].concat()
}

fn section() -> Vec<u8> {
    block(0x0A0D_0D0A, &[0x4D, 0x3C, 0x2B, 0x1A, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255])
}

#[test]
fn options_without_an_end_and_unknown_blocks_are_no_obstacle() {
    let interface = block(1, &[1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0]);
    let simple = block(3, &[2, 0, 0, 0, 7, 8, 0, 0]);
    let bytes = [section(), block(0x0BAD, &[0; 400_000]), interface, block(10, &[1, 2, 3, 4]), simple].concat();
    assert_eq!(
        frames(&bytes).unwrap(),
        [Frame { at: Duration::ZERO, link: 1, bytes: vec![7, 8], cut: false, direction: None }]
    );
}

#[test]
fn a_second_section_starts_its_interfaces_anew() {
    let interface = |link| block(1, &[link, 0, 0, 0, 0, 0, 4, 0]);
    let simple = block(3, &[1, 0, 0, 0, 7, 0, 0, 0]);
    let bytes = [section(), interface(1), simple.clone(), section(), interface(101), simple].concat();
    assert_eq!(frames(&bytes).unwrap().iter().map(|frame| frame.link).collect::<Vec<_>>(), [1, 101]);
}

#[test]
fn a_cut_capture_gives_its_whole_frames_and_then_says_where() {
    let bytes = pcap(Endianness::Little, TsResolution::MicroSecond);
    let mut capture = Capture::new(&bytes[..bytes.len() - 1]).unwrap();
    assert!(capture.next_frame().unwrap().is_some());
    let error = capture.next_frame().unwrap_err().to_string();
    assert!(error.contains("cut off at byte 60, after 1 whole frames"), "{error}");
    let bytes = pcapng(Endianness::Big, vec![], 0);
    for end in 4..bytes.len() {
        match frames(&bytes[..end]) {
            Ok(read) => assert!(read.is_empty(), "at {end}"),
            Err(error) => assert!(matches!(error, CaptureError::CutOff { .. }), "at {end}: {error}"),
        }
    }
}

#[test]
fn lengths_that_lie_are_refused_before_they_cost_memory() {
    let mut bytes = pcap(Endianness::Little, TsResolution::MicroSecond);
    bytes[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = frames(&bytes).unwrap_err().to_string();
    assert!(error.contains("damaged at byte 24, after 0 whole frames: a frame is longer"), "{error}");
    let lying = [section(), 6u32.to_le_bytes().to_vec(), 0x7FFF_FFFCu32.to_le_bytes().to_vec(), vec![0; 64]].concat();
    assert!(matches!(frames(&lying), Err(CaptureError::CutOff { .. })));
    let unaligned = [section(), block(6, &[0; 5])].concat();
    assert!(frames(&unaligned).unwrap_err().to_string().contains("damaged at byte 28"));
    let no_interface = [section(), block(6, &[0; 20])].concat();
    assert!(frames(&no_interface).unwrap_err().to_string().contains("interface is missing"));
    assert!(matches!(frames(b"GIF89a"), Err(CaptureError::NotCapture)));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(at in 0usize..200, patch in proptest::collection::vec(0u8.., 1..8), big in 0..2u8) {
        let endianness = if big == 1 { Endianness::Big } else { Endianness::Little };
        for mut bytes in [pcapng(endianness, vec![InterfaceDescriptionOption::IfTsResol(9)], 77), pcap(endianness, TsResolution::NanoSecond)] {
            let at = at.min(bytes.len());
            let end = (at + patch.len()).min(bytes.len());
            bytes.splice(at..end, patch.iter().copied());
            let _ = frames(&bytes);
        }
    }
}
