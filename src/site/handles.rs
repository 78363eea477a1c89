//! Where slow work is done: with a few handles of the account store, and a few argon2 hashes at once, all away from the loop
//! that serves pages.
//!
//! Queues: a limited number of requests wait for a handle, and a limited number for a hash. Beyond that the answer is 503 at
//! once. Work holds its turn until it is done: a browser that leaves frees nothing that is still in use.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::runtime::Runtime;
use crate::account::{Actor, Store, StoreError};

/// Opens the account store once more.
pub type OpenStore = Box<dyn Fn() -> Result<Box<dyn Store>, StoreError> + Send + Sync>;

/// Handles of the store.
pub(super) const HANDLES: usize = 4;
/// The most requests that wait for one of them.
const WAITING: usize = 1024;
/// The most requests that wait for a hash.
const WAITING_HASHES: usize = 256;

/// Who acts where a session is what is acted on, or there is none yet.
pub(super) const SITE: Actor = Actor::Program("site");

/// Why work failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too much is waiting already.
    #[error("too many requests wait")]
    Busy,
    /// The work panicked.
    #[error("worker panicked")]
    Lost,
}

/// The store's handles and the turns of those that hash.
pub(super) struct Handles {
    free: Free,
    stores: Queue,
    hashers: Queue,
    runtime: Runtime,
}

type Free = Arc<Mutex<Vec<Box<dyn Store>>>>;

impl Handles {
    pub(super) fn open(open_store: &OpenStore, hashers: usize, runtime: Runtime) -> Result<Handles, StoreError> {
        let free = (0..HANDLES).map(|_| open_store()).collect::<Result<Vec<_>, _>>()?;
        Ok(Handles {
            free: Arc::new(Mutex::new(free)),
            stores: Queue::new(HANDLES, WAITING),
            hashers: Queue::new(hashers.max(1), WAITING_HASHES),
            runtime,
        })
    }

    /// Does something with the store.
    pub(super) async fn store<T, F>(&self, work: F) -> Result<T, WorkError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = self.stores.turn().await?;
        let handle = Borrowed::take(&self.free).ok_or(WorkError::Lost)?;
        self.aside(turn, move || handle.with(work)).await?
    }

    /// Hashes or compares passwords.
    pub(super) async fn hash<T, F>(&self, work: F) -> Result<T, WorkError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let turn = self.hashers.turn().await?;
        self.aside(turn, work).await
    }

    async fn aside<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let (done, result) = oneshot::channel();
        (self.runtime.aside)(Box::new(move || {
            let worked = work();
            drop(turn);
            // the request may have been given up meanwhile
            let _ = done.send(worked);
        }));
        result.await.map_err(|_| WorkError::Lost)
    }
}

/// A handle that goes back even when the work with it panics.
struct Borrowed {
    home: Free,
    store: Option<Box<dyn Store>>,
}

impl Borrowed {
    fn take(home: &Free) -> Option<Borrowed> {
        let store = home.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Borrowed { home: Arc::clone(home), store: Some(store) })
    }

    fn with<T>(mut self, work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>) -> Result<T, WorkError> {
        let store = self.store.as_deref_mut().ok_or(WorkError::Lost)?;
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
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A turn, and a place in its queue.
type Turn = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Queue {
    fn new(turns: usize, waiting: usize) -> Queue {
        Queue { turns: Arc::new(Semaphore::new(turns)), places: Arc::new(Semaphore::new(turns + waiting)) }
    }

    async fn turn(&self) -> Result<Turn, WorkError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| WorkError::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| WorkError::Busy)?;
        Ok((turn, place))
    }
}
