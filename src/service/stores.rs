//! The account store of a configuration.

use crate::account::{self, AccountStore, Contract, Mode, Options, Store, StoreError};
use crate::config::Config;
use crate::lock::Lock;

/// Opens the configured store.
pub fn open_store(config: &Config, mode: Mode) -> Result<AccountStore, StoreError> {
    let options = Options {
        cost: config.store.hash_cost,
        wait: config.store.busy_timeout,
        lock: Lock { after: config.site.lock_after, lasts: config.site.lock_time },
    };
    account::open(&config.store.url, mode, &options)
}

/// Look-ups that are done at once: one that hangs must not hold up the others.
const READERS: usize = 4;

/// The handles by which a server looks things up.
pub(super) fn readers(config: &Config) -> Result<Vec<Box<dyn Store>>, StoreError> {
    let reader = |_| open_store(config, Mode::Existing).map(|store| Box::new(store) as Box<dyn Store>);
    (0..READERS).map(reader).collect()
}

/// Removes a store that was made for a service that could not start, unless it holds more than the example by now.
pub(super) fn take_back(config: &Config, example: Option<&Contract>) {
    let contracts = open_store(config, Mode::Existing).ok().and_then(|store| store.contracts().ok());
    if contracts.is_some_and(|contracts| contracts.iter().eq(example)) {
        account::discard(&config.store.url);
    }
}
