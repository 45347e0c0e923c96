//! The proxy's work on one request: naming it, and passing it on or not.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{DelayedMessage, Fault, State, When, until};

/// Above any request or answer here: a medium has at most 10 MB.
const LARGEST: usize = 16 << 20;

pub(super) async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Small answers must not wait 40 ms for a delayed ACK.
        let _slow_but_working = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| serve(Arc::clone(&state), request));
            // An error is either a cut of ours or a client that went away.
            let _over = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.is_ok();
        });
    }
}

async fn serve(state: Arc<State>, request: hyper::Request<Incoming>) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), LARGEST).await.map_err(io::Error::other)?;
    // By an address that the function has signed for somebody else: it is not the function's request.
    if parts.uri.query().is_some_and(|query| query.contains("X-Amz-Signature=")) {
        return state.pass(parts, body).await.map(|answer| answer.map(Body::from));
    }
    let met = {
        let mut log = state.log();
        if *state.dead.borrow() {
            None
        } else {
            let name = name(&parts, &body);
            if name == "SendMessage" {
                log.delayed.extend(delayed_message(&body));
            }
            Some(log.meet(name))
        }
    };
    let Some(fault) = met else { return Ok(never().await) };
    match fault {
        None => state.pass(parts, body).await.map(|answer| answer.map(Body::from)),
        Some(Fault::Kill(when)) => {
            if when == When::After {
                state.pass(parts, body).await?;
            }
            state.dead.send_replace(true);
            Ok(never().await)
        }
        Some(Fault::Lose(when)) => {
            if when == When::After {
                state.pass(parts, body).await?;
            }
            Err(ErrorKind::ConnectionReset.into())
        }
        Some(Fault::Answer(status, body)) => {
            let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/x-amz-json-1.0");
            answer.body(body.into()).map_err(io::Error::other)
        }
        Some(Fault::FirstOfBatch(number)) => state.pass_first(parts, &body, number).await,
        Some(Fault::Hold(gate)) => {
            gate.reached.send_replace(true);
            // It is under way somewhere in the network, whether or not its sender goes on waiting for it.
            state.under_way.send_modify(|requests| *requests += 1);
            let held = tokio::spawn(async move {
                until(&gate.open).await;
                let answer = state.pass(parts, body).await;
                state.under_way.send_modify(|requests| *requests -= 1);
                answer
            });
            held.await.map_err(io::Error::other)?.map(|answer| answer.map(Body::from))
        }
        Some(Fault::Replace(pairs)) => {
            let answer = state.pass(parts, body).await?;
            Ok(answer.map(|body| {
                let text = String::from_utf8_lossy(&body).into_owned();
                Body::from(pairs.iter().fold(text, |text, (from, to)| text.replace(from, to)))
            }))
        }
    }
}

async fn never<T>() -> T {
    match std::future::pending::<Infallible>().await {}
}

impl State {
    /// Passes the first entries of a batch of messages on, and answers as SQS does when it takes those only.
    async fn pass_first(self: &Arc<Self>, mut parts: Parts, body: &Bytes, number: usize) -> io::Result<Response<Body>> {
        let mut request: Value = serde_json::from_slice(body).map_err(io::Error::other)?;
        let entries = request["Entries"].as_array_mut().ok_or_else(|| io::Error::other("no batch"))?;
        let refused = entries.split_off(number.min(entries.len()));
        let mut answer = json!({ "Successful": [], "Failed": [] });
        if number > 0 {
            parts.headers.remove(header::CONTENT_LENGTH);
            let passed = self.pass(parts, request.to_string().into()).await?;
            answer = serde_json::from_slice(passed.body()).map_err(io::Error::other)?;
        }
        let refused =
            refused.iter().map(|entry| json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false }));
        answer["Failed"] = refused.collect();
        let response = Response::builder().header(header::CONTENT_TYPE, "application/x-amz-json-1.0");
        response.body(answer.to_string().into()).map_err(io::Error::other)
    }

    /// Passes a request on. It is carried out to its end even if whoever sent it does not wait that long.
    async fn pass(self: &Arc<Self>, parts: Parts, body: Bytes) -> io::Result<Response<Bytes>> {
        let state = Arc::clone(self);
        state.under_way.send_modify(|requests| *requests += 1);
        let passed = tokio::spawn(async move {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let is_platform = ["/douyin/", "/wecom/", "/gewe/"].iter().any(|prefix| path.starts_with(prefix));
            let upstream = if is_platform { &state.platforms } else { &state.aws };
            let mut headers = parts.headers;
            headers.remove(header::HOST);
            let request = state.http.request(parts.method, format!("{upstream}{path}")).headers(headers).body(body);
            let passed = async {
                let answer = request.send().await.map_err(io::Error::other)?;
                let (status, mut headers) = (answer.status(), answer.headers().clone());
                // About the connection and the body upstream; this side has its own.
                for name in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
                    headers.remove(name);
                }
                let mut passed = Response::new(answer.bytes().await.map_err(io::Error::other)?);
                let is_refusal = status == StatusCode::BAD_REQUEST
                    && String::from_utf8_lossy(passed.body()).contains("TransactionCanceledException");
                state.log().refused_transactions += u32::from(is_refusal);
                (*passed.status_mut(), *passed.headers_mut()) = (status, headers);
                Ok(passed)
            };
            let passed = passed.await;
            state.under_way.send_modify(|requests| *requests -= 1);
            passed
        });
        passed.await.map_err(io::Error::other)?
    }
}

/// The message of a request to send one later.
fn delayed_message(body: &[u8]) -> Option<DelayedMessage> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let delay = Duration::from_secs(body["DelaySeconds"].as_u64().filter(|seconds| *seconds > 0)?);
    Some(DelayedMessage { body: body["MessageBody"].as_str()?.to_owned(), delay })
}

/// What a request is for.
fn name(parts: &Parts, body: &[u8]) -> String {
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let Some(operation) = target.and_then(|target| target.rsplit('.').next()) else {
        let path = parts.uri.path();
        let signed = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        // The bucket comes first, and what it is about is the first part of an object's name.
        if signed.is_some_and(|signed| signed.contains("/s3/aws4_request")) {
            return format!("{} s3 {}", parts.method, path.split('/').nth(2).unwrap_or_default());
        }
        // The other REST call to AWS; its path names the task.
        if path.starts_with("/schedules/") {
            return format!("{} schedules", parts.method);
        }
        let prefixes = ["/douyin", "/wecom/cgi-bin", "/gewe/gewe/v2/api"];
        let path = prefixes.iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(path);
        return path.trim_matches('/').to_owned();
    };
    let body = serde_json::from_slice(body).unwrap_or_default();
    match table(&body) {
        Some(table) => format!("{operation} {table}"),
        // Sent beside a commit, by whoever tells an event.
        None if is_about_events(&body) => format!("{operation} events"),
        None => operation.to_owned(),
    }
}

/// Whether a request is about the queue of the event sequencer.
fn is_about_events(body: &Value) -> bool {
    body["QueueUrl"].as_str().is_some_and(|url| url.ends_with("-event"))
}

/// The table a DynamoDB request is about, without the name of the stack before it.
fn table(body: &Value) -> Option<String> {
    let first_action = || body.pointer("/TransactItems/0")?.as_object()?.values().next()?.get("TableName")?.as_str();
    // Of a batch over several tables the first by name: in which order it names them is chance.
    let batch = || body.get("RequestItems")?.as_object()?.keys().min().map(String::as_str);
    let name = body.get("TableName").and_then(Value::as_str).or_else(first_action).or_else(batch)?;
    Some(name.split_once("-t_").map_or_else(|| name.to_owned(), |(_, table)| format!("t_{table}")))
}
