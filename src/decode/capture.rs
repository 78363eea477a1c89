//! A capture's frames, sorted into media streams.

use std::collections::HashMap;
use std::io::Read;
use std::time::Duration;

use super::formats::Formats;
use super::report::{Options, Place, Report, StreamId};
use super::stream::Stream;
use crate::audio::capture::Capture;
use crate::audio::datagram::{self, Datagram, Protocol, datagram};
use crate::rtp::packet::Packet;
use crate::time::Time;

/// Most SSRCs examined. With more, the capture is an attack or not of telephony.
const MOST_STREAMS: usize = 20_000;
/// A packet counts as the next of a stream when its number is at most this much higher.
const NEAR: u16 = 50;

/// Finds the digits in a capture.
pub(super) fn capture(input: impl Read, options: Options) -> Report {
    let mut streams = Streams { options, ..Streams::default() };
    let error = streams.read(input).err();
    let mut report = streams.finish();
    report.error = error.map(Into::into);
    report
}

/// A possible stream: its first packet waits for a second one that fits.
enum Candidate {
    Waiting { at: Time, sequence: u16, first: Vec<u8> },
    Stream(usize),
}

#[derive(Default)]
struct Streams {
    options: Options,
    formats: Formats,
    candidates: HashMap<StreamId, Candidate>,
    streams: Vec<(StreamId, Stream)>,
    /// When the first frame was captured, and the latest.
    start: Option<Duration>,
    now: Time,
    frames: u64,
    datagrams: u64,
    cut: u64,
    unknown_link: Option<u32>,
    too_many: bool,
}

impl Streams {
    fn read(&mut self, input: impl Read) -> Result<(), crate::audio::capture::CaptureError> {
        let mut capture = Capture::new(input)?;
        while let Some(frame) = capture.next_frame()? {
            self.frames += 1;
            let start = *self.start.get_or_insert(frame.at);
            // Frames of several interfaces may be slightly out of order.
            self.now = self.now.max(Time::after_start(frame.at.saturating_sub(start)));
            if !datagram::is_known(frame.link) {
                self.unknown_link = Some(frame.link);
            }
            if let Some(datagram) = datagram(frame.link, &frame.bytes) {
                self.datagrams += 1;
                self.take(&datagram);
            }
        }
        Ok(())
    }

    fn take(&mut self, datagram: &Datagram<'_>) {
        self.formats.read(datagram.payload);
        let Datagram { protocol: Protocol::Udp, source, destination, payload, cut } = *datagram else { return };
        let Some(packet) = media(payload) else { return };
        self.cut += u64::from(cut);
        let id = StreamId { source, destination, ssrc: packet.ssrc };
        let full = self.candidates.len() >= MOST_STREAMS;
        match self.candidates.get_mut(&id) {
            Some(Candidate::Stream(n)) => {
                if let Some((_, stream)) = self.streams.get_mut(*n) {
                    stream.receive(self.now, &packet);
                }
            }
            Some(Candidate::Waiting { at, sequence, first }) => {
                let step = packet.sequence.wrapping_sub(*sequence);
                if (1..=NEAR).contains(&step) || step > u16::MAX - NEAR {
                    let (at, first) = (*at, std::mem::take(first));
                    self.begin(id, at, &first, &packet);
                } else {
                    (*at, *sequence, *first) = (self.now, packet.sequence, payload.to_vec());
                }
            }
            None if full => self.too_many = true,
            None => {
                let waiting = Candidate::Waiting { at: self.now, sequence: packet.sequence, first: payload.to_vec() };
                self.candidates.insert(id, waiting);
            }
        }
    }

    fn begin(&mut self, id: StreamId, at: Time, first: &[u8], second: &Packet<'_>) {
        let mut stream = Stream::new(self.formats.expected(id.destination), self.options);
        if let Some(first) = media(first) {
            stream.receive(at, &first);
        }
        stream.receive(self.now, second);
        self.candidates.insert(id, Candidate::Stream(self.streams.len()));
        self.streams.push((id, stream));
    }

    fn finish(self) -> Report {
        let mut report = Report { notes: self.notes(), ..Report::default() };
        for (n, (id, stream)) in self.streams.into_iter().enumerate() {
            report.streams.push(id);
            let place = Place::Stream(n + 1);
            report.add(place, stream.finish(self.now, place));
        }
        report.sort();
        report
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(link) = self.unknown_link {
            notes.push(format!("frames of link type {link} were skipped; supported are {}", datagram::LINKS));
        }
        if self.cut > 0 {
            let cut = self.cut;
            notes.push(format!("{cut} media packets were captured only in part; capture with `tcpdump -s 0`"));
        }
        if self.too_many {
            notes.push(format!("there are more than {MOST_STREAMS} streams; the rest was skipped"));
        }
        for (n, (id, stream)) in self.streams.iter().enumerate() {
            let n = n + 1;
            for (payload_type, count) in stream.unknown_types() {
                notes.push(format!(
                    "stream {n} ({id}): {count} packets of payload type {payload_type} were not read (not G.711)"
                ));
            }
        }
        if self.streams.is_empty() {
            let (frames, datagrams) = (self.frames, self.datagrams);
            notes.push(format!("there is no RTP stream in it: {frames} frames, {datagrams} of them UDP or TCP"));
        }
        notes
    }
}

/// The RTP packet in a payload; none for RTCP (RFC 5761 §4) and everything else.
fn media(payload: &[u8]) -> Option<Packet<'_>> {
    let packet = Packet::parse(payload).ok()?;
    let is_rtcp = (72..=79).contains(&packet.payload_type);
    (!is_rtcp && !packet.payload.is_empty()).then_some(packet)
}
