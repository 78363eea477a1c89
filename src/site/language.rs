//! The language that a browser has chosen: a cookie, and the switch that sets it.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use super::app::Shared;
use super::cookie::{self, Cookies};
use super::field::Fields;
use super::lang::Lang;
use super::own_path::is_own_path;

const COOKIE: &str = "karipass-language";
const COOKIE_SECONDS: u32 = 365 * 24 * 60 * 60;

/// As the browser's cookie says.
pub(super) fn of(headers: &HeaderMap) -> Lang {
    match cookie::read(headers, COOKIE) {
        Some("en") => Lang::English,
        Some(_) | None => Lang::Japanese,
    }
}

pub(super) async fn switch(State(app): State<Shared>, uri: Uri) -> Response {
    let asked = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let lang = if asked.is("to", "en") { Lang::English } else { Lang::Japanese };
    let back = asked.find("back").filter(|path| is_own_path(path)).unwrap_or("/");
    let mut response = Redirect::to(back).into_response();
    cookie::add(&mut response, set(lang, app.cookies));
    response
}

fn set(lang: Lang, cookies: Cookies) -> String {
    let (code, attribute) = (lang.code(), cookies.attribute());
    format!("{COOKIE}={code}; Path=/; HttpOnly; SameSite=Strict; Max-Age={COOKIE_SECONDS}{attribute}")
}
