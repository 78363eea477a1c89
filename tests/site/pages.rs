//! The pages without sockets, threads or time: as a simulation drives them.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, RETRY_AFTER, SET_COOKIE};
use karipass::internals::account::Existing;
use karipass::internals::site::{PageOptions, Pages, Runtime, Work};
use karipass::time::UnixTime;
use karipass::unit::Unit;

use super::support::*;

/// More than the site has handles of its store.
const MANY: usize = 12;

fn from() -> std::net::SocketAddr {
    ([192, 0, 2, 1], 5000).into()
}

/// A folder of its own with a store, and pages over it whose random bits are counted up.
fn with_pages<T>(name: &str, runtime: Runtime, test: impl AsyncFnOnce(Pages) -> T) -> T {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pages-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("karipass.db");
    let clock = Arc::new(AtomicI64::new(START));
    let (drawn, wait) = (AtomicU8::new(0), Duration::from_secs(60));
    let options = page_options(file, wait, clock);
    let mut store = (options.open_store)().unwrap();
    store.save_contracts(&[example()], Existing::Refuse, &BY, UnixTime(START)).unwrap();
    let own = karipass::internals::account::password::hash(&OWN.into(), options.cost, &mut rand::rng()).unwrap();
    store.set_own_password(Unit::Line, number("0600001111"), &own, &BY, UnixTime(START)).unwrap();
    drop(store);
    let random = Arc::new(move || [drawn.fetch_add(1, Ordering::Relaxed); 32]);
    let pages = Pages::new(PageOptions { random, ..options }, runtime).unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let result = tokio.block_on(test(pages));
    std::fs::remove_dir_all(&folder).unwrap();
    result
}

fn get(path: &str, cookie: &str) -> Request<Body> {
    Request::get(path).header(HOST, "localhost").header(COOKIE, cookie).body(Body::empty()).unwrap()
}

fn login() -> Request<Body> {
    let form = format!("once=1&unit=line&number=0600001111&password={OWN}");
    Request::post("/login")
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(CONTENT_LENGTH, form.len())
        .body(Body::from(form))
        .unwrap()
}

async fn read(answer: Response<Body>) -> String {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    format!("{} {:?}\n{}", parts.status, parts.headers, String::from_utf8_lossy(&body))
}

#[test]
fn the_same_seed_and_clock_give_the_same_answers_to_the_byte() {
    let visit = |name| {
        with_pages(name, Runtime::immediate(), async |pages| {
            let welcome = pages.answer(login(), from()).await;
            assert_eq!(welcome.headers()[LOCATION], "/");
            let cookie = welcome.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
            let mut told = read(welcome).await;
            for path in ["/", "/password", "/arrival-mail?number=0600002222", "/fax-mail/inbox?number=0600002222"] {
                let page = pages.answer(get(path, &cookie), from()).await;
                assert_eq!(page.status(), 200, "{path}");
                told += &read(page).await;
            }
            told
        })
    };
    assert_eq!(visit("seed"), visit("seed"));
}

/// Work that is kept until the test has it done.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Work>>>);

impl Kept {
    fn runtime(&self) -> Runtime {
        let kept = self.clone();
        Runtime { aside: Arc::new(move |work| kept.0.lock().unwrap().push(work)), ..Runtime::immediate() }
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn done(&self) {
        let work = std::mem::take(&mut *self.0.lock().unwrap());
        work.into_iter().for_each(|work| work());
    }
}

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn requests_that_are_given_up_leave_their_turn_to_others_only_when_their_work_is_done() {
    let kept = Kept::default();
    with_pages("given-up", kept.runtime(), async |pages| {
        let cookie = format!("karipass-session={}", "0".repeat(64));
        for _ in 0..MANY {
            // the browser leaves while the store is at it
            assert!(poll(pin!(pages.answer(get("/", &cookie), from()))).is_pending());
        }
        let handles = kept.len();
        assert!(handles < MANY, "the rest has no handle to wait with");
        let mut patient = pin!(pages.answer(get("/", &cookie), from()));
        assert!(poll(patient.as_mut()).is_pending(), "it waits for a handle rather than failing");
        assert_eq!(kept.len(), handles);
        for _ in 0..2 {
            kept.done();
            if let Poll::Ready(answer) = poll(patient.as_mut()) {
                assert_eq!(
                    (answer.status().as_u16(), &answer.headers()[LOCATION]),
                    (303, &"/login?ended".parse().unwrap())
                );
                return;
            }
        }
        panic!("it is never answered");
    });
}

#[test]
fn no_more_passwords_are_compared_at_once_than_may_be_however_many_browsers_leave() {
    let kept = Kept::default();
    with_pages("hashers", kept.runtime(), async |pages| {
        let anonymous = || {
            let mut login = login();
            // what shows no page of its own is done only for as long as its connection is there
            *login.body_mut() = Body::from(format!("unit=line&number=0600001111&password={OWN}"));
            login
        };
        let mut compared = 0;
        for _ in 0..MANY {
            let mut one = Box::pin(pages.answer(anonymous(), from()));
            // the body, the store's credential, and then the comparison
            while poll(one.as_mut()).is_pending() && kept.len() == 0 {}
            kept.done();
            let _ = poll(one.as_mut());
            compared += usize::from(kept.len() > 0);
            // its comparison is begun; the browser leaves before it ends
            drop(one);
            let left = std::mem::take(&mut *kept.0.lock().unwrap());
            std::mem::forget(left);
        }
        assert_eq!(compared, 2, "two hashers");
    });
}

#[test]
fn a_limited_number_of_requests_waits_for_the_store_and_one_more_is_refused_at_once() {
    let kept = Kept::default();
    with_pages("busy", kept.runtime(), async |pages| {
        let cookie = format!("karipass-session={}", "0".repeat(64));
        let mut waiting = Vec::new();
        let refused = loop {
            let mut one = Box::pin(pages.answer(get("/", &cookie), from()));
            match poll(one.as_mut()) {
                Poll::Pending => waiting.push(one),
                Poll::Ready(answer) => break answer,
            }
            assert!(waiting.len() < 5000, "there is no limit");
        };
        assert!(waiting.len() > 1000);
        assert_eq!((refused.status().as_u16(), &refused.headers()[RETRY_AFTER]), (503, &"5".parse().unwrap()));
    });
}
