//! Opening the store: refusing what is not one, making one, and bringing its schema up to date.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::file::{self, APPLICATION_ID, Found, Marks};
use super::patience::patiently;
use super::share::{Files, Hold};
use super::{Sqlite, leave_wal};
use crate::account::StoreError;
use crate::account::options::Mode;
use crate::account::tables::{Failure, Fault};

/// The numbered migrations. A released one is never changed; the next is added below it.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../schema/0001_accounts.sql"),
    include_str!("../schema/0002_site.sql"),
    include_str!("../schema/0003_services.sql"),
    include_str!("../schema/0004_lines.sql"),
    include_str!("../schema/0005_reason.sql"),
    include_str!("../schema/0006_media.sql"),
    include_str!("../schema/0007_detail.sql"),
    include_str!("../schema/0008_refusals.sql"),
];

/// Prepared statements that a connection keeps: as many as there are.
const STATEMENTS: usize = 64;

pub(super) static SCHEMA: LazyLock<Migrations<'static>> =
    LazyLock::new(|| Migrations::new(MIGRATIONS.iter().map(|sql| M::up(sql)).collect()));

impl Sqlite {
    /// The number of the newest schema this program knows.
    pub const SCHEMA: u32 = MIGRATIONS.len() as u32;

    /// Opens the store in the file at `path`. `wait` is the limit for waiting for the writes of other programs.
    pub fn open(path: &Path, mode: Mode, wait: Duration) -> Result<Sqlite, StoreError> {
        let opening = Opening { name: path.display().to_string(), mode, wait };
        let path = std::path::absolute(path).map_err(|error| opening.unreachable(&error))?;
        let made = opening.inspect_or_make(&path)?;
        opening.open(&path).inspect_err(|_| {
            if made {
                unmake(&path);
            }
        })
    }

    /// Removes the file and what SQLite keeps beside it.
    pub fn discard(path: &Path) {
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.to_owned().into_os_string();
            file.push(suffix);
            // a file that stays is no worse than the reason for removing it
            let _ = std::fs::remove_file(file);
        }
    }
}

struct Opening {
    name: String,
    mode: Mode,
    wait: Duration,
}

impl Opening {
    /// Refuses what is not ours before SQLite could touch it. Returns whether the file had to be made.
    fn inspect_or_make(&self, path: &Path) -> Result<bool, StoreError> {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => self.inspect(path).map(|()| false),
            Ok(_) => Err(self.unreachable("it is not a file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.mode == Mode::Create => self.make(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::Missing { store: self.name.clone() })
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    fn inspect(&self, path: &Path) -> Result<(), StoreError> {
        let hold = Hold::of(path).map_err(|error| self.unreachable(&error))?;
        match file::inspect(path).map_err(|error| self.explain(undamaged(error.into(), &hold)))? {
            Found::Ours(schema) => self.check_schema(schema),
            Found::Unused if self.mode == Mode::Create => Ok(()),
            Found::Unused => Err(self.foreign("an empty file".to_owned())),
            Found::Foreign(found) => Err(self.foreign(found)),
        }
    }

    /// The file holds password hashes: it is readable by its owner alone until the owner decides otherwise.
    fn make(&self, path: &Path) -> Result<bool, StoreError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        match options.open(path) {
            Ok(_) => Ok(true),
            // another program was faster
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    fn open(&self, path: &Path) -> Result<Sqlite, StoreError> {
        self.refuse_links(path)?;
        let mut hold = Hold::of(path).map_err(|error| self.unreachable(&error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(|error| self.explain(error.into()))?;
        let entered = self.enter(&mut connection, &mut hold, path).inspect_err(|_| leave_wal(&connection));
        let explained = |failure| self.explain(undamaged(failure, &hold));
        let files = entered.map_err(explained)?;
        patiently(self.wait, || migrate(&mut connection)).map_err(explained)?;
        Ok(Sqlite { connection, name: self.name.clone(), files, wait: self.wait, hold })
    }

    /// Beside each of several hard links SQLite would keep another WAL, and know nothing of what is in the others.
    fn refuse_links(&self, path: &Path) -> Result<(), StoreError> {
        match std::fs::metadata(path).map_err(|error| self.unreachable(&error))?.nlink() {
            0 | 1 => Ok(()),
            names => Err(StoreError::Linked { store: self.name.clone(), names }),
        }
    }

    /// Up to where SQLite has opened all three files. Nothing is written to a store that is there.
    fn enter(&self, connection: &mut Connection, hold: &mut Hold, path: &Path) -> Result<Files, Failure> {
        self.configure(connection)?;
        let claimed = patiently(self.wait, || self.claim(connection));
        // SQLite has read from all three by now, unless the store is new; what it says of files that do not belong together
        // tells nothing of the store
        if let Ok(files) = Files::of(path) {
            self.refuse_others(hold, &files)?;
        }
        self.check_schema(claimed?)?;
        patiently(self.wait, || Ok(enter_wal(connection)?))?;
        let files = Files::of(path).map_err(|error| self.unreachable(&error))?;
        self.refuse_others(hold, &files)?;
        Ok(files)
    }

    /// A process that is closing the store lets go of its files a moment after it has removed them.
    fn refuse_others(&self, hold: &mut Hold, files: &Files) -> Result<(), Failure> {
        const MOMENT: Duration = Duration::from_secs(1);
        let alone = patiently(MOMENT, || match hold.is_alone(files) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::Conflict),
            Err(error) => Err(Failure::Refused(self.unreachable(&error))),
        });
        alone.map_err(|failure| match failure {
            Failure::Conflict => Failure::Fault(Fault::Divided),
            other @ (Failure::Refused(_) | Failure::Fault(_)) => other,
        })
    }

    fn configure(&self, connection: &mut Connection) -> Result<(), Failure> {
        connection.busy_timeout(self.wait)?;
        connection
            .execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")?;
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(())
    }

    /// Marks an unused file as an account store, in its first transaction. Returns its schema.
    fn claim(&self, connection: &mut Connection) -> Result<u32, Failure> {
        if let Marks { application_id: APPLICATION_ID, user_version, .. } = file::marks(connection)? {
            return Ok(u32::try_from(user_version).unwrap_or(u32::MAX));
        }
        let transaction = connection.transaction()?;
        match file::marks(&transaction)? {
            Marks { application_id: APPLICATION_ID, user_version, .. } => {
                Ok(u32::try_from(user_version).unwrap_or(u32::MAX))
            }
            Marks { application_id: 0, user_version: 0, tables: 0 } => {
                transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
                transaction.commit()?;
                Ok(0)
            }
            Marks { .. } => Err(Failure::Refused(self.foreign("a SQLite file of another program".to_owned()))),
        }
    }

    fn check_schema(&self, found: u32) -> Result<(), StoreError> {
        let known = Sqlite::SCHEMA;
        if found <= known { Ok(()) } else { Err(StoreError::Newer { store: self.name.clone(), found, known }) }
    }

    fn explain(&self, failure: Failure) -> StoreError {
        failure.explain(&self.name, self.wait)
    }

    fn foreign(&self, found: String) -> StoreError {
        StoreError::Foreign { store: self.name.clone(), found }
    }

    fn unreachable(&self, why: impl ToString) -> StoreError {
        StoreError::Unreachable { store: self.name.clone(), why: why.to_string() }
    }
}

/// Not before it reads does SQLite open what is beside the file.
fn enter_wal(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    file::marks(connection).map(|_| ())
}

/// Brings the schema up to date. Of two programs that do it at once, one is refused by the row that each migration enters
/// about itself, and then finds it done.
fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    let before = file::marks(connection)?.user_version;
    match SCHEMA.to_latest(connection) {
        Ok(()) => Ok(()),
        Err(_) if file::marks(connection)?.user_version > before => migrate(connection),
        Err(rusqlite_migration::Error::RusqliteError { err, .. }) => Err(err.into()),
        Err(error) => Err(Fault::Failed(error.to_string()).into()),
    }
}

/// Damage that SQLite reports where the disk only refuses to be read is the disk's.
pub(super) fn undamaged(failure: Failure, hold: &Hold) -> Failure {
    match failure {
        Failure::Fault(Fault::Damaged(why)) => Failure::Fault(match hold.read_through() {
            Ok(()) => Fault::Damaged(why),
            Err(error) => Fault::Disk(format!("{error} while reading")),
        }),
        other @ (Failure::Refused(_) | Failure::Conflict | Failure::Fault(_)) => other,
    }
}

/// Removes a file that was made and could not be used, unless another program has used it meanwhile.
fn unmake(path: &PathBuf) {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
        // that it stays is no worse than what is being reported
        let _ = std::fs::remove_file(path);
    }
}
