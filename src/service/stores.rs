//! The account store of a configuration.

use crate::account::sqlite::{Mode, Options};
use crate::account::{Contract, SqliteStore, Store, StoreError};
use crate::config::Config;
use crate::lock::Lock;

/// Opens the configured store. `actor` is who acts by it, in the audit.
pub fn open_store(config: &Config, mode: Mode, actor: &str) -> Result<SqliteStore, StoreError> {
    let options = Options {
        actor: actor.to_owned(),
        cost: config.store.hash_cost,
        wait: config.store.busy_timeout,
        lock: Lock { after: config.site.lock_after, lasts: config.site.lock_time },
    };
    SqliteStore::open(&config.store.path, mode, &options)
}

/// Removes a store that was made for a service that could not start, unless it holds more than the example by now.
pub(super) fn take_back(config: &Config, example: Option<&Contract>) {
    let path = &config.store.path;
    let contracts = open_store(config, Mode::Existing, "serve").ok().and_then(|store| store.contracts().ok());
    if contracts.is_some_and(|contracts| contracts.iter().eq(example)) {
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(suffix);
            // a file that stays is no worse than the error that is being reported
            let _ = std::fs::remove_file(file);
        }
    }
}
