//! What is printed and written, for good and bad files.
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
    let code = run(&Args { file: file.to_owned(), json, explain: false, plot: None }, &mut out, &mut err);
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
        line["start_ms"].as_u64().unwrap().abs_diff(200) <= 5 && line["length_ms"].as_u64().unwrap().abs_diff(100) <= 8
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

/// Runs on a fixture: exit code, stdout, stderr.
fn explain(file: &str, more: impl FnOnce(&mut Args)) -> (ExitCode, String, String) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dtmf").join(file);
    let mut args = Args { file, json: false, explain: true, plot: None };
    more(&mut args);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&args, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn objects(out: &str) -> Vec<serde_json::Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_taken_digit_is_shown_with_what_was_measured() {
    let (code, out, err) = explain("spandsp-twist-low.wav", |_| ());
    assert_eq!((code, err.as_str()), (ExitCode::SUCCESS, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("twist") && lines[0].contains("unsteady"), "{out}");
    let (twist, _) = lines[1].split_once(" dB ").unwrap();
    let twist: f64 = twist.split_whitespace().last().unwrap().parse().unwrap();
    assert!((twist - 8.0).abs() < 0.1 && lines[1].ends_with("taken: in-band"), "{}", lines[1]);
    assert_eq!(lines.last(), Some(&"digits: 0123456789*#ABCD"));
    assert_eq!(lines.len(), 18);
}

#[test]
fn a_refusal_names_the_measurement_and_the_limit() {
    for (file, key, measured, reason) in [
        ("sox-twist-16.wav", "twist_db", 16.0..16.1, "refused: twist, the low tone may be 9.5 dB stronger"),
        ("sox-too-short.wav", "length_ms", 19.0..21.0, "refused: too short, 31.5 ms are needed"),
    ] {
        let (_, out, _) = explain(file, |_| ());
        assert!(out.lines().skip(1).all(|line| line.ends_with(reason)), "{file}\n{out}");
        let (_, out, _) = explain(file, |args| args.json = true);
        assert!(!out.is_empty());
        for object in objects(&out) {
            assert_eq!((&object["taken"], &object["limit_of"]), (&false.into(), &key.into()), "{object}");
            assert!(object["limit"].is_number());
        }
        let found =
            objects(&out).iter().filter(|object| measured.contains(&object[key].as_f64().unwrap().abs())).count();
        assert!(found > 1, "{out}");
    }
}

/// A closer look must show the same digits.
#[test]
fn explaining_changes_no_digit() {
    for file in ["sox-over-speech.wav", "sox-48k-24bit-stereo.wav", "lost-5-percent.pcapng", "gstreamer-gateway.pcapng"]
    {
        let keys = |out: &str| -> Vec<(String, String)> {
            let objects = objects(out);
            let taken = objects.iter().filter(|object| object["taken"] != false);
            taken.map(|object| (object["digit"].to_string(), object["source"].to_string())).collect()
        };
        let (_, plain, _) = explain(file, |args| (args.explain, args.json) = (false, true));
        let (_, explained, _) = explain(file, |args| args.json = true);
        assert_eq!(keys(&plain), keys(&explained), "{file}");
    }
}

#[test]
fn telephone_events_are_listed_as_taken() {
    let (_, out, _) = explain("linphone.pcapng", |_| ());
    assert_eq!(out.lines().filter(|line| line.ends_with("taken: rfc4733  stream 1")).count(), 5, "{out}");
    let (_, out, _) = explain("linphone.pcapng", |args| args.json = true);
    let told = objects(&out).pop().unwrap();
    assert_eq!((&told["taken"], &told["source"], &told["stream"]), (&true.into(), &"rfc4733".into(), &1.into()));
    assert!(told.get("twist_db").is_none(), "nothing was measured");
}

/// A plot of a fixture.
fn plotted(file: &str) -> String {
    let target = Temporary::new(&format!("{file}.svg"), b"");
    let (code, out, err) = explain(file, |args| (args.explain, args.plot) = (false, Some(target.0.clone())));
    assert_eq!((code, err.as_str()), (ExitCode::SUCCESS, ""), "{out}");
    std::fs::read_to_string(&target.0).unwrap()
}

fn count(svg: &str, what: &str) -> usize {
    svg.matches(what).count()
}

#[test]
fn a_plot_has_the_tones_the_digits_and_the_refusals() {
    let svg = plotted("sox-noise-14-db.wav");
    for tone in [697, 770, 852, 941, 1209, 1336, 1477, 1633] {
        assert!(svg.contains(&format!(">{tone}</text>")), "{tone} Hz");
    }
    assert_eq!(count(&svg, "class=\"d taken\""), 16);
    assert!(svg.contains("16 digits taken, 0 candidates refused") && svg.contains("data:image/png;base64,iVBORw0KGgo"));
    assert!(svg.len() < 100_000, "{} bytes for a strip", svg.len());
    let svg = plotted("sox-twist-16.wav");
    assert_eq!((count(&svg, "class=\"d taken\""), count(&svg, ": twist +16 dB</text>")), (0, 3));
}

#[test]
fn every_channel_and_stream_has_its_strip() {
    let svg = plotted("sox-48k-24bit-stereo.wav");
    assert!(svg.contains(">channel 1 · digits 481516<") && svg.contains(">channel 2 · digits 2342<"));
    let svg = plotted("two-calls.pcapng");
    assert!(svg.contains("digits 48151623<") && svg.contains("&gt; 127.0.0.1"), "addresses are escaped");
}

#[test]
fn a_long_recording_is_limited_to_where_something_happened() {
    let digit = dtmf("5", &tone::Config::default()).unwrap();
    let mut samples = vec![0i16; 400 * 8000];
    samples.splice(350 * 8000..350 * 8000, digit);
    let mut bytes = io::Cursor::new(Vec::new());
    wav::write(&mut bytes, 8000, &[&samples]).unwrap();
    let file = Temporary::new("long.wav", &bytes.into_inner());
    let target = Temporary::new("long.svg", b"");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = Args { file: file.0.clone(), json: false, explain: false, plot: Some(target.0.clone()) };
    assert_eq!(run(&args, &mut out, &mut err), ExitCode::SUCCESS);
    assert!(String::from_utf8(err).unwrap().contains("limited to 1 of 67 strips of 6 s"));
    let svg = std::fs::read_to_string(&target.0).unwrap();
    assert!(count(&svg, "<image") == 1 && count(&svg, "class=\"d taken\"") == 1 && svg.contains("limited to 1 of 67"));
}

#[test]
fn a_plot_that_cannot_be_written_exits_with_3_after_the_digits() {
    let target = PathBuf::from("no/such/folder/plot.svg");
    let (code, out, err) = explain("sox-8k-16bit.wav", |args| (args.explain, args.plot) = (false, Some(target)));
    assert_eq!(code, ExitCode::from(3));
    assert!(out.ends_with("digits: 0123456789*#ABCD\n"));
    assert!(err.contains("the plot cannot be written to no/such/folder/plot.svg: "), "{err}");
}
