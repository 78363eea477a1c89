//! Offer and answer (RFC 3264) over session descriptions (RFC 4566).

use std::net::SocketAddr;

/// What we bring to a negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Where we receive RTP; RTCP is on the next port.
    pub rtp: SocketAddr,
    /// The session id of the `o=` line; the same for the whole call.
    pub session_id: u64,
    /// The version of the `o=` line; one more with every description that differs from the last.
    pub version: u64,
    /// The payload type we offer for telephone-event, 101 by custom.
    pub telephone_event_pt: u8,
    /// What we would like to do.
    pub direction: Direction,
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

/// An audio codec, 8 kHz mono.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaPlan {
    /// Where our RTP goes.
    pub remote_rtp: SocketAddr,
    /// Where our RTCP goes.
    pub remote_rtcp: SocketAddr,
    /// What is spoken.
    pub codec: Codec,
    /// The payload type that we send it with.
    pub payload_type: u8,
    /// Telephone events (RFC 4733), if both ends have them.
    pub telephone_event: Option<TelephoneEvent>,
    /// How much audio we put in a packet.
    pub ptime_ms: u32,
    /// Our direction.
    pub direction: Direction,
    /// The other end does not want to hear us now.
    pub on_hold: bool,
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
        /// What is wrong.
        what: &'static str,
    },
    /// It can be read but not met: 488.
    #[error("session description not acceptable: {why}")]
    NotAcceptable {
        /// What we do not have in common.
        why: &'static str,
    },
}

/// Answers `offer`: the description to send and what it means.
pub fn answer(_offer: &[u8], _local: &LocalMedia) -> Result<(String, MediaPlan), SdpError> {
    Err(SdpError::Malformed { what: "empty" })
}

/// Our offer.
pub fn offer(_local: &LocalMedia) -> String {
    String::new()
}

/// What `answer`, to our offer, means.
pub fn accept(_answer: &[u8], _local: &LocalMedia) -> Result<MediaPlan, SdpError> {
    Err(SdpError::Malformed { what: "empty" })
}
