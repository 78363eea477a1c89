//! Session descriptions of every kind of brokenness: what each is answered with, and that the line works afterwards.

use std::time::Duration;

use karipass::internals::account::Outcome;
use karipass::key::Ways;

use crate::line::{Line, order};
use crate::peer::Invite;
use crate::support::descriptions::table;

#[test]
fn each_broken_description_gets_its_status_and_is_recorded() {
    let mut complaints = vec![];
    for (body, expected, why) in table() {
        let shown = body.escape_ascii().to_string();
        let status = status_of(Invite { body: Some(body), ..Invite::default() });
        if status != expected {
            complaints.push(format!("{status}, not {expected}: {why}: {shown:.200}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The call's status; one that was answered is heard to begin with the greeting, and hung up.
#[track_caller]
fn status_of(invite: Invite) -> u16 {
    let mut line = Line::dial(order(Ways::RFC4733), invite);
    line.run_for(Duration::from_secs(1));
    if line.peer.refused.is_none() {
        assert!(line.peer.lacking.is_empty(), "{}", line.story());
        line.run_until_said("greeting").act(|peer, out| peer.hang_up(out));
        assert_eq!(line.run().outcome, Outcome::HungUp, "{}", line.story());
        return 200;
    }
    let record = line.run();
    assert_eq!((record.outcome, Some(record.status)), (Outcome::RefusedMedia, line.peer.refused), "{}", line.story());
    record.status
}
