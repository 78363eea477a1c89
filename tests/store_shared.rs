//! A store whose files are removed, replaced or linked while another process has it open: whoever reports a commit as done
//! has it in the store that the next program opens.
//!
//! The other process is this test program itself, started again (see [`as_another_process`]).
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod store_files;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use karipass::internals::account::{
    self, AccountStore, Actor, CallFilter, CallRecord, Cost, Mode, Options, Outcome, Store, StoreError, StoreUrl,
};
use karipass::time::UnixTime;
use rusqlite::Connection;

use store_files::{Folder, integrity};

const NOW: UnixTime = UnixTime(1_780_000_000);
const BY: Actor = Actor::Program("test");
const FILE: &str = "STORE_TEST_FILE";

fn open(file: &Path) -> Result<AccountStore, StoreError> {
    let options = Options { cost: Cost::CHEAP, ..Options::default() };
    account::open(&StoreUrl::file(file), Mode::Existing, &options)
}

fn made(folder: &Folder) -> PathBuf {
    let file = folder.file("karipass.db");
    let mut store = account::open(&StoreUrl::file(&file), Mode::Create, &Options::default()).unwrap();
    account::demo(&mut store, &BY, NOW).unwrap();
    file
}

fn record(id: &str) -> CallRecord {
    CallRecord::new(id, NOW, "192.0.2.1:5060", Outcome::HungUp)
}

/// Opens the store and writes; what it returns was reported as done.
fn write(file: &Path, id: &str) -> Result<String, StoreError> {
    open(file)?.record_call(&record(id)).map(|()| id.to_owned())
}

fn kept(file: &Path) -> BTreeSet<String> {
    assert_eq!(integrity(file), "ok");
    open(file).unwrap().calls(&CallFilter::default()).unwrap().into_iter().map(|call| call.id).collect()
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", file.display()))
}

/// Another process that has the store open.
struct Other {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Other {
    fn with(file: &Path) -> Other {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["as_another_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(FILE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut other = Other { child, orders, answers };
        assert_eq!(other.answer(), "open");
        other
    }

    /// "done", or the error.
    fn write(&mut self, id: &str) -> String {
        writeln!(self.orders, "{id}").unwrap();
        self.answer()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.answers.read_line(&mut line).unwrap() > 0, "the other process has ended");
            // what the test's own frame prints may stand before it
            if let Some((_, answer)) = line.split_once("ANSWER ") {
                return answer.trim_end().to_owned();
            }
        }
    }

    /// Closes the store in order.
    fn end(mut self) {
        drop(self.orders);
        assert!(self.child.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// No test of its own: writes a record for each line, until there are no more.
#[test]
fn as_another_process() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let mut store = open(Path::new(&file)).unwrap();
    println!("ANSWER open");
    for id in std::io::stdin().lines().map(Result::unwrap) {
        match store.record_call(&record(&id)) {
            Ok(()) => println!("ANSWER done"),
            Err(error) => println!("ANSWER {error}"),
        }
    }
}

/// What is done to a store under a process that has it open; the name by which it is opened then.
type Harm = fn(&Folder, &Path) -> PathBuf;

const HARMS: [(&str, Harm); 5] = [
    ("-shm removed", |_, file| {
        std::fs::remove_file(beside(file, "-shm")).unwrap();
        file.to_owned()
    }),
    ("-wal removed", |_, file| {
        std::fs::remove_file(beside(file, "-wal")).unwrap();
        file.to_owned()
    }),
    ("both removed", |_, file| {
        std::fs::remove_file(beside(file, "-shm")).unwrap();
        std::fs::remove_file(beside(file, "-wal")).unwrap();
        file.to_owned()
    }),
    ("replaced by a copy", |folder, file| {
        let copy = folder.file("copy.db");
        Connection::open(file).unwrap().execute("VACUUM INTO ?1", [copy.to_str()]).unwrap();
        std::fs::rename(copy, file).unwrap();
        file.to_owned()
    }),
    ("moved away and opened there", |folder, file| {
        let away = folder.file("away.db");
        std::fs::rename(file, &away).unwrap();
        away
    }),
];

#[test]
fn whatever_is_done_to_the_files_no_commit_that_was_reported_is_lost() {
    for (what, harm) in HARMS {
        let folder = Folder::new();
        let file = made(&folder);
        let mut other = Other::with(&file);
        assert_eq!(other.write("before"), "done", "{what}");
        let now = harm(&folder, &file);
        // who comes now shares nothing with the other process, and is told so before it writes
        assert_eq!(write(&now, "beside"), Err(StoreError::Divided { store: name(&now) }), "{what}");
        assert_eq!(other.write("after"), StoreError::Gone { store: name(&file) }.to_string(), "{what}");
        other.end();
        assert_eq!(write(&now, "next"), Ok("next".to_owned()), "{what}");
        let expected = ["before", "next"].map(str::to_owned);
        assert_eq!(kept(&now), BTreeSet::from(expected), "{what}");
    }
}

#[test]
fn a_process_that_was_killed_stands_in_nobodys_way() {
    let folder = Folder::new();
    let file = made(&folder);
    let mut other = Other::with(&file);
    assert_eq!(other.write("before"), "done");
    std::fs::remove_file(beside(&file, "-shm")).unwrap();
    other.kill();
    assert_eq!(write(&file, "next"), Ok("next".to_owned()));
    assert_eq!(kept(&file), BTreeSet::from(["before", "next"].map(str::to_owned)));
}

#[test]
fn two_processes_with_the_same_files_stand_in_nobodys_way() {
    let folder = Folder::new();
    let file = made(&folder);
    let mut other = Other::with(&file);
    assert_eq!(write(&file, "here"), Ok("here".to_owned()));
    assert_eq!(other.write("there"), "done");
    let link = folder.file("link.db");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(write(&link, "by another name"), Ok("by another name".to_owned()));
    other.end();
    assert_eq!(kept(&file).len(), 3);
}

/// Any program may use SQLite, without our care: it finds no `-shm`, makes one, and goes on behind the last commit.
#[test]
fn what_a_program_without_our_care_commits_beside_a_new_shm_stays_too() {
    let folder = Folder::new();
    let file = made(&folder);
    let mut other = Other::with(&file);
    assert_eq!(other.write("before"), "done");
    std::fs::remove_file(beside(&file, "-shm")).unwrap();
    let statement = "INSERT INTO audit (at, actor, action) VALUES (1, 'cli', 'by sqlite3')";
    let shell = Command::new(std::env::current_exe().unwrap())
        .args(["as_a_program_without_our_care", "--exact"])
        .envs([(FILE, file.as_os_str()), ("STORE_TEST_SQL", statement.as_ref())])
        .output()
        .unwrap();
    assert!(shell.status.success(), "{shell:?}");
    assert_eq!(other.write("after"), StoreError::Gone { store: name(&file) }.to_string());
    other.end();
    assert_eq!(kept(&file), BTreeSet::from(["before".to_owned()]));
    let count = "SELECT count(*) FROM audit WHERE action = 'by sqlite3'";
    let found: i64 = Connection::open(&file).unwrap().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(found, 1);
}

/// No test of its own.
#[test]
fn as_a_program_without_our_care() {
    let Ok(sql) = std::env::var("STORE_TEST_SQL") else { return };
    Connection::open(std::env::var_os(FILE).unwrap()).unwrap().execute_batch(&sql).unwrap();
}

#[test]
fn a_store_with_two_names_is_refused_by_both() {
    let folder = Folder::new();
    let file = made(&folder);
    let link = folder.file("link.db");
    std::fs::hard_link(&file, &link).unwrap();
    let before = folder.contents();
    for name in [&file, &link] {
        let refused = open(name).map(|_| ());
        assert_eq!(refused, Err(StoreError::Linked { store: name.display().to_string(), names: 2 }));
    }
    assert!(folder.contents() == before, "it was touched");
    std::fs::remove_file(&link).unwrap();
    assert_eq!(write(&file, "next"), Ok("next".to_owned()));
}

#[test]
fn a_link_that_is_made_while_the_store_is_open_is_refused_too() {
    let folder = Folder::new();
    let file = made(&folder);
    let mut other = Other::with(&file);
    let link = folder.file("link.db");
    std::fs::hard_link(&file, &link).unwrap();
    std::fs::remove_file(&file).unwrap();
    // one name is left, and it is another one
    assert_eq!(write(&link, "beside"), Err(StoreError::Divided { store: name(&link) }));
    assert_eq!(other.write("after"), StoreError::Gone { store: name(&file) }.to_string());
    other.end();
}

#[test]
fn handles_that_come_and_go_in_one_process_never_part() {
    let folder = Folder::new();
    let file = made(&folder);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let file = &file;
            scope.spawn(move || {
                for n in 0..50 {
                    write(file, &format!("{thread}-{n}")).unwrap();
                }
            });
        }
    });
    assert_eq!(kept(&file).len(), 4 * 50);
}
