//! The files that a store is shared by: whether they are still the same, and whether all who have it open use the same.
//!
//! SQLite shares a store by three files: the database, `-wal` (what was committed last) and `-shm` (how far that goes). It
//! finds the last two by name when it opens the store, and never looks again. After one of the three was removed or
//! replaced, programs that had the store open and programs that open it later work with different files: each writes over
//! the other's commits, and SQLite reports success to both.
//!
//! | case | noticed by | how |
//! |---|---|---|
//! | a file is removed, replaced or moved under a program | that program | [`Files::check`], around each transaction |
//! | the store is opened beside a program with other files | the one that opens | [`Hold::is_alone`], before its first write |
//! | the same by a program without our care (`sqlite3`) | who was there before | [`Files::check`], then [`Farewell`] |
//! | the database is replaced, and who had it open is killed | nobody | a `-wal` does not tell whose it is |
//! | another file's bytes are copied over the database | nobody | it is still the same file |
//!
//! To compare files when opening and after a commit is not enough for the second row: what was opened is what has the
//! name. It takes a sign that lives exactly as long as the other process and cannot be removed with a file. So each
//! process locks one byte of each of the three files for reading, far behind what SQLite locks. Which byte follows from
//! all three together, so processes that share them lock the same one. A process that opens the store locks first and
//! then asks whether another byte is locked: of two that open at once, at least the later one sees the other. A lock ends
//! with its process, however that ends, and a file that has lost its name keeps it.
//!
//! These are locks of an open file (Linux, `F_OFD_SETLK`), not of the process: SQLite opens and closes the same files, and
//! every close would drop the latter. For the same reason this process opens each file here once only, and closes it when
//! its last connection to the store is closed: closing it earlier would drop SQLite's own locks.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::account::StoreError;
use crate::account::tables::Fault;

/// Where our bytes begin: SQLite's locks are below 2³¹.
const BEHIND_SQLITES: i64 = 1 << 62;

/// Tells one file from another under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(path: &Path) -> io::Result<Identity> {
        std::fs::metadata(path).map(|metadata| Identity::from(&metadata))
    }
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Identity {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The three files of a store, as they were when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    database: (PathBuf, Identity),
    wal: (PathBuf, Identity),
    shm: (PathBuf, Identity),
}

impl Files {
    /// Those that have the names now. SQLite makes the last two beside what the database's name leads to, and no program
    /// removes them while a connection is open.
    pub(super) fn of(path: &Path) -> io::Result<Files> {
        let beside = std::fs::canonicalize(path)?;
        let identified = |path: PathBuf| Identity::of(&path).map(|identity| (path, identity));
        Ok(Files {
            database: identified(path.to_owned())?,
            wal: identified(with_suffix(&beside, "-wal"))?,
            shm: identified(with_suffix(&beside, "-shm"))?,
        })
    }

    /// Whether the names still lead to them.
    pub(super) fn check(&self) -> Result<(), Fault> {
        for (path, identity) in [&self.database, &self.wal, &self.shm] {
            match Identity::of(path) {
                Ok(found) if found == *identity => {}
                Ok(_) => return Err(Fault::Gone),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Fault::Gone),
                Err(error) => return Err(Fault::Unreachable(format!("{}: {error}", path.display()))),
            }
        }
        Ok(())
    }

    /// How the store is to be left.
    pub(super) fn farewell(&self) -> Farewell {
        let same = |(path, identity): &(PathBuf, Identity)| Identity::of(path).is_ok_and(|found| found == *identity);
        match (same(&self.database), same(&self.wal), same(&self.shm)) {
            (true, true, false) => Farewell::LeaveWal,
            (false, true, true) => Farewell::EmptyWal,
            _ => Farewell::Usual,
        }
    }

    fn identities(&self) -> [Identity; 3] {
        [self.database.1, self.wal.1, self.shm.1]
    }

    /// The byte that stands for these three, as every karipass computes it: FNV-1a over the six numbers, big-endian.
    fn byte(&self) -> i64 {
        let numbers = self.identities().into_iter().flat_map(|Identity { device, inode }| [device, inode]);
        let hash = numbers.flat_map(u64::to_be_bytes).fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        BEHIND_SQLITES + 1 + i64::try_from(hash >> 3).unwrap_or_default()
    }
}

/// The files of an open store, to be looked at apart from its connections.
#[derive(Clone, Debug)]
pub struct Presence {
    pub(super) store: String,
    pub(super) files: Files,
}

impl Presence {
    /// Whether the store is still the one that was opened; [`StoreError::Gone`] where it is not.
    pub fn check(&self) -> Result<(), StoreError> {
        self.files.check().map_err(|fault| fault.explain(&self.store))
    }
}

/// How a connection to a store is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// As SQLite does it: the last one copies the WAL into the database, and removes it.
    Usual,
    /// Others may have written to the same WAL by another `-shm`: it stays as it is, and whoever opens the store next finds in it
    /// what all have committed.
    LeaveWal,
    /// The WAL is that of a database which no longer has the name: SQLite would leave it, and another database by that name
    /// would be read, and damaged, by it.
    EmptyWal,
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// This process's part in a store, for one connection: taken before SQLite opens the database, given up after it has
/// closed it.
pub(super) struct Hold {
    database: Identity,
    joined: bool,
}

/// What this process holds of a database. What is open here is closed with the last connection.
#[derive(Default)]
struct Held {
    database: Vec<File>,
    beside: Vec<File>,
    /// The three that the process works with.
    files: Option<Files>,
    connections: usize,
    /// Those of them that work with the three.
    joined: usize,
}

/// By database.
static HELD: Mutex<BTreeMap<Identity, Held>> = Mutex::new(BTreeMap::new());

fn all_held() -> MutexGuard<'static, BTreeMap<Identity, Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hold {
    /// Takes hold of the database.
    pub(super) fn of(path: &Path) -> io::Result<Hold> {
        let mut all = all_held();
        let mut database = Identity::of(path)?;
        if !all.contains_key(&database) {
            let file = File::open(path)?;
            database = Identity::from(&file.metadata()?);
            all.entry(database).or_default().database.push(file);
        }
        all.entry(database).or_default().connections += 1;
        Ok(Hold { database, joined: false })
    }

    /// Whether nobody has the store open with other files than these. The connection that opened them works with them
    /// from then on.
    pub(super) fn is_alone(&mut self, files: &Files) -> io::Result<bool> {
        let mut all = all_held();
        let Some(held) = all.get_mut(&self.database) else { return Ok(false) };
        let alone = held.is_alone(files)?;
        if alone && !self.joined {
            held.joined += 1;
            self.joined = true;
        }
        Ok(alone)
    }

    /// Reads the files to their ends: an error is the disk's. (Meanwhile they stay open: even a copy of an open file that is
    /// closed would cost SQLite its locks.)
    pub(super) fn read_through(&self) -> io::Result<()> {
        let all = all_held();
        let mut files = all.get(&self.database).into_iter().flat_map(|held| held.database.iter().chain(&held.beside));
        files.try_for_each(read_through)
    }
}

fn read_through(file: &File) -> io::Result<()> {
    let (mut buffer, mut at) = (vec![0; 1 << 16], 0);
    loop {
        match file.read_at(&mut buffer, at)? {
            0 => return Ok(()),
            read => at += read as u64,
        }
    }
}

impl Held {
    fn is_alone(&mut self, files: &Files) -> io::Result<bool> {
        if self.joined == 0 && self.files.as_ref() != Some(files) {
            self.enter(files)?;
        }
        if self.files.as_ref() != Some(files) {
            return Ok(false);
        }
        for file in self.database.iter().chain(&self.beside) {
            if !locks::is_alone(file, files.byte())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Locks the byte of these three, in place of those that the last connection before has left.
    fn enter(&mut self, files: &Files) -> io::Result<()> {
        if let Some(before) = self.files.take() {
            self.database.iter().try_for_each(|file| locks::release(file, before.byte()))?;
        }
        self.beside = vec![File::open(&files.wal.0)?, File::open(&files.shm.0)?];
        self.database.iter().chain(&self.beside).try_for_each(|file| locks::hold(file, files.byte()))?;
        self.files = Some(files.clone());
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut all = all_held();
        let Some(held) = all.get_mut(&self.database) else { return };
        held.connections -= 1;
        held.joined -= usize::from(self.joined);
        if held.connections == 0 {
            all.remove(&self.database);
        }
    }
}

#[cfg(target_os = "linux")]
mod locks {
    use std::fs::File;
    use std::io;

    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    /// Holds a byte for reading, until the file is closed.
    pub(super) fn hold(file: &File, byte: i64) -> io::Result<()> {
        fcntl(file, FcntlArg::F_OFD_SETLK(&range(libc::F_RDLCK, byte, 1)))?;
        Ok(())
    }

    /// Gives a byte up.
    pub(super) fn release(file: &File, byte: i64) -> io::Result<()> {
        fcntl(file, FcntlArg::F_OFD_SETLK(&range(libc::F_UNLCK, byte, 1)))?;
        Ok(())
    }

    /// Whether nobody else holds a byte other than this one.
    pub(super) fn is_alone(file: &File, byte: i64) -> io::Result<bool> {
        let first = super::BEHIND_SQLITES;
        // a length of 0 is one without an end
        Ok(is_free(file, first, byte - first)? && is_free(file, byte + 1, 0)?)
    }

    fn is_free(file: &File, start: i64, length: i64) -> io::Result<bool> {
        let mut asked = range(libc::F_WRLCK, start, length);
        fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked))?;
        Ok(i32::from(asked.l_type) == libc::F_UNLCK)
    }

    fn range(kind: i32, start: i64, length: i64) -> libc::flock {
        let word = |value: i32| libc::c_short::try_from(value).unwrap_or_default();
        libc::flock { l_type: word(kind), l_whence: word(libc::SEEK_SET), l_start: start, l_len: length, l_pid: 0 }
    }
}

/// Elsewhere there are no locks of an open file: what is opened later is not noticed here.
#[cfg(not(target_os = "linux"))]
mod locks {
    use std::fs::File;
    use std::io;

    pub(super) fn hold(_: &File, _: i64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn release(_: &File, _: i64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn is_alone(_: &File, _: i64) -> io::Result<bool> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_to_its_end_and_a_disk_that_refuses_is_told() {
        let this = std::env::current_exe().and_then(File::open);
        assert!(this.is_ok_and(|file| read_through(&file).is_ok()));
        // address 0 is nobody's memory: the system answers EIO, as for a sector that cannot be read (proc_pid_mem(5))
        let unreadable = File::open("/proc/self/mem");
        let refused = unreadable.map(|file| read_through(&file).map_err(|error| error.raw_os_error()));
        assert!(refused.is_ok_and(|refused| refused == Err(Some(5))), "EIO is 5");
    }

    const BYTE: i64 = 6_523_885_871_486_334_589;

    /// Processes of different builds have to agree. FNV-1a as its authors publish it, computed apart from this program:
    /// <http://www.isthe.com/chongo/tech/comp/fnv/>.
    #[test]
    fn the_byte_of_three_files_is_the_same_in_every_build() {
        let file = |name: &str, inode| (PathBuf::from(name), Identity { device: 0xFD00, inode });
        let files = Files { database: file("a", 12), wal: file("a-wal", 13), shm: file("a-shm", 0x1_0000_0000) };
        assert_eq!(files.byte(), BYTE);
        let renamed = Files { database: file("b", 12), ..files.clone() };
        assert_eq!(renamed.byte(), BYTE, "names do not matter");
        let other = Files { shm: file("a-shm", 14), ..files };
        assert_ne!(other.byte(), BYTE);
    }
}
