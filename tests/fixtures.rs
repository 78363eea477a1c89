//! Every recording and capture of `fixtures/`, as `karipass decode` sees it, against what its manifest says is in it.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

use std::fs::File;
use std::path::{Path, PathBuf};

use karipass::decode::{Place, Press, Report, decode};
use karipass::dtmf::{Config, Detector, Event};
use karipass::internals::audio::prompt::{Bank, names_wanted};

/// A line of the manifest.
struct Fixture {
    file: String,
    digits: String,
    how: String,
    what: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dtmf")
}

fn fixtures() -> Vec<Fixture> {
    let manifest = std::fs::read_to_string(folder().join("manifest.tsv")).unwrap();
    let lines = manifest.lines().filter(|line| !line.starts_with('#'));
    let fixture = |line: &str| {
        let columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let [file, digits, how, what, command] = <[String; 5]>::try_from(columns).expect("five columns");
        assert!(!command.is_empty(), "{file}: nobody knows how it was made");
        Fixture { file, digits, how, what }
    };
    lines.map(fixture).collect()
}

fn read(file: &str) -> Report {
    decode(File::open(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}")))
}

/// The digits as the manifest writes them: each place's, with its number where the manifest gives one.
fn digits(report: &Report, numbered: bool) -> String {
    let mut places: Vec<(usize, String)> = Vec::new();
    for press in &report.presses {
        let number = match press.place {
            Place::Mono => 0,
            Place::Channel(n) | Place::Stream(n) => n,
        };
        if !places.iter().any(|(place, _)| *place == number) {
            places.push((number, String::new()));
        }
        for (_, keys) in places.iter_mut().filter(|(place, _)| *place == number) {
            keys.push(press.digit.into());
        }
    }
    places.sort();
    let shown = |(number, keys): &(usize, String)| if numbered { format!("{number}:{keys}") } else { keys.clone() };
    match places.as_slice() {
        [] => "none".to_owned(),
        places => places.iter().map(shown).collect::<Vec<_>>().join(" "),
    }
}

/// What is wrong with a fixture's report, if anything.
fn complaint(fixture: &Fixture) -> Option<String> {
    let Fixture { file, digits: wanted, how, what } = fixture;
    let report = read(file);
    let found = digits(&report, wanted.contains(':'));
    if found != *wanted {
        return Some(format!("{file} ({what}): {wanted} was keyed, {found} was found"));
    }
    if file.starts_with("../broken/") {
        let message = report.error.as_ref().map(ToString::to_string).unwrap_or_default();
        return (!message.contains(what)).then(|| format!("{file}: {what:?} is not in the message {message:?}"));
    }
    if let Some(error) = &report.error {
        return Some(format!("{file}: {error}"));
    }
    let stranger = |press: &&Press| !how.split(',').any(|how| how == press.source.to_string());
    report.presses.iter().find(stranger).map(|press| format!("{file}: a digit came {}, not {how}", press.source))
}

#[test]
fn every_fixture_has_the_digits_that_were_keyed() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 90, "only {} fixtures are left", fixtures.len());
    let complaints: Vec<String> = fixtures.iter().filter_map(complaint).collect();
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), fixtures.len(), complaints.join("\n"));
}

#[test]
fn every_file_is_in_the_manifest() {
    let known: Vec<String> = fixtures().into_iter().map(|fixture| fixture.file).collect();
    for (folder, prefix) in [(folder(), ""), (folder().join("../broken"), "../broken/")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = format!("{prefix}{}", entry.unwrap().file_name().display());
            assert!(name == "manifest.tsv" || known.contains(&name), "{name} is not in the manifest");
        }
    }
}

/// sox wrote each of the sixteen digits 100 ms long and 200 ms after the one before, at whatever rate and in whatever format.
#[test]
fn starts_and_lengths_are_right_to_a_few_milliseconds() {
    for file in [
        "sox-8k-16bit.wav",
        "sox-8k-8bit.wav",
        "sox-8k-mulaw.wav",
        "sox-8k-alaw.wav",
        "sox-11k025.wav",
        "sox-44k1-32bit.wav",
    ] {
        let report = read(file);
        assert!(report.presses.len() >= 7);
        for (n, press) in report.presses.iter().enumerate() {
            let (start, length) = (press.start.as_millis(), press.length.as_millis());
            assert!(start.abs_diff(200 + 200 * n as u128) <= 5, "{file}: digit {n} starts at {start} ms");
            assert!(length.abs_diff(100) <= 8, "{file}: digit {n} is {length} ms long");
        }
    }
}

#[test]
fn a_held_key_is_one_digit_of_its_whole_length() {
    let lengths: Vec<u128> = read("sox-long.wav").presses.iter().map(|press| press.length.as_millis()).collect();
    assert_eq!(lengths.len(), 2);
    assert!(lengths.iter().all(|length| length.abs_diff(2000) <= 10), "{lengths:?} ms");
}

/// Nothing that the service says may sound like a key to it.
#[test]
fn no_digit_is_heard_in_a_prompt() {
    let bank = Bank::builtin();
    for name in names_wanted() {
        let clip = bank.clip(name).unwrap_or_else(|| panic!("there is no prompt {name}"));
        for samples in [clip.pcm.clone(), karipass::internals::audio::g711::Law::Mu.decode_all(&clip.pcmu)] {
            let mut detector = Detector::new(&Config::default());
            detector.process(&samples);
            detector.process(&[0; 1600]);
            let heard = std::iter::from_fn(|| detector.poll()).find(|event| matches!(event, Event::Down { .. }));
            assert!(heard.is_none(), "a digit is heard in {name}");
        }
    }
}

/// Standard input gives bytes as they come; nothing may depend on how many at a time.
#[test]
fn input_may_come_a_byte_at_a_time() {
    struct Drop<R>(R);
    impl<R: std::io::Read> std::io::Read for Drop<R> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }
    for file in ["sox-96k-float32.wav", "sipp-package.pcap", "baresip-rfc4733.pcapng"] {
        let bytes = std::fs::read(folder().join(file)).unwrap();
        assert_eq!(decode(Drop(bytes.as_slice())).presses, read(file).presses, "{file}");
    }
}
