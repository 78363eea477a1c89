//! `karipass line`: the passwords by which telephones prove their line.

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;
use rand::{Rng, RngExt};
use serde_json::json;

use super::ask::{self, Ask};
use super::output::{Answer, Failure, finish, json_line, now, readable, table};
use crate::account::{Actor, AuditEntry, AuditFilter, Mode, Store, StoreError};
use crate::config::Config;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::service::{line_password, open_store};
use crate::time::UnixTime;
use crate::unit::Unit;

/// The allowed length of a password.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// Passwords of the lines' telephones: with one, a softphone registers, and calls as its line from anywhere
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The password is of the telephone alone: it opens no account on the settings site.

Example: make one, and type it into the softphone
  karipass line passwd 0600001111 --generate")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    /// One JSON object a line instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    Passwd(Passwd),
    List(List),
    Remove(Remove),
}

/// Set the password of a line's telephone: from standard input, a prompt without echo, or generated
#[derive(clap::Args, Debug)]
#[command(after_help = "\
8 to 128 printable ASCII characters; not the line's own number, and not easily guessed. Hashes are stored, for
the realm ([sip] realm) and for each way in which telephones write the user name: with or without @ and the realm, an address
of [sip] listen and advertise, or one of [sip] domains.

Example: make one, and show it this once
  karipass line passwd 0600001111 --generate
Example: from a script
  printf '%s' \"$PASSWORD\" | karipass line passwd 0600001111")]
struct Passwd {
    /// The line: a number of a contract
    number: PhoneNumber,
    /// Generate one and print it, this once
    #[arg(long)]
    generate: bool,
}

/// List the lines whose telephones have a password
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: with every wrong password, and where it came from\n  karipass line list --audit")]
struct List {
    /// Show also what was done: passwords set and removed, wrong ones, locks
    #[arg(long)]
    audit: bool,
}

/// Remove the password of a line's telephone: it can no longer register, nor call by it
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  karipass line remove 0600001111")]
struct Remove {
    /// The line
    number: PhoneNumber,
}

/// Runs `karipass line …`.
pub(super) fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, now(), &mut ask::new_password, &mut rand::rng(), out))
}

fn perform(
    args: &Args,
    config: &Config,
    now: UnixTime,
    ask: Ask<'_>,
    rng: &mut dyn Rng,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    match &args.command {
        Command::Passwd(passwd) => passwd.perform(config, now, args.json, ask, rng, out),
        Command::List(List { audit }) => list(config, *audit, args.json, out),
        Command::Remove(Remove { number }) => {
            if open_store(config, Mode::Existing)?.remove_line_password(*number, &Actor::Program("line remove"), now)? {
                return Ok(Answer::Yes);
            }
            Err(Failure::Refused(format!("{number} has no telephone password; see `karipass line list`")))
        }
    }
}

impl Passwd {
    fn perform(
        &self,
        config: &Config,
        now: UnixTime,
        json: bool,
        ask: Ask<'_>,
        rng: &mut dyn Rng,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let number = self.number;
        let mut store = open_store(config, Mode::Existing)?;
        // checked before a password is asked for in vain
        store.line_of(number)?.ok_or(StoreError::NotContracted { unit: Unit::Number, number })?;
        let password = if self.generate { made_up(rng) } else { ask(&format!("Password of {number}'s telephone: "))? };
        check(&password, number).map_err(|why| Failure::Refused(format!("{why}; nothing was changed")))?;
        store.set_line_password(&line_password(config, number, &password), &Actor::Program("line passwd"), now)?;
        let shown = self.generate.then(|| password.expose());
        let realm = &config.sip.realm;
        if json {
            json_line(out, &json!({"number": number, "user_name": number, "realm": realm, "password": shown}))?;
        } else if let Some(shown) = shown {
            writeln!(out, "user name  {number}\npassword   {shown}\nrealm      {realm}")?;
        }
        Ok(Answer::Yes)
    }
}

fn list(config: &Config, audit: bool, json: bool, out: &mut dyn Write) -> Result<Answer, Failure> {
    let store = open_store(config, Mode::Existing)?;
    let lines = store.line_passwords()?;
    let mut entries = if audit { store.audit(&AuditFilter::default())? } else { Vec::new() };
    entries.retain(|entry| entry.action.is_of_a_line());
    if json {
        lines.iter().try_for_each(|line| json_line(out, line))?;
        entries.iter().try_for_each(|entry| json_line(out, entry))?;
        return Ok(Answer::Yes);
    }
    let note = |realm: &str| if realm == config.sip.realm { "" } else { "of no use: the realm has changed" };
    let cells = |line: &crate::account::LineEntry| {
        vec![
            line.number.to_string(),
            line.customer_number.to_string(),
            line.realm.clone(),
            readable(line.set_at),
            note(&line.realm).to_owned(),
        ]
    };
    table(out, &["NUMBER", "CONTRACT", "REALM", "SET", ""], &lines.iter().map(cells).collect::<Vec<_>>())?;
    if audit {
        let cells = |entry: &AuditEntry| {
            let number = entry.number.map(|number| number.to_string()).unwrap_or_default();
            let detail = entry.detail.clone().unwrap_or_default();
            vec![readable(entry.at), entry.actor.clone(), number, entry.action.to_string(), detail]
        };
        writeln!(out)?;
        table(out, &["AT", "BY", "NUMBER", "ACTION", "DETAIL"], &entries.iter().map(cells).collect::<Vec<_>>())?;
    }
    Ok(Answer::Yes)
}

fn check(password: &Secret, number: PhoneNumber) -> Result<(), String> {
    let clear = password.expose();
    if !clear.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        // telephones differ in how they encode the rest
        return Err("a telephone's password is of printable ASCII characters only".to_owned());
    }
    if !LENGTH.contains(&clear.len()) {
        let (fewest, most) = (LENGTH.start(), LENGTH.end());
        return Err(format!("a telephone's password has {fewest} to {most} characters, and this one {}", clear.len()));
    }
    let digits: String = clear.chars().filter(char::is_ascii_digit).collect();
    if number.as_str().get(1..).is_some_and(|own| digits.contains(own)) {
        return Err("the line's own number is not accepted as a password".to_owned());
    }
    if zxcvbn::zxcvbn(clear, &["karipass"]).score() < zxcvbn::Score::Two {
        return Err("this password is among the first that are guessed; --generate makes a good one".to_owned());
    }
    Ok(())
}

/// 20 characters of an alphabet of 32 without lookalikes: 100 bits.
fn made_up(rng: &mut dyn Rng) -> Secret {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
    let mut password = Secret::new();
    for place in 0..20 {
        if place > 0 && place % 5 == 0 {
            password.push('-');
        }
        let letter = LETTERS.get(rng.random_range(0..LETTERS.len())).copied().unwrap_or(b'x');
        password.push(char::from(letter));
    }
    password
}

#[cfg(test)]
mod tests;
