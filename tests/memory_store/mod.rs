//! The account store's tables in memory, for tests: `BTreeMap`s with transactions, and faults on demand.
//!
//! A test file takes it in with `mod memory_store;`, a folder of tests with `#[path = "../memory_store/mod.rs"]`. All
//! clones of a [`Memory`] are one store, as several handles of one file are:
//!
//! ```text
//! Rules::new(memory.clone(), policy) ──▶ Store        memory.trouble(…), memory.crash(), memory.snapshot()
//! ```
//!
//! A transaction keeps what it overwrites, so its cost does not grow with the store, and a million calls fit.
#![allow(dead_code, clippy::unwrap_used)]

mod history;
mod journal;
mod state;
mod subscribers;

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use karipass::internals::account::StoreError;
use karipass::internals::account::tables::{Backend, Durability, Failure, Fault, Tables};

pub use state::State;

/// A store in memory.
#[derive(Clone, Default)]
pub struct Memory {
    shared: Arc<Mutex<Shared>>,
}

/// What goes wrong in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is not begun.
    Refuse(Fault),
    /// Another transaction is in the way for longer than anybody waits.
    Busy,
    /// This access to a table fails, counted from 0.
    FailAt(u64, Fault),
    /// It runs this many times in vain before it is committed.
    Conflicts(u32),
    /// The answer to its commit is lost.
    Unknown {
        /// Whether it was committed all the same.
        committed: bool,
    },
}

/// Which transaction is being begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Read,
    Write(Durability),
}

type Troubles = Box<dyn FnMut(Kind) -> Option<Trouble> + Send>;

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) state: State,
    troubles: Option<Troubles>,
    /// Accesses to tables in the transaction, so far.
    steps: Cell<u64>,
    fail_at: Option<(u64, Fault)>,
    writes: u64,
}

const NAME: &str = "memory";
/// How long a transaction is said to have waited for others.
const WAITED: Duration = Duration::from_secs(30);

impl Memory {
    /// From now on, asks `troubles` what goes wrong with each transaction; `None` is nothing.
    pub fn trouble(&self, troubles: impl FnMut(Kind) -> Option<Trouble> + Send + 'static) {
        self.lock().troubles = Some(Box::new(troubles));
    }

    /// The next write goes wrong so, and nothing after it.
    pub fn trouble_next_write(&self, trouble: Trouble) {
        let mut next = Some(trouble);
        self.trouble(move |kind| if kind == Kind::Read { None } else { next.take() });
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        self.lock().troubles = None;
    }

    /// Power is lost: what was committed as [`Durability::Relaxed`] since the last full commit is gone.
    pub fn crash(&self) {
        self.lock().state.crash();
    }

    /// Another store with the same in its tables, and nothing that goes wrong.
    pub fn copy(&self) -> Memory {
        Memory { shared: Arc::new(Mutex::new(Shared { state: self.snapshot(), ..Shared::default() })) }
    }

    /// Everything that is in the tables.
    pub fn snapshot(&self) -> State {
        self.lock().state.clone()
    }

    /// Accesses to tables in the last transaction.
    pub fn steps(&self) -> u64 {
        self.lock().steps.get()
    }

    /// Write transactions that were committed.
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Memory {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn read<T>(&self, work: impl Fn(&dyn Tables) -> Result<T, Failure>) -> Result<T, StoreError> {
        let mut shared = self.lock();
        shared.begin(Kind::Read)?;
        work(&*shared).map_err(explain)
    }

    fn write<T>(
        &mut self,
        durability: Durability,
        work: impl Fn(&mut dyn Tables) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut shared = self.lock();
        let trouble = shared.begin(Kind::Write(durability))?;
        let vain = if let Some(Trouble::Conflicts(times)) = trouble { times } else { 0 };
        for _ in 0..vain {
            // what this run says of its work is nobody's business, as it is undone
            let _ = work(&mut *shared);
            shared.state.roll_back();
            shared.steps.set(0);
        }
        let done = work(&mut *shared);
        match (done, trouble) {
            (Ok(_), Some(Trouble::Unknown { committed })) => {
                shared.end(committed, durability);
                Err(unknown())
            }
            (Ok(done), _) => {
                shared.end(true, durability);
                Ok(done)
            }
            (Err(failure), _) => {
                shared.end(false, durability);
                Err(explain(failure))
            }
        }
    }
}

impl Shared {
    fn begin(&mut self, kind: Kind) -> Result<Option<Trouble>, StoreError> {
        self.state.begin();
        self.steps.set(0);
        self.fail_at = None;
        let trouble = self.troubles.as_mut().and_then(|troubles| troubles(kind));
        match trouble {
            Some(Trouble::Refuse(fault)) => Err(fault.explain(NAME)),
            Some(Trouble::Busy) => Err(explain(Failure::Conflict)),
            Some(Trouble::FailAt(step, fault)) => {
                self.fail_at = Some((step, fault));
                Ok(None)
            }
            other => Ok(other),
        }
    }

    fn end(&mut self, committed: bool, durability: Durability) {
        if committed {
            self.state.commit(durability);
            self.writes += 1;
        } else {
            self.state.roll_back();
        }
    }

    /// Every access to a table begins here.
    pub(crate) fn step(&self) -> Result<(), Failure> {
        let step = self.steps.replace(self.steps.get() + 1);
        match &self.fail_at {
            Some((at, fault)) if *at == step => Err(fault.clone().into()),
            _ => Ok(()),
        }
    }
}

fn explain(failure: Failure) -> StoreError {
    failure.explain(NAME, WAITED)
}

fn unknown() -> StoreError {
    StoreError::Unknown { store: NAME.to_owned(), why: "the answer was lost".to_owned() }
}
