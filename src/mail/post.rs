//! What a sender of mails decides (sans-IO): which mail is next, what is written, whether it may be handed over, and what
//! follows from the mail server's answer. The store and `now` are parameters; the conversation with the mail server, the
//! pauses and the stop are the edge's (`sender`).
//!
//! ```text
//!            poll_output                        handle_offered                     handle_outcome
//! idle ──claim, Offer(letter)──▶ offering ──hand over, Finish──▶ handing over ──────────────▶ entering ──settle──▶ idle
//!   ▲  └─ none due: Pause ─┘         │ └─ refused: handle_outcome ──────────────────────────────▶ │ └ not stored: EnterAgain
//!   └──────────── BreakOff ──────────┘ another sender has it, or a stop
//! ```
//!
//! What the mail server says, and what follows:
//!
//! | outcome | the mail | the sender |
//! |---|---|---|
//! | 250 after the message | sent | goes on |
//! | this recipient refused for now (4xx) | later: 1 min, doubled each time up to 1 h | goes on |
//! | this recipient refused for good (5xx) | failed | goes on |
//! | unreachable, silent, 421, or refuses whatever comes | due in 1 s; its next refusal waits no longer for that | pauses: 2 s, doubled up to 1 min |
//! | falls silent, or the connection is lost, after the message | the same: it may go twice, under one Message-ID | pauses |
//! | refused for now five days after it was written | failed | goes on |
//!
//! What a stop does:
//!
//! | state | at a stop |
//! |---|---|
//! | idle, pausing | over at once |
//! | offering | given back as soon as the mail server answers, or by [`Held::give_back`] when it does not in [`LAST_WORDS`] |
//! | handing over | waited for until the deadline, then left to its claim |
//! | entering | stored first; up to [`LAST_TRIES`] tries, a second apart |
//!
//! When the store fails, the sender pauses, and a mail that it holds is left to its claim.

use std::time::Duration;

use super::letter::Letter;
use super::smtp::Refusal;
use crate::account::mail::{
    AddressConfirmation, CLAIM_SECONDS, Claim, Delivery, LINK_SECONDS, LONGEST_DELAY_SECONDS, Mail, Purpose, TokenHash,
};
use crate::account::{Store, StoreError};
use crate::hex::hex;
use crate::time::UnixTime;

/// How often the store is looked into.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause while the mail server is down.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// After a refusal for the time being: this, doubled each time.
const FIRST_DELAY_SECONDS: i64 = 60;
/// After this a mail that is still refused has failed (RFC 5321 §4.5.4.1).
const GIVEN_UP_SECONDS: i64 = 5 * 24 * 60 * 60;
/// At a stop, how long a mail that may as well stay in the queue is waited for.
pub const LAST_WORDS: Duration = Duration::from_secs(2);
/// How often a mail that went is tried to be entered as sent.
pub(super) const LAST_TRIES: u32 = 10;

/// Everything the decisions are made of.
pub struct Options {
    /// Names the sender in its claims: no two have the same.
    pub name: String,
    /// The sender address: `karipass@example.jp` or `Name <karipass@example.jp>`.
    pub from: String,
    /// The settings site as the links name it: `https://settings.example.jp`.
    pub site: String,
    /// Draws 256 random bits for a link.
    pub token: Box<dyn FnMut() -> [u8; 32] + Send>,
}

/// A sender of mails, one mail at a time.
pub struct Post {
    options: Options,
    state: State,
    stopped: bool,
    /// The next pause in trouble.
    pause: Duration,
}

enum State {
    Idle,
    /// Something failed: idle after a pause.
    Troubled(Trouble),
    Offering(Mail),
    HandingOver(Mail),
    Entering(Entering),
}

/// A mail whose delivery is known and not yet stored.
struct Entering {
    mail: Mail,
    handed_over: bool,
    outcome: Result<(), Refusal>,
    delivery: Delivery,
    tries: u32,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Output {
    /// Offer this to the mail server, up to but not including the end of the message; then [`Post::handle_offered`], or
    /// [`Post::handle_outcome`] when it is refused before.
    Offer(Letter),
    /// An offer is under way: the mail server is awaited.
    Awaiting,
    /// Poll again after this long; a stop cuts it short.
    Pause {
        /// How long.
        length: Duration,
        /// What is wrong, when it is not just that no mail is due.
        trouble: Option<Trouble>,
    },
    /// A mail that went is not entered as sent yet: poll again after this long, stopped or not.
    EnterAgain(Duration),
    /// Stopped, and nothing is held.
    Over,
}

/// Whether the end of a message may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOver {
    /// Send it; then [`Post::handle_outcome`].
    Finish,
    /// Break the connection off: the mail is not to be sent, or not by this sender.
    BreakOff,
}

/// Why sending pauses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trouble {
    /// The mail server does not take mails now.
    #[error("the mail server takes no mails: {0}; they wait")]
    Server(String),
    /// The store failed.
    #[error("{0}")]
    Store(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Store(error.to_string())
    }
}

/// How far the mail in hand has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// The mail server has not taken it.
    #[default]
    Before,
    /// The mail server may have taken it, and it is not entered as sent.
    HandingOver,
}

/// The claim on the mail in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The mail.
    pub id: String,
    by: String,
    due_at: UnixTime,
}

impl Held {
    /// Gives back a mail that will not be handed over any more: others may send it at once. Tells whether the claim held.
    pub fn give_back(&self, store: &mut dyn Store) -> Result<bool, StoreError> {
        let delivery =
            Delivery::Later { due_at: self.due_at, why: "the server that was sending it was stopped".to_owned() };
        store.settle_mail(&self.id, &self.by, &delivery, self.due_at)
    }
}

/// What to do about a sender that was asked to stop and is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtStop {
    /// Ask again after this long.
    Wait(Duration),
    /// [`Held::give_back`] what it holds, and end.
    GiveBack,
    /// End: the mail is sent again when its claim has run out.
    LeaveToClaim,
}

/// Decides about a sender that was asked to stop this long ago, when calls may go on for `drain`.
pub fn at_stop(progress: Progress, waited: Duration, drain: Duration) -> AtStop {
    match progress {
        _ if waited < LAST_WORDS => AtStop::Wait(LAST_WORDS.saturating_sub(waited)),
        Progress::HandingOver if waited < drain => AtStop::Wait(drain.saturating_sub(waited).min(PAUSE)),
        Progress::HandingOver => AtStop::LeaveToClaim,
        Progress::Before => AtStop::GiveBack,
    }
}

impl Post {
    /// A sender that holds nothing.
    pub fn new(options: Options) -> Post {
        Post { options, state: State::Idle, stopped: false, pause: PAUSE }
    }

    /// What is to be done next.
    pub fn poll_output(&mut self, store: &mut dyn Store, now: UnixTime) -> Output {
        loop {
            match std::mem::replace(&mut self.state, State::Idle) {
                State::Idle if self.stopped => return Output::Over,
                State::Idle => match self.begin(store, now) {
                    Ok(Some(letter)) => return Output::Offer(letter),
                    Ok(None) => {
                        self.pause = PAUSE;
                        return Output::Pause { length: PAUSE, trouble: None };
                    }
                    Err(trouble) => self.state = State::Troubled(trouble.into()),
                },
                State::Troubled(_) if self.stopped => return Output::Over,
                State::Troubled(trouble) => {
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                    return Output::Pause { length: self.pause, trouble: Some(trouble) };
                }
                waiting @ (State::Offering(_) | State::HandingOver(_)) => {
                    self.state = waiting;
                    return Output::Awaiting;
                }
                State::Entering(entering) => {
                    if let Some(again) = self.enter(entering, store, now) {
                        return again;
                    }
                }
            }
        }
    }

    /// Everything but the end of the message has been said, and the mail server waits for that.
    pub fn handle_offered(&mut self, store: &mut dyn Store, now: UnixTime) -> HandOver {
        let State::Offering(mail) = std::mem::replace(&mut self.state, State::Idle) else { return HandOver::BreakOff };
        let id = mail.mail.id.as_str();
        if self.stopped {
            if let Err(error) = self.hold(&mail).give_back(store) {
                tracing::warn!(mail = id, %error, "a mail is left to its claim");
            }
            return HandOver::BreakOff;
        }
        match store.hand_over_mail(id, &self.claim(now)) {
            Ok(true) => {
                self.state = State::HandingOver(mail);
                return HandOver::Finish;
            }
            Ok(false) => tracing::warn!(mail = id, "not sent: claimed by another server"),
            Err(error) => self.state = State::Troubled(error.into()),
        }
        HandOver::BreakOff
    }

    /// How the offer ended: the mail server has the mail, or does not take it.
    pub fn handle_outcome(&mut self, outcome: Result<(), Refusal>, now: UnixTime) {
        let (mail, handed_over) = match std::mem::replace(&mut self.state, State::Idle) {
            State::Offering(mail) => (mail, false),
            State::HandingOver(mail) => (mail, true),
            other @ (State::Idle | State::Troubled(_) | State::Entering(_)) => {
                self.state = other;
                return;
            }
        };
        let delivery = delivery(&mail, &outcome, now);
        self.state = State::Entering(Entering { mail, handed_over, outcome, delivery, tries: 0 });
    }

    /// Begins no other mail, and hands over none that is not handed over already.
    pub fn handle_stop(&mut self) {
        self.stopped = true;
    }

    /// The mail in hand.
    pub fn held(&self) -> Option<Held> {
        match &self.state {
            State::Idle | State::Troubled(_) => None,
            State::Offering(mail) | State::HandingOver(mail) => Some(self.hold(mail)),
            State::Entering(entering) => Some(self.hold(&entering.mail)),
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        match &self.state {
            State::HandingOver(_) => Progress::HandingOver,
            State::Entering(entering) if entering.handed_over => Progress::HandingOver,
            State::Idle | State::Troubled(_) | State::Offering(_) | State::Entering(_) => Progress::Before,
        }
    }

    fn hold(&self, mail: &Mail) -> Held {
        Held { id: mail.mail.id.clone(), by: self.options.name.clone(), due_at: mail.due_at }
    }

    fn claim(&self, now: UnixTime) -> Claim {
        Claim { by: self.options.name.clone(), until: now.plus(CLAIM_SECONDS) }
    }

    /// Takes on the next mail.
    fn begin(&mut self, store: &mut dyn Store, now: UnixTime) -> Result<Option<Letter>, StoreError> {
        loop {
            let Some(mail) = store.claim_mail(&self.claim(now), now)? else { return Ok(None) };
            match self.letter(&mail, store, now) {
                Ok(letter) => {
                    if mail.uncertain {
                        tracing::warn!(
                            mail = mail.mail.id,
                            "sent again under the same Message-ID: it may have gone already"
                        );
                    }
                    self.state = State::Offering(mail);
                    return Ok(Some(letter));
                }
                // its number was removed meanwhile: there is nothing left to confirm
                Err(gone @ StoreError::NotContracted { .. }) => {
                    let failed = Delivery::Failed { why: gone.to_string() };
                    store.settle_mail(&mail.mail.id, &self.options.name, &failed, now)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Stores how a mail ended. One that has gone and is not entered would go again, so that is not given up at once.
    fn enter(&mut self, mut entering: Entering, store: &mut dyn Store, now: UnixTime) -> Option<Output> {
        let Entering { mail, delivery, .. } = &entering;
        let id = mail.mail.id.as_str();
        match store.settle_mail(id, &self.options.name, delivery, now) {
            Ok(true) => {
                report(&entering);
                if let (Delivery::Later { .. }, Err(Refusal::Server(why))) = (entering.delivery, entering.outcome) {
                    self.state = State::Troubled(Trouble::Server(why));
                }
            }
            Ok(false) => tracing::warn!(mail = id, "claimed by another server meanwhile: it may go twice"),
            Err(error) if *delivery == Delivery::Sent && entering.tries + 1 < LAST_TRIES => {
                tracing::error!(mail = id, %error, "sent, but not yet recorded as sent");
                entering.tries += 1;
                self.state = State::Entering(entering);
                return Some(Output::EnterAgain(PAUSE));
            }
            Err(error) => self.state = State::Troubled(error.into()),
        }
        None
    }

    /// The mail with its links. A link that confirms an address is drawn here, and only its hash is kept.
    fn letter(&mut self, mail: &Mail, store: &mut dyn Store, now: UnixTime) -> Result<Letter, StoreError> {
        let site = self.options.site.trim_end_matches('/');
        let number = mail.mail.number;
        let link = match mail.mail.purpose {
            Purpose::Arrival => format!("設定の確認と変更: {site}/arrival-mail?number={number}"),
            Purpose::Fault | Purpose::Recovery => format!("設定の確認と変更: {site}/fault-notice?number={number}"),
            Purpose::Fax => format!("FAXの表示とダウンロード: {site}/fax-mail/inbox?number={number}"),
            Purpose::Confirm => {
                let token = hex(&(self.options.token)());
                let confirmation = AddressConfirmation {
                    token: TokenHash::of(&token),
                    number,
                    address: mail.mail.recipient.clone(),
                    expires_at: now.plus(LINK_SECONDS),
                };
                store.offer_confirmation(&confirmation, now)?;
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

/// What follows for a mail from the mail server's answer.
fn delivery(mail: &Mail, outcome: &Result<(), Refusal>, now: UnixTime) -> Delivery {
    let given_up = now >= mail.created_at.plus(GIVEN_UP_SECONDS);
    match outcome {
        Ok(()) => Delivery::Sent,
        Err(Refusal::Never(why)) => Delivery::Failed { why: why.clone() },
        Err(Refusal::Later(why) | Refusal::Server(why)) if given_up => {
            Delivery::Failed { why: format!("given up after five days: {why}") }
        }
        Err(Refusal::Later(why)) => Delivery::Refused { due_at: now.plus(delay(mail.refusals)), why: why.clone() },
        Err(Refusal::Server(why)) => Delivery::Later { due_at: now.plus(1), why: why.clone() },
    }
}

fn report(Entering { mail, delivery, outcome, handed_over, .. }: &Entering) {
    let (id, purpose) = (mail.mail.id.as_str(), mail.mail.purpose.name());
    match (delivery, outcome) {
        (Delivery::Sent, _) => tracing::info!(mail = id, purpose, "sent"),
        (Delivery::Later { .. }, Err(Refusal::Server(_))) if *handed_over => {
            tracing::warn!(mail = id, purpose, "no answer after the message: it is sent again and may go twice");
        }
        // reported with the pause that follows
        (Delivery::Later { .. }, Err(Refusal::Server(_))) => {}
        (Delivery::Refused { why, .. } | Delivery::Later { why, .. }, _) => {
            tracing::info!(mail = id, purpose, why, "not taken yet")
        }
        (Delivery::Failed { why }, _) => tracing::warn!(mail = id, purpose, why, "failed"),
    }
}

/// How many seconds a mail waits that is refused for the time being, as it was this often before.
fn delay(refusals: u32) -> i64 {
    let doubled = FIRST_DELAY_SECONDS.checked_shl(refusals.min(16)).unwrap_or(LONGEST_DELAY_SECONDS);
    doubled.min(LONGEST_DELAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_mail_waits_longer_each_time_up_to_an_hour() {
        assert_eq!([0, 1, 2, 5, 6, 7, 39, u32::MAX].map(delay), [60, 120, 240, 1920, 3600, 3600, 3600, 3600]);
    }

    #[test]
    fn at_a_stop_a_mail_is_waited_for_only_where_it_must_not_be_left() {
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(30));
        for progress in [Progress::Before, Progress::HandingOver] {
            assert_eq!(at_stop(progress, Duration::ZERO, Duration::ZERO), AtStop::Wait(LAST_WORDS));
            assert_eq!(at_stop(progress, short, long), AtStop::Wait(LAST_WORDS - short));
        }
        assert_eq!(at_stop(Progress::Before, LAST_WORDS, long), AtStop::GiveBack);
        assert_eq!(at_stop(Progress::HandingOver, LAST_WORDS, long), AtStop::Wait(PAUSE));
        assert_eq!(at_stop(Progress::HandingOver, long - PAUSE / 2, long), AtStop::Wait(PAUSE / 2));
        assert_eq!(at_stop(Progress::HandingOver, long, long), AtStop::LeaveToClaim);
    }
}
