//! What the subcommands have in common: results on stdout, complaints on stderr, exit codes.

use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::account::StoreError;
use crate::service::StartError;
use crate::time::UnixTime;

/// The outcome of a subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was done, or the answer is yes: exit 0.
    Yes,
    /// The answer is no, and was given on stdout: exit 1.
    No,
}

impl Answer {
    /// The exit code.
    pub(super) fn exit(self) -> u8 {
        match self {
            Answer::Yes => 0,
            Answer::No => 1,
        }
    }
}

/// Why a subcommand was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// What was asked cannot be done: exit 1.
    #[error("{0}")]
    Refused(String),
    /// A resource is missing or fails: exit 3.
    #[error("{0}")]
    Resource(String),
    /// stdout is gone.
    #[error("stdout: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// The exit code.
    pub(super) fn exit(&self) -> u8 {
        match self {
            // `karipass calls | head` has what it wanted
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Refused(_) => 1,
            Failure::Resource(_) | Failure::Output(_) => 3,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        if error.is_resource() { Failure::Resource(error.to_string()) } else { Failure::Refused(error.to_string()) }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        if error.is_resource() { Failure::Resource(error.to_string()) } else { Failure::Refused(error.to_string()) }
    }
}

/// Runs a subcommand with stdout, reports a failure on stderr, and returns the exit code.
pub(super) fn finish(work: impl FnOnce(&mut dyn Write) -> Result<Answer, Failure>) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let answer = work(&mut out).and_then(|answer| Ok(out.flush().map(|()| answer)?));
    ExitCode::from(match answer {
        Ok(answer) => answer.exit(),
        Err(failure) => {
            if failure.exit() != 0 {
                // stderr may be gone as well; the exit code is left
                let _ = writeln!(io::stderr(), "karipass: {failure}");
            }
            failure.exit()
        }
    })
}

/// The time of day.
pub(super) fn now() -> UnixTime {
    UnixTime(jiff::Timestamp::now().as_second())
}

/// A time for people: `2026-01-31T09:00:00Z`.
pub(super) fn readable(time: UnixTime) -> String {
    jiff::Timestamp::from_second(time.0).map_or_else(|_| time.0.to_string(), |timestamp| timestamp.to_string())
}

/// One JSON object on a line of its own.
pub(super) fn json_line(out: &mut dyn Write, object: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(object).map_err(io::Error::from)?;
    Ok(writeln!(out, "{line}")?)
}

/// Rows under a heading, each column as wide as its widest cell.
pub(super) fn table(out: &mut dyn Write, heading: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let heading: Vec<String> = heading.iter().map(ToString::to_string).collect();
    let lines = || std::iter::once(&heading).chain(rows);
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    for line in lines() {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
pub mod testing;
