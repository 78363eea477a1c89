//! The meaning of payload types, from the SIP that was captured with the media.
//!
//! A capture is evidence, not a conversation: this only looks for SDP bodies and takes the addresses of media from them, with
//! the payload types there. Without SIP in the capture, streams are identified by their content.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::audio::g711::Law;
use crate::rtp::inbound::EventFormat;

/// The formats that one end wants to receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// The payload type of telephone events.
    pub event: Option<EventFormat>,
    /// G.711 under an unusual payload type.
    pub audio: Option<(u8, Law)>,
}

/// The expected formats, by address.
#[derive(Default)]
pub(super) struct Formats {
    by_address: HashMap<SocketAddr, Expected>,
    /// For media through a translator of addresses, which keeps the port more often than not.
    by_port: HashMap<u16, Expected>,
}

/// Most endpoints remembered.
const MOST: usize = 100_000;

impl Formats {
    /// The formats of media to an address, if an SDP gave them.
    pub(super) fn expected(&self, destination: SocketAddr) -> Option<Expected> {
        self.by_address.get(&destination).or_else(|| self.by_port.get(&destination.port())).copied()
    }

    /// Looks for SDP in what may be a SIP message.
    pub(super) fn read(&mut self, payload: &[u8]) {
        if !payload.windows(7).take(4096).any(|window| window == b"SIP/2.0") {
            return;
        }
        let text = String::from_utf8_lossy(payload);
        let Some(body) = text.find("v=0").and_then(|start| text.get(start..)) else { return };
        if self.by_address.len() >= MOST || self.by_port.len() >= MOST {
            return;
        }
        for (address, expected) in sections(body) {
            self.by_port.insert(address.port(), expected);
            self.by_address.insert(address, expected);
        }
    }
}

/// The audio sections of an SDP.
fn sections(body: &str) -> Vec<(SocketAddr, Expected)> {
    let mut session = None;
    let mut sections: Vec<(Option<IpAddr>, u16, Expected)> = Vec::new();
    let mut in_audio = true;
    for line in body.lines() {
        let Some((kind, value)) = line.split_once('=') else { continue };
        if kind == "m" {
            in_audio = value.starts_with("audio ");
            let port = value.split(' ').nth(1).and_then(|port| port.split('/').next()?.parse().ok());
            if let (true, Some(port)) = (in_audio, port) {
                sections.push((session, port, Expected::default()));
            }
        }
        match (kind, sections.last_mut()) {
            ("c", None) => session = address(value),
            ("c", Some(section)) if in_audio => section.0 = address(value).or(section.0),
            ("a", Some(section)) if in_audio => mapping(value, &mut section.2),
            _ => {}
        }
    }
    let complete =
        |(address, port, expected): (Option<IpAddr>, u16, Expected)| Some((SocketAddr::new(address?, port), expected));
    sections.into_iter().filter_map(complete).collect()
}

fn address(connection: &str) -> Option<IpAddr> {
    connection.split_whitespace().nth(2)?.split('/').next()?.parse().ok()
}

/// `rtpmap:101 telephone-event/8000`
fn mapping(attribute: &str, expected: &mut Expected) {
    let Some((number, name)) = attribute.strip_prefix("rtpmap:").and_then(|map| map.split_once(' ')) else { return };
    let Ok(payload_type) = number.trim().parse::<u8>() else { return };
    let mut parts = name.trim().split('/');
    let (name, clock_rate) = (parts.next().unwrap_or_default(), parts.next().and_then(|rate| rate.parse().ok()));
    match name.to_ascii_lowercase().as_str() {
        "telephone-event" => {
            let found = EventFormat { payload_type, clock_rate: clock_rate.unwrap_or(8000) };
            // Events on the audio's own clock come first.
            if expected.event.is_none_or(|event| event.clock_rate != 8000) {
                expected.event = Some(found);
            }
        }
        "pcmu" if payload_type != 0 => expected.audio = Some((payload_type, Law::Mu)),
        "pcma" if payload_type != 8 => expected.audio = Some((payload_type, Law::A)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event(payload_type: u8) -> Option<EventFormat> {
        Some(EventFormat { payload_type, clock_rate: 8000 })
    }

    #[test]
    fn the_media_sections_of_an_offer_are_found() {
        let mut formats = Formats::default();
        formats.read(
            b"INVITE sip:a@b SIP/2.0\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.9\r\nc=IN IP4 192.0.2.1\r\n\
              m=audio 4000 RTP/AVP 97 0 101\r\na=rtpmap:97 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n\
              m=video 4002 RTP/AVP 101\r\na=rtpmap:101 H264/90000\r\n\
              m=audio 4004 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:120 telephone-event/48000\r\na=rtpmap:96 telephone-event/8000\r\n",
        );
        let at = |address: &str| formats.expected(address.parse().unwrap());
        assert_eq!(at("192.0.2.1:4000"), Some(Expected { event: event(101), audio: Some((97, Law::Mu)) }));
        assert_eq!(at("[2001:db8::1]:4004"), Some(Expected { event: event(96), audio: None }));
        assert_eq!(at("10.0.0.1:4000").unwrap().event, event(101), "behind a translator, by its port");
        assert_eq!(at("192.0.2.1:4002"), None);
    }

    #[test]
    fn other_payloads_tell_nothing() {
        let mut formats = Formats::default();
        for payload in [
            &b""[..],
            b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n",
            b"SIP/2.0 200 OK\r\n\r\nv=0\r\nm=audio x\r\nc=IN\r\na=rtpmap:",
        ] {
            formats.read(payload);
        }
        assert!(formats.by_address.is_empty() && formats.by_port.is_empty());
    }
}
