//! The one place that knows which kinds of store there are.

use super::StoreError;
use super::options::{Mode, Options};
use super::rules::{Policy, Rules};
use super::sqlite::{Presence, Sqlite};
use super::tables::{Backend, Durability, Failure, Tables};
use super::url::{Place, StoreUrl};

/// An account store, whatever holds its tables.
pub type AccountStore = Rules<AnyBackend>;

/// The tables of a store that was opened by its URL.
pub struct AnyBackend(Kind);

enum Kind {
    Sqlite(Sqlite),
}

/// Opens a store. What is not an account store, or has a newer schema, is refused and left as it was, byte for byte.
pub fn open(url: &StoreUrl, mode: Mode, options: &Options) -> Result<AccountStore, StoreError> {
    let kind = match url.place() {
        Place::Sqlite(path) => Kind::Sqlite(Sqlite::open(path, mode, options.wait)?),
    };
    Ok(Rules::new(AnyBackend(kind), Policy { cost: options.cost, lock: options.lock }))
}

/// Whether there is something where the store would be.
pub fn exists(url: &StoreUrl) -> bool {
    match url.place() {
        Place::Sqlite(path) => path.exists(),
    }
}

/// Removes a store and all that is in it, as far as that can be done.
pub fn discard(url: &StoreUrl) {
    match url.place() {
        Place::Sqlite(path) => Sqlite::discard(path),
    }
}

impl AnyBackend {
    /// What tells whether the store is still the one that was opened.
    pub fn presence(&self) -> Presence {
        match &self.0 {
            Kind::Sqlite(sqlite) => sqlite.presence(),
        }
    }
}

impl Backend for AnyBackend {
    fn name(&self) -> String {
        match &self.0 {
            Kind::Sqlite(sqlite) => sqlite.name(),
        }
    }

    fn read<T>(&self, work: impl Fn(&dyn Tables) -> Result<T, Failure>) -> Result<T, StoreError> {
        match &self.0 {
            Kind::Sqlite(sqlite) => sqlite.read(work),
        }
    }

    fn write<T>(
        &mut self,
        durability: Durability,
        work: impl Fn(&mut dyn Tables) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        match &mut self.0 {
            Kind::Sqlite(sqlite) => sqlite.write(durability, work),
        }
    }
}
