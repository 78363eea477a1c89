//! What was found in an input, in the input's own times, and why it could not be read.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::audio::capture::CaptureError;
use crate::audio::wav::WavError;
use crate::dtmf::Explanation;
use crate::key::Key;

/// The way by which a digit reached the recording.
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

/// The place of a digit in the input.
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
    pub digit: Key,
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

/// A stretch of audio that was examined, with measurements and decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// When its tones set in.
    pub start: Duration,
    /// Their length: of a digit to its end, otherwise as far as it was measured.
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
    /// Its pieces, in order.
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

/// Results wanted besides the digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// [`Report::candidates`]
    pub explain: bool,
    /// [`Report::tracks`]: the first hour of each
    pub audio: bool,
}

/// What was found in the readable part of the input.
#[derive(Debug, Default)]
pub struct Report {
    /// The digits in order of time.
    pub presses: Vec<Press>,
    /// Accepted and refused candidates in the audio, in order of time; if wanted.
    pub candidates: Vec<Candidate>,
    /// The audio of each place, if wanted.
    pub tracks: Vec<Track>,
    /// The media streams of a capture.
    pub streams: Vec<StreamId>,
    /// Oddities, in words.
    pub notes: Vec<String>,
    /// Why the input was not read to its end.
    pub error: Option<DecodeError>,
}

/// Why an input cannot be read (any further).
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The input is empty.
    #[error("it is empty")]
    Empty,
    /// It is neither a WAV file nor a capture.
    #[error("it is {what}, not a WAV file, a pcap or a pcapng{hint}")]
    Unknown {
        /// Its likely format.
        what: &'static str,
        /// A way to make it readable, if one is known.
        hint: &'static str,
    },
    /// The WAV file cannot be read.
    #[error(transparent)]
    Wav(#[from] WavError),
    /// The WAV file is cut off; the existing part was read.
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
    pub(super) fn add(&mut self, place: Place, mut found: Found) {
        self.presses.append(&mut found.presses);
        self.candidates.append(&mut found.candidates);
        if !found.pieces.is_empty() {
            self.tracks.push(Track { place, pieces: found.pieces });
        }
    }

    pub(super) fn sort(&mut self) {
        self.presses.sort_by_key(|press| press.start);
        self.candidates.sort_by_key(|candidate| candidate.start);
    }
}

/// What was found in a source.
#[derive(Default)]
pub(super) struct Found {
    pub(super) presses: Vec<Press>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) pieces: Vec<Piece>,
}

impl Found {
    /// Adds what was found later.
    pub(super) fn append(&mut self, mut later: Found) {
        self.presses.append(&mut later.presses);
        self.candidates.append(&mut later.candidates);
        self.pieces.append(&mut later.pieces);
    }
}
