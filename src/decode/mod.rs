//! Digits out of recordings and captures: where `audio`, `rtp` and `dtmf` meet when nobody is on the line.
//!
//! A WAV file is one source a channel, a capture one a media stream; each has its own detector. Within a stream, the same
//! press heard in-band and told as a telephone event (RFC 4733) is one digit.
//!
//! Architecture invariant: this room reads bytes and gives values; it knows no files, prints nothing, and is used by no
//! call.

mod capture;
mod formats;
mod listener;
mod merge;
mod stream;

use std::fmt;
use std::io::{self, Cursor, Read};
use std::net::SocketAddr;
use std::time::Duration;

use crate::audio::SAMPLE_RATE;
use crate::audio::capture::CaptureError;
use crate::audio::recording::Recording;
use crate::audio::wav::WavError;
use crate::dtmf::{Digit, Explanation};

use listener::{Found, Listener};

/// How a digit reached the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// As tones in the audio.
    InBand,
    /// As telephone events.
    Rfc4733,
    /// As both.
    Both,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Source::InBand => "in-band",
            Source::Rfc4733 => "rfc4733",
            Source::Both => "both",
        })
    }
}

/// Where in the input a digit was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The only channel of a recording.
    Mono,
    /// A channel of a recording with several, from 1.
    Channel(usize),
    /// A media stream of a capture, from 1 in order of appearance: an index into [`Report::streams`], plus one.
    Stream(usize),
}

/// One press of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    /// The key.
    pub digit: Digit,
    /// When it went down, since the start of the recording or the first frame of the capture.
    pub start: Duration,
    /// How long it was held.
    pub length: Duration,
    /// How it was sent.
    pub source: Source,
    /// Where it was.
    pub place: Place,
}

/// One media stream of a capture: packets of one sender (SSRC) from one address to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// Where it was sent from.
    pub source: SocketAddr,
    /// Where it was sent to.
    pub destination: SocketAddr,
    /// The sender's synchronisation source.
    pub ssrc: u32,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {} ssrc {:08x}", self.source, self.destination, self.ssrc)
    }
}

/// A stretch of audio that was looked at: what was measured of it, and what was decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// When its tones set in.
    pub start: Duration,
    /// How long they lasted: of a digit to its end, else as far as they were measured.
    pub length: Duration,
    /// Where it was.
    pub place: Place,
    /// The measurements and the decision; its positions are those of the detector, not of the recording.
    pub explanation: Explanation,
}

/// The audio of one place.
#[derive(Debug)]
pub struct Track {
    /// Where it was.
    pub place: Place,
    /// What there is of it, in order.
    pub pieces: Vec<Piece>,
}

/// Audio without a gap, 8 kHz.
#[derive(Debug)]
pub struct Piece {
    /// When it begins.
    pub start: Duration,
    /// Its samples.
    pub samples: Vec<i16>,
}

/// What is wanted besides digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// [`Report::candidates`]
    pub explain: bool,
    /// [`Report::tracks`]: the first hour of each
    pub audio: bool,
}

/// What was found, as far as it could be read.
#[derive(Debug, Default)]
pub struct Report {
    /// The digits in order of time.
    pub presses: Vec<Press>,
    /// What was taken for a digit in the audio, and what was not, in order of time; if wanted.
    pub candidates: Vec<Candidate>,
    /// The audio of each place, if wanted.
    pub tracks: Vec<Track>,
    /// The media streams of a capture.
    pub streams: Vec<StreamId>,
    /// What was odd, in words.
    pub notes: Vec<String>,
    /// Why the input was not read to its end.
    pub error: Option<DecodeError>,
}

/// Why an input cannot be read (any further).
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is neither a WAV file nor a capture.
    #[error("it is {what}; wanted is a WAV file, a pcap or a pcapng{hint}")]
    Unknown {
        /// What it seems to be.
        what: &'static str,
        /// How to make it readable, if that is known.
        hint: &'static str,
    },
    /// The WAV file cannot be read.
    #[error(transparent)]
    Wav(#[from] WavError),
    /// The WAV file ends before it should; what is there was read.
    #[error("{0}; copy or record it again for the rest")]
    WavCutOff(crate::audio::wav::Warning),
    /// The capture cannot be read (any further).
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
}

impl Report {
    fn add(&mut self, place: Place, mut found: Found) {
        self.presses.append(&mut found.presses);
        self.candidates.append(&mut found.candidates);
        if !found.pieces.is_empty() {
            self.tracks.push(Track { place, pieces: found.pieces });
        }
    }

    fn sort(&mut self) {
        self.presses.sort_by_key(|press| press.start);
        self.candidates.sort_by_key(|candidate| candidate.start);
    }
}

/// Finds the digits in a WAV file, pcap or pcapng, which need not be seekable.
pub fn decode(input: impl Read) -> Report {
    decode_with(input, Options::default())
}

/// The same, and what else is wanted.
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

fn time_of(samples: u64) -> Duration {
    Duration::from_micros(samples.saturating_mul(1_000_000 / u64::from(SAMPLE_RATE)))
}

#[cfg(test)]
mod tests;
