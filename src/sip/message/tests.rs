//! The message model, without a byte on the wire.
