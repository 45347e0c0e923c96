//! A platform on loopback that gives one answer to everything and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use futures::FutureExt;
use futures::future::ready;
use kernel::Clock;
use kernel::platform_secret::{Secrets, Version};
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

use super::Douyin;

pub(super) const CLIENT_KEY: &str = "awtestkey";
pub(super) const CLIENT_SECRET: &str = "client-secret-0123456789";

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

type MakeAnswer = Arc<dyn Fn() -> Response<Body> + Send + Sync>;

#[derive(Clone)]
struct Script {
    seen: Arc<Mutex<Vec<Seen>>>,
    // `None`: the answer never comes.
    answer: Option<MakeAnswer>,
}

/// The platform and a client of it.
pub(super) struct Platform {
    pub(super) douyin: Douyin,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Platform {
    /// Answers with `status` and `body`.
    pub(super) async fn answering(status: u16, body: impl ToString) -> Self {
        let body = body.to_string();
        let answer = move || Response::builder().status(status).body(Body::from(body.clone())).unwrap();
        Self::start(Some(Arc::new(answer)), Duration::from_secs(10)).await
    }

    /// Answers with whatever `answer` makes; the client waits for `timeout`.
    pub(super) async fn making(answer: impl Fn() -> Response<Body> + Send + Sync + 'static, timeout: Duration) -> Self {
        Self::start(Some(Arc::new(answer)), timeout).await
    }

    /// Takes the request and says nothing.
    pub(super) async fn silent(timeout: Duration) -> Self {
        Self::start(None, timeout).await
    }

    async fn start(answer: Option<MakeAnswer>, timeout: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Below a path, as the local sandbox serves it.
        let base_url = Url::parse(&format!("http://{}/douyin", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script = Script { seen: Arc::clone(&seen), answer };
        // The runtime of the test ends the task with itself.
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve).with_state(script)).await });
        Self { douyin: client(base_url, timeout).await, seen }
    }

    /// What arrived so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The one request that arrived.
    pub(super) fn only_request(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

/// A client of the platform at `base_url`.
pub(super) async fn client(base_url: Url, timeout: Duration) -> Douyin {
    let secret = json!({ "douyinClientKey": CLIENT_KEY, "douyinClientSecret": CLIENT_SECRET }).to_string();
    let read = move || ready(Version::parse("1", &secret)).boxed();
    Douyin::new(base_url, Secrets::read_by(Box::new(read), Clock::System).await.unwrap(), timeout)
}

async fn serve(
    State(script): State<Script>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let body = String::from_utf8(body.to_vec()).unwrap();
    script.seen.lock().unwrap().push(Seen { line: format!("{method} {uri}"), headers, body });
    match &script.answer {
        Some(answer) => answer(),
        None => std::future::pending().await,
    }
}
