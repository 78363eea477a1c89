//! What happened, line by line, to be read when a test fails; and a print of every byte sent, to tell two runs apart.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use karipass::time::Time;

use super::network::{Datagram, Fate, Kind, Network, Side};

/// The trace of one call.
#[derive(Default)]
pub struct Trace {
    lines: Vec<(Time, String)>,
    print: DefaultHasher,
}

impl Trace {
    pub fn note(&mut self, now: Time, text: impl Into<String>) {
        let text = text.into();
        (now, &text).hash(&mut self.print);
        self.lines.push((now, text));
    }

    /// Lines that contain `text`.
    pub fn find(&self, text: &str) -> Vec<Time> {
        self.lines.iter().filter(|(_, line)| line.contains(text)).map(|(at, _)| *at).collect()
    }

    /// A number that is the same for two runs only if they sent the same bytes at the same times.
    pub fn fingerprint(&self) -> u64 {
        self.print.finish()
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for (at, line) in &self.lines {
            let _ = writeln!(text, "{:10.3}  {line}", at.elapsed().as_secs_f64());
        }
        text
    }
}

/// An end's way out: to the network, and into the trace.
pub struct Outlet<'a> {
    pub now: Time,
    pub from: Side,
    pub network: &'a mut Network,
    pub trace: &'a mut Trace,
}

impl Outlet<'_> {
    pub fn send(&mut self, datagram: Datagram) {
        (self.now, datagram.kind, datagram.to, &datagram.bytes).hash(&mut self.trace.print);
        let what = (datagram.kind == Kind::Sip).then(|| summary(&datagram.bytes));
        let fate = self.network.send(self.now, self.from, datagram);
        if let Some(what) = what {
            let way = match self.from {
                Side::Phone => "phone ──▶ service",
                Side::Service => "phone ◀── service",
            };
            self.trace.note(self.now, format!("{way}  {what}{}", told(fate)));
        }
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.trace.note(self.now, text);
    }
}

fn told(fate: Fate) -> String {
    let ms = |time: Duration| time.as_millis();
    match fate {
        Fate::Arrives(after) => format!("  ({} ms)", ms(after)),
        Fate::Twice(one, two) => format!("  ({} and again {} ms)", ms(one), ms(two)),
        Fate::Lost => "  (lost)".to_owned(),
    }
}

/// A request's method or a response's status, with the CSeq.
fn summary(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split(' ');
    let first = words.next().unwrap_or_default();
    let what = if first == "SIP/2.0" { words.next().unwrap_or_default() } else { first };
    let cseq = text.lines().find_map(|line| line.strip_prefix("CSeq:")).unwrap_or_default().trim();
    format!("{what} [{cseq}]")
}
