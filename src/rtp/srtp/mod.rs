//! Encrypted media (RFC 3711, RFC 7714), keyed by signalling (RFC 4568): datagrams are protected and unprotected in place.
//!
//! [`Srtp`] is what a session uses: both directions, RTP and RTCP. Its halves, [`Sender`] and [`Receiver`], are usable alone.
//!
//! Nothing of a packet is believed before its tag is verified: a forged, replayed or truncated one changes no state, and
//! the caller drops it. Nothing is allocated for a packet.
//!
//! Of the existing libraries, those over C code bring OpenSSL, and those in Rust allocate for each packet, and for each forged
//! SSRC; so this is written over the RustCrypto primitives.

mod cipher;
mod replay;

use crate::keying::{Keying, MasterKey};

use cipher::{Cipher, ENCRYPTED, Place, Protocol, RTCP_CLEAR};
use replay::{Replay, nearest};

/// Most sources under one key. None is ever forgotten, since its packets could be replayed.
const MOST_SOURCES: usize = 64;
/// The fixed header of RTP.
const RTP_HEADER: usize = 12;

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Too short for a header and a tag.
    #[error("cut off: {had} bytes")]
    Truncated {
        /// How many bytes there were.
        had: usize,
    },
    /// The tag is not that of this packet and this key.
    #[error("not authentic")]
    Unauthentic,
    /// It was received before, or is too old to be checked.
    #[error("replayed")]
    Replayed,
    /// More sources under one key than any telephone has.
    #[error("too many sources under one key")]
    Sources,
}

/// Both directions of a session.
pub struct Srtp {
    keying: Keying,
    sender: Sender,
    receiver: Receiver,
    /// The other end's key before this one, until the first packet under the new.
    previous: Option<Receiver>,
}

impl Srtp {
    /// With these keys.
    pub fn new(keying: Keying) -> Srtp {
        let (sender, receiver) = (Sender::new(&keying.local), Receiver::new(&keying.remote));
        Srtp { keying, sender, receiver, previous: None }
    }

    /// Another agreement. A key that stays goes on where it is; under another one everything begins anew (RFC 4568 §7.1.4).
    pub fn rekey(&mut self, keying: &Keying) {
        if keying.local != self.keying.local {
            self.sender = Sender::new(&keying.local);
        }
        if keying.remote != self.keying.remote {
            let mut receiver = Receiver::new(&keying.remote);
            receiver.rollovers = self.receiver.sources.iter().map(Source::rollover).collect();
            self.previous = Some(std::mem::replace(&mut self.receiver, receiver));
        }
        self.keying = keying.clone();
    }

    /// Encrypts an RTP packet.
    pub fn protect_rtp(&mut self, packet: &mut Vec<u8>) {
        self.sender.protect_rtp(packet);
    }

    /// Encrypts a compound RTCP packet.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) {
        self.sender.protect_rtcp(packet);
    }

    /// Decrypts an RTP packet and returns its length.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        self.unprotect(packet, Receiver::unprotect_rtp)
    }

    /// Decrypts a compound RTCP packet and returns its length.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        self.unprotect(packet, Receiver::unprotect_rtcp)
    }

    fn unprotect(
        &mut self,
        packet: &mut [u8],
        by: fn(&mut Receiver, &mut [u8]) -> Result<usize, Rejected>,
    ) -> Result<usize, Rejected> {
        let result = by(&mut self.receiver, packet);
        match (&result, &mut self.previous) {
            (Ok(_), previous) => *previous = None,
            // sent before the key changed
            (Err(_), Some(previous)) => return by(previous, packet),
            (Err(_), None) => {}
        }
        result
    }
}

/// Encrypts what we send.
pub struct Sender {
    rtp: Cipher,
    rtcp: Cipher,
    /// The last packet's source and index.
    last: Option<Place>,
    rtcp_index: u32,
}

impl Sender {
    /// With our key.
    pub fn new(key: &MasterKey) -> Sender {
        let (rtp, rtcp) = (Cipher::derive(key, Protocol::Rtp), Cipher::derive(key, Protocol::Rtcp));
        Sender { rtp, rtcp, last: None, rtcp_index: 0 }
    }

    /// Encrypts an RTP packet. Packets come in sequence; another SSRC begins anew, and never comes back to one before.
    /// What is no RTP packet becomes empty.
    pub fn protect_rtp(&mut self, packet: &mut Vec<u8>) {
        let Some(header) = Header::read(packet) else { return packet.clear() };
        let Header { sequence, ssrc, length } = header;
        let last = self.last.filter(|last| last.ssrc == ssrc);
        let index = last.and_then(|last| nearest(last.index, sequence)).unwrap_or(u64::from(sequence));
        let place = Place { ssrc, index };
        self.last = Some(Place { ssrc, index: last.map_or(index, |last| last.index.max(index)) });
        self.rtp.seal_rtp(place, packet, length);
    }

    /// Encrypts a compound RTCP packet. What is none becomes empty; so does everything after 2^31 packets, when the
    /// key is used up (RFC 3711 §9.2).
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) {
        let Some(ssrc) = rtcp_ssrc(packet).filter(|_| self.rtcp_index & ENCRYPTED == 0) else { return packet.clear() };
        self.rtcp.seal_rtcp(Place { ssrc, index: u64::from(self.rtcp_index) }, packet);
        self.rtcp_index += 1;
    }
}

/// Decrypts what the other end sends.
pub struct Receiver {
    rtp: Cipher,
    rtcp: Cipher,
    identifier: usize,
    /// Sources of which a genuine packet came.
    sources: Vec<Source>,
    /// Where the sources were under the key before: some senders count on.
    rollovers: Vec<(u32, u64)>,
}

#[derive(Clone, Copy, Default)]
struct Source {
    ssrc: u32,
    rtp: Replay,
    rtcp: Replay,
}

impl Source {
    fn rollover(&self) -> (u32, u64) {
        (self.ssrc, self.rtp.newest().unwrap_or(0) >> 16)
    }
}

impl Receiver {
    /// With the other end's key.
    pub fn new(key: &MasterKey) -> Receiver {
        Receiver {
            rtp: Cipher::derive(key, Protocol::Rtp),
            rtcp: Cipher::derive(key, Protocol::Rtcp),
            identifier: key.identifier_length(),
            sources: Vec::new(),
            rollovers: Vec::new(),
        }
    }

    /// Decrypts an RTP packet in place and returns its length. A rejected one is left as it was.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let Header { sequence, ssrc, length } =
            Header::read(packet).ok_or(Rejected::Truncated { had: packet.len() })?;
        let known = self.sources.iter().find(|source| source.ssrc == ssrc).copied();
        let replay = known.unwrap_or_default().rtp;
        let indices = self.indices(ssrc, replay, sequence);
        if !replay.is_open(indices[0]) {
            return Err(Rejected::Replayed);
        }
        for (tried, &index) in indices.iter().enumerate() {
            let new = replay.is_open(index) && !indices.iter().take(tried).any(|&before| before == index);
            let place = Place { ssrc, index };
            let opened = if new { self.rtp.open_rtp(place, packet, length, self.identifier) } else { None };
            if let Some(length) = opened {
                self.source(ssrc)?.rtp.accept(index);
                return Ok(length);
            }
        }
        Err(Rejected::Unauthentic)
    }

    /// Decrypts a compound RTCP packet in place and returns its length. A rejected one is left as it was.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let truncated = Rejected::Truncated { had: packet.len() };
        let ssrc = rtcp_ssrc(packet).ok_or(truncated)?;
        let word = self.rtcp.rtcp_word(packet, self.identifier).ok_or(truncated)?;
        let place = Place { ssrc, index: u64::from(word & !ENCRYPTED) };
        if self.sources.iter().any(|source| source.ssrc == ssrc && !source.rtcp.is_open(place.index)) {
            return Err(Rejected::Replayed);
        }
        let opened = self.rtcp.open_rtcp(place, word, packet, self.identifier);
        let length = opened.ok_or(Rejected::Unauthentic)?;
        self.source(ssrc)?.rtcp.accept(place.index);
        Ok(length)
    }

    /// What a sequence number may stand for, the likeliest first. Of a source not heard yet the rollover counter is zero;
    /// but its first packets may have been lost and the counter gone up, or it counts on under another key.
    fn indices(&self, ssrc: u32, replay: Replay, sequence: u16) -> [u64; 3] {
        let with = |rollover: u64| (rollover << 16) | u64::from(sequence);
        match replay.newest() {
            Some(newest) => {
                let rollover = newest >> 16;
                [nearest(newest, sequence).unwrap_or(with(rollover)), with(rollover), with(rollover + 1)]
            }
            None => {
                let before = self.rollovers.iter().find(|(source, _)| *source == ssrc).map(|&(_, rollover)| rollover);
                [with(0), with(before.unwrap_or(0)), with(before.unwrap_or(0) + 1)]
            }
        }
    }

    /// What is known of a source whose packet has just proved genuine.
    fn source(&mut self, ssrc: u32) -> Result<&mut Source, Rejected> {
        let position = self.sources.iter().position(|source| source.ssrc == ssrc);
        let position = match position {
            Some(position) => position,
            None if self.sources.len() < MOST_SOURCES => {
                self.sources.push(Source { ssrc, ..Source::default() });
                self.sources.len() - 1
            }
            None => return Err(Rejected::Sources),
        };
        self.sources.get_mut(position).ok_or(Rejected::Sources)
    }
}

/// What of RTP's header is needed here, which stays in clear with CSRC list and extension.
struct Header {
    sequence: u16,
    ssrc: u32,
    length: usize,
}

impl Header {
    fn read(packet: &[u8]) -> Option<Header> {
        let fixed = packet.first_chunk::<RTP_HEADER>()?;
        let [first, _, high, low, _, _, _, _, ssrc @ ..] = *fixed;
        let mut length = RTP_HEADER + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            let [.., high, low] = *packet.get(length..)?.first_chunk::<4>()?;
            length += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        }
        let whole = first >> 6 == 2 && length <= packet.len();
        whole.then_some(Header { sequence: u16::from_be_bytes([high, low]), ssrc: u32::from_be_bytes(ssrc), length })
    }
}

fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let [first, _, _, _, ssrc @ ..] = *packet.first_chunk::<RTCP_CLEAR>()?;
    (first >> 6 == 2).then_some(u32::from_be_bytes(ssrc))
}

#[cfg(test)]
mod tests;
