//! Asking for a password without showing it.

use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::first_line;
use crate::cli::output::Failure;
use crate::number::PhoneNumber;
use crate::secret::Secret;

/// Asks twice at a terminal, without echo; anywhere else reads one line of standard input.
pub(super) fn ask_password(number: PhoneNumber) -> Result<Secret, Failure> {
    let mut input = io::stdin();
    if !input.is_terminal() {
        return first_line(&mut input);
    }
    let unreadable = |why: io::Error| Failure::Refused(format!("the terminal: no password can be read: {why}"));
    let quiet = Quiet::begin().map_err(unreadable)?;
    let password = ask(&format!("Password of {number}'s telephone: ")).map_err(unreadable)?;
    let again = ask("The same again: ").map_err(unreadable)?;
    drop(quiet);
    if password == again {
        return Ok(password);
    }
    Err(Failure::Refused("the two passwords differ; nothing was changed".to_owned()))
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
