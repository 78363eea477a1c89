//! 一括転送 for all numbers at once: a CSV to download, to change and to upload, with a preview, all or nothing.

use std::collections::{HashMap, HashSet};

use askama::Template;
use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, RawQuery, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::app::Shared;
use super::field::{Ends, bad_number};
use super::handles::WorkError;
use super::lang::Lang;
use super::member::Member;
use super::page::{self, Frame};
use crate::account::setting::BulkTransfer;
use crate::account::{Effects, Service, Setting, SettingChange, StoreError};
use crate::number::{NumberError, PhoneNumber, hyphenated};

/// The largest upload; 10,000 rows are about 400 KB.
const LARGEST: usize = 4 * 1024 * 1024;
const ROWS: usize = 10_000;
/// The limit of mistakes shown.
const SHOWN: usize = 50;
const HEADING: [&str; 3] = ["電話番号", "転送先", "状態"];

type States = Vec<(PhoneNumber, Setting<BulkTransfer>)>;

pub(super) fn body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(LARGEST)
}

#[derive(Template)]
#[template(path = "bulk_csv.html", config = "src/site/askama.toml")]
struct UploadPage<'a> {
    p: Frame,
    csrf: &'a str,
    mistakes: Vec<Mistake>,
    more_mistakes: usize,
    changes: Vec<Planned>,
    unchanged: usize,
    /// The rows again, for the form that saves them.
    text: String,
    /// What they were compared with.
    seen: String,
}

impl<'a> UploadPage<'a> {
    fn new(member: &'a Member, states: &States) -> UploadPage<'a> {
        UploadPage {
            p: Frame { here: "/bulk-transfer".to_owned(), ..member.frame() },
            csrf: member.csrf(),
            mistakes: Vec::new(),
            more_mistakes: 0,
            changes: Vec::new(),
            unchanged: 0,
            text: String::new(),
            seen: fingerprint(states),
        }
    }
}

struct Mistake {
    line: u64,
    column: String,
    text: String,
}

struct Planned {
    number: String,
    before: String,
    after: String,
}

struct Row {
    number: PhoneNumber,
    destination: Option<PhoneNumber>,
    active: bool,
}

pub(super) async fn download(State(app): State<Shared>, member: Member, RawQuery(query): RawQuery) -> Response {
    let states = match states(&app, &member).await {
        Ok(states) if states.is_empty() => return page::not_found(member.lang),
        Ok(states) => states,
        Err(error) => return page::failed(member.lang, &error),
    };
    let rows = states.iter().map(|(number, setting)| {
        let destination = setting.detail.destination.map(hyphenated).unwrap_or_default();
        [hyphenated(*number), destination, state(setting.active).to_owned()]
    });
    let text = written(rows);
    // without its mark, spreadsheets in Japan do not take a file for UTF-8
    let (charset, bytes) = match query.as_deref() {
        Some("charset=shift_jis") => ("shift_jis", encoding_rs::SHIFT_JIS.encode(&text).0.into_owned()),
        Some(_) | None => ("utf-8", format!("\u{feff}{text}").into_bytes()),
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::try_from(format!("text/csv; charset={charset}; header=present")) {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"bulk-transfer.csv\""));
    response
}

pub(super) async fn upload(State(app): State<Shared>, member: Member, request: Request) -> Response {
    let is_upload = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data"));
    if is_upload {
        match uploaded(request, &app, &member).await {
            Ok(bytes) => match decoded(&bytes) {
                Ok(text) => preview(&app, &member, &text).await,
                Err(line) => undecodable(&app, &member, line).await,
            },
            Err(refused) => refused,
        }
    } else {
        let body = match Bytes::from_request(request, &app).await {
            Ok(body) => body,
            Err(refused) => return refused.into_response(),
        };
        match member.form(&body) {
            Ok(form) => save(&app, &member, form.text("rows"), form.text("seen")).await,
            Err(forged) => forged,
        }
    }
}

/// The file of an upload whose form is of this session.
async fn uploaded(request: Request, app: &Shared, member: &Member) -> Result<Vec<u8>, Response> {
    let malformed = || page::malformed(member.lang);
    let mut parts = Multipart::from_request(request, app).await.map_err(|_| malformed())?;
    let (mut csrf, mut file) = (String::new(), None);
    // too large, or broken off: the guard makes a page of it
    let refused = |error: MultipartError| error.into_response();
    while let Some(part) = parts.next_field().await.map_err(refused)? {
        match part.name() {
            Some("csrf") => csrf = part.text().await.map_err(refused)?,
            Some("file") => file = Some(part.bytes().await.map_err(refused)?.to_vec()),
            Some(_) | None => {}
        }
    }
    member.is_form_of_this_session(&csrf)?;
    file.ok_or_else(malformed)
}

/// UTF-8, with its mark or without, or else Shift_JIS; or the first line that is neither.
fn decoded(bytes: &[u8]) -> Result<String, u64> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.trim_start_matches('\u{feff}').to_owned());
    }
    // no character of Shift_JIS has an end of line within it
    let mut text = String::with_capacity(bytes.len());
    for (line, bytes) in (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let decoded = encoding_rs::SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes);
        text += &decoded.ok_or(line)?;
    }
    Ok(text)
}

async fn undecodable(app: &Shared, member: &Member, line: u64) -> Response {
    let text = member.lang.say(
        "文字コードを読み取れません。UTF-8またはShift_JISで保存してください。",
        "The characters cannot be read. Save the file as UTF-8 or Shift_JIS.",
    );
    match states(app, member).await {
        Ok(states) if states.is_empty() => page::not_found(member.lang),
        Ok(states) => told(member, &states, vec![mistake(line, "", text)]),
        Err(error) => page::failed(member.lang, &error),
    }
}

/// What is set for every number within reach that has the service.
async fn states(app: &Shared, member: &Member) -> Result<States, WorkError> {
    let (numbers, customer_number) = (member.numbers_with(Service::BulkTransfer), member.contract.customer_number);
    let found = app.handles.store(move |store| {
        let set: HashMap<_, _> = store.settings(customer_number, Service::BulkTransfer)?.into_iter().collect();
        let read = |number| set.get(&number).map(|setting| setting.read::<BulkTransfer>().unwrap_or_default());
        Ok(numbers.into_iter().map(|number| (number, read(number).unwrap_or_default())).collect::<States>())
    });
    found.await
}

/// Changes when any of the settings does.
fn fingerprint(states: &States) -> String {
    let revisions = states.iter().map(|(number, setting)| format!("{number}:{}", setting.revision));
    super::member::session_id(&revisions.collect::<Vec<_>>().join(" ")).0
}

async fn preview(app: &Shared, member: &Member, text: &str) -> Response {
    let states = match states(app, member).await {
        Ok(states) if states.is_empty() => return page::not_found(member.lang),
        Ok(states) => states,
        Err(error) => return page::failed(member.lang, &error),
    };
    let mut page = UploadPage::new(member, &states);
    match read(text, &states, app.service_number, member.lang) {
        Ok(rows) => {
            let changes = changes(&rows, &states);
            page.unchanged = rows.len() - changes.len();
            page.changes = changes.iter().map(|(row, before)| planned(row, before, member.lang)).collect();
            page.text = written(changes.iter().map(|(row, _)| {
                [
                    row.number.to_string(),
                    row.destination.map(|n| n.to_string()).unwrap_or_default(),
                    state(row.active).into(),
                ]
            }));
            page::render(StatusCode::OK, &page)
        }
        Err(mistakes) => told(member, &states, mistakes),
    }
}

fn told(member: &Member, states: &States, mut mistakes: Vec<Mistake>) -> Response {
    let more_mistakes = mistakes.len().saturating_sub(SHOWN);
    mistakes.truncate(SHOWN);
    let page = UploadPage { mistakes, more_mistakes, ..UploadPage::new(member, states) };
    page::render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn save(app: &Shared, member: &Member, text: &str, seen: &str) -> Response {
    let states = match states(app, member).await {
        Ok(states) => states,
        Err(error) => return page::failed(member.lang, &error),
    };
    if fingerprint(&states) != seen {
        // changed meanwhile: the changes are shown against what is set now
        return preview(app, member, text).await;
    }
    let Ok(rows) = read(text, &states, app.service_number, member.lang) else {
        return preview(app, member, text).await;
    };
    let mut planned = Vec::new();
    for (row, before) in changes(&rows, &states) {
        let detail = BulkTransfer { destination: row.destination };
        let Ok(detail) = serde_json::to_string(&detail) else { return page::malformed(member.lang) };
        let (number, service) = (row.number, Service::BulkTransfer);
        planned.push(SettingChange { number, service, revision: before.revision, active: row.active, detail });
    }
    let (by, now) = (member.actor(), app.now());
    let effects = Effects { changes: planned, ..Effects::default() };
    match app.handles.store(move |store| store.apply(&effects, &by, now)).await {
        Ok(_) => Redirect::to("/bulk-transfer?done").into_response(),
        Err(WorkError::Store(StoreError::SettingChanged { .. })) => preview(app, member, text).await,
        Err(error) => page::failed(member.lang, &error),
    }
}

/// The rows that are not set that way already, with what is.
fn changes<'a>(rows: &'a [Row], states: &'a States) -> Vec<(&'a Row, &'a Setting<BulkTransfer>)> {
    let before: HashMap<_, _> = states.iter().map(|(number, setting)| (*number, setting)).collect();
    let with = rows.iter().filter_map(|row| Some((row, *before.get(&row.number)?)));
    with.filter(|(row, before)| row.active != before.active || row.destination != before.detail.destination).collect()
}

fn planned(row: &Row, before: &Setting<BulkTransfer>, lang: Lang) -> Planned {
    let shown = |active, destination: Option<PhoneNumber>| {
        let state = if active { lang.say("開始", "Start") } else { lang.say("停止", "Stop") };
        let destination = destination.map_or_else(|| lang.say("転送先なし", "no destination").to_owned(), hyphenated);
        format!("{state} / {destination}")
    };
    Planned {
        number: hyphenated(row.number),
        before: shown(before.active, before.detail.destination),
        after: shown(row.active, row.destination),
    }
}

fn state(active: bool) -> &'static str {
    if active { "開始" } else { "停止" }
}

fn written(rows: impl Iterator<Item = [String; 3]>) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // a vector takes everything
    let _ = writer.write_record(HEADING);
    for row in rows {
        let _ = writer.write_record(row);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// The rows of a file, or everything that is wrong with it.
fn read(text: &str, states: &States, service_number: PhoneNumber, lang: Lang) -> Result<Vec<Row>, Vec<Mistake>> {
    let allowed = Allowed { numbers: states.iter().map(|(number, _)| *number).collect(), service_number };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let (mut rows, mut mistakes, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (place, record) in reader.records().enumerate() {
        let Ok(record) = record else {
            mistakes.push(mistake(place as u64 + 1, "", lang.say("CSVとして読み取れません。", "This is not CSV.")));
            break;
        };
        let line = record.position().map_or(0, |position| line_of(position, text));
        let is_heading = place == 0 && record.get(0).is_some_and(|cell| !cell.contains(|c: char| c.is_numeric()));
        if is_heading || record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() + mistakes.len() >= ROWS {
            mistakes.push(mistake(line, "", lang.say("10,000行までです。", "There may be 10,000 rows at most.")));
            break;
        }
        match row(&record, line, &allowed, lang) {
            Ok(row) if seen.insert(row.number) => rows.push(row),
            Ok(_) => mistakes.push(mistake(
                line,
                HEADING[0],
                lang.say("同じ電話番号が2回あります。", "This number is there twice."),
            )),
            Err(found) => mistakes.extend(found),
        }
    }
    if rows.is_empty() && mistakes.is_empty() {
        mistakes.push(mistake(1, "", lang.say("データの行がありません。", "There are no rows.")));
    }
    if mistakes.is_empty() { Ok(rows) } else { Err(mistakes) }
}

/// The numbers that may be set, and the one that nothing is forwarded to.
struct Allowed {
    numbers: HashSet<PhoneNumber>,
    service_number: PhoneNumber,
}

/// The line where a record begins: the reader's own count stops before the empty lines in front of it.
fn line_of(position: &csv::Position, text: &str) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let before = text.as_bytes().get(start..).unwrap_or_default().iter();
    let empty = before.take_while(|byte| matches!(byte, b'\n' | b'\r')).filter(|byte| **byte == b'\n').count();
    position.line() + empty as u64
}

/// What is wrong with a cell that is no number. Spreadsheets take a number without hyphens for an amount and drop its 0.
fn why_no_number(cell: &str, lang: Lang) -> &'static str {
    match (PhoneNumber::parse(cell), PhoneNumber::parse(&format!("0{cell}"))) {
        (Err(NumberError::NoLeadingZero), Ok(_)) => lang.say(
            "先頭の0がありません。表計算ソフトで消える場合は、06-0000-1111のようにハイフンを入れて入力してください。",
            "The leading 0 is missing. Where a spreadsheet drops it, write the number with hyphens: 06-0000-1111.",
        ),
        _ => bad_number(lang),
    }
}

/// A row, or everything that is wrong with it.
fn row(record: &csv::StringRecord, line: u64, allowed: &Allowed, lang: Lang) -> Result<Row, Vec<Mistake>> {
    let [number_column, destination_column, state_column] = HEADING;
    let cell = |index| record.get(index).unwrap_or_default().trim();
    if record.len() != HEADING.len() {
        let text =
            lang.say("列は3つ（電話番号、転送先、状態）です。", "There are three columns: number, destination, state.");
        return Err(vec![mistake(line, "", text)]);
    }
    let mut mistakes = Vec::new();
    let number = PhoneNumber::parse(cell(0)).ok();
    if number.is_none() {
        mistakes.push(mistake(line, number_column, why_no_number(cell(0), lang)));
    } else if number.is_some_and(|number| !allowed.numbers.contains(&number)) {
        let text = lang.say("このログインでは設定できない番号です。", "This login cannot set this number.");
        mistakes.push(mistake(line, number_column, text));
    }
    let destination = PhoneNumber::parse(cell(1)).ok();
    if destination.is_none() && !cell(1).is_empty() {
        mistakes.push(mistake(line, destination_column, why_no_number(cell(1), lang)));
    }
    if let (Some(own), Some(to)) = (number, destination)
        && let Some(why) = (Ends { own, service_number: allowed.service_number }).why_not(to, lang)
    {
        mistakes.push(mistake(line, destination_column, why));
    }
    let active = match cell(2) {
        "開始" | "start" => true,
        "停止" | "stop" => false,
        _ => {
            let text =
                lang.say("「開始」または「停止」を入力してください。", "Enter 開始 (or start) or 停止 (or stop).");
            mistakes.push(mistake(line, state_column, text));
            false
        }
    };
    if active && cell(1).is_empty() {
        let text = lang.say("開始するには転送先が必要です。", "To start, a destination is needed.");
        mistakes.push(mistake(line, destination_column, text));
    }
    match number {
        Some(number) if mistakes.is_empty() => Ok(Row { number, destination, active }),
        Some(_) | None => Err(mistakes),
    }
}

fn mistake(line: u64, column: &str, text: &str) -> Mistake {
    Mistake { line, column: column.to_owned(), text: text.to_owned() }
}
