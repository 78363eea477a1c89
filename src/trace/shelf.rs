//! The folder of traces: one file a call, within limits; the oldest go first. Only files that are named as traces are touched.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::SystemTime;

use super::Options;

const SUFFIX: &str = ".pcapng";

/// Where a trace is written to.
pub(super) trait Sink: Write + Send {
    /// Truncates it to this length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Sink for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// The folder, and what is in it.
pub(super) struct Shelf {
    options: Options,
    /// Finished traces, the oldest first.
    closed: VecDeque<Finished>,
    closed_bytes: u64,
    open_files: usize,
    open_bytes: u64,
}

/// A finished trace.
struct Finished {
    path: PathBuf,
    length: u64,
}

/// Whether `id` can be a call's id: it names a file, and nothing but a file in this folder.
pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The file's name.
pub(super) fn file_name(id: &str) -> String {
    format!("{id}{SUFFIX}")
}

impl Shelf {
    /// Makes the folder if need be, and finds the traces of earlier runs.
    pub(super) fn open(options: &Options) -> io::Result<Shelf> {
        fs::create_dir_all(&options.folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&options.folder)? {
            let entry = entry?;
            let is_trace = entry.file_name().to_str().and_then(|name| name.strip_suffix(SUFFIX)).is_some_and(is_id);
            // a file that vanishes meanwhile, another server's perhaps, is none of ours to count
            let Ok(metadata) = entry.metadata() else { continue };
            if is_trace && metadata.is_file() {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                found.push((modified, entry.path(), metadata.len()));
            }
        }
        found.sort();
        let closed: VecDeque<_> = found.into_iter().map(|(_, path, length)| Finished { path, length }).collect();
        let closed_bytes = closed.iter().map(|finished| finished.length).sum();
        let mut shelf = Shelf { options: options.clone(), closed, closed_bytes, open_files: 0, open_bytes: 0 };
        shelf.make_room(0, 0);
        Ok(shelf)
    }

    /// The largest trace of one call.
    pub(super) fn call_bytes(&self) -> u64 {
        self.options.call_bytes
    }

    /// Begins the trace of a call; `Ok(None)` when running calls already have as many as there may be.
    pub(super) fn begin(&mut self, id: &str) -> io::Result<Option<(PathBuf, Box<dyn Sink>)>> {
        if !self.make_room(1, 0) || !is_id(id) {
            return Ok(None);
        }
        let path = self.options.folder.join(file_name(id));
        // numbers are personal data: for the owner alone
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        self.open_files += 1;
        Ok(Some((path, Box::new(file))))
    }

    /// Whether an open trace may grow by this much: older ones make room for it.
    pub(super) fn grow(&mut self, bytes: u64) -> bool {
        let room = self.make_room(0, bytes);
        if room {
            self.open_bytes += bytes;
        }
        room
    }

    /// A trace is finished.
    pub(super) fn finish(&mut self, path: PathBuf, length: u64) {
        self.open_files = self.open_files.saturating_sub(1);
        self.open_bytes = self.open_bytes.saturating_sub(length);
        self.closed_bytes += length;
        self.closed.push_back(Finished { path, length });
    }

    fn make_room(&mut self, files: usize, bytes: u64) -> bool {
        loop {
            let fits = self.closed.len() + self.open_files + files <= self.options.files
                && self.closed_bytes + self.open_bytes + bytes <= self.options.total_bytes;
            if fits {
                return true;
            }
            let Some(Finished { path, length }) = self.closed.pop_front() else { return false };
            self.closed_bytes = self.closed_bytes.saturating_sub(length);
            // gone already is as good
            let _ = fs::remove_file(path);
        }
    }
}
