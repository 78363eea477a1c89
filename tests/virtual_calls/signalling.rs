//! What `karipass call` can do to a service's signalling: offer late, never acknowledge; and the Reasons of both ends.

use karipass::internals::account::Outcome;
use karipass::internals::sip::endpoint::EndCause;
use karipass::key::Ways;

use crate::support::{Expected, Offer, Setup, World, ms};

#[test]
fn an_offer_of_the_service_is_answered_in_the_ack_and_sets_a_password() {
    for ways in [Ways::RFC4733, Ways::IN_BAND, Ways::INFO] {
        World::new(Setup { offer: Offer::Late, ..Setup::new(1).by(ways) }).run_to(&Expected::Set);
    }
}

#[test]
fn an_answer_that_is_never_acknowledged_is_repeated_and_given_up_after_64_t1() {
    for offer in [Offer::All, Offer::Late] {
        let mut world = World::new(Setup { no_ack: true, offer, ..Setup::new(1) });
        let outcome = world.run();
        let record = outcome.record.unwrap();
        assert_eq!((record.outcome, record.status), (Outcome::NoAck, 200), "{}", world.story());
        assert!(record.answered_at.is_none() && outcome.said.is_empty(), "nothing is said: {}", world.story());
        assert_eq!(world.service.cause, Some(EndCause::NoAck));
        let repeated = world.trace.find("service  200 [1 INVITE]");
        let since: Vec<u128> = repeated.iter().map(|at| at.since(repeated[0]).as_millis()).collect();
        // T1 doubling to T2 (RFC 3261 §13.3.1.4)
        assert_eq!(since, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!(world.trace.find("service  BYE")[0].since(repeated[0]), ms(32_000));
        assert!(world.trace.find("service  ACK").is_empty());
        let reason = Some("Q.850;cause=102;text=\"Recovery on timer expiry\"".to_owned());
        assert_eq!(outcome.phone_cause, EndCause::RemoteBye { reason });
    }
}

#[test]
fn the_service_says_why_it_hangs_up() {
    let mut world = World::new(Setup::new(1));
    let set = world.run_to(&Expected::Set);
    let reason =
        |cause: u16, text: &str| EndCause::RemoteBye { reason: Some(format!("Q.850;cause={cause};text=\"{text}\"")) };
    assert_eq!(set.phone_cause, reason(16, "Normal call clearing"));
    let mut world = World::new(Setup::new(1));
    world.run_until_said("greeting").stop_service();
    assert_eq!(world.run().phone_cause, reason(41, "Temporary failure"));
    let mut world = World::new(Setup { longest_call: ms(5000), ..Setup::new(1) });
    assert_eq!(world.run().phone_cause, reason(102, "Recovery on timer expiry"));
}
