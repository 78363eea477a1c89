//! The table `mail`.

use rusqlite::{Row, named_params, params};

use super::access::Access;
use super::rows;
use crate::account::mail::{Claim, Mail, MailFilter, MailState, NewMail, Purpose};
use crate::account::tables::{Failure, Horizon, MailRow, MailTable};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

const COLUMNS: &str = "id, purpose, number, recipient, subject, body, state, created_at, due_at, attempts,
                       refusals, handing_over, problem, settled_at, claimed_by, claimed_until";

impl MailTable for Access<'_> {
    fn mail(&self, id: &str) -> Result<Option<MailRow>, Failure> {
        let mut statement = self.connection.prepare_cached(&format!("SELECT {COLUMNS} FROM mail WHERE id = ?1"))?;
        let mut rows = statement.query([id])?;
        rows.next()?.map(read).transpose()
    }

    fn due_mail(&self, now: UnixTime, horizon: Horizon) -> Result<Option<MailRow>, Failure> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM mail
             WHERE state = 'queued' AND (due_at <= ?1 OR due_at > ?2)
               AND (claimed_until IS NULL OR claimed_until <= ?1 OR claimed_until > ?3)
             ORDER BY due_at, created_at, id LIMIT 1"
        ))?;
        let mut rows = statement.query([now.0, horizon.due_at.0, horizon.claimed_until.0])?;
        rows.next()?.map(read).transpose()
    }

    fn mails(&self, filter: &MailFilter) -> Result<Vec<Mail>, Failure> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM mail
             WHERE (:number IS NULL OR number = :number) AND (:purpose IS NULL OR purpose = :purpose)
               AND (:state IS NULL OR state = :state) AND created_at >= :since
             ORDER BY created_at, id"
        ))?;
        let found = statement.query(named_params! {
            ":number": filter.number.as_ref().map(PhoneNumber::as_str),
            ":purpose": filter.purpose.map(Purpose::name),
            ":state": filter.state.map(MailState::name),
            ":since": filter.since.map_or(i64::MIN, |since| since.0),
        })?;
        rows::all(found, |row| Ok(read(row)?.mail))
    }

    fn insert_mail(&mut self, row: &MailRow) -> Result<(), Failure> {
        let values = "VALUES (:id, :purpose, :number, :recipient, :subject, :body, :state, :created_at, :due_at,
                              :attempts, :refusals, :handing_over, :problem, :settled_at, :claimed_by, :claimed_until)";
        self.write(&format!("INSERT INTO mail ({COLUMNS}) {values}"), row)
    }

    fn update_mail(&mut self, row: &MailRow) -> Result<(), Failure> {
        let sql = "UPDATE mail SET purpose = :purpose, number = :number, recipient = :recipient, subject = :subject,
                       body = :body, state = :state, created_at = :created_at, due_at = :due_at, attempts = :attempts, refusals = :refusals,
                       handing_over = :handing_over, problem = :problem, settled_at = :settled_at,
                       claimed_by = :claimed_by, claimed_until = :claimed_until
                   WHERE id = :id";
        self.write(sql, row)
    }

    fn delete_mails(&mut self, state: MailState, settled_before: UnixTime, limit: u32) -> Result<usize, Failure> {
        let sql = "DELETE FROM mail WHERE id IN
                       (SELECT id FROM mail WHERE state = ?1 AND settled_at < ?2 LIMIT ?3)";
        Ok(self.connection.prepare_cached(sql)?.execute(params![state.name(), settled_before.0, limit])?)
    }
}

impl Access<'_> {
    fn write(&self, sql: &str, row: &MailRow) -> Result<(), Failure> {
        let MailRow {
            mail: Mail { mail, state, created_at, due_at, attempts, refusals, uncertain, problem, settled_at },
            claim,
        } = row;
        let NewMail { id, purpose, number, recipient, subject, body } = mail;
        let claim = claim.as_ref();
        self.connection.prepare_cached(sql)?.execute(named_params! {
            ":id": id,
            ":purpose": purpose.name(),
            ":number": number.as_str(),
            ":recipient": recipient,
            ":subject": subject,
            ":body": body,
            ":state": state.name(),
            ":created_at": created_at.0,
            ":due_at": due_at.0,
            ":attempts": attempts,
            ":refusals": refusals,
            ":handing_over": uncertain,
            ":problem": problem,
            ":settled_at": settled_at.map(|at| at.0),
            ":claimed_by": claim.map(|claim| &claim.by),
            ":claimed_until": claim.map(|claim| claim.until.0),
        })?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<MailRow, Failure> {
    let mail = Mail {
        mail: NewMail {
            id: row.get("id")?,
            purpose: rows::parsed("purpose", &row.get::<_, String>("purpose")?)?,
            number: rows::number(row, "number")?,
            recipient: row.get("recipient")?,
            subject: row.get("subject")?,
            body: row.get("body")?,
        },
        state: rows::parsed("state", &row.get::<_, String>("state")?)?,
        created_at: rows::time(row, "created_at")?,
        due_at: rows::time(row, "due_at")?,
        attempts: row.get("attempts")?,
        refusals: row.get("refusals")?,
        uncertain: row.get("handing_over")?,
        problem: row.get("problem")?,
        settled_at: rows::optional_time(row, "settled_at")?,
    };
    let by: Option<String> = row.get("claimed_by")?;
    let claim = by.zip(rows::optional_time(row, "claimed_until")?).map(|(by, until)| Claim { by, until });
    Ok(MailRow { mail, claim })
}
