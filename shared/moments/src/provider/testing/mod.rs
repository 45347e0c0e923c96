//! Providers on loopback that give one answer to everything and remember what they were asked.

pub(crate) mod fault;
pub(crate) mod log;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, Response, Uri};
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method, path and query.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The connection it came over.
    pub(crate) peer: SocketAddr,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

type MakeAnswer = Arc<dyn Fn(&Seen) -> Response<Body> + Send + Sync>;

#[derive(Clone)]
struct Script {
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: MakeAnswer,
}

/// A provider below a path, as the local sandbox serves several.
pub(crate) struct Server {
    pub(crate) base_url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers with `status` and `body`.
    pub(crate) async fn answering(status: u16, body: impl ToString) -> Self {
        let body = body.to_string();
        Self::making(move |_| Response::builder().status(status).body(Body::from(body.clone())).unwrap()).await
    }

    /// Answers with whatever `answer` makes.
    pub(crate) async fn making(answer: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = Url::parse(&format!("http://{}/below", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script = Script { seen: Arc::clone(&seen), answer: Arc::new(answer) };
        let app = Router::new().fallback(serve).with_state(script);
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        // The runtime of the test ends the task with itself.
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { base_url, seen }
    }

    /// What arrived so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The one request that arrived.
    pub(crate) fn only_request(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

async fn serve(
    State(script): State<Script>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let seen = Seen { line: format!("{method} {uri}"), headers, body, peer };
    script.seen.lock().unwrap().push(seen.clone());
    (script.answer)(&seen)
}
