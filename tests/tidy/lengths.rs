//! A file is read in one sitting and a function on one screen.

use crate::source::{Token, closing, complain, files, is, short, tokens, top};
use std::fs;

const FILE: usize = 500;
const FUNCTION: usize = 70;

/// Every function of a file: its name, the line it begins in and how many it has.
fn functions(all: &[Token]) -> Vec<(&str, usize, usize)> {
    let mut found = Vec::new();
    for at in 0..all.len() {
        if !is(all, at, &["fn"]) || all.get(at + 1).is_none_or(|name| name.text == "(") {
            continue;
        }
        let mut end = at;
        while end < all.len() && all[end].text != "{" && all[end].text != ";" {
            end = if ["(", "["].contains(&all[end].text.as_str()) { closing(all, end) } else { end } + 1;
        }
        if all.get(end).is_some_and(|token| token.text == "{") {
            let last = all[closing(all, end)].line;
            found.push((all[at + 1].text.as_str(), all[at].line, last - all[at].line + 1));
        }
    }
    found
}

#[test]
fn every_file_says_what_it_is_and_is_of_a_length_to_be_read() {
    let mut complaints = Vec::new();
    for path in files(&top().join("src"), &["rs"]).iter().chain(&files(&top().join("tests"), &["rs"])) {
        let text = fs::read_to_string(path).unwrap();
        if !text.starts_with("//!") && !text.starts_with("#![no_main]") {
            complaints.push(format!("{}: begins without //!", short(path)));
        }
        let lines = text.lines().count();
        if lines > FILE {
            complaints.push(format!("{}: {lines} lines", short(path)));
        }
    }
    complain(complaints);
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut complaints = Vec::new();
    for path in files(&top().join("src"), &["rs"]).iter().chain(&files(&top().join("tests"), &["rs"])) {
        for (name, line, lines) in functions(&tokens(&fs::read_to_string(path).unwrap())) {
            if lines > FUNCTION {
                complaints.push(format!("{}:{line}: {name} has {lines} lines", short(path)));
            }
        }
    }
    complain(complaints);
}
