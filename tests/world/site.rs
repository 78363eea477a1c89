//! The settings site's pages, answered without sockets: requests at the same instant have their work with the store and with hashes done in
//! an order that is drawn.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use karipass::internals::account::Store;
use karipass::internals::account::password::Cost;
use karipass::internals::site::{PageOptions, Pages, Rules, Runtime, Security, Work};
use karipass::number::PhoneNumber;
use karipass::time::{Moment, UnixTime};
use karipass::unit::Unit;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::disk::{Disk, START};
use crate::support::{STRANGER, number};

/// Turns after which a request should have been answered.
const TURNS: u32 = 2000;

/// The pages, and what runs them.
pub struct Site {
    pages: Pages,
    tokio: tokio::runtime::Runtime,
    work: Kept,
    clock: Arc<AtomicI64>,
}

/// An answer, as far as a browser looks at it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub location: String,
    /// The session's cookie, when one was set.
    pub cookie: Option<String>,
    pub text: String,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Work>>>);

impl Site {
    pub fn open(disk: &Disk, random: StdRng) -> Site {
        let work = Kept::default();
        let kept = work.clone();
        let aside = move |work| kept.0.lock().unwrap_or_else(PoisonError::into_inner).push(work);
        let runtime = Runtime { aside: Arc::new(aside), ..Runtime::immediate() };
        let clock = Arc::new(AtomicI64::new(START.0));
        let (reads, draws) = (Arc::clone(&clock), Mutex::new(random));
        let handles = disk.opener();
        let options = PageOptions {
            security: Security::Plain,
            service_number: number("0664806430"),
            open_store: Box::new(move || Ok(Box::new(handles()) as Box<dyn Store>)),
            cost: Cost::CHEAP,
            hashers: 2,
            clock: Arc::new(move || UnixTime(reads.load(Ordering::SeqCst))),
            random: Arc::new(move || draws.lock().unwrap_or_else(PoisonError::into_inner).random()),
            rules: Rules::default(),
            idle_seconds: 900,
            logins_per_minute: 1000,
            proxies: vec![],
            refusal_after: Duration::ZERO,
            sends_mail: true,
            linphone: None,
        };
        let pages = Pages::new(options, runtime).unwrap();
        let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Site { pages, tokio, work, clock }
    }

    /// Logs in, as often as `times` says, all at once.
    pub fn log_in(
        &mut self,
        now: Moment,
        random: &mut StdRng,
        (unit, number): (Unit, PhoneNumber),
        password: &str,
        times: usize,
    ) -> Vec<Answer> {
        // each form is one that was never sent before: what is sent again gets the answer of the first time
        let mut form = || format!("once={}&unit={unit}&number={number}&password={password}", random.random::<u64>());
        let posts = (0..times).map(|_| post("/login", "", form())).collect();
        self.answer(now, random, posts)
    }

    pub fn get(&mut self, now: Moment, random: &mut StdRng, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path).header(HOST, "localhost").header(COOKIE, cookie).body(Body::empty()).unwrap();
        self.answer(now, random, vec![request]).remove(0)
    }

    pub fn post(&mut self, now: Moment, random: &mut StdRng, path: &str, cookie: &str, form: String) -> Answer {
        self.answer(now, random, vec![post(path, cookie, form)]).remove(0)
    }

    fn answer(&mut self, now: Moment, random: &mut StdRng, requests: Vec<Request<Body>>) -> Vec<Answer> {
        self.clock.store(now.wall.0, Ordering::SeqCst);
        let Site { pages, tokio, work, .. } = self;
        let from = SocketAddr::new(STRANGER, 5000);
        tokio.block_on(async {
            let mut asked: Vec<_> =
                requests.into_iter().map(|request| Some(Box::pin(pages.answer(request, from)))).collect();
            let mut answers: Vec<Option<Answer>> = asked.iter().map(|_| None).collect();
            for _ in 0..TURNS {
                for index in 0..asked.len() {
                    let Some(request) = &mut asked[index] else { continue };
                    if let Poll::Ready(response) = once(request.as_mut()).await {
                        answers[index] = Some(read(response).await);
                        asked[index] = None;
                    }
                }
                if asked.iter().all(Option::is_none) {
                    break;
                }
                tokio::task::yield_now().await;
                work.do_one(random);
            }
            answers.into_iter().map(|answer| answer.expect("a request is answered")).collect()
        })
    }
}

/// Polls once, with a waker that counts.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

async fn read(response: axum::http::Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let cookie: String = header(SET_COOKIE).split(';').next().unwrap_or_default().to_owned();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: parts.status.as_u16(),
        location: header(LOCATION),
        cookie: (cookie.starts_with("karipass-session=") && !cookie.ends_with('=')).then_some(cookie),
        text: String::from_utf8_lossy(&body).into_owned(),
    }
}

fn post(path: &str, cookie: &str, form: String) -> Request<Body> {
    Request::post(path)
        .header(HOST, "localhost")
        .header(COOKIE, cookie)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(CONTENT_LENGTH, form.len())
        .body(Body::from(form))
        .unwrap()
}

impl Answer {
    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> Option<String> {
        let at = self.text.find(&format!("name=\"{name}\" value=\""))?;
        self.text[at..].split('"').nth(3).map(str::to_owned)
    }
}

impl Kept {
    /// One piece of work, whichever the draw says.
    fn do_one(&self, random: &mut StdRng) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() {
            return;
        }
        let index = random.random_range(0..kept.len());
        let work = kept.remove(index);
        drop(kept);
        work();
    }
}
