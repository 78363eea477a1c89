//! `karipass calls show`: one call's record and, if a trace of it was kept, the ladder of its messages.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;

use super::super::output::{Answer, Failure, json_line, readable};
use crate::account::Mode;
use crate::account::{CallRecord, Store};
use crate::config::Config;
use crate::service::open_store;
use crate::trace::ladder::{self, Ladder, Step};
use crate::trace::{Direction, path_of};

/// Show one call: its record and, if it was traced, who sent what when. Keys are drawn as •.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: the newest call\n  \
    karipass calls show --trace traces \\\n    \"$(karipass calls --last 1 --json | jq -r .id)\"\n\n\
    Traces are kept by `karipass serve --trace DIR`. They open in Wireshark; audio, keys and credentials are masked in them.")]
pub(super) struct Args {
    /// The call's id, as `karipass calls` lists it and as the log names it
    id: String,
    /// The folder of traces [default: trace.folder of the configuration]
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    /// One JSON object instead of a drawing
    #[arg(long)]
    json: bool,
}

pub(super) fn perform(args: &Args, config: &Config, out: &mut dyn Write) -> Result<Answer, Failure> {
    let store = open_store(config, Mode::Existing)?;
    let record = store.call(&args.id)?;
    let folder = args.trace.as_ref().or(config.trace.folder.as_ref());
    let path = folder.and_then(|folder| path_of(folder, &args.id));
    let ladder = match &path {
        Some(path) => match File::open(path) {
            Ok(file) => Some((path, ladder::read(BufReader::new(file)))),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::Resource(format!("{}: {error}", path.display()))),
        },
        None => None,
    };
    if record.is_none() && ladder.is_none() {
        let why = "there is neither a record nor a trace of it; `karipass calls` lists the calls that are over";
        return Err(Failure::Refused(format!("call {}: {why}", args.id)));
    }
    if args.json {
        let trace = ladder.as_ref().map(|(path, ladder)| {
            json!({
                "file": path,
                "started_at": ladder.start.as_secs_f64(),
                "steps": ladder.steps,
                "streams": ladder.streams,
                "not_kept": ladder.dropped,
                "error": ladder.error.as_ref().map(ToString::to_string),
            })
        });
        json_line(out, &json!({"id": args.id, "record": record, "trace": trace}))?;
        return Ok(Answer::Yes);
    }
    match &record {
        Some(record) => describe(out, record)?,
        None => writeln!(out, "call {}: no record yet; it is still running, or its server was killed", args.id)?,
    }
    match (&ladder, folder) {
        (Some((path, ladder)), _) => draw(out, ladder, &path.display().to_string())?,
        (None, Some(folder)) => writeln!(out, "\nno trace of it in {}", folder.display())?,
        (None, None) => writeln!(out, "\nno trace was kept, or its folder was not named (--trace DIR)")?,
    }
    Ok(Answer::Yes)
}

fn describe(out: &mut dyn Write, call: &CallRecord) -> std::io::Result<()> {
    let dash = || "-".to_owned();
    writeln!(out, "call {}", call.id)?;
    writeln!(out, "  {} to {}", readable(call.started_at), readable(call.ended_at))?;
    let caller = call.caller.map_or_else(dash, |number| number.to_string());
    writeln!(out, "  from {caller}, by {}", call.peer)?;
    let unit = call.unit.map_or_else(dash, |unit| unit.to_string());
    let target = call.target.map_or_else(dash, |number| number.to_string());
    writeln!(out, "  unit {unit}, target {target}")?;
    writeln!(out, "  {} {}: {}", call.status, call.outcome, call.outcome.reason())?;
    if let Some(detail) = &call.detail {
        writeln!(out, "  in particular: {detail}")?;
    }
    if let Some(reason) = &call.reason {
        writeln!(out, "  Reason of the caller: {reason}")?;
    }
    if let Some(why) = &call.refused_media {
        writeln!(out, "  media refused: {why}")?;
    }
    let (media, digits) = (&call.media, &call.digits);
    writeln!(
        out,
        "  RTP: {} packets came, {} lost, {} twice, jitter {} ms",
        media.received, media.lost, media.duplicates, media.jitter_ms
    )?;
    if let Some(suite) = &call.srtp {
        let (unauthentic, replayed) = (media.unauthentic, media.replayed);
        writeln!(out, "  SRTP {suite}: {unauthentic} packets dropped as not authentic, {replayed} as replayed")?;
    }
    writeln!(out, "  keys: {} by telephone events, {} by tones, {} by INFO", digits.rfc4733, digits.inband, digits.info)
}

fn draw(out: &mut dyn Write, ladder: &Ladder, file: &str) -> std::io::Result<()> {
    writeln!(out, "\n{file}")?;
    let columns = Columns::of(&ladder.steps);
    writeln!(out, "{}", columns.heading())?;
    for step in &ladder.steps {
        let seconds = step.at_ms as f64 / 1000.0;
        writeln!(out, "{seconds:>9.3} s  {}", columns.line(step))?;
    }
    for stream in &ladder.streams {
        let (way, packets, keys) = (arrow(stream.direction), stream.packets, stream.keys);
        writeln!(out, "RTP {way} {}: {packets} packets, {keys} keys", stream.remote)?;
    }
    if ladder.dropped > 0 {
        writeln!(
            out,
            "{} packets are missing from the trace: it was at its limit, or the disk too slow",
            ladder.dropped
        )?;
    }
    if let Some(error) = &ladder.error {
        writeln!(out, "the trace cannot be read to its end: {error}")?;
    }
    Ok(())
}

fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "from",
        Direction::Out => "to",
    }
}

/// The other sides from left to right; we are the last column.
struct Columns {
    remotes: Vec<SocketAddr>,
    lane: usize,
}

impl Columns {
    fn of(steps: &[Step]) -> Columns {
        let mut remotes: Vec<SocketAddr> = Vec::new();
        for step in steps {
            let known =
                |remote: &SocketAddr| *remote == step.remote || is_media(step) && remote.ip() == step.remote.ip();
            if !remotes.iter().any(known) {
                remotes.push(step.remote);
            }
        }
        let label = steps.iter().map(|step| step.what.chars().count()).max().unwrap_or(0) + 7;
        let name = remotes.iter().map(|remote| remote.to_string().len()).max().unwrap_or(0) + 2;
        Columns { remotes, lane: label.max(name).max(28) }
    }

    fn place(&self, step: &Step) -> usize {
        let same = |remote: &SocketAddr| *remote == step.remote;
        let near = |remote: &SocketAddr| remote.ip() == step.remote.ip();
        let exact = self.remotes.iter().position(same).filter(|_| !is_media(step));
        exact.or_else(|| self.remotes.iter().position(near)).unwrap_or(0)
    }

    fn heading(&self) -> String {
        let names = self.remotes.iter().map(|remote| format!("{:<width$}", remote.to_string(), width = self.lane));
        format!("{:13}{}karipass", "", names.collect::<String>())
    }

    fn line(&self, step: &Step) -> String {
        let us = self.remotes.len() * self.lane;
        let mut line = vec![' '; us + 1];
        (0..=us).step_by(self.lane).for_each(|at| set(&mut line, at, '│'));
        let from = self.place(step) * self.lane;
        let stroke = if is_media(step) { '┈' } else { '─' };
        (from + 1..us).for_each(|at| set(&mut line, at, stroke));
        let label: Vec<char> = format!(" {} ", step.what).chars().collect();
        let start = match step.direction {
            Direction::In => {
                set(&mut line, us - 1, '▶');
                from + 3
            }
            Direction::Out => {
                set(&mut line, from + 1, '◀');
                (us - 2).saturating_sub(label.len())
            }
        };
        label.into_iter().enumerate().for_each(|(n, letter)| set(&mut line, start + n, letter));
        let through = if matches!(step.protocol, "UDP" | "RTP") { "" } else { step.protocol };
        format!("{}  {through}", line.into_iter().collect::<String>()).trim_end().to_owned()
    }
}

fn is_media(step: &Step) -> bool {
    step.protocol == "RTP"
}

fn set(line: &mut [char], at: usize, letter: char) {
    if let Some(place) = line.get_mut(at) {
        *place = letter;
    }
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
