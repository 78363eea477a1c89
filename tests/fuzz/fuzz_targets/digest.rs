//! Any text, as a challenge and as credentials; and what is written can be read again.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use karipass::internals::lock::Lock;
use karipass::internals::sip::digest::{Account, Algorithm, Authenticator, Challenge, Credentials, Proof, answer};
use karipass::internals::sip::message::{Method, Request};
use karipass::secret::Secret;
use karipass::time::Time;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for value in [text.to_string(), format!("Digest {text}")] {
        // what is written is longer than what was read, and a value of more than 4096 bytes is none
        let fits = value.len() < 1900;
        if let Some(challenge) = Challenge::parse(&value).filter(|_| fits) {
            assert_eq!(Challenge::parse(&challenge.write()).as_ref(), Some(&challenge));
            let account = Account { user_name: "u\"\\".to_owned(), password: Secret::from("p") };
            let answered = answer([value.as_str()], &account, "REGISTER", "sip:h", "c").expect("it was read");
            if challenge.auth {
                let read = Credentials::parse(&answered.credentials).expect("our own credentials");
                assert_eq!((read.realm, read.nonce), (challenge.realm, challenge.nonce));
            }
        }
        let Ok(uri) = "sip:h".parse() else { return };
        let mut request = Request::new(Method::Register, uri);
        request.headers.push("Authorization", value);
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        for offered in [&Algorithm::ALL[..], &[Algorithm::Md5]] {
            let mut server = Authenticator::new("karipass", offered, Lock::default(), 1);
            let _ = server.claim(Time::ZERO, client, &request.headers);
            // nobody makes up our nonces
            assert!(matches!(server.prove(Time::ZERO, client, &request, None), Proof::Missing { .. }));
        }
    }
});
