//! What the walls are checked on: the files of the house, their words and their modules. No compiler: the words of Rust are enough.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder that holds Cargo.toml.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` whose name ends so, in order.
pub fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(files(&path, endings));
        } else if path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `src/sip/dialog.rs` rather than the whole path.
pub fn short(path: &Path) -> String {
    path.strip_prefix(top()).unwrap_or(path).to_str().unwrap().to_owned()
}

pub fn complain(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// One word, number, string or sign of a file, and the line it is in. A string keeps its quotes; comments are left out.
#[derive(Clone, Debug)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// The tokens of a text; `::` and `->` are one token, any other sign is one by itself.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let end = token_end(&chars, at);
        let text: String = chars[at..end].iter().collect();
        let lines = text.matches('\n').count();
        if !text.trim().is_empty() && !text.starts_with("//") && !text.starts_with("/*") {
            found.push(Token { text, line });
        }
        line += lines;
        at = end;
    }
    found
}

/// Where the token or comment that begins at `at` ends.
fn token_end(chars: &[char], at: usize) -> usize {
    let next = |n: usize| chars.get(at + n).copied().unwrap_or('\n');
    let until = |from: usize, end: &str| {
        let end: Vec<char> = end.chars().collect();
        (from..chars.len()).find(|&i| chars[i..].starts_with(&end)).map_or(chars.len(), |i| i + end.len())
    };
    match (chars[at], next(1)) {
        ('/', '/') => until(at, "\n") - 1,
        ('/', '*') => until(at + 2, "*/"),
        ('"', _) | ('b' | 'c', '"') => string_end(chars, at + 1 + usize::from(chars[at] != '"')),
        ('r', '"' | '#') | ('b', 'r') if raw_hashes(chars, at).is_some() => {
            let hashes = raw_hashes(chars, at).unwrap();
            let quote = (at..chars.len()).find(|&i| chars[i] == '"').unwrap();
            until(quote + 1, &format!("\"{}", "#".repeat(hashes)))
        }
        ('\'', '\\') => until(at + 3, "'"),
        ('\'', _) if next(2) == '\'' => at + 3,
        ('\'', _) => word_end(chars, at + 1),
        (':', ':') | ('-', '>') => at + 2,
        (c, _) if c.is_alphanumeric() || c == '_' => word_end(chars, at),
        _ => at + 1,
    }
}

fn word_end(chars: &[char], at: usize) -> usize {
    (at..chars.len()).find(|&i| !chars[i].is_alphanumeric() && chars[i] != '_').unwrap_or(chars.len())
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// How many # a raw string has that begins here, if one does.
fn raw_hashes(chars: &[char], at: usize) -> Option<usize> {
    let start = at + if chars[at] == 'b' { 2 } else { 1 };
    let hashes = chars[start..].iter().take_while(|c| **c == '#').count();
    (chars.get(start + hashes) == Some(&'"')).then_some(hashes)
}

/// The tokens of the product alone: without what `#[cfg(test)]` stands before.
pub fn without_tests(all: &[Token]) -> Vec<Token> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < all.len() {
        if is(all, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            at = item_end(all, at);
        } else {
            kept.push(all[at].clone());
            at += 1;
        }
    }
    kept
}

/// Whether these tokens stand at `at`.
pub fn is(all: &[Token], at: usize, words: &[&str]) -> bool {
    words.iter().enumerate().all(|(i, word)| all.get(at + i).is_some_and(|token| token.text == *word))
}

/// Behind the item that begins at `at`, attributes before it included: behind its `;` or its closing brace.
fn item_end(all: &[Token], mut at: usize) -> usize {
    while is(all, at, &["#", "["]) {
        at = closing(all, at + 1) + 1;
    }
    while at < all.len() {
        match all[at].text.as_str() {
            ";" => return at + 1,
            "{" => return closing(all, at) + 1,
            "(" | "[" => at = closing(all, at) + 1,
            _ => at += 1,
        }
    }
    at
}

/// The bracket that closes the one at `at`.
pub fn closing(all: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (i, token) in all.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    all.len()
}

/// A `mod name;`, and the file that it names.
struct Declared {
    name: String,
    path: PathBuf,
}

/// The `mod name;` of a file; `#[path]` is obeyed.
fn declared(path: &Path, all: &[Token]) -> Vec<Declared> {
    let folder = path.parent().unwrap();
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let is_root = ["mod", "lib", "main"].contains(&stem) || folder == top().join("tests");
    let inside = if is_root { folder.to_owned() } else { folder.join(stem) };
    let mut found = Vec::new();
    for at in 0..all.len() {
        if all[at].text != "mod" || !is(all, at + 2, &[";"]) {
            continue;
        }
        let name = all[at + 1].text.clone();
        let before = (0..at).rev().take_while(|&i| ![";", "{", "}"].contains(&all[i].text.as_str()));
        let given = before.into_iter().find(|&i| is(all, i, &["path", "="])).map(|i| all[i + 2].text.trim_matches('"'));
        let path = match given {
            Some(given) => folder.join(given),
            None if inside.join(format!("{name}.rs")).exists() => inside.join(format!("{name}.rs")),
            None => inside.join(&name).join("mod.rs"),
        };
        // inside an inline module with a folder of its own; the compiler complains about a file that is not there
        if path.exists() {
            found.push(Declared { name, path });
        }
    }
    found
}

/// The roots of the crates that make up the product.
pub const ROOTS: &[&str] = &["src/lib.rs", "src/main.rs", "src/dtmf/lib.rs"];

/// Every file of the product, main.rs among them, with its tokens; what only tests hold is left out.
pub fn product() -> Vec<(PathBuf, Vec<Token>)> {
    let mut all: Vec<(PathBuf, Vec<Token>)> = Vec::new();
    for root in ROOTS {
        all.extend(Tree::read(&top().join(root), false).tokens);
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// The room a file of src/ is in: its first folder, or its own name.
pub fn room(path: &Path) -> String {
    let inside = path.strip_prefix(top().join("src")).unwrap();
    inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The rooms that a file's code names.
pub fn named_rooms(all: &[Token]) -> BTreeSet<&str> {
    let at = (0..all.len()).filter(|&at| is(all, at, &["crate", "::"]) || is(all, at, &["karipass", "::"]));
    at.map(|at| all[at + 2].text.as_str()).collect()
}

/// A module's path, such as `["sip", "wire"]`; the crate itself is the empty one.
pub type ModulePath = Vec<String>;

/// The files of a crate as its `mod` lines name them, each with its tokens.
pub struct Tree {
    pub modules: HashMap<ModulePath, PathBuf>,
    pub tokens: HashMap<PathBuf, Vec<Token>>,
}

impl Tree {
    /// Reads the crate whose root is `root`: with what only its tests hold, or without.
    pub fn read(root: &Path, with_tests: bool) -> Self {
        let mut tree = Self { modules: HashMap::new(), tokens: HashMap::new() };
        tree.visit(Vec::new(), root, with_tests);
        tree
    }

    fn visit(&mut self, module: ModulePath, path: &Path, with_tests: bool) {
        let text = fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let mut all = tokens(&text);
        if !with_tests {
            all = without_tests(&all);
        }
        let inner = declared(path, &all);
        self.tokens.insert(path.to_owned(), all);
        self.modules.insert(module.clone(), path.to_owned());
        for Declared { name, path } in inner {
            let mut child = module.clone();
            child.push(name);
            self.visit(child, &path, with_tests);
        }
    }
}
