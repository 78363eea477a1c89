//! `karipass contract`: contracted lines, their numbers, and the services of each.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::str::FromStr;

use clap::Subcommand;

use super::output::{Answer, Failure, finish, json_line, now, table};
use crate::account::{
    self, Actor, Contract, ContractTable, ContractedNumber, CsvError, Existing, Mode, Saved, Services, Store,
    StoreError,
};
use crate::config::Config;
use crate::number::PhoneNumber;
use crate::service::open_store;
use crate::time::UnixTime;

/// Administer contracted lines and their numbers.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  karipass contract add 0600001111 0600002222 --services arrival-mail+fax-mail")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    /// One JSON object a line instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    Add(Add),
    List(List),
    Show(Show),
    Import(Import),
    Remove(Remove),
}

/// Add a contract, or further numbers to one
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Services: voicewarp, arrival-mail, bulk-transfer, fault-notice, fax-mail; joined by +, or all, or none.

Example: a contract with arrival mail, and an additional number that has fax mail too
  karipass contract add 0600001111 0600002222=arrival-mail+fax-mail \\
    --services arrival-mail")]
struct Add {
    /// The customer number, which is the contract number too; NUMBER=SERVICE+SERVICE gives it other services
    #[arg(value_name = "CUSTOMER_NUMBER")]
    customer: Entry,
    /// Additional numbers
    #[arg(value_name = "NUMBER")]
    additional: Vec<Entry>,
    /// The services of each number that is given without its own
    #[arg(long, value_name = "SERVICE+SERVICE", default_value = "none")]
    services: Services,
    /// Give the services to numbers that already exist, instead of refusing them
    #[arg(long)]
    update: bool,
}

/// List all contracts, one number a row
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: the customer numbers alone\n  karipass contract list --json | jq -r .customer_number")]
struct List {}

/// Show the contract that a number belongs to
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  karipass contract show 06-0000-1111")]
struct Show {
    /// The customer number, or any number of the contract
    number: PhoneNumber,
}

/// Add contracts and numbers from a CSV file, all or none
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The columns are customer_number,number,services; the header is optional, and lines that begin with # are skipped.
Numbers that are there already get the services in the file; numbers that are not in the file stay as they are.

Example:
  printf '%s\\n' 0600001111,0600001111,arrival-mail \\
    0600001111,0600002222,arrival-mail+fax-mail > contracts.csv
  karipass contract import contracts.csv")]
struct Import {
    /// The file, or - for standard input
    #[arg(value_name = "FILE.csv")]
    file: String,
}

/// Remove a contract, or additional numbers of it, with their passwords, settings and faxes
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Call records and the audit stay.

Example: one number
  karipass contract remove 0600001111 0600002222
Example: the whole contract
  karipass contract remove 0600001111")]
struct Remove {
    /// The customer number
    customer_number: PhoneNumber,
    /// Additional numbers; without any, the whole contract goes
    #[arg(value_name = "NUMBER")]
    numbers: Vec<PhoneNumber>,
}

/// `NUMBER` or `NUMBER=SERVICE+SERVICE`.
#[derive(Clone, Copy, Debug)]
struct Entry {
    number: PhoneNumber,
    services: Option<Services>,
}

impl FromStr for Entry {
    type Err = String;
    fn from_str(text: &str) -> Result<Entry, String> {
        let (number, services) = match text.split_once('=') {
            Some((number, services)) => (number, Some(services.parse().map_err(describe)?)),
            None => (text, None),
        };
        Ok(Entry { number: number.parse().map_err(describe)?, services })
    }
}

fn describe(error: impl ToString) -> String {
    error.to_string()
}

/// Runs `karipass contract …`.
pub(super) fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, now(), &mut io::stdin(), out))
}

fn perform(
    args: &Args,
    config: &Config,
    now: UnixTime,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    match &args.command {
        Command::Add(add) => tell_saved(out, args.json, add.perform(config, now)?)?,
        Command::Import(import) => tell_saved(out, args.json, import.perform(config, now, input)?)?,
        Command::List(List {}) => {
            let contracts = open_store(config, Mode::Existing)?.contracts()?;
            tell_contracts(out, args.json, &contracts)?;
        }
        Command::Show(show) => tell_contracts(out, args.json, &[show.perform(config)?])?,
        Command::Remove(remove) => remove.perform(config, now)?,
    }
    Ok(Answer::Yes)
}

impl Add {
    fn perform(&self, config: &Config, now: UnixTime) -> Result<Saved, Failure> {
        let contracted = |entry: &Entry| ContractedNumber {
            number: entry.number,
            services: entry.services.unwrap_or(self.services),
        };
        let mut contract = Contract { customer_number: self.customer.number, numbers: Vec::new() };
        let mut store = open_store(config, Mode::Create)?;
        let is_known = store.contract(contract.customer_number)?.is_some();
        // to a contract that is there, numbers are added without its being taken for a second one
        if self.update || !is_known || self.additional.is_empty() || self.customer.services.is_some() {
            contract.numbers.push(contracted(&self.customer));
        }
        contract.numbers.extend(self.additional.iter().map(contracted));
        let existing = if self.update { Existing::Update } else { Existing::Refuse };
        Ok(store.save_contracts(&[contract], existing, &Actor::Program("contract add"), now)?)
    }
}

impl Show {
    fn perform(&self, config: &Config) -> Result<Contract, Failure> {
        let contract = open_store(config, Mode::Existing)?.line_of(self.number)?;
        contract
            .ok_or_else(|| Failure::Refused(format!("{} is not contracted; see `karipass contract list`", self.number)))
    }
}

impl Import {
    fn perform(&self, config: &Config, now: UnixTime, input: &mut dyn Read) -> Result<Saved, Failure> {
        let text =
            self.read(input).map_err(|why| Failure::Resource(format!("{}: cannot be read: {why}", self.file)))?;
        let table = account::read_csv(&text).map_err(|errors| self.explain(&errors))?;
        let mut store = open_store(config, Mode::Create)?;
        store
            .save_contracts(table.contracts(), Existing::Update, &Actor::Program("contract import"), now)
            .map_err(|error| self.locate(&table, error))
    }

    fn read(&self, input: &mut dyn Read) -> io::Result<Vec<u8>> {
        if self.file != "-" {
            return std::fs::read(&self.file);
        }
        let mut text = Vec::new();
        input.read_to_end(&mut text)?;
        Ok(text)
    }

    /// Up to a screenful of what is wrong.
    fn explain(&self, errors: &[CsvError]) -> Failure {
        const SHOWN: usize = 20;
        let mut lines: Vec<String> = errors.iter().take(SHOWN).map(|error| format!("{}: {error}", self.file)).collect();
        if errors.len() > SHOWN {
            lines.push(format!("{}: and {} more", self.file, errors.len() - SHOWN));
        }
        lines.push("nothing was changed".to_owned());
        Failure::Refused(lines.join("\nkaripass: "))
    }

    fn locate(&self, table: &ContractTable, error: StoreError) -> Failure {
        let StoreError::NumberTaken { number, .. } = &error else { return error.into() };
        let line = table.line_of(*number).unwrap_or(0);
        Failure::Refused(format!("{}: line {line}: {error}", self.file))
    }
}

impl Remove {
    fn perform(&self, config: &Config, now: UnixTime) -> Result<(), Failure> {
        let (mut store, by) = (open_store(config, Mode::Existing)?, Actor::Program("contract remove"));
        let customer_number = self.customer_number;
        let contract = store.contract(customer_number)?.ok_or(StoreError::UnknownContract { customer_number })?;
        if let Some(stranger) = self.numbers.iter().find(|number| !contract.has(**number)) {
            let why = format!("{stranger} is not a number of contract {customer_number}; nothing was changed");
            return Err(Failure::Refused(why));
        }
        if self.numbers.contains(&customer_number) {
            return Err(StoreError::ContractNumber { number: customer_number }.into());
        }
        if self.numbers.is_empty() {
            store.remove_contract(customer_number, &by, now)?;
        }
        for number in &self.numbers {
            store.remove_number(*number, &by, now)?;
        }
        Ok(())
    }
}

fn tell_saved(out: &mut dyn Write, json: bool, saved: Saved) -> Result<(), Failure> {
    if json {
        return json_line(out, &saved);
    }
    let Saved { contracts_added, numbers_added, numbers_changed } = saved;
    Ok(writeln!(
        out,
        "contracts added: {contracts_added}, numbers added: {numbers_added}, numbers changed: {numbers_changed}"
    )?)
}

fn tell_contracts(out: &mut dyn Write, json: bool, contracts: &[Contract]) -> Result<(), Failure> {
    if json {
        return contracts.iter().try_for_each(|contract| json_line(out, contract));
    }
    let mut rows = Vec::new();
    for contract in contracts {
        for ContractedNumber { number, services } in &contract.numbers {
            rows.push(vec![contract.customer_number.to_string(), number.to_string(), services.to_string()]);
        }
    }
    table(out, &["CUSTOMER", "NUMBER", "SERVICES"], &rows)
}

#[cfg(test)]
#[path = "contract_tests.rs"]
mod tests;
