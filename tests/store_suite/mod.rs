//! What every backend of the account store must do, whatever it is built on.
//!
//! A kind of store implements [`Backend`] and writes `crate::store_suite::conformance!(TheKind);` in a module of its own.

mod clock;
mod contracts;
mod credentials;
mod faults;
mod histories;
mod lines;
mod mails;
mod records;
mod services;
mod sessions;
mod settings;

pub use clock::*;
pub use contracts::*;
pub use credentials::*;
pub use histories::*;
pub use lines::*;
pub use mails::*;
pub use records::*;
pub use services::*;
pub use sessions::*;
pub use settings::*;

use karipass::internals::account::{
    Actor, Contract, Cost, Existing, PreparedTemporaryPassword, Services, Store, Verdict, password,
};
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::time::UnixTime;
use karipass::unit::Unit;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// An empty store of one kind, which can be opened more than once.
pub trait Backend {
    /// A handle to it.
    type Handle: Store;
    /// Makes an empty store.
    fn new() -> Self;
    /// Opens it once more.
    fn open(&self) -> Self::Handle;
}

/// One test a case.
macro_rules! conformance {
    ($backend:ty: $($case:ident)*) => {
        $(#[test] fn $case() { crate::store_suite::$case(&<$backend as crate::store_suite::Backend>::new()); })*
    };
    ($backend:ty) => {
        crate::store_suite::conformance! { $backend:
            a_line_is_found_by_each_of_its_numbers
            contracts_are_listed_in_order
            adding_is_all_or_nothing
            a_number_has_one_place
            updating_touches_only_what_is_named
            the_contract_number_goes_in_without_being_named
            a_removed_contract_takes_its_passwords_along
            a_removed_number_takes_its_passwords_along
            the_contract_number_stays_with_its_contract
            the_example_goes_only_into_a_store_of_its_own
            a_temporary_password_is_valid_for_24_hours_to_the_second
            a_new_temporary_password_replaces_the_older_one
            a_temporary_password_leaves_the_own_one_in_force
            an_own_password_uses_the_temporary_one_up
            accounts_are_told_apart_by_unit_and_number
            only_contracted_accounts_get_passwords
            three_wrong_passwords_lock_for_ten_minutes
            a_right_password_forgets_the_wrong_ones
            an_expired_password_does_not_count_as_wrong
            a_lock_can_be_lifted
            attempts_side_by_side_get_no_more_tries
            an_attempt_on_a_password_that_changed_meanwhile_is_stale
            what_nobody_has_is_unknown_and_leaves_no_trace
            one_refused_write_leaves_the_others_of_its_group
            a_group_that_is_committed_again_is_not_done_twice
            a_call_record_comes_back_as_it_was
            a_call_is_recorded_once
            call_records_are_chosen_and_ordered
            what_is_old_is_forgotten_and_nothing_else
            the_audit_tells_who_did_what
            no_rendering_shows_a_password_or_a_hash
            effects_come_all_together_or_not_at_all
            a_mail_belongs_to_who_claimed_it_until_the_claim_is_over
            an_address_is_confirmed_once_while_it_is_set
            faxes_are_kept_until_deleted
            a_telephone_is_found_by_each_of_its_user_names_as_it_is_written
            a_new_line_password_replaces_the_older_one_and_its_user_names
            telephones_are_listed_with_their_contracts_by_number
            only_contracted_lines_have_telephones
            a_user_name_has_one_line_and_what_is_refused_leaves_everything_as_it_was
            a_line_password_goes_when_it_is_removed_and_with_its_number
            the_audit_tells_of_telephones_and_nothing_shows_their_hashes
            a_session_is_used_and_ends_once
            a_temporary_password_opens_one_session
            an_own_password_ends_the_sessions_of_its_account
            idle_sessions_go_when_another_comes
            sessions_belong_to_contracted_accounts
            a_setting_changes_from_its_latest_revision_only
            a_setting_needs_its_service
            a_service_that_is_taken_away_stops_and_comes_back_stopped
            settings_are_listed_by_the_order_of_their_numbers
            an_event_happens_once_in_thirty_days
            the_mail_that_waits_longest_is_sent_first
            a_try_leaves_what_it_met_and_no_doubt
            what_was_sent_is_remembered_for_thirty_days
            pruning_stops_at_its_limit_whatever_became_of_the_mails
            a_link_confirms_for_its_own_number_while_the_service_lasts
            a_temporary_password_of_a_clock_ahead_opens_nothing_before_its_day
            a_lock_of_a_clock_ahead_is_over
            a_mail_of_a_clock_ahead_waits_no_longer_than_any_may
            a_link_of_a_clock_ahead_confirms_nothing_before_its_day
            a_session_of_a_clock_ahead_is_over
            an_own_password_of_a_clock_ahead_has_aged
            random_histories_follow_the_rules
        }
    };
}
pub(crate) use conformance;

/// Who acts in the suite.
pub const BY: Actor = Actor::Program("suite");

/// A day in 2026.
pub const NOW: UnixTime = UnixTime(1_780_000_000);

pub fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

pub fn services(text: &str) -> Services {
    text.parse().unwrap()
}

/// The example of two numbers.
pub fn example() -> Contract {
    Contract::new(number("0600001111"), services("arrival-mail"))
        .with(number("0600002222"), services("arrival-mail+fax-mail"))
}

pub fn with_example<B: Backend>(backend: &B) -> B::Handle {
    let mut store = backend.open();
    store.save_contracts(&[example()], Existing::Refuse, &BY, NOW).unwrap();
    store
}

pub fn prepared(unit: Unit, of: &str, clear: &str, now: UnixTime) -> PreparedTemporaryPassword {
    let mut rng = StdRng::seed_from_u64(7);
    password::prepare(unit, number(of), &Secret::from(clear), now, "c-1", Cost::CHEAP, &mut rng).unwrap()
}

pub fn set_temporary(store: &mut impl Store, unit: Unit, of: &str, clear: &str, now: UnixTime) {
    let results = store.set_temporary_passwords(&[prepared(unit, of, clear, now)]).unwrap();
    assert_eq!(results, [Ok(())]);
}

pub fn set_own(store: &mut impl Store, unit: Unit, of: &str, clear: &str, now: UnixTime) {
    let hash = password::hash(&Secret::from(clear), Cost::CHEAP, &mut StdRng::seed_from_u64(8)).unwrap();
    store.set_own_password(unit, number(of), &hash, &BY, now).unwrap();
}

pub fn verify(store: &mut impl Store, unit: Unit, of: &str, clear: &str, now: UnixTime) -> Verdict {
    store.verify(unit, number(of), &Secret::from(clear), &BY, now).unwrap()
}
