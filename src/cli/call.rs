//! `karipass call`: a test call, or many, from the other end of the line.

mod report;
mod runner;

use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::output::{Answer, Failure, finish};
use crate::audio::prompt::Bank;
use crate::audio::recording::Recording;
use crate::caller::ear::Lexicon;
use crate::caller::script::Order;
use crate::caller::{Manner, Way};
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::sip::digest::Account;
use crate::sip::message::Uri;
use crate::unit::Unit;

use report::Report;
use runner::{Load, Runner};

/// How long a registration is asked for, in seconds; as long as registrars usually give.
const REGISTERED_FOR: u32 = 3600;
/// The longest recording that is played, in seconds.
const LONGEST_RECORDING: usize = 600;

/// Place test calls: key what the prompts ask for, or play a recording, and say what was heard.
///
/// The password is for testing: it can be seen in the process list.
#[derive(clap::Args)]
#[command(after_help = "Exit: 0 when every call heard that the password is set, 1 when one did not.\n\n\
    Example: against `karipass serve --demo`\n  \
    karipass call --to sip:0664806430@127.0.0.1:5060 --from 0600001111 --unit line --password 48151623\n\n\
    Example: 200 calls, 20 new ones a second, at most 100 at a time\n  \
    karipass call --to sip:0664806430@127.0.0.1:5060 --from 0600001111 --unit number --password 48151623 \\\n    \
    --calls 200 --rate 20 --concurrent 100\n\n\
    Example: as a telephone that registers and proves its line, with the password in a file\n  \
    karipass call --to sip:0664806430@192.0.2.10 --from 0600001111 --unit line --password 48151623 \\\n    \
    --register --auth-password-file telephone.txt")]
pub struct Args {
    /// Whom to call: sip:NUMBER@HOST:PORT
    #[arg(long, value_name = "URI")]
    to: Uri,
    /// The calling number
    #[arg(long, value_name = "NUMBER")]
    from: PhoneNumber,
    /// The authentication unit: line, number or admin-user
    #[arg(long, value_name = "UNIT")]
    unit: Unit,
    /// The temporary password to set
    #[arg(long, value_name = "DIGITS", value_parser = password)]
    password: Secret,
    /// Another number of the contract; with --unit line the customer number, if it is not the calling number
    #[arg(long, value_name = "NUMBER")]
    target: Option<PhoneNumber>,
    /// How keys are sent
    #[arg(long, value_name = "WAY", default_value = "rfc4733", value_parser = ["rfc4733", "inband", "info"])]
    dtmf: String,
    /// Withhold the calling number, as after dialling 184: the service should refuse with 433
    #[arg(long)]
    withheld: bool,
    /// Play this recording instead of keying
    #[arg(long, value_name = "FILE.wav")]
    play: Option<PathBuf>,
    /// Hear every prompt to its end before keying
    #[arg(long)]
    patient: bool,
    /// How many calls
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// New calls a second
    #[arg(long, value_name = "CPS", default_value_t = 10.0, value_parser = rate)]
    rate: f64,
    /// The most calls at a time
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    concurrent: u32,
    /// Register the calling number before the calls, and unregister it after them
    #[arg(long)]
    register: bool,
    /// The user name that challenges are answered with [default: the calling number]
    #[arg(long, value_name = "NAME")]
    auth_user: Option<String>,
    /// The password of the line's telephone, for challenges (`karipass line passwd`)
    #[arg(long, value_name = "PASSWORD", conflicts_with = "auth_password_file")]
    auth_password: Option<String>,
    /// The same from the first line of a file; - is standard input
    #[arg(long, value_name = "FILE")]
    auth_password_file: Option<PathBuf>,
    /// Tell what happens as JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Runs `karipass call`.
pub fn run(args: &Args) -> ExitCode {
    finish(|out| perform(args, out))
}

fn perform(args: &Args, out: &mut dyn Write) -> Result<Answer, Failure> {
    let recording = args.play.as_deref().map(read).transpose()?;
    let manner = Manner {
        order: Order { unit: args.unit, from: args.from, target: args.target, password: args.password.clone() },
        way: match args.dtmf.as_str() {
            "inband" => Way::InBand,
            "info" => Way::Info,
            _ => Way::Rfc4733,
        },
        withheld: args.withheld,
        patient: args.patient,
        recording,
    };
    let load = Load { calls: args.calls, rate: args.rate, concurrent: args.concurrent };
    super::descriptors::raise_limit(args.concurrent.min(args.calls).saturating_mul(2).saturating_add(64));
    let lexicon = Arc::new(Lexicon::new(&Bank::builtin()));
    let mut report = Report::new(args.json, args.calls == 1);
    let mut runner = Runner::new(args.to.clone(), resolve(&args.to)?, manner, lexicon)
        .map_err(|error| Failure::Resource(format!("cannot call {}: {error}", args.to)))?;
    if let Some(account) = account(args)? {
        runner.prove_with(account);
    }
    if args.register && runner.register(REGISTERED_FOR, &mut report, out)? != 200 {
        return Ok(Answer::No);
    }
    runner.run(&load, &mut report, out)?;
    if args.register {
        runner.register(0, &mut report, out)?;
    }
    report.finish(out)
}

/// What challenges are answered with; `None` without a password.
fn account(args: &Args) -> Result<Option<Account>, Failure> {
    let password = match (&args.auth_password, &args.auth_password_file) {
        (Some(password), _) => Secret::from(password.as_str()),
        (None, Some(file)) => {
            let failed = |error: std::io::Error| Failure::Resource(format!("{}: {error}", file.display()));
            let read = if file.as_os_str() == "-" {
                super::output::first_line(&mut std::io::stdin())
            } else {
                super::output::first_line(&mut std::fs::File::open(file).map_err(failed)?)
            };
            read.map_err(failed)?
        }
        (None, None) => return Ok(None),
    };
    let user_name = args.auth_user.clone().unwrap_or_else(|| args.from.to_string());
    Ok(Some(Account { user_name, password }))
}

fn resolve(to: &Uri) -> Result<SocketAddr, Failure> {
    if !to.is_sip() {
        return Err(Failure::Refused(format!("{to} cannot be called: write sip:NUMBER@HOST:PORT")));
    }
    let port = to.port.unwrap_or(5060);
    let addresses = (to.host.as_str(), port).to_socket_addrs();
    let mut addresses = addresses.map_err(|error| Failure::Resource(format!("{}: {error}", to.host)))?;
    addresses.next().ok_or_else(|| Failure::Resource(format!("{}: no address", to.host)))
}

fn read(file: &Path) -> Result<Vec<i16>, Failure> {
    let failed = |error: String| Failure::Resource(format!("{}: {error}", file.display()));
    let opened = std::fs::File::open(file).map_err(|error| failed(error.to_string()))?;
    let mut recording = Recording::new(std::io::BufReader::new(opened)).map_err(|error| failed(error.to_string()))?;
    let (samples, _) = recording.read_mono(LONGEST_RECORDING * 8000).map_err(|error| failed(error.to_string()))?;
    Ok(samples)
}

fn password(text: &str) -> Result<Secret, String> {
    let keys = text.chars().all(|c| c.is_ascii_digit() || c == '*');
    // the value itself is never repeated
    if keys && !text.is_empty() { Ok(Secret::from(text)) } else { Err("only the digits of a telephone".to_owned()) }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000.0 => Ok(rate),
        _ => Err("a number of calls a second, above 0 and up to 10000".to_owned()),
    }
}
