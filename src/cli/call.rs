//! `karipass call`: a test call, or many, from the other end of the line.

mod report;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::ask;
use super::output::{Answer, Failure, finish};
use crate::audio::recording::Recording;
use crate::caller::script::Order;
use crate::caller::{Faults, Habits, Manner};
use crate::dialler::{Believed, Callee, Dialler, Error, Load, Offer, Signalling, Target};
use crate::key::Ways;
use crate::keying::Suite;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::unit::Unit;

use report::Report;

/// The registration time asked for, in seconds: what registrars usually grant.
const REGISTERED_FOR: u32 = 3600;
/// The longest recording that is played, in seconds.
const LONGEST_RECORDING: usize = 600;

/// Place test calls: key what the prompts ask for, or play a recording, and say what was heard.
///
/// The password is for testing: it can be seen in the process list.
#[derive(clap::Args)]
#[command(after_help = "Exit: 0 when every call heard that the password is set, 1 when one did not.\n\n\
    Example: against `karipass serve --demo`\n  \
    karipass call --to sip:0664806430@127.0.0.1:5060 --from 0600001111 \\\n    \
    --unit line --password 48151623\n\n\
    Example: 200 calls, 20 new ones a second, at most 100 at a time\n  \
    karipass call --to sip:0664806430@127.0.0.1:5060 --from 0600001111 \\\n    \
    --unit number --password 48151623 --calls 200 --rate 20 --concurrent 100\n\n\
    Example: with encrypted media\n  \
    karipass call --to sip:0664806430@127.0.0.1:5060 --from 0600001111 \\\n    \
    --unit line --password 48151623 --srtp\n\n\
    Example: over TLS, to a server whose certificate an authority of your own has signed\n  \
    karipass call --to sips:0664806430@sip.example.jp --tls-ca ca.pem \\\n    \
    --from 0600001111 --unit line --password 48151623\n\n\
    Example: what becomes of an answer that is never acknowledged\n  \
    karipass call --to sip:0664806430@127.0.0.1:5060 --from 0600001111 \\\n    \
    --unit line --password 48151623 --no-ack\n\n\
    Example: over a bad network, the same one every time\n  \
    karipass call --to sip:0664806430@127.0.0.1:5060 --from 0600001111 \\\n    \
    --unit line --password 48151623 \\\n    \
    --loss 10 --jitter 60 --reorder 2 --seed 7\n\n\
    Example: as a telephone that registers and proves its line, with the password in a file\n  \
    karipass call --to sip:0664806430@192.0.2.10 --from 0600001111 \\\n    \
    --unit line --password 48151623 \\\n    \
    --register --auth-password-file telephone.txt")]
pub(super) struct Args {
    /// Whom to call: sip:NUMBER@HOST:PORT, or sips: over TLS
    #[arg(long, value_name = "URI")]
    to: Target,
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
    /// Encrypt media (SRTP): offer this suite, or all with AES_CM_128_HMAC_SHA1_80 first, and nothing else
    #[arg(long, value_name = "SUITE", num_args = 0..=1, require_equals = true, value_parser = suite)]
    srtp: Option<Option<Suite>>,
    /// Signal over udp, tcp or tls [default: what the URI says, or else udp]
    #[arg(long, value_name = "TRANSPORT", value_parser = ["udp", "tcp", "tls"])]
    transport: Option<String>,
    /// With TLS: trust the authorities in this PEM file instead of the system's
    #[arg(long, value_name = "FILE", conflicts_with = "tls_insecure")]
    tls_ca: Option<PathBuf>,
    /// With TLS, laboratory only: accept any certificate
    #[arg(long)]
    tls_insecure: bool,
    /// Send INVITE without an offer, and answer the service's in ACK
    #[arg(long)]
    late_offer: bool,
    /// Never acknowledge the 200: see it repeated, and the call given up after 64*T1 (32 s)
    #[arg(long)]
    no_ack: bool,
    /// Audio in a packet, sent and asked for: 10, 20 … 60
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = ptime)]
    ptime: u32,
    /// The clock rate that telephone events are offered with
    #[arg(long, value_name = "HZ", default_value_t = 8000, value_parser = clap::value_parser!(u32).range(1000..=192_000))]
    dtmf_clock: u32,
    /// Lose this share of the RTP packets sent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    loss: f64,
    /// Delay RTP packets by up to this long, evenly spread, in order
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=2000))]
    jitter: u64,
    /// Let later RTP packets overtake this share of them
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    reorder: f64,
    /// The seed of losses, delays and reorderings: the same number gives the same ones
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The number of calls
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// New calls a second
    #[arg(long, value_name = "CPS", default_value_t = 10.0, value_parser = rate)]
    rate: f64,
    /// The limit on concurrent calls
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
    /// The same from the first line of a file; - is standard input, where a terminal is asked without echo
    #[arg(long, value_name = "FILE")]
    auth_password_file: Option<PathBuf>,
    /// Report what happens as JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Runs `karipass call`.
pub(super) fn run(args: &Args) -> ExitCode {
    finish(|out| perform(args, out))
}

fn perform(args: &Args, out: &mut dyn Write) -> Result<Answer, Failure> {
    let recording = args.play.as_deref().map(read).transpose()?;
    let manner = Manner {
        order: Order { unit: args.unit, from: args.from, target: args.target, password: args.password.clone() },
        ways: match args.dtmf.as_str() {
            "inband" => Ways::IN_BAND,
            "info" => Ways::INFO,
            _ => Ways::RFC4733,
        },
        withheld: args.withheld,
        patient: args.patient,
        recording,
        habits: habits(args),
    };
    let suites = args.srtp.map(|suite| suite.map_or(Suite::ALL.to_vec(), |suite| vec![suite]));
    let offer = Offer { suites: suites.unwrap_or_default(), ptime_ms: args.ptime, event_clock: args.dtmf_clock };
    let load = Load { calls: args.calls, rate: args.rate, concurrent: args.concurrent };
    let mut report = Report::new(args.json, args.calls == 1, out);
    let (callee, credentials) = (callee(args)?, credentials(args)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let called = runtime.map_err(|error| Failure::Resource(error.to_string()))?.block_on(async {
        let mut dialler = Dialler::new(callee, manner, offer).await?;
        dialler.signal(Signalling { late_offer: args.late_offer, no_ack: args.no_ack });
        if let Some((user_name, password)) = credentials {
            dialler.prove_with(user_name, password);
        }
        if args.register && dialler.register(REGISTERED_FOR, &mut report).await? != 200 {
            return Ok(false);
        }
        dialler.run(&load, &mut report).await?;
        if args.register {
            dialler.register(0, &mut report).await?;
        }
        Ok(true)
    });
    match called {
        Ok(true) => report.finish(),
        Ok(false) => Ok(Answer::No),
        Err(error) => Err(report.failure().unwrap_or_else(|| failed(&error))),
    }
}

fn failed(error: &Error) -> Failure {
    let advice = if error.is_disbelieved() {
        "; name its authority with --tls-ca, or in a laboratory give --tls-insecure"
    } else {
        ""
    };
    Failure::Resource(format!("{error}{advice}"))
}

fn habits(args: &Args) -> Habits {
    let faults = Faults {
        loss: args.loss / 100.0,
        jitter: Duration::from_millis(args.jitter),
        reorder: args.reorder / 100.0,
        seed: args.seed,
    };
    Habits { ptime_ms: args.ptime, faults, ..Habits::default() }
}

/// User name and password for challenges; `None` without a password.
fn credentials(args: &Args) -> Result<Option<(String, Secret)>, Failure> {
    let password = match (&args.auth_password, &args.auth_password_file) {
        (Some(password), _) => Secret::from(password.as_str()),
        (None, Some(file)) => {
            let failed = |error: std::io::Error| Failure::Resource(format!("{}: {error}", file.display()));
            if file.as_os_str() == "-" {
                ask::password(&format!("Password of {}'s telephone: ", args.from))?
            } else {
                ask::first_line(&mut std::fs::File::open(file).map_err(failed)?).map_err(failed)?
            }
        }
        (None, None) => return Ok(None),
    };
    let user_name = args.auth_user.clone().unwrap_or_else(|| args.from.to_string());
    Ok(Some((user_name, password)))
}

fn callee(args: &Args) -> Result<Callee, Failure> {
    let believed = match (&args.tls_ca, args.tls_insecure) {
        (Some(file), _) => Believed::File(file.clone()),
        (None, true) => Believed::Anyone,
        (None, false) => Believed::System,
    };
    Callee::find(args.to.clone(), args.transport.as_deref(), &believed).map_err(|error| {
        if error.is_resource() { Failure::Resource(error.to_string()) } else { Failure::Refused(error.to_string()) }
    })
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

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "a number from 0 to 100".to_owned())
}

fn ptime(text: &str) -> Result<u32, String> {
    let millis = text.parse().ok().filter(|millis| (10..=60).contains(millis) && millis % 10 == 0);
    millis.ok_or_else(|| "10, 20, 30, 40, 50 or 60".to_owned())
}

fn suite(text: &str) -> Result<Suite, String> {
    Suite::from_name(text).ok_or_else(|| format!("one of {}", Suite::ALL.map(Suite::name).join(", ")))
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000.0 => Ok(rate),
        _ => Err("a number of calls a second, above 0 and up to 10000".to_owned()),
    }
}
