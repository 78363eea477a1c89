//! What holds for every request and every answer: forms from this origin alone, and the headers that keep browsers to it.

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, STRICT_TRANSPORT_SECURITY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::app::Shared;
use super::cookie::Cookies;
use super::lang::Lang;
use super::language;
use super::page;
use super::page::Problem;

const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
];

pub(super) async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let lang = language::of(request.headers());
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = if safe || is_from_here(request.headers()) {
        next.run(request).await
    } else {
        page::problem(StatusCode::FORBIDDEN, lang, Problem::Forged)
    };
    let mut response = as_page(response, lang);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        // the pages send no such request
        tracing::info!(%method, path, "method not allowed");
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // a document that is no page of this site may have brought its own policy
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
    if app.cookies == Cookies::OverTls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    response
}

/// Turns the framework's own refusals, a word of English each, into pages of this site.
fn as_page(response: Response, lang: Lang) -> Response {
    let status = response.status();
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (status, problem) = match status {
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND => (status, Problem::NotFound),
        StatusCode::PAYLOAD_TOO_LARGE => (status, Problem::TooLarge),
        // a body that broke off, or did not come in time
        StatusCode::BAD_REQUEST => (StatusCode::REQUEST_TIMEOUT, Problem::BrokenOff),
        status if status.is_server_error() => (status, Problem::Store),
        status => (status, Problem::Malformed),
    };
    let mut page = page::problem(status, lang, problem);
    if let Some(allowed) = response.headers().get(ALLOW) {
        page.headers_mut().insert(ALLOW, allowed.clone());
    }
    page
}

/// Browsers say where a form comes from. A client that does not is no browser, and cannot be made to send cookies unawares.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        (Some(_), None) => false,
    }
}
