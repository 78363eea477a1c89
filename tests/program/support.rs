//! A running service, and calls to it.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

pub fn karipass() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_karipass"));
    command.env_remove("RUST_LOG").current_dir(std::env::temp_dir());
    // a developer's own settings, and the variables that choose a test's seeds, are not this service's
    let settings = std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"KARIPASS_"));
    for (name, _) in settings {
        command.env_remove(name);
    }
    command
}

/// A folder of its own that goes away with it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("karipass-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `karipass serve` on free ports. Killed when dropped, if it has not been stopped.
pub struct Service {
    process: Child,
    /// Where it takes UDP.
    pub address: String,
    /// Where it takes TCP.
    #[allow(dead_code)] // not every test program asks
    pub tcp_address: String,
    /// Where the settings site is.
    #[allow(dead_code)] // not every test program asks
    pub site: String,
    pub db: PathBuf,
    /// Every place where it takes SIP: transport and address.
    sip: Vec<(String, String)>,
    /// Where else it listens, as it says it: objects with `listening`, `transport` and `address`.
    places: std::io::Lines<BufReader<std::process::ChildStdout>>,
    log: Arc<Mutex<String>>,
    log_reader: Option<std::thread::JoinHandle<()>>,
}

impl Service {
    pub fn demo(db: &Path) -> Service {
        Service::start(db, &["--demo"], "info")
    }

    /// On a free port of 127.0.0.1, if the flags do not say where.
    pub fn start(db: &Path, flags: &[&str], log: &str) -> Service {
        let listen: &[&str] = if flags.contains(&"--sip") { &[] } else { &["--sip", "127.0.0.1:0"] };
        Service::configured(db, &[listen, flags].concat(), log)
    }

    /// Where the flags, or the configuration that they name, say.
    pub fn configured(db: &Path, flags: &[&str], log: &str) -> Service {
        let ports: &[&str] = if flags.contains(&"--rtp-ports") { &[] } else { &["--rtp-ports", "0"] };
        let mut process = karipass()
            .args(["serve", "--json", "--site", "127.0.0.1:0", "--db"])
            .arg(db)
            .args(ports)
            .args(flags)
            .env("RUST_LOG", log)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (log, stderr) = (Arc::new(Mutex::new(String::new())), process.stderr.take().unwrap());
        let into = Arc::clone(&log);
        let log_reader = std::thread::spawn(move || {
            let mut lines = BufReader::new(stderr);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                into.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        let mut places = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut sip = Vec::new();
        let site = loop {
            let line = places.next().expect("the service says where it listens").unwrap();
            let line = serde_json::from_str::<Value>(&line).unwrap();
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            match line["listening"].as_str() {
                Some("site") => break text("address"),
                _ => sip.push((text("transport"), text("address"))),
            }
        };
        let first = |transport: &str| sip.iter().find(|(of, _)| of == transport).map(|(_, at)| at.clone());
        let (address, tcp_address) = (first("udp").unwrap_or_default(), first("tcp").unwrap_or_default());
        let db = db.to_owned();
        Service { process, address, tcp_address, site, db, sip, places, log, log_reader: Some(log_reader) }
    }

    /// Every place where it takes SIP: transport and address.
    #[allow(dead_code)] // not every test program asks
    pub fn sip(&self) -> &[(String, String)] {
        &self.sip
    }

    /// All addresses of a transport.
    #[allow(dead_code)] // not every test program asks
    pub fn all_at(&self, transport: &str) -> Vec<String> {
        self.sip.iter().filter(|(of, _)| of == transport).map(|(_, at)| at.clone()).collect()
    }

    /// The first address of a transport.
    #[allow(dead_code)] // not every test program asks
    pub fn at(&self, transport: &str) -> String {
        self.all_at(transport).remove(0)
    }

    /// Waits until these words have been logged.
    #[allow(dead_code)] // not every test program asks
    pub fn wait_for_log(&self, words: &str) {
        for _ in 0..6000 {
            if self.log.lock().unwrap().contains(words) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{words:?} is not in: {}", self.log.lock().unwrap());
    }

    /// Where it listens for this, which it says after the site.
    #[allow(dead_code)] // not every test program asks
    pub fn listening(&mut self, what: &str) -> String {
        listening(&mut self.places, "listening", what)
    }

    /// `karipass call` to it, by way of loopback.
    pub fn call(&self, flags: &[&str]) -> Command {
        let address = self.address.replace("0.0.0.0", "127.0.0.1");
        let mut command = karipass();
        command.args(["call", "--json", "--to", &format!("sip:0664806430@{address}")]).args(flags);
        command
    }

    #[allow(dead_code)] // not every test program asks
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// SIGTERM, as an init system stops it.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGHUP, as an init system has it read its files again.
    #[allow(dead_code)] // not every test program asks
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end; its exit code and its log.
    pub fn wait(mut self) -> (Option<i32>, String) {
        let code = self.process.wait().unwrap().code();
        self.log_reader.take().unwrap().join().unwrap();
        let log = self.log.lock().unwrap().clone();
        (code, log)
    }

    /// Whether it ends by itself in this time.
    #[allow(dead_code)] // not every test program asks
    pub fn ends_within(&mut self, time: std::time::Duration) -> bool {
        let started = std::time::Instant::now();
        while started.elapsed() < time {
            if self.process.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        false
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn verify(&self, unit: &str, number: &str, password: &str) -> bool {
        verify(&self.db, unit, number, password).status.success()
    }

    /// The call records, as soon as there are `count`: a record is written after the caller has had its answer.
    pub fn records(&self, count: usize) -> Vec<Value> {
        const TRIES: usize = 1000;
        for _ in 0..TRIES {
            let output = karipass().args(["calls", "--json", "--db"]).arg(&self.db).output().unwrap();
            assert!(output.status.success());
            let records = json_lines(&output);
            if records.len() >= count {
                return records;
            }
        }
        panic!("fewer than {count} call records");
    }
}

fn listening(lines: &mut impl Iterator<Item = std::io::Result<String>>, key: &str, value: &str) -> String {
    std::iter::from_fn(|| lines.next())
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
        .find(|line| line[key] == value)
        .map(|line| line["address"].as_str().unwrap().to_owned())
        .expect("the service says where it listens")
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn verify(db: &Path, unit: &str, number: &str, password: &str) -> Output {
    with_input(db, &["account", "verify", "--unit", unit, "--number", number], password)
}

/// Runs a command on a store, with this on its standard input.
pub fn with_input(db: &Path, words: &[&str], input: &str) -> Output {
    let mut process = karipass()
        .args(words)
        .arg("--db")
        .arg(db)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // it may have said no without reading
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

pub fn json_lines(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A recording of somebody who knows the way and keys quickly; a comma is a second of silence.
pub fn recording(file: &Path, keys: &str) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(file, spec).unwrap();
    for key in keys.chars() {
        let samples = match key {
            ',' => vec![0; 8000],
            key => tone(key),
        };
        samples.into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
    }
    writer.finalize().unwrap();
}

/// 80 ms of a key's two frequencies (ITU-T Q.23) and 80 ms of silence.
fn tone(key: char) -> Vec<i16> {
    let place = "123A456B789C*0#D".find(key).unwrap();
    let low = [697.0, 770.0, 852.0, 941.0][place / 4];
    let high = [1209.0, 1336.0, 1477.0, 1633.0][place % 4];
    let sine = |hz: f64, n: usize| (std::f64::consts::TAU * hz * n as f64 / 8000.0).sin() * 7000.0;
    (0..1280).map(|n| if n < 640 { (sine(low, n) + sine(high, n)) as i16 } else { 0 }).collect()
}
