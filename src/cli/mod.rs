//! The command line: one file a subcommand.
//!
//! stdout carries results, stderr logs and complaints. Exit: 0 done, 1 what was asked failed, 2 bad arguments or
//! configuration, 3 a resource is missing (a port in use, a file).

mod account;
mod ask;
mod call;
mod calls;
mod contract;
mod decode;
mod event;
mod line;
mod mails;
mod output;
mod prune;
mod route;
mod serve;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Overrides};

/// Temporary passwords by telephone: answers calls from contracted lines, guides in Japanese, decodes DTMF and writes the
/// account store.
#[derive(Parser)]
#[command(name = "karipass", version)]
#[command(
    after_help = "Configuration: a TOML file (--config), over it KARIPASS_SECTION_KEY in the environment, over that flags.\n\
    RUST_LOG=debug logs more, on stderr.\n\n\
    Example: the service with the example contract, ready to be called\n  karipass serve --demo"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The account store, an SQLite file [default: karipass.db]
    #[arg(long, global = true, value_name = "FILE")]
    db: Option<PathBuf>,
}

// made once a run: its size does not matter
#[allow(clippy::large_enum_variant)]
#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Call(call::Args),
    Decode(decode::Args),
    Contract(contract::Args),
    Account(account::Args),
    Line(line::Args),
    Calls(calls::Args),
    Route(route::Args),
    Event(event::Args),
    Mails(mails::Args),
    Prune(prune::Args),
}

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log();
    match &cli.command {
        // these two need no configuration
        Command::Call(args) => call::run(args),
        Command::Decode(args) => decode::run(args, &mut io::stdout().lock(), &mut io::stderr().lock()),
        Command::Serve(args) => configured(&cli, &args.overrides(cli.db.clone()), |config| serve::run(args, config)),
        Command::Contract(args) => administer(&cli, |config| contract::run(args, config)),
        Command::Account(args) => administer(&cli, |config| account::run(args, config)),
        Command::Line(args) => administer(&cli, |config| line::run(args, config)),
        Command::Calls(args) => administer(&cli, |config| calls::run(args, config)),
        Command::Route(args) => administer(&cli, |config| route::run(args, config)),
        Command::Event(args) => administer(&cli, |config| event::run(args, config)),
        Command::Mails(args) => administer(&cli, |config| mails::run(args, config)),
        Command::Prune(args) => administer(&cli, |config| prune::run(args, config)),
    }
}

fn administer(cli: &Cli, work: impl FnOnce(&Config) -> ExitCode) -> ExitCode {
    configured(cli, &Overrides { db: cli.db.clone(), ..Overrides::default() }, work)
}

fn configured(cli: &Cli, overrides: &Overrides, work: impl FnOnce(&Config) -> ExitCode) -> ExitCode {
    match Config::load(cli.config.as_deref(), std::env::vars_os(), overrides) {
        Ok(config) => work(&config),
        Err(error) => {
            let _ = writeln!(io::stderr(), "karipass: {error}");
            ExitCode::from(if error.is_resource() { 3 } else { 2 })
        }
    }
}

fn log() {
    const STANDARD: &str = "info,rusqlite_migration=warn";
    let asked = std::env::var_os(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let asked = asked.to_string_lossy();
    // empty is how some supervisors write that it is not set
    let filter = if asked.is_empty() { Ok(EnvFilter::new(STANDARD)) } else { EnvFilter::try_new(&asked) };
    let filter = filter.unwrap_or_else(|why| {
        let _ = writeln!(io::stderr(), "karipass: variable RUST_LOG: {asked:?}: {why}; the default is logged");
        EnvFilter::new(STANDARD)
    });
    // a second initialisation in one process (a test) is harmless
    let colours = io::stderr().is_terminal();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr).try_init();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use clap::CommandFactory;

    /// What stands behind a command's options, and behind those of all below it.
    fn texts(command: &clap::Command) -> Vec<String> {
        let own = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
        own.into_iter().chain(command.get_subcommands().flat_map(texts)).collect()
    }

    /// A line that is wrapped at the edge of a terminal is two commands when it is pasted.
    #[test]
    fn no_example_is_wrapped_on_a_terminal_of_80_columns() {
        for text in texts(&Cli::command()) {
            let examples = text.split_once("Example").map_or("", |(_, examples)| examples);
            for line in examples.lines().filter(|line| line.starts_with("  ")) {
                assert!(line.chars().count() <= 80, "{line}");
            }
        }
    }

    #[test]
    fn every_example_is_understood() {
        let mut count = 0;
        for text in texts(&Cli::command()) {
            let joined = text.replace("\\\n", " ");
            for line in joined.lines().filter(|line| line.starts_with("  ") && !line.contains("$(")) {
                let Some((_, words)) = line.split_once("karipass ") else { continue };
                let words = words.split(['|', '>']).next().unwrap().split_whitespace();
                let told = Cli::command().try_get_matches_from(std::iter::once("karipass").chain(words));
                assert!(told.is_ok(), "{line}\n{}", told.unwrap_err());
                count += 1;
            }
        }
        assert!(count > 30, "{count} examples");
    }
}
