//! `karipass event`: plays the network's part, and reports what the services did.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rand::RngExt;
use serde_json::json;

use super::output::{Answer, Failure, finish, json_line, now};
use super::route::{Caller, caller, described};
use crate::account::Mode;
use crate::config::Config;
use crate::event::{Event, EventError, Outcome, play};
use crate::fax;
use crate::number::PhoneNumber;
use crate::service::open_store;

/// Play the network's part: a call or a fax comes in, a line fails or recovers.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    karipass event arrival 0312345678 0600001111\n  \
    karipass event fault 0600001111\n  \
    karipass event recovery 0600001111 --json\n  \
    karipass event fax 0312345678 0600001111 received.tif\n\n\
    Mails go out through the running service (karipass serve with mail.smtp set); karipass mails shows them.\n\
    An event reported twice with the same --id happens once.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// A call comes in
    Arrival {
        /// The calling number (from abroad as `+16505550100`), or `anonymous` when it is withheld
        #[arg(value_name = "CALLER", value_parser = caller)]
        caller: Caller,
        /// The number that is called
        #[arg(value_name = "CALLED")]
        called: PhoneNumber,
        #[command(flatten)]
        common: Common,
    },
    /// The line of this number fails, with all its numbers
    Fault {
        /// One of the line's numbers
        #[arg(value_name = "NUMBER")]
        number: PhoneNumber,
        #[command(flatten)]
        common: Common,
    },
    /// The line of this number recovers
    Recovery {
        /// One of the line's numbers
        #[arg(value_name = "NUMBER")]
        number: PhoneNumber,
        #[command(flatten)]
        common: Common,
    },
    /// A fax comes in
    Fax {
        /// The sending number (from abroad as `+16505550100`), or `anonymous` when it is withheld
        #[arg(value_name = "CALLER", value_parser = caller)]
        caller: Caller,
        /// The number that receives it
        #[arg(value_name = "CALLED")]
        called: PhoneNumber,
        /// The fax as TIFF (Group 3 or 4), or `-` for standard input
        #[arg(value_name = "FILE.tif")]
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args, Clone, Debug)]
struct Common {
    /// The event's id: reported again under the same one, it does nothing
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `karipass event`.
pub(super) fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, out))
}

fn perform(args: &Args, config: &Config, out: &mut dyn Write) -> Result<Answer, Failure> {
    let (event, common) = match &args.what {
        What::Arrival { caller, called, common } => (Event::Arrival { caller: caller.0, called: *called }, common),
        What::Fault { number, common } => (Event::Fault { number: *number }, common),
        What::Recovery { number, common } => (Event::Recovery { number: *number }, common),
        What::Fax { caller, called, file, common } => {
            (Event::Fax { caller: caller.0, called: *called, document: document(file)? }, common)
        }
    };
    let mut store = open_store(config, Mode::Existing)?;
    let outcome = play(&mut store, &event, common.id.as_deref(), now(), &mut || rand::rng().random())?;
    match common.json {
        true => json_line(out, &json!(outcome))?,
        false => tell(out, &outcome)?,
    }
    Ok(Answer::Yes)
}

/// Reads one byte more than the largest fax: enough to see that it is too large.
fn document(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |why: std::io::Error| Failure::Resource(format!("{}: {why}", file.display()));
    let source: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        Some(_) | None => Box::new(std::fs::File::open(file).map_err(failed)?),
    };
    let mut bytes = Vec::new();
    source.take(fax::LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

impl From<EventError> for Failure {
    fn from(error: EventError) -> Failure {
        match error {
            EventError::Store(error) => Failure::from(error),
            EventError::Fax(_) | EventError::NoFaxes(_) | EventError::Id => Failure::Refused(error.to_string()),
        }
    }
}

fn tell(out: &mut dyn Write, outcome: &Outcome) -> Result<(), Failure> {
    let Outcome { repeated, mails, started, stopped, call, fax } = outcome;
    if *repeated {
        writeln!(out, "an event with this id has happened already: nothing was done")?;
        return Ok(());
    }
    if let Some(route) = call {
        writeln!(out, "call: {}", described(*route))?;
    }
    for number in started {
        writeln!(out, "bulk forwarding started: {number}")?;
    }
    for number in stopped {
        writeln!(out, "bulk forwarding stopped: {number}")?;
    }
    if let Some(id) = fax {
        writeln!(out, "fax kept: {id}")?;
    }
    writeln!(out, "mails: {mails}")?;
    Ok(())
}
