//! Recordings and captures made here, where every packet is known.
#![allow(clippy::unwrap_used)]
use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::*;
use crate::audio::g711::Law;
use crate::audio::tone::{self, dtmf};
use crate::audio::wav;
use crate::rtp::packet::Packet;

/// A capture of raw IPv4 packets, written packet by packet.
struct Wire {
    bytes: Vec<u8>,
}

const PHONE: (u8, u16) = (1, 4000);
const SERVER: (u8, u16) = (2, 10_000);

impl Wire {
    fn new() -> Wire {
        let mut bytes = vec![0xA1, 0xB2, 0xC3, 0xD4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];
        bytes.extend(101u32.to_be_bytes());
        Wire { bytes }
    }

    /// A datagram from the phone, captured `at` ms.
    fn udp(&mut self, at: u32, payload: &[u8]) {
        let length = payload.len() as u16;
        let mut ip = vec![0x45, 0];
        ip.extend((length + 28).to_be_bytes());
        ip.extend([0, 1, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, PHONE.0, 192, 0, 2, SERVER.0]);
        ip.extend(PHONE.1.to_be_bytes());
        ip.extend(SERVER.1.to_be_bytes());
        ip.extend((length + 8).to_be_bytes());
        ip.extend([0, 0]);
        ip.extend(payload);
        for field in [at / 1000, at % 1000 * 1000, ip.len() as u32, ip.len() as u32] {
            self.bytes.extend(field.to_be_bytes());
        }
        self.bytes.extend(ip);
    }

    fn rtp(&mut self, at: u32, sequence: u16, timestamp: u32, payload_type: u8, payload: &[u8]) {
        let mut bytes = Vec::new();
        let packet = Packet { marker: false, payload_type, sequence, timestamp, ssrc: 0xC0FFEE, payload };
        packet.write(&mut bytes);
        self.udp(at, &bytes);
    }

    fn audio(&mut self, samples: &[i16], mut lost: impl FnMut(usize) -> bool) {
        for (n, frame) in samples.chunks(160).enumerate().filter(|(n, _)| !lost(*n)) {
            let at = n as u32 * 20;
            self.rtp(at, 65_530u16.wrapping_add(n as u16), (at * 8).wrapping_sub(800), 0, &Law::Mu.encode_all(frame));
        }
    }

    fn decode(&self) -> Report {
        decode(self.bytes.as_slice())
    }
}

fn shown(report: &Report) -> Vec<String> {
    let show = |press: &Press| {
        let (start, length) = (press.start.as_millis(), press.length.as_millis());
        format!("{} at {start} for {length} {}", char::from(press.digit), press.source)
    };
    report.presses.iter().map(show).collect()
}

fn keyed(report: &Report) -> String {
    report.presses.iter().map(|press| char::from(press.digit)).collect()
}

fn event(wire: &mut Wire, sequence: u16, at: u32, code: u8, payload_type: u8) {
    let timestamp = at * 8;
    for n in 1..=5u16 {
        let end = if n >= 4 { 0x80 } else { 0 };
        let [high, low] = (n.min(4) * 160).to_be_bytes();
        wire.rtp(at + u32::from(n) * 20, sequence + n, timestamp, payload_type, &[code, 10 | end, high, low]);
    }
}

#[test]
fn tones_in_a_stream_are_found_over_wraps_and_losses() {
    let samples = dtmf("4815162342", &tone::Config::default()).unwrap();
    let mut wire = Wire::new();
    wire.audio(&samples, |n| n % 23 == 11);
    let report = wire.decode();
    assert_eq!(keyed(&report), "4815162342");
    for (n, press) in report.presses.iter().enumerate() {
        assert!(press.start.as_millis().abs_diff(200 * n as u128) <= 21, "digit {n}: {:?}", press.start);
    }
    let place = |(host, port)| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), port);
    assert_eq!(report.streams, [StreamId { source: place(PHONE), destination: place(SERVER), ssrc: 0xC0FFEE }]);
    assert!(report.notes.is_empty() && report.error.is_none());
}

#[test]
fn a_press_by_tone_and_event_is_one() {
    let samples = dtmf("5", &tone::Config { on_ms: 60, off_ms: 500, ..tone::Config::default() }).unwrap();
    let mut wire = Wire::new();
    // The tone for 60 ms; the event, which begins 40 ms after it, takes the place of the audio.
    for (n, frame) in samples.chunks(160).take(3).enumerate() {
        wire.rtp(n as u32 * 20, n as u16, n as u32 * 160, 0, &Law::Mu.encode_all(frame));
    }
    event(&mut wire, 2, 40, 5, 101);
    wire.rtp(160, 8, 1280, 0, &[0xFF; 160]);
    let shown = shown(&wire.decode());
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].starts_with("5 at ") && shown[0].ends_with(" both"), "{shown:?}");
}

#[test]
fn an_sdp_says_what_the_numbers_mean() {
    let samples = dtmf("29", &tone::Config::default()).unwrap();
    let mut wire = Wire::new();
    wire.udp(
        0,
        b"SIP/2.0 200 OK\r\n\r\nv=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 10000 RTP/AVP 110 98\r\na=rtpmap:110 PCMA/8000\r\na=rtpmap:98 telephone-event/8000\r\n",
    );
    for (n, frame) in samples.chunks(160).enumerate() {
        wire.rtp(n as u32 * 20, n as u16, n as u32 * 160, 110, &Law::A.encode_all(frame));
    }
    event(&mut wire, 20, 400, 11, 98);
    assert_eq!(keyed(&wire.decode()), "29#");
}

#[test]
fn a_long_pause_of_the_sender_is_passed_over() {
    let samples = dtmf("7", &tone::Config::default()).unwrap();
    let mut wire = Wire::new();
    wire.audio(&samples, |_| false);
    let day = 24 * 3600 * 1000;
    for (n, frame) in samples.chunks(160).enumerate() {
        let at = day + n as u32 * 20;
        wire.rtp(at, 4 + n as u16, (at * 8).wrapping_sub(800), 0, &Law::Mu.encode_all(frame));
    }
    let report = wire.decode();
    let starts: Vec<u128> = report.presses.iter().map(|press| press.start.as_millis()).collect();
    assert_eq!(starts.len(), 2);
    assert!(starts[0] <= 5 && starts[1].abs_diff(u128::from(day)) <= 5, "{starts:?}");
}

#[test]
fn what_is_no_media_is_no_stream() {
    let mut wire = Wire::new();
    for n in 0..50u16 {
        wire.udp(u32::from(n), &[0x80; 40]); // always the same sequence number
        wire.udp(u32::from(n), b"GET / HTTP/1.1\r\n\r\n");
        wire.udp(u32::from(n), &[0x81, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]); // RTCP
        wire.rtp(u32::from(n), n * 1000, 0, 0, &[0; 160]); // numbers all over the place
    }
    let report = wire.decode();
    assert!(report.streams.is_empty(), "{:?}", report.streams);
    assert_eq!(report.notes, ["there is no RTP stream in it: 200 frames, 200 of them UDP or TCP"]);
}

#[test]
fn codecs_that_are_not_read_are_told() {
    let mut wire = Wire::new();
    for n in 0..10u16 {
        wire.rtp(u32::from(n) * 20, n, u32::from(n) * 160, 18, &[1; 20]);
    }
    let notes = wire.decode().notes;
    assert!(notes.len() == 1 && notes[0].contains("10 packets of payload type 18 were not read"), "{notes:?}");
}

#[test]
fn four_bytes_that_say_nothing_are_no_digit() {
    let mut wire = Wire::new();
    for n in 0..10u16 {
        wire.rtp(u32::from(n) * 20, n, 0, 97, &[0; 4]);
    }
    assert_eq!(keyed(&wire.decode()), "");
}

#[test]
fn channels_are_told_apart_and_joined_in_time() {
    let config = tone::Config::default();
    let (left, right) = (dtmf("12", &config).unwrap(), dtmf("9", &tone::Config { on_ms: 250, ..config }).unwrap());
    let mut bytes = Cursor::new(Vec::new());
    wav::write(&mut bytes, 8000, &[&left, &right]).unwrap();
    let presses = decode(bytes.get_ref().as_slice()).presses;
    let found: Vec<(char, Place)> = presses.iter().map(|press| (press.digit.into(), press.place)).collect();
    assert_eq!(found.len(), 3);
    assert!(found.contains(&('9', Place::Channel(2))) && found[2] == ('2', Place::Channel(1)), "{found:?}");
}

#[test]
fn a_tone_from_the_first_to_the_last_sample_counts() {
    let samples = dtmf("3", &tone::Config { on_ms: 40, off_ms: 0, ..tone::Config::default() }).unwrap();
    let mut bytes = Cursor::new(Vec::new());
    wav::write(&mut bytes, 8000, &[&samples]).unwrap();
    let report = decode(bytes.get_ref().as_slice());
    assert_eq!(keyed(&report), "3");
    assert!(report.presses[0].start.as_millis() <= 5, "{:?}", report.presses[0].start);
    assert!(report.presses[0].length.as_millis().abs_diff(40) <= 6, "{:?}", report.presses[0].length);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 40, failure_persistence: None, ..Default::default() })]
    #[test]
    fn a_damaged_capture_never_makes_it_panic(at in 24usize..4000, patch in proptest::collection::vec(0u8.., 1..20)) {
        let mut wire = Wire::new();
        wire.audio(&dtmf("0", &tone::Config::default()).unwrap(), |_| false);
        event(&mut wire, 100, 300, 3, 101);
        let end = (at + patch.len()).min(wire.bytes.len());
        wire.bytes.splice(at.min(end)..end, patch);
        wire.decode();
    }
}
