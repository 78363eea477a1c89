//! The answers of the last seconds, kept for forms that are sent twice.
//!
//! Queue: a limited number is kept; beyond that, forms are done each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::time::UnixTime;

/// How long an answer is kept: longer than two clicks take, and than the second is on its way.
const KEPT_SECONDS: i64 = 10;
/// The most that are kept.
const ANSWERS: usize = 256;

/// The answers that are kept.
#[derive(Default)]
pub(super) struct Answers(Mutex<HashMap<String, Slot>>);

struct Slot {
    since: UnixTime,
    answer: Waited,
}

/// Locked for as long as the form is being done.
pub(super) type Waited = Arc<tokio::sync::Mutex<Option<Kept>>>;

pub(super) struct Kept {
    pub(super) at: UnixTime,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answers {
    /// The place of this form's answer; `None` when there is no room for one more.
    pub(super) fn place(&self, form: String, now: UnixTime) -> Option<Waited> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| is_fresh(slot.since, now) || Arc::strong_count(&slot.answer) > 1);
        if slots.len() >= ANSWERS && !slots.contains_key(&form) {
            return None;
        }
        let slot = slots.entry(form).or_insert_with(|| Slot { since: now, answer: Waited::default() });
        Some(Arc::clone(&slot.answer))
    }
}

pub(super) fn is_fresh(since: UnixTime, now: UnixTime) -> bool {
    since.holds_at(now, KEPT_SECONDS)
}

impl Kept {
    pub(super) fn response(&self) -> Response {
        (self.status, self.headers.clone(), self.body.clone()).into_response()
    }
}
