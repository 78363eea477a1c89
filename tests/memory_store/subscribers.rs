//! The tables of contracts and of what belongs to a number.

use karipass::internals::account::fax::{Fax, NewFax};
use karipass::internals::account::mail::{AddressConfirmation, TokenHash};
use karipass::internals::account::session::{Session, SessionId};
use karipass::internals::account::setting::Setting;
use karipass::internals::account::tables::{
    ConfirmationTable, ContractTables, CredentialTable, Failure, Fault, FaxTable, LineTable, SessionTable,
    SettingTable, TemporaryColumns,
};
use karipass::internals::account::{
    Contract, ContractedNumber, Credential, FoundLine, LineEntry, LinePassword, Service, Services, Temporary,
};
use karipass::number::PhoneNumber;
use karipass::time::UnixTime;
use karipass::unit::Unit;

use super::Shared;
use super::state::Place;

impl Shared {
    fn contract_with(&self, customer_number: PhoneNumber) -> Contract {
        let keys = (customer_number, 0)..=(customer_number, u32::MAX);
        let contracted = |number: PhoneNumber| {
            let services = self.state.numbers.get(&number).map_or(Services::NONE, |place| place.services);
            ContractedNumber { number, services }
        };
        let numbers = self.state.order.range(keys).map(|(_, number)| contracted(*number)).collect();
        Contract { customer_number, numbers }
    }

    fn set_services(&mut self, number: PhoneNumber, change: impl Fn(Services) -> Services) -> Result<(), Failure> {
        let place = self.state.numbers.get(&number).cloned().ok_or_else(|| stray("service"))?;
        self.state.numbers.put(number, Place { services: change(place.services), ..place });
        Ok(())
    }

    /// As a foreign key would: a row refers to a number that is there.
    fn refer(&self, number: PhoneNumber, table: &str) -> Result<(), Failure> {
        self.state.numbers.get(&number).map(|_| ()).ok_or_else(|| stray(table))
    }
}

fn stray(table: &str) -> Failure {
    Fault::Failed(format!("a row of {table} refers to a number that is not there")).into()
}

pub fn there_already(table: &str) -> Failure {
    Fault::Failed(format!("a row of {table} is there already")).into()
}

impl ContractTables for Shared {
    fn owners(&self, numbers: &[PhoneNumber]) -> Result<Vec<Option<PhoneNumber>>, Failure> {
        self.step()?;
        Ok(numbers.iter().map(|number| self.state.numbers.get(number).map(|place| place.customer_number)).collect())
    }

    fn contract_of(&self, number: PhoneNumber) -> Result<Option<Contract>, Failure> {
        self.step()?;
        Ok(self.state.numbers.get(&number).map(|place| self.contract_with(place.customer_number)))
    }

    fn contracts(&self) -> Result<Vec<Contract>, Failure> {
        self.step()?;
        Ok(self.state.contracts.iter().map(|(customer_number, _)| self.contract_with(*customer_number)).collect())
    }

    fn services(&self, number: PhoneNumber) -> Result<Services, Failure> {
        self.step()?;
        Ok(self.state.numbers.get(&number).map_or(Services::NONE, |place| place.services))
    }

    fn insert_contract(&mut self, customer_number: PhoneNumber, created_at: UnixTime) -> Result<(), Failure> {
        self.step()?;
        if self.state.contracts.get(&customer_number).is_some() {
            return Err(there_already("contract"));
        }
        self.state.contracts.put(customer_number, created_at);
        Ok(())
    }

    fn append_number(&mut self, customer: PhoneNumber, number: PhoneNumber, _: UnixTime) -> Result<(), Failure> {
        self.step()?;
        if self.state.numbers.get(&number).is_some() {
            return Err(there_already("contract_number"));
        }
        let last = self.state.order.range((customer, 0)..=(customer, u32::MAX)).next_back();
        let position = last.map_or(0, |((_, position), _)| position + 1);
        self.state.order.put((customer, position), number);
        self.state.numbers.put(number, Place { customer_number: customer, position, services: Services::NONE });
        Ok(())
    }

    fn insert_service(&mut self, number: PhoneNumber, service: Service) -> Result<(), Failure> {
        self.step()?;
        self.set_services(number, |services| services.with(service))
    }

    fn delete_service(&mut self, number: PhoneNumber, service: Service) -> Result<(), Failure> {
        self.step()?;
        self.set_services(number, |services| services.iter().filter(|other| *other != service).collect())
    }

    fn delete_number(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        self.step()?;
        // a table with a foreign key would refuse: what belongs to the number has to go first
        let state = &self.state;
        let accounts = state.credentials.range((number, Unit::Line)..=(number, Unit::AdminUser)).count();
        let settings = Service::ALL.iter().filter(|service| state.settings.get(&(number, **service)).is_some()).count();
        let of_number = accounts
            + settings
            + state.sessions.iter().filter(|(_, session)| session.number == number).count()
            + state.confirmations.iter().filter(|(_, link)| link.number == number).count()
            + state.faxes.iter().filter(|(_, (fax, _))| fax.number == number).count()
            + usize::from(state.lines.get(&number).is_some());
        if of_number > 0 {
            return Err(Fault::Failed(format!("{of_number} rows still refer to the number")).into());
        }
        if let Some(Place { customer_number, position, .. }) = self.state.numbers.get(&number).cloned() {
            self.state.order.delete(&(customer_number, position));
            self.state.numbers.delete(&number);
        }
        Ok(())
    }

    fn delete_contract(&mut self, customer_number: PhoneNumber) -> Result<(), Failure> {
        self.step()?;
        if self.state.order.range((customer_number, 0)..=(customer_number, u32::MAX)).next().is_some() {
            return Err(Fault::Failed("the contract still has numbers".to_owned()).into());
        }
        self.state.contracts.delete(&customer_number);
        Ok(())
    }
}

impl CredentialTable for Shared {
    fn credential(&self, unit: Unit, number: PhoneNumber) -> Result<Option<Credential>, Failure> {
        self.step()?;
        Ok(self.state.credentials.get(&(number, unit)).cloned())
    }

    fn put_credential(&mut self, credential: &Credential) -> Result<(), Failure> {
        self.step()?;
        self.refer(credential.number, "credential")?;
        self.state.credentials.put((credential.number, credential.unit), credential.clone());
        Ok(())
    }

    fn put_temporaries(&mut self, rows: &[TemporaryColumns<'_>]) -> Result<(), Failure> {
        self.step()?;
        for &TemporaryColumns { unit, number, hash, set_at, expires_at, used_at, standing } in rows {
            self.refer(number, "credential")?;
            let before = self.state.credentials.get(&(number, unit)).cloned();
            let before = before.unwrap_or_else(|| Credential::new(unit, number));
            let temporary = Some(Temporary { hash: hash.clone(), set_at, expires_at, used_at });
            self.state.credentials.put((number, unit), Credential { temporary, standing, ..before });
        }
        Ok(())
    }

    fn delete_credentials(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        self.step()?;
        for unit in Unit::ALL {
            self.state.credentials.delete(&(number, unit));
        }
        Ok(())
    }
}

impl SessionTable for Shared {
    fn session(&self, id: &SessionId) -> Result<Option<Session>, Failure> {
        self.step()?;
        Ok(self.state.sessions.get(&id.0).cloned())
    }

    fn put_session(&mut self, session: &Session) -> Result<(), Failure> {
        self.step()?;
        self.refer(session.number, "session")?;
        self.state.sessions.put(session.id.0.clone(), session.clone());
        Ok(())
    }

    fn delete_session(&mut self, id: &SessionId) -> Result<(), Failure> {
        self.step()?;
        self.state.sessions.delete(&id.0);
        Ok(())
    }

    fn delete_sessions(&mut self, unit: Option<Unit>, number: PhoneNumber) -> Result<(), Failure> {
        self.step()?;
        let is_meant = |session: &Session| session.number == number && unit.is_none_or(|unit| session.unit == unit);
        self.state.sessions.delete_where(usize::MAX, |_, session| is_meant(session));
        Ok(())
    }

    fn delete_sessions_before(&mut self, seen_before: UnixTime) -> Result<(), Failure> {
        self.step()?;
        self.state.sessions.delete_where(usize::MAX, |_, session| session.seen_at < seen_before);
        Ok(())
    }
}

impl SettingTable for Shared {
    fn setting(&self, number: PhoneNumber, service: Service) -> Result<Option<Setting<String>>, Failure> {
        self.step()?;
        Ok(self.state.settings.get(&(number, service)).cloned())
    }

    fn settings(
        &self,
        customer_number: PhoneNumber,
        service: Service,
    ) -> Result<Vec<(PhoneNumber, Setting<String>)>, Failure> {
        self.step()?;
        let numbers = self.contract_with(customer_number).numbers;
        let set = |contracted: ContractedNumber| {
            let setting = self.state.settings.get(&(contracted.number, service))?;
            Some((contracted.number, setting.clone()))
        };
        Ok(numbers.into_iter().filter_map(set).collect())
    }

    fn put_setting(&mut self, number: PhoneNumber, service: Service, setting: &Setting<String>) -> Result<(), Failure> {
        self.step()?;
        self.refer(number, "setting")?;
        self.state.settings.put((number, service), setting.clone());
        Ok(())
    }

    fn delete_settings(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        self.step()?;
        for service in Service::ALL {
            self.state.settings.delete(&(number, service));
        }
        Ok(())
    }
}

impl ConfirmationTable for Shared {
    fn confirmation(&self, token: &TokenHash) -> Result<Option<AddressConfirmation>, Failure> {
        self.step()?;
        Ok(self.state.confirmations.get(&token.0).cloned())
    }

    fn insert_confirmation(&mut self, confirmation: &AddressConfirmation) -> Result<(), Failure> {
        self.step()?;
        self.refer(confirmation.number, "address_confirmation")?;
        if self.state.confirmations.get(&confirmation.token.0).is_some() {
            return Err(there_already("address_confirmation"));
        }
        self.state.confirmations.put(confirmation.token.0.clone(), confirmation.clone());
        Ok(())
    }

    fn delete_confirmations(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        self.step()?;
        self.state.confirmations.delete_where(usize::MAX, |_, link| link.number == number);
        Ok(())
    }

    fn delete_confirmations_expired(&mut self, now: UnixTime) -> Result<(), Failure> {
        self.step()?;
        self.state.confirmations.delete_where(usize::MAX, |_, link| link.expires_at <= now);
        Ok(())
    }
}

impl FaxTable for Shared {
    fn faxes(&self, number: PhoneNumber) -> Result<Vec<Fax>, Failure> {
        self.step()?;
        let of_number = self.state.faxes.iter().filter(|(_, (fax, _))| fax.number == number);
        let mut faxes: Vec<Fax> = of_number.map(|(_, (fax, _))| fax.clone()).collect();
        faxes.sort_by_key(|fax| std::cmp::Reverse((fax.received_at, fax.id)));
        Ok(faxes)
    }

    fn fax(&self, id: i64) -> Result<Option<(Fax, Vec<u8>)>, Failure> {
        self.step()?;
        Ok(self.state.faxes.get(&id).cloned())
    }

    fn fax_totals(&self, number: PhoneNumber) -> Result<(u64, u64), Failure> {
        self.step()?;
        let of_number = self.state.faxes.iter().filter(|(_, (fax, _))| fax.number == number);
        Ok(of_number.fold((0, 0), |(kept, bytes), (_, (fax, _))| (kept + 1, bytes + fax.size)))
    }

    fn insert_fax(&mut self, fax: &NewFax, received_at: UnixTime) -> Result<i64, Failure> {
        self.step()?;
        self.refer(fax.number, "fax")?;
        let NewFax { number, caller, pages, document } = fax;
        let (id, size) = (self.state.next_id(), document.len() as u64);
        let row = Fax { id, number: *number, caller: *caller, received_at, pages: *pages, size, viewed_at: None };
        self.state.faxes.put(id, (row, document.clone()));
        Ok(id)
    }

    fn set_fax_viewed(&mut self, id: i64, viewed_at: UnixTime) -> Result<(), Failure> {
        self.step()?;
        if let Some((fax, document)) = self.state.faxes.get(&id).cloned() {
            self.state.faxes.put(id, (Fax { viewed_at: Some(viewed_at), ..fax }, document));
        }
        Ok(())
    }

    fn delete_fax(&mut self, number: PhoneNumber, id: i64) -> Result<bool, Failure> {
        self.step()?;
        let is_theirs = self.state.faxes.get(&id).is_some_and(|(fax, _)| fax.number == number);
        Ok(is_theirs && self.state.faxes.delete(&id))
    }

    fn delete_faxes(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        self.step()?;
        self.state.faxes.delete_where(usize::MAX, |_, (fax, _)| fax.number == number);
        Ok(())
    }
}

impl LineTable for Shared {
    fn line_passwords(&self) -> Result<Vec<LineEntry>, Failure> {
        self.step()?;
        let entry = |(number, (password, set_at)): (&PhoneNumber, &(LinePassword, UnixTime))| {
            let customer_number = self.state.numbers.get(number)?.customer_number;
            Some(LineEntry { number: *number, customer_number, realm: password.realm.clone(), set_at: *set_at })
        };
        Ok(self.state.lines.iter().filter_map(entry).collect())
    }

    fn user_name(&self, user_name: &str) -> Result<Option<FoundLine>, Failure> {
        self.step()?;
        let Some(&(number, place)) = self.state.user_names.get(&user_name.to_owned()) else { return Ok(None) };
        let Some((password, _)) = self.state.lines.get(&number) else { return Ok(None) };
        let user_name = password.user_names.get(place).cloned();
        Ok(user_name.map(|user_name| FoundLine { number, realm: password.realm.clone(), user_name }))
    }

    fn has_line_password(&self, number: Option<PhoneNumber>) -> Result<bool, Failure> {
        self.step()?;
        Ok(number.map_or(self.state.lines.len() > 0, |number| self.state.lines.get(&number).is_some()))
    }

    fn insert_line_password(&mut self, password: &LinePassword, set_at: UnixTime) -> Result<(), Failure> {
        self.step()?;
        self.refer(password.number, "line_password")?;
        if self.state.lines.get(&password.number).is_some() {
            return Err(there_already("line_password"));
        }
        for (place, writing) in password.user_names.iter().enumerate() {
            if self.state.user_names.get(&writing.user_name).is_some() {
                return Err(there_already("line_user_name"));
            }
            self.state.user_names.put(writing.user_name.clone(), (password.number, place));
        }
        self.state.lines.put(password.number, (password.clone(), set_at));
        Ok(())
    }

    fn delete_line_password(&mut self, number: PhoneNumber) -> Result<bool, Failure> {
        self.step()?;
        self.state.user_names.delete_where(usize::MAX, |_, (owner, _)| *owner == number);
        Ok(self.state.lines.delete(&number))
    }
}
