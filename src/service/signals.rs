//! The signals that a service obeys: SIGTERM and SIGINT stop it, SIGHUP has it read its certificates again.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::error;

use super::certificates::Certificates;
use super::stop::Stop;

/// The process's signals, caught from when this is made: a service that is still starting does not die of them.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Catches them. Needs the runtime of tokio that the service runs on.
    pub fn catch() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn obeyed(mut self, stop: Stop, certificates: Arc<Certificates>) {
        loop {
            tokio::select! {
                Some(()) = self.terminate.recv() => stop.ask(),
                Some(()) = self.interrupt.recv() => stop.ask(),
                Some(()) = self.hangup.recv() => reload(&certificates),
                () = stop.ended() => return,
                else => return,
            }
        }
    }
}

/// Beside the loop: a stop does not wait for a disk.
fn reload(certificates: &Arc<Certificates>) {
    let certificates = Arc::clone(certificates);
    tokio::spawn(async move {
        let reloaded = tokio::task::spawn_blocking(move || certificates.reload()).await;
        if let Err(error) = reloaded {
            error!(%error, "SIGHUP: internal error: certificates not reloaded");
        }
    });
}
