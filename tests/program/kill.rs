//! `kill -9` at any moment of a call: what was announced is in the store, and the store is sound.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::support::{Folder, Service, recording, verify};

#[test]
fn a_killed_service_has_stored_what_it_announced() {
    let folder = Folder::new();
    let db = folder.file("store.db");
    let (mut announced, mut stored) = (0, 0);
    // around the moment at which the password is stored, about 5 s into the call, finely; and anywhere else, coarsely
    let moments = [500, 2500, 4000, 4400, 4700, 4900, 5000, 5050, 5100, 5150, 5200, 5300, 5400, 5600, 6000, 7000];
    for (round, millis) in moments.into_iter().enumerate() {
        let password = format!("{}", 48_151_623 + 1_300_009 * round);
        let keys = folder.file("keys.wav");
        recording(&keys, &format!(",21,{password}#1,,,,"));
        let mut service = Service::demo(&db);
        let flags = ["--from", "0600001111", "--unit", "number", "--password", &password, "--play", keys.to_str().unwrap()];
        let mut call = service.call(&flags).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(call.stdout.take().unwrap());
        let started = Instant::now();
        let (told, lines) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(told.send(line))));
        let mut done = false;
        while let Some(left) = Duration::from_millis(millis).checked_sub(started.elapsed()) {
            match lines.recv_timeout(left) {
                Ok(line) => done |= line.contains("\"done\""),
                Err(_) => break,
            }
        }
        service.kill();
        // what the caller heard before the last packet counts as announced
        std::thread::sleep(Duration::from_millis(100));
        done |= lines.try_iter().any(|line| line.contains("\"done\""));
        call.kill().unwrap();
        call.wait().unwrap();
        reader.join().unwrap();
        let is_stored = verify(&db, "number", "0600001111", &password).status.success();
        assert!(is_stored || !done, "round {round}: announced after {millis} ms, but not stored");
        let check = rusqlite::Connection::open(&db).unwrap();
        let sound: String = check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        announced += usize::from(done);
        stored += usize::from(is_stored);
    }
    // the moments lie on both sides of what is tested
    assert!(announced > 0 && stored < moments.len(), "{announced} announced, {stored} stored of {}", moments.len());
}
