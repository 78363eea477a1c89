//! What asks a running service to stop.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::mail;

/// Asks a service to stop. The first time new calls are refused and no further mail is begun, while running calls go on to
/// the deadline; the second time running calls are ended at once.
#[derive(Clone)]
pub struct Stop {
    calls: mpsc::Sender<()>,
    mails: Option<mail::Stop>,
    since: Arc<OnceLock<Instant>>,
}

impl Stop {
    /// With where the server hears of it.
    pub(super) fn new(mails: Option<mail::Stop>) -> (Stop, mpsc::Receiver<()>) {
        // a third request adds nothing to the second
        let (calls, asked) = mpsc::channel(2);
        (Stop { calls, mails, since: Arc::default() }, asked)
    }

    /// Asks; returns at once.
    pub fn ask(&self) {
        self.since.get_or_init(Instant::now);
        if let Some(mails) = &self.mails {
            mails.ask();
        }
        // full: it has been asked twice already; closed: it has ended
        let _ = self.calls.try_send(());
    }

    /// Returns when the server has ended.
    pub(super) async fn ended(&self) {
        self.calls.closed().await;
    }

    /// When it was asked for the first time.
    pub(super) fn asked_at(&self) -> Option<Instant> {
        self.since.get().copied()
    }
}
