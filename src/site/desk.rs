//! Where slow work is done: a few handles of the account store, and a few argon2 hashes at once, all away from the loop
//! that serves pages.
//!
//! Queues: so many requests may wait for a handle, and so many for a hash. One more is answered with 503 at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_blocking;

use super::OpenStore;
use crate::account::{Store, StoreError};

/// Handles of the store.
pub(super) const HANDLES: usize = 4;
/// The most requests that wait for one of them.
const WAITING: usize = 1024;
/// The most requests that wait for a hash.
const WAITING_HASHES: usize = 256;

/// Why work was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too much is waiting already.
    #[error("too many requests wait")]
    Busy,
    /// The work panicked.
    #[error("the work was given up")]
    Lost,
}

type Handles = Arc<Mutex<Vec<Box<dyn Store>>>>;

pub(super) struct Desk {
    handles: Handles,
    free: Queue,
    hashers: Queue,
}

impl Desk {
    pub(super) fn open(open_store: &OpenStore, hashers: usize) -> Result<Desk, StoreError> {
        let handles = (0..HANDLES).map(|_| open_store()).collect::<Result<Vec<_>, _>>()?;
        Ok(Desk {
            handles: Arc::new(Mutex::new(handles)),
            free: Queue::new(HANDLES, WAITING),
            hashers: Queue::new(hashers.max(1), WAITING_HASHES),
        })
    }

    /// Does something with the store.
    pub(super) async fn store<T, F>(&self, work: F) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        let _turn = self.free.turn().await?;
        let mut handle = Borrowed::take(&self.handles).ok_or(Trouble::Lost)?;
        spawn_blocking(move || handle.with(work)).await.map_err(|_| Trouble::Lost)?
    }

    /// Hashes or compares passwords.
    pub(super) async fn hash<T, F>(&self, work: F) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _turn = self.hashers.turn().await?;
        spawn_blocking(work).await.map_err(|_| Trouble::Lost)
    }
}

/// A handle that goes back even when the work with it panics.
struct Borrowed {
    home: Handles,
    store: Option<Box<dyn Store>>,
}

impl Borrowed {
    fn take(home: &Handles) -> Option<Borrowed> {
        let store = home.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Borrowed { home: Arc::clone(home), store: Some(store) })
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>) -> Result<T, Trouble> {
        let store = self.store.as_deref_mut().ok_or(Trouble::Lost)?;
        Ok(work(store)?)
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let store = self.store.take();
        self.home.lock().unwrap_or_else(PoisonError::into_inner).extend(store);
    }
}

/// Turns that are waited for by a limited number.
struct Queue {
    turns: Semaphore,
    places: Semaphore,
}

impl Queue {
    fn new(turns: usize, waiting: usize) -> Queue {
        Queue { turns: Semaphore::new(turns), places: Semaphore::new(turns + waiting) }
    }

    async fn turn(&self) -> Result<(SemaphorePermit<'_>, SemaphorePermit<'_>), Trouble> {
        let place = self.places.try_acquire().map_err(|_| Trouble::Busy)?;
        let turn = self.turns.acquire().await.map_err(|_| Trouble::Busy)?;
        Ok((turn, place))
    }
}
