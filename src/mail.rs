//! The edge that sends the store's mails through a mail server.
//!
//! ```text
//! store ──claim──▶ letter (subject, text, links) ──SMTP up to the end of the message──▶ hand over ──end──▶ 250 ──▶ settle
//! ```
//!
//! Every step that must not be lost is in the store first, so servers may share it, be killed and start anew: no mail is
//! lost, and none is sent by two of them. What remains is told at [`account::mail`](crate::account::mail): a server that
//! dies, or loses its store, after the mail server has taken a mail and before that is committed leaves a mail that is sent
//! again, with the same Message-ID.
//!
//! Queue: what waits is rows of the store. While the mail server is down one mail at a time is tried, at most a minute
//! apart; a recipient that is refused for the time being waits longer each time, and after five days (RFC 5321 §4.5.4.1) or
//! when refused for good the mail has failed, which `karipass mails` shows and `--retry` undoes.

mod letter;
mod smtp;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::account::mail::{
    AddressConfirmation, Claim, Delivery, LINK_SECONDS, Mail, MailFilter, MailState, Purpose, TokenHash,
};
use crate::account::{Store, StoreError};
use crate::hex::hex;
use crate::time::UnixTime;

pub use letter::Letter;
pub use smtp::{Credentials, Refusal, Security, Server};

/// A claim holds so long; longer than a mail server may be silent in all the steps of a mail.
pub const CLAIM_SECONDS: i64 = 5 * 60;
/// How long the mail server may be silent.
pub const SILENCE: Duration = Duration::from_secs(20);
/// How often the store is looked into.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause while the mail server is down.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// After a refusal for the time being: this, doubled each time.
const FIRST_DELAY_SECONDS: i64 = 60;
const LONGEST_DELAY_SECONDS: i64 = 60 * 60;
/// Then a mail that is still refused has failed.
const GIVEN_UP_SECONDS: i64 = 5 * 24 * 60 * 60;
/// So long a mail that is being sent is waited for at a stop, when it may as well stay in the queue.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// A mail that went but cannot be entered as sent is tried to be entered so often, a second apart, after a stop as well.
const LAST_TRIES: u32 = 10;

/// Everything a sender is made of.
pub struct Options {
    /// Where mails are handed over.
    pub server: Server,
    /// Whom they are from: `karipass@example.jp` or `Name <karipass@example.jp>`.
    pub from: String,
    /// The settings site as the links name it: `https://settings.example.jp`.
    pub site: String,
    /// Reads the wall clock.
    pub clock: Box<dyn Fn() -> UnixTime + Send>,
    /// Draws 256 random bits for a link.
    pub token: Box<dyn FnMut() -> [u8; 32] + Send>,
}

/// A thread that sends mails.
pub struct Sender {
    stop: Stop,
    /// For a mail that the thread is stuck with, and the name it was claimed by.
    spare: Box<dyn Store>,
    name: String,
    wake: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Asks a sender to stop, and knows whether it is where a mail must not be left: the mail server may have it already, and it
/// is not yet entered as sent.
#[derive(Clone, Default)]
pub struct Stop(Arc<Marks>);

#[derive(Default)]
struct Marks {
    asked: AtomicBool,
    handing_over: AtomicBool,
    /// The mail that is being sent, and when it was due.
    claimed: Mutex<Option<(String, UnixTime)>>,
}

impl Stop {
    /// No mail is handed over from now on, but for one that is already.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
    }

    /// Whether it is asked to stop.
    fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    fn is_handing_over(&self) -> bool {
        self.0.handing_over.load(Ordering::SeqCst)
    }

    /// Whether a mail may be handed over. Noted first and asked then, so that whoever asks to stop and finds nothing noted
    /// can rely on it.
    fn begin_hand_over(&self) -> bool {
        self.0.handing_over.store(true, Ordering::SeqCst);
        !self.is_asked()
    }

    fn end_hand_over(&self) {
        self.0.handing_over.store(false, Ordering::SeqCst);
    }

    fn set_claimed(&self, mail: Option<&Mail>) {
        let claimed = mail.map(|mail| (mail.mail.id.clone(), mail.due_at));
        *self.0.claimed.lock().unwrap_or_else(PoisonError::into_inner) = claimed;
    }

    fn claimed(&self) -> Option<(String, UnixTime)> {
        self.0.claimed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Sends mails from a thread of its own until stopped. `spare` is the same store once more: by it a mail is given back that
/// the thread is stuck with.
pub fn start(post: Post, spare: Box<dyn Store>) -> std::io::Result<Sender> {
    let (wake, woken) = mpsc::channel();
    let (stop, name, mut post) = (Stop::default(), post.name.clone(), post);
    let (ending, ended) = mpsc::channel();
    let until = stop.clone();
    let run = move || {
        // told by going, in whatever way the thread ends
        let _ending = ending;
        post.run(&until, &woken);
    };
    let thread = std::thread::Builder::new().name("mail".to_owned()).spawn(run)?;
    Ok(Sender { stop, spare, name, wake: Some(wake), ended, thread: Some(thread) })
}

impl Sender {
    /// What asks it to stop.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Stops. A mail that the mail server may have taken already is waited for, by this deadline; any other is given back to
    /// the queue, however long the mail server keeps it waiting.
    pub fn end(mut self, deadline: Instant) {
        self.finish(deadline);
    }

    fn finish(&mut self, deadline: Instant) {
        self.stop.ask();
        drop(self.wake.take());
        let Some(thread) = self.thread.take() else { return };
        let is_over = |ended: Result<(), RecvTimeoutError>| ended != Err(RecvTimeoutError::Timeout);
        let mut over = is_over(self.ended.recv_timeout(LAST_WORDS));
        while !over && self.stop.is_handing_over() && Instant::now() < deadline {
            over = is_over(self.ended.recv_timeout(PAUSE.min(deadline.saturating_duration_since(Instant::now()))));
        }
        if over && thread.join().is_err() {
            tracing::error!("the mail sender has panicked");
        } else if !over && self.stop.is_handing_over() {
            tracing::warn!("a mail is left to its claim: the mail server does not answer");
        } else if !over {
            self.give_back();
        }
    }

    /// The mail is not handed over, and will not be any more: others may send it at once.
    fn give_back(&mut self) {
        let Some((id, due_at)) = self.stop.claimed() else { return };
        let delivery = Delivery::Later { due_at, why: "the server that was sending it was stopped".to_owned() };
        match self.spare.settle_mail(&id, &self.name, &delivery, due_at) {
            Ok(_) => tracing::warn!(mail = id, "the mail server does not answer; the mail waits for another"),
            Err(error) => tracing::warn!(mail = id, %error, "a mail is left to its claim"),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.finish(Instant::now());
    }
}

/// Sends mails from a store; [`start`] gives it a thread.
pub struct Post {
    /// What it is made of.
    pub options: Options,
    /// Where the mails are.
    pub store: Box<dyn Store>,
    /// Names it in its claims: no two have the same.
    pub name: String,
}

/// Why sending pauses.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The mail server does not take mails now.
    #[error("the mail server takes no mails: {0}; they wait")]
    Server(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Post {
    fn run(&mut self, stop: &Stop, woken: &mpsc::Receiver<()>) {
        let mut pause = PAUSE;
        while !stop.is_asked() {
            match self.send_due(stop) {
                Ok(_) => pause = PAUSE,
                Err(trouble) => {
                    tracing::warn!(%trouble, again_in = ?pause, "mail");
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            match woken.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Sends everything that is due, one after the other; tells how many have gone. Ends early when that does not work, or
    /// when asked to stop.
    pub fn send_due(&mut self, stop: &Stop) -> Result<usize, Trouble> {
        let mut sent = 0;
        while !stop.is_asked() {
            let now = (self.options.clock)();
            let Some(mail) = self.store.claim_mail(&self.claim(now), now)? else { break };
            stop.set_claimed(Some(&mail));
            let result = self.send(&mail, stop);
            stop.set_claimed(None);
            stop.end_hand_over();
            sent += usize::from(result?);
        }
        Ok(sent)
    }

    fn claim(&self, now: UnixTime) -> Claim {
        Claim { by: self.name.clone(), until: now.plus(CLAIM_SECONDS) }
    }

    fn send(&mut self, mail: &Mail, stop: &Stop) -> Result<bool, Trouble> {
        let id = mail.mail.id.as_str();
        if mail.uncertain {
            tracing::warn!(mail = id, "sent again: it may have gone already, under the same Message-ID");
        }
        let letter = self.letter(mail)?;
        let claim = self.claim((self.options.clock)());
        let mut kept = Ok(true);
        let store = &mut self.store;
        let result = self.options.server.deliver(&letter, || {
            if !stop.begin_hand_over() {
                return false;
            }
            kept = store.hand_over_mail(id, &claim);
            matches!(kept, Ok(true))
        });
        if !kept? {
            tracing::warn!(mail = id, "not sent: another server has taken it on");
            return Ok(false);
        }
        let now = (self.options.clock)();
        let given_up = now >= mail.created_at.plus(GIVEN_UP_SECONDS);
        let delivery = match &result {
            Ok(()) => Delivery::Sent,
            Err(Refusal::Never(why)) => Delivery::Failed { why: why.clone() },
            Err(Refusal::Later(why) | Refusal::Server(why)) if given_up => {
                Delivery::Failed { why: format!("given up after five days: {why}") }
            }
            Err(Refusal::Later(why)) => Delivery::Later { due_at: now.plus(delay(mail.attempts)), why: why.clone() },
            Err(Refusal::Server(why)) => Delivery::Later { due_at: now.plus(1), why: why.clone() },
        };
        self.settle(id, &delivery)?;
        let purpose = mail.mail.purpose.name();
        match (&delivery, result) {
            (Delivery::Sent, _) => tracing::info!(mail = id, purpose, "sent"),
            (Delivery::Later { .. }, Err(Refusal::Server(why))) => return Err(Trouble::Server(why)),
            (Delivery::Later { why, .. }, _) => tracing::info!(mail = id, purpose, why, "not taken yet"),
            (Delivery::Failed { why }, _) => tracing::warn!(mail = id, purpose, why, "failed"),
        }
        Ok(delivery == Delivery::Sent)
    }

    /// Enters how it ended. A mail that has gone and is not entered would go again, so that is not given up at once.
    fn settle(&mut self, id: &str, delivery: &Delivery) -> Result<(), StoreError> {
        let mut tries = 1;
        loop {
            let now = (self.options.clock)();
            match self.store.settle_mail(id, &self.name, delivery, now) {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    tracing::warn!(mail = id, "another server has taken it on meanwhile: it may go twice");
                    return Ok(());
                }
                Err(error) if *delivery == Delivery::Sent && tries < LAST_TRIES => {
                    tracing::error!(mail = id, %error, "sent, and not yet entered as sent");
                    std::thread::sleep(PAUSE);
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The mail with its links. A link that confirms an address is drawn here, and only its hash is kept.
    fn letter(&mut self, mail: &Mail) -> Result<Letter, StoreError> {
        let site = self.options.site.trim_end_matches('/');
        let number = mail.mail.number;
        let link = match mail.mail.purpose {
            Purpose::Arrival => format!("設定の確認と変更: {site}/arrival-mail?number={number}"),
            Purpose::Fault | Purpose::Recovery => format!("設定の確認と変更: {site}/fault-notice?number={number}"),
            Purpose::Fax => format!("FAXの表示とダウンロード: {site}/fax-mail/inbox?number={number}"),
            Purpose::Confirm => {
                let token = hex(&(self.options.token)());
                let now = (self.options.clock)();
                let confirmation = AddressConfirmation {
                    token: TokenHash::of(&token),
                    number,
                    address: mail.mail.recipient.clone(),
                    expires_at: now.plus(LINK_SECONDS),
                };
                self.store.offer_confirmation(&confirmation, now)?;
                format!("アドレスの確認: {site}/fax-mail/confirm?token={token}")
            }
        };
        Ok(Letter {
            id: mail.mail.id.clone(),
            from: self.options.from.clone(),
            to: mail.mail.recipient.clone(),
            subject: mail.mail.subject.clone(),
            text: format!("{}\r\n{link}\r\n\r\n{FOOTER}\r\n", mail.mail.body),
            written_at: mail.created_at,
        })
    }
}

const FOOTER: &str = "このメールは自動で送信しています。返信いただいてもお答えできません。";

/// So many mails wait, for a server that is not configured to send them.
pub fn waiting(store: &dyn Store) -> Result<usize, StoreError> {
    Ok(store.mails(&MailFilter { state: Some(MailState::Queued), ..MailFilter::default() })?.len())
}

/// How many seconds a mail waits that was refused for the time being.
fn delay(attempts: u32) -> i64 {
    let doubled = FIRST_DELAY_SECONDS.checked_shl(attempts.saturating_sub(1).min(16)).unwrap_or(LONGEST_DELAY_SECONDS);
    doubled.min(LONGEST_DELAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_mail_waits_longer_each_time_up_to_an_hour() {
        assert_eq!([1, 2, 3, 6, 7, 8, 40, u32::MAX].map(delay), [60, 120, 240, 1920, 3600, 3600, 3600, 3600]);
    }
}
