//! The account room: who has a contract, which passwords are in force, and what happened, in one store that several
//! programs share.
//!
//! ```text
//! open(url) ──▶ dyn Store ═ rules ──▶ tables ◀── sqlite, one file a table
//! ```
//!
//! [`Store`] is what the rest of the house uses. [`rules`] implements it, once, over [`tables`]; a kind of store implements
//! those, and [`open()`] is the only place that names one. `schema/` holds the numbered migrations, documented column by
//! column for the other programs that read the file. Passwords come in as [`Secret`](crate::secret::Secret)s, are hashed by
//! [`password::prepare`] (slow by intent: run it on a bounded pool), and only the hash reaches the store.
//!
//! Architecture invariant: this room reads no clock and draws no randomness (`now` and the generator are parameters), and
//! no password in clear is in any row, error, `Debug` or trace. It imports no other room.

mod audit;
mod call_record;
mod contract;
mod contract_csv;
mod credential;
mod demo;
pub mod effects;
mod error;
pub mod fax;
mod line;
pub mod mail;
mod open;
mod options;
pub mod password;
mod reach;
mod route;
pub mod rules;
pub mod session;
pub mod setting;
pub mod sqlite;
mod store;
pub mod tables;
mod url;

pub use audit::{Action, AuditEntry, AuditFilter};
pub use call_record::{CallFilter, CallRecord, DigitCounts, MediaCounts, Outcome, UnknownOutcome};
pub use contract::{Contract, ContractedNumber, Service, Services, UnknownService};
pub use contract_csv::{ContractTable, CsvError, CsvProblem, read as read_csv};
pub use credential::{Attempt, Credential, Own, Settled, Standing, Temporary, Verdict};
pub use demo::{DEMO_ADDITIONAL_NUMBER, DEMO_CUSTOMER_NUMBER, demo, demo_contract};
pub use effects::{Actor, Applied, Effects};
pub use error::StoreError;
pub use line::{FoundLine, LineEntry, LinePassword, UserName};
pub use open::{AccountStore, AnyBackend, discard, exists, open};
pub use options::{Mode, Options};
pub use password::{
    Cost, HashedTemporaryPassword, PasswordError, PasswordHash, PreparedTemporaryPassword, TEMPORARY_SECONDS,
};
pub use route::{Route, in_force, route};
pub use session::{Session, SessionId, Stage};
pub use setting::{Setting, SettingChange};
pub use sqlite::Presence;
pub use store::{Existing, Pruned, Saved, Store, Write};
pub use url::{StoreUrl, StoreUrlError};
