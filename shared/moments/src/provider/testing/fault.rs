//! Everything that can keep a provider's answer away.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use futures::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::Server;
use crate::provider::Detail;

/// Room for a busy machine.
const LONG_TIMEOUT: Duration = Duration::from_secs(20);
/// For the faults whose end is the client's patience.
const SHORT_TIMEOUT: Duration = Duration::from_millis(600);

/// A provider that fails in one way.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) base_url: Url,
    pub(crate) timeout: Duration,
    /// What the client must say of it.
    pub(crate) detail: Detail,
    /// Whether the client can know that its request was not read.
    pub(crate) nothing_written: bool,
}

/// All of them. Keep the servers: they live as long as the test's runtime.
pub(crate) async fn all() -> Vec<Fault> {
    let mut faults = vec![
        before_writing("refused", refused("http").await, LONG_TIMEOUT),
        before_writing(
            "TLS refused",
            scheme_https(&raw(|stream| Box::pin(answer_garbage(stream))).await),
            LONG_TIMEOUT,
        ),
        before_writing("TLS unanswered", scheme_https(&raw(|stream| Box::pin(hold_open(stream))).await), SHORT_TIMEOUT),
        after_writing("no answer", raw(|stream| Box::pin(hold_open(stream))).await, SHORT_TIMEOUT, Detail::TimedOut),
        after_writing(
            "hung up at once",
            raw(|stream| Box::pin(close_connection(stream, 1))).await,
            LONG_TIMEOUT,
            Detail::ConnectionLost,
        ),
        after_writing(
            "hung up when read",
            raw(|stream| Box::pin(close_connection(stream, usize::MAX))).await,
            LONG_TIMEOUT,
            Detail::ConnectionLost,
        ),
    ];
    for (name, timeout, detail, body) in bodies() {
        let server = Server::making(move |_| Response::new(body())).await;
        faults.push(after_writing(name, server.base_url, timeout, detail));
    }
    for status in [204_u16, 307, 404, 500, 502, 503] {
        let answer = move |_: &super::Seen| {
            let answer = Response::builder().status(status).header("location", "/stolen");
            // Even words that would mean something in an answer of the provider's.
            answer.body(Body::from(r#"{"errcode":40014,"ret":500,"data":{"msg":"微信已离线"}}"#)).unwrap()
        };
        let server = Server::making(answer).await;
        faults.push(after_writing("status", server.base_url, LONG_TIMEOUT, Detail::HttpStatus(status)));
    }
    for text in ["", "<html>busy</html>", r#"{"errcode":0,"jobi"#, "{}", r#"{"errcode":"none"}"#] {
        let server = Server::answering(200, text).await;
        faults.push(after_writing("garbage", server.base_url, LONG_TIMEOUT, Detail::Unreadable));
    }
    faults
}

/// One of each that a client tells apart.
pub(crate) async fn one_of_each() -> Vec<Fault> {
    let mut faults = all().await;
    faults.sort_by_key(|fault| fault.detail.to_string());
    faults.dedup_by_key(|fault| std::mem::discriminant(&fault.detail));
    faults
}

const fn before_writing(name: &'static str, base_url: Url, timeout: Duration) -> Fault {
    Fault { name, base_url, timeout, detail: Detail::NotConnected, nothing_written: true }
}

const fn after_writing(name: &'static str, base_url: Url, timeout: Duration, detail: Detail) -> Fault {
    Fault { name, base_url, timeout, detail, nothing_written: false }
}

type MakeBody = Box<dyn Fn() -> Body + Send + Sync>;

fn bodies() -> [(&'static str, Duration, Detail, MakeBody); 3] {
    let piece = || Bytes::from_static(b"{\"errcode\":0,");
    [
        (
            "cut",
            LONG_TIMEOUT,
            Detail::ConnectionLost,
            Box::new(move || Body::from_stream(stream::iter([Ok(piece()), Err(std::io::Error::other("cut"))]))),
        ),
        (
            "stalled",
            SHORT_TIMEOUT,
            Detail::TimedOut,
            Box::new(move || {
                Body::from_stream(stream::iter([Ok::<_, std::io::Error>(piece())]).chain(stream::pending()))
            }),
        ),
        (
            "endless",
            LONG_TIMEOUT,
            Detail::TooLong,
            Box::new(|| {
                let spaces = Bytes::from(vec![b' '; 64 * 1024]);
                Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(spaces.clone())))
            }),
        ),
    ]
}

/// An address nobody listens at.
async fn refused(scheme: &str) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Url::parse(&format!("{scheme}://{}", listener.local_addr().unwrap())).unwrap()
}

fn scheme_https(url: &Url) -> Url {
    Url::parse(&url.as_str().replacen("http", "https", 1)).unwrap()
}

type Conversation = futures::future::BoxFuture<'static, ()>;

/// A server without manners.
async fn raw(talk: fn(TcpStream) -> Conversation) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream));
        }
    });
    url
}

/// Reads `at_most` bytes or until the client has nothing more to say for now, then closes.
async fn close_connection(mut stream: TcpStream, at_most: usize) {
    let mut buffer = vec![0; 64 * 1024];
    let mut read = 0;
    while read < at_most {
        // Every request of these tests fits, so a read that does not fill the buffer is its end.
        let Ok(count) = stream.read(&mut buffer[..at_most.min(64 * 1024)]).await else { return };
        read += count;
        if count < buffer.len() {
            return;
        }
    }
}

async fn hold_open(mut stream: TcpStream) {
    let mut sink = vec![0; 64 * 1024];
    while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {}
}

async fn answer_garbage(mut stream: TcpStream) {
    // The client may hang up first.
    drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
}
