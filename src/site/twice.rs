//! A double click: a form that is sent twice is done once, and both times answered with its one result.
//!
//! At a double click the browser gives up the first answer and shows the second. "The temporary password has been used" or
//! "the setting was changed meanwhile" would be a wrong answer to the very person who did it a moment ago. So a form is done
//! to its end even when its connection is gone, and its answer is kept for a few seconds (`answers`) for the same form: of
//! the same page, with the same contents, in the same session.
//!
//! This needs a field that only the page itself knows: the session's token, the token of a mailed link, or the number drawn
//! for each login page. A form without one, as programs send it, is done each time.

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use blake2::digest::Digest;
use blake2::digest::consts::U32;

use super::answers::{Kept, is_fresh};
use super::app::{App, LARGEST_FORM, Shared};
use super::field::Fields;
use super::language;
use crate::hex::hex;

/// The largest answer that is kept.
const LARGEST_ANSWER: u64 = 64 * 1024;
/// The fields by which a form shows from which page it is.
const OF_ITS_PAGE: [&str; 3] = ["csrf", "token", ONCE];

/// The field of a login page that no other login page has.
pub(super) const ONCE: &str = "once";

/// A value for [`ONCE`].
pub(super) fn once(app: &App) -> String {
    format!("{:032x}", app.draw_id())
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
    let place =
        named(&app, &parts.headers, parts.uri.to_string(), &body).and_then(|form| app.answers.place(form, app.now()));
    let request = Request::from_parts(parts, Body::from(body));
    let Some(place) = place else { return next.run(request).await };
    let mut place = place.lock_owned().await;
    if let Some(kept) = place.as_ref().filter(|kept| is_fresh(kept.at, app.now())) {
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
    let session = if fields.text(ONCE).is_empty() { app.cookies.session(headers) } else { None };
    let mut digest = blake2::Blake2b::<U32>::new();
    for part in
        [address.as_bytes(), language::of(headers).code().as_bytes(), session.unwrap_or_default().as_bytes(), body]
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
    let kept = Kept { at: app.now(), status, headers: parts.headers.clone(), body: body.clone() };
    (Some(kept), Response::from_parts(parts, Body::from(body)))
}
