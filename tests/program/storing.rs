//! While another program writes, the store takes its time: nothing is announced before the commit, and a stop withdraws what is not committed.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use super::support::{Folder, Service, recording, verify};

const NUMBER: &str = "0600001111";
const PASSWORD: &str = "48151623";

/// Another program's transaction: the service's own write has to wait until it ends.
struct Writing(rusqlite::Connection);

impl Writing {
    fn begin(service: &Service) -> Writing {
        let connection = rusqlite::Connection::open(&service.db).unwrap();
        connection.busy_timeout(Duration::from_secs(30)).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Writing(connection)
    }

    fn end(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// A caller who keys everything in at once, and listens.
struct Caller {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Caller {
    fn dial(folder: &Folder, service: &Service) -> Caller {
        let keys = folder.file("keys.wav");
        recording(&keys, &format!(",21,{PASSWORD}#1,,,,"));
        let flags = ["--from", NUMBER, "--unit", "number", "--password", PASSWORD, "--play", keys.to_str().unwrap()];
        let mut process = service.call(&flags).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Caller { process, lines }
    }

    /// The first of these prompts that is heard from now on.
    fn hears<'a>(&mut self, prompts: &[&'a str]) -> Option<&'a str> {
        let heard = |line: String| prompts.iter().find(|prompt| line.contains(&format!("\"{prompt}\""))).copied();
        self.lines.by_ref().map_while(Result::ok).find_map(heard)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_password_is_announced_only_when_it_is_committed() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("store.db"));
    let other = Writing::begin(&service);
    let mut caller = Caller::dial(&folder, &service);
    assert_eq!(caller.hears(&["saving", "done", "store-failed"]), Some("saving"));
    other.end();
    assert_eq!(caller.hears(&["done", "store-failed"]), Some("done"));
    assert!(service.verify("number", NUMBER, PASSWORD));
}

#[test]
fn a_stop_at_once_withdraws_what_is_not_committed_and_waits_for_the_record() {
    let folder = Folder::new();
    let mut service = Service::demo(&folder.file("store.db"));
    let other = Writing::begin(&service);
    let mut caller = Caller::dial(&folder, &service);
    assert_eq!(caller.hears(&["saving", "done", "store-failed"]), Some("saving"));
    service.terminate();
    service.wait_for_log("stopping");
    service.terminate();
    // hung up on, while the store has neither the password nor the record
    caller.process.wait().unwrap();
    assert!(!service.ends_within(Duration::from_secs(4)), "it ended before its store had written everything");
    other.end();
    let db = service.db.clone();
    let (code, log) = service.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(!verify(&db, "number", NUMBER, PASSWORD).status.success(), "nobody was told that it is set\n{log}");
    let records = rusqlite::Connection::open(&db).unwrap();
    let outcome: String = records.query_row("SELECT outcome FROM call_record", [], |row| row.get(0)).unwrap();
    assert_eq!(outcome, "stopped", "{log}");
}

#[test]
fn a_service_whose_store_is_replaced_ends_with_the_status_for_a_missing_resource() {
    let folder = Folder::new();
    let mut service = Service::demo(&folder.file("store.db"));
    let db = service.db.clone();
    std::fs::remove_file(format!("{}-shm", db.display())).unwrap();
    assert!(service.ends_within(Duration::from_secs(20)), "it refuses everything and goes on");
    let (code, log) = service.wait();
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("was moved, removed or replaced while in use"), "{log}");
    let again = Service::demo(&db);
    assert!(!again.verify("number", NUMBER, PASSWORD), "it looks passwords up again");
}
