//! All tables together, with the indexes that keep a large store quick.

use karipass::internals::account::fax::Fax;
use karipass::internals::account::mail::AddressConfirmation;
use karipass::internals::account::session::Session;
use karipass::internals::account::setting::Setting;
use karipass::internals::account::tables::{Durability, MailRow};
use karipass::internals::account::{AuditEntry, CallRecord, Credential, LinePassword, Service, Services};
use karipass::number::PhoneNumber;
use karipass::time::UnixTime;
use karipass::unit::Unit;

use super::journal::Table;

/// Where a number is.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub customer_number: PhoneNumber,
    pub position: u32,
    pub services: Services,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $key:ty => $row:ty,)*) => {
        /// What is in the store. Two states are the same when all rows are.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct State {
            $($(#[$doc])* pub $name: Table<$key, $row>,)*
        }

        impl State {
            pub fn begin(&mut self) {
                $(self.$name.begin();)*
            }

            pub fn commit(&mut self, durability: Durability) {
                $(self.$name.commit(durability);)*
            }

            pub fn roll_back(&mut self) {
                $(self.$name.roll_back();)*
            }

            pub fn crash(&mut self) {
                $(self.$name.crash();)*
            }
        }
    };
}

tables! {
    contracts: PhoneNumber => UnixTime,
    numbers: PhoneNumber => Place,
    /// The numbers of a contract, by customer number and position.
    order: (PhoneNumber, u32) => PhoneNumber,
    credentials: (PhoneNumber, Unit) => Credential,
    sessions: String => Session,
    settings: (PhoneNumber, Service) => Setting<String>,
    events: String => UnixTime,
    mails: String => MailRow,
    /// The queued mails by due time, creation and id.
    queue: (UnixTime, UnixTime, String) => (),
    confirmations: String => AddressConfirmation,
    faxes: i64 => (Fax, Vec<u8>),
    lines: PhoneNumber => (LinePassword, UnixTime),
    /// Whose a user name is, and its place among the line's.
    user_names: String => (PhoneNumber, usize),
    calls: String => CallRecord,
    /// The calls by start and id.
    starts: (UnixTime, String) => (),
    audit: i64 => AuditEntry,
    /// The last id that was given to a fax or an audit row.
    last_id: () => i64,
}

impl State {
    pub fn next_id(&mut self) -> i64 {
        let id = self.last_id.get(&()).map_or(1, |last| last + 1);
        self.last_id.put((), id);
        id
    }
}
