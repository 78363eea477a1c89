//! The tables `line_password` and `line_user_name`.

use rusqlite::{OptionalExtension, params};

use super::access::Access;
use super::rows;
use crate::account::tables::{Failure, LineTable};
use crate::account::{FoundLine, LineEntry, LinePassword, UserName};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

impl LineTable for Access<'_> {
    fn line_passwords(&self) -> Result<Vec<LineEntry>, Failure> {
        let mut statement = self.connection.prepare_cached(
            "SELECT line_password.number, customer_number, realm, set_at
             FROM line_password JOIN contract_number ON contract_number.number = line_password.number
             ORDER BY line_password.number",
        )?;
        rows::all(statement.query([])?, |row| {
            Ok(LineEntry {
                number: rows::number(row, "number")?,
                customer_number: rows::number(row, "customer_number")?,
                realm: row.get("realm")?,
                set_at: rows::time(row, "set_at")?,
            })
        })
    }

    fn user_name(&self, user_name: &str) -> Result<Option<FoundLine>, Failure> {
        let mut statement = self.connection.prepare_cached(
            "SELECT line_password.number, realm, ha1_sha256, ha1_md5
             FROM line_user_name JOIN line_password ON line_password.number = line_user_name.number
             WHERE user_name = ?1",
        )?;
        let mut rows = statement.query([user_name])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(FoundLine {
            number: rows::number(row, "number")?,
            realm: row.get("realm")?,
            user_name: UserName {
                user_name: user_name.to_owned(),
                ha1_sha256: row.get("ha1_sha256")?,
                ha1_md5: row.get("ha1_md5")?,
            },
        }))
    }

    fn has_line_password(&self, number: Option<PhoneNumber>) -> Result<bool, Failure> {
        let sql = "SELECT 1 FROM line_password WHERE ?1 IS NULL OR number = ?1 LIMIT 1";
        let number = number.as_ref().map(PhoneNumber::as_str);
        Ok(self.connection.prepare_cached(sql)?.query_row([number], |_| Ok(())).optional()?.is_some())
    }

    fn insert_line_password(&mut self, password: &LinePassword, set_at: UnixTime) -> Result<(), Failure> {
        let LinePassword { number, realm, user_names } = password;
        self.connection
            .prepare_cached("INSERT INTO line_password (number, realm, set_at) VALUES (?1, ?2, ?3)")?
            .execute(params![number.as_str(), realm, set_at.0])?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO line_user_name (user_name, number, ha1_sha256, ha1_md5) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for UserName { user_name, ha1_sha256, ha1_md5 } in user_names {
            insert.execute(params![user_name, number.as_str(), ha1_sha256, ha1_md5])?;
        }
        Ok(())
    }

    fn delete_line_password(&mut self, number: PhoneNumber) -> Result<bool, Failure> {
        // its user names go by the foreign key
        let sql = "DELETE FROM line_password WHERE number = ?1";
        Ok(self.connection.prepare_cached(sql)?.execute([number.as_str()])? == 1)
    }
}
