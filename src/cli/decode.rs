//! `karipass decode`: the digits in a recording or capture.

mod explain;
mod image;
mod plot;

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::decode::{Options, Place, Press, Report, decode_with};

/// Find the DTMF digits in a recording or network capture.
///
/// Reads WAV (any rate, any number of channels, 8- to 32-bit PCM, float, µ-law, A-law), pcap and pcapng. In captures, digits
/// are found in G.711 audio and in telephone events (RFC 4733). What could be read of a damaged file is printed before
/// the error. This prints what was keyed in: treat the output like the recording, and a plot too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  karipass decode message.wav
  karipass decode --json call.pcapng
  karipass decode --explain message.wav
  karipass decode --explain --json call.pcapng | jq 'select(.taken | not)'
  karipass decode --plot message.svg message.wav
  tcpdump -i any -w - udp | karipass decode -

Exit status: 0 read to the end, with or without digits; 1 not a readable file, or damaged; 3 cannot be opened, or the plot
cannot be written.")]
pub(super) struct Args {
    /// The WAV, pcap or pcapng file; `-` is standard input
    pub file: PathBuf,
    /// Print one JSON object a line: digit, start_ms, length_ms, source, and channel or stream
    #[arg(long)]
    pub json: bool,
    /// Show each candidate: what was measured of it, and why it was taken or refused
    ///
    /// A candidate is a stretch of audio in which two tones of the pad stand out. Levels are of each tone; "off" is how far each
    /// is from its frequency; "else" is the part of the energy that is not these two tones; "unsteady" is how much amplitude and
    /// phase change every 5 ms, as a part of the power. Telephone events are listed as taken. With --json, an object a line.
    #[arg(long)]
    pub explain: bool,
    /// Draw the spectrogram from 200 to 1800 Hz with the decisions over it, and write it here as SVG
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}

/// Prints the digits on `out` and errors on `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let shown = if is_stdin(args) { "standard input".to_owned() } else { args.file.display().to_string() };
    let input: Box<dyn Read> = match open(args) {
        Ok(input) => input,
        Err(error) => {
            let _ = writeln!(err, "karipass decode: {shown} cannot be opened: {error}");
            return ExitCode::from(3);
        }
    };
    let options = Options { explain: args.explain || args.plot.is_some(), audio: args.plot.is_some() };
    let report = decode_with(input, options);
    let printed = print(args, &report, out);
    if let Some(file) = &args.plot {
        let plot = plot::plot(&report, &shown);
        if let Err(error) = std::fs::write(file, plot.svg) {
            let _ = writeln!(err, "karipass decode: the plot cannot be written to {}: {error}", file.display());
            return ExitCode::from(3);
        }
        if let Some(note) = plot.note {
            let _ = writeln!(err, "karipass decode: {}: {note}", file.display());
        }
    }
    if let Err(error) = printed {
        return pipe_closed(&error, err);
    }
    for note in &report.notes {
        let _ = writeln!(err, "karipass decode: {shown}: {note}");
    }
    match &report.error {
        None => ExitCode::SUCCESS,
        Some(error) => {
            let _ = writeln!(err, "karipass decode: {shown} cannot be read{}: {error}", so_far(&report));
            ExitCode::from(1)
        }
    }
}

fn is_stdin(args: &Args) -> bool {
    args.file.as_os_str() == "-"
}

fn open(args: &Args) -> io::Result<Box<dyn Read>> {
    if is_stdin(args) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(io::Error::other("it is a terminal; pipe a file into it"));
        }
        return Ok(Box::new(stdin.lock()));
    }
    let file = File::open(&args.file)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::other("it is a folder; name a file in it"));
    }
    Ok(Box::new(io::BufReader::with_capacity(64 * 1024, file)))
}

fn so_far(report: &Report) -> &'static str {
    if report.presses.is_empty() { "" } else { " to its end" }
}

fn pipe_closed(error: &io::Error, err: &mut dyn Write) -> ExitCode {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(err, "karipass decode: the result cannot be written: {error}");
    ExitCode::from(3)
}

fn print(args: &Args, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if args.explain && args.json {
        explain::json(report, out)?;
    } else if args.explain {
        explain::table(report, out)?;
    } else if args.json {
        for press in &report.presses {
            writeln!(out, "{}", serde_json::to_string(&row(press, report))?)?;
        }
    } else {
        print_table(report, out)?;
    }
    out.flush()
}

/// A line a digit; before them the streams with digits, after them the digits of each place in one piece.
fn print_table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    print_streams(report, out)?;
    for press in &report.presses {
        let (start, length) = (millis(press.start), millis(press.length));
        let place = name(press.place);
        writeln!(
            out,
            "{}",
            format!("{start:>8} ms {length:>6} ms  {}  {:7}  {place}", char::from(press.digit), press.source)
                .trim_end()
        )?;
    }
    print_digits(report, out)
}

/// The places in order of appearance.
fn places(report: &Report) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let candidates = report.candidates.iter().map(|candidate| candidate.place);
    for place in report.presses.iter().map(|press| press.place).chain(candidates) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn print_streams(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for place in places(report) {
        if let Place::Stream(n) = place {
            let id = report.streams.get(n - 1).map(ToString::to_string).unwrap_or_default();
            writeln!(out, "{}: {id}", name(place))?;
        }
    }
    Ok(())
}

fn print_digits(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for place in places(report) {
        let digits = digits(report, place);
        if !digits.is_empty() {
            writeln!(out, "{}: {digits}", ["digits", &name(place)].join(" ").trim_end())?;
        }
    }
    Ok(())
}

fn digits(report: &Report, place: Place) -> String {
    report.presses.iter().filter(|press| press.place == place).map(|press| char::from(press.digit)).collect()
}

fn name(place: Place) -> String {
    match place {
        Place::Mono => String::new(),
        Place::Channel(n) => format!("channel {n}"),
        Place::Stream(n) => format!("stream {n}"),
    }
}

/// A press as one line of JSON, its keys in this order.
#[derive(serde::Serialize)]
struct Row {
    digit: char,
    start_ms: u64,
    length_ms: u64,
    source: String,
    #[serde(flatten)]
    whereabouts: Whereabouts,
}

/// The channel of a recording or the stream of a capture.
#[derive(serde::Serialize)]
struct Whereabouts {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssrc: Option<String>,
}

impl Whereabouts {
    fn of(place: Place, report: &Report) -> Whereabouts {
        let (channel, stream) = match place {
            Place::Mono => (None, None),
            Place::Channel(n) => (Some(n), None),
            Place::Stream(n) => (None, Some(n)),
        };
        let id = stream.and_then(|n| report.streams.get(n - 1));
        Whereabouts {
            channel,
            stream,
            from: id.map(|id| id.source.to_string()),
            to: id.map(|id| id.destination.to_string()),
            ssrc: id.map(|id| format!("{:08x}", id.ssrc)),
        }
    }
}

fn row(press: &Press, report: &Report) -> Row {
    Row {
        digit: press.digit.into(),
        start_ms: millis(press.start),
        length_ms: millis(press.length),
        source: press.source.to_string(),
        whereabouts: Whereabouts::of(press.place, report),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from((time.as_micros() + 500) / 1000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
