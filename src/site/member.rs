//! The author of a request: not logged in ([`Visitor`]), logged in ([`Newcomer`]), or admitted to the services ([`Member`]);
//! and the reach of the login.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use blake2::digest::Digest;
use blake2::digest::consts::U32;
use subtle::ConstantTimeEq;

use super::app::{App, Shared};
use super::field::Fields;
use super::handles::{SITE, WorkError};
use super::lang::Lang;
use super::own_path::is_own_path;
use super::page::{self, Frame, Problem, Who};
use super::{cookie, language};
use crate::account::{Actor, Contract, ContractedNumber, Service, Session, SessionId, Stage};
use crate::hex::hex;
use crate::number::{PhoneNumber, hyphenated};
use crate::unit::Unit;

/// The longest session, however busy.
const LONGEST_SECONDS: i64 = 12 * 60 * 60;

/// Any browser.
pub(super) struct Visitor {
    pub(super) lang: Lang,
    pub(super) here: String,
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Visitor, Infallible> {
        let here = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Visitor { lang: language::of(&parts.headers), here })
    }
}

impl Visitor {
    pub(super) fn frame(&self) -> Frame {
        Frame { lang: self.lang, who: None, here: self.here.clone() }
    }
}

/// A login, at whatever stage.
pub(super) struct Newcomer {
    pub(super) lang: Lang,
    pub(super) session: Session,
    pub(super) contract: Contract,
    csrf: String,
    here: String,
}

impl FromRequestParts<Shared> for Newcomer {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Newcomer, Response> {
        let lang = language::of(&parts.headers);
        let here = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let found = find(app, &parts.headers).await.map_err(|error| page::failed(lang, &error))?;
        let Some(Found { token, session, contract }) = found else {
            let back = if parts.method == Method::GET { here.as_str() } else { "/" };
            return Err(to_login(app, &parts.headers, back));
        };
        Ok(Newcomer { lang, session, contract, csrf: csrf_of(&token), here })
    }
}

/// Leads to the login page, and from there back to where the request was going: links in mails and bookmarks lead into the
/// site. A session that is over is reported there, and its cookie removed.
fn to_login(app: &App, headers: &HeaderMap, back: &str) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let is_top = back == "/" || back.starts_with("/?");
    if !is_top && is_own_path(back) {
        query.append_pair("back", back);
    }
    let back = query.finish();
    if app.cookies.session(headers).is_none() {
        let page = if back.is_empty() { "/login".to_owned() } else { format!("/login?{back}") };
        return Redirect::to(&page).into_response();
    }
    let page = if back.is_empty() { "/login?ended".to_owned() } else { format!("/login?ended&{back}") };
    let mut response = Redirect::to(&page).into_response();
    cookie::add(&mut response, app.cookies.ending());
    response
}

/// A session that is not over.
struct Found {
    token: String,
    session: Session,
    contract: Contract,
}

/// The session that the browser names.
async fn find(app: &Shared, headers: &HeaderMap) -> Result<Option<Found>, WorkError> {
    let Some(token) = app.cookies.session(headers).map(str::to_owned) else { return Ok(None) };
    let (id, now, idle) = (session_id(&token), app.now(), app.idle_seconds);
    let found = app.handles.store(move |store| {
        let Some(session) = store.session(&id)? else { return Ok(None) };
        if session.is_over(now, idle, LONGEST_SECONDS) {
            store.close_session(&id, &SITE, now)?;
            return Ok(None);
        }
        let Some(contract) = store.line_of(session.number)? else { return Ok(None) };
        if now > session.seen_at {
            store.touch_session(&id, now)?;
        }
        Ok(Some((session, contract)))
    });
    Ok(found.await?.map(|(session, contract)| Found { token, session, contract }))
}

impl Newcomer {
    pub(super) fn frame(&self) -> Frame {
        let who = Who {
            unit: unit_title(self.session.unit, self.is_administrator(), self.lang),
            number: hyphenated(self.session.number),
            csrf: self.csrf.clone(),
        };
        Frame { lang: self.lang, who: Some(who), here: self.here.clone() }
    }

    pub(super) fn csrf(&self) -> &str {
        &self.csrf
    }

    /// The form, when it was filled in on a page of this session.
    pub(super) fn form(&self, body: &[u8]) -> Result<Fields, Response> {
        let fields = Fields::parse(body);
        self.is_form_of_this_session(fields.text("csrf"))?;
        Ok(fields)
    }

    /// Refuses a form whose token is not this session's.
    pub(super) fn is_form_of_this_session(&self, token: &str) -> Result<(), Response> {
        if token.as_bytes().ct_eq(self.csrf.as_bytes()).into() {
            Ok(())
        } else {
            Err(page::problem(StatusCode::FORBIDDEN, self.lang, Problem::Forged))
        }
    }

    fn is_administrator(&self) -> bool {
        self.session.number == self.contract.customer_number
    }
}

/// A login whose session is open.
pub(super) struct Member {
    newcomer: Newcomer,
    /// The numbers within reach, with what is contracted for them.
    pub(super) reach: Vec<ContractedNumber>,
}

impl std::ops::Deref for Member {
    type Target = Newcomer;
    fn deref(&self) -> &Newcomer {
        &self.newcomer
    }
}

impl FromRequestParts<Shared> for Member {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Member, Response> {
        let newcomer = Newcomer::from_request_parts(parts, app).await?;
        match newcomer.session.stage {
            Stage::Open => {
                let reach = newcomer.contract.reach(newcomer.session.unit, newcomer.session.number);
                Ok(Member { newcomer, reach })
            }
            Stage::Temporary | Stage::Aged => Err(Redirect::to("/password").into_response()),
        }
    }
}

impl Member {
    /// The numbers within reach that have this service.
    pub(super) fn numbers_with(&self, service: Service) -> Vec<PhoneNumber> {
        self.reach.iter().filter(|own| own.services.has(service)).map(|own| own.number).collect()
    }

    /// The number that is asked for, when it is within reach and has the service; the first such one when none is named.
    pub(super) fn number_for(&self, service: Service, asked: Option<&str>) -> Result<PhoneNumber, Response> {
        let having = self.numbers_with(service);
        let found = match asked {
            None => having.first().copied(),
            Some(text) => PhoneNumber::parse(text).ok().filter(|number| having.contains(number)),
        };
        found.ok_or_else(|| self.not_found())
    }

    /// No such page for this login.
    pub(super) fn not_found(&self) -> Response {
        page::problem_within(self.frame(), StatusCode::NOT_FOUND, Problem::NotFound)
    }

    pub(super) fn actor(&self) -> Actor {
        Actor::Account { unit: self.session.unit, number: self.session.number }
    }
}

/// The id under which the store keeps a browser's token.
pub(super) fn session_id(token: &str) -> SessionId {
    SessionId(hash("session", token))
}

pub(super) fn csrf_of(token: &str) -> String {
    hash("form", token)
}

fn hash(purpose: &str, token: &str) -> String {
    let digest = blake2::Blake2b::<U32>::new().chain_update(purpose).chain_update([0]).chain_update(token).finalize();
    hex(&digest)
}

fn unit_title(unit: Unit, is_administrator: bool, lang: Lang) -> &'static str {
    match (unit, is_administrator) {
        (Unit::Line, _) => lang.say("回線単位", "Line"),
        (Unit::Number, _) => lang.say("電話番号単位", "Number"),
        (Unit::AdminUser, true) => lang.say("管理者", "Administrator"),
        (Unit::AdminUser, false) => lang.say("ユーザー", "User"),
    }
}
