//! The subscriber's own password.

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::app::{App, Shared};
use super::handles::{SITE, WorkError};
use super::login::{self, Reason, Verified};
use super::member::Newcomer;
use super::page::{self, Frame};
use super::rules::BrokenRule;
use super::{cookie, recent};
use crate::account::password::hash;
use crate::account::{Credential, PasswordHash, Stage, Verdict};
use crate::secret::Secret;

#[derive(Template)]
#[template(path = "password.html", config = "src/site/askama.toml")]
struct PasswordPage<'a> {
    p: Frame,
    csrf: &'a str,
    stage: Stage,
    fewest: usize,
    most: usize,
    letters_and_digits: bool,
    days: i64,
    current_error: String,
    new_error: String,
    again_error: String,
    recent: Vec<recent::Row>,
}

impl<'a> PasswordPage<'a> {
    fn new(newcomer: &'a Newcomer, app: &App) -> PasswordPage<'a> {
        let mut p = newcomer.frame();
        p.here = "/password".to_owned();
        PasswordPage {
            p,
            csrf: newcomer.csrf(),
            stage: newcomer.session.stage,
            fewest: app.rules.fewest,
            most: app.rules.most,
            letters_and_digits: app.rules.letters_and_digits,
            days: app.rules.valid_seconds / (24 * 60 * 60),
            current_error: String::new(),
            new_error: String::new(),
            again_error: String::new(),
            recent: Vec::new(),
        }
    }

    fn has_error(&self) -> bool {
        [&self.current_error, &self.new_error, &self.again_error].iter().any(|error| !error.is_empty())
    }

    fn is_temporary(&self) -> bool {
        self.stage == Stage::Temporary
    }

    fn is_aged(&self) -> bool {
        self.stage == Stage::Aged
    }

    fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }
}

pub(super) async fn show(State(app): State<Shared>, newcomer: Newcomer) -> Response {
    let mut page = PasswordPage::new(&newcomer, &app);
    if page.is_open() {
        page.recent = match recent::of(&app, &newcomer).await {
            Ok(recent) => recent.lines,
            Err(error) => return page::failed(newcomer.lang, &error),
        };
    }
    page::render(StatusCode::OK, &page)
}

pub(super) async fn change(State(app): State<Shared>, newcomer: Newcomer, body: Bytes) -> Response {
    let fields = match newcomer.form(&body) {
        Ok(fields) => fields,
        Err(forged) => return forged,
    };
    let mut page = PasswordPage::new(&newcomer, &app);
    let (current, new, again) = (fields.secret("current"), fields.secret("new"), fields.secret("again"));
    match replace(&app, &newcomer, current, new, again).await {
        Ok(Outcome::Changed(token)) => {
            let mut response = Redirect::to("/?done=password").into_response();
            cookie::add(&mut response, app.cookies.opening(&token));
            return response;
        }
        Ok(Outcome::WrongCurrent(verdict)) => page.current_error = wrong_current(&newcomer, verdict).to_owned(),
        Ok(Outcome::Unfit(BrokenRule::NotTheSame)) => {
            page.again_error = BrokenRule::NotTheSame.text(&app.rules, newcomer.lang);
        }
        Ok(Outcome::Unfit(fault)) => page.new_error = fault.text(&app.rules, newcomer.lang),
        Err(error) => return page::failed(newcomer.lang, &error),
    }
    page::render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

enum Outcome {
    /// It is set, and this is the token of the session that goes on.
    Changed(String),
    /// The current password is wrong.
    WrongCurrent(Verdict),
    /// The new one breaks a rule.
    Unfit(BrokenRule),
}

async fn replace(
    app: &App,
    newcomer: &Newcomer,
    current: Secret,
    new: Secret,
    again: Secret,
) -> Result<Outcome, WorkError> {
    if new != again {
        return Ok(Outcome::Unfit(BrokenRule::NotTheSame));
    }
    let (rules, contract, candidate) = (app.rules, newcomer.contract.clone(), new.clone());
    // far longer ones are not worth the time of estimating them
    let too_long = new.len() > rules.most.saturating_mul(4);
    let broken = move || if too_long { Some(BrokenRule::TooLong) } else { rules.check(&candidate, &contract) };
    if let Some(fault) = app.handles.hash(broken).await? {
        return Ok(Outcome::Unfit(fault));
    }
    let (unit, number) = (newcomer.session.unit, newcomer.session.number);
    let reason = if newcomer.session.stage == Stage::Temporary { Reason::GoOn } else { Reason::LogIn };
    let Verified { verdict, credential } = login::verify(app, unit, number, current, reason).await?;
    if !verdict.is_open() {
        return Ok(Outcome::WrongCurrent(verdict));
    }
    if let Some(fault) = app
        .handles
        .hash({
            let new = new.clone();
            move || repeated(credential.as_ref(), &new)
        })
        .await?
    {
        return Ok(Outcome::Unfit(fault));
    }
    let (cost, mut salts) = (app.cost, app.draw_generator());
    let hashed = app.handles.hash(move || hash(&new, cost, &mut salts)).await?.map_err(|_| WorkError::Lost)?;
    let now = app.now();
    app.handles.store(move |store| store.set_own_password(unit, number, &hashed, &SITE, now)).await?;
    // every session of the account has ended with that; this browser goes on in a new one
    let token = login::open(app, unit, number, Stage::Open).await?.ok_or(WorkError::Lost)?;
    Ok(Outcome::Changed(token))
}

/// Whether the new password is one that the account has or had.
fn repeated(credential: Option<&Credential>, new: &Secret) -> Option<BrokenRule> {
    let credential = credential?;
    let is = |hash: Option<&PasswordHash>| hash.is_some_and(|hash| hash.matches(new));
    let previous = is(credential.own.as_ref().map(|own| &own.hash)) || is(credential.previous.as_ref());
    let temporary = is(credential.temporary.as_ref().map(|temporary| &temporary.hash));
    temporary.then_some(BrokenRule::Temporary).or(previous.then_some(BrokenRule::Previous))
}

fn wrong_current(newcomer: &Newcomer, verdict: Verdict) -> &'static str {
    if matches!(verdict, Verdict::Locked { .. }) {
        newcomer.lang.say(
            "続けて間違えたため、しばらく変更できません。",
            "After several wrong passwords in a row this is locked for a while.",
        )
    } else {
        newcomer.lang.say("現在のパスワードが正しくありません。", "The current password is wrong.")
    }
}
