//! A form that is sent twice is done once, and both times answered with what came of it.
//!
//! Who clicks a button twice has the browser give up the first answer and show the second. That the temporary password has
//! been used, or that somebody else has changed the setting, is nothing to tell somebody who did it a moment ago. So what a
//! form does is done to its end, whether anybody waits for it or not, and its answer is kept for a few seconds for the
//! same form: the same page's, with the same contents, of the same session.
//!
//! Only a form that holds something that nobody but its page knows is answered so: the session's token, the token of a
//! mailed link, or the login page's number. What programs send without one is done each time.
//!
//! Queue: so many answers are kept, each of them small; beyond that, forms are done each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use blake2::digest::Digest;
use blake2::digest::consts::U32;
use rand::Rng;

use super::field::Fields;
use super::lang::Lang;
use super::{App, LARGEST_FORM, Shared, cookie};
use crate::hex::hex;
use crate::time::UnixTime;

/// So long an answer is kept: longer than anybody takes for two clicks, and than a second one is on its way.
const KEPT_SECONDS: i64 = 10;
/// So many are kept.
const ANSWERS: usize = 256;
/// The largest of them.
const LARGEST_ANSWER: u64 = 64 * 1024;
/// The fields by which a form shows from which page it is.
const OF_ITS_PAGE: [&str; 3] = ["csrf", "token", ONCE];

/// The field of a login page that no other login page has.
pub(super) const ONCE: &str = "once";

/// A value for [`ONCE`].
pub(super) fn once() -> String {
    let mut random = [0u8; 16];
    rand::rng().fill_bytes(&mut random);
    hex(&random)
}

/// The answers that are kept.
#[derive(Default)]
pub(super) struct Answers(Mutex<HashMap<String, Slot>>);

struct Slot {
    since: UnixTime,
    answer: Waited,
}

/// Locked for as long as the form is being done.
type Waited = Arc<tokio::sync::Mutex<Option<Kept>>>;

struct Kept {
    at: UnixTime,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answers {
    /// The place of this form's answer; `None` when there is no room for one more.
    fn place(&self, form: String, now: UnixTime) -> Option<Waited> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| is_fresh(slot.since, now) || Arc::strong_count(&slot.answer) > 1);
        if slots.len() >= ANSWERS && !slots.contains_key(&form) {
            return None;
        }
        let slot = slots.entry(form).or_insert_with(|| Slot { since: now, answer: Waited::default() });
        Some(Arc::clone(&slot.answer))
    }
}

fn is_fresh(since: UnixTime, now: UnixTime) -> bool {
    (since..since.plus(KEPT_SECONDS)).contains(&now)
}

impl Kept {
    fn response(&self) -> Response {
        (self.status, self.headers.clone(), self.body.clone()).into_response()
    }
}

pub(super) async fn answer_once(State(app): State<Shared>, request: Request, next: Next) -> Response {
    if !is_small_form(&request) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let read = Bytes::from_request(Request::from_parts(parts.clone(), body), &app).await;
    let body = match read {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    let place = named(&app, &parts.headers, parts.uri.to_string(), &body)
        .and_then(|form| app.answers.place(form, (app.clock)()));
    let request = Request::from_parts(parts, Body::from(body));
    let Some(place) = place else { return next.run(request).await };
    let mut place = place.lock_owned().await;
    if let Some(kept) = place.as_ref().filter(|kept| is_fresh(kept.at, (app.clock)())) {
        return kept.response();
    }
    // a browser that gives up its connection does not break off what it has begun
    let done = tokio::spawn(async move {
        let (kept, response) = kept(&app, next.run(request).await).await;
        *place = kept;
        response
    });
    done.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn is_small_form(request: &Request) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    *request.method() == Method::POST
        && text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
        && length.is_some_and(|length| length <= LARGEST_FORM)
}

/// What the form is known by; `None` when it changes nothing, or does not show from which page it is.
fn named(app: &App, headers: &HeaderMap, address: String, body: &[u8]) -> Option<String> {
    let fields = Fields::parse(body);
    // what is only shown is shown as it is now
    let only_shows = matches!(fields.text("step"), "review" | "edit");
    if only_shows || OF_ITS_PAGE.iter().all(|name| fields.text(name).is_empty()) {
        return None;
    }
    // a login has a new session by the time of its second answer
    let session = if fields.text(ONCE).is_empty() { cookie::session(headers, app.secure) } else { None };
    let mut digest = blake2::Blake2b::<U32>::new();
    for part in [address.as_bytes(), Lang::of(headers).code().as_bytes(), session.unwrap_or_default().as_bytes(), body]
    {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    Some(hex(&digest.finalize()))
}

/// The answer, and the same to be kept, when it would be no other the next time.
async fn kept(app: &App, response: Response) -> (Option<Kept>, Response) {
    let status = response.status();
    let is_for_now =
        status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let is_small = response.body().size_hint().upper().is_some_and(|size| size <= LARGEST_ANSWER);
    if is_for_now || !is_small {
        return (None, response);
    }
    let (parts, body) = response.into_parts();
    // a page is in memory as a whole
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return (None, StatusCode::INTERNAL_SERVER_ERROR.into_response());
    };
    let kept = Kept { at: (app.clock)(), status, headers: parts.headers.clone(), body: body.clone() };
    (Some(kept), Response::from_parts(parts, Body::from(body)))
}
