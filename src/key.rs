//! The keys of a telephone (leaf): one type for what the receiver hears, telephone events and INFO report, the conversation
//! takes and a caller presses.
//!
//! Architecture invariant: a character becomes a key where text is read (an argument, a body) and nowhere further in.
//! `Debug` does not show which key it is.

pub use karipass_dtmf::Digit as Key;
