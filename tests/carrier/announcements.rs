//! Early media on the network's line: refusals that are spoken, by an exchange that takes 183 reliably; and the Reasons it gives.

use std::time::Duration;

use karipass::internals::account::{CallRecord, Outcome};
use karipass::internals::sip::endpoint::EndCause;
use karipass::key::Ways;

use crate::line::{Line, order};
use crate::peer::{Invite, Peer, field};

const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

fn withheld() -> Invite {
    Invite { from: ANONYMOUS.to_owned(), identity: "Privacy: id\r\n".to_owned(), ..Invite::default() }
}

fn dial(invite: Invite, pracks: bool) -> Line {
    let mut setup = order(Ways::RFC4733);
    setup.announce_refusals = true;
    let mut peer = Peer::new(invite, setup.manner.clone());
    peer.pracks = pracks;
    Line::with(setup, peer)
}

fn outcome(record: &CallRecord) -> (Outcome, u16) {
    (record.outcome, record.status)
}

#[test]
fn a_withheld_number_hears_of_186_in_early_media_and_then_gets_433() {
    let mut line = dial(withheld(), true);
    let record = line.run();
    assert_eq!(outcome(&record), (Outcome::RefusedWithheld, 433), "{}", line.story());
    assert_eq!(line.peer.heard, ["183 INVITE", "200 PRACK", "433 INVITE"]);
    assert_eq!(line.service.said.iter().map(|(_, said)| said.as_str()).collect::<Vec<_>>(), ["refused-withheld"]);
    assert!(record.answered_at.is_none() && line.peer.refused == Some(433), "unanswered, and so uncharged");
    let progress = &line.peer.progress;
    assert_eq!(field(progress, "Require"), Some("100rel"), "{progress}");
    for exactly in ["a=ptime:20", "a=sendrecv"] {
        assert!(progress.lines().any(|line| line == exactly), "{exactly}: {progress}");
    }
    assert!(progress.contains("RTP/AVP 0"), "{progress}");
}

#[test]
fn each_reason_to_refuse_has_its_prompt() {
    let identified = |identity: &str| Invite { identity: identity.to_owned(), ..Invite::default() };
    for (invite, prompt, status, why) in [
        (
            identified("P-Asserted-Identity: <sip:0699998888@ntt-west.ne.jp>\r\n"),
            "refused-line",
            403,
            Outcome::RefusedUnknownLine,
        ),
        (
            identified("P-Asserted-Identity: <sip:alice@ntt-west.ne.jp>\r\n"),
            "refused-line",
            403,
            Outcome::RefusedUnknownLine,
        ),
        (identified(""), "refused-unidentified", 403, Outcome::RefusedUntrusted),
        (
            identified("P-Asserted-Identity: <sip:0600001111@ntt-west.ne.jp>, <tel:0600002222>\r\n"),
            "refused-unidentified",
            403,
            Outcome::RefusedConflict,
        ),
    ] {
        let mut line = dial(invite, true);
        let record = line.run();
        assert_eq!(outcome(&record), (why, status), "{}", line.story());
        assert_eq!(line.service.said.iter().map(|(_, said)| said.as_str()).collect::<Vec<_>>(), [prompt]);
    }
}

#[test]
fn an_exchange_without_100rel_is_told_in_an_unreliable_183() {
    let mut line = dial(Invite { timers: "k: timer\r\n".to_owned(), ..withheld() }, true);
    assert_eq!(outcome(&line.run()), (Outcome::RefusedWithheld, 433), "{}", line.story());
    assert_eq!(line.peer.heard, ["183 INVITE", "433 INVITE"]);
    assert_eq!((field(&line.peer.progress, "RSeq"), field(&line.peer.progress, "Require")), (None, None));
    assert_eq!(line.service.said.len(), 1);
}

#[test]
fn an_exchange_that_never_acknowledges_the_183_gets_504_after_64_t1() {
    let mut line = dial(withheld(), false);
    assert_eq!(outcome(&line.run()), (Outcome::RefusedWithheld, 504), "{}", line.story());
    assert_eq!(line.service.cause, Some(EndCause::NoPrack));
    assert_eq!(
        line.peer.heard.iter().filter(|heard| *heard == "183 INVITE").count(),
        7,
        "T1 doubling: {:?}",
        line.peer.heard
    );
    assert_eq!(line.service.packets, 0, "nothing is said to nobody");
}

#[test]
fn a_caller_on_hold_is_not_kept_for_ever() {
    let body = b"v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=inactive\r\n";
    let mut line = dial(Invite { body: Some(body.to_vec()), ..withheld() }, true);
    assert_eq!(outcome(&line.run()), (Outcome::RefusedWithheld, 433), "{}", line.story());
    assert_eq!(line.service.packets, 0);
    assert!(line.service.said.is_empty());
}

#[test]
fn a_cancel_in_the_announcement_is_answered_and_its_reason_kept() {
    let mut line = dial(withheld(), true);
    line.run_until_said("refused-withheld");
    line.act(|peer, out| peer.cancel("Reason: Q.850;cause=16;text=\"Normal call clearing\"\r\n", out));
    let record = line.run();
    assert_eq!(outcome(&record), (Outcome::RefusedWithheld, 487), "{}", line.story());
    assert_eq!(record.reason.as_deref(), Some("Q.850;cause=16;text=\"Normal call clearing\""));
    assert_eq!(line.peer.heard[2..], ["200 CANCEL", "487 INVITE"]);
}

#[test]
fn the_reason_of_a_bye_is_kept_and_a_long_one_is_cut() {
    for (reason, kept) in [
        ("Reason: Q.850;cause=16;text=\"正常\"\r\n".to_owned(), Some("Q.850;cause=16;text=\"正常\"".to_owned())),
        (
            format!("Reason: SIP;cause=480;text=\"{}\"\r\n", "x".repeat(1000)),
            Some(format!("SIP;cause=480;text=\"{}", "x".repeat(180))),
        ),
        (String::new(), None),
    ] {
        let mut line = Line::dial(order(Ways::RFC4733), Invite::default());
        line.run_until_said("greeting").act(|peer, out| peer.hang_up_because(&reason, out));
        let record = line.run();
        assert_eq!((record.outcome, record.reason), (Outcome::HungUp, kept));
    }
}

#[test]
fn what_is_reliable_changes_nothing_of_a_call_that_is_served() {
    let mut line = dial(Invite::default(), true);
    let record = line.run();
    assert_eq!(record.outcome, Outcome::Set, "{}", line.story());
    assert_eq!(line.peer.heard, ["200 INVITE", "BYE"]);
    assert!(field(&line.peer.response, "Supported").unwrap().contains("100rel"));
    assert!(field(&line.peer.response, "Allow").unwrap().contains("PRACK"));
    line.run_for(Duration::from_secs(60));
    assert!(line.service.is_idle());
}
