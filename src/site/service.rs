//! The pages of the services: what is set now, a change, its confirmation, and that it is done.
//!
//! A change is posted twice: with `step=review` it is read and shown against what is set, with `step=save` it is read
//! again and stored. Between the two the page itself carries the fields, so nothing is half-set anywhere; the revision goes
//! along, and a change that is made from what is no longer set is refused.

mod arrival_mail;
pub(super) mod bulk_transfer;
mod fault_notice;
mod fax_mail;
mod voicewarp;

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::app::{App, Shared};
use super::field::{Ends, Field, Fields, Form, Kind as FieldKind, Mistakes, Reader};
use super::handles::WorkError;
use super::lang::Lang;
use super::member::{Member, Visitor};
use super::page::{self, Frame};
use super::{fax, login};
use crate::account::setting::FaxMail;
use crate::account::{Effects, Service, Setting, SettingChange, StoreError};
use crate::number::{PhoneNumber, hyphenated};

/// What a service's page is made of.
trait Settings: Clone + Default + PartialEq + Serialize + DeserializeOwned {
    /// The form filled in with what is set.
    fn fields(&self) -> Fields;
    /// What a form asks for. `before` is what is set.
    fn read(reader: &mut Reader<'_>, active: bool, before: &Self) -> Self;
    /// The form's fields but for start and stop.
    fn form(form: &Form<'_>) -> Vec<Field>;
    /// What is set, for reading.
    fn rows(&self, lang: Lang) -> Vec<Row>;
}

/// A name and what is set under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    name: String,
    values: Vec<String>,
}

impl Row {
    pub(super) fn new(name: &str, values: Vec<String>) -> Row {
        Row { name: name.to_owned(), values }
    }

    pub(super) fn one(name: &str, value: &str) -> Row {
        let values = if value.is_empty() { Vec::new() } else { vec![value.to_owned()] };
        Row::new(name, values)
    }
}

/// A row before and after.
struct Change {
    name: String,
    before: Vec<String>,
    after: Vec<String>,
    differs: bool,
}

/// The services by what is done with them, each with its own type.
struct Kind {
    fields: fn(&Setting<String>) -> Option<Fields>,
    read: fn(&Fields, &Setting<String>, Lang, Ends) -> Option<Read>,
    form: fn(&Form<'_>) -> Vec<Field>,
    rows: fn(bool, &str, Lang) -> Vec<Row>,
}

/// What a form asks for, and what is wrong with it.
type Read = (Draft, Mistakes);

struct Draft {
    active: bool,
    detail: String,
}

fn kind(service: Service) -> Kind {
    match service {
        Service::Voicewarp => kind_of::<crate::account::setting::Voicewarp>(),
        Service::ArrivalMail => kind_of::<crate::account::setting::ArrivalMail>(),
        Service::BulkTransfer => kind_of::<crate::account::setting::BulkTransfer>(),
        Service::FaultNotice => kind_of::<crate::account::setting::FaultNotice>(),
        Service::FaxMail => kind_of::<crate::account::setting::FaxMail>(),
    }
}

fn kind_of<T: Settings>() -> Kind {
    Kind {
        fields: |setting| {
            let setting = setting.read::<T>().ok()?;
            Some(setting.detail.fields().with("active", if setting.active { "start" } else { "stop" }))
        },
        read: |fields, before, lang, ends| {
            let before = before.read::<T>().ok()?;
            let mut reader = Reader::new(fields, lang, ends);
            let active = reader.active();
            let detail = T::read(&mut reader, active, &before.detail);
            Some((Draft { active, detail: serde_json::to_string(&detail).ok()? }, reader.mistakes))
        },
        form: |form| std::iter::once(form.active()).chain(T::form(form)).collect(),
        rows: |active, detail, lang| {
            let state = if active { lang.say("利用中", "On") } else { lang.say("停止中", "Off") };
            let detail = serde_json::from_str::<T>(detail).unwrap_or_default();
            let first = Row::one(lang.say("サービス", "Service"), state);
            std::iter::once(first).chain(detail.rows(lang)).collect()
        },
    }
}

pub(super) fn title(service: Service, lang: Lang) -> &'static str {
    match service {
        Service::Voicewarp => lang.say("ボイスワープ", "Voice Warp"),
        Service::ArrivalMail => lang.say("着信お知らせメール", "Arrival mail"),
        Service::BulkTransfer => lang.say("一括転送", "Bulk forwarding"),
        Service::FaultNotice => lang.say("故障・回復通知", "Fault and recovery notices"),
        Service::FaxMail => lang.say("FAXお知らせメール", "Fax mail"),
    }
}

pub(super) fn what(service: Service, lang: Lang) -> &'static str {
    match service {
        Service::Voicewarp => lang.say("かかってきた電話を別の番号へ転送します。", "Forwards calls to another number."),
        Service::ArrivalMail => lang.say("着信があったことをメールでお知らせします。", "Tells you of calls by mail."),
        Service::BulkTransfer => {
            lang.say("ご契約の番号への電話をまとめて転送します。", "Forwards the calls of all your numbers at once.")
        }
        Service::FaultNotice => lang.say(
            "回線の故障と回復をメールでお知らせします。",
            "Tells you by mail when the line fails and when it is back.",
        ),
        Service::FaxMail => lang.say(
            "受信したFAXをお預かりし、メールでお知らせします。",
            "Keeps received faxes and tells you of them by mail.",
        ),
    }
}

#[derive(Template)]
#[template(path = "service.html", config = "src/site/askama.toml")]
struct ServicePage<'a> {
    p: Frame,
    csrf: &'a str,
    service: Service,
    title: &'static str,
    what: &'static str,
    number: PhoneNumber,
    shown_number: String,
    others: Vec<Other>,
    active: bool,
    rows: Vec<Row>,
    changed_at: String,
    fields: Vec<Field>,
    revision: i64,
    done: bool,
    asked: bool,
    /// What has become of the mail by which an address is confirmed; `None` where none waits for that.
    confirmation: Option<String>,
    /// Whether its mails wait because nothing sends any.
    mails_wait: bool,
    has_mistakes: bool,
    conflict: bool,
}

impl ServicePage<'_> {
    fn has_csv(&self) -> bool {
        self.service == Service::BulkTransfer
    }

    fn has_inbox(&self) -> bool {
        self.service == Service::FaxMail
    }
}

struct Other {
    number: PhoneNumber,
    shown: String,
    here: bool,
}

#[derive(Template)]
#[template(path = "confirm.html", config = "src/site/askama.toml")]
struct ConfirmPage<'a> {
    p: Frame,
    csrf: &'a str,
    service: Service,
    title: &'static str,
    number: PhoneNumber,
    shown_number: String,
    changes: Vec<Change>,
    any: bool,
    fields: Vec<(&'a str, &'a str)>,
}

/// A service that is asked for, of a number that is within reach and has it.
#[derive(Clone, Copy)]
struct Asked {
    service: Service,
    number: PhoneNumber,
    done: bool,
    /// Whether an address was just asked to be confirmed once more.
    again: bool,
}

fn asked(member: &Member, uri: &Uri, form: Option<&Fields>) -> Result<Asked, Response> {
    let not_found = || member.not_found();
    let service: Service = uri.path().trim_start_matches('/').parse().map_err(|_| not_found())?;
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let number = member.number_for(service, query.find("number"))?;
    // a form that names another number than its address is no form of this site
    if let Some(named) = form.and_then(|form| form.find("number")) {
        let same = query.find("number").is_none() || PhoneNumber::parse(named).is_ok_and(|named| named == number);
        let number = member.number_for(service, Some(named))?;
        return if same { Ok(Asked { service, number, done: false, again: false }) } else { Err(not_found()) };
    }
    let has = |name| query.find(name).is_some();
    Ok(Asked { service, number, done: has("done"), again: has("asked") })
}

pub(super) async fn show(State(app): State<Shared>, member: Member, uri: Uri) -> Response {
    let asked = match asked(&member, &uri, None) {
        Ok(asked) => asked,
        Err(not_found) => return not_found,
    };
    match stored(&app, &asked).await {
        Ok(setting) => form_page(&app, &member, &asked, &setting, None, StatusCode::OK).await,
        Err(error) => page::failed(member.lang, &error),
    }
}

async fn stored(app: &Shared, asked: &Asked) -> Result<Setting<String>, WorkError> {
    let (number, service) = (asked.number, asked.service);
    app.handles.store(move |store| store.setting(number, service)).await
}

/// The state now and the form: as it is set, or as it was sent together with what is wrong with it.
async fn form_page(
    app: &Shared,
    member: &Member,
    asked: &Asked,
    setting: &Setting<String>,
    sent: Option<(&Fields, &Mistakes)>,
    status: StatusCode,
) -> Response {
    let (kind, lang, Asked { service, number, done, again }) = (kind(asked.service), member.lang, *asked);
    let Some(set) = (kind.fields)(setting) else {
        tracing::error!(%service, "unreadable setting in the store");
        return page::problem(StatusCode::SERVICE_UNAVAILABLE, lang, page::Problem::Store);
    };
    let address = fax_mail(service, &setting.detail).filter(|set| !set.confirmed).map(|set| set.address);
    let confirmation = match address.filter(|address| !address.is_empty()) {
        Some(address) => match fax::confirmation(app, number, address, lang).await {
            Ok(told) => Some(told),
            Err(error) => return page::failed(lang, &error),
        },
        None => None,
    };
    let nothing = Mistakes::default();
    let (fields, mistakes) = sent.unwrap_or((&set, &nothing));
    let form = Form { fields, mistakes, lang };
    let others = member.numbers_with(service).into_iter();
    let others = others.map(|other| Other { number: other, shown: hyphenated(other), here: other == number });
    let page = ServicePage {
        p: Frame { here: format!("/{service}?number={number}"), ..member.frame() },
        csrf: member.csrf(),
        service,
        title: title(service, lang),
        what: what(service, lang),
        number,
        shown_number: hyphenated(number),
        others: others.collect(),
        active: setting.active,
        rows: (kind.rows)(setting.active, &setting.detail, lang),
        changed_at: setting.changed_at.map(|at| page::local_time(at, lang)).unwrap_or_default(),
        fields: (kind.form)(&form),
        revision: setting.revision,
        done,
        asked: again,
        // what waits for its confirmation says it in its own words
        mails_wait: !app.sends_mail && setting.active && is_told_by_mail(service) && confirmation.is_none(),
        confirmation,
        has_mistakes: !mistakes.is_empty(),
        conflict: status == StatusCode::CONFLICT,
    };
    page::render(status, &page)
}

pub(super) async fn change(
    State(app): State<Shared>,
    visitor: Visitor,
    member: Result<Member, Response>,
    uri: Uri,
    body: Bytes,
) -> Response {
    let member = match member {
        Ok(member) => member,
        Err(refused) => return unless_kept(&app, &visitor, &body, refused),
    };
    let form = match member.form(&body) {
        Ok(form) => form,
        Err(forged) => return forged,
    };
    let asked = match asked(&member, &uri, Some(&form)) {
        Ok(asked) => asked,
        Err(not_found) => return not_found,
    };
    let setting = match stored(&app, &asked).await {
        Ok(setting) => setting,
        Err(error) => return page::failed(member.lang, &error),
    };
    let ends = Ends { own: asked.number, service_number: app.service_number };
    let Some((draft, mistakes)) = (kind(asked.service).read)(&form, &setting, member.lang, ends) else {
        return page::problem(StatusCode::SERVICE_UNAVAILABLE, member.lang, page::Problem::Store);
    };
    if !mistakes.is_empty() {
        let sent = Some((&form, &mistakes));
        return form_page(&app, &member, &asked, &setting, sent, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    if form.text("revision").parse() != Ok(setting.revision) {
        return form_page(&app, &member, &asked, &setting, None, StatusCode::CONFLICT).await;
    }
    match form.text("step") {
        "save" => save(&app, &member, &asked, &setting, draft).await,
        "edit" => form_page(&app, &member, &asked, &setting, Some((&form, &mistakes)), StatusCode::OK).await,
        _ => confirm_page(&member, &asked, &setting, &draft, &form),
    }
}

/// A form that took longer to fill in than its session lasted is kept through the next login.
fn unless_kept(app: &App, visitor: &Visitor, body: &[u8], refused: Response) -> Response {
    let is_to_login = refused.headers().get(LOCATION).is_some_and(|to| to.as_bytes().starts_with(b"/login"));
    let form = Fields::parse(body);
    if !is_to_login || form.text("step").is_empty() {
        return refused;
    }
    login::with_form(app, visitor, &form, &refused)
}

fn confirm_page(member: &Member, asked: &Asked, setting: &Setting<String>, draft: &Draft, form: &Fields) -> Response {
    let (kind, lang) = (kind(asked.service), member.lang);
    let before = (kind.rows)(setting.active, &setting.detail, lang);
    let after = (kind.rows)(draft.active, &draft.detail, lang);
    let change = |(before, after): (Row, Row)| Change {
        differs: before != after,
        name: after.name,
        before: before.values,
        after: after.values,
    };
    let changes: Vec<Change> = before.into_iter().zip(after).map(change).collect();
    let page = ConfirmPage {
        p: Frame { here: format!("/{}?number={}", asked.service, asked.number), ..member.frame() },
        csrf: member.csrf(),
        service: asked.service,
        title: title(asked.service, lang),
        number: asked.number,
        shown_number: hyphenated(asked.number),
        any: changes.iter().any(|change| change.differs),
        changes,
        fields: form.iter().filter(|(name, _)| !matches!(*name, "csrf" | "step" | "number")).collect(),
    };
    page::render(StatusCode::OK, &page)
}

fn is_told_by_mail(service: Service) -> bool {
    match service {
        Service::ArrivalMail | Service::FaultNotice | Service::FaxMail => true,
        Service::Voicewarp | Service::BulkTransfer => false,
    }
}

fn fax_mail(service: Service, detail: &str) -> Option<FaxMail> {
    if service == Service::FaxMail { serde_json::from_str(detail).ok() } else { None }
}

async fn save(app: &Shared, member: &Member, asked: &Asked, setting: &Setting<String>, draft: Draft) -> Response {
    let Asked { service, number, .. } = *asked;
    let revision = setting.revision;
    let before = fax_mail(service, &setting.detail);
    let request = before.zip(fax_mail(service, &draft.detail));
    let mails = request.and_then(|(before, asked)| fax::request(app, number, &before, &asked)).into_iter().collect();
    let change = SettingChange { number, service, revision, active: draft.active, detail: draft.detail };
    let effects = Effects { changes: vec![change], mails, ..Effects::default() };
    let (by, now) = (member.actor(), app.now());
    let saved = app.handles.store(move |store| {
        if !effects.mails.is_empty() && fax::asked_too_often(store, number, now)? {
            return Ok(None);
        }
        store.apply(&effects, &by, now).map(Some)
    });
    match saved.await {
        Ok(None) => fax::too_often(member.lang),
        Ok(Some(_)) => Redirect::to(&format!("/{service}?number={number}&done")).into_response(),
        Err(WorkError::Store(StoreError::SettingChanged { .. })) => match stored(app, asked).await {
            Ok(setting) => form_page(app, member, asked, &setting, None, StatusCode::CONFLICT).await,
            Err(error) => page::failed(member.lang, &error),
        },
        Err(error) => page::failed(member.lang, &error),
    }
}
