//! Files that are missing, foreign, newer, damaged, locked, full or gone: each is told, and each is left as it was.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod store_files;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use karipass::internals::account::rules::{Policy, Rules};
use karipass::internals::account::sqlite::{APPLICATION_ID, Sqlite};
use karipass::internals::account::tables::{Backend, Durability};
use karipass::internals::account::{
    self, Actor, CallFilter, CallRecord, Cost, Mode, Outcome, Store, StoreError, Verdict, password,
};
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::time::UnixTime;
use karipass::unit::Unit;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::Connection;

use store_files::{Folder, integrity};

const NOW: UnixTime = UnixTime(1_780_000_000);
const BOTH: [Mode; 2] = [Mode::Existing, Mode::Create];

const BY: Actor = Actor::Program("test");

fn open(file: &Path, mode: Mode) -> Result<Rules<Sqlite>, StoreError> {
    let tables = Sqlite::open(file, mode, Duration::from_millis(200))?;
    Ok(Rules::new(tables, Policy { cost: Cost::CHEAP, ..Policy::default() }))
}

fn refusal(file: &Path, mode: Mode) -> StoreError {
    open(file, mode).err().unwrap_or_else(|| panic!("{} was opened", file.display()))
}

fn made(folder: &Folder) -> PathBuf {
    let file = folder.file("karipass.db");
    account::demo(&mut open(&file, Mode::Create).unwrap(), &BY, NOW).unwrap();
    file
}

fn record(id: &str) -> CallRecord {
    CallRecord::new(id, NOW, "192.0.2.1:5060", Outcome::HungUp)
}

#[test]
fn a_missing_file_is_made_only_when_it_may_be() {
    let folder = Folder::new();
    let file = folder.file("karipass.db");
    let error = refusal(&file, Mode::Existing);
    assert_eq!(error, StoreError::Missing { store: file.display().to_string() });
    assert!(error.to_string().contains("contract add"), "it says what to do: {error}");
    assert_eq!(folder.contents(), []);

    drop(open(&file, Mode::Create).unwrap());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "hashes are for the owner only");
    open(&file, Mode::Existing).unwrap();
}

#[test]
fn a_path_that_can_hold_no_file_is_told() {
    let folder = Folder::new();
    assert!(matches!(refusal(folder.path(), Mode::Create), StoreError::Unreachable { .. }), "a folder");
    let within_nothing = folder.file("nothing").join("karipass.db");
    assert!(matches!(refusal(&within_nothing, Mode::Create), StoreError::Unreachable { .. }));
    assert_eq!(folder.contents(), []);
}

#[test]
fn a_foreign_file_is_refused_and_left_byte_for_byte() {
    for (what, make) in [
        ("text", (|file| std::fs::write(file, "customer,number\n").unwrap()) as fn(&Path)),
        ("long text", |file| std::fs::write(file, "not a database. ".repeat(1000)).unwrap()),
        ("SQLite's head alone", |file| std::fs::write(file, b"SQLite format 3\0").unwrap()),
        ("SQLite without an id", |file| {
            Connection::open(file).unwrap().execute_batch("CREATE TABLE album (title TEXT)").unwrap();
        }),
        ("SQLite with another id", |file| {
            Connection::open(file).unwrap().execute_batch("PRAGMA application_id = 7; VACUUM").unwrap();
        }),
        ("SQLite with a version", |file| {
            Connection::open(file).unwrap().execute_batch("PRAGMA user_version = 3; VACUUM").unwrap();
        }),
        ("SQLite in WAL mode, not closed", |file| {
            let live = file.with_extension("live");
            let connection = Connection::open(&live).unwrap();
            connection
                .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE a (b); INSERT INTO a VALUES (1)")
                .unwrap();
            connection.execute_batch("PRAGMA wal_checkpoint; INSERT INTO a VALUES (2)").unwrap();
            for suffix in ["", "-wal"] {
                std::fs::copy(format!("{}{suffix}", live.display()), format!("{}{suffix}", file.display())).unwrap();
            }
            connection.close().unwrap();
            std::fs::remove_file(live).unwrap();
        }),
    ] {
        let folder = Folder::new();
        let file = folder.file("someone's 100%#?.db");
        make(&file);
        let before = folder.contents();
        for mode in BOTH {
            let error = refusal(&file, mode);
            assert!(matches!(error, StoreError::Foreign { .. } | StoreError::Damaged { .. }), "{what}: {error}");
        }
        assert!(folder.contents() == before, "{what} was touched");
    }
}

#[test]
fn an_empty_file_becomes_a_store_only_when_one_may_be_made() {
    let folder = Folder::new();
    let file = folder.file("karipass.db");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(refusal(&file, Mode::Existing), StoreError::Foreign { .. }));
    assert_eq!(folder.contents(), [("karipass.db".to_owned(), Vec::new())]);
    open(&file, Mode::Create).unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_byte_for_byte() {
    let folder = Folder::new();
    let file = made(&folder);
    let newer = Sqlite::SCHEMA + 1;
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch(&format!("PRAGMA user_version = {newer}; PRAGMA wal_checkpoint(TRUNCATE)")).unwrap();
    connection.close().unwrap();
    let before = folder.contents();
    for mode in BOTH {
        let store = file.display().to_string();
        assert_eq!(refusal(&file, mode), StoreError::Newer { store, found: newer, known: Sqlite::SCHEMA });
    }
    assert!(folder.contents() == before, "it was touched");
}

#[test]
fn a_newer_schema_is_seen_while_it_is_still_in_the_log() {
    let folder = Folder::new();
    let file = made(&folder);
    let live = Connection::open(&file).unwrap();
    live.execute_batch(&format!("PRAGMA user_version = {}", Sqlite::SCHEMA + 1)).unwrap();
    assert!(matches!(refusal(&file, Mode::Create), StoreError::Newer { .. }));
}

#[test]
fn a_damaged_store_is_told() {
    let folder = Folder::new();
    let file = made(&folder);
    let mut bytes = std::fs::read(&file).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte = 0x5A;
    }
    std::fs::write(&file, &bytes).unwrap();
    let told = open(&file, Mode::Existing).and_then(|store| store.contracts().map(|_| ()));
    assert!(matches!(told, Err(StoreError::Damaged { .. })), "{told:?}");
}

#[test]
fn a_row_that_cannot_be_is_told_with_its_column() {
    let folder = Folder::new();
    let file = made(&folder);
    let other = Connection::open(&file).unwrap();
    other
        .execute_batch(
            "PRAGMA foreign_keys = OFF; INSERT INTO contract_number VALUES ('6600001111', '0600001111', 7, 0)",
        )
        .unwrap();
    let error = open(&file, Mode::Existing).unwrap().contracts().unwrap_err();
    assert!(matches!(error, StoreError::Row { .. }) && error.to_string().contains("column number"), "{error}");
}

#[test]
fn a_store_that_is_kept_locked_is_waited_for_and_then_told() {
    let folder = Folder::new();
    let file = made(&folder);
    let mut store = open(&file, Mode::Existing).unwrap();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = store.record_call(&record("c-1")).unwrap_err();
    let waited = Duration::from_millis(200);
    assert_eq!(busy, StoreError::Busy { store: file.display().to_string(), waited });
    assert_eq!(store.contracts().unwrap().len(), 1, "reading goes on meanwhile");
    other.execute_batch("COMMIT").unwrap();
    store.record_call(&record("c-1")).unwrap();
}

#[test]
fn a_store_that_was_removed_or_replaced_is_told() {
    let folder = Folder::new();
    let file = made(&folder);
    let gone = StoreError::Gone { store: file.display().to_string() };
    let mut store = open(&file, Mode::Existing).unwrap();
    let aside = folder.file("aside.db");
    std::fs::rename(&file, &aside).unwrap();
    assert_eq!(store.record_call(&record("c-1")), Err(gone.clone()));
    assert_eq!(store.contracts(), Err(gone.clone()));
    // another file in its place is not the store that was opened
    std::fs::copy(&aside, &file).unwrap();
    assert_eq!(store.record_call(&record("c-1")), Err(gone));
    // back where it was, it goes on
    std::fs::rename(&aside, &file).unwrap();
    store.record_call(&record("c-1")).unwrap();
}

#[test]
fn a_store_that_is_replaced_during_a_commit_is_not_sure_of_it() {
    let folder = Folder::new();
    let file = made(&folder);
    let mut store = open(&file, Mode::Existing).unwrap();
    let aside = folder.file("aside.db");
    let written = store.backend_mut().write(Durability::Full, |tables| {
        std::fs::rename(&file, &aside).unwrap();
        std::fs::copy(&aside, &file).unwrap();
        tables.insert_calls(&[&record("c-1")])
    });
    let why = StoreError::Gone { store: file.display().to_string() }.to_string();
    assert_eq!(written, Err(StoreError::Unknown { store: file.display().to_string(), why }));
    // it is in the file that was moved away: put back, the write is in force after all
    std::fs::rename(&aside, &file).unwrap();
    assert!(store.call("c-1").unwrap().is_some());
}

#[test]
fn a_store_whose_log_was_removed_is_told() {
    let folder = Folder::new();
    let file = made(&folder);
    let link = folder.file("link.db");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for name in [&file, &link] {
        let mut store = open(name, Mode::Existing).unwrap();
        store.record_call(&record("before")).ok();
        let log = folder.file("karipass.db-wal");
        let aside = folder.file("aside");
        std::fs::rename(&log, &aside).unwrap();
        // what is committed now goes into a file without a name, and is lost with this process
        assert!(matches!(store.record_call(&record("lost")), Err(StoreError::Gone { .. })), "{}", name.display());
        std::fs::rename(&aside, &log).unwrap();
        store.record_call(&record(&format!("{}-after", name.display()))).unwrap();
    }
}

#[test]
fn no_password_stands_anywhere_in_the_files() {
    let folder = Folder::new();
    let file = folder.file("karipass.db");
    let mut store = open(&file, Mode::Create).unwrap();
    account::demo(&mut store, &BY, NOW).unwrap();
    let number = PhoneNumber::parse(account::DEMO_CUSTOMER_NUMBER).unwrap();
    let (temporary, own) = (Secret::from("48151623"), Secret::from("my own one 1"));
    let mut rng = StdRng::seed_from_u64(3);
    let prepared = password::prepare(Unit::Line, number, &temporary, NOW, "c-1", Cost::CHEAP, &mut rng).unwrap();
    store.set_temporary_passwords(std::slice::from_ref(&prepared)).unwrap();
    let hash = password::hash(&own, Cost::CHEAP, &mut rng).unwrap();
    store.set_own_password(Unit::Line, number, &hash, &BY, NOW).unwrap();
    store.set_temporary_passwords(&[prepared]).unwrap();
    assert_eq!(store.verify(Unit::Line, number, &temporary, &BY, NOW), Ok(Verdict::Temporary));
    assert_eq!(store.verify(Unit::Line, number, &own, &BY, NOW), Ok(Verdict::Own));
    assert_eq!(store.verify(Unit::Line, number, &Secret::from("99887766"), &BY, NOW), Ok(Verdict::Wrong));

    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let contents = folder.contents();
    assert!(
        contents.iter().any(|(name, bytes)| name.ends_with("-wal") && has(bytes, "argon2id")),
        "the search finds hashes"
    );
    for (name, bytes) in &contents {
        for clear in ["48151623", "my own one 1", "99887766"] {
            assert!(!has(bytes, clear), "{clear} in {name}");
        }
    }
}

const ROLE: &str = "STORE_TEST_ROLE";
const FILE: &str = "STORE_TEST_FILE";

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let folder = Folder::new();
    let this = std::env::current_exe().unwrap();
    // a disk of its own in a namespace of its own; where the system allows none, the unit tests of the backend remain
    let mounted = "mount -t tmpfs -o size=400k tmpfs \"$1\" && exec \"$0\" as_another_process --exact --nocapture";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mounted])
        .arg(&this)
        .arg(folder.path())
        .env(ROLE, "fill")
        .env(FILE, folder.file("karipass.db"))
        .output();
    match output {
        Ok(output) if told(&output).contains("the disk is full") => {
            assert!(output.status.success(), "{}", told(&output))
        }
        Ok(output) if told(&output).contains("running 1 test") => panic!("{}", told(&output)),
        other => eprintln!("not tested, there are no namespaces here: {other:?}"),
    }
}

/// Writes until the disk is full, and goes on when there is room again.
fn fill(file: &Path) {
    let mut store = open(file, Mode::Create).unwrap();
    account::demo(&mut store, &BY, NOW).unwrap();
    let mut kept = 0;
    let error = loop {
        match store.record_call(&record(&format!("c-{kept}"))) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, StoreError::Full { store: file.display().to_string() });
    println!("the disk is full after {kept} records");
    assert_eq!(store.calls(&CallFilter::default()).unwrap().len(), kept);
    assert_eq!(open(file, Mode::Existing).unwrap().calls(&CallFilter::default()).unwrap().len(), kept);
    let second = file.with_file_name("second.db");
    std::fs::write(file.with_file_name("last-bytes"), [0; 400 << 10]).unwrap_err();
    let error = refusal(&second, Mode::Create);
    assert!(matches!(error, StoreError::Full { .. } | StoreError::Disk { .. }), "{error}");
    assert!(!second.exists(), "what could not be made is taken back");
    std::fs::remove_file(file.with_file_name("last-bytes")).unwrap();
    drop(store);
    assert_eq!(integrity(file), "ok");
}

#[test]
fn a_read_only_store_can_be_read_and_says_so_when_written() {
    // where every user may go
    let folder = Folder::within(&std::env::temp_dir());
    let file = made(&folder);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let output = as_nobody("read-only", &folder, &file);
    assert!(output.status.success(), "{}", told(&output));
}

fn read_only(file: &Path) {
    let mut store = open(file, Mode::Existing).unwrap();
    assert_eq!(store.contracts().unwrap().len(), 1);
    assert_eq!(store.record_call(&record("c-1")), Err(StoreError::ReadOnly { store: file.display().to_string() }));
}

/// Root may write anything, so another user plays the part.
fn as_nobody(role: &str, folder: &Folder, file: &Path) -> Output {
    let mut program = std::env::current_exe().unwrap();
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if root {
        // the build may lie where nobody else can go. Copied by another process: what this one has open for writing while a
        // neighbouring test starts a child could not be executed
        let copy = folder.path().join("program");
        assert!(Command::new("cp").args([&program, &copy]).status().unwrap().success());
        program = copy;
    }
    let mut command = Command::new(program);
    command.args(["as_another_process", "--exact", "--nocapture"]).env(ROLE, role).env(FILE, file);
    if root {
        command.uid(65534).gid(65534).current_dir("/");
    }
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// No test of its own: the part that another process plays in the tests above.
#[test]
fn as_another_process() {
    let (Ok(role), Some(file)) = (std::env::var(ROLE), std::env::var_os(FILE)) else { return };
    match role.as_str() {
        "fill" => fill(Path::new(&file)),
        "read-only" => read_only(Path::new(&file)),
        other => panic!("no role {other}"),
    }
}

#[test]
fn the_marks_are_the_documented_ones() {
    let folder = Folder::new();
    let file = made(&folder);
    let connection = Connection::open(&file).unwrap();
    let pragma = |name: &str| -> i64 { connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap() };
    assert_eq!(pragma("application_id"), i64::from(APPLICATION_ID));
    assert_eq!(APPLICATION_ID.to_be_bytes(), *b"KARI");
    assert_eq!(pragma("user_version"), i64::from(Sqlite::SCHEMA));
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

/// The file as `kill -9` leaves it in a checkpoint: the first page is written, the pages it tells of are in the WAL only.
#[test]
fn a_checkpoint_that_was_cut_short_is_no_damage() {
    let folder = Folder::new();
    let file = folder.file("karipass.db");
    let mut store = open(&file, Mode::Create).unwrap();
    account::demo(&mut store, &BY, NOW).unwrap();
    let cut = Folder::new();
    let (database, wal) = (cut.file("karipass.db"), cut.file("karipass.db-wal"));
    std::fs::copy(folder.file("karipass.db-wal"), &wal).unwrap();
    let mut pages = std::fs::read(&file).unwrap();
    let first = last_frame_of_first_page(&std::fs::read(&wal).unwrap());
    assert!(pages.len() <= first.len(), "nothing has been checkpointed yet");
    pages.splice(.., first);
    std::fs::write(&database, pages).unwrap();

    for mode in BOTH {
        assert_eq!(open(&database, mode).unwrap().contracts().unwrap(), store.contracts().unwrap());
    }
    assert_eq!(integrity(&database), "ok");
}

/// Out of a WAL (SQLite's file format, section 4.1): after a header of 32 bytes, frames of 24 bytes and a page each.
fn last_frame_of_first_page(wal: &[u8]) -> Vec<u8> {
    let word = |at: usize| u32::from_be_bytes(wal[at..at + 4].try_into().unwrap());
    let page_size = word(8) as usize;
    let mut frames = (32..wal.len()).step_by(24 + page_size).filter(|at| word(*at) == 1);
    let last = frames.next_back().unwrap() + 24;
    wal[last..last + page_size].to_vec()
}
