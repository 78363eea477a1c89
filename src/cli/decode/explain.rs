//! Why a digit was or was not taken, for people and for programs.

use std::io::{self, Write};
use std::time::Duration;

use super::{Whereabouts, millis, name, print_digits, print_streams};
use crate::decode::{Candidate, Press, Report, Source};
use crate::dtmf::{Config, Explanation, Limit, Quantity, Verdict};

/// Something that happened: a candidate in the audio, or a telephone event, which leaves nothing to explain.
enum Row<'a> {
    Heard(&'a Candidate, Source),
    Reported(&'a Press),
}

impl Row<'_> {
    fn start(&self) -> Duration {
        match self {
            Row::Heard(candidate, _) => candidate.start,
            Row::Reported(press) => press.start,
        }
    }
}

fn rows(report: &Report) -> Vec<Row<'_>> {
    let heard = report.candidates.iter().map(|candidate| Row::Heard(candidate, source_of(candidate, report)));
    let told = report.presses.iter().filter(|press| press.source == Source::Rfc4733).map(Row::Reported);
    let mut rows: Vec<Row> = heard.chain(told).collect();
    rows.sort_by_key(Row::start);
    rows
}

/// Whether an event reported the digit as well.
fn source_of(candidate: &Candidate, report: &Report) -> Source {
    let told = report.presses.iter().any(|press| {
        press.source == Source::Both
            && (press.place, press.digit) == (candidate.place, candidate.explanation.digit)
            && (press.start..=press.start + press.length).contains(&candidate.start)
    });
    if told { Source::Both } else { Source::InBand }
}

const HEADING: &str =
    "     start     length        low    high dBm0     twist    off: low    high      else  unsteady  decision";

/// A line for each candidate and event.
pub(super) fn table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    print_streams(report, out)?;
    let rows = rows(report);
    if rows.is_empty() {
        return writeln!(out, "no candidates: nowhere do two tones of the pad stand out");
    }
    writeln!(out, "{HEADING}")?;
    for row in &rows {
        let (text, place) = match row {
            Row::Heard(candidate, source) => (heard(candidate, *source), candidate.place),
            Row::Reported(press) => (reported(press), press.place),
        };
        writeln!(out, "{}", format!("{text}  {}", name(place)).trim_end())?;
    }
    print_digits(report, out)
}

fn heard(candidate: &Candidate, source: Source) -> String {
    let e = &candidate.explanation;
    let (start, length) = (millis(candidate.start), candidate.length.as_secs_f64() * 1e3);
    let ([low, high], [off_low, off_high]) = (e.level, e.deviation.map(|part| part * 100.0));
    format!(
        "{start:>7} ms {length:>7.1} ms  {}  {low:>6.1}  {high:>6.1}      {:>+5.1} dB   {off_low:>+6.2}  {off_high:>+6.2} %  \
         {:>5.1} %   {:>5.2} %  {}",
        char::from(e.digit),
        e.twist(),
        e.residual * 100.0,
        e.scatter * 100.0,
        decision(e, source),
    )
}

fn reported(press: &Press) -> String {
    let (start, length, digit) = (millis(press.start), press.length.as_secs_f64() * 1e3, char::from(press.digit));
    format!("{start:>7} ms {length:>7.1} ms  {digit}  {:73}taken: {}", "", press.source)
}

/// The decision in words, with the limit that it stands on.
pub(super) fn decision(e: &Explanation, source: Source) -> String {
    let text = match (e.verdict, e.limit) {
        (Verdict::Taken, _) => format!("taken: {source}"),
        (Verdict::Resumed, _) => "not again: the digit before it goes on".to_owned(),
        (_, Some(limit)) => format!("refused: {}", reason(e, limit)),
        (verdict, None) => format!("refused: {}", word(verdict)),
    };
    if e.lossy { format!("{text} (beside a loss)") } else { text }
}

fn reason(e: &Explanation, Limit { of, value }: Limit) -> String {
    let percent = value * 100.0;
    match of {
        Quantity::Level => format!("too weak, {value:.1} dBm0 a tone are needed"),
        Quantity::Twist if value > 0.0 => format!("twist, the low tone may be {value:.1} dB stronger"),
        Quantity::Twist => format!("twist, the high tone may be {:.1} dB stronger", -value),
        Quantity::Deviation => format!("off frequency, {percent:.1} % are allowed"),
        Quantity::Length => {
            let noisy = if value > Config::default().length * 8.0 + 1.0 { " with so much else in it" } else { "" };
            format!("too short, {:.1} ms are needed{noisy}", value / 8.0)
        }
        Quantity::Residual => format!("too much else in it, {percent:.1} % are allowed"),
        Quantity::LowResidual => {
            format!("too much else below 2 kHz, {:.1} %, {percent:.1} % are allowed", e.low_residual * 100.0)
        }
        Quantity::Before => {
            format!("too much before it, {:.0} %, {percent:.0} % are allowed", e.before * 100.0)
        }
        Quantity::Scatter => format!("unsteady, {percent:.1} % are allowed"),
    }
}

/// The verdict in a word, as in JSON.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Taken => "taken",
        Verdict::Resumed => "resumed",
        Verdict::TooShort => "too-short",
        Verdict::Frequency => "frequency",
        Verdict::Twist => "twist",
        Verdict::Level => "level",
        Verdict::Residual => "residual",
        Verdict::Unsteady => "unsteady",
    }
}

/// A candidate or an event as one line of JSON, its keys in this order.
#[derive(serde::Serialize)]
struct Object {
    digit: char,
    taken: bool,
    verdict: &'static str,
    source: String,
    start_ms: f64,
    length_ms: f64,
    #[serde(flatten)]
    measured: Option<MeasuredObject>,
    #[serde(flatten)]
    whereabouts: Whereabouts,
}

#[derive(serde::Serialize)]
struct MeasuredObject {
    low_dbm0: f64,
    high_dbm0: f64,
    twist_db: f64,
    low_deviation_percent: f64,
    high_deviation_percent: f64,
    residual_percent: f64,
    residual_below_2_khz_percent: f64,
    unsteadiness_percent: f64,
    before_percent: f64,
    beside_loss: bool,
    /// The key whose limit decided, and the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_of: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
}

/// One object for each candidate and event, a line each.
pub(super) fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for row in rows(report) {
        let object = match row {
            Row::Heard(candidate, source) => heard_object(candidate, source, report),
            Row::Reported(press) => Object {
                digit: press.digit.into(),
                taken: true,
                verdict: "taken",
                source: press.source.to_string(),
                start_ms: rounded(press.start.as_secs_f64() * 1e3),
                length_ms: rounded(press.length.as_secs_f64() * 1e3),
                measured: None,
                whereabouts: Whereabouts::of(press.place, report),
            },
        };
        writeln!(out, "{}", serde_json::to_string(&object)?)?;
    }
    Ok(())
}

fn heard_object(candidate: &Candidate, source: Source, report: &Report) -> Object {
    let e = &candidate.explanation;
    Object {
        digit: e.digit.into(),
        taken: e.verdict == Verdict::Taken,
        verdict: word(e.verdict),
        source: source.to_string(),
        start_ms: rounded(candidate.start.as_secs_f64() * 1e3),
        length_ms: rounded(candidate.length.as_secs_f64() * 1e3),
        measured: Some(measured(e)),
        whereabouts: Whereabouts::of(candidate.place, report),
    }
}

fn measured(e: &Explanation) -> MeasuredObject {
    let percent = |part: f32| rounded(f64::from(part) * 100.0);
    let ([low, high], [off_low, off_high]) = (e.level, e.deviation);
    let limit = e.limit.map(|Limit { of, value }| {
        let value = f64::from(value);
        match of {
            Quantity::Level => ("level_dbm0", rounded(value)),
            Quantity::Twist => ("twist_db", rounded(value)),
            Quantity::Deviation => ("deviation_percent", rounded(value * 100.0)),
            Quantity::Length => ("length_ms", rounded(value / 8.0)),
            Quantity::Residual => ("residual_percent", rounded(value * 100.0)),
            Quantity::LowResidual => ("residual_below_2_khz_percent", rounded(value * 100.0)),
            Quantity::Before => ("before_percent", rounded(value * 100.0)),
            Quantity::Scatter => ("unsteadiness_percent", rounded(value * 100.0)),
        }
    });
    MeasuredObject {
        low_dbm0: rounded(low.into()),
        high_dbm0: rounded(high.into()),
        twist_db: rounded(e.twist().into()),
        low_deviation_percent: percent(off_low),
        high_deviation_percent: percent(off_high),
        residual_percent: percent(e.residual),
        residual_below_2_khz_percent: percent(e.low_residual),
        unsteadiness_percent: percent(e.scatter),
        before_percent: percent(e.before),
        beside_loss: e.lossy,
        limit_of: limit.map(|(of, _)| of),
        limit: limit.map(|(_, value)| value),
    }
}

/// To a thousandth.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
