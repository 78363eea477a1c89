//! The inbox of received faxes, and the confirmation of the address that is notified of them.

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use super::app::{App, Shared};
use super::field::Fields;
use super::handles::WorkError;
use super::lang::Lang;
use super::member::{Member, Visitor};
use super::page::{self, Frame};
use crate::account::fax::Fax;
use crate::account::mail::{LINK_SECONDS, Mail, MailFilter, MailState, NewMail, Purpose, TokenHash};
use crate::account::setting::FaxMail;
use crate::account::{Effects, Service, Store, StoreError};
use crate::event;
use crate::fax;
use crate::number::{CallingNumber, PhoneNumber, hyphenated};
use crate::time::UnixTime;

/// The hourly limit of confirmation mails for a number: the form must not serve to flood a stranger's mailbox.
const CONFIRMATIONS_AN_HOUR: usize = 10;
const HOUR_SECONDS: i64 = 60 * 60;
/// For PDF viewers in browsers, which need more than the pages do.
const FOR_PDF: &str =
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "fax_inbox.html", config = "src/site/askama.toml")]
struct InboxPage<'a> {
    p: Frame,
    csrf: &'a str,
    number: PhoneNumber,
    shown_number: String,
    faxes: Vec<Row>,
    /// What is about to be deleted, rather than everything that is there.
    deleting: bool,
    deleted: bool,
    /// Whether nothing was marked to be deleted.
    unmarked: bool,
}

struct Row {
    id: i64,
    received: String,
    from: String,
    pages: u32,
    size: String,
    viewed: bool,
}

impl Row {
    fn new(fax: &Fax, lang: Lang) -> Row {
        Row {
            id: fax.id,
            received: page::local_time(fax.received_at, lang),
            from: fax.caller.map_or_else(|| lang.say("非通知", "withheld").to_owned(), CallingNumber::shown),
            pages: fax.pages,
            size: format!("{} KB", fax.size.div_ceil(1024)),
            viewed: fax.viewed_at.is_some(),
        }
    }
}

pub(super) async fn inbox(State(app): State<Shared>, member: Member, uri: Uri) -> Response {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let number = match member.number_for(Service::FaxMail, query.find("number")) {
        Ok(number) => number,
        Err(not_found) => return not_found,
    };
    match app.handles.store(move |store| store.faxes(number)).await {
        Ok(faxes) => list(&member, number, &faxes, Listing::Inbox, &query),
        Err(error) => page::failed(member.lang, &error),
    }
}

/// What a list of faxes is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listing {
    Inbox,
    ToDelete,
}

fn list(member: &Member, number: PhoneNumber, faxes: &[Fax], listing: Listing, query: &Fields) -> Response {
    let page = InboxPage {
        p: Frame { here: format!("/fax-mail/inbox?number={number}"), ..member.frame() },
        csrf: member.csrf(),
        number,
        shown_number: hyphenated(number),
        faxes: faxes.iter().map(|fax| Row::new(fax, member.lang)).collect(),
        deleting: listing == Listing::ToDelete,
        deleted: query.find("deleted").is_some(),
        unmarked: query.find("unmarked").is_some(),
    };
    page::render(StatusCode::OK, &page)
}

/// A form of this session, and the number within reach that it is about.
fn asked(member: &Member, body: &[u8]) -> Result<(Fields, PhoneNumber), Response> {
    let form = member.form(body)?;
    let number = member.number_for(Service::FaxMail, form.find("number"))?;
    Ok((form, number))
}

/// Deletes what was marked, after it was shown once more.
pub(super) async fn delete(State(app): State<Shared>, member: Member, body: Bytes) -> Response {
    let (form, number) = match asked(&member, &body) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let ids: Vec<i64> =
        form.iter().filter(|(name, _)| *name == "fax").filter_map(|(_, id)| id.trim().parse().ok()).collect();
    let inbox = format!("/fax-mail/inbox?number={number}");
    if ids.is_empty() {
        return Redirect::to(&format!("{inbox}&unmarked")).into_response();
    }
    if !form.is("step", "delete") {
        return match app.handles.store(move |store| store.faxes(number)).await {
            Ok(mut faxes) => {
                faxes.retain(|fax| ids.contains(&fax.id));
                list(&member, number, &faxes, Listing::ToDelete, &Fields::default())
            }
            Err(error) => page::failed(member.lang, &error),
        };
    }
    let (by, now) = (member.actor(), app.now());
    match app.handles.store(move |store| store.delete_faxes(number, &ids, &by, now)).await {
        Ok(_) => Redirect::to(&format!("{inbox}&deleted")).into_response(),
        Err(error) => page::failed(member.lang, &error),
    }
}

/// A fax as TIFF, as it was received, or as PDF, to be seen in the browser or kept as a file.
pub(super) async fn document(State(app): State<Shared>, member: Member, uri: Uri) -> Response {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let number = match member.number_for(Service::FaxMail, query.find("number")) {
        Ok(number) => number,
        Err(not_found) => return not_found,
    };
    let (Ok(id), is_pdf) = (query.text("id").parse::<i64>(), query.is("as", "pdf")) else {
        return member.not_found();
    };
    let (by, now) = (member.actor(), app.now());
    let tiff = match app.handles.store(move |store| store.open_fax(number, id, &by, now)).await {
        Ok(Some((_, tiff))) => tiff,
        Ok(None) => return member.not_found(),
        Err(error) => return page::failed(member.lang, &error),
    };
    let bytes = if is_pdf {
        match app.handles.hash(move || fax::read(&tiff).map(|document| fax::to_pdf(&document))).await {
            Ok(Ok(pdf)) => pdf,
            Ok(Err(error)) => {
                tracing::error!(fax = id, %error, "unreadable fax in the store");
                return page::problem(StatusCode::SERVICE_UNAVAILABLE, member.lang, page::Problem::Store);
            }
            Err(error) => return page::failed(member.lang, &error),
        }
    } else {
        tiff
    };
    let (kind, ending) = if is_pdf { ("application/pdf", "pdf") } else { ("image/tiff", "tif") };
    let place = if is_pdf && query.find("download").is_none() { "inline" } else { "attachment" };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(disposition) = HeaderValue::try_from(format!("{place}; filename=\"fax-{id}.{ending}\"")) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    if is_pdf {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FOR_PDF));
    }
    response
}

/// The mail that has to go out when this is set: the request to confirm an address that is not.
pub(super) fn request(app: &App, number: PhoneNumber, before: &FaxMail, asked: &FaxMail) -> Option<NewMail> {
    let is_new = !asked.confirmed && !asked.address.is_empty() && asked.address != before.address;
    is_new.then(|| new_request(number, &asked.address, app.draw_id()))
}

fn new_request(number: PhoneNumber, address: &str, id: u128) -> NewMail {
    event::confirmation(number, address, &mut || id)
}

/// The state of the newest confirmation mail to this address.
pub(super) async fn confirmation(
    app: &App,
    number: PhoneNumber,
    address: String,
    lang: Lang,
) -> Result<String, WorkError> {
    let filter = MailFilter { number: Some(number), purpose: Some(Purpose::Confirm), ..MailFilter::default() };
    let mails = app.handles.store(move |store| store.mails(&filter)).await?;
    let newest = mails.into_iter().filter(|mail| mail.mail.recipient == address).max_by_key(|mail| mail.created_at);
    Ok(state_of(newest.as_ref(), app.sends_mail, app.now(), lang))
}

fn state_of(mail: Option<&Mail>, sends_mail: bool, now: UnixTime, lang: Lang) -> String {
    let at = |at: Option<UnixTime>| at.map(|at| page::local_time(at, lang)).unwrap_or_default();
    let text = match mail.map(|mail| (mail.state, mail)) {
        None => lang.say(
            "メールアドレスはまだ確認されていません。確認メールをお送りください。",
            "The mail address is not confirmed yet. Please have the confirmation mail sent.",
        ),
        Some((MailState::Sent, mail)) if mail.settled_at.is_some_and(|sent| !sent.holds_at(now, LINK_SECONDS)) => lang.say(
            "確認メールのリンクの有効期限（24時間）が切れました。確認メールをもう一度お送りください。",
            "The link in the confirmation mail has run out after 24 hours. Please have the mail sent again.",
        ),
        Some((MailState::Sent, mail)) => {
            let sent = at(mail.settled_at);
            return match lang {
                Lang::Japanese => format!(
                    "確認メールを送信しました（{sent}）。24時間以内にメールのリンクを開くと、お知らせが届くようになります。"
                ),
                Lang::English => {
                    format!("The confirmation mail was sent on {sent}. Open its link within 24 hours to be told of faxes.")
                }
            };
        }
        Some((MailState::Failed, _)) => lang.say(
            "確認メールをお届けできませんでした。メールアドレスをご確認のうえ、もう一度お送りください。",
            "The confirmation mail could not be delivered. Please check the address and have it sent again.",
        ),
        Some((MailState::Queued, _)) if !sends_mail => lang.say(
            "メールの送信がまだ設定されていないため、確認メールはお送りしていません。送信できるようになりしだい、自動でお送りします。くわしくはご契約の窓口へお問い合わせください。",
            "The confirmation mail has not been sent, because sending mails is not set up here yet. It goes out by itself once it is. Please ask your carrier.",
        ),
        Some((MailState::Queued, mail)) if mail.problem.is_some() => lang.say(
            "確認メールをまだお送りできていません。メールサーバーが受け付けしだい、自動でお送りします。",
            "The confirmation mail could not be sent yet. It goes out by itself as soon as the mail server takes it.",
        ),
        Some((MailState::Queued, _)) => lang.say(
            "確認メールの送信を待っています。まもなくお送りします。24時間以内にメールのリンクを開くと、お知らせが届くようになります。",
            "The confirmation mail is about to be sent. Open its link within 24 hours to be told of faxes.",
        ),
    };
    text.to_owned()
}

/// Whether the hourly limit of confirmation mails is reached.
pub(super) fn asked_too_often(store: &dyn Store, number: PhoneNumber, now: UnixTime) -> Result<bool, StoreError> {
    let filter = MailFilter {
        number: Some(number),
        purpose: Some(Purpose::Confirm),
        since: Some(now.plus(-HOUR_SECONDS)),
        ..MailFilter::default()
    };
    let asked = store.mails(&filter)?;
    Ok(asked.iter().filter(|mail| mail.created_at.holds_at(now, HOUR_SECONDS + 1)).count() >= CONFIRMATIONS_AN_HOUR)
}

pub(super) fn too_often(lang: Lang) -> Response {
    page::with_retry(page::problem(StatusCode::TOO_MANY_REQUESTS, lang, page::Problem::TooManyMails), HOUR_SECONDS)
}

/// Sends the request to confirm once more.
pub(super) async fn ask_again(State(app): State<Shared>, member: Member, body: Bytes) -> Response {
    enum Asked {
        Yes,
        Nobody,
        TooOften,
    }
    let number = match asked(&member, &body) {
        Ok((_, number)) => number,
        Err(refused) => return refused,
    };
    let (by, now, id) = (member.actor(), app.now(), app.draw_id());
    let asked = app.handles.store(move |store| {
        let set = store.setting(number, Service::FaxMail)?.read::<FaxMail>().map(|set| set.detail).unwrap_or_default();
        if set.confirmed || set.address.is_empty() {
            return Ok(Asked::Nobody);
        }
        if asked_too_often(store, number, now)? {
            return Ok(Asked::TooOften);
        }
        let effects = Effects { mails: vec![new_request(number, &set.address, id)], ..Effects::default() };
        store.apply(&effects, &by, now).map(|_| Asked::Yes)
    });
    match asked.await {
        Ok(Asked::Yes) => Redirect::to(&format!("/fax-mail?number={number}&asked")).into_response(),
        Ok(Asked::Nobody) => Redirect::to(&format!("/fax-mail?number={number}")).into_response(),
        Ok(Asked::TooOften) => too_often(member.lang),
        Err(error) => page::failed(member.lang, &error),
    }
}

#[derive(Template)]
#[template(path = "fax_confirm.html", config = "src/site/askama.toml")]
struct ConfirmPage {
    p: Frame,
    token: String,
    number: String,
    address: String,
    state: Link,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Offered,
    Used,
    Dead,
}

impl ConfirmPage {
    fn is_offered(&self) -> bool {
        self.state == Link::Offered
    }

    fn is_done(&self) -> bool {
        self.state == Link::Used
    }
}

/// The page behind the mailed link. Mail scanners open links too, so it only asks, and a button confirms.
pub(super) async fn confirm_page(State(app): State<Shared>, visitor: Visitor, uri: Uri) -> Response {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let token = query.text("token").to_owned();
    let (hash, now) = (TokenHash::of(&token), app.now());
    match app.handles.store(move |store| store.offered_confirmation(&hash, now)).await {
        Ok(Some(offered)) => answer(&visitor, Link::Offered, token, Some((offered.number, offered.address))),
        Ok(None) => answer(&visitor, Link::Dead, String::new(), None),
        Err(error) => page::failed(visitor.lang, &error),
    }
}

/// The link itself is the permission: there is no login, and no session to forge a form for.
pub(super) async fn confirm(State(app): State<Shared>, visitor: Visitor, body: Bytes) -> Response {
    let form = Fields::parse(&body);
    let (hash, now) = (TokenHash::of(form.text("token")), app.now());
    match app.handles.store(move |store| store.confirm_address(&hash, now)).await {
        Ok(Some(used)) => answer(&visitor, Link::Used, String::new(), Some((used.number, used.address))),
        Ok(None) => answer(&visitor, Link::Dead, String::new(), None),
        Err(error) => page::failed(visitor.lang, &error),
    }
}

fn answer(visitor: &Visitor, state: Link, token: String, about: Option<(PhoneNumber, String)>) -> Response {
    let (number, address) = about.map(|(number, address)| (hyphenated(number), address)).unwrap_or_default();
    // the token goes nowhere else, not even into the language switch
    let p = Frame { here: "/".to_owned(), ..visitor.frame() };
    let status = if state == Link::Dead { StatusCode::NOT_FOUND } else { StatusCode::OK };
    page::render(status, &ConfirmPage { p, token, number, address, state })
}
