//! Offer and answer (RFC 3264) over session descriptions (RFC 4566): which audio, to where, and how digits come.

mod attributes;
mod crypto;
mod stream;

use std::net::{IpAddr, SocketAddr};

use crate::keying::{Keying, Keys};
use sdp_types::{Attribute, Connection, Media, MediaType, Origin, ParserError, Session, Time, TransportProto};
use stream::Stream;

/// What we bring to a negotiation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Where we receive RTP; RTCP is on the next port.
    pub rtp: SocketAddr,
    /// The session id of the `o=` line; the same for the whole call.
    pub session_id: u64,
    /// The version of the `o=` line; one more with every description that differs from the last.
    pub version: u64,
    /// The payload type we offer for telephone-event, 101 by custom. An answer takes the offer's.
    pub telephone_event_pt: u8,
    /// The clock rate we offer it with, in Hz.
    pub telephone_event_clock: u32,
    /// How much audio we offer to take in a packet, in milliseconds.
    pub ptime_ms: u32,
    /// What we would like to do.
    pub direction: Direction,
    /// Whether media is encrypted.
    pub srtp: Srtp,
    /// The keys that we would encrypt with; the same for the whole call.
    pub keys: Keys,
}

impl LocalMedia {
    /// Plain RTP both ways, 20 ms a packet, telephone-event/8000 as 101.
    pub fn new(rtp: SocketAddr, session_id: u64) -> LocalMedia {
        LocalMedia {
            rtp,
            session_id,
            version: 1,
            telephone_event_pt: 101,
            telephone_event_clock: 8000,
            ptime_ms: 20,
            direction: Direction::SendRecv,
            srtp: Srtp::Off,
            keys: Keys::default(),
        }
    }
}

/// Whether media is encrypted (SRTP, keyed by RFC 4568).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Srtp {
    /// Never: RTP/SAVP is refused, and keys beside RTP/AVP are not looked at.
    Off,
    /// When the other end can: RTP/SAVP is taken, and so are keys beside RTP/AVP, which is what telephones send for "optional". Our own
    /// offer is of that kind.
    #[default]
    Offered,
    /// Always: nothing else is taken, and our own offer is RTP/SAVP.
    Required,
}

impl Srtp {
    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Srtp::Off => "off",
            Srtp::Offered => "offered",
            Srtp::Required => "required",
        }
    }

    /// The setting of that name.
    pub fn from_name(name: &str) -> Option<Srtp> {
        [Srtp::Off, Srtp::Offered, Srtp::Required].into_iter().find(|srtp| srtp.name() == name)
    }
}

/// Which way media flows, seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    /// The direction with these two ways open.
    pub const fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether we may send.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether we receive.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

/// An audio codec, 8 kHz mono.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl Codec {
    /// Both, in the order of our preference.
    pub const ALL: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

    /// The payload type of RFC 3551.
    pub const fn static_payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The encoding name.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }
}

/// What was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPlan {
    /// Where our RTP goes; an unspecified address on the old kind of hold.
    pub remote_rtp: SocketAddr,
    /// Where our RTCP goes.
    pub remote_rtcp: SocketAddr,
    /// What is spoken.
    pub codec: Codec,
    /// The payload type that we send it with.
    pub payload_type: u8,
    /// Telephone events (RFC 4733), if both ends have them.
    pub telephone_event: Option<TelephoneEvent>,
    /// How much audio to put in a packet: 10, 20 … 60.
    pub ptime_ms: u32,
    /// Our direction.
    pub direction: Direction,
    /// The other end does not want to hear us now.
    pub on_hold: bool,
    /// The keys, when media is encrypted.
    pub keying: Option<Keying>,
}

/// The format of telephone events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// The payload type.
    pub payload_type: u8,
    /// The clock rate in Hz.
    pub clock_rate: u32,
    /// Bit n: the other end takes event n, 0 to 16.
    pub events: u32,
}

/// Why a description leads to no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// It cannot be read: 400.
    #[error("malformed session description: {what}")]
    Malformed {
        /// What is wrong, and in which line.
        what: String,
    },
    /// It can be read but not met: 488.
    #[error("session description not acceptable: {why}")]
    NotAcceptable {
        /// What we do not have in common.
        why: Mismatch,
    },
}

/// What two ends do not have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// No audio stream, or all of them with port 0.
    #[error("no audio stream")]
    NoAudio,
    /// Audio, but over something else than RTP/AVP and, where that is wanted, RTP/SAVP.
    #[error("audio not over RTP/AVP or RTP/SAVP")]
    Transport,
    /// Encrypted, but by no suite and key that we can take.
    #[error("no crypto suite in common")]
    Crypto,
    /// Not encrypted, where that is required.
    #[error("not encrypted")]
    Unencrypted,
    /// Neither PCMU nor PCMA.
    #[error("neither PCMU nor PCMA")]
    Codec,
    /// A host name or a multicast group.
    #[error("unusable connection address")]
    Address,
    /// Media is to go to another IP version than it can come from here.
    #[error("the media address is of IPv{theirs}, ours is of IPv{ours}")]
    Family {
        /// 4 or 6.
        theirs: u8,
        /// The other one.
        ours: u8,
    },
}

/// Answers `offer`: the description to send and what it means. The first audio stream that can be met is taken, all others
/// are refused with port 0 (RFC 3264 §6).
pub fn answer(offer: &[u8], local: &LocalMedia) -> Result<(String, MediaPlan), SdpError> {
    let session = read(offer)?;
    let (index, stream) = first_audio(&session, local)?;
    let plan = stream.plan(local);
    let accepted = accepted(&stream, local, &plan);
    let mut answer = describe(local, session.times.clone());
    let refused = |(at, media)| if at == index { accepted.clone() } else { refused(media) };
    answer.medias = session.medias.iter().enumerate().map(refused).collect();
    Ok((write(&answer), plan))
}

/// Our offer: PCMU, PCMA and telephone-event; with keys, unless they are not wanted.
pub fn offer(local: &LocalMedia) -> String {
    let formats = Codec::ALL.map(|codec| (codec.static_payload_type(), codec));
    let events = Some((local.telephone_event_pt, local.telephone_event_clock));
    let (proto, keys) = match local.srtp {
        Srtp::Off => ("RTP/AVP", None),
        Srtp::Offered => ("RTP/AVP", Some(&local.keys)),
        Srtp::Required => ("RTP/SAVP", Some(&local.keys)),
    };
    let crypto = (1..).zip(keys.into_iter().flat_map(Keys::iter)).map(|(tag, key)| crypto::write(tag, key)).collect();
    let mut offer = describe(local, vec![Time::new(0, 0)]);
    offer.medias = vec![audio(proto, &formats, events, local.ptime_ms, local, local.direction, crypto)];
    write(&offer)
}

/// What `answer`, to our [`offer`], means.
pub fn accept(answer: &[u8], local: &LocalMedia) -> Result<MediaPlan, SdpError> {
    let session = read(answer)?;
    let (_, stream) = first_audio(&session, local)?;
    if stream.crypto.as_ref().is_some_and(|line| !is_of_offer(line, local)) {
        return Err(SdpError::NotAcceptable { why: Mismatch::Crypto });
    }
    Ok(stream.plan(local))
}

/// What `answer` means that came when we repeated what we had described before: our own answer, mostly, whose crypto line has the other
/// end's tag and not one of ours.
pub fn refreshed(answer: &[u8], local: &LocalMedia) -> Result<MediaPlan, SdpError> {
    let session = read(answer)?;
    Ok(first_audio(&session, local)?.1.plan(local))
}

/// An answer takes one of the lines offered, and names it (RFC 4568 §5.1.3).
fn is_of_offer(line: &crypto::CryptoAttribute, local: &LocalMedia) -> bool {
    let offered = (1..).zip(local.keys.iter()).find(|(tag, _)| *tag == line.tag);
    offered.is_some_and(|(_, key)| key.suite() == line.key.suite())
}

/// Where the other end wants media first of all, as far as that is an address: by which of ours it can be met.
pub fn media_address(description: &[u8]) -> Option<IpAddr> {
    let session = read(description).ok()?;
    let mut audio = session.medias.iter().filter(|media| media.media.eq_ignore_ascii_case("audio") && media.port != 0);
    let connection = audio.next()?.connections.first().or(session.connection.as_ref())?;
    connection.connection_address.parse().ok()
}

fn read(description: &[u8]) -> Result<Session, SdpError> {
    // names in another encoding must not cost the call
    let text = String::from_utf8_lossy(description);
    Session::parse(text.as_bytes()).map_err(|error| SdpError::Malformed { what: in_words(&error) })
}

/// What is wrong, in words that are not the peer's: they go into records and logs.
fn in_words(error: &ParserError) -> String {
    // all others name a line and a field
    if let ParserError::InvalidVersion(line, _) = error {
        return format!("Invalid version at line {line}");
    }
    error.to_string()
}

/// The first audio stream that we can meet; if there is none, what is wrong with the one that came closest.
fn first_audio<'a>(session: &'a Session, local: &LocalMedia) -> Result<(usize, Stream<'a>), SdpError> {
    let mut closest = SdpError::NotAcceptable { why: Mismatch::NoAudio };
    for (index, media) in session.medias.iter().enumerate() {
        if !media.media.eq_ignore_ascii_case("audio") || media.port == 0 {
            continue;
        }
        match Stream::read(session, media, local) {
            Ok(stream) => return Ok((index, stream)),
            Err(error) => closest = error,
        }
    }
    Err(closest)
}

fn describe(local: &LocalMedia, times: Vec<Time>) -> Session {
    let origin = Origin::with_ip_addr(local.session_id, local.version, local.rtp.ip());
    let mut session = Session::new(origin, "-");
    session.connection = Some(Connection::from_ip_addr(local.rtp.ip()));
    session.times = times;
    session
}

fn accepted(stream: &Stream<'_>, local: &LocalMedia, plan: &MediaPlan) -> Media {
    let formats = [(plan.payload_type, plan.codec)];
    let events = plan.telephone_event.map(|event| (event.payload_type, event.clock_rate));
    let key = plan.keying.as_ref().map(|keying| &keying.local);
    let crypto = stream.crypto.iter().zip(key).map(|(line, key)| crypto::write(line.tag, key)).collect();
    audio(&stream.media.proto, &formats, events, plan.ptime_ms, local, plan.direction, crypto)
}

/// Port 0, and of the rest just what the syntax asks for.
fn refused(offered: &Media) -> Media {
    let mut media = Media::new(MediaType::Audio, 0, TransportProto::RtpAvp, &offered.fmt);
    media.media.clone_from(&offered.media);
    media.proto.clone_from(&offered.proto);
    media
}

fn audio(
    proto: &str,
    formats: &[(u8, Codec)],
    events: Option<(u8, u32)>,
    ptime_ms: u32,
    local: &LocalMedia,
    direction: Direction,
    crypto: Vec<String>,
) -> Media {
    let payload_types =
        formats.iter().map(|&(payload_type, _)| payload_type).chain(events.map(|(payload_type, _)| payload_type));
    let payload_types: Vec<String> = payload_types.map(|payload_type| payload_type.to_string()).collect();
    let mut media = Media::new(MediaType::Audio, local.rtp.port(), TransportProto::RtpAvp, payload_types.join(" "));
    proto.clone_into(&mut media.proto);
    let mut add = |name: &str, value: String| media.attributes.push(Attribute::with_value(name, value));
    for (payload_type, codec) in formats {
        add("rtpmap", format!("{payload_type} {}/8000", codec.name()));
    }
    if let Some((payload_type, clock_rate)) = events {
        add("rtpmap", format!("{payload_type} telephone-event/{clock_rate}"));
        // we say what we take, whatever the other end takes (RFC 4733 §2.4.1)
        add("fmtp", format!("{payload_type} 0-15"));
    }
    add("ptime", ptime_ms.to_string());
    crypto.into_iter().for_each(|line| add("crypto", line));
    media.attributes.push(Attribute::new(direction.as_str()));
    media
}

fn write(session: &Session) -> String {
    let mut bytes = Vec::new();
    // writing to a vector cannot fail
    let _ = session.write(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod srtp_tests;
#[cfg(test)]
mod tests;
