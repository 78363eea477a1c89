//! Digits in recordings and captures: `audio`, `rtp` and `dtmf` meet here without a call.
//!
//! A WAV file is one source a channel, a capture one a media stream; each has its own detector. Within a stream, the same
//! press heard in-band and reported as a telephone event (RFC 4733) is one digit.
//!
//! ```
//! let recording = std::fs::File::open("fixtures/dtmf/gstreamer-dtmfsrc.wav")?;
//! let report = karipass::decode::decode(recording);
//! for press in &report.presses {
//!     println!("{} at {:.3} s, {} ms", char::from(press.digit), press.start.as_secs_f64(), press.length.as_millis());
//! }
//! assert!(report.error.is_none() && !report.presses.is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Architecture invariant: this room reads bytes and gives values; it knows no files, prints nothing, and is used by no
//! call.

mod capture;
mod formats;
mod listener;
mod merge;
mod report;
mod stream;

use std::io::{Cursor, Read};
use std::time::Duration;

use crate::audio::recording::Recording;

use listener::Listener;
pub use report::{Candidate, DecodeError, Options, Piece, Place, Press, Report, Source, StreamId, Track};

/// Finds the digits in a WAV file, pcap or pcapng, which need not be seekable.
pub fn decode(input: impl Read) -> Report {
    decode_with(input, Options::default())
}

/// The same, with options.
pub fn decode_with(mut input: impl Read, options: Options) -> Report {
    let mut start = Vec::new();
    if let Err(error) = input.by_ref().take(4).read_to_end(&mut start) {
        return Report { error: Some(error.into()), ..Report::default() };
    }
    let input = Cursor::new(start.clone()).chain(input);
    match start.as_slice() {
        b"RIFF" | b"RF64" | b"BW64" | b"RIFX" => recording(input, options),
        start if crate::audio::capture::is_capture(start) => capture::capture(input, options),
        start => Report { error: Some(unknown(start)), ..Report::default() },
    }
}

fn unknown(start: &[u8]) -> DecodeError {
    const SOX: &str = " (`sox FILE OUT.wav` makes one)";
    let (what, hint) = match start {
        [] => return DecodeError::Empty,
        [0x1F, 0x8B, ..] => ("compressed", " (`gunzip -c FILE | karipass decode -`)"),
        [0x28, 0xB5, 0x2F, 0xFD] => ("compressed", " (`zstd -dc FILE | karipass decode -`)"),
        b"OggS" => ("an Ogg file", SOX),
        b"fLaC" => ("a FLAC file", SOX),
        b".snd" => ("an AU file", SOX),
        b"FORM" => ("an AIFF file", SOX),
        [b'I', b'D', b'3', _] | [0xFF, 0xE0..=0xFF, ..] => ("an MP3 file", SOX),
        [0x34, 0xCD, 0xB2, 0xA1] | [0xA1, 0xB2, 0xCD, 0x34] => {
            ("a pcap of an old, modified kind", " (`editcap FILE OUT.pcap` makes one)")
        }
        _ => ("of an unknown kind", ""),
    };
    DecodeError::Unknown { what, hint }
}

fn recording(input: impl Read, options: Options) -> Report {
    let mut report = Report::default();
    let mut recording = match Recording::new(input) {
        Ok(recording) => recording,
        Err(error) => return Report { error: Some(error.into()), ..report },
    };
    let mut listeners: Vec<Listener> = (0..recording.channels()).map(|_| Listener::new(options)).collect();
    let mut samples = Vec::new();
    loop {
        samples.iter_mut().for_each(Vec::clear);
        match recording.read(&mut samples) {
            Ok(true) => listeners.iter_mut().zip(&samples).for_each(|(listener, samples)| listener.hear(samples)),
            Ok(false) => break,
            Err(error) => {
                report.error = Some(error.into());
                break;
            }
        }
    }
    for (n, listener) in listeners.into_iter().enumerate() {
        let place = if samples.len() > 1 { Place::Channel(n + 1) } else { Place::Mono };
        report.add(place, listener.finish(Duration::ZERO, place));
    }
    report.sort();
    let warning = recording.warnings().first().copied();
    report.error = report.error.or(warning.map(DecodeError::WavCutOff));
    report
}

#[cfg(test)]
mod tests;
