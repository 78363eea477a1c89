//! The server's side: the claimed user name of a request, and its proof. The keeper of the keys is asked in between:
//!
//! ```text
//! request ─▶ claim ─▶ User(name) ─▶ the application looks up the name's key ─▶ prove ─▶ Right(line)
//!                 └─▶ Nothing, Stale ─▶ challenges ─▶ 401                           └─▶ Wrong ─▶ challenges ─▶ 401
//! ```
//!
//! A stale nonce is reported before anything is looked up or compared: stale credentials say nothing about a password, cost
//! the store nothing, and cannot be used to try passwords uncounted.

use std::net::IpAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Algorithm, Challenge, Credentials, Freshness, Guard, Ha1, Nonces};
use crate::lock::Lock;
use crate::number::PhoneNumber;
use crate::sip::message::{Headers, Request, Uri};

/// Challenges requests and judges the credentials.
pub struct Authenticator {
    realm: String,
    algorithms: Vec<Algorithm>,
    nonces: Nonces,
    guard: Guard,
    rng: StdRng,
}

/// The claim of a request about its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing that we asked for.
    Nothing,
    /// Something, with a nonce that has to be replaced.
    Stale,
    /// To be this user.
    User(String),
}

/// The key of a user name, and the line that it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineKey {
    /// Whose caller ID it proves.
    pub line: PhoneNumber,
    /// What the password is compared with.
    pub key: Ha1,
}

/// Whether a claim is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is: this line's.
    Right(PhoneNumber),
    /// There is none yet: challenge.
    Missing {
        /// The nonce has to be replaced; the password may be right.
        stale: bool,
    },
    /// The password is wrong, or there is no such user.
    Wrong {
        /// It was one too many.
        locks: bool,
    },
    /// There were too many wrong ones: nothing is compared for this long.
    Locked(Duration),
    /// They are for another Request-URI (RFC 7616 §3.4.6).
    Elsewhere,
}

impl Authenticator {
    /// For the users of `realm`, by any of these algorithms; nonces follow from `seed`, which should be unguessable in service.
    pub fn new(realm: &str, algorithms: &[Algorithm], lock: Lock, seed: u64) -> Authenticator {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        Authenticator {
            realm: realm.to_owned(),
            algorithms: algorithms.to_vec(),
            nonces: Nonces::new(key),
            guard: Guard::new(lock),
            rng,
        }
    }

    /// The claim of a request from `client`.
    pub fn claim(&self, now: crate::time::Time, client: IpAddr, headers: &Headers) -> Claim {
        match self.credentials(headers) {
            None => Claim::Nothing,
            Some(given) => match self.nonces.check(now, client, &given.nonce, given.count) {
                Freshness::Fresh => Claim::User(given.user_name),
                Freshness::Stale => Claim::Stale,
            },
        }
    }

    /// What a request proves whatever the key of its user name is: nothing need be looked up then.
    pub fn hopeless(&self, now: crate::time::Time, client: IpAddr, request: &Request) -> Option<Proof> {
        let Some(given) = self.credentials(&request.headers) else { return Some(Proof::Missing { stale: false }) };
        if self.nonces.check(now, client, &given.nonce, given.count) == Freshness::Stale {
            return Some(Proof::Missing { stale: true });
        }
        if let Some(left) = self.guard.locked(now, client, &given.user_name) {
            return Some(Proof::Locked(left));
        }
        (!is_for(&given.uri, &request.uri)).then_some(Proof::Elsewhere)
    }

    /// Compares what the request says with the key of the user name that it claims, if there is one.
    pub fn prove(&mut self, now: crate::time::Time, client: IpAddr, request: &Request, key: Option<&LineKey>) -> Proof {
        if let Some(proof) = self.hopeless(now, client, request) {
            return proof;
        }
        let Some(given) = self.credentials(&request.headers) else { return Proof::Missing { stale: false } };
        let matches = given.matches(request.method.as_str(), key.map(|key| &key.key));
        let Some(LineKey { line, .. }) = key.filter(|_| matches) else {
            // used up all the same: the request that comes again, since its answer was lost, is no further attempt
            self.nonces.spend(now, client, &given.nonce, given.count);
            return Proof::Wrong { locks: self.guard.wrong(now, client, &given.user_name) };
        };
        if self.nonces.spend(now, client, &given.nonce, given.count) == Freshness::Stale {
            return Proof::Missing { stale: true };
        }
        self.guard.right(client, &given.user_name);
        Proof::Right(*line)
    }

    /// The values of WWW-Authenticate for this client, in the order of preference (RFC 8760 §2.3).
    pub fn challenges(&mut self, now: crate::time::Time, client: IpAddr, stale: bool) -> Vec<String> {
        let nonce = self.nonces.issue(now, client, self.rng.next_u64());
        let challenge = |algorithm| Challenge {
            realm: self.realm.clone(),
            nonce: nonce.clone(),
            opaque: None,
            algorithm,
            stale,
            auth: true,
        };
        self.algorithms.iter().map(|&algorithm| challenge(algorithm).write()).collect()
    }

    /// Those for our realm; a request that went through several proxies carries others. An algorithm that was not offered would let a
    /// weaker one in by the back door.
    fn credentials(&self, headers: &Headers) -> Option<Credentials> {
        let is_asked_for =
            |given: &Credentials| given.realm == self.realm && self.algorithms.contains(&given.algorithm);
        headers.all("Authorization").filter_map(Credentials::parse).find(is_asked_for)
    }
}

/// Whether the URI that was hashed names what the request is for. Phones leave parameters and the port away.
fn is_for(hashed: &str, asked: &Uri) -> bool {
    hashed
        .parse::<Uri>()
        .is_ok_and(|hashed| hashed.host.eq_ignore_ascii_case(&asked.host) && hashed.subscriber() == asked.subscriber())
}
