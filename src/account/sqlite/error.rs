//! From SQLite's errors to the room's: each is called what it is.
//!
//! | SQLite | here | so that its reader |
//! |---|---|---|
//! | BUSY, LOCKED, PROTOCOL | a conflict | waits |
//! | FULL | full | makes room |
//! | IOERR, whatever was being done | the disk | looks at the disk, and leaves the store |
//! | READONLY | read-only | makes it writable |
//! | READONLY_DBMOVED | gone | restarts |
//! | CANTOPEN, PERM | unreachable | looks at path and permissions |
//! | CORRUPT, NOTADB, where the files can be read | damaged | saves what is left |
//! | a column that does not hold what it should | a row | corrects it |
//!
//! CORRUPT alone is no proof: SQLite reports a disk that refuses to be read so, too (`unixRead`, IOERR_CORRUPTFS). The files are
//! read before the word "damaged" is used (`Hold::read_through`).

use rusqlite::{ErrorCode, ffi};

use crate::account::tables::{Failure, Fault};

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        if is_busy(&error) { Failure::Conflict } else { Failure::Fault(fault(&error)) }
    }
}

/// Whether another program is in the way.
fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed)
    )
}

fn fault(error: &rusqlite::Error) -> Fault {
    let why = error.to_string();
    let Some(sqlite) = error.sqlite_error() else {
        return Fault::Row(why);
    };
    match (sqlite.code, sqlite.extended_code) {
        (ErrorCode::DiskFull, _) => Fault::Full,
        (_, ffi::SQLITE_READONLY_DBMOVED) => Fault::Gone,
        (_, ffi::SQLITE_IOERR_NOMEM) => Fault::Failed(why),
        (ErrorCode::ReadOnly, _) => Fault::ReadOnly,
        (ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => Fault::Unreachable(why),
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Fault::Damaged(why),
        (ErrorCode::SystemIoFailure, code) => Fault::Disk(format!("{why} while {}", doing(code))),
        _ => Fault::Failed(why),
    }
}

/// What SQLite was doing when the disk failed.
fn doing(extended_code: i32) -> String {
    match extended_code {
        ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_CORRUPTFS => "reading".to_owned(),
        ffi::SQLITE_IOERR_WRITE => "writing".to_owned(),
        ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => "flushing".to_owned(),
        ffi::SQLITE_IOERR_TRUNCATE => "truncating".to_owned(),
        ffi::SQLITE_IOERR_SHMOPEN | ffi::SQLITE_IOERR_SHMLOCK | ffi::SQLITE_IOERR_SHMMAP => "sharing memory".to_owned(),
        ffi::SQLITE_IOERR_SHMSIZE => "making room for -shm".to_owned(),
        ffi::SQLITE_IOERR_LOCK | ffi::SQLITE_IOERR_RDLOCK | ffi::SQLITE_IOERR_UNLOCK => "locking".to_owned(),
        code => format!("at work (code {code} of SQLite)"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::account::StoreError;

    fn explained(code: i32) -> StoreError {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("words".to_owned()));
        Failure::from(error).explain("k.db", Duration::from_secs(1))
    }

    /// The numbers are those of <https://sqlite.org/rescode.html>.
    #[test]
    fn each_error_says_what_it_is_and_what_to_do() {
        for (code, what, to_do) in [
            (5, "another program has kept the account store locked", "try again"),
            (6, "another program has kept the account store locked", "try again"),
            (15, "another program has kept the account store locked", "try again"),
            (261, "another program has kept the account store locked", "try again"),
            (517, "another program has kept the account store locked", "try again"),
            (13, "no room for the account store", "free some space"),
            (4874, "the disk under the account store fails: words while making room for -shm;", "its free space"),
            (266, "the disk under the account store fails: words while reading;", "its health"),
            (522, "the disk under the account store fails: words while reading;", "its health"),
            (8458, "the disk under the account store fails: words while reading;", "its health"),
            (778, "the disk under the account store fails: words while writing;", "its quota"),
            (1034, "the disk under the account store fails: words while flushing;", "its health"),
            (1290, "the disk under the account store fails: words while flushing;", "its health"),
            (1546, "the disk under the account store fails: words while truncating;", "its health"),
            (5386, "the disk under the account store fails: words while sharing memory;", "its health"),
            (3850, "the disk under the account store fails: words while locking;", "its health"),
            (10, "the disk under the account store fails: words while at work (code 10", "its health"),
            (8, "is read-only", "writable for this user"),
            (264, "is read-only", "writable for this user"),
            (1544, "is read-only", "writable for this user"),
            (1032, "was moved, removed or replaced", "restart"),
            (14, "cannot be opened: words", "check the path and its permissions"),
            (3, "cannot be opened: words", "check the path and its permissions"),
            (7, "failed: words", "try again"),
            (3082, "failed: words", "try again"),
            (19, "failed: words", "try again"),
            (11, "is damaged: words", "save what is left"),
            (779, "is damaged: words", "save what is left"),
            (26, "is damaged: words", "save what is left"),
        ] {
            let error = explained(code).to_string();
            assert!(error.starts_with("k.db: ") && error.contains(what) && error.contains(to_do), "{code}: {error}");
            let is_corruption = [11, 26].contains(&(code & 0xFF));
            assert_eq!(error.contains("damaged") || error.contains("backup"), is_corruption, "{code}: {error}");
        }
    }

    #[test]
    fn a_column_that_holds_something_else_is_no_damage() {
        let error = rusqlite::Error::InvalidColumnType(0, "set_at".to_owned(), rusqlite::types::Type::Text);
        let error = Failure::from(error).explain("k.db", Duration::ZERO);
        assert!(matches!(error, StoreError::Row { .. }) && error.to_string().contains("set_at"), "{error}");
    }
}
