//! The ivr room.
