//! Nothing lies about: each file is named by a `mod`, each declaration by somebody, each door in the table of rooms is used.

use crate::source::{Token, Tree, closing, complain, files, is, named_rooms, product, room, short, tokens, top};
use crate::{LEAVES, may_import};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// Every file from which the compiler starts: the library, the program, each test, benchmark and example.
fn roots() -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> =
        files(&top().join("src"), &["rs"]).into_iter().filter(|path| is_root_of_src(path)).collect();
    for entry in fs::read_dir(top().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let main = path.join("main.rs");
        roots.extend(Some(main).filter(|main| main.exists()));
        roots.extend(Some(path).filter(|path| path.extension().is_some_and(|e| e == "rs")));
    }
    for manifest in ["Cargo.toml", "tests/fuzz/Cargo.toml"] {
        let path = top().join(manifest);
        let text = fs::read_to_string(&path).unwrap();
        let named = text.lines().filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"'));
        roots.extend(named.map(|named| path.parent().unwrap().join(named)).filter(|path| path.is_file()));
    }
    roots
}

/// `main.rs`, `lib.rs` and the `lib.rs` of a crate inside.
fn is_root_of_src(path: &Path) -> bool {
    let folder = path.parent().unwrap();
    (path.ends_with("lib.rs") || path.ends_with("main.rs"))
        && (folder == top().join("src") || folder.join("Cargo.toml").exists())
}

#[test]
fn every_file_is_named_by_a_mod() {
    let mut named = BTreeSet::new();
    for root in roots() {
        named.extend(Tree::read(&root, true).tokens.into_keys().map(|path| fs::canonicalize(path).unwrap()));
    }
    let all = files(&top().join("src"), &["rs"]).into_iter().chain(files(&top().join("tests"), &["rs"]));
    let lost = all.filter(|path| !named.contains(&fs::canonicalize(path).unwrap()));
    complain(lost.map(|path| format!("{}: no `mod` names it", short(&path))).collect());
}

/// A declaration that others could use.
struct Declaration {
    name: String,
    kind: String,
    path: PathBuf,
    line: usize,
    /// In a module within the file, so that the file itself may be who uses it.
    inside: bool,
}

const KINDS: &[&str] = &["fn", "struct", "enum", "trait", "const", "static", "type"];

/// What a file declares `pub`, in whatever measure.
fn declarations(path: &Path, all: &[Token]) -> Vec<Declaration> {
    let (mut found, mut inner_end) = (Vec::new(), 0);
    for at in 0..all.len() {
        if is(all, at, &["mod"]) && is(all, at + 2, &["{"]) {
            inner_end = closing(all, at + 2);
        }
        if !is(all, at, &["pub"]) {
            continue;
        }
        let mut next = at + 1;
        if is(all, next, &["("]) {
            next = closing(all, next) + 1;
        }
        while is(all, next, &["async"]) || is(all, next, &["unsafe"]) || is(all, next, &["const", "fn"]) {
            next += 1;
        }
        if KINDS.contains(&all[next].text.as_str()) {
            let (kind, name) = (all[next].text.clone(), all[next + 1].text.clone());
            let inside = at < inner_end;
            found.push(Declaration { name, kind, path: path.to_owned(), line: all[at].line, inside });
        }
    }
    found
}

/// How often each word stands in each file that a declaration may be used in.
fn words() -> HashMap<String, BTreeMap<PathBuf, usize>> {
    let mut words: HashMap<String, BTreeMap<PathBuf, usize>> = HashMap::new();
    for folder in ["src", "tests"] {
        for path in files(&top().join(folder), &["rs", "html"]) {
            let text = fs::read_to_string(&path).unwrap();
            let found: Vec<String> = if path.extension().is_some_and(|e| e == "html") {
                text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect()
            } else {
                // a format string names what it prints
                let all = tokens(&text);
                let strings = all.iter().filter(|token| token.text.starts_with('"')).flat_map(|token| {
                    token.text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect::<Vec<_>>()
                });
                all.iter().map(|token| token.text.clone()).chain(strings).collect()
            };
            for word in found {
                *words.entry(word).or_default().entry(path.clone()).or_default() += 1;
            }
        }
    }
    words
}

#[test]
fn every_declaration_is_named_elsewhere() {
    let words = words();
    let mut complaints = Vec::new();
    for (path, all) in product() {
        for declaration in declarations(&path, &all) {
            let Declaration { name, kind, path, line, inside } = declaration;
            let used = &words[&name];
            let outside = used.keys().any(|file| *file != path);
            // a type may be reached by what gives it out, so that nobody else has to name it
            let given_out = (inside || kind != "fn") && used[&path] > 1;
            if !outside && !given_out {
                complaints.push(format!("{}:{line}: {kind} {name} is `pub`, and no other file names it", short(&path)));
            }
        }
    }
    complain(complaints);
}

#[test]
fn every_door_of_the_table_is_used() {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, all) in product() {
        named.entry(room(&path)).or_default().extend(named_rooms(&all).into_iter().map(str::to_owned));
    }
    let mut complaints = Vec::new();
    for (room, named) in &named {
        for door in may_import(room).iter().filter(|door| !named.contains(**door)) {
            complaints.push(format!("tests/tidy.rs: {room} does not use its door to {door}"));
        }
    }
    for leaf in LEAVES.iter().filter(|leaf| !named.contains_key(**leaf)) {
        complaints.push(format!("tests/tidy.rs: there is no leaf {leaf}"));
    }
    complain(complaints);
}
