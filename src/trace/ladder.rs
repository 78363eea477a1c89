//! A trace read again: its messages and streams in order. Key presses are shown, the keys are not.

use std::collections::HashMap;
use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::mask::MASKED_EVENT;
use crate::audio::capture::{Capture, CaptureError, Direction, Frame};
use crate::audio::datagram::{Datagram, datagram};
use crate::rtp::packet::Packet;
use crate::sip::message::{Message, Method};
use crate::sip::wire;

/// A stream has stopped after this much silence.
const STOPPED: Duration = Duration::from_secs(1);

/// The content of a trace.
#[derive(Debug, Default)]
pub struct Ladder {
    /// When the first message was there, since 1970.
    pub start: Duration,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// The media, one entry for each sender.
    pub streams: Vec<Stream>,
    /// How many packets the trace lacks.
    pub dropped: u64,
    /// Why it ends before its end.
    pub error: Option<CaptureError>,
}

/// One message, or a change of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Since the start, in milliseconds.
    pub at_ms: u64,
    /// `in` is to us.
    #[serde(serialize_with = "name_of")]
    pub direction: Direction,
    /// The other side.
    pub remote: SocketAddr,
    /// `UDP`, `TCP` or `TLS` of a SIP message, `RTP` of media.
    pub protocol: &'static str,
    /// In words.
    pub what: String,
}

/// The packets of one sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stream {
    /// `in` is to us.
    #[serde(serialize_with = "name_of")]
    pub direction: Direction,
    /// The other side.
    pub remote: SocketAddr,
    /// Packets in the trace.
    pub packets: u64,
    /// Telephone events, each press once.
    pub keys: u64,
    #[serde(skip)]
    state: StreamState,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct StreamState {
    last: Duration,
    /// The timestamp of the last event, and its step.
    event: Option<(u32, usize)>,
}

fn name_of<S: serde::Serializer>(direction: &Direction, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match direction {
        Direction::In => "in",
        Direction::Out => "out",
    })
}

/// Reads a trace as far as it can be read.
pub fn read(input: impl Read) -> Ladder {
    let mut reader = Reader::default();
    let mut capture = match Capture::new(input) {
        Ok(capture) => capture,
        Err(error) => return Ladder { error: Some(error), ..Ladder::default() },
    };
    loop {
        match capture.next_frame() {
            Ok(Some(frame)) => reader.frame(&frame),
            Ok(None) => break,
            Err(error) => {
                reader.ladder.error = Some(error);
                break;
            }
        }
    }
    Ladder { dropped: capture.dropped(), ..reader.ladder }
}

#[derive(Default)]
struct Reader {
    ladder: Ladder,
    started: bool,
    /// What was said already, with how often.
    said: HashMap<Vec<u8>, u32>,
    /// TCP: what has come of a message that fills several segments.
    partial: HashMap<(SocketAddr, SocketAddr), Vec<u8>>,
    secure_media: bool,
}

impl Reader {
    fn frame(&mut self, frame: &Frame) {
        let Some(direction) = frame.direction else { return };
        let Some(datagram) = datagram(frame.link, &frame.bytes) else { return };
        if !self.started {
            self.started = true;
            self.ladder.start = frame.at;
        }
        let at = frame.at.saturating_sub(self.ladder.start);
        let mut bytes = self.partial.remove(&(datagram.source, datagram.destination)).unwrap_or_default();
        bytes.extend(datagram.payload);
        match wire::parse(&bytes) {
            Ok(message) => self.sip(at, direction, &datagram, &bytes, &message),
            Err(_) if datagram.protocol == crate::audio::datagram::Protocol::Tcp => {
                self.partial.insert((datagram.source, datagram.destination), bytes);
            }
            Err(_) => self.media(at, direction, &datagram),
        }
    }

    fn sip(&mut self, at: Duration, direction: Direction, datagram: &Datagram<'_>, bytes: &[u8], message: &Message) {
        let headers = message.headers();
        let mut what = match message {
            Message::Request(request) => request.method.to_string(),
            Message::Response(response) => {
                let method = headers.cseq().map(|cseq| cseq.method.to_string()).unwrap_or_default();
                format!("{} {} ({method})", response.status, response.reason)
            }
        };
        let body = message.body();
        let is_info = matches!(message, Message::Request(request) if request.method == Method::Info);
        match headers.content_type() {
            _ if body.is_empty() => {}
            _ if is_info => what.push_str(" key •"),
            Some(kind) if kind.to_ascii_lowercase().contains("sdp") => {
                self.secure_media |= body.windows(9).any(|window| window == b"RTP/SAVP ");
                what.push_str(", SDP");
            }
            _ => what.push_str(", body"),
        }
        let times = self.said.entry(bytes.to_vec()).or_default();
        *times += 1;
        if *times > 1 {
            what.push_str(", again");
        }
        let protocol = headers.top_via().map_or("UDP", |via| match via.transport.to_ascii_uppercase().as_str() {
            "TLS" => "TLS",
            "TCP" => "TCP",
            _ => "UDP",
        });
        self.step(at, direction, datagram, protocol, what);
    }

    fn media(&mut self, at: Duration, direction: Direction, datagram: &Datagram<'_>) {
        let Ok(packet) = Packet::parse(datagram.payload) else { return };
        // RTCP (RFC 5761 §4)
        if (72..=79).contains(&packet.payload_type) {
            return;
        }
        let protocol = if self.secure_media { "SRTP" } else { "RTP" };
        let remote = remote_of(direction, datagram);
        let mut streams = self.ladder.streams.iter_mut();
        let index = match streams.position(|stream| stream.direction == direction && stream.remote == remote) {
            Some(index) => index,
            None => {
                let what = format!("{protocol} begins, {}", format_name(packet.payload_type));
                self.step(at, direction, datagram, "RTP", what);
                let state = StreamState { last: at, event: None };
                self.ladder.streams.push(Stream { direction, remote, packets: 0, keys: 0, state });
                self.ladder.streams.len() - 1
            }
        };
        let Some(stream) = self.ladder.streams.get_mut(index) else { return };
        stream.packets += 1;
        let silent = at.saturating_sub(stream.state.last);
        stream.state.last = at;
        let before = stream.state.event;
        if silent > STOPPED {
            self.step(at, direction, datagram, "RTP", format!("{protocol} again, after {:.1} s", silent.as_secs_f64()));
        }
        if let [MASKED_EVENT, _, high, low] = *packet.payload {
            let what = format!("key •, {} ms", u32::from(u16::from_be_bytes([high, low])) / 8);
            match before {
                Some((timestamp, step)) if timestamp == packet.timestamp => {
                    if let Some(step) = self.ladder.steps.get_mut(step) {
                        step.what = what;
                    }
                }
                _ => {
                    let event = Some((packet.timestamp, self.ladder.steps.len()));
                    self.step(at, direction, datagram, "RTP", what);
                    if let Some(stream) = self.ladder.streams.get_mut(index) {
                        stream.keys += 1;
                        stream.state.event = event;
                    }
                }
            }
        }
    }

    fn step(
        &mut self,
        at: Duration,
        direction: Direction,
        datagram: &Datagram<'_>,
        protocol: &'static str,
        what: String,
    ) {
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let remote = remote_of(direction, datagram);
        self.ladder.steps.push(Step { at_ms, direction, remote, protocol, what });
    }
}

fn remote_of(direction: Direction, datagram: &Datagram<'_>) -> SocketAddr {
    match direction {
        Direction::In => datagram.source,
        Direction::Out => datagram.destination,
    }
}

/// RFC 3551 §6.
fn format_name(payload_type: u8) -> String {
    match payload_type {
        0 => "PCMU".to_owned(),
        8 => "PCMA".to_owned(),
        13 => "comfort noise".to_owned(),
        other => format!("payload type {other}"),
    }
}
