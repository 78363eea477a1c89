//! The rules hold on every kind of tables: in a SQLite file, and in memory.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod memory_store;
mod store_suite;

mod sqlite {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use karipass::account::sqlite::{Mode, Options};
    use karipass::account::{Cost, SqliteStore};

    struct Sqlite {
        folder: PathBuf,
    }

    impl crate::store_suite::Backend for Sqlite {
        type Handle = SqliteStore;

        fn new() -> Sqlite {
            static COUNT: AtomicUsize = AtomicUsize::new(0);
            let name = format!("suite-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            Sqlite { folder }
        }

        fn open(&self) -> SqliteStore {
            let options = Options { cost: Cost::CHEAP, ..Options::new("suite") };
            SqliteStore::open(&self.folder.join("karipass.db"), Mode::Create, &options).unwrap()
        }
    }

    impl Drop for Sqlite {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.folder).unwrap();
        }
    }

    crate::store_suite::conformance!(Sqlite);
}

mod memory {
    use karipass::account::rules::{Policy, Rules};
    use karipass::account::{Actor, Cost};

    use crate::memory_store::Memory;

    struct InMemory(Memory);

    impl crate::store_suite::Backend for InMemory {
        type Handle = Rules<Memory>;

        fn new() -> InMemory {
            InMemory(Memory::default())
        }

        fn open(&self) -> Rules<Memory> {
            let policy = Policy { cost: Cost::CHEAP, ..Policy::default() };
            Rules::new(self.0.clone(), policy, Actor::Program("suite".into()))
        }
    }

    crate::store_suite::conformance!(InMemory);
}
