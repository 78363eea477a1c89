//! Running a subcommand in a test: a folder with a store, a fixed time, and what came out.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::{Args, Command};

use super::{Answer, Failure};
use crate::account::{Cost, StoreUrl};
use crate::config::Config;
use crate::time::UnixTime;

/// 2026-05-28T20:26:40Z.
pub const NOW: UnixTime = UnixTime(1_780_000_000);

/// A folder of its own with a configuration.
pub struct Scene {
    folder: PathBuf,
    pub now: UnixTime,
}

/// What a script sees.
#[derive(Debug, PartialEq)]
pub struct Ran {
    pub exit: u8,
    pub out: String,
    pub complaint: String,
}

impl Ran {
    pub fn yes(out: &str) -> Ran {
        Ran { exit: 0, out: out.to_owned(), complaint: String::new() }
    }

    pub fn no(out: &str) -> Ran {
        Ran { exit: 1, out: out.to_owned(), complaint: String::new() }
    }
}

impl Scene {
    pub fn new() -> Scene {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("karipass-cli-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Scene { folder, now: NOW }
    }

    pub fn config(&self) -> Config {
        let mut config = Config::standard().unwrap();
        config.store.url = StoreUrl::file(self.path("karipass.db"));
        config.store.hash_cost = Cost::CHEAP;
        config
    }

    pub fn has_store(&self) -> bool {
        self.path("karipass.db").exists()
    }

    /// Where a file of this name would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub fn run<A: Args>(
        &self,
        line: &str,
        work: impl FnOnce(&A, &Config, UnixTime, &mut dyn Write) -> Result<Answer, Failure>,
    ) -> Ran {
        let words = std::iter::once("karipass").chain(line.split_whitespace());
        let args = match A::augment_args(Command::new("karipass")).try_get_matches_from(words) {
            Ok(matches) => A::from_arg_matches(&matches).unwrap(),
            Err(error) => return Ran { exit: 2, out: String::new(), complaint: error.to_string() },
        };
        let mut out = Vec::new();
        let answer = work(&args, &self.config(), self.now, &mut out);
        let out = String::from_utf8(out).unwrap();
        match answer {
            Ok(answer) => Ran { exit: answer.exit(), out, complaint: String::new() },
            Err(failure) => Ran { exit: failure.exit(), out, complaint: failure.to_string() },
        }
    }

    pub fn help<A: Args>(path: &[&str]) -> String {
        let mut command = A::augment_args(Command::new("karipass"));
        command.build();
        let mut found = &mut command;
        for name in path {
            found = found.find_subcommand_mut(name).unwrap();
        }
        found.render_long_help().to_string()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
