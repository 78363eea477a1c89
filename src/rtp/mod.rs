//! The media room: one RTP session of one call, both directions (RFC 3550, RFC 3551, RFC 4733).
//!
//! [`session::Session`] is what a call uses: addresses, sending, reports. Its receiving half, [`inbound::Inbound`], and
//! the two ends of a keyed digit, [`telephone_event::Receiver`] and [`telephone_event::Sender`], are usable alone, as
//! when a capture is read.
//!
//! Encrypted media is decrypted on its way in and encrypted on its way out, by [`srtp`].
//!
//! Architecture invariant: there is no socket, no clock and no codec here. Datagrams come in with the time they arrived,
//! and go out as data; audio stays the bytes that the payload type says. Only `packet` knows the `rtp-rs` crate.

pub mod inbound;
pub mod jitter_buffer;
pub mod packet;
mod reception;
pub mod rtcp;
pub mod session;
mod source;
pub mod srtp;
pub mod telephone_event;
mod timeline;

/// Samples a second of every audio payload that this crate speaks (G.711, RFC 3551 §4.5.14).
pub const AUDIO_CLOCK: u32 = 8000;

/// Why bytes are not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Shorter than the fixed header, or than the header announces.
    #[error("cut off: {had} bytes")]
    Truncated {
        /// How many bytes there were.
        had: usize,
    },
    /// Not version 2: STUN, T.38 or noise.
    #[error("version {0}, not RTP version 2")]
    Version(u8),
    /// The padding is longer than what it pads, or zero.
    #[error("impossible padding of {0} bytes")]
    Padding(u8),
}

/// A time span in samples of the audio clock.
pub(crate) fn samples(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_nanos() * u128::from(AUDIO_CLOCK) / 1_000_000_000).unwrap_or(u64::MAX)
}
