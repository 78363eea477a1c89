//! What cannot be seen from outside: the migrations' rules, and a file that may not grow.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use super::*;
use crate::account::options::Mode;
use crate::account::rules::{Policy, Rules};
use crate::account::session::SessionId;
use crate::account::{Actor, CallFilter, CallRecord, Cost, Effects, Outcome, Store, Write, demo};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("karipass-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn open(&self) -> Rules<Sqlite> {
        opened(&self.0.join("karipass.db"), Mode::Create, Duration::from_secs(30))
    }
}

fn opened(file: &Path, mode: Mode, wait: Duration) -> Rules<Sqlite> {
    Rules::new(Sqlite::open(file, mode, wait).unwrap(), Policy { cost: Cost::CHEAP, ..Policy::default() })
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const NOW: UnixTime = UnixTime(1_780_000_000);

fn record(n: usize) -> CallRecord {
    CallRecord::new(format!("c-{n}"), NOW, "192.0.2.1:5060", Outcome::HungUp)
}

#[test]
fn a_store_that_may_not_grow_says_so_and_keeps_what_it_has() {
    let folder = Folder::new("full");
    let mut store = folder.open();
    demo(&mut store, &Actor::Program("test"), NOW).unwrap();
    let pages: i64 = store.backend().connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    store.backend().connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    let mut kept = 0;
    let full = loop {
        // three at a time: the group is in the store as a whole or not at all
        let group: Vec<CallRecord> = (kept..kept + 3).map(record).collect();
        let writes: Vec<Write<'_>> = group.iter().map(Write::Call).collect();
        match store.commit(&writes) {
            Ok(_) => kept += 3,
            Err(error) => break error,
        }
    };
    assert_eq!(full, StoreError::Full { store: store.name() });
    assert!(full.to_string().contains("free some space"), "{full}");
    assert_eq!(store.calls(&CallFilter::default()).unwrap().len(), kept);
    store.backend().connection.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(())).unwrap();
    store.record_call(&record(kept)).unwrap();
    assert_eq!(folder.open().calls(&CallFilter::default()).unwrap().len(), kept + 1);
}

#[test]
fn damage_is_the_disks_where_the_files_cannot_be_read() {
    let damaged = || Failure::Fault(Fault::Damaged("malformed".to_owned()));
    // address 0 is nobody's memory: the system answers EIO, as for a sector that cannot be read (proc_pid_mem(5))
    let unreadable = Hold::of(Path::new("/proc/self/mem")).unwrap();
    let disk = open::undamaged(damaged(), &unreadable);
    assert!(matches!(&disk, Failure::Fault(Fault::Disk(why)) if why.contains("os error 5")), "{disk:?}");
    let readable = Hold::of(&std::env::current_exe().unwrap()).unwrap();
    assert_eq!(open::undamaged(damaged(), &readable), damaged());
    assert_eq!(open::undamaged(Failure::Conflict, &unreadable), Failure::Conflict);
}

#[test]
fn every_handle_is_as_careful_as_the_first() {
    let folder = Folder::new("pragmas");
    let mut touched = folder.open();
    touched.touch_session(&SessionId("none".to_owned()), UnixTime(0)).unwrap();
    for store in [folder.open(), folder.open(), touched] {
        let pragma = |name: &str| -> i64 {
            store.backend().connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
        };
        assert_eq!(pragma("synchronous"), 2, "FULL");
        assert_eq!(pragma("foreign_keys"), 1);
        assert_eq!(pragma("busy_timeout"), 30_000);
    }
}

#[test]
fn every_migration_begins_with_its_own_number() {
    for (place, sql) in open::MIGRATIONS.iter().enumerate() {
        let number = place + 1;
        let entry = format!("INSERT INTO schema_migration (number) VALUES ({number});");
        let at = sql.find(&entry).unwrap_or_else(|| panic!("migration {number} does not enter itself"));
        let before = sql.get(..at).unwrap();
        let creates_the_table = before.contains("CREATE TABLE schema_migration");
        assert_eq!(before.contains("CREATE"), number == 1, "migration {number} does something before that");
        assert_eq!(creates_the_table, number == 1);
    }
    open::SCHEMA.validate().unwrap();
}

#[test]
fn a_store_marked_but_not_finished_is_finished() {
    // a program that was killed between its first two transactions leaves this
    let folder = Folder::new("unfinished");
    let file = folder.0.join("karipass.db");
    let connection = Connection::open(&file).unwrap();
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    drop(connection);
    let store = opened(&file, Mode::Existing, Duration::from_secs(30));
    assert_eq!(store.contracts(), Ok(Vec::new()));
}

#[test]
fn a_write_does_not_begin_before_it_is_its_turn() {
    let folder = Folder::new("turn");
    drop(folder.open());
    let other = Connection::open(folder.0.join("karipass.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut store = opened(&folder.0.join("karipass.db"), Mode::Existing, Duration::from_millis(50));
    let begun = std::cell::Cell::new(false);
    let busy = store.backend_mut().write(Durability::Full, |_| {
        begun.set(true);
        Ok(())
    });
    assert!(matches!(busy, Err(StoreError::Busy { .. })), "{busy:?}");
    assert!(!begun.get(), "it read what another program was about to change");
}

#[test]
fn a_number_keeps_so_many_faxes_and_so_many_bytes_and_no_more() {
    let folder = Folder::new("faxes");
    let mut store = folder.open();
    demo(&mut store, &Actor::Program("test"), NOW).unwrap();
    let number = |text: &str| PhoneNumber::parse(text).unwrap();
    let keep = |store: &mut Rules<Sqlite>, of: &str| {
        let fax = crate::account::fax::NewFax { number: number(of), caller: None, pages: 1, document: vec![0; 2] };
        let effects = Effects { fax: Some(fax), ..Effects::default() };
        store.apply(&effects, &Actor::Program("test"), NOW).map(|_| ())
    };
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
                INSERT INTO fax (number, received_at, pages, size, document) SELECT ?1, 0, 1, ?3, x'00' FROM n";
    store.backend().connection.execute(fill, ("0600001111", 999, 1)).unwrap();
    assert_eq!(keep(&mut store, "0600001111"), Ok(()));
    let full = StoreError::TooManyFaxes { number: number("0600001111") };
    assert_eq!(keep(&mut store, "0600001111"), Err(full), "one more than a thousand");
    store.backend().connection.execute(fill, ("0600002222", 1, 500 * 1024 * 1024 - 3)).unwrap();
    assert_eq!(keep(&mut store, "0600002222"), Ok(()));
    let full = StoreError::TooManyFaxes { number: number("0600002222") };
    assert_eq!(keep(&mut store, "0600002222"), Err(full), "one byte left, and two are needed");
}

#[test]
fn the_audit_of_a_number_is_read_from_its_index_however_long_it_is() {
    let folder = Folder::new("audit-plan");
    let store = folder.open();
    let explain = format!("EXPLAIN QUERY PLAN {}", audit::AUDIT_OF_NUMBER);
    let mut statement = store.backend().connection.prepare(&explain).unwrap();
    let none = rusqlite::named_params! { ":number": "", ":unit": "", ":last": 1 };
    let steps = statement.query_map(none, |row| row.get::<_, String>("detail")).unwrap();
    let steps: Vec<String> = steps.map(Result::unwrap).collect();
    // https://sqlite.org/eqp.html: one search, and no temporary b-tree to sort by
    assert_eq!(steps, ["SEARCH audit USING INDEX audit_by_number (number=?)"]);
}
