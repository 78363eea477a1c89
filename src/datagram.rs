//! A datagram of a call's media, and which of its two sockets it belongs to (leaf).

use std::net::SocketAddr;

/// What a datagram carries, and so which socket it passes through (RFC 3550 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Media.
    Rtp,
    /// Reports about media.
    Rtcp,
}

/// One datagram, in or out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Datagram<B = Vec<u8>> {
    /// What it carries.
    pub kind: Kind,
    /// The far end: where it came from, or where it goes.
    pub remote: SocketAddr,
    /// Its octets.
    pub bytes: B,
}

impl<B: AsRef<[u8]>> Datagram<B> {
    /// The same datagram, borrowed.
    pub fn borrowed(&self) -> Datagram<&[u8]> {
        Datagram { kind: self.kind, remote: self.remote, bytes: self.bytes.as_ref() }
    }
}

/// Shows no octet: there may be digits in them.
impl<B: AsRef<[u8]>> std::fmt::Debug for Datagram<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}({:?}, {} bytes)", self.kind, self.remote, self.bytes.as_ref().len())
    }
}
