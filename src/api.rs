//! The local HTTP API by which the network's programs report events: the same as `karipass event` and `karipass route`.
//!
//! ```text
//! POST /v1/events  {"event": "arrival", "caller": "0312345678" | null, "called": "0600001111"}
//!                  {"event": "fault" | "recovery", "number": "0600001111"}          each may have an "id"
//! POST /v1/faxes?caller=0312345678&called=0600001111[&id=…]                         the TIFF as body
//! GET  /v1/route?caller=0312345678&called=0600001111
//! ```
//!
//! A caller from another country is written with `+` (in an address `%2B`) and its country code; `null`, or none, is withheld. Every request needs `Authorization: Bearer TOKEN` (RFC 6750). Answers are JSON objects: 200, or a status with `error`.
//!
//! Architecture invariant: it listens only where a token is configured, on a listener and a thread of its own, apart from
//! the subscribers' site. Queue: one request at a time has the store; a limited number wait for it, and beyond that the
//! answer is 503.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

use crate::account::{Store, StoreError, route};
use crate::event::{Event, EventError, play};
use crate::fax;
use crate::http::{self, LAST_WORDS};
use crate::number::{CallingNumber, PhoneNumber};
use crate::secret::Secret;
use crate::time::UnixTime;

/// Requests that wait for the store.
const WAITING: usize = 64;
const LARGEST_EVENT: usize = 16 * 1024;

/// Everything the API is made of.
pub struct Options {
    /// Where HTTP is listened for. Port 0 is a free one.
    pub listen: SocketAddr,
    /// The bearer token.
    pub token: Secret,
    /// What connections may take.
    pub limits: http::Limits,
    /// The account store.
    pub store: Box<dyn Store>,
    /// The wall clock.
    pub clock: Box<dyn Fn() -> UnixTime + Send + Sync>,
    /// Draws the ids of mails.
    pub ids: Box<dyn Fn() -> u128 + Send + Sync>,
}

/// A running API.
pub struct Api {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct App {
    token: Secret,
    store: Mutex<Box<dyn Store>>,
    places: Semaphore,
    clock: Box<dyn Fn() -> UnixTime + Send + Sync>,
    ids: Box<dyn Fn() -> u128 + Send + Sync>,
}

type Shared = Arc<App>;

/// Binds the address and serves from a thread of its own.
pub fn start(options: Options) -> io::Result<Api> {
    let listener = std::net::TcpListener::bind(options.listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let Options { token, limits, store, clock, ids, .. } = options;
    let app = Arc::new(App { token, store: Mutex::new(store), places: Semaphore::new(WAITING), clock, ids });
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(2).enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let serve = move || {
        runtime.block_on(serve(listener, limits, app, stopped));
        runtime.shutdown_timeout(LAST_WORDS);
    };
    let thread = std::thread::Builder::new().name("api".to_owned()).spawn(serve)?;
    Ok(Api { address, stop: Some(stop), thread: Some(thread) })
}

impl Api {
    /// The address that is listened on, as bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("API panicked");
        }
    }
}

async fn serve(listener: std::net::TcpListener, limits: http::Limits, app: Shared, stopped: oneshot::Receiver<()>) {
    let options = http::Options { tls: None, limits, proxies: Vec::new() };
    match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => http::serve(listener, options, router(app), stopped).await,
        Err(error) => tracing::error!(%error, "API cannot listen"),
    }
}

fn router(app: Shared) -> Router {
    Router::new()
        .route("/v1/events", post(events).layer(DefaultBodyLimit::max(LARGEST_EVENT)))
        .route("/v1/faxes", post(faxes).layer(DefaultBodyLimit::max(fax::LARGEST + 1)))
        .route("/v1/route", get(routes))
        .fallback(|| async { refusal(StatusCode::NOT_FOUND, "there is no such resource") })
        .method_not_allowed_fallback(|| async { refusal(StatusCode::METHOD_NOT_ALLOWED, "not by this method") })
        .layer(middleware::from_fn_with_state(Arc::clone(&app), authenticated))
        .with_state(app)
}

/// Without the token nothing is disclosed, not even which resources there are. Browsers neither show nor keep an answer.
async fn authenticated(state: State<Shared>, request: Request, next: Next) -> Response {
    let mut response = answered(state, request, next).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"api.json\""));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answered(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let presented = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        presented.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let is_right =
        token.is_some_and(|(_, token)| bool::from(token.trim().as_bytes().ct_eq(app.token.expose().as_bytes())));
    if is_right {
        return next.run(request).await;
    }
    let mut response =
        refusal(StatusCode::UNAUTHORIZED, "Authorization: Bearer with the configured api.token is needed");
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
enum EventBody {
    Arrival { caller: Option<CallingNumber>, called: PhoneNumber, id: Option<String> },
    Fault { number: PhoneNumber, id: Option<String> },
    Recovery { number: PhoneNumber, id: Option<String> },
}

async fn events(State(app): State<Shared>, body: Bytes) -> Response {
    let (event, id) = match serde_json::from_slice(&body) {
        Ok(EventBody::Arrival { caller, called, id }) => (Event::Arrival { caller, called }, id),
        Ok(EventBody::Fault { number, id }) => (Event::Fault { number }, id),
        Ok(EventBody::Recovery { number, id }) => (Event::Recovery { number }, id),
        Err(why) => return refusal(StatusCode::BAD_REQUEST, &why.to_string()),
    };
    happen(app, event, id).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parties {
    caller: Option<CallingNumber>,
    called: PhoneNumber,
    id: Option<String>,
}

type PartiesQuery = Result<Query<Parties>, axum::extract::rejection::QueryRejection>;

async fn faxes(State(app): State<Shared>, parties: PartiesQuery, body: Bytes) -> Response {
    match parties {
        Ok(Query(Parties { caller, called, id })) => {
            happen(app, Event::Fax { caller, called, document: body.to_vec() }, id).await
        }
        Err(why) => refusal(StatusCode::BAD_REQUEST, &why.body_text()),
    }
}

async fn routes(State(app): State<Shared>, parties: PartiesQuery) -> Response {
    let Parties { caller, called, .. } = match parties {
        Ok(Query(parties)) => parties,
        Err(why) => return refusal(StatusCode::BAD_REQUEST, &why.body_text()),
    };
    let caller = caller.and_then(CallingNumber::in_japan);
    let found = with_store(app, move |_, store| Ok(route(store, caller, called)?)).await;
    match found {
        Ok(Some(route)) => Json(json!(route)).into_response(),
        Ok(None) => refusal(StatusCode::NOT_FOUND, &format!("{called} is not a contracted number")),
        Err(refused) => refused,
    }
}

async fn happen(app: Shared, event: Event, id: Option<String>) -> Response {
    let played =
        with_store(app, move |app, store| play(store, &event, id.as_deref(), (app.clock)(), &mut || (app.ids)()));
    match played.await {
        Ok(outcome) => Json(json!(outcome)).into_response(),
        Err(refused) => refused,
    }
}

async fn with_store<T: Send + 'static>(
    app: Shared,
    work: impl FnOnce(&App, &mut dyn Store) -> Result<T, EventError> + Send + 'static,
) -> Result<T, Response> {
    let asked = Arc::clone(&app);
    let Ok(_place) = app.places.try_acquire() else { return Err(unavailable("too many requests wait")) };
    let worked = spawn_blocking(move || {
        let mut store = asked.store.lock().unwrap_or_else(PoisonError::into_inner);
        work(&asked, store.as_mut())
    });
    match worked.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(unavailable("the work failed")),
    }
}

fn refused(error: &EventError) -> Response {
    match error {
        EventError::Store(store) if store.is_resource() => {
            tracing::error!(error = %store, "API: the store failed");
            unavailable(&store.to_string())
        }
        EventError::Store(StoreError::NotContracted { .. }) => refusal(StatusCode::NOT_FOUND, &error.to_string()),
        EventError::Store(_) | EventError::NoFaxes(_) => refusal(StatusCode::CONFLICT, &error.to_string()),
        EventError::Fax(_) | EventError::Id => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

fn refusal(status: StatusCode, error: &str) -> Response {
    let body: Value = json!({"error": error});
    (status, Json(body)).into_response()
}

fn unavailable(error: &str) -> Response {
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, error);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
