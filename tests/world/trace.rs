//! What happened, line by line, to be read when a world fails; and a print of all that was sent, to tell two runs apart.
//!
//! Lines are made only for a replay: a world that goes well leaves none.

use std::fmt::Write;

use karipass::time::Time;

/// The trace of one world.
#[derive(Default)]
pub struct Trace {
    kept: bool,
    lines: Vec<(Time, String)>,
    print: u64,
}

impl Trace {
    /// One that keeps its lines, or none.
    pub fn new(kept: bool) -> Trace {
        Trace { kept, lines: vec![], print: 0xcbf2_9ce4_8422_2325 }
    }

    /// Adds a line.
    pub fn note(&mut self, now: Time, text: impl FnOnce() -> String) {
        if self.kept {
            let text = text();
            self.mix(now, text.as_bytes());
            self.lines.push((now, text));
        }
    }

    /// Adds octets to the print.
    pub fn mix(&mut self, now: Time, octets: &[u8]) {
        if self.kept {
            let time = now.elapsed().as_nanos().to_le_bytes();
            for octet in time.iter().chain(octets) {
                self.print = (self.print ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }

    /// The same for two runs only if they sent the same octets at the same times.
    pub fn print(&self) -> u64 {
        self.print
    }

    /// All lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (at, line) in &self.lines {
            let _ = writeln!(text, "{:10.3}  {line}", at.elapsed().as_secs_f64());
        }
        text
    }
}

/// The first word of a SIP message, with its CSeq: more would show what is personal.
pub fn summary(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message.get(..message.len().min(2000)).unwrap_or_default());
    let mut words = text.split([' ', '\r']);
    let first = words.next().unwrap_or_default();
    let what = if first == "SIP/2.0" { words.next().unwrap_or_default() } else { first };
    let what: String = what.chars().take(16).filter(char::is_ascii_graphic).collect();
    format!("{what} [{}]", header(&text, "CSeq").unwrap_or_default())
}

/// The value of a header field in a message as our endpoints write it.
pub fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
