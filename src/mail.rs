//! Mails on their way out, from the store to a mail server.
//!
//! ```text
//! store ──claim──▶ letter (subject, text, links) ──SMTP up to the end of the message──▶ hand over ──end──▶ 250 ──▶ settle
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `post` | the core: what is sent, when, and what follows from each answer, in virtual time |
//! | `letter` | a mail as it goes over the line |
//! | `sender` | the edge: a thread, its pauses and its stop |
//! | `smtp` | the edge: the conversation with the mail server |
//!
//! Every step that must not be lost is in the store first, so servers may share it, be killed and start anew: no mail is
//! lost, and none is sent by two of them. What remains is described at [`account::mail`](crate::account::mail): a server
//! that dies, or loses its store, after the mail server has taken a mail and before that is committed leaves a mail that is
//! sent again, with the same Message-ID.
//!
//! Queue: what waits is rows of the store. While the mail server is down one mail at a time is tried, at most a minute
//! apart; a recipient that is refused for the time being waits longer each time, and after five days (RFC 5321 §4.5.4.1) or
//! when refused for good the mail has failed, which `karipass mails` shows and `--retry` undoes.

mod letter;
mod post;
mod sender;
mod smtp;

use crate::account::mail::{MailFilter, MailState};
use crate::account::{Store, StoreError};

pub use crate::account::mail::CLAIM_SECONDS;
pub use letter::Letter;
pub use post::{AtStop, HandOver, Held, LAST_WORDS, Options, Output, Post, Progress, Trouble, at_stop};
pub use sender::{Ports, Sender, Stop, start};
pub use smtp::{Credentials, Offered, Refusal, SILENCE, Server};

/// How many mails wait, for a server that is not configured to send them.
pub fn waiting(store: &dyn Store) -> Result<usize, StoreError> {
    Ok(store.mails(&MailFilter { state: Some(MailState::Queued), ..MailFilter::default() })?.len())
}
