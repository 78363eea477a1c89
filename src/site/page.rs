//! What all pages share: the frame around them, and the pages for what went wrong.

use askama::Template;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::handles::WorkError;
use super::lang::Lang;
use crate::account::StoreError;
use crate::time::UnixTime;

/// The frame around a page.
pub(super) struct Frame {
    pub(super) lang: Lang,
    /// The login, with the token for its logout form.
    pub(super) who: Option<Who>,
    /// Where the language switch comes back to.
    pub(super) here: String,
}

pub(super) struct Who {
    pub(super) unit: &'static str,
    pub(super) number: String,
    pub(super) csrf: String,
}

impl Frame {
    pub(super) fn say<'a>(&self, japanese: &'a str, english: &'a str) -> &'a str {
        self.lang.say(japanese, english)
    }

    /// Where the language switch comes back to, as a value in its address.
    pub(super) fn back(&self) -> String {
        form_urlencoded::byte_serialize(self.here.as_bytes()).collect()
    }
}

/// A page with this status.
pub(super) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "page template failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What a page is about instead of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// There is no such page, or it is not for this login. Which of the two is not disclosed.
    NotFound,
    /// A form that was not filled in here, or was made for an older session.
    Forged,
    /// The store has no room, or is locked, or gone.
    Store,
    /// Too much is going on.
    Busy,
    /// A form that no page of this site makes.
    Malformed,
    /// More than is taken.
    TooLarge,
    /// A form of which not everything came.
    BrokenOff,
    /// As many mails have gone out as may in an hour.
    TooManyMails,
}

#[derive(Template)]
#[template(path = "problem.html", config = "src/site/askama.toml")]
struct ProblemPage<'a> {
    p: Frame,
    title: &'a str,
    text: &'a str,
}

pub(super) fn problem(status: StatusCode, lang: Lang, problem: Problem) -> Response {
    problem_within(Frame { lang, who: None, here: String::new() }, status, problem)
}

/// The same within a login, with its logout form.
pub(super) fn problem_within(frame: Frame, status: StatusCode, problem: Problem) -> Response {
    let lang = frame.lang;
    let (title, text) = match problem {
        Problem::NotFound => (
            lang.say("ページが見つかりません", "Page not found"),
            lang.say(
                "このページは存在しないか、ご契約内容またはログインの範囲ではご利用になれません。",
                "There is no such page, or it is not available with your contract or login.",
            ),
        ),
        Problem::Forged => (
            lang.say("操作を確認できませんでした", "This request could not be verified"),
            lang.say(
                "画面が古くなっている可能性があります。設定は変更されていません。トップページからもう一度操作してください。",
                "The page may be out of date. Nothing was changed. Please start again from the top page.",
            ),
        ),
        Problem::Store => (
            lang.say("ただいまご利用になれません", "Temporarily unavailable"),
            lang.say(
                "設定を読み書きできませんでした。設定は変更されていません。しばらくしてからもう一度操作してください。",
                "The settings could not be read or written. Nothing was changed. Please try again later.",
            ),
        ),
        Problem::TooManyMails => (
            lang.say("確認メールの送信回数が上限に達しました", "Too many confirmation mails"),
            lang.say(
                "1時間に送信できる確認メールは10通までです。設定は変更されていません。時間をおいてもう一度操作してください。",
                "At most 10 confirmation mails go out in an hour. Nothing was changed. Please try again later.",
            ),
        ),
        Problem::Busy => (
            lang.say("ただいま混み合っています", "Too busy right now"),
            lang.say("しばらくしてからもう一度操作してください。", "Please try again in a moment."),
        ),
        Problem::Malformed => (
            lang.say("送信された内容を読み取れませんでした", "The form could not be read"),
            lang.say(
                "設定は変更されていません。トップページからもう一度操作してください。",
                "Nothing was changed. Please start again from the top page.",
            ),
        ),
        Problem::TooLarge => (
            lang.say("データが大きすぎます", "Too much data"),
            lang.say(
                "送信されたデータが大きすぎるため、受け付けられませんでした。設定は変更されていません。",
                "What was sent is too large to be taken. Nothing was changed.",
            ),
        ),
        Problem::BrokenOff => (
            lang.say("送信が完了しませんでした", "The form did not arrive"),
            lang.say(
                "データをすべて受信できませんでした。設定は変更されていません。通信の状態を確認して、もう一度操作してください。",
                "Not everything arrived. Nothing was changed. Please check your connection and try again.",
            ),
        ),
    };
    render(status, &ProblemPage { p: Frame { here: "/".to_owned(), ..frame }, title, text })
}

pub(super) fn not_found(lang: Lang) -> Response {
    problem(StatusCode::NOT_FOUND, lang, Problem::NotFound)
}

pub(super) fn malformed(lang: Lang) -> Response {
    problem(StatusCode::UNPROCESSABLE_ENTITY, lang, Problem::Malformed)
}

/// The page for failed work.
pub(super) fn failed(lang: Lang, error: &WorkError) -> Response {
    match error {
        // the number or its service was removed while the form was open
        WorkError::Store(StoreError::NotContracted { .. } | StoreError::ServiceNotContracted { .. }) => not_found(lang),
        WorkError::Busy => with_retry(problem(StatusCode::SERVICE_UNAVAILABLE, lang, Problem::Busy), 5),
        WorkError::Store(_) | WorkError::Lost => {
            tracing::error!(%error, "settings site: the store or a hasher failed");
            with_retry(problem(StatusCode::SERVICE_UNAVAILABLE, lang, Problem::Store), 30)
        }
    }
}

pub(super) fn with_retry(mut response: Response, seconds: i64) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// A time of day in Japan.
pub(super) fn local_time(at: UnixTime, lang: Lang) -> String {
    match lang {
        Lang::Japanese => at.in_japan(),
        Lang::English => at.in_japan_for_english(),
    }
}
