//! The walls of the house, kept: who imports whom, no clock or socket in a core, a head line and a sane length in every file.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms that open no socket, read no clock, spawn no task.
const CORES: &[&str] = &["sip", "rtp", "audio", "dtmf", "ivr", "account", "fax", "event"];

/// Which other rooms a room may name; leaves are free to all.
fn may_import(room: &str) -> &'static [&'static str] {
    match room {
        "sip" | "rtp" | "audio" | "ivr" | "account" => &[],
        "dtmf" => &["audio"],
        "call" => &["sip", "rtp", "audio", "dtmf", "ivr", "account"],
        "decode" => &["rtp", "audio", "dtmf"],
        "caller" => &["sip", "rtp", "audio", "dtmf", "call"],
        "config" => &["sip", "rtp", "ivr", "account"],
        "event" => &["account", "fax"],
        "mail" => &["account"],
        "http" => &["config"],
        "api" => &["http", "event", "account", "fax"],
        "net" => &["sip", "config"],
        "trace" => &["sip", "rtp", "audio"],
        "server" => &["trace", "call", "net", "site", "sip", "rtp", "audio", "dtmf", "ivr", "account", "config"],
        "site" => &["http", "account", "config", "event", "fax"],
        "cli" => &[
            "server", "site", "caller", "decode", "trace", "config", "account", "audio", "dtmf", "call", "sip", "rtp",
            "ivr", "net", "event", "mail", "api", "fax", "http",
        ],
        "main" => &["cli"],
        _ => &[],
    }
}

const LEAVES: &[&str] = &["number", "unit", "secret", "keying", "hex", "time", "priority"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room a file of src/ is in: its first folder, or its own name.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(src()).unwrap();
    inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

fn is_test_file(path: &Path) -> bool {
    path.iter().any(|part| part == "tests") || path.file_stem().unwrap().to_str().unwrap().ends_with("tests")
}

/// The text without comments, and without what follows the tests' attribute: tests may reach further.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn complain(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_room_imports_only_what_its_wall_has_a_door_for() {
    let mut rooms: Vec<String> = sources(&src()).iter().map(|path| room(path)).collect();
    rooms.dedup();
    let mut complaints = Vec::new();
    for path in sources(&src()).iter().filter(|path| !is_test_file(path)) {
        let here = room(path);
        if LEAVES.contains(&here.as_str()) || here == "lib" {
            continue;
        }
        let code = code_of(&fs::read_to_string(path).unwrap());
        for other in &rooms {
            let named = code.contains(&format!("crate::{other}::")) || code.contains(&format!("karipass::{other}::"));
            if *other != here
                && named
                && !LEAVES.contains(&other.as_str())
                && !may_import(&here).contains(&other.as_str())
            {
                complaints.push(format!("{}: {here} has no door to {other}", path.display()));
            }
        }
        if code.contains("use crate::{") {
            complaints.push(format!(
                "{}: write `use crate::room::…` one a line, so that the walls can be seen",
                path.display()
            ));
        }
    }
    complain(complaints);
}

#[test]
fn leaves_import_nothing_of_the_house() {
    for leaf in LEAVES {
        let code = code_of(&fs::read_to_string(src().join(format!("{leaf}.rs"))).unwrap());
        assert!(!code.contains("crate::"), "{leaf}.rs is a leaf");
    }
}

#[test]
fn no_core_reads_a_clock_or_opens_a_socket() {
    const FORBIDDEN: &[&str] = &[
        "Instant::now",
        "SystemTime::now",
        "tokio::",
        "std::net::Udp",
        "std::net::Tcp",
        "thread::",
        "rand::rng()",
        ".await",
    ];
    let mut complaints = Vec::new();
    for path in sources(&src()) {
        let here = room(&path);
        let core = CORES.contains(&here.as_str()) || here == "call" || here == "caller";
        // the store's own files write to a disk and wait for it
        let edge = path.ends_with("account/sqlite.rs") || path.iter().any(|part| part == "sqlite");
        if !core || edge {
            continue;
        }
        let code = code_of(&fs::read_to_string(&path).unwrap());
        for word in FORBIDDEN.iter().filter(|word| code.contains(**word)) {
            complaints.push(format!("{}: {word} in a core", path.display()));
        }
    }
    complain(complaints);
}

#[test]
fn the_names_of_two_crates_stay_in_one_file_each() {
    let mut complaints = Vec::new();
    for path in sources(&src()) {
        let code = code_of(&fs::read_to_string(&path).unwrap());
        for (name, home) in [("rsip::", "sip/message.rs"), ("rtp_rs::", "rtp/packet.rs")] {
            if code.contains(name) && !path.ends_with(home) {
                complaints.push(format!("{}: only {home} names {name}", path.display()));
            }
        }
    }
    complain(complaints);
}

#[test]
fn every_file_says_what_it_is_and_is_of_a_length_to_be_read() {
    let mut complaints = Vec::new();
    for path in sources(&src()) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.starts_with("//!") {
            complaints.push(format!("{}: begins without //!", path.display()));
        }
        let lines = text.lines().count();
        if lines > 600 {
            complaints.push(format!("{}: {lines} lines", path.display()));
        }
    }
    complain(complaints);
}

#[test]
fn the_top_level_holds_what_the_customer_asked_for() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known = ["Cargo.toml", "Cargo.lock", "src", "prompts", "fixtures", "tests", "README.md", "LICENSE", "target"];
    for entry in fs::read_dir(top).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let made_by_a_run = name.starts_with("karipass.db");
        assert!(name.starts_with('.') || made_by_a_run || known.contains(&name.as_str()), "{name} on the top level");
    }
}
