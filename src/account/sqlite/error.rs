//! From SQLite's errors to the room's.

use rusqlite::{ErrorCode, ffi};

use crate::account::tables::{Failure, Fault};

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        if is_busy(&error) { Failure::Conflict } else { Failure::Fault(fault(&error)) }
    }
}

/// Whether another program's lock is in the way.
fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn fault(error: &rusqlite::Error) -> Fault {
    let why = error.to_string();
    let Some(sqlite) = error.sqlite_error() else {
        // no error of SQLite's: a column that does not hold what it should
        return Fault::Damaged(why);
    };
    match (sqlite.code, sqlite.extended_code) {
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => Fault::Full,
        (_, ffi::SQLITE_READONLY_DBMOVED) => Fault::Gone,
        (ErrorCode::ReadOnly, _) => Fault::ReadOnly,
        (ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => Fault::Unreachable(why),
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Fault::Damaged(why),
        (ErrorCode::SystemIoFailure, _) => Fault::Disk(why),
        _ => Fault::Failed(why),
    }
}
