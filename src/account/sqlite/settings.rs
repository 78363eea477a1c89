//! The table `setting`.

use rusqlite::{Row, params};

use super::access::Access;
use super::rows;
use crate::account::Service;
use crate::account::setting::Setting;
use crate::account::tables::{Failure, SettingTable};
use crate::number::PhoneNumber;

impl SettingTable for Access<'_> {
    fn setting(&self, number: PhoneNumber, service: Service) -> Result<Option<Setting<String>>, Failure> {
        let sql = "SELECT active, detail, revision, changed_at FROM setting WHERE number = ?1 AND service = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([number.as_str(), service.name()])?;
        rows.next()?.map(read).transpose()
    }

    fn settings(
        &self,
        customer_number: PhoneNumber,
        service: Service,
    ) -> Result<Vec<(PhoneNumber, Setting<String>)>, Failure> {
        let mut statement = self.connection.prepare_cached(
            "SELECT setting.number, active, detail, revision, changed_at
             FROM setting JOIN contract_number ON contract_number.number = setting.number
             WHERE customer_number = ?1 AND service = ?2 ORDER BY position",
        )?;
        let found = statement.query([customer_number.as_str(), service.name()])?;
        rows::all(found, |row| Ok((rows::number(row, "number")?, read(row)?)))
    }

    fn put_setting(&mut self, number: PhoneNumber, service: Service, setting: &Setting<String>) -> Result<(), Failure> {
        let Setting { active, detail, revision, changed_at } = setting;
        let sql = "INSERT INTO setting (number, service, revision, active, detail, changed_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (number, service) DO UPDATE SET revision = excluded.revision, active = excluded.active,
                       detail = excluded.detail, changed_at = excluded.changed_at";
        let changed_at = changed_at.map(|at| at.0);
        let row = params![number.as_str(), service.name(), revision, active, detail, changed_at];
        self.connection.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    fn delete_settings(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        self.connection.prepare_cached("DELETE FROM setting WHERE number = ?1")?.execute([number.as_str()])?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<Setting<String>, Failure> {
    Ok(Setting {
        active: row.get("active")?,
        detail: row.get("detail")?,
        revision: row.get("revision")?,
        changed_at: rows::optional_time(row, "changed_at")?,
    })
}
