//! What runs the pages: where slow work is done, and how waits pass.
//!
//! On the machine both are tokio's. A simulation does slow work on the spot, or keeps it for later, and lets waits pass in
//! virtual time.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

/// Work that may take milliseconds, with the store or on a password.
pub type Work = Box<dyn FnOnce() + Send>;
/// A wait that began when it was made.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What runs the pages.
#[derive(Clone)]
pub struct Runtime {
    /// Has work done, in whatever order, away from the caller or before this returns.
    pub aside: Arc<dyn Fn(Work) + Send + Sync>,
    /// Begins a wait of this length.
    pub wait: Arc<dyn Fn(Duration) -> Wait + Send + Sync>,
}

impl Runtime {
    /// Tokio's threads for blocking work, and its timer.
    pub fn tokio() -> Runtime {
        Runtime {
            aside: Arc::new(|work| drop(spawn_blocking(work))),
            wait: Arc::new(|length| Box::pin(tokio::time::sleep(length))),
        }
    }

    /// Work is done on the spot, and no wait takes any time.
    pub fn immediate() -> Runtime {
        Runtime { aside: Arc::new(|work| work()), wait: Arc::new(|_| Box::pin(ready(()))) }
    }
}
