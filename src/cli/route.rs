//! `karipass route`: where a call would go now, by what the subscriber has set.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::output::{Answer, Failure, finish, json_line};
use crate::account::Mode;
use crate::account::{Route, route};
use crate::config::Config;
use crate::number::{CallingNumber, PhoneNumber};
use crate::service::open_store;

/// Show where a call would go now, by the current settings.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  karipass route 0312345678 0600001111\n  karipass route anonymous 0600001111 --json"
)]
pub(super) struct Args {
    /// The calling number (from abroad as `+16505550100`), or `anonymous` when it is withheld
    #[arg(value_name = "CALLER", value_parser = caller)]
    caller: Caller,
    /// The number that is called
    #[arg(value_name = "CALLED")]
    called: PhoneNumber,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

/// A calling number, or none when it is withheld.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller(pub Option<CallingNumber>);

/// Reads a calling number, or `anonymous`.
pub(super) fn caller(text: &str) -> Result<Caller, String> {
    match text {
        "anonymous" => Ok(Caller(None)),
        number => CallingNumber::parse(number).map(|number| Caller(Some(number))).map_err(|why| why.to_string()),
    }
}

/// Runs `karipass route`.
pub(super) fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, out))
}

fn perform(args: &Args, config: &Config, out: &mut dyn Write) -> Result<Answer, Failure> {
    let store = open_store(config, Mode::Existing)?;
    let Some(route) = route(&store, args.caller.0.and_then(CallingNumber::in_japan), args.called)? else {
        return Err(Failure::Refused(format!(
            "{} is not a contracted number; see `karipass contract list`",
            args.called
        )));
    };
    if args.json {
        json_line(out, &json!(route))?;
    } else {
        writeln!(out, "{}", described(route))?;
    }
    Ok(Answer::Yes)
}

/// A route in words.
pub(super) fn described(route: Route) -> String {
    match route {
        Route::Ring => "ring".to_owned(),
        Route::Forward { to, service } => format!("forward {to} ({service})"),
        Route::RingThenForward { to, service, no_answer_after, when_busy } => {
            let after = no_answer_after.map(|seconds| format!("no answer in {seconds} s"));
            let cases: Vec<String> = after.into_iter().chain(when_busy.then(|| "busy".to_owned())).collect();
            format!("ring, forward {to} on {} ({service})", cases.join(" or "))
        }
    }
}
