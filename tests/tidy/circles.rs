//! No circle of files. A file stands on each file whose items its code names, whichever `pub use` they come by, but for the
//! files of the modules around it: those say what the files inside share. The arrows between files never lead back.
//! (`mod` and `pub use` lines, and calls of methods, are no arrow.)

use crate::source::{ModulePath, ROOTS, Token, Tree, closing, complain, is, short, top};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

/// Circles that are natural: run-time dispatch from a generic to its specialised copies, which are built from it.
const NATURAL: &[&[&str]] = &[&["src/dtmf/goertzel.rs", "src/dtmf/simd.rs"]];

/// A path as it is written, and the module it is written in.
struct Written {
    module: ModulePath,
    segments: Vec<String>,
    /// The name that a `use` gives it; none for a path in the code.
    name: Option<String>,
    /// Of a `pub use`: it passes the item on and is no arrow.
    passed_on: bool,
}

/// Who stands on whom, worked out of the paths of a crate.
struct Names {
    /// Inline modules too: they are in the file of the module around them.
    files: HashMap<ModulePath, PathBuf>,
    uses: HashMap<ModulePath, HashMap<String, Vec<String>>>,
    written: Vec<Written>,
    /// What each file declares, whatever it be.
    declared: HashMap<PathBuf, HashSet<String>>,
}

impl Names {
    fn read(tree: &Tree) -> Self {
        let mut names =
            Self { files: tree.modules.clone(), uses: HashMap::new(), written: Vec::new(), declared: HashMap::new() };
        for (module, path) in &tree.modules {
            names.read_module(module, path, &tree.tokens[path]);
            names.declared.insert(path.clone(), declared(&tree.tokens[path]));
        }
        for path in &names.written {
            if let Some(name) = &path.name {
                let of_module = names.uses.entry(path.module.clone()).or_default();
                of_module.insert(name.clone(), path.segments.clone());
            }
        }
        names
    }

    fn read_module(&mut self, module: &ModulePath, path: &PathBuf, all: &[Token]) {
        self.files.insert(module.clone(), path.clone());
        let mut at = 0;
        while at < all.len() {
            if is(all, at, &["mod"]) && is(all, at + 2, &["{"]) {
                let mut inner = module.clone();
                inner.push(all[at + 1].text.clone());
                let end = closing(all, at + 2);
                self.read_module(&inner, path, &all[at + 3..end]);
                at = end;
            } else if is(all, at, &["use"]) {
                let end = (at..all.len()).find(|&i| all[i].text == ";").unwrap();
                let passed_on = at > 0 && (all[at - 1].text == "pub" || all[at - 1].text == ")");
                self.read_use(module, &all[at + 1..end], &[], passed_on);
                at = end;
            } else if is_name(&all[at].text) && is(all, at + 1, &["::"]) {
                let mut segments = vec![all[at].text.clone()];
                while is(all, at + 1, &["::"]) && all.get(at + 2).is_some_and(|t| is_name(&t.text)) {
                    at += 2;
                    segments.push(all[at].text.clone());
                }
                self.written.push(Written { module: module.clone(), segments, name: None, passed_on: false });
            }
            at += 1;
        }
    }

    /// One tree of a `use`: `a::{b, c::d as e, *}`.
    fn read_use(&mut self, module: &ModulePath, all: &[Token], before: &[String], passed_on: bool) {
        let mut segments = before.to_vec();
        for (at, token) in all.iter().enumerate() {
            match token.text.as_str() {
                "::" => {}
                "{" => {
                    for part in split_at_commas(&all[at + 1..closing(all, at)]) {
                        self.read_use(module, part, &segments, passed_on);
                    }
                    return;
                }
                "as" => {
                    let name = Some(all[at + 1].text.clone());
                    self.written.push(Written { module: module.clone(), segments, name, passed_on });
                    return;
                }
                "self" if at > 0 || !before.is_empty() => {}
                word => segments.push(word.to_owned()),
            }
        }
        let name = segments.last().cloned().filter(|name| name != "*");
        self.written.push(Written { module: module.clone(), segments, name, passed_on });
    }

    /// The file whose item a path names, or none where the path leads out of the crate or only to a module.
    fn file_of(&self, module: &ModulePath, segments: &[String], depth: usize) -> Option<&PathBuf> {
        let (first, rest) = segments.split_first()?;
        let mut here = match first.as_str() {
            "crate" | "karipass" => Vec::new(),
            "self" => module.clone(),
            "super" => module[..module.len().checked_sub(1)?].to_vec(),
            _ => return self.item(module, segments, depth),
        };
        let mut rest = rest;
        while let Some(("super", more)) = rest.split_first().map(|(first, more)| (first.as_str(), more)) {
            here.pop();
            rest = more;
        }
        self.item(&here, rest, depth)
    }

    /// The same from within `module`: its child modules and what it uses are looked through.
    fn item(&self, module: &ModulePath, segments: &[String], depth: usize) -> Option<&PathBuf> {
        let (first, rest) = segments.split_first()?;
        let mut child = module.clone();
        child.push(first.clone());
        if self.files.contains_key(&child) {
            return self.item(&child, rest, depth);
        }
        if let Some(used) = self.uses.get(module).and_then(|uses| uses.get(first)) {
            let through: Vec<String> = used.iter().chain(rest).cloned().collect();
            // `use rsip;` and a name that is used by its own name lead nowhere
            return if depth < 9 && through != segments { self.file_of(module, &through, depth + 1) } else { None };
        }
        let file = &self.files[module];
        (first == "*" || self.declared[file].contains(first)).then_some(file)
    }

    /// Whether `file` is that of a module around `module`.
    fn is_inside(&self, module: &ModulePath, file: &PathBuf) -> bool {
        (0..module.len()).any(|outer| self.files[&module[..outer].to_vec()] == *file)
    }

    /// Every arrow: the file that names, and the file that it stands on.
    fn arrows(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let mut arrows: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
        for path in self.written.iter().filter(|path| !path.passed_on) {
            let from = &self.files[&path.module];
            if let Some(to) = self.file_of(&path.module, &path.segments, 0)
                && to != from
                && !self.is_inside(&path.module, to)
            {
                arrows.entry(from.clone()).or_default().insert(to.clone());
            }
        }
        arrows
    }
}

/// The names of what is declared in a file, in whatever depth.
fn declared(all: &[Token]) -> HashSet<String> {
    const KINDS: &[&str] = &["fn", "struct", "enum", "union", "trait", "const", "static", "type", "mut", "!"];
    (1..all.len()).filter(|&i| KINDS.contains(&all[i - 1].text.as_str())).map(|i| all[i].text.clone()).collect()
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn split_at_commas(all: &[Token]) -> Vec<&[Token]> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while at < all.len() {
        match all[at].text.as_str() {
            "{" => at = closing(all, at),
            "," => {
                parts.push(&all[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&all[start..]);
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn reached(arrows: &BTreeMap<PathBuf, BTreeSet<PathBuf>>, from: &PathBuf) -> HashSet<PathBuf> {
    let (mut seen, mut open) = (HashSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        for next in arrows.get(file).into_iter().flatten() {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    seen
}

/// Each set of files that reach each other.
fn circles(arrows: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Vec<Vec<PathBuf>> {
    let reach: BTreeMap<&PathBuf, HashSet<PathBuf>> = arrows.keys().map(|file| (file, reached(arrows, file))).collect();
    let mut found: BTreeSet<Vec<PathBuf>> = BTreeSet::new();
    for (file, reached) in &reach {
        let mut circle: Vec<PathBuf> =
            reached.iter().filter(|other| reach.get(other).is_some_and(|back| back.contains(*file))).cloned().collect();
        circle.sort();
        if !circle.is_empty() {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

#[test]
fn no_files_stand_on_each_other_in_a_circle() {
    let trees = ROOTS.iter().map(|root| Tree::read(&top().join(root), false));
    let arrows: BTreeMap<_, _> = trees.flat_map(|tree| Names::read(&tree).arrows()).collect();
    let mut complaints = Vec::new();
    for circle in circles(&arrows) {
        let files: Vec<String> = circle.iter().map(|file| short(file)).collect();
        if NATURAL.iter().any(|natural| *natural == files) {
            continue;
        }
        complaints.push(format!("a circle of {} files:", circle.len()));
        for file in &circle {
            let onto: Vec<String> = arrows[file].iter().filter(|to| circle.contains(to)).map(|to| short(to)).collect();
            complaints.push(format!("  {} names items of {}", short(file), onto.join(", ")));
        }
    }
    complain(complaints);
}
