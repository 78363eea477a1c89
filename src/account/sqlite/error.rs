//! From SQLite's errors to the room's.

use std::time::Duration;

use rusqlite::{ErrorCode, ffi};

use crate::account::StoreError;

/// Why work inside the store failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was asked cannot be done.
    Refused(StoreError),
    /// SQLite failed.
    Sqlite(rusqlite::Error),
    /// A row that cannot be.
    Damaged(String),
    /// Anything else.
    Odd(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Refused(error)
    }
}

impl Failure {
    /// The same as the caller sees it.
    pub(super) fn explain(self, store: &str, waited: Duration) -> StoreError {
        let store = store.to_owned();
        match self {
            Failure::Refused(error) => error,
            Failure::Sqlite(error) => explain_sqlite(store, waited, &error),
            Failure::Damaged(why) => StoreError::Damaged { store, why },
            Failure::Odd(why) => StoreError::Failed { store, why },
        }
    }
}

/// Whether another program's lock is in the way.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn explain_sqlite(store: String, waited: Duration, error: &rusqlite::Error) -> StoreError {
    let why = error.to_string();
    let Some(sqlite) = error.sqlite_error() else {
        // no error of SQLite's: a column that does not hold what it should
        return StoreError::Damaged { store, why };
    };
    match (sqlite.code, sqlite.extended_code) {
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Busy { store, waited },
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => StoreError::Full { store },
        (_, ffi::SQLITE_READONLY_DBMOVED) => StoreError::Gone { store },
        (ErrorCode::ReadOnly, _) => StoreError::ReadOnly { store },
        (ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => StoreError::Unreachable { store, why },
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => StoreError::Damaged { store, why },
        (ErrorCode::SystemIoFailure, _) => StoreError::Disk { store, why },
        _ => StoreError::Failed { store, why },
    }
}
