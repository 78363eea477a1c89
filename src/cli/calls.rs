//! `karipass calls`: the call records, refused calls too, each with its reason; `show ID` shows one call in detail.

mod show;

use std::io::Write;
use std::process::ExitCode;

use super::output::{Answer, Failure, finish, json_line, readable, table};
use crate::account::Mode;
use crate::account::{CallFilter, CallRecord, Outcome, Store};
use crate::config::Config;
use crate::number::PhoneNumber;
use crate::service::open_store;
use crate::time::UnixTime;

/// Calls read from the store in one query.
const PAGE: u32 = 1000;

/// List the call records, the newest last, or show one call.
#[derive(clap::Args, Debug)]
#[command(after_help = after_help(), args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// One JSON object a line instead of a table; times are seconds since 1970-01-01T00:00:00Z
    #[arg(long)]
    json: bool,
    /// Only the newest N
    #[arg(long, value_name = "N")]
    last: Option<u32>,
    /// Only calls that started at this time or later, such as 2026-01-31T09:00:00+09:00, or 2026-01-31 for its start in UTC
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<UnixTime>,
    /// Only calls that started before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<UnixTime>,
    /// Only calls from this number
    #[arg(long, value_name = "NUMBER")]
    from: Option<PhoneNumber>,
    /// Only calls with this outcome
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<Outcome>,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Show(show::Args),
}

fn after_help() -> String {
    let outcomes: Vec<String> =
        Outcome::ALL.iter().map(|outcome| format!("  {:20} {}", outcome.name(), outcome.reason())).collect();
    format!(
        "Outcomes:\n{}\n\nExample: the reasons of today's refused calls\n  \
         karipass calls --since \"$(date -u +%F)\" --json |\n    \
         jq -r 'select(.status >= 400) | [.caller, .outcome] | @tsv'",
        outcomes.join("\n")
    )
}

fn parse_time(text: &str) -> Result<UnixTime, String> {
    // in UTC where nothing else is said, as the table shows times
    let utc = |civil: jiff::civil::DateTime| jiff::tz::Offset::UTC.to_timestamp(civil);
    let timestamp = text.parse::<jiff::Timestamp>().or_else(|_| text.parse().and_then(utc));
    let timestamp = timestamp.map_err(
        |_| "no time; wanted is such as 2026-01-31, 2026-01-31T09:00 (both in UTC) or 2026-01-31T09:00+09:00",
    )?;
    Ok(UnixTime(timestamp.as_second()))
}

/// Runs `karipass calls`.
pub(super) fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, out))
}

fn perform(args: &Args, config: &Config, out: &mut dyn Write) -> Result<Answer, Failure> {
    if let Some(Command::Show(args)) = &args.command {
        return show::perform(args, config, out);
    }
    let store = open_store(config, Mode::Existing)?;
    let filter =
        CallFilter { since: args.since, until: args.until, caller: args.from, outcome: args.outcome, last: args.last };
    if args.json && filter.last.is_none() {
        return list_all(&store, &filter, PAGE, out);
    }
    let calls = store.calls(&filter)?;
    if args.json {
        calls.iter().try_for_each(|call| json_line(out, call))?;
    } else {
        let heading = ["STARTED", "SECONDS", "FROM", "PEER", "UNIT", "TARGET", "STATUS", "OUTCOME", "ID", "REASON"];
        table(out, &heading, &calls.iter().map(cells).collect::<Vec<_>>())?;
    }
    Ok(Answer::Yes)
}

/// Page by page: millions of calls do not fit into memory, and no transaction stays open while a slow reader reads.
fn list_all(store: &dyn Store, filter: &CallFilter, page: u32, out: &mut dyn Write) -> Result<Answer, Failure> {
    let mut after: Option<CallRecord> = None;
    loop {
        let mut calls = store.calls_behind(filter, after.as_ref(), page)?;
        calls.iter().try_for_each(|call| json_line(out, call))?;
        match calls.pop() {
            Some(last) => after = Some(last),
            None => return Ok(Answer::Yes),
        }
    }
}

fn cells(call: &CallRecord) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        readable(call.started_at),
        call.ended_at.0.saturating_sub(call.started_at.0).to_string(),
        or_dash(call.caller.map(|number| number.to_string())),
        call.peer.clone(),
        or_dash(call.unit.map(|unit| unit.to_string())),
        or_dash(call.target.map(|number| number.to_string())),
        call.status.to_string(),
        call.outcome.to_string(),
        call.id.clone(),
        why(call),
    ]
}

/// The outcome in words, with its detail, the media that the caller offered in vain, and its own Reason.
fn why(call: &CallRecord) -> String {
    let told =
        call.detail.iter().chain(&call.refused_media).chain(&call.reason).map(String::as_str).collect::<Vec<_>>();
    let outcome = call.outcome.reason();
    if told.is_empty() { outcome.to_owned() } else { format!("{outcome} ({})", told.join("; ")) }
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
