//! The spectrogram of each place in strips, as on paper, with the decisions drawn over it.

use std::fmt::Write;

use super::image::{BOTTOM, Bank, PALETTE, RANGE_DB, Spectrogram, TOP, base64, seconds};
use super::{digits, explain, name};
use crate::decode::{Candidate, Piece, Place, Press, Report, Source};
use crate::dtmf::{Explanation, Verdict};

/// A picture, and what is left out of it.
pub(super) struct Plot {
    pub svg: String,
    pub note: Option<String>,
}

/// A strip's measures in pixels.
const LEFT: f64 = 58.0;
const WIDTH: f64 = 1200.0;
const RIGHT: f64 = 22.0;
const ABOVE: f64 = 20.0;
const HEIGHT: f64 = 216.0;
const LANES: usize = 3;
const LANE: f64 = 13.0;
const AXIS: f64 = 20.0;
const BELOW: f64 = 16.0;
const HEAD: f64 = 84.0;
const TITLE: f64 = 26.0;

/// Seconds of a strip, but for short recordings.
const LONGEST: f64 = 6.0;

/// Strips at most; each is about 65 kB.
const MOST_STRIPS: usize = 50;

/// The eight tones in Hz (ITU-T Q.23).
const TONES: [u16; 8] = [697, 770, 852, 941, 1209, 1336, 1477, 1633];

const STYLE: &str = "<style>\
.bg{fill:#fff}text{font:11px 'DejaVu Sans',Verdana,sans-serif;fill:#222}.h{font-size:16px;font-weight:bold}.p{font-size:13px;font-weight:bold}\
.s{fill:#555}.f{stroke:#8a8a8a;fill:none}.k{stroke:#fff;stroke-opacity:.3;stroke-dasharray:2 4}\
.d{font-size:14px;font-weight:bold}.taken{fill:#15803d}.again{fill:#7a6a00}.refused{fill:#b4380b}\
.bt{stroke:#4ade80;fill:#4ade80;fill-opacity:.16;stroke-width:1.6}.ba{stroke:#f5d90a;fill:none;stroke-width:1.4;stroke-dasharray:4 2}\
.br{stroke:#ff8a1f;fill:#ff8a1f;fill-opacity:.14;stroke-width:1.8;stroke-dasharray:4 2}.ev{fill:#15803d;fill-opacity:.25;stroke:#15803d}\
@media(prefers-color-scheme:dark){.bg{fill:#16181d}text{fill:#ddd}.s{fill:#aaa}.taken{fill:#4ade80}.again{fill:#f5d90a}.refused{fill:#ffa550}\
.ev{fill:#4ade80;stroke:#4ade80}}\
</style>";

/// Draws a report that has its candidates and tracks.
pub(super) fn plot(report: &Report, title: &str) -> Plot {
    let paper = Paper::of(report);
    let height = HEAD + paper.rows.iter().map(Row::height).sum::<f64>();
    let width = LEFT + WIDTH + RIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\
         {STYLE}<rect class=\"bg\" width=\"100%\" height=\"100%\"/>\n"
    );
    head(&mut svg, title, report, paper.note.as_deref());
    let mut y = HEAD;
    let bank = Bank::new();
    for row in &paper.rows {
        match row {
            Row::Title(place) => {
                let _ = writeln!(
                    svg,
                    "<text class=\"p\" x=\"{LEFT}\" y=\"{}\">{}</text>",
                    y + 15.0,
                    heading(*place, report)
                );
            }
            Row::Strip(strip) => strip.draw(&mut svg, y, report, &bank),
        }
        y += row.height();
    }
    svg.push_str("</svg>\n");
    Plot { svg, note: paper.note }
}

/// File, legend, and what is left out.
fn head(svg: &mut String, title: &str, report: &Report, note: Option<&str>) {
    let _ = writeln!(svg, "<text class=\"h\" x=\"{LEFT}\" y=\"24\">{}</text>", escaped(title));
    let refused = report.candidates.iter().filter(|c| is_refused(&c.explanation)).count();
    let count = format!("{} digits taken, {refused} candidates refused", report.presses.len());
    let more = note.map_or(String::new(), |note| format!("; {}", escaped(note)));
    let _ = writeln!(svg, "<text class=\"s\" x=\"{LEFT}\" y=\"42\">{count}{more}</text>");
    let y = 54.0;
    for (x, class, text) in [
        (0.0, "bt", "digit taken"),
        (110.0, "ba", "the digit before goes on"),
        (300.0, "br", "candidate refused, and why"),
        (500.0, "ev", "telephone event (RFC 4733)"),
    ] {
        let _ = write!(svg, "<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"16\" height=\"12\"/>", LEFT + x);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{text}</text>", LEFT + x + 22.0, y + 10.0);
    }
    let scale = LEFT + 720.0;
    for (n, [r, g, b]) in PALETTE.iter().skip(1).enumerate() {
        let x = scale + n as f64 * 10.0;
        let _ = write!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"10\" height=\"12\" fill=\"#{r:02x}{g:02x}{b:02x}\"/>");
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\">-{RANGE_DB:.0} to 0 dB of the strip's loudest; dotted: the eight tones</text>",
        scale + 158.0,
        y + 10.0
    );
}

fn heading(place: Place, report: &Report) -> String {
    let mut parts = vec![name(place)];
    if let Place::Stream(n) = place {
        parts.extend(report.streams.get(n - 1).map(|id| escaped(&id.to_string())));
    }
    let digits = digits(report, place);
    parts.push(if digits.is_empty() { "no digits".to_owned() } else { format!("digits {digits}") });
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// What goes on the paper, from top to bottom.
struct Paper<'a> {
    rows: Vec<Row<'a>>,
    note: Option<String>,
}

enum Row<'a> {
    Title(Place),
    Strip(Strip<'a>),
}

impl Row<'_> {
    fn height(&self) -> f64 {
        match self {
            Row::Title(_) => TITLE,
            Row::Strip(strip) => ABOVE + HEIGHT + AXIS + strip.lanes as f64 * LANE + BELOW,
        }
    }
}

/// A few seconds of a place.
struct Strip<'a> {
    place: Place,
    pieces: &'a [Piece],
    start: f64,
    length: f64,
    /// Lines for reasons below it.
    lanes: usize,
}

impl Paper<'_> {
    fn of(report: &Report) -> Paper<'_> {
        let mut strips = strips(report);
        let all = strips.len();
        let mut note = None;
        if all > MOST_STRIPS {
            // what nothing happened in goes first
            strips.retain(|strip| strip.has_decision(report));
            strips.truncate(MOST_STRIPS);
            let (shown, length) = (strips.len(), LONGEST);
            note = Some(format!(
                "limited to {shown} of {all} strips of {length} s: the first ones with a candidate or digit in them"
            ));
        }
        let mut rows = Vec::new();
        let mut last = None;
        for strip in strips {
            if last.replace(strip.place) != Some(strip.place) {
                rows.push(Row::Title(strip.place));
            }
            rows.push(Row::Strip(strip));
        }
        Paper { rows, note }
    }
}

/// All strips of all places that there is something in.
fn strips(report: &Report) -> Vec<Strip<'_>> {
    let mut places: Vec<(Place, &[Piece])> = report.tracks.iter().map(|track| (track.place, &*track.pieces)).collect();
    for press in &report.presses {
        if places.iter().all(|(place, _)| *place != press.place) {
            places.push((press.place, &[]));
        }
    }
    let ends = |pieces: &[Piece]| pieces.last().map_or(0.0, piece_end);
    let end_of = |(place, pieces): &(Place, &[Piece])| {
        let presses = report.presses.iter().filter(|press| press.place == *place);
        presses.map(|press| seconds(press.start + press.length)).fold(ends(pieces), f64::max)
    };
    let longest = places.iter().map(end_of).fold(0.0, f64::max);
    let length = ((longest * 2.0).ceil() / 2.0).clamp(0.5, LONGEST);
    let mut strips = Vec::new();
    for of in &places {
        let count = (end_of(of) / length).ceil() as usize;
        let strip = |n| {
            let strip = Strip { place: of.0, pieces: of.1, start: n as f64 * length, length, lanes: 0 };
            let lanes = if strip.has_reason(report) { LANES } else { 0 };
            Strip { lanes, ..strip }
        };
        strips.extend((0..count).map(strip).filter(|strip| strip.has_audio() || strip.has_decision(report)));
    }
    strips
}

fn piece_end(piece: &Piece) -> f64 {
    seconds(piece.start) + piece.samples.len() as f64 / 8000.0
}

/// Something with a place on a strip.
struct Mark<'a> {
    start: f64,
    end: f64,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Taken(&'a Press),
    Candidate(&'a Candidate),
}

impl<'a> Strip<'a> {
    fn has_audio(&self) -> bool {
        self.pieces.iter().any(|piece| self.covers(seconds(piece.start), piece_end(piece)))
    }

    fn has_decision(&self, report: &Report) -> bool {
        !self.marks(report).is_empty()
    }

    fn has_reason(&self, report: &Report) -> bool {
        self.marks(report).iter().any(|mark| matches!(mark.kind, Kind::Candidate(_)))
    }

    fn covers(&self, start: f64, end: f64) -> bool {
        start < self.start + self.length && end > self.start
    }

    fn marks<'r>(&self, report: &'r Report) -> Vec<Mark<'r>> {
        let presses = report.presses.iter().filter(|press| press.place == self.place).map(|press| {
            let start = seconds(press.start);
            Mark { start, end: start + seconds(press.length), kind: Kind::Taken(press) }
        });
        let others =
            report.candidates.iter().filter(|c| c.place == self.place && c.explanation.verdict != Verdict::Taken);
        let others = others.map(|candidate| {
            let start = seconds(candidate.start);
            Mark { start, end: start + seconds(candidate.length), kind: Kind::Candidate(candidate) }
        });
        presses.chain(others).filter(|mark| self.covers(mark.start, mark.end)).collect()
    }

    fn x(&self, time: f64) -> f64 {
        LEFT + ((time - self.start) / self.length * WIDTH).clamp(0.0, WIDTH)
    }

    fn draw(&self, svg: &mut String, top: f64, report: &Report, bank: &Bank) {
        let (top, bottom) = (top + ABOVE, top + ABOVE + HEIGHT);
        self.draw_spectrogram(svg, top, bank);
        for tone in TONES {
            let y = y(top, f32::from(tone));
            let _ = write!(svg, "<path class=\"k\" d=\"M{LEFT} {y:.1}h{WIDTH}\"/>");
            let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{tone}</text>", LEFT - 5.0, y + 4.0);
        }
        let (x, y) = (LEFT - 5.0, top + 9.0);
        let _ = writeln!(svg, "<text class=\"s\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">Hz</text>");
        let _ = writeln!(svg, "<rect class=\"f\" x=\"{LEFT}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>");
        self.draw_axis(svg, bottom);
        let mut marks = self.marks(report);
        marks.sort_by(|a, b| a.start.total_cmp(&b.start));
        for mark in &marks {
            self.draw_mark(svg, top, mark);
        }
        self.draw_reasons(svg, bottom + AXIS, &marks);
    }

    fn draw_spectrogram(&self, svg: &mut String, top: f64, bank: &Bank) {
        let count = WIDTH as usize;
        let drawn: Spectrogram = bank.spectrogram(self.pieces, self.start, self.length / WIDTH, count);
        // a strip of near silence must not be blown up to look like something: -60 dB of full scale
        let png = base64(&drawn.png(drawn.loudest().max(1e-6)));
        let _ = writeln!(
            svg,
            "<image x=\"{LEFT}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" preserveAspectRatio=\"none\" \
             href=\"data:image/png;base64,{png}\"/>"
        );
    }

    fn draw_axis(&self, svg: &mut String, bottom: f64) {
        let step = if self.length > 3.0 { 0.5 } else { 0.1 };
        let count = (self.length / step).round() as usize;
        for n in 0..=count {
            let time = self.start + n as f64 * step;
            let x = self.x(time);
            let unit = if n == count { " s" } else { "" };
            let _ = write!(svg, "<path class=\"f\" d=\"M{x:.1} {bottom}v4\"/>");
            let _ = writeln!(
                svg,
                "<text class=\"s\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{time:.1}{unit}</text>",
                bottom + 15.0
            );
        }
    }

    fn draw_mark(&self, svg: &mut String, top: f64, mark: &Mark<'_>) {
        let (x, end) = (self.x(mark.start), self.x(mark.end));
        let width = (end - x).max(1.5);
        let (digit, class) = match mark.kind {
            Kind::Taken(press) if press.source == Source::Rfc4733 => (press.digit, "ev"),
            Kind::Taken(press) => (press.digit, "bt"),
            Kind::Candidate(c) if c.explanation.verdict == Verdict::Resumed => (c.explanation.digit, "ba"),
            Kind::Candidate(c) => (c.explanation.digit, "br"),
        };
        let _ = write!(svg, "<g><title>{}</title>", escaped(&tooltip(mark)));
        if class == "ev" {
            let _ =
                write!(svg, "<rect class=\"ev\" x=\"{x:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{HEIGHT}\"/>");
        } else {
            let (low, high) = digit.frequencies();
            for tone in [low, high] {
                let (y, height) =
                    (y(top, f32::from(tone) * 1.035), f64::from(tone) * 0.07 * HEIGHT / f64::from(TOP - BOTTOM));
                let _ = write!(
                    svg,
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
                );
            }
        }
        if class == "bt" || class == "ev" {
            let _ = write!(
                svg,
                "<text class=\"d taken\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                x + width / 2.0,
                top - 5.0,
                char::from(digit)
            );
        }
        svg.push_str("</g>\n");
    }

    /// Below the axis, each where there is room for it.
    fn draw_reasons(&self, svg: &mut String, top: f64, marks: &[Mark<'_>]) {
        let mut free = [LEFT; LANES];
        let mut without = 0;
        for mark in marks {
            let Kind::Candidate(candidate) = mark.kind else { continue };
            let e = &candidate.explanation;
            let text = format!("{}: {}", char::from(e.digit), short(e));
            let x = self.x(mark.start);
            let width = text.chars().count() as f64 * 7.0 + 8.0;
            let Some((n, lane)) = free.iter_mut().enumerate().find(|(_, free)| **free <= x) else {
                without += 1;
                continue;
            };
            *lane = x + width;
            let class = if is_refused(e) { "refused" } else { "again" };
            // what starts near the right edge ends there
            let (x, anchor) =
                if x + width > LEFT + WIDTH + RIGHT { (LEFT + WIDTH + RIGHT - 2.0, "end") } else { (x, "start") };
            let y = top + (n as f64 + 1.0) * LANE - 2.0;
            let _ =
                writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>");
        }
        if without > 0 {
            let (x, y) = (LEFT - 5.0, top + LANE - 2.0);
            let _ =
                writeln!(svg, "<text class=\"refused\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{without} more</text>");
        }
    }
}

fn y(top: f64, frequency: f32) -> f64 {
    top + f64::from((TOP - frequency) / (TOP - BOTTOM)) * HEIGHT
}

fn is_refused(e: &Explanation) -> bool {
    !matches!(e.verdict, Verdict::Taken | Verdict::Resumed)
}

/// What a refusal turned on, in as few words as fit.
fn short(e: &Explanation) -> String {
    let off = e.deviation.iter().fold(0.0f32, |most, off| if off.abs() > most.abs() { *off } else { most });
    match e.verdict {
        Verdict::Taken => "taken".to_owned(),
        Verdict::Resumed => "goes on".to_owned(),
        Verdict::TooShort => format!("{:.0} ms", e.length as f64 / 8.0),
        Verdict::Frequency => format!("off {:+.1} %", off * 100.0),
        Verdict::Twist => format!("twist {:+.0} dB", e.twist()),
        Verdict::Level => format!("{:.0} dBm0", e.level[0].min(e.level[1])),
        Verdict::Residual => format!("else {:.0} %", e.residual * 100.0),
        Verdict::Unsteady => format!("unsteady {:.0} %", e.scatter * 100.0),
    }
}

fn tooltip(mark: &Mark<'_>) -> String {
    let (start, length) = (mark.start, (mark.end - mark.start) * 1e3);
    match mark.kind {
        Kind::Taken(press) => {
            format!("{} at {start:.3} s for {length:.0} ms, taken: {}", char::from(press.digit), press.source)
        }
        Kind::Candidate(Candidate { explanation: e, .. }) => format!(
            "{} at {start:.3} s for {length:.1} ms, {}\nlevels {:.1} and {:.1} dBm0, twist {:+.1} dB\noff {:+.2} and {:+.2} %, \
             else {:.1} %, unsteady {:.2} %",
            char::from(e.digit),
            explain::decision(e, Source::InBand),
            e.level[0],
            e.level[1],
            e.twist(),
            e.deviation[0] * 100.0,
            e.deviation[1] * 100.0,
            e.residual * 100.0,
            e.scatter * 100.0
        ),
    }
}

/// As XML text: no markup, none of the characters that XML 1.0 forbids.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}
