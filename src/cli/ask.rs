//! Asking for a password: at a terminal without showing it, anywhere else the first line of standard input.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::output::Failure;
use crate::secret::Secret;

/// Asks this question for a password.
pub(super) type Ask<'a> = &'a mut dyn FnMut(&str) -> Result<Secret, Failure>;

/// Asks for an existing password.
pub(super) fn password(question: &str) -> Result<Secret, Failure> {
    let question = question.to_owned();
    if io::stdin().is_terminal() { at_terminal(move || ask(&question)) } else { read(&mut io::stdin()) }
}

/// Asks for a new password: twice at a terminal, which does not show what is typed.
pub(super) fn new_password(question: &str) -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        return read(&mut io::stdin());
    }
    let question = question.to_owned();
    let agreed = at_terminal(move || {
        let password = ask(&question)?;
        let again = ask("The same again: ")?;
        Ok((password == again).then_some(password))
    })?;
    agreed.ok_or_else(|| Failure::Refused("the two passwords differ; nothing was changed".to_owned()))
}

/// The first line of standard input.
pub(super) fn read(input: &mut dyn Read) -> Result<Secret, Failure> {
    first_line(input).map_err(|why| Failure::Refused(format!("standard input: no password can be read: {why}")))
}

/// A secret up to the end of its line; what follows is neither used nor waited for.
pub(super) fn first_line(input: &mut dyn Read) -> io::Result<Secret> {
    const LONGEST: u64 = 1024;
    line(&mut BufReader::new(input.take(LONGEST)))
}

fn line(input: &mut dyn BufRead) -> io::Result<Secret> {
    let mut text = String::with_capacity(1024);
    let read = input.read_line(&mut text);
    let text = Secret::from(text);
    read?;
    Ok(Secret::from(text.expose().trim_end_matches(['\n', '\r'])))
}

/// Reads without echo. The terminal is restored when a signal interrupts it too.
fn at_terminal<T: Send + 'static>(read: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Failure> {
    let unreadable = |why: io::Error| Failure::Refused(format!("the terminal: no password can be read: {why}"));
    let runtime = runtime::Builder::new_current_thread().enable_io().build().map_err(unreadable)?;
    let quiet = Quiet::begin().map_err(unreadable)?;
    let typed = runtime.block_on(unless_broken_off(read));
    drop(quiet);
    // a thread that still reads the terminal is not waited for
    runtime.shutdown_background();
    typed.map_err(unreadable)?.ok_or_else(|| Failure::Refused("broken off; nothing was changed".to_owned()))
}

/// Reads in a thread of its own; `None` when a terminating signal comes first.
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
    // the question is not a result: it does not belong on standard output
    write!(io::stderr(), "{question}")?;
    let typed = line(&mut io::stdin().lock())?;
    writeln!(io::stderr())?;
    Ok(typed)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    /// Has this to be read once, and is never at its end.
    struct StaysOpen(Option<&'static str>);

    impl Read for StaysOpen {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let text = self.0.take().unwrap_or_else(|| panic!("read on behind the line"));
            into[..text.len()].copy_from_slice(text.as_bytes());
            Ok(text.len())
        }
    }

    #[test]
    fn a_line_is_enough_wherever_it_comes_from() {
        for written in ["48151623\n", "48151623\r\n", "48151623\nmore"] {
            assert!(first_line(&mut StaysOpen(Some(written))).unwrap() == Secret::from("48151623"), "{written:?}");
        }
        assert!(first_line(&mut "48151623".as_bytes()).unwrap() == Secret::from("48151623"));
    }
}
