//! The dtmf room.
