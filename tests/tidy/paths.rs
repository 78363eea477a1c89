//! The pages for those who come new name files; each is there.

use crate::source::{complain, top};
use std::collections::BTreeSet;
use std::fs;

const PAGES: &[&str] = &["README.md", "src/lib.rs", "tests/interop/README.md", "tests/fuzz/README.md"];
const FOLDERS: &[&str] = &["src/", "tests/", "prompts/", "fixtures/"];

/// What a page names, in backquotes or as a link, that lies in one of the folders.
fn paths(page: &str) -> BTreeSet<&str> {
    let words = page.split(|c: char| c.is_whitespace() || "`()[]<>\"'|,;".contains(c));
    let words = words.map(|word| word.trim_end_matches(['.', ':', '…']));
    words.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder))).collect()
}

#[test]
fn every_path_that_a_page_names_is_there() {
    let mut complaints = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(top().join(page)).unwrap();
        for path in paths(&text) {
            // a pattern, such as `000N_name.sql`, names the folder
            let file =
                if path.contains('*') || path.contains("000N") { path.rsplit_once('/').unwrap().0 } else { path };
            if !top().join(file).exists() {
                complaints.push(format!("{page}: there is no {path}"));
            }
        }
    }
    complain(complaints);
}

#[test]
fn the_newcomers_page_is_linked_from_the_map() {
    let page = fs::read_to_string(top().join("README.md")).unwrap();
    let map = fs::read_to_string(top().join("src/lib.rs")).unwrap();
    assert!(page.contains("\n## Working on it\n") && page.contains("(src/lib.rs)"));
    assert!(map.contains("\"Working on it\" in the README"));
}
