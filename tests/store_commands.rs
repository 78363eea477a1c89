//! The commands on the store as a script meets them: exit codes, stdout apart from stderr, and pipes that close.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod store_files;

use std::fs::File;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use store_files::Folder;

/// `karipass WORDS…` in a folder of its own, with nothing in the environment that it would read.
fn karipass(folder: &Folder, words: &str, input: &str) -> Output {
    let mut child = command(folder, words).stdin(Stdio::piped()).spawn().unwrap();
    // a command that refuses its arguments does not read
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn command(folder: &Folder, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_karipass"));
    command.args(words.split_whitespace()).current_dir(folder.path());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KARIPASS_")) {
        command.env_remove(name);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn exit(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn results_go_to_stdout_and_complaints_to_stderr() {
    let folder = Folder::new();
    let added = karipass(&folder, "contract add 0600001111 0600002222 --services all --json", "");
    assert_eq!((exit(&added), out(&added).lines().count()), (0, 1));
    assert!(folder.file("karipass.db").exists(), "in the working folder");
    let again = karipass(&folder, "contract add 0600001111 --json", "");
    assert_eq!((exit(&again), out(&again).as_str()), (1, ""));
    assert!(complaint(&again).contains("karipass: 0600001111 already belongs to contract 0600001111"));
    let shown = karipass(&folder, "contract show 0600002222 --json", "");
    assert_eq!((exit(&shown), complaint(&shown).as_str()), (0, ""));
    let unknown = karipass(&folder, "account verify --unit line --number 0600001111", "48151623");
    assert_eq!((exit(&unknown), out(&unknown).as_str()), (1, "no password was ever set for this account\n"));
    assert_eq!(exit(&karipass(&folder, "calls", "")), 0);
}

#[test]
fn each_kind_of_failure_has_its_exit_code() {
    let folder = Folder::new();
    std::fs::write(folder.file("notes.txt"), "not a store, but somebody's notes\n").unwrap();
    std::fs::write(folder.file("broken.toml"), "[store]\nurl = 'karipass.db'\n").unwrap();
    let before = folder.contents();
    for (words, code, told) in [
        ("calls", 3, "karipass.db: there is no account store here"),
        (
            "account show --unit line --number 0600001111 --db gone/away.db",
            3,
            "gone/away.db: there is no account store here",
        ),
        ("contract list --db notes.txt", 3, "notes.txt: this is not a karipass account store (no SQLite file at all)"),
        ("contract add 0600001111 --db notes.txt", 3, "it was not touched"),
        ("contract add 0600001111 --db gone/away.db", 3, "gone/away.db: the account store cannot be opened"),
        ("contract import gone.csv", 3, "gone.csv: cannot be read"),
        ("contract import notes.txt", 1, "notes.txt: line 1, column 3 (services): the row has 2 columns"),
        ("calls --config gone.toml", 3, "gone.toml: the configuration file cannot be read"),
        ("calls --config broken.toml", 2, "broken.toml:2: store.url: \"karipass.db\" names no SQLite file; allowed"),
        ("contract add 600001111", 2, "leading 0"),
        ("contract list --no-such-flag", 2, "--no-such-flag"),
        ("contract", 2, "Usage: karipass contract"),
    ] {
        let output = karipass(&folder, words, "");
        assert_eq!(exit(&output), code, "{words}: {}", complaint(&output));
        assert!(complaint(&output).contains(told), "{words}: {}", complaint(&output));
        assert_eq!(out(&output), "", "{words}");
    }
    assert!(folder.contents() == before, "something was left behind");
}

#[test]
fn the_store_is_named_by_flag_variable_or_file() {
    let folder = Folder::new();
    std::fs::write(folder.file("k.toml"), "[store]\nurl = 'sqlite:by-file.db'\n").unwrap();
    let by_file = karipass(&folder, "contract add 0600001111 --config k.toml", "");
    assert_eq!(exit(&by_file), 0, "{}", complaint(&by_file));
    let variable = command(&folder, "contract add 0600001111 --config k.toml")
        .env("KARIPASS_STORE_URL", "sqlite:by-variable.db")
        .output()
        .unwrap();
    assert_eq!(exit(&variable), 0, "{}", complaint(&variable));
    assert_eq!(exit(&karipass(&folder, "--db by-flag.db contract add 0600001111 --config k.toml", "")), 0);
    for name in ["by-file.db", "by-variable.db", "by-flag.db"] {
        assert!(folder.file(name).exists(), "{name}");
    }
    let unknown = command(&folder, "calls").env("KARIPASS_STORE_URI", "x").output().unwrap();
    assert!(exit(&unknown) == 2 && complaint(&unknown).contains("KARIPASS_STORE_URI"), "{}", complaint(&unknown));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = Folder::new();
    let rows: String = (0..5000).map(|n| format!("06{n:08},06{n:08},all\n")).collect();
    let imported = karipass(&folder, "contract import -", &rows);
    assert_eq!(exit(&imported), 0, "{}", complaint(&imported));
    // as in `karipass contract list | head -0`
    let mut child = command(&folder, "contract list").spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((exit(&output), complaint(&output).as_str()), (0, ""));

    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command(&folder, "contract list").stdout(full).output().unwrap();
    assert!(exit(&output) == 3 && complaint(&output).contains("stdout"), "a full disk is: {}", complaint(&output));
}
