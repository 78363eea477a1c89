//! The file behind the store: what it is before anything touches it, and whether it is still the same.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Marks a SQLite file as an account store, in `PRAGMA application_id`: `KARI`.
pub const APPLICATION_ID: i32 = 0x4B41_5249;

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An account store, with the schema's number.
    Ours(u32),
    /// A SQLite file, or an empty one, without anything in it.
    Unused,
    /// Something else.
    Foreign(String),
}

/// Looks at a file without changing or locking anything.
///
/// It is SQLite that looks, `immutable`: opening and closing the file here would drop the locks that this process's
/// other handles have on it (POSIX), and SQLite knows to avoid that.
///
/// Without locks, a checkpoint may be under way in the file, or one that was cut short: the first page then tells of pages
/// that only the WAL has yet. So a store is known by that page alone, and `writable_schema` (nothing is written: the
/// handle is read-only) keeps SQLite from calling the file damaged for its length. What it really holds is read later, locked.
pub(super) fn inspect(path: &Path) -> Result<Found, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(immutable_uri(path), flags)?;
    connection.pragma_update(None, "writable_schema", true)?;
    match first_page(&connection) {
        Ok((APPLICATION_ID, user_version)) => return Ok(Found::Ours(u32::try_from(user_version).unwrap_or(u32::MAX))),
        Ok(_) => {}
        Err(error) => return not_a_database(error),
    }
    match marks(&connection) {
        Ok(Marks { application_id: 0, user_version: 0, tables: 0 }) => Ok(Found::Unused),
        Ok(Marks { application_id, tables, .. }) => Ok(Found::Foreign(format!(
            "a SQLite file of another program, application id {application_id:#010x}, with {tables} tables and indexes"
        ))),
        Err(error) => not_a_database(error),
    }
}

fn not_a_database(error: rusqlite::Error) -> Result<Found, rusqlite::Error> {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
        Ok(Found::Foreign("no SQLite file at all".to_owned()))
    } else {
        Err(error)
    }
}

/// The marks of the program that a SQLite file belongs to.
pub(super) struct Marks {
    pub(super) application_id: i32,
    pub(super) user_version: i32,
    pub(super) tables: i64,
}

pub(super) fn marks(connection: &Connection) -> Result<Marks, rusqlite::Error> {
    let (application_id, user_version) = first_page(connection)?;
    let tables = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    Ok(Marks { application_id, user_version, tables })
}

/// The marks that stand in the file's first page: application id and user version.
fn first_page(connection: &Connection) -> Result<(i32, i32), rusqlite::Error> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    Ok((number("PRAGMA application_id")?, number("PRAGMA user_version")?))
}

fn immutable_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri + "?immutable=1"
}
