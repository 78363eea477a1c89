//! The audio room: telephone sound as bytes, samples, tones, files and spoken prompts.
//!
//! Architecture invariant: nothing here knows SIP, RTP, a detector or a conversation. Every part turns samples or bytes into
//! samples or bytes; files are read only where a caller hands over a folder or a reader, never on the way of a call.
//!
//! Samples are 8 kHz, mono, 16-bit linear ([`SAMPLE_RATE`]) unless stated otherwise.

pub mod capture;
pub mod datagram;
pub mod g711;
pub mod prompt;
pub mod recording;
pub mod resample;
pub mod tone;
pub mod wav;

/// Samples a second on the telephone network.
pub const SAMPLE_RATE: u32 = 8000;

/// Samples in a packet of 20 ms, the unit of everything that is sent.
pub const FRAME: usize = 160;
