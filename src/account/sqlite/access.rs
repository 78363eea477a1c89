//! What the tables are read and written through: one connection, in the transaction that the store began on it.

use rusqlite::Connection;

/// All tables. It implements `Tables`, one table's trait a file.
pub(super) struct Access<'a> {
    pub(super) connection: &'a Connection,
}
