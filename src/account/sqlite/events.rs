//! The table `event`.

use rusqlite::params;

use super::access::Access;
use crate::account::tables::{EventTable, Failure};
use crate::time::UnixTime;

impl EventTable for Access<'_> {
    fn has_event(&self, id: &str) -> Result<bool, Failure> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM event WHERE id = ?1")?.exists([id])?)
    }

    fn insert_event(&mut self, id: &str, happened_at: UnixTime) -> Result<(), Failure> {
        let sql = "INSERT INTO event (id, happened_at) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![id, happened_at.0])?;
        Ok(())
    }

    fn delete_events_before(&mut self, happened_before: UnixTime) -> Result<(), Failure> {
        self.connection.prepare_cached("DELETE FROM event WHERE happened_at < ?1")?.execute([happened_before.0])?;
        Ok(())
    }
}
