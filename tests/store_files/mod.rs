//! Files for tests of the store: a folder that goes with its test, and SQLite's own word on a file's soundness.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that is removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        Folder::within(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    pub fn within(parent: &Path) -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let path = parent.join(format!("store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names and contents of all files, in order.
    pub fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let mut all: Vec<(String, Vec<u8>)> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
            .collect();
        all.sort();
        all
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `PRAGMA integrity_check` and `PRAGMA foreign_key_check`: "ok" when both have nothing to say.
pub fn integrity(file: &Path) -> String {
    let connection = rusqlite::Connection::open(file).unwrap();
    let word: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    let strays = connection.prepare("PRAGMA foreign_key_check").unwrap().query_map([], |_| Ok(())).unwrap().count();
    if strays == 0 { word } else { format!("{strays} rows without what they belong to") }
}
