//! Who waits for whom when processors are scarce (leaf): pages and hashes for calls.

use rustix::process::{getpid, getpriority_process, setpriority_process};

/// How much lower than calls, in steps of nice(2).
const STEPS: i32 = 10;
/// There is no lower priority.
const LOWEST: i32 = 19;

/// Makes the calling thread give way to the program's other threads. Asking twice, or in a thread that was started by one that had
/// asked, changes nothing more: it is the program's own priority that this is counted from.
pub fn give_way() -> std::io::Result<()> {
    let own = getpriority_process(Some(getpid()))?;
    Ok(setpriority_process(None, (own + STEPS).min(LOWEST))?)
}
