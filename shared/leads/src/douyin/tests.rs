//! What holds for every call: faults of the network decide nothing, nothing is sent twice, nothing secret is told.

use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::Response;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream;
use secrecy::SecretString;
use serde_json::json;
use tokio::net::TcpListener;
use tracing::field::{Field, Visit};
use tracing::span;

use super::testing::{CLIENT_SECRET, Platform, client};
use super::*;

const TOKEN: &str = "act.secret-access";
const REFRESH: &str = "rft.secret-refresh";
const CODE: &str = "secret-code";
const NICKNAME: &str = "秘密昵称";

/// Calls every endpoint once and returns what each said, as text.
async fn call_all(douyin: &Douyin) -> Vec<Result<String, PlatformError>> {
    fn printed<T: std::fmt::Debug>(result: Result<T, PlatformError>) -> Result<String, PlatformError> {
        result.map(|answer| format!("{answer:?}"))
    }
    let (token, refresh, code) = (SecretString::from(TOKEN), SecretString::from(REFRESH), SecretString::from(CODE));
    let calls: [BoxFuture<'_, Result<String, PlatformError>>; 5] = [
        Box::pin(async { printed(douyin.exchange_code(&code).await) }),
        Box::pin(async { printed(douyin.refresh_access_token(&refresh).await) }),
        Box::pin(async { printed(douyin.renew_refresh_token(&refresh).await) }),
        Box::pin(async { printed(douyin.user_info(&token, "me").await) }),
        Box::pin(async { printed(douyin.fans(&token, "me", 0, 20).await) }),
    ];
    let mut results = Vec::new();
    for call in calls {
        results.push(call.await);
    }
    results
}

/// Every call must have failed as [`FailureKind::Transient`] with this status.
fn assert_transient(name: &str, results: Vec<Result<String, PlatformError>>, http_status: Option<u16>) {
    for (result, endpoint) in results.into_iter().zip(Endpoint::ALL) {
        let kind = FailureKind::Transient;
        assert_eq!(result, Err(PlatformError { kind, endpoint, code: None, http_status, log_id: None }), "{name}");
    }
}

/// The same where it is a race whether the status still got through.
fn assert_undecided(results: Vec<Result<String, PlatformError>>) {
    for result in results {
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.code), (FailureKind::Transient, None), "{error}");
    }
}

#[tokio::test]
async fn douyin_answer_that_cannot_be_read_is_undecided_and_not_asked_for_again() {
    let html = "<html><h1>502 Bad Gateway</h1></html>";
    for (name, status, body) in [
        ("gateway", 502, html),
        ("unavailable", 503, r#"{"data":{"error_code":10010},"message":"error"}"#),
        ("page of a proxy", 200, html),
        ("nothing", 200, ""),
        ("success of nothing", 200, r#"{"data":{"error_code":0,"description":""},"message":"success"}"#),
        (
            "success with empty tokens",
            200,
            r#"{"data":{"access_token":"","refresh_token":"","expires_in":9,"open_id":"me"}}"#,
        ),
    ] {
        let platform = Platform::answering(status, body).await;
        assert_transient(name, call_all(&platform.douyin).await, Some(status));
        assert_eq!(platform.seen().len(), Endpoint::ALL.len(), "{name}");
    }
}

#[tokio::test]
async fn douyin_without_an_answer_is_a_timeout() {
    // Five calls of 40 ms each, and room for a busy machine.
    let (timeout, patience) = (Duration::from_millis(40), Duration::from_secs(4));
    let platform = Platform::silent(timeout).await;
    assert_undecided(tokio::time::timeout(patience, call_all(&platform.douyin)).await.unwrap());
    assert!(platform.seen().len() <= Endpoint::ALL.len());

    // The limit holds to the last byte, not only to the first.
    let stalling = || {
        let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{\"data\":"))]);
        Response::new(Body::from_stream(first.chain(stream::pending())))
    };
    let platform = Platform::making(stalling, timeout).await;
    assert_undecided(tokio::time::timeout(patience, call_all(&platform.douyin)).await.unwrap());
}

#[tokio::test]
async fn douyin_connection_that_is_refused_or_lost_is_undecided() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let douyin = client(base_url, Duration::from_secs(10)).await;
    assert_transient("refused", call_all(&douyin).await, None);

    let breaking = || {
        let pieces = [Ok(Bytes::from_static(b"{\"data\":")), Err(std::io::Error::other("cut"))];
        Response::new(Body::from_stream(stream::iter(pieces)))
    };
    let platform = Platform::making(breaking, Duration::from_secs(10)).await;
    assert_undecided(call_all(&platform.douyin).await);
    assert_eq!(platform.seen().len(), Endpoint::ALL.len());
}

#[tokio::test]
async fn douyin_answer_without_end_is_not_read() {
    let endless = || {
        let piece = Bytes::from(vec![b' '; 64 * 1024]);
        Response::new(Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone()))))
    };
    let platform = Platform::making(endless, Duration::from_secs(60)).await;
    assert_transient("endless", call_all(&platform.douyin).await, Some(200));
}

#[tokio::test]
async fn douyin_redirect_is_not_followed() {
    let elsewhere = || Response::builder().status(307).header("location", "/stolen").body(Body::empty()).unwrap();
    let platform = Platform::making(elsewhere, Duration::from_secs(10)).await;
    assert_transient("redirect", call_all(&platform.douyin).await, Some(307));
    assert!(platform.seen().iter().all(|request| !request.line.contains("stolen")));
}

/// Writes every event and span below this module as text, as a debug-level log would.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!(" {field}={value:?}"));
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut self.clone());
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn douyin_client_prints_no_secret() {
    let log = Log::default();
    // While only one subscriber exists, a log line first reached on another test's thread would be switched off for
    // good, because that thread has none. A second one makes tracing ask all of them.
    let _second = tracing::Dispatch::new(Log::default());
    let _guard = tracing::subscriber::set_default(log.clone());

    // One answer that satisfies every endpoint, and one failure that repeats what was sent.
    let success = json!({"data": {
        "access_token": TOKEN, "refresh_token": REFRESH, "expires_in": 9, "refresh_expires_in": 9, "open_id": "me",
        "nickname": NICKNAME, "avatar": "", "list": [{"open_id": "fan", "nickname": NICKNAME}, {"nickname": NICKNAME}],
        "has_more": false, "log_id": "20261120201500A1",
    }});
    let echo = format!("{TOKEN} {REFRESH} {CODE} {CLIENT_SECRET} {NICKNAME}");
    let failure = json!({"data": {"error_code": 2190002, "description": &echo}, "message": &echo, "log_id": &echo});

    let mut printed = String::new();
    let platform = Platform::answering(200, success).await;
    for result in call_all(&platform.douyin).await {
        printed.push_str(&result.unwrap());
    }
    printed.push_str(&format!("{:?}", platform.douyin));
    let page = platform.douyin.fans(&SecretString::from(TOKEN), "me", 0, 20).await.unwrap();
    assert_eq!(page.fans.len(), 1);
    printed.push_str(&format!("{:?}", page.fans));

    for platform in [Platform::answering(200, failure).await, Platform::answering(502, echo).await] {
        for result in call_all(&platform.douyin).await {
            let error = result.unwrap_err();
            printed.push_str(&format!("{error} {error:?}"));
        }
    }

    let log = log.0.lock().unwrap().clone();
    for expected in
        ["douyin called", "douyin.endpoint=oauth/access_token", "douyin.log_id=\"20261120201500A1\"", "dropped=1"]
    {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    for secret in [TOKEN, REFRESH, CODE, CLIENT_SECRET, NICKNAME] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn douyin_token_that_fits_in_no_header_is_invalid() {
    let platform = Platform::answering(200, "{}").await;
    let error = platform.douyin.fans(&SecretString::from("act.\n"), "me", 0, 20).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::TokenInvalid);
    assert!(platform.seen().is_empty());
}
