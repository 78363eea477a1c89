//! The table `audit`.

use rusqlite::{Row, named_params, params};

use super::access::Access;
use super::rows;
use crate::account::tables::{AuditTable, Failure};
use crate::account::{AuditEntry, AuditFilter};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

const AUDIT: &str = "SELECT at, actor, action, unit, number, detail FROM audit
     WHERE (:number IS NULL OR number = :number) AND (:unit IS NULL OR unit = :unit)
     ORDER BY id DESC LIMIT :last";
pub(super) const AUDIT_OF_NUMBER: &str = "SELECT at, actor, action, unit, number, detail FROM audit
     WHERE number = :number AND (:unit IS NULL OR unit = :unit)
     ORDER BY at DESC, id DESC LIMIT :last";

impl AuditTable for Access<'_> {
    fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Failure> {
        // the rows of one number come from their index, newest first, however long the audit has become
        let sql = if filter.number.is_some() { AUDIT_OF_NUMBER } else { AUDIT };
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query(named_params! {
            ":number": filter.number.as_ref().map(PhoneNumber::as_str),
            ":unit": filter.unit.map(Unit::name),
            ":last": filter.last.map_or(i64::MAX, i64::from),
        })?;
        let mut entries = rows::all(found, entry)?;
        entries.reverse();
        Ok(entries)
    }

    fn append_audit(&mut self, entries: &[AuditEntry]) -> Result<(), Failure> {
        let sql = "INSERT INTO audit (at, actor, action, unit, number, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut statement = self.connection.prepare_cached(sql)?;
        for AuditEntry { at, actor, action, unit, number, detail } in entries {
            let number = number.as_ref().map(PhoneNumber::as_str);
            statement.execute(params![at.0, actor, action.name(), unit.map(Unit::name), number, detail])?;
        }
        Ok(())
    }

    fn delete_audit(&mut self, written_before: UnixTime, limit: u32) -> Result<usize, Failure> {
        let sql = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY id LIMIT ?2)";
        Ok(self.connection.prepare_cached(sql)?.execute(params![written_before.0, limit])?)
    }
}

fn entry(row: &Row<'_>) -> Result<AuditEntry, Failure> {
    Ok(AuditEntry {
        at: rows::time(row, "at")?,
        actor: row.get("actor")?,
        action: rows::parsed("action", &row.get::<_, String>("action")?)?,
        unit: rows::optional(row, "unit")?,
        number: rows::optional(row, "number")?,
        detail: row.get("detail")?,
    })
}
