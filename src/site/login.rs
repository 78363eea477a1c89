//! Logging in and out.

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::app::{App, Shared};
use super::field::Fields;
use super::handles::{SITE, WorkError};
use super::lang::Lang;
use super::member::{Newcomer, Visitor, csrf_of, session_id};
use super::own_path::is_own_path;
use super::page::{self, Frame};
use super::{cookie, forwarded, twice};
use crate::account::{Attempt, Credential, Session, Settled, Stage, Verdict};
use crate::http::Peer;
use crate::number::{PhoneNumber, hyphenated};
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::unit::Unit;

/// Longer than any password may be: longer ones are not compared.
const LONGEST: usize = 1024;

#[derive(Template)]
#[template(path = "login.html", config = "src/site/askama.toml")]
struct LoginPage {
    p: Frame,
    once: String,
    unit: Unit,
    number: String,
    notice: String,
    /// Whether the notice is of a session that ended by itself.
    ended: bool,
    error: String,
    number_error: String,
    /// Where it goes on to; empty when that is the top page.
    back: String,
    /// A form that was filled in when the session was over already, under other names.
    kept: Vec<(String, String)>,
}

/// What the names of such fields begin with.
const KEPT: &str = "kept-";

impl LoginPage {
    fn new(app: &App, visitor: &Visitor) -> LoginPage {
        let nothing = String::new;
        let query = Fields::parse(visitor.here.split_once('?').unwrap_or_default().1.as_bytes());
        LoginPage {
            p: visitor.frame(),
            once: twice::once(app),
            unit: Unit::Line,
            number: nothing(),
            notice: nothing(),
            ended: query.find("ended").is_some(),
            error: nothing(),
            number_error: nothing(),
            back: own_path(&query),
            kept: Vec::new(),
        }
    }

    fn is(&self, unit: &str) -> bool {
        self.unit.name() == unit
    }
}

#[derive(Template)]
#[template(path = "help.html", config = "src/site/askama.toml")]
struct HelpPage {
    p: Frame,
    service_number: String,
}

pub(super) async fn show(State(app): State<Shared>, visitor: Visitor) -> Response {
    let mut page = LoginPage::new(&app, &visitor);
    let lang = visitor.lang;
    page.notice = match visitor.here.as_str() {
        "/login?bye" => lang.say("ログアウトしました。", "You are logged out."),
        _ if page.ended => ended(lang),
        _ => "",
    }
    .to_owned();
    page::render(StatusCode::OK, &page)
}

fn ended(lang: Lang) -> &'static str {
    lang.say(
        "一定時間操作がなかったか、パスワードが変更されたため、自動的にログアウトしました。お手数ですが、もう一度ログインしてください。",
        "You were logged out, because you were inactive for a while or the password was changed. Please log in again.",
    )
}

/// The login page for a form whose session was over when it came. The form goes along, so that nothing has to be filled in
/// anew. `refused` is the answer that it replaces.
pub(super) fn with_form(app: &App, visitor: &Visitor, form: &Fields, refused: &Response) -> Response {
    let lang = visitor.lang;
    let mut page =
        LoginPage { p: Frame { here: "/login".to_owned(), ..visitor.frame() }, ..LoginPage::new(app, visitor) };
    page.ended = true;
    page.notice =
        format!("{}{}", ended(lang), lang.say("入力した内容は残っています。", " What you had filled in is kept."));
    page.back = Some(visitor.here.as_str()).filter(|here| is_own_path(here)).unwrap_or_default().to_owned();
    let fields = form.iter().filter(|(name, _)| !matches!(*name, "csrf" | "step"));
    page.kept = fields.map(|(name, value)| (format!("{KEPT}{name}"), value.to_owned())).collect();
    let mut response = page::render(StatusCode::FORBIDDEN, &page);
    response.headers_mut().extend(
        refused
            .headers()
            .iter()
            .filter(|(name, _)| *name == SET_COOKIE)
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    response
}

/// Where a form or an address says that it goes on to.
fn own_path(fields: &Fields) -> String {
    fields.find("back").filter(|path| is_own_path(path)).unwrap_or_default().to_owned()
}

#[derive(Template)]
#[template(path = "resume.html", config = "src/site/askama.toml")]
struct ResumePage {
    p: Frame,
    csrf: String,
    back: String,
    kept: Vec<(String, String)>,
}

pub(super) async fn help(State(app): State<Shared>, visitor: Visitor) -> Response {
    let service_number = hyphenated(app.service_number);
    page::render(StatusCode::OK, &HelpPage { p: visitor.frame(), service_number })
}

pub(super) async fn log_in(
    State(app): State<Shared>,
    visitor: Visitor,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (refusal_time, lang) = ((app.runtime.wait)(app.refusal_after), visitor.lang);
    let mut page =
        LoginPage { p: Frame { here: "/login".to_owned(), ..visitor.frame() }, ..LoginPage::new(&app, &visitor) };
    let from = forwarded::client(peer.ip(), &headers, &app.proxies);
    if let Err(seconds) = app.logins.admit(from, app.now()) {
        tracing::warn!(%from, "login rate limit reached");
        page.error = lang
            .say(
                "ログインの試行が多すぎます。しばらくしてからお試しください。",
                "Too many logins. Please try again later.",
            )
            .to_owned();
        return page::with_retry(page::render(StatusCode::TOO_MANY_REQUESTS, &page), seconds);
    }
    let fields = Fields::parse(&body);
    page.number = fields.text("number").to_owned();
    page.unit = fields.text("unit").parse().unwrap_or(Unit::Line);
    page.back = own_path(&fields);
    let kept = fields.iter().filter(|(name, _)| name.starts_with(KEPT));
    page.kept = kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (Ok(unit), Ok(number)) = (fields.text("unit").parse(), PhoneNumber::parse(fields.text("number"))) else {
        page.number_error = lang
            .say(
                "電話番号を市外局番から10桁または11桁で入力してください。",
                "Enter the number with its area code: 10 or 11 digits.",
            )
            .to_owned();
        return page::render(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let opened = enter(&app, unit, number, fields.secret("password"), &headers).await;
    match opened {
        Ok(Ok(opened)) => welcome(&app, &opened, page),
        Ok(Err(refusal)) => {
            tracing::info!(%from, %unit, "login refused");
            refusal_time.await;
            page.error = refusal.text(lang).to_owned();
            page::render(StatusCode::FORBIDDEN, &page)
        }
        Err(error) => page::failed(lang, &error),
    }
}

/// Why a login is refused, as far as it is disclosed.
enum Refusal {
    /// A wrong password, a locked account and an account that does not exist look the same.
    No,
    /// The temporary password is right, and its 24 hours are over.
    RunOut,
    /// The temporary password is right, and was used before.
    Used,
}

impl Refusal {
    fn text(&self, lang: Lang) -> &'static str {
        match self {
            Refusal::No => lang.say(
                "ログインできませんでした。番号またはパスワードが正しくありません。続けて間違えると、しばらくログインできなくなります。",
                "Login failed. The number or the password is wrong. After several wrong passwords in a row, the login is locked for a while.",
            ),
            Refusal::RunOut => lang.say(
                "仮パスワードの有効期限（24時間）が切れています。もう一度お電話で仮パスワードを設定してください。",
                "The temporary password has run out: it was valid for 24 hours. Please dial again and set a new one.",
            ),
            Refusal::Used => lang.say(
                "この仮パスワードはすでに使用されています。もう一度お電話で仮パスワードを設定してください。",
                "This temporary password has been used already. Please dial again and set a new one.",
            ),
        }
    }
}

/// A session that a login opened.
struct Opened {
    token: String,
    stage: Stage,
}

/// Opens a session for the password, and ends the one that the browser had.
async fn enter(
    app: &App,
    unit: Unit,
    number: PhoneNumber,
    password: Secret,
    headers: &HeaderMap,
) -> Result<Result<Opened, Refusal>, WorkError> {
    let Verified { verdict, credential } = verify(app, unit, number, password, Reason::LogIn).await?;
    tracing::debug!(%unit, %number, verdict = verdict.name(), "login");
    let now = app.now();
    let stage = match verdict {
        Verdict::Temporary => Stage::Temporary,
        Verdict::Own if has_aged(app, credential.as_ref(), now) => Stage::Aged,
        Verdict::Own => Stage::Open,
        Verdict::Expired => return Ok(Err(why_expired(credential.as_ref(), now))),
        Verdict::Wrong | Verdict::Locked { .. } | Verdict::Unknown => return Ok(Err(Refusal::No)),
    };
    if let Some(old) = app.cookies.session(headers).map(session_id) {
        app.handles.store(move |store| store.close_session(&old, &SITE, now)).await?;
    }
    let opened = open(app, unit, number, stage).await?;
    Ok(opened.map(|token| Opened { token, stage }).ok_or(Refusal::Used))
}

/// The token of a new session; `None` when the temporary password was used up meanwhile.
pub(super) async fn open(
    app: &App,
    unit: Unit,
    number: PhoneNumber,
    stage: Stage,
) -> Result<Option<String>, WorkError> {
    let (token, now) = (app.draw_token(), app.now());
    let session = Session { id: session_id(&token), unit, number, stage, created_at: now, seen_at: now };
    let stale = now.plus(-app.idle_seconds);
    let opened = app.handles.store(move |store| store.open_session(&session, stale, &SITE)).await?;
    Ok(opened.then_some(token))
}

/// Why a password is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    LogIn,
    /// A session that the temporary password opened goes on to a password of its own.
    GoOn,
}

/// The verdict on a password, and the credential it was compared with.
pub(super) struct Verified {
    pub(super) verdict: Verdict,
    pub(super) credential: Option<Credential>,
}

/// Compares a password away from the loop and enters the result into the store.
pub(super) async fn verify(
    app: &App,
    unit: Unit,
    number: PhoneNumber,
    password: Secret,
    reason: Reason,
) -> Result<Verified, WorkError> {
    // only a credential that changes while its password is being compared needs another round
    const ROUNDS: usize = 3;
    let password = if password.len() > LONGEST { Secret::new() } else { password };
    for _ in 0..ROUNDS {
        let credential = app.handles.store(move |store| store.credential(unit, number)).await?;
        let (kept, password, cost) = (credential.clone(), password.clone(), app.cost);
        let compare = move || Attempt::compare(unit, number, credential.as_ref(), &password, cost);
        let attempt = app.handles.hash(compare).await?;
        let attempt = if reason == Reason::GoOn { attempt.going_on() } else { attempt };
        let now = app.now();
        if let Settled::Verdict(verdict) = app.handles.store(move |store| store.settle(&attempt, &SITE, now)).await? {
            return Ok(Verified { verdict, credential: kept });
        }
    }
    Ok(Verified { verdict: Verdict::Wrong, credential: None })
}

fn has_aged(app: &App, credential: Option<&Credential>, now: UnixTime) -> bool {
    let own = credential.and_then(|credential| credential.own.as_ref());
    own.is_some_and(|own| own.has_aged(now, app.rules.valid_seconds))
}

fn why_expired(credential: Option<&Credential>, now: UnixTime) -> Refusal {
    match credential.and_then(|credential| credential.temporary.as_ref()) {
        Some(temporary) if temporary.used_at.is_some() && now < temporary.expires_at => Refusal::Used,
        Some(_) | None => Refusal::RunOut,
    }
}

fn welcome(app: &App, Opened { token, stage }: &Opened, page: LoginPage) -> Response {
    let LoginPage { p, back, kept, .. } = page;
    let mut response = match stage {
        Stage::Temporary | Stage::Aged => Redirect::to("/password").into_response(),
        Stage::Open if back.is_empty() => Redirect::to("/").into_response(),
        Stage::Open if kept.is_empty() => Redirect::to(&back).into_response(),
        Stage::Open => {
            let own_name = |(name, value): (String, String)| (name.trim_start_matches(KEPT).to_owned(), value);
            let kept = kept.into_iter().map(own_name).collect();
            let p = Frame { here: back.clone(), ..p };
            page::render(StatusCode::OK, &ResumePage { p, csrf: csrf_of(token), back, kept })
        }
    };
    cookie::add(&mut response, app.cookies.opening(token));
    response
}

pub(super) async fn log_out(State(app): State<Shared>, newcomer: Newcomer, body: Bytes) -> Response {
    if let Err(forged) = newcomer.form(&body) {
        return forged;
    }
    let (id, now) = (newcomer.session.id.clone(), app.now());
    if let Err(error) = app.handles.store(move |store| store.close_session(&id, &SITE, now)).await {
        return page::failed(newcomer.lang, &error);
    }
    let mut response = Redirect::to("/login?bye").into_response();
    cookie::add(&mut response, app.cookies.ending());
    response
}
