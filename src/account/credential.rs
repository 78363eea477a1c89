//! Credentials: what is kept about an account's passwords, and the rules of comparing one.

use crate::lock::Lock;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::unit::Unit;

use super::Action;
use super::password::{Cost, PasswordHash, TEMPORARY_SECONDS};

/// What is kept about the passwords of one account, which is a number together with the unit it logs in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// By what it opens.
    pub unit: Unit,
    /// The account's number.
    pub number: PhoneNumber,
    /// The temporary password, until it is used or replaced; it is kept when it has run out.
    pub temporary: Option<Temporary>,
    /// The subscriber's own password.
    pub own: Option<Own>,
    /// The hash of the own password before this one, so that it is not chosen again.
    pub previous: Option<PasswordHash>,
    /// The wrong attempts.
    pub standing: Standing,
}

/// A temporary password in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Temporary {
    /// Its hash.
    pub hash: PasswordHash,
    /// When it was keyed in.
    pub set_at: UnixTime,
    /// The first second at which it is no longer valid.
    pub expires_at: UnixTime,
    /// When it opened the settings site, which it does once only.
    pub used_at: Option<UnixTime>,
}

impl Temporary {
    /// Whether it opens the account at `now`: at 23:59:59 after it was set it does, at 24:00:00 no longer, and not twice. Its caller was
    /// told that it is set, so it holds also when the clock was put back since, by up to a day.
    pub fn is_valid(&self, now: UnixTime) -> bool {
        self.expires_at.ends_within(now, 2 * TEMPORARY_SECONDS) && self.used_at.is_none()
    }
}

/// A subscriber's own password in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Its hash.
    pub hash: PasswordHash,
    /// When it was set.
    pub changed_at: UnixTime,
}

impl Own {
    /// Whether it has to be changed at `now`, where one may be used for `valid_seconds`.
    pub fn has_aged(&self, now: UnixTime, valid_seconds: i64) -> bool {
        !self.changed_at.holds_at(now, valid_seconds)
    }
}

/// How many wrong passwords in a row there were, and the lock they led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Wrong passwords since the last right one.
    pub failures: u32,
    /// The first second at which the account is open again.
    pub locked_until: Option<UnixTime>,
}

impl Standing {
    /// The end of the lock that is in force at `now`, if one is.
    pub fn locked(&self, now: UnixTime, lock: Lock) -> Option<UnixTime> {
        self.locked_until.filter(|until| until.ends_within(now, lock.seconds()))
    }

    fn after_a_wrong_one(self, now: UnixTime, lock: Lock) -> Standing {
        // a lock that is over took its failures with it
        let before = if self.locked_until.is_some() { 0 } else { self.failures };
        let failures = before.saturating_add(1);
        let locked_until = (failures >= lock.after).then(|| now.plus(lock.seconds()));
        Standing { failures, locked_until }
    }
}

/// The answer to "does this password open this account?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes: the temporary password, within its time.
    Temporary,
    /// Yes: the account's own password.
    Own,
    /// No. (The third wrong one in a row is answered so too, and locks.)
    Wrong,
    /// No: it is the temporary password, but its time is over, or it was used before.
    Expired,
    /// No, whatever the password: there were too many wrong ones.
    Locked {
        /// The first second at which it is open again.
        until: UnixTime,
    },
    /// No: there is no such account, or no password was ever set for it.
    Unknown,
}

impl Verdict {
    /// Whether the account opens.
    pub fn is_open(self) -> bool {
        matches!(self, Verdict::Temporary | Verdict::Own)
    }

    /// The name for scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Temporary => "temporary",
            Verdict::Own => "own",
            Verdict::Wrong => "wrong",
            Verdict::Expired => "expired",
            Verdict::Locked { .. } => "locked",
            Verdict::Unknown => "unknown",
        }
    }
}

/// A password that was compared with what the store had, not yet entered into the store.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// By what it would open.
    pub unit: Unit,
    /// The account's number.
    pub number: PhoneNumber,
    seen: Option<Seen>,
    goes_on: bool,
}

#[derive(Clone, Debug)]
struct Seen {
    temporary: Option<PasswordHash>,
    own: Option<PasswordHash>,
    temporary_matches: bool,
    own_matches: bool,
}

impl Attempt {
    /// Compares `password`. Slow by intent, and equally slow for an account that has no password or does not exist.
    pub fn compare(
        unit: Unit,
        number: PhoneNumber,
        credential: Option<&Credential>,
        password: &Secret,
        cost: Cost,
    ) -> Attempt {
        let [temporary_matches, own_matches] = to_compare(credential, cost).map(|hash| hash.matches(password));
        let seen = credential.map(|credential| Seen {
            temporary: credential.temporary_hash().cloned(),
            own: credential.own_hash().cloned(),
            temporary_matches,
            own_matches,
        });
        Attempt { unit, number, seen, goes_on: false }
    }

    /// The same within a session: the temporary password that opened it still counts there.
    pub fn going_on(self) -> Attempt {
        Attempt { goes_on: true, ..self }
    }

    /// Whether there was no account to compare with: then there is nothing to enter, and the verdict is `Unknown`.
    pub fn is_unknown(&self) -> bool {
        self.seen.is_none()
    }

    /// What the attempt means for the account as it is now; `None` when its passwords changed since it was compared.
    pub fn judge(&self, current: &Credential, now: UnixTime, lock: Lock) -> Option<Judgement> {
        if let Some(until) = current.standing.locked(now, lock) {
            return Some(Judgement { verdict: Verdict::Locked { until }, standing: current.standing, action: None });
        }
        let seen = self.seen.as_ref()?;
        if seen.temporary.as_ref() != current.temporary_hash() || seen.own.as_ref() != current.own_hash() {
            return None;
        }
        let in_time = current.temporary.as_ref().is_some_and(|temporary| temporary.is_valid(now));
        Some(match seen {
            Seen { temporary_matches: true, .. } if in_time || self.goes_on => Judgement::open(Verdict::Temporary),
            Seen { own_matches: true, .. } => Judgement::open(Verdict::Own),
            Seen { temporary_matches: true, .. } => {
                Judgement { verdict: Verdict::Expired, standing: current.standing, action: Some(Action::Expired) }
            }
            Seen { .. } => Judgement::wrong(current.standing.after_a_wrong_one(now, lock)),
        })
    }
}

/// Two hashes, always: where an account has none, a decoy of the same cost, so that the time tells nothing.
fn to_compare(credential: Option<&Credential>, cost: Cost) -> [PasswordHash; 2] {
    let or_decoy = |hash: Option<&PasswordHash>| hash.cloned().unwrap_or_else(|| cost.decoy());
    [or_decoy(credential.and_then(Credential::temporary_hash)), or_decoy(credential.and_then(Credential::own_hash))]
}

/// What an attempt means: the answer, and what is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub verdict: Verdict,
    /// The account's standing from now on.
    pub standing: Standing,
    /// What the audit is to say; `None` when nothing is to be written.
    pub action: Option<Action>,
}

impl Judgement {
    fn open(verdict: Verdict) -> Judgement {
        Judgement { verdict, standing: Standing::default(), action: Some(Action::Verified) }
    }

    fn wrong(standing: Standing) -> Judgement {
        let action = if standing.locked_until.is_some() { Action::Locked } else { Action::Wrong };
        Judgement { verdict: Verdict::Wrong, standing, action: Some(action) }
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was entered, and this is the answer.
    Verdict(Verdict),
    /// The passwords changed since it was compared: compare again.
    Stale,
}

impl Credential {
    /// An account with no password.
    pub fn new(unit: Unit, number: PhoneNumber) -> Credential {
        Credential { unit, number, temporary: None, own: None, previous: None, standing: Standing::default() }
    }

    fn temporary_hash(&self) -> Option<&PasswordHash> {
        self.temporary.as_ref().map(|temporary| &temporary.hash)
    }

    fn own_hash(&self) -> Option<&PasswordHash> {
        self.own.as_ref().map(|own| &own.hash)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::account::password;

    #[test]
    fn every_attempt_compares_two_hashes_of_the_same_cost() {
        let cost = Cost::new(64, 2, 1).unwrap();
        let clear = Secret::from("48151623");
        let hash = password::hash(&clear, cost, &mut StdRng::seed_from_u64(1)).unwrap();
        let mut with_temporary = Credential::new(Unit::Line, PhoneNumber::parse("0600001111").unwrap());
        let mut with_own = with_temporary.clone();
        let nothing = with_temporary.clone();
        let set_at = UnixTime(0);
        with_temporary.temporary =
            Some(Temporary { hash: hash.clone(), set_at, expires_at: UnixTime(1), used_at: None });
        with_own.own = Some(Own { hash, changed_at: set_at });
        let cases = [(None, 0), (Some(&nothing), 0), (Some(&with_temporary), 1), (Some(&with_own), 1)];
        for (credential, matching) in cases {
            let hashes = to_compare(credential, cost);
            for hash in &hashes {
                assert!(hash.as_str().starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{}", hash.as_str());
            }
            assert_eq!(hashes.iter().filter(|hash| hash.matches(&clear)).count(), matching);
        }
    }

    #[test]
    fn a_temporary_password_is_valid_for_its_time_and_one_use() {
        let hash = PasswordHash::from_phc("$".to_owned());
        let temporary = Temporary { hash, set_at: UnixTime(0), expires_at: UnixTime(86_400), used_at: None };
        assert!(temporary.is_valid(UnixTime(86_399)), "23:59:59");
        assert!(!temporary.is_valid(UnixTime(86_400)), "24:00:00");
        assert!(temporary.is_valid(UnixTime(-86_460)), "the clock was put back by a day since it was set");
        assert!(!temporary.is_valid(UnixTime(-86_461)), "it was a day ahead, and more");
        assert!(!Temporary { used_at: Some(UnixTime(9)), ..temporary }.is_valid(UnixTime(10)));
    }

    #[test]
    fn a_locked_account_is_judged_locked_whatever_the_password() {
        let (clear, lock) = (Secret::from("48151623"), Lock::default());
        let hash = password::hash(&clear, Cost::CHEAP, &mut StdRng::seed_from_u64(1)).unwrap();
        let mut credential = Credential::new(Unit::Line, PhoneNumber::parse("0600001111").unwrap());
        credential.own = Some(Own { hash, changed_at: UnixTime(0) });
        let Credential { unit, number, .. } = credential;
        let attempt = |text: &str| Attempt::compare(unit, number, Some(&credential), &Secret::from(text), Cost::CHEAP);
        let (right, wrong) = (attempt("48151623"), attempt("0"));
        let judge = |attempt: &Attempt, standing, second| {
            attempt.judge(&Credential { standing, ..credential.clone() }, UnixTime(second), lock).unwrap()
        };
        let twice = Standing { failures: 2, locked_until: None };
        let third = judge(&wrong, twice, 0);
        assert_eq!((third.verdict, third.action), (Verdict::Wrong, Some(Action::Locked)));
        assert_eq!(third.standing, Standing { failures: 3, locked_until: Some(UnixTime(600)) });
        for attempt in [&right, &wrong] {
            let locked = judge(attempt, third.standing, 599);
            assert_eq!((locked.verdict, locked.action), (Verdict::Locked { until: UnixTime(600) }, None));
        }
        assert_eq!(judge(&right, third.standing, 600).standing, Standing::default(), "the lock is over");
        assert_eq!(judge(&wrong, third.standing, 600).standing, Standing { failures: 1, locked_until: None });
        assert_eq!(judge(&right, twice, 0).verdict, Verdict::Own, "two are not enough");
    }
}
