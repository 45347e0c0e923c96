//! Lambda's Runtime API for one function, on loopback: it asks for the next event, waits, and posts its answer.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// What an invocation may take, told in the headers of the event.
const TIME_LIMIT: Duration = Duration::from_secs(300);

pub(super) struct RuntimeApi {
    address: String,
    events: mpsc::UnboundedSender<Value>,
    asked: mpsc::UnboundedReceiver<Instant>,
    answers: mpsc::UnboundedReceiver<Answer>,
    server: JoinHandle<std::io::Result<()>>,
}

struct Answer {
    is_error: bool,
    body: Value,
}

struct Shared {
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
    asked: mpsc::UnboundedSender<Instant>,
    answers: mpsc::UnboundedSender<Answer>,
}

impl RuntimeApi {
    pub(super) async fn start() -> Result<Self> {
        let (events, waiting) = mpsc::unbounded_channel();
        let (asks, asked) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let shared = Shared { events: Mutex::new(waiting), asked: asks, answers: answered };
        let service = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{outcome}", post(answer))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Arc::new(shared));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let server = tokio::spawn(axum::serve(listener, service).into_future());
        Ok(Self { address, events, asked, answers, server })
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// When the function asked for its first event.
    pub(super) async fn asked(&mut self) -> Result<Instant> {
        self.asked.recv().await.context("the Runtime API has ended")
    }

    pub(super) fn send(&self, event: Value) -> Result<()> {
        self.events.send(event).context("the Runtime API has ended")
    }

    pub(super) async fn answer(&mut self) -> Result<Value> {
        let answer = self.answers.recv().await.context("the Runtime API has ended")?;
        if answer.is_error {
            bail!("the function answered with an error: {}", answer.body);
        }
        Ok(answer.body)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    // Nobody listens any more once the function has started, and that is fine.
    let _ = shared.asked.send(Instant::now());
    let Some(event) = shared.events.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIME_LIMIT;
    let headers = [
        ("lambda-runtime-aws-request-id", "00000000-0000-4000-8000-000000000001".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000".to_owned()),
    ];
    (headers, Json(event)).into_response()
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Path((_, outcome)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    take(&shared, outcome != "response", &body)
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    take(&shared, true, &body)
}

fn take(shared: &Shared, is_error: bool, body: &[u8]) -> StatusCode {
    let body = serde_json::from_slice(body).unwrap_or_default();
    match shared.answers.send(Answer { is_error, body }) {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::GONE,
    }
}
