//! The tables of what happened: events, mails, call records and the audit.

use std::ops::Bound;

use karipass::internals::account::mail::{Mail, MailFilter, MailState};
use karipass::internals::account::tables::{AuditTable, CallTable, EventTable, Failure, Horizon, MailRow, MailTable};
use karipass::internals::account::{AuditEntry, AuditFilter, CallFilter, CallRecord};
use karipass::time::UnixTime;

use super::Shared;
use super::subscribers::there_already;

impl EventTable for Shared {
    fn has_event(&self, id: &str) -> Result<bool, Failure> {
        self.step()?;
        Ok(self.state.events.get(&id.to_owned()).is_some())
    }

    fn insert_event(&mut self, id: &str, happened_at: UnixTime) -> Result<(), Failure> {
        self.step()?;
        if self.state.events.get(&id.to_owned()).is_some() {
            return Err(there_already("event"));
        }
        self.state.events.put(id.to_owned(), happened_at);
        Ok(())
    }

    fn delete_events_before(&mut self, happened_before: UnixTime) -> Result<(), Failure> {
        self.step()?;
        self.state.events.delete_where(usize::MAX, |_, at| *at < happened_before);
        Ok(())
    }
}

impl Shared {
    fn write_mail(&mut self, row: &MailRow) {
        let key = |mail: &Mail| (mail.due_at, mail.created_at, mail.mail.id.clone());
        let id = &row.mail.mail.id;
        if let Some(before) = self.state.mails.get(id) {
            let before = key(&before.mail);
            self.state.queue.delete(&before);
        }
        if row.mail.state == MailState::Queued {
            self.state.queue.put(key(&row.mail), ());
        }
        self.state.mails.put(id.clone(), row.clone());
    }
}

impl MailTable for Shared {
    fn mail(&self, id: &str) -> Result<Option<MailRow>, Failure> {
        self.step()?;
        Ok(self.state.mails.get(&id.to_owned()).cloned())
    }

    fn due_mail(&self, now: UnixTime, horizon: Horizon) -> Result<Option<MailRow>, Failure> {
        self.step()?;
        let due = self.state.queue.iter().filter(|((due_at, _, _), _)| *due_at <= now || *due_at > horizon.due_at);
        let mut rows = due.filter_map(|((_, _, id), _)| self.state.mails.get(id));
        Ok(rows
            .find(|row| {
                row.claim.as_ref().is_none_or(|claim| claim.until <= now || claim.until > horizon.claimed_until)
            })
            .cloned())
    }

    fn mails(&self, filter: &MailFilter) -> Result<Vec<Mail>, Failure> {
        self.step()?;
        let is_meant = |mail: &Mail| {
            filter.number.is_none_or(|number| mail.mail.number == number)
                && filter.purpose.is_none_or(|purpose| mail.mail.purpose == purpose)
                && filter.state.is_none_or(|state| mail.state == state)
                && filter.since.is_none_or(|since| mail.created_at >= since)
        };
        let rows = self.state.mails.iter().map(|(_, row)| &row.mail);
        let mut mails: Vec<Mail> = rows.filter(|mail| is_meant(mail)).cloned().collect();
        mails.sort_by(|a, b| (a.created_at, &a.mail.id).cmp(&(b.created_at, &b.mail.id)));
        Ok(mails)
    }

    fn insert_mail(&mut self, row: &MailRow) -> Result<(), Failure> {
        self.step()?;
        if self.state.mails.get(&row.mail.mail.id).is_some() {
            return Err(there_already("mail"));
        }
        self.write_mail(row);
        Ok(())
    }

    fn update_mail(&mut self, row: &MailRow) -> Result<(), Failure> {
        self.step()?;
        self.write_mail(row);
        Ok(())
    }

    fn delete_mails(&mut self, state: MailState, settled_before: UnixTime, limit: u32) -> Result<usize, Failure> {
        self.step()?;
        let is_meant =
            |row: &MailRow| row.mail.state == state && row.mail.settled_at.is_some_and(|at| at < settled_before);
        Ok(self.state.mails.delete_where(limit as usize, |_, row| is_meant(row)))
    }
}

impl CallTable for Shared {
    fn call(&self, id: &str) -> Result<Option<CallRecord>, Failure> {
        self.step()?;
        Ok(self.state.calls.get(&id.to_owned()).cloned())
    }

    fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, Failure> {
        self.step()?;
        let since = filter.since.unwrap_or(UnixTime(i64::MIN));
        let starts = self.state.starts.range((since, String::new())..).rev();
        let calls = starts.filter_map(|((_, id), _)| self.state.calls.get(id)).filter(|call| is_chosen(filter, call));
        let mut calls: Vec<CallRecord> =
            calls.take(filter.last.map_or(usize::MAX, |last| last as usize)).cloned().collect();
        calls.reverse();
        Ok(calls)
    }

    fn calls_behind(
        &self,
        filter: &CallFilter,
        after: Option<&CallRecord>,
        limit: u32,
    ) -> Result<Vec<CallRecord>, Failure> {
        self.step()?;
        let first = match after {
            Some(after) => Bound::Excluded((after.started_at, after.id.clone())),
            None => Bound::Included((filter.since.unwrap_or(UnixTime(i64::MIN)), String::new())),
        };
        let starts = self.state.starts.range((first, Bound::Unbounded));
        let calls = starts.filter_map(|((_, id), _)| self.state.calls.get(id)).filter(|call| is_chosen(filter, call));
        Ok(calls.take(limit as usize).cloned().collect())
    }

    fn insert_calls(&mut self, records: &[&CallRecord]) -> Result<Vec<bool>, Failure> {
        self.step()?;
        let mut inserted = Vec::new();
        for record in records {
            let is_new = self.state.calls.get(&record.id).is_none();
            if is_new {
                self.state.starts.put((record.started_at, record.id.clone()), ());
                self.state.calls.put(record.id.clone(), (*record).clone());
            }
            inserted.push(is_new);
        }
        Ok(inserted)
    }

    fn delete_calls(&mut self, started_before: UnixTime, limit: u32) -> Result<usize, Failure> {
        self.step()?;
        let old = self.state.starts.range(..(started_before, String::new())).take(limit as usize);
        let old: Vec<(UnixTime, String)> = old.map(|(key, _)| key.clone()).collect();
        for key in &old {
            self.state.starts.delete(key);
            self.state.calls.delete(&key.1);
        }
        Ok(old.len())
    }
}

fn is_chosen(filter: &CallFilter, call: &CallRecord) -> bool {
    filter.until.is_none_or(|until| call.started_at < until)
        && filter.caller.is_none_or(|caller| call.caller == Some(caller))
        && filter.outcome.is_none_or(|outcome| call.outcome == outcome)
}

impl AuditTable for Shared {
    fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Failure> {
        self.step()?;
        let is_meant = |entry: &AuditEntry| {
            filter.number.is_none_or(|number| entry.number == Some(number))
                && filter.unit.is_none_or(|unit| entry.unit == Some(unit))
        };
        let mut rows: Vec<&AuditEntry> =
            self.state.audit.iter().map(|(_, entry)| entry).filter(|entry| is_meant(entry)).collect();
        // the audit of one number is ordered by time, as an index on both gives it
        if filter.number.is_some() {
            rows.sort_by_key(|entry| entry.at);
        }
        let first = filter.last.map_or(0, |last| rows.len().saturating_sub(last as usize));
        Ok(rows.into_iter().skip(first).cloned().collect())
    }

    fn append_audit(&mut self, entries: &[AuditEntry]) -> Result<(), Failure> {
        self.step()?;
        for entry in entries {
            let id = self.state.next_id();
            self.state.audit.put(id, entry.clone());
        }
        Ok(())
    }

    fn delete_audit(&mut self, written_before: UnixTime, limit: u32) -> Result<usize, Failure> {
        self.step()?;
        Ok(self.state.audit.delete_where(limit as usize, |_, entry| entry.at < written_before))
    }
}
