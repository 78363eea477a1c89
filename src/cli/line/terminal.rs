//! Asking for a password without showing it.

use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::first_line;
use crate::cli::output::Failure;
use crate::number::PhoneNumber;
use crate::secret::Secret;

/// Asks twice at a terminal, without echo; anywhere else reads one line of standard input. Whoever breaks it off gets the
/// terminal back as it was.
pub(super) fn ask_password(number: PhoneNumber) -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        return first_line(&mut io::stdin());
    }
    let unreadable = |why: io::Error| Failure::Refused(format!("the terminal: no password can be read: {why}"));
    let runtime = runtime::Builder::new_current_thread().enable_io().build().map_err(unreadable)?;
    let quiet = Quiet::begin().map_err(unreadable)?;
    let typed = runtime.block_on(unless_broken_off(move || {
        Ok((ask(&format!("Password of {number}'s telephone: "))?, ask("The same again: ")?))
    }));
    drop(quiet);
    // a thread that still reads the terminal is not waited for
    runtime.shutdown_background();
    match typed.map_err(unreadable)? {
        Some((password, again)) if password == again => Ok(password),
        Some(_) => Err(Failure::Refused("the two passwords differ; nothing was changed".to_owned())),
        None => Err(Failure::Refused("broken off; nothing was changed".to_owned())),
    }
}

/// What this reads, in a thread of its own; `None` when a signal that ends programs comes first.
async fn unless_broken_off<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<Option<T>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        read = tokio::task::spawn_blocking(read) => Ok(Some(read??)),
        _ = interrupt.recv() => broken_off(),
        _ = terminate.recv() => broken_off(),
        _ = hangup.recv() => broken_off(),
    }
}

fn broken_off<T>() -> io::Result<Option<T>> {
    // behind the question; the terminal may be gone
    let _ = writeln!(io::stderr());
    Ok(None)
}

fn ask(question: &str) -> io::Result<Secret> {
    // the question is no result, and does not belong on standard output
    write!(io::stderr(), "{question}")?;
    let mut typed = String::with_capacity(1024);
    let read = io::stdin().lock().read_line(&mut typed);
    let typed = Secret::from(typed);
    read?;
    writeln!(io::stderr())?;
    Ok(Secret::from(typed.expose().trim_end_matches(['\n', '\r'])))
}

/// The terminal without echo, for as long as this lives.
struct Quiet {
    before: Termios,
}

impl Quiet {
    fn begin() -> io::Result<Quiet> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Quiet { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}
