//! The table `fax`.

use rusqlite::{Row, params};

use super::access::Access;
use super::rows;
use crate::account::fax::{Fax, NewFax};
use crate::account::tables::{Failure, FaxTable};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

const COLUMNS: &str = "id, number, caller, received_at, pages, size, viewed_at";

impl FaxTable for Access<'_> {
    fn faxes(&self, number: PhoneNumber) -> Result<Vec<Fax>, Failure> {
        let sql = format!("SELECT {COLUMNS} FROM fax WHERE number = ?1 ORDER BY received_at DESC, id DESC");
        rows::all(self.connection.prepare_cached(&sql)?.query([number.as_str()])?, read)
    }

    fn fax(&self, id: i64) -> Result<Option<(Fax, Vec<u8>)>, Failure> {
        let sql = format!("SELECT {COLUMNS}, document FROM fax WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id])?;
        rows.next()?.map(|row| Ok((read(row)?, row.get("document")?))).transpose()
    }

    fn fax_totals(&self, number: PhoneNumber) -> Result<(u64, u64), Failure> {
        let sql = "SELECT count(*), coalesce(sum(size), 0) FROM fax WHERE number = ?1";
        let (kept, bytes): (i64, i64) =
            self.connection.prepare_cached(sql)?.query_row([number.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((u64::try_from(kept).unwrap_or_default(), u64::try_from(bytes).unwrap_or_default()))
    }

    fn insert_fax(&mut self, fax: &NewFax, received_at: UnixTime) -> Result<i64, Failure> {
        let NewFax { number, caller, pages, document } = fax;
        let sql =
            "INSERT INTO fax (number, caller, received_at, pages, size, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.connection.prepare_cached(sql)?.execute(params![
            number.as_str(),
            caller.map(|caller| caller.to_string()),
            received_at.0,
            pages,
            i64::try_from(document.len()).unwrap_or(i64::MAX),
            document
        ])?;
        Ok(self.connection.last_insert_rowid())
    }

    fn set_fax_viewed(&mut self, id: i64, viewed_at: UnixTime) -> Result<(), Failure> {
        let sql = "UPDATE fax SET viewed_at = ?2 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute(params![id, viewed_at.0])?;
        Ok(())
    }

    fn delete_fax(&mut self, number: PhoneNumber, id: i64) -> Result<bool, Failure> {
        let sql = "DELETE FROM fax WHERE number = ?1 AND id = ?2";
        Ok(self.connection.prepare_cached(sql)?.execute(params![number.as_str(), id])? == 1)
    }

    fn delete_faxes(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        self.connection.prepare_cached("DELETE FROM fax WHERE number = ?1")?.execute([number.as_str()])?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<Fax, Failure> {
    Ok(Fax {
        id: row.get("id")?,
        number: rows::number(row, "number")?,
        caller: rows::optional(row, "caller")?,
        received_at: rows::time(row, "received_at")?,
        pages: row.get("pages")?,
        size: u64::try_from(row.get::<_, i64>("size")?).unwrap_or_default(),
        viewed_at: rows::optional_time(row, "viewed_at")?,
    })
}
