//! `karipass serve`: the service itself.

mod introduction;

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::output::{Answer, Failure, finish, json_line};
use crate::config::{Config, Overrides, PortRange};
use crate::service::{self, Ended, Listening, Options, Service, Signals};
use introduction::Introduction;

/// Answer calls: verify the line, guide, take the temporary password and store it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: try it out with the example contract, then call it\n  \
    karipass serve --demo\n  \
    karipass call --to sip:0664806430@127.0.0.1:5060 --from 0600001111 \\\n    \
    --unit line --password 48151623\n\n\
    SIGTERM or Ctrl-C stops: new calls get 503, running ones may end by the deadline; a second one ends them at once.\n\
    SIGHUP reads the certificates of tls: listeners and of the site again.\n\
    When the account store is moved, removed or replaced meanwhile, it ends with status 3, to be started again.")]
pub(super) struct Args {
    /// Set up the example contract, and believe From on loopback
    #[arg(long)]
    demo: bool,
    /// The address for SIP, over UDP and TCP; port 0 is a free one
    #[arg(long, value_name = "ADDR:PORT")]
    sip: Option<SocketAddr>,
    /// The ports for RTP and RTCP; 0 lets the system choose
    #[arg(long, value_name = "FROM-TO")]
    rtp_ports: Option<PortRange>,
    /// The address of the settings site; port 0 is a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    site: Option<SocketAddr>,
    /// Keep each call's messages and packets in this folder, as ID.pcapng, with keys, audio and credentials masked
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    /// Print where it listens as JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl Args {
    /// What the flags say over file and environment.
    pub(super) fn overrides(&self, db: Option<PathBuf>) -> Overrides {
        Overrides {
            sip: self.sip,
            rtp_ports: self.rtp_ports,
            site: self.site,
            db,
            trace: self.trace.clone(),
            demo: self.demo,
        }
    }
}

/// Runs `karipass serve`.
pub(super) fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, out).map_err(unread))
}

/// A list may be cut short by its reader (`| head`); a service that ends for want of a reader has failed.
fn unread(failure: Failure) -> Failure {
    match failure {
        Failure::Output(error) => Failure::Resource(format!("stdout: {error}")),
        Failure::Refused(_) | Failure::Resource(_) => failure,
    }
}

fn perform(args: &Args, config: &Config, out: &mut dyn Write) -> Result<Answer, Failure> {
    let resource = |error: std::io::Error| Failure::Resource(error.to_string());
    // signalling is one loop: a second thread would only hand it its messages
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(resource)?;
    runtime.block_on(async {
        let signals = Signals::catch().map_err(resource)?;
        let service = service::start(config, Options { demo: args.demo }).await?;
        service.obey(signals);
        for place in service.listening() {
            announce(args.json, &place, out)?;
        }
        if !args.json {
            introduce(config, &service, out)?;
        }
        out.flush()?;
        match service.run().await {
            Ended::Asked => Ok(Answer::Yes),
            Ended::StoreLost(error) => Err(Failure::Resource(error.to_string())),
        }
    })
}

fn announce(json: bool, place: &Listening, out: &mut dyn Write) -> Result<(), Failure> {
    let Listening { what, transport, address } = place;
    if json {
        return json_line(out, &json!({"listening": what, "transport": transport, "address": address}));
    }
    Ok(writeln!(out, "listening {what} {transport} {address}")?)
}

/// What to do with the example contract, if there is one, and it can be called over UDP.
fn introduce(config: &Config, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    let Some((contract, address)) = service.example().zip(service.udp()) else { return Ok(()) };
    let introduction = Introduction { contract, service_number: config.sip.service_number.to_string(), address };
    Ok(introduction.write(out, &service.site(), std::io::stdout().is_terminal())?)
}
