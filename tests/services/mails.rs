//! Mails on their way out: what they say, and that none is lost or sent twice.

use karipass::internals::account::Store;
use karipass::internals::account::mail::{Claim, Delivery, Mail, MailFilter, MailState};
use karipass::internals::event::Event;
use karipass::internals::mail::{CLAIM_SECONDS, Ports};

use super::sink::Sink;
use super::world::*;

fn queue(world: &World, addresses: &[&str]) {
    let mut store = world.store();
    arrival_mail(&mut store, LINE, addresses);
    happen(&mut store, &arrival(Some("0312345678"), LINE), 0).unwrap();
}

fn mails(world: &World) -> Vec<Mail> {
    world.store().mails(&MailFilter::default()).unwrap()
}

fn states(world: &World) -> Vec<MailState> {
    mails(world).iter().map(|mail| mail.state).collect()
}

#[test]
fn an_arrival_mail_says_who_called_whom_and_when() {
    let (world, sink) = (all_services(), Sink::start());
    queue(&world, &["a@example.jp"]);
    assert_eq!(send_due(&world, sink.address, 0), Ok(1));
    let mail = sink.received().remove(0);
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("karipass@example.jp", "a@example.jp"));
    assert!(mail.data.is_ascii());
    assert_eq!(mail.subject(), "【karipass】着信のお知らせ 06-0000-1111");
    let text = mail.text();
    // 1800000000 is 2027-01-15 08:00:00 UTC
    for told in [
        "06-0000-1111 に着信がありました",
        "着信日時: 2027年1月15日 17:00",
        "発信者番号: 03-1234-5678",
        "https://settings.example.jp/arrival-mail?number=0600001111",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let sent = mails(&world).remove(0);
    assert_eq!((sent.state, sent.settled_at, sent.mail.body.as_str()), (MailState::Sent, Some(at(0)), ""));
    assert_eq!(send_due(&world, sink.address, 1000), Ok(0), "once");
}

#[test]
fn fault_and_recovery_mails_name_contractor_site_and_what_becomes_of_forwarding() {
    let (world, sink) = (all_services(), Sink::start());
    let mut store = world.store();
    bulk_transfer(&mut store, LINE, false, Some("0312345678"));
    fault_notice(&mut store, LINE, true, true);
    happen(&mut store, &Event::Fault { number: number(LINE) }, 0).unwrap();
    assert_eq!(send_due(&world, sink.address, 0), Ok(1));
    happen(&mut store, &Event::Recovery { number: number(LINE) }, 3600).unwrap();
    assert_eq!(send_due(&world, sink.address, 3600), Ok(1));
    let [fault, recovery] = <[_; 2]>::try_from(sink.received()).unwrap();
    assert_eq!(fault.subject(), "【karipass】故障発生のお知らせ 06-0000-1111");
    assert_eq!(recovery.subject(), "【karipass】故障回復のお知らせ 06-0000-1111");
    for told in ["株式会社サンプル 様", "大阪本社ビル 3階", "自動で開始しました（転送先 03-1234-5678）", "17:00"]
    {
        assert!(fault.text().contains(told), "{told}: {}", fault.text());
    }
    for told in ["株式会社サンプル 様", "自動で停止しました", "18:00"] {
        assert!(recovery.text().contains(told), "{told}: {}", recovery.text());
    }
}

#[test]
fn while_the_mail_server_is_down_mails_wait_and_go_when_it_is_back() {
    let world = all_services();
    let address = {
        let gone = Sink::start();
        gone.address
    };
    queue(&world, &["a@example.jp", "b@example.jp"]);
    for second in 0..5 {
        let down = send_due(&world, address, second).unwrap_err();
        assert!(down.contains("they wait"), "{down}");
    }
    assert_eq!(states(&world), [MailState::Queued; 2]);
    assert!(mails(&world).iter().any(|mail| mail.problem.is_some()));
    let sink = Sink::start();
    assert_eq!(send_due(&world, sink.address, 10), Ok(2));
    let to: Vec<String> = sink.received().into_iter().map(|mail| mail.to).collect();
    assert_eq!((to.len(), states(&world)), (2, vec![MailState::Sent; 2]));
}

#[test]
fn what_met_no_mail_server_makes_no_later_refusal_wait_longer() {
    let world = all_services();
    let gone = Sink::start().address;
    queue(&world, &["later@example.jp"]);
    for second in 0..8 {
        send_due(&world, gone, second).unwrap_err();
    }
    let sink = Sink::start();
    send_due(&world, sink.address, 10).unwrap();
    let mail = mails(&world).remove(0);
    assert!(mail.problem.unwrap().contains("greylisted"));
    assert_eq!((mail.due_at, mail.attempts, mail.refusals), (at(10 + 60), 9, 1), "its first refusal waits a minute");
}

#[test]
fn a_refused_recipient_holds_up_no_other() {
    let (world, sink) = (all_services(), Sink::start());
    queue(&world, &["later@example.jp", "never@example.jp", "a@example.jp"]);
    assert_eq!(send_due(&world, sink.address, 0), Ok(1));
    let of = |to: &str| mails(&world).into_iter().find(|mail| mail.mail.recipient == to).unwrap();
    let (later, never) = (of("later@example.jp"), of("never@example.jp"));
    assert_eq!((later.state, later.due_at, later.attempts), (MailState::Queued, at(60), 1));
    assert!(later.problem.unwrap().contains("greylisted"));
    assert_eq!((never.state, of("a@example.jp").state), (MailState::Failed, MailState::Sent));
    assert!(never.problem.unwrap().contains("no such mailbox"));
    assert_eq!(send_due(&world, sink.address, 59), Ok(0));
    assert_eq!(of("later@example.jp").attempts, 1, "not before its time");
    send_due(&world, sink.address, 60).unwrap();
    assert_eq!(of("later@example.jp").due_at, at(60 + 120), "twice as long");
    // after five days it has failed, and is not lost even then
    send_due(&world, sink.address, 5 * 86_400).unwrap();
    assert_eq!(of("later@example.jp").state, MailState::Failed);
    assert_eq!(world.store().retry_failed_mails(at(5 * 86_400)).unwrap(), 2);
    assert_eq!(of("never@example.jp").state, MailState::Queued);
}

#[test]
fn a_mail_server_that_closes_down_refuses_no_mail_by_that() {
    let (world, sink) = (all_services(), Sink::start());
    queue(&world, &["closing@example.jp"]);
    assert!(send_due(&world, sink.address, 0).unwrap_err().contains("they wait"));
    let mail = mails(&world).remove(0);
    assert_eq!((mail.state, mail.due_at), (MailState::Queued, at(1)), "due as soon as the server is back");
}

#[test]
fn two_servers_on_one_store_send_each_mail_once() {
    let (world, sink) = (all_services(), Sink::start());
    let mut store = world.store();
    arrival_mail(&mut store, LINE, &["a@example.jp", "b@example.jp", "c@example.jp", "d@example.jp", "e@example.jp"]);
    for _ in 0..6 {
        happen(&mut store, &arrival(None, LINE), 0).unwrap();
    }
    let sent: usize = std::thread::scope(|scope| {
        let senders: Vec<_> = ["one", "two", "three"]
            .map(|name| (post(name), world.store(), mail_server(sink.address)))
            .into_iter()
            .map(|(mut post, mut store, server)| scope.spawn(move || send(&mut post, &mut store, &server, 0).unwrap()))
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    let mut ids: Vec<String> = sink.received().iter().map(super::sink::Received::message_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((sent, ids.len(), sink.received().len()), (30, 30, 30));
}

/// A server that dies leaves its claim behind.
fn claimed(world: &World, by: &str, second: i64) -> (Mail, Claim) {
    let claim = Claim { by: by.to_owned(), until: at(second + CLAIM_SECONDS) };
    (world.store().claim_mail(&claim, at(second)).unwrap().expect("a mail"), claim)
}

#[test]
fn a_server_that_dies_before_it_hands_over_leaves_the_mail_to_the_next() {
    let (world, sink) = (all_services(), Sink::start());
    queue(&world, &["a@example.jp"]);
    let (_, claim) = claimed(&world, "dead", 0);
    assert_eq!(send_due(&world, sink.address, CLAIM_SECONDS - 1), Ok(0), "it may be at it still");
    assert_eq!(send_due(&world, sink.address, CLAIM_SECONDS), Ok(1));
    // were it alive after all, it would be told to let go before it could send
    let id = mails(&world)[0].mail.id.clone();
    assert!(!world.store().hand_over_mail(&id, &claim).unwrap());
    assert!(!world.store().settle_mail(&id, "dead", &Delivery::Sent, at(400)).unwrap());
    assert_eq!(sink.received().len(), 1);
}

#[test]
fn a_server_that_dies_between_the_answer_and_its_commit_sends_the_same_message_id_again() {
    let (world, sink) = (all_services(), Sink::start());
    queue(&world, &["a@example.jp"]);
    let (mail, claim) = claimed(&world, "dies", 0);
    assert!(world.store().hand_over_mail(&mail.mail.id, &claim).unwrap());
    // it reached the mail server under this Message-ID, and the commit never came
    let id = format!("<{}@example.jp>", mail.mail.id);
    assert_eq!(send_due(&world, sink.address, CLAIM_SECONDS), Ok(1));
    assert_eq!(sink.received()[0].message_id(), id);
    assert_eq!(states(&world), [MailState::Sent]);
}

#[test]
fn a_mail_server_that_takes_a_mail_and_falls_silent_gets_the_same_message_again() {
    let (world, sink) = (all_services(), Sink::start());
    queue(&world, &["mute@example.jp"]);
    assert!(send_due(&world, sink.address, 0).is_err());
    assert!(send_due(&world, sink.address, 1).is_err());
    let received = sink.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].message_id(), received[1].message_id());
    assert_eq!(states(&world), [MailState::Queued], "not lost");
}

#[test]
fn a_started_sender_sends_what_is_queued_later() {
    let (world, sink) = (all_services(), Sink::start());
    let (store, spare) = (Box::new(world.store()), Box::new(world.store()));
    let ports = Ports { server: mail_server(sink.address), clock: Box::new(|| at(100)), store, spare };
    let sender = karipass::internals::mail::start(post("post"), ports).unwrap();
    queue(&world, &["a@example.jp"]);
    let start = std::time::Instant::now();
    while sink.received().is_empty() {
        assert!(start.elapsed().as_secs() < 60, "nothing was sent");
        std::thread::yield_now();
    }
    drop(sender);
    assert_eq!(states(&world), [MailState::Sent]);
}

#[test]
fn sent_mails_are_forgotten_after_thirty_days() {
    let (world, sink) = (all_services(), Sink::start());
    queue(&world, &["a@example.jp"]);
    assert_eq!(send_due(&world, sink.address, 0), Ok(1));
    happen(&mut world.store(), &arrival(None, LINE), 31 * 86_400).unwrap();
    assert_eq!(send_due(&world, sink.address, 31 * 86_400), Ok(1));
    assert_eq!(mails(&world).len(), 1);
}
