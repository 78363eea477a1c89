//! The rtp room.
