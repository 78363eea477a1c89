//! What comes out of bytes, line by line.
