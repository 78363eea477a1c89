//! The walls of the house, kept: who imports whom, no clock or socket in a core, no circle, nothing too long, nothing unused.
#![allow(clippy::unwrap_used)]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/lengths.rs"]
mod lengths;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/source.rs"]
mod source;

use source::{complain, is, named_rooms, product, room, short, top};
use std::collections::BTreeSet;
use std::fs;

/// The rooms that open no socket, read no clock, spawn no task; the leaves neither.
const CORES: &[&str] =
    &["sip", "rtp", "audio", "dtmf", "ivr", "account", "fax", "event", "call", "caller", "switchboard"];

/// Which other rooms a room may name; leaves are free to all.
fn may_import(room: &str) -> &'static [&'static str] {
    match room {
        "sip" | "rtp" | "audio" | "dtmf" | "ivr" | "account" => &[],
        "call" => &["sip", "rtp", "audio", "dtmf", "ivr", "account"],
        "decode" => &["rtp", "audio", "dtmf"],
        "caller" => &["sip", "rtp", "audio"],
        "config" => &["sip", "ivr", "account"],
        "event" => &["account", "fax"],
        "mail" => &["account"],
        "http" => &[],
        "api" => &["http", "event", "account", "fax"],
        "switchboard" => &["call", "sip", "ivr", "account"],
        "net" => &["sip"],
        "trace" => &["sip", "rtp", "audio"],
        "server" => &["switchboard", "trace", "call", "net", "sip", "account"],
        "site" => &["http", "account", "event", "fax"],
        "service" => &[
            "server",
            "switchboard",
            "site",
            "api",
            "mail",
            "http",
            "net",
            "trace",
            "call",
            "sip",
            "ivr",
            "audio",
            "account",
            "config",
        ],
        "dialler" => &["caller", "net", "sip", "audio"],
        "cli" => {
            &["service", "dialler", "caller", "decode", "trace", "config", "account", "audio", "dtmf", "event", "fax"]
        }
        _ => &[],
    }
}

const LEAVES: &[&str] = &[
    "number",
    "cidr",
    "mail_server",
    "unit",
    "key",
    "secret",
    "keying",
    "hex",
    "time",
    "priority",
    "lock",
    "ticket",
    "seats",
    "datagram",
];

#[test]
fn every_room_imports_only_what_its_wall_has_a_door_for() {
    let product = product();
    let rooms: BTreeSet<String> = product.iter().map(|(path, _)| room(path)).collect();
    let mut complaints = Vec::new();
    for (path, all) in &product {
        let here = room(path);
        let free = |other: &str| other == here || LEAVES.contains(&other) || may_import(&here).contains(&other);
        for other in named_rooms(all).into_iter().filter(|other| rooms.contains(*other) && !free(other)) {
            complaints.push(format!("{}: {here} has no door to {other}", short(path)));
        }
        if (0..all.len()).any(|at| is(all, at, &["use", "crate", "::", "{"])) {
            complaints
                .push(format!("{}: write `use crate::room::…` one a line, so that the walls can be seen", short(path)));
        }
    }
    complain(complaints);
}

#[test]
fn leaves_import_nothing_of_the_house() {
    let mut complaints = Vec::new();
    for (path, all) in product().iter().filter(|(path, _)| LEAVES.contains(&room(path).as_str())) {
        if named_rooms(all).iter().any(|other| *other != room(path)) {
            complaints.push(format!("{} is a leaf", short(path)));
        }
    }
    complain(complaints);
}

#[test]
fn no_core_reads_a_clock_or_opens_a_socket() {
    const FORBIDDEN: &[&[&str]] = &[
        &["Instant", "::", "now"],
        &["SystemTime", "::", "now"],
        &["tokio", "::"],
        &["UdpSocket"],
        &["TcpStream"],
        &["TcpListener"],
        &["thread", "::"],
        &["rand", "::", "rng"],
        &[".", "await"],
    ];
    let mut complaints = Vec::new();
    for (path, all) in product() {
        let here = room(&path);
        let core = CORES.contains(&here.as_str()) || LEAVES.contains(&here.as_str());
        // the store's own files write to a disk and wait for it
        if !core || path.iter().any(|part| part == "sqlite") {
            continue;
        }
        for words in FORBIDDEN.iter().filter(|words| (0..all.len()).any(|at| is(&all, at, words))) {
            complaints.push(format!("{}: {} in a core", short(&path), words.concat()));
        }
    }
    complain(complaints);
}

/// Rooms that are a core but for these files.
const EDGES: &[(&str, &[&str])] = &[
    ("site", &["src/site/mod.rs", "src/site/runtime.rs"]),
    ("mail", &["src/mail/sender.rs", "src/mail/smtp.rs"]),
    ("trace", &["src/trace/mod.rs"]),
];

#[test]
fn pages_mails_and_traces_leave_clocks_and_threads_to_their_edges() {
    const FORBIDDEN: &[&[&str]] = &[
        &["Instant", "::", "now"],
        &["SystemTime", "::", "now"],
        &["sleep"],
        &["timeout"],
        &["spawn_blocking"],
        &["TcpStream"],
        &["TcpListener"],
        &["thread", "::"],
        &["rand", "::", "rng"],
    ];
    let mut complaints = Vec::new();
    for (path, all) in product() {
        let Some((_, edges)) = EDGES.iter().find(|(edged, _)| *edged == room(&path)) else { continue };
        if edges.contains(&short(&path).as_str()) {
            continue;
        }
        for words in FORBIDDEN.iter().filter(|words| (0..all.len()).any(|at| is(&all, at, words))) {
            complaints.push(format!("{}: {} belongs to the room's edge", short(&path), words.concat()));
        }
    }
    complain(complaints);
}

#[test]
fn the_receiver_stands_alone() {
    let manifest = fs::read_to_string(top().join("src/dtmf/Cargo.toml")).unwrap();
    assert!(!manifest.contains("\n[dependencies"), "the receiver's crate needs nothing but std");
}

#[test]
fn the_names_of_three_crates_stay_in_one_file_each() {
    let mut complaints = Vec::new();
    let homes = [("rsip", "src/sip/message.rs"), ("rtp_rs", "src/rtp/packet.rs"), ("karipass_dtmf", "src/key.rs")];
    for (path, all) in product() {
        for (name, home) in homes {
            if short(&path) != home && (0..all.len()).any(|at| is(&all, at, &[name, "::"])) {
                complaints.push(format!("{}: only {home} names {name}", short(&path)));
            }
        }
    }
    complain(complaints);
}

#[test]
fn the_top_level_holds_what_the_customer_asked_for() {
    let known = ["Cargo.toml", "Cargo.lock", "src", "prompts", "fixtures", "tests", "README.md", "LICENSE", "target"];
    for entry in fs::read_dir(top()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let made_by_a_run = name.starts_with("karipass.db");
        assert!(name.starts_with('.') || made_by_a_run || known.contains(&name.as_str()), "{name} on the top level");
    }
}
