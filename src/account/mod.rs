//! The account room.
