//! The table `session`.

use rusqlite::{Row, params};

use super::access::Access;
use super::rows;
use crate::account::session::{Session, SessionId};
use crate::account::tables::{Failure, SessionTable};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

impl SessionTable for Access<'_> {
    fn session(&self, id: &SessionId) -> Result<Option<Session>, Failure> {
        let sql = "SELECT unit, number, stage, created_at, seen_at FROM session WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([&id.0])?;
        rows.next()?.map(|row| read(id, row)).transpose()
    }

    fn put_session(&mut self, session: &Session) -> Result<(), Failure> {
        let Session { id, unit, number, stage, created_at, seen_at } = session;
        let sql = "INSERT INTO session (id, unit, number, stage, created_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (id) DO UPDATE SET unit = excluded.unit, number = excluded.number,
                       stage = excluded.stage, created_at = excluded.created_at, seen_at = excluded.seen_at";
        let row = params![id.0, unit.name(), number.as_str(), stage.name(), created_at.0, seen_at.0];
        self.connection.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    fn delete_session(&mut self, id: &SessionId) -> Result<(), Failure> {
        self.connection.prepare_cached("DELETE FROM session WHERE id = ?1")?.execute([&id.0])?;
        Ok(())
    }

    fn delete_sessions(&mut self, unit: Option<Unit>, number: PhoneNumber) -> Result<(), Failure> {
        for unit in Unit::ALL.into_iter().filter(|other| unit.is_none_or(|unit| unit == *other)) {
            let sql = "DELETE FROM session WHERE unit = ?1 AND number = ?2";
            self.connection.prepare_cached(sql)?.execute([unit.name(), number.as_str()])?;
        }
        Ok(())
    }

    fn delete_sessions_before(&mut self, seen_before: UnixTime) -> Result<(), Failure> {
        self.connection.prepare_cached("DELETE FROM session WHERE seen_at < ?1")?.execute([seen_before.0])?;
        Ok(())
    }
}

fn read(id: &SessionId, row: &Row<'_>) -> Result<Session, Failure> {
    Ok(Session {
        id: id.clone(),
        unit: rows::parsed("unit", &row.get::<_, String>("unit")?)?,
        number: rows::number(row, "number")?,
        stage: rows::parsed("stage", &row.get::<_, String>("stage")?)?,
        created_at: rows::time(row, "created_at")?,
        seen_at: rows::time(row, "seen_at")?,
    })
}
