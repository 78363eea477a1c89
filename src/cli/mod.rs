//! The command line: one file a subcommand.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Overrides};

pub mod account;
pub mod calls;
pub mod contract;
mod output;

#[derive(Parser)]
#[command(name = "karipass", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[arg(long, global = true)]
    db: Option<PathBuf>,
    #[arg(long, global = true)]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    Contract(contract::Args),
    Account(account::Args),
    Calls(calls::Args),
}

/// Runs the program and tells its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let overrides = Overrides { db: cli.db.clone(), ..Overrides::default() };
    let environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    let config = match Config::load(cli.config.as_deref(), environment, &overrides) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("karipass: {error}");
            return ExitCode::from(if error.is_resource() { 3 } else { 2 });
        }
    };
    match cli.command {
        Command::Contract(args) => contract::run(&args, &config),
        Command::Account(args) => account::run(&args, &config),
        Command::Calls(args) => calls::run(&args, &config),
    }
}
