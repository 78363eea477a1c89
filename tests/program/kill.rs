//! `kill -9` at any moment of a call: what was announced is in the store, and the store is sound.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::support::{Folder, Service, recording, verify};

/// When the service is killed, in ms from the start of the call: around the moment at which the password is stored, about 5 s
/// into it, finely, and anywhere else, coarsely.
const MOMENTS: [[u64; 4]; 3] = [[500, 4700, 5100, 5600], [2500, 4900, 5200, 6000], [4000, 5000, 5300, 7000]];

#[test]
fn a_killed_service_has_stored_what_it_announced() {
    let totals = std::thread::scope(|scope| {
        let rounds: Vec<_> = MOMENTS.iter().map(|moments| scope.spawn(|| kill_at(moments))).collect();
        rounds.into_iter().map(|round| round.join().unwrap()).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    let (announced, stored) = totals;
    // the moments lie on both sides of what is tested
    assert!(announced > 0 && stored < MOMENTS.as_flattened().len(), "{announced} announced, {stored} stored");
}

/// Kills the service once at each of these moments, on the same store; how many passwords were announced and stored.
fn kill_at(moments: &[u64]) -> (usize, usize) {
    let folder = Folder::new();
    let db = folder.file("store.db");
    let (mut announced, mut stored) = (0, 0);
    for (round, &millis) in moments.iter().enumerate() {
        let password = format!("{}", 48_151_623 + 1_300_009 * round);
        let done = killed_call(&folder, millis, &password);
        let is_stored = verify(&db, "number", "0600001111", &password).status.success();
        assert!(is_stored || !done, "announced before it was killed after {millis} ms, but not stored");
        let check = rusqlite::Connection::open(&db).unwrap();
        let sound: String = check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        announced += usize::from(done);
        stored += usize::from(is_stored);
    }
    (announced, stored)
}

/// One call to a service that is killed after so long; whether the password was announced before.
fn killed_call(folder: &Folder, millis: u64, password: &str) -> bool {
    let keys = folder.file("keys.wav");
    recording(&keys, &format!(",21,{password}#1,,,,"));
    let mut service = Service::demo(&folder.file("store.db"));
    let flags = ["--from", "0600001111", "--unit", "number", "--password", password, "--play", keys.to_str().unwrap()];
    let mut call = service.call(&flags).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let stdout = BufReader::new(call.stdout.take().unwrap());
    let (told, lines) = std::sync::mpsc::channel();
    let reader =
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(told.send(line))));
    // the caller's program takes a while to start where the machine is busy: the call begins with its first line
    lines.recv_timeout(Duration::from_secs(60)).unwrap();
    let started = Instant::now();
    let mut done = false;
    while let Some(left) = Duration::from_millis(millis).checked_sub(started.elapsed()) {
        match lines.recv_timeout(left) {
            Ok(line) => done |= line.contains("\"done\""),
            Err(_) => break,
        }
    }
    service.kill();
    // what was sent before the end may still be on its way to the caller, and counts
    while let Ok(line) = lines.recv_timeout(Duration::from_millis(100)) {
        done |= line.contains("\"done\"");
    }
    call.kill().unwrap();
    call.wait().unwrap();
    reader.join().unwrap();
    done
}
