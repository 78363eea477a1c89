//! One audio stream of the other end's description, as far as we can meet it.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Attribute, Media, Session};

use super::attributes::values;
use super::crypto::{self, CryptoAttribute};
use super::{Codec, Direction, LocalMedia, MediaPlan, Mismatch, SdpError, Srtp, TelephoneEvent};
use crate::keying::Keying;

/// The packet length without a `ptime`.
const PTIME_MS: u32 = 20;

/// An audio stream that we can meet.
pub(super) struct Stream<'a> {
    session: &'a Session,
    pub(super) media: &'a Media,
    /// The keys that are taken, when it is encrypted.
    pub(super) crypto: Option<CryptoAttribute>,
    rtp: SocketAddr,
    payload_type: u8,
    codec: Codec,
}

impl<'a> Stream<'a> {
    /// Reads what must be there; what is optional and malformed counts as absent.
    pub(super) fn read(session: &'a Session, media: &'a Media, local: &LocalMedia) -> Result<Stream<'a>, SdpError> {
        let not_acceptable = |why| SdpError::NotAcceptable { why };
        let crypto = keys(media, local).map_err(not_acceptable)?;
        // the order is the other end's preference (RFC 3264 §5.1)
        let codecs = payload_types(media).filter_map(|payload_type| Some((payload_type, codec(media, payload_type)?)));
        let (payload_type, codec) = codecs.into_iter().next().ok_or(not_acceptable(Mismatch::Codec))?;
        let connection = media.connections.first().or(session.connection.as_ref());
        let connection = connection.ok_or_else(|| SdpError::Malformed { what: "no connection address".to_owned() })?;
        let address = usable(&connection.connection_address, local.rtp.ip()).map_err(not_acceptable)?;
        let rtp = SocketAddr::new(address, media.port);
        Ok(Stream { session, media, crypto, rtp, payload_type, codec })
    }

    /// What the stream means for us.
    pub(super) fn plan(&self, local: &LocalMedia) -> MediaPlan {
        let theirs = self.direction();
        // before RFC 3264 hold was an unspecified address
        let on_hold = !theirs.receives() || self.rtp.ip().is_unspecified();
        MediaPlan {
            remote_rtp: self.rtp,
            remote_rtcp: self.rtcp(),
            codec: self.codec,
            payload_type: self.payload_type,
            telephone_event: self.telephone_event(),
            ptime_ms: self.ptime(),
            direction: Direction::new(
                local.direction.sends() && !on_hold,
                local.direction.receives() && theirs.sends(),
            ),
            on_hold,
            keying: self.crypto.as_ref().and_then(|line| {
                let local = local.keys.of(line.key.suite())?.clone();
                Some(Keying { local, remote: line.key.clone() })
            }),
        }
    }

    /// The other end's direction, seen from there: of the stream, else of the session, else both ways.
    fn direction(&self) -> Direction {
        let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
        let named = |attribute: &Attribute| {
            all.into_iter().find(|direction| attribute.attribute.eq_ignore_ascii_case(direction.as_str()))
        };
        let of_media = self.media.attributes.iter().rev().find_map(named);
        of_media.or_else(|| self.session.attributes.iter().rev().find_map(named)).unwrap_or(Direction::SendRecv)
    }

    /// `a=rtcp:port` or `a=rtcp:port IN IP4 address` (RFC 3605), else the port behind RTP's.
    fn rtcp(&self) -> SocketAddr {
        let named = values(&self.media.attributes, "rtcp").next().and_then(|value| {
            let mut words = value.split_whitespace();
            let port: u16 = words.next()?.parse().ok()?;
            let address = match words.nth(2) {
                Some(address) => usable(address, self.rtp.ip()).ok()?,
                None => self.rtp.ip(),
            };
            (port != 0).then_some(SocketAddr::new(address, port))
        });
        named.unwrap_or_else(|| SocketAddr::new(self.rtp.ip(), self.rtp.port().saturating_add(1)))
    }

    /// At the codec's clock rate if there is one like that, else the first.
    fn telephone_event(&self) -> Option<TelephoneEvent> {
        let formats = payload_types(self.media).filter_map(|payload_type| {
            let (name, clock_rate, _) = rtpmap(self.media, payload_type)?;
            name.eq_ignore_ascii_case("telephone-event").then_some((payload_type, clock_rate))
        });
        let formats: Vec<(u8, u32)> = formats.filter(|&(_, clock_rate)| clock_rate != 0).collect();
        let same_rate = formats.iter().find(|&&(_, clock_rate)| clock_rate == 8000);
        let &(payload_type, clock_rate) = same_rate.or(formats.first())?;
        let fmtp = format_value(self.media, "fmtp", payload_type);
        let events = fmtp.and_then(event_mask).unwrap_or(0xffff);
        Some(TelephoneEvent { payload_type, clock_rate, events })
    }

    /// What the other end prefers, in whole steps of 10 ms between 10 and 60, and not above its maximum.
    fn ptime(&self) -> u32 {
        let millis =
            |name| values(&self.media.attributes, name).next().and_then(|value| value.trim().parse::<u32>().ok());
        let longest = millis("maxptime").unwrap_or(60).min(60);
        let wished = millis("ptime").filter(|&wished| wished != 0).unwrap_or(PTIME_MS);
        (wished.min(longest) / 10 * 10).max(10)
    }
}

/// The keys to take, if any: the transport protocol and our own setting decide.
fn keys(media: &Media, local: &LocalMedia) -> Result<Option<CryptoAttribute>, Mismatch> {
    let is = |names: [&str; 2]| names.iter().any(|name| media.proto.eq_ignore_ascii_case(name));
    let secure = is(["RTP/SAVP", "RTP/SAVPF"]);
    if !secure && !is(["RTP/AVP", "RTP/AVPF"]) {
        return Err(Mismatch::Transport);
    }
    let line = || crypto::attributes(media).find(|line| local.keys.of(line.key.suite()).is_some());
    match (local.srtp, secure) {
        (Srtp::Off, true) => Err(Mismatch::Transport),
        (Srtp::Off, false) => Ok(None),
        (Srtp::Offered | Srtp::Required, true) => line().map(Some).ok_or(Mismatch::Crypto),
        (Srtp::Offered, false) => Ok(line()),
        (Srtp::Required, false) => line().map(Some).ok_or(Mismatch::Unencrypted),
    }
}

/// A unicast address of our IP version, or the unspecified one of old holds.
fn usable(text: &str, ours: IpAddr) -> Result<IpAddr, Mismatch> {
    let address: IpAddr = text.parse().map_err(|_| Mismatch::Address)?;
    let version = |address: IpAddr| if address.is_ipv4() { 4 } else { 6 };
    match (version(address), version(ours)) {
        _ if address.is_unspecified() => Ok(address),
        _ if address.is_multicast() => Err(Mismatch::Address),
        (theirs, ours) if theirs != ours => Err(Mismatch::Family { theirs, ours }),
        _ => Ok(address),
    }
}

fn payload_types(media: &Media) -> impl Iterator<Item = u8> {
    media.fmt.split_whitespace().filter_map(|format| format.parse().ok()).filter(|&payload_type| payload_type < 128)
}

/// The codec of a payload type: by its rtpmap, else by RFC 3551's table.
fn codec(media: &Media, payload_type: u8) -> Option<Codec> {
    match rtpmap(media, payload_type) {
        Some((name, 8000, true)) => Codec::ALL.into_iter().find(|codec| name.eq_ignore_ascii_case(codec.name())),
        Some(_) => None,
        None => Codec::ALL.into_iter().find(|codec| codec.static_payload_type() == payload_type),
    }
}

/// Encoding name, clock rate, and whether it is mono.
fn rtpmap(media: &Media, payload_type: u8) -> Option<(&str, u32, bool)> {
    let mut parts = format_value(media, "rtpmap", payload_type)?.split('/').map(str::trim);
    let (name, clock_rate) = (parts.next()?, parts.next()?.parse().ok()?);
    Some((name, clock_rate, parts.next().is_none_or(|channels| channels == "1")))
}

/// The value of the attribute that starts with `payload_type` and a space.
fn format_value<'a>(media: &'a Media, name: &'static str, payload_type: u8) -> Option<&'a str> {
    values(&media.attributes, name).find_map(|value| {
        let (format, value) = value.trim().split_once([' ', '\t'])?;
        (format.parse() == Ok(payload_type)).then_some(value.trim())
    })
}

/// `0-15,66`: the events up to 16 as bits. None when nothing of it can be read.
fn event_mask(list: &str) -> Option<u32> {
    let list = list.strip_prefix("events=").unwrap_or(list);
    let ranges = list.split(',').filter_map(|range| {
        let (first, last) = range.trim().split_once('-').unwrap_or((range.trim(), range.trim()));
        Some((first.trim().parse::<u8>().ok()?, last.trim().parse::<u8>().ok()?))
    });
    let mask = |(first, last)| {
        (0..=16u8).filter(|event| (first..=last).contains(event)).fold(0, |mask, event| mask | 1 << event)
    };
    ranges.map(mask).reduce(|all: u32, one| all | one)
}
