//! `karipass mails`: what waits to be sent, what was sent and what failed.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::output::{Answer, Failure, finish, json_line, now, readable, table};
use crate::account::Mode;
use crate::account::Store;
use crate::account::mail::{Mail, MailFilter, MailState};
use crate::config::Config;
use crate::number::PhoneNumber;
use crate::service::open_store;

/// List the mails that wait, were sent or failed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    karipass mails --state failed\n  \
    karipass mails --number 0600001111 --json\n  \
    karipass mails --retry\n\n\
    Texts are not shown. A sent mail is kept for 30 days.")]
pub(super) struct Args {
    /// Only of this number
    #[arg(long, value_name = "NUMBER")]
    number: Option<PhoneNumber>,
    /// Only queued, sent or failed ones
    #[arg(long, value_name = "STATE")]
    state: Option<MailState>,
    /// Queue all failed mails again
    #[arg(long, conflicts_with_all = ["number", "state"])]
    retry: bool,
    /// Answer as JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Runs `karipass mails`.
pub(super) fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, out))
}

fn perform(args: &Args, config: &Config, out: &mut dyn Write) -> Result<Answer, Failure> {
    let mut store = open_store(config, Mode::Existing)?;
    if args.retry {
        let retried = store.retry_failed_mails(now())?;
        match args.json {
            true => json_line(out, &json!({"retried": retried}))?,
            false => writeln!(out, "queued anew: {retried}")?,
        }
        return Ok(Answer::Yes);
    }
    let filter = MailFilter { number: args.number, state: args.state, ..MailFilter::default() };
    let mails = store.mails(&filter)?;
    if args.json {
        for mail in &mails {
            json_line(out, &object(mail))?;
        }
        return Ok(Answer::Yes);
    }
    let heading = ["ENTERED", "NUMBER", "WHAT", "TO", "STATE", "TRIES", "PROBLEM"];
    let rows: Vec<Vec<String>> = mails.iter().map(row).collect();
    table(out, &heading, &rows)?;
    Ok(Answer::Yes)
}

fn object(mail: &Mail) -> serde_json::Value {
    json!({
        "id": mail.mail.id,
        "purpose": mail.mail.purpose,
        "number": mail.mail.number,
        "to": mail.mail.recipient,
        "state": mail.state,
        "created_at": mail.created_at,
        "due_at": mail.due_at,
        "settled_at": mail.settled_at,
        "attempts": mail.attempts,
        "problem": mail.problem,
    })
}

fn row(mail: &Mail) -> Vec<String> {
    vec![
        readable(mail.created_at),
        mail.mail.number.to_string(),
        mail.mail.purpose.name().to_owned(),
        mail.mail.recipient.clone(),
        mail.state.name().to_owned(),
        mail.attempts.to_string(),
        mail.problem.clone().unwrap_or_default(),
    ]
}
