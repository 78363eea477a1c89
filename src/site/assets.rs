//! What is no page: the style sheet, the setup of a softphone, and the answer for paths that lead nowhere.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::app::Shared;
use super::member::Visitor;
use super::page;

pub(super) async fn no_such_page(visitor: Visitor) -> Response {
    page::not_found(visitor.lang)
}

pub(super) async fn style() -> Response {
    let mut response = include_str!("site.css").into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    // the same for everybody, so it alone may be kept
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// What Linphone sets itself up from, where there is something to set up.
pub(super) async fn linphone(State(app): State<Shared>, visitor: Visitor) -> Response {
    let Some(xml) = app.linphone.clone() else { return page::not_found(visitor.lang) };
    let mut response = xml.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    response
}
