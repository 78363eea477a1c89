//! `karipass decode`: the digits in a recording or capture.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::decode::{Place, Press, Report, decode};

/// Find the DTMF digits in a recording or network capture.
///
/// Reads WAV (any rate, any number of channels, 8- to 32-bit PCM, float, µ-law, A-law), pcap and pcapng. In captures, digits
/// are found in G.711 audio and in telephone events (RFC 4733). What could be read of a damaged file is printed before
/// the error. This prints what was keyed in: treat the output like the recording.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  karipass decode message.wav
  karipass decode --json call.pcapng
  tcpdump -i any -w - udp | karipass decode -

Exit status: 0 read to the end, with or without digits; 1 not a readable file, or damaged; 3 cannot be opened.")]
pub struct Args {
    /// The WAV, pcap or pcapng file; `-` is standard input
    pub file: PathBuf,
    /// Print one JSON object a line: digit, start_ms, length_ms, source, and channel or stream
    #[arg(long)]
    pub json: bool,
}

/// Prints the digits on `out` and what was wrong on `err`.
pub fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let shown = if is_stdin(args) { "standard input".to_owned() } else { args.file.display().to_string() };
    let input: Box<dyn Read> = match open(args) {
        Ok(input) => input,
        Err(error) => {
            let _ = writeln!(err, "karipass decode: {shown} cannot be opened: {error}");
            return ExitCode::from(3);
        }
    };
    let report = decode(input);
    if let Err(error) = print(args, &report, out) {
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
    if args.json {
        for press in &report.presses {
            writeln!(out, "{}", serde_json::to_string(&line(press, report))?)?;
        }
    } else {
        print_table(report, out)?;
    }
    out.flush()
}

/// A line a digit; before them the streams that have some, after them the digits of each place in one piece.
fn print_table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut places: Vec<Place> = Vec::new();
    for press in &report.presses {
        if !places.contains(&press.place) {
            places.push(press.place);
        }
    }
    for place in &places {
        if let Place::Stream(n) = place {
            let id = report.streams.get(n - 1).map(ToString::to_string).unwrap_or_default();
            writeln!(out, "{}: {id}", name(*place))?;
        }
    }
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
    for place in places {
        let digits: String =
            report.presses.iter().filter(|press| press.place == place).map(|press| char::from(press.digit)).collect();
        writeln!(out, "{}: {digits}", ["digits", &name(place)].join(" ").trim_end())?;
    }
    Ok(())
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
struct Line {
    digit: char,
    start_ms: u64,
    length_ms: u64,
    source: String,
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

fn line(press: &Press, report: &Report) -> Line {
    let (channel, stream) = match press.place {
        Place::Mono => (None, None),
        Place::Channel(n) => (Some(n), None),
        Place::Stream(n) => (None, Some(n)),
    };
    let id = stream.and_then(|n| report.streams.get(n - 1));
    Line {
        digit: press.digit.into(),
        start_ms: millis(press.start),
        length_ms: millis(press.length),
        source: press.source.to_string(),
        channel,
        stream,
        from: id.map(|id| id.source.to_string()),
        to: id.map(|id| id.destination.to_string()),
        ssrc: id.map(|id| format!("{:08x}", id.ssrc)),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from((time.as_micros() + 500) / 1000).unwrap_or(u64::MAX)
}
