//! `karipass account`: an account's passwords and their times, and whether a password opens it.

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::ask::{self, Ask};
use super::output::{Answer, Failure, finish, json_line, now, readable, table};
use crate::account::{Actor, AuditEntry, AuditFilter, Credential, Mode, Store, StoreError, Verdict};
use crate::config::Config;
use crate::lock::Lock;
use crate::number::PhoneNumber;
use crate::service::open_store;
use crate::time::UnixTime;
use crate::unit::Unit;

/// Show accounts, verify a password, lift a lock.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  printf 48151623 | karipass account verify --unit line --number 0600001111")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    /// One JSON object a line instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show which passwords an account has, and their times; never the passwords themselves
    #[command(after_help = "Example:\n  karipass account show --unit line --number 0600001111 --audit")]
    Show {
        #[command(flatten)]
        account: Account,
        /// Show also what was done to the account, and by whom
        #[arg(long)]
        audit: bool,
    },
    /// Read a password from standard input, or ask for it without echo; exit 0 if it opens the account, 1 if not
    #[command(after_help = "\
A wrong password counts: three in a row lock the account for 10 minutes, as on the settings site.

Example:
  printf 48151623 | karipass account verify --unit line --number 0600001111")]
    Verify(Account),
    /// Lift the lock of an account after too many wrong passwords
    #[command(after_help = "Example:\n  karipass account unlock --unit number --number 0600002222")]
    Unlock(Account),
}

#[derive(clap::Args, Clone, Copy, Debug)]
struct Account {
    /// The authentication unit: line, number or admin-user
    #[arg(long)]
    unit: Unit,
    /// The customer number for unit line, else a number of the contract
    #[arg(long)]
    number: PhoneNumber,
}

/// Runs `karipass account …`.
pub(super) fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, now(), &mut ask::password, out))
}

fn perform(args: &Args, config: &Config, now: UnixTime, ask: Ask<'_>, out: &mut dyn Write) -> Result<Answer, Failure> {
    match &args.command {
        Command::Show { account, audit } => account.show(config, now, *audit, args.json, out),
        Command::Verify(account) => account.verify(config, now, args.json, ask, out),
        Command::Unlock(account) => account.unlock(config, now),
    }
}

impl Account {
    fn show(
        self,
        config: &Config,
        now: UnixTime,
        audit: bool,
        json: bool,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let Account { unit, number } = self;
        let store = open_store(config, Mode::Existing)?;
        let contract = store.line_of(number)?.filter(|line| unit != Unit::Line || line.customer_number == number);
        let customer_number = contract.ok_or(StoreError::NotContracted { unit, number })?.customer_number;
        let credential = store.credential(unit, number)?.unwrap_or_else(|| Credential::new(unit, number));
        let filter = AuditFilter { number: Some(number), unit: Some(unit), last: None };
        let audit = if audit { Some(store.audit(&filter)?) } else { None };
        let state = State::of(customer_number, &credential, audit, (now, store.lock()));
        if json {
            json_line(out, &state)?
        } else {
            state.write(out)?
        }
        Ok(Answer::Yes)
    }

    fn verify(
        self,
        config: &Config,
        now: UnixTime,
        json: bool,
        ask: Ask<'_>,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let mut store = open_store(config, Mode::Existing)?;
        let password = ask(&format!("Password of unit {}, number {}: ", self.unit, self.number))?;
        let verdict = store.verify(self.unit, self.number, &password, &Actor::Program("account verify"), now)?;
        if json {
            let until = if let Verdict::Locked { until } = verdict { Some(until) } else { None };
            json_line(out, &Verified { open: verdict.is_open(), verdict: verdict.name(), locked_until: until })?;
        } else {
            writeln!(out, "{}", in_words(verdict))?;
        }
        Ok(if verdict.is_open() { Answer::Yes } else { Answer::No })
    }

    fn unlock(self, config: &Config, now: UnixTime) -> Result<Answer, Failure> {
        let Account { unit, number } = self;
        if open_store(config, Mode::Existing)?.unlock(unit, number, &Actor::Program("account unlock"), now)? {
            return Ok(Answer::Yes);
        }
        Err(Failure::Refused(format!(
            "no password was ever set for unit {unit}, number {number}: there is nothing to unlock"
        )))
    }
}

fn in_words(verdict: Verdict) -> String {
    match verdict {
        Verdict::Temporary => "right: this is the temporary password".to_owned(),
        Verdict::Own => "right: this is the account's own password".to_owned(),
        Verdict::Wrong => "wrong".to_owned(),
        Verdict::Expired => {
            "no longer valid: the temporary password's 24 hours are over; set a new one by telephone".to_owned()
        }
        Verdict::Locked { until } => {
            format!(
                "locked until {} after too many wrong passwords; `karipass account unlock` lifts it",
                readable(until)
            )
        }
        Verdict::Unknown => "no password was ever set for this account".to_owned(),
    }
}

#[derive(Serialize)]
struct Verified {
    open: bool,
    verdict: &'static str,
    locked_until: Option<UnixTime>,
}

/// An account as it is shown: times and counts, no hash.
#[derive(Serialize)]
struct State {
    unit: Unit,
    number: PhoneNumber,
    customer_number: PhoneNumber,
    temporary: Option<TemporaryState>,
    own: Option<OwnState>,
    failures: u32,
    locked_until: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<Vec<AuditEntry>>,
}

#[derive(Serialize)]
struct TemporaryState {
    set_at: UnixTime,
    expires_at: UnixTime,
    valid: bool,
}

#[derive(Serialize)]
struct OwnState {
    changed_at: UnixTime,
}

impl State {
    fn of(
        customer_number: PhoneNumber,
        credential: &Credential,
        audit: Option<Vec<AuditEntry>>,
        (now, lock): (UnixTime, Lock),
    ) -> State {
        State {
            unit: credential.unit,
            number: credential.number,
            customer_number,
            temporary: credential.temporary.as_ref().map(|temporary| TemporaryState {
                set_at: temporary.set_at,
                expires_at: temporary.expires_at,
                valid: temporary.is_valid(now),
            }),
            own: credential.own.as_ref().map(|own| OwnState { changed_at: own.changed_at }),
            failures: credential.standing.failures,
            locked_until: credential.standing.locked(now, lock),
            audit,
        }
    }

    fn write(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let temporary = self.temporary.as_ref().map_or("none".to_owned(), |temporary| {
            let tense = if temporary.valid { "valid until" } else { "ran out at" };
            format!("set {}, {tense} {}", readable(temporary.set_at), readable(temporary.expires_at))
        });
        let own = self.own.as_ref().map_or("none".to_owned(), |own| format!("set {}", readable(own.changed_at)));
        let locked = self.locked_until.map_or("no".to_owned(), |until| format!("until {}", readable(until)));
        writeln!(out, "account             {} {}", self.unit, self.number)?;
        writeln!(out, "contract            {}", self.customer_number)?;
        writeln!(out, "temporary password  {temporary}")?;
        writeln!(out, "own password        {own}")?;
        writeln!(out, "wrong in a row      {}", self.failures)?;
        writeln!(out, "locked              {locked}")?;
        let Some(audit) = &self.audit else { return Ok(()) };
        let cells = |entry: &AuditEntry| {
            vec![
                readable(entry.at),
                entry.actor.clone(),
                entry.action.to_string(),
                entry.detail.clone().unwrap_or_default(),
            ]
        };
        writeln!(out)?;
        table(out, &["AT", "BY", "ACTION", "DETAIL"], &audit.iter().map(cells).collect::<Vec<_>>())
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
