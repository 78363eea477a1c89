//! The other end of the line: places test calls and plays recorded audio.

pub mod ear;
