//! The rules hold on every kind of tables: in a SQLite file, and in memory.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod memory_store;
mod store_suite;

mod sqlite {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use karipass::internals::account::rules::{Policy, Rules};
    use karipass::internals::account::sqlite::Sqlite;
    use karipass::internals::account::{Cost, Mode};

    struct File {
        folder: PathBuf,
    }

    impl crate::store_suite::Backend for File {
        type Handle = Rules<Sqlite>;

        fn new() -> File {
            static COUNT: AtomicUsize = AtomicUsize::new(0);
            let name = format!("suite-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            File { folder }
        }

        fn open(&self) -> Rules<Sqlite> {
            let wait = Duration::from_secs(30);
            let tables = Sqlite::open(&self.folder.join("karipass.db"), Mode::Create, wait).unwrap();
            Rules::new(tables, Policy { cost: Cost::CHEAP, ..Policy::default() })
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.folder).unwrap();
        }
    }

    crate::store_suite::conformance!(File);
}

mod memory {
    use karipass::internals::account::Cost;
    use karipass::internals::account::rules::{Policy, Rules};

    use crate::memory_store::Memory;

    struct InMemory(Memory);

    impl crate::store_suite::Backend for InMemory {
        type Handle = Rules<Memory>;

        fn new() -> InMemory {
            InMemory(Memory::default())
        }

        fn open(&self) -> Rules<Memory> {
            let policy = Policy { cost: Cost::CHEAP, ..Policy::default() };
            Rules::new(self.0.clone(), policy)
        }
    }

    crate::store_suite::conformance!(InMemory);
}
