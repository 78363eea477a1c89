//! The tables in a SQLite file that several processes share: one file a table, and the transactions around them.
//!
//! WAL and `synchronous=FULL`: readers never wait, and what was committed survives the loss of power. Every write begins
//! with `BEGIN IMMEDIATE`, so it waits for its turn at the start and cannot fail for another writer afterwards. That all
//! programs work with the same files is `share`'s part.

mod access;
mod audit;
mod calls;
mod confirmations;
mod contracts;
mod credentials;
mod error;
mod events;
mod faxes;
mod file;
mod lines;
mod mails;
mod open;
mod patience;
mod rows;
mod sessions;
mod settings;
mod share;
#[cfg(test)]
mod tests;

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

use super::StoreError;
use super::tables::{Backend, Durability, Failure, Fault, Tables};

use access::Access;
use patience::patiently;
use share::{Farewell, Files, Hold};

pub use file::APPLICATION_ID;
pub use share::Presence;

/// The tables in a SQLite file.
pub struct Sqlite {
    connection: Connection,
    name: String,
    files: Files,
    wait: Duration,
    /// The last field: what it holds is given up after the connection is closed.
    hold: Hold,
}

impl Backend for Sqlite {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read<T>(&self, work: impl Fn(&dyn Tables) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.still_there()?;
        self.transact("BEGIN DEFERRED", |access| work(access)).map_err(|failure| self.explain(failure))
    }

    fn write<T>(
        &mut self,
        durability: Durability,
        work: impl Fn(&mut dyn Tables) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        match durability {
            Durability::Full => self.write_now(work),
            Durability::Relaxed => {
                self.synchronous("NORMAL")?;
                let done = self.write_now(work);
                self.synchronous("FULL")?;
                done
            }
        }
    }
}

impl Sqlite {
    /// Its files, to be looked at without a connection.
    pub fn presence(&self) -> Presence {
        Presence { store: self.name.clone(), files: self.files.clone() }
    }

    fn write_now<T>(&self, work: impl Fn(&mut dyn Tables) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.still_there()?;
        let transact = || self.transact("BEGIN IMMEDIATE", |access| work(access));
        let done = patiently(self.wait, transact).map_err(|failure| self.explain(failure))?;
        // what went into a file that has lost its name is in force again once that file is put back
        self.still_there().map_err(|gone| self.unknown(gone.to_string()))?;
        Ok(done)
    }

    fn transact<T>(
        &self,
        begin: &'static str,
        work: impl FnOnce(&mut Access<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let open = Open::begin(&self.connection, begin)?;
        let done = work(&mut Access { connection: open.connection })?;
        run(open.connection, "COMMIT").map_err(|error| self.uncommitted(error))?;
        Ok(done)
    }

    /// A disk that fails while the WAL is flushed may have kept the whole of it.
    fn uncommitted(&self, error: rusqlite::Error) -> Failure {
        match (error.sqlite_error_code(), Failure::from(error)) {
            (Some(ErrorCode::SystemIoFailure), Failure::Fault(Fault::Disk(why))) => {
                Failure::Refused(self.unknown(format!("{why}; check the disk, then whether it is there")))
            }
            (_, failure) => failure,
        }
    }

    fn synchronous(&self, mode: &str) -> Result<(), StoreError> {
        let set = self.connection.pragma_update(None, "synchronous", mode);
        set.map_err(|failure| self.explain(failure.into()))
    }

    fn still_there(&self) -> Result<(), StoreError> {
        self.files.check().map_err(|fault| self.explain(fault.into()))
    }

    fn explain(&self, failure: Failure) -> StoreError {
        open::undamaged(failure, &self.hold).explain(&self.name, self.wait)
    }

    fn unknown(&self, why: String) -> StoreError {
        StoreError::Unknown { store: self.name.clone(), why }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        match self.files.farewell() {
            Farewell::Usual => {}
            Farewell::LeaveWal => leave_wal(&self.connection),
            Farewell::EmptyWal => {
                // where another connection reads, that one will do it
                let emptied = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
                drop(emptied);
            }
        }
    }
}

/// Has SQLite leave the WAL as it is when it closes the connection.
fn leave_wal(connection: &Connection) {
    // it refuses no flag that it knows
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
}

/// A transaction: taken back unless it was committed.
struct Open<'a> {
    connection: &'a Connection,
}

impl<'a> Open<'a> {
    fn begin(connection: &'a Connection, begin: &str) -> Result<Open<'a>, rusqlite::Error> {
        run(connection, begin)?;
        Ok(Open { connection })
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // SQLite has taken some failures back already
        if !self.connection.is_autocommit() {
            let _ = run(self.connection, "ROLLBACK");
        }
    }
}

/// A statement that is kept: a page reads eight times, and parsing what begins and ends a read would be a twelfth of it.
fn run(connection: &Connection, statement: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(statement)?.execute([]).map(|_| ())
}
