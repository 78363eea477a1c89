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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::audio::tone::{self, dtmf};
    use crate::audio::wav;

    /// A file in the folder for temporary files that goes away with its value.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str, bytes: &[u8]) -> Temporary {
            let path = std::env::temp_dir().join(format!("karipass-decode-{}-{name}", std::process::id()));
            std::fs::write(&path, bytes).unwrap();
            Temporary(path)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn stereo() -> Vec<u8> {
        let samples = dtmf("42", &tone::Config::default()).unwrap();
        let mut bytes = io::Cursor::new(Vec::new());
        wav::write(&mut bytes, 8000, &[&vec![0; samples.len()], &samples]).unwrap();
        bytes.into_inner()
    }

    fn run_on(file: &std::path::Path, json: bool) -> (ExitCode, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&Args { file: file.to_owned(), json }, &mut out, &mut err);
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn digits_are_printed_with_start_length_source_and_channel() {
        let file = Temporary::new("table.wav", &stereo());
        let (code, out, err) = run_on(&file.0, false);
        assert_eq!((code, err.as_str()), (ExitCode::SUCCESS, ""));
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].ends_with(" ms  4  in-band  channel 2"), "{out}");
        assert_eq!(lines[2], "digits channel 2: 42");
    }

    #[test]
    fn json_is_one_object_a_line() {
        let file = Temporary::new("json.wav", &stereo());
        let (_, out, _) = run_on(&file.0, true);
        assert_eq!(out.lines().count(), 2);
        let line: serde_json::Value = serde_json::from_str(out.lines().nth(1).unwrap()).unwrap();
        assert_eq!((&line["digit"], &line["source"], &line["channel"]), (&"2".into(), &"in-band".into(), &2.into()));
        assert!(
            line["start_ms"].as_u64().unwrap().abs_diff(200) <= 5
                && line["length_ms"].as_u64().unwrap().abs_diff(100) <= 8
        );
    }

    #[test]
    fn what_cannot_be_opened_exits_with_3() {
        let (code, out, err) = run_on(std::path::Path::new("no/such/file.wav"), false);
        assert_eq!((code, out.as_str()), (ExitCode::from(3), ""));
        assert!(err.contains("no/such/file.wav cannot be opened"), "{err}");
        let (code, _, err) = run_on(&std::env::temp_dir(), false);
        assert!(code == ExitCode::from(3) && err.contains("it is a folder"), "{err}");
    }

    #[test]
    fn a_damaged_file_gives_what_is_there_and_exits_with_1() {
        let bytes = stereo();
        let file = Temporary::new("cut.wav", &bytes[..44 + 4 * 1600]);
        let (code, out, err) = run_on(&file.0, false);
        assert!(code == ExitCode::from(1) && out.ends_with("digits channel 2: 4\n"), "{out}");
        assert!(err.contains("cannot be read to its end: the file is cut off: its header promises"), "{err}");
    }
}
