//! The one address of the emulated AWS: requests to DynamoDB are carried out by dynoxide, everything else is passed
//! to MiniStack as it came.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::redirect::Policy;
use tokio::sync::oneshot;

use super::ACCOUNT;
use super::dynamodb::Answer;
use super::roles::{Roles, denial};
use super::rules::{Outcome, Rules};
use crate::iam;

/// Above any request or answer here: BatchGetItem answers up to 16 MB.
const LARGEST: usize = 32 << 20;

/// What `x-amz-target` of a DynamoDB request begins with.
const DYNAMODB: &str = "DynamoDB_20120810.";

/// What the path of an order to [`super::rules`] begins with.
const ORDERS: &str = "/_rules/";

/// Path of a request that has every copy arrive that lags behind, as if seconds passed (see [`super::rules`]).
pub(crate) const SETTLE: &str = "/_rules/settle";

/// A running front, on a thread of its own: the runtime of a test ends with the test, and SQLite blocks.
#[derive(Debug)]
pub(super) struct Front {
    url: String,
    rules: Arc<Rules>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Front {
    /// Starts listening. Port 0 chooses a free one.
    pub(super) fn start(port: u16, rules: Arc<Rules>, roles: Arc<Roles>, ministack: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("port {port} of 127.0.0.1 cannot be used for the emulated AWS"))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        // Without roots of trust, which take long to load: everything here is plain HTTP. MiniStack closes connections that
        // are idle for some seconds; a request on one that it is about to close would be lost.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .tls_certs_only([])
            .pool_idle_timeout(Duration::from_secs(1))
            .build()?;
        let service = Arc::new(Service { rules: Arc::clone(&rules), roles, ministack: ministack.to_owned(), http });
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("emulated-aws".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, service) => {}
                    _ = stopped => {}
                }
            });
            // What is being carried out is completed.
            runtime.shutdown_timeout(Duration::from_secs(5));
        })?;
        Ok(Self { url, rules, stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Stops listening and completes the files of the databases.
    pub(super) fn stop(mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join().is_ok();
        }
        self.rules.close();
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        // Small answers must not wait 40 ms for a delayed ACK.
        let _slow_but_working = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let serve = service_fn(|request| Arc::clone(&service).serve(request));
            // An error is a client that went away.
            let _over = http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await.is_ok();
        });
    }
}

struct Service {
    rules: Arc<Rules>,
    roles: Arc<Roles>,
    ministack: String,
    http: reqwest::Client,
}

impl Service {
    async fn serve(self: Arc<Self>, request: hyper::Request<Incoming>) -> io::Result<Response<Body>> {
        let (mut parts, body) = request.into_parts();
        let body = to_bytes(Body::new(body), LARGEST).await.map_err(io::Error::other)?;
        if parts.uri.path().starts_with(ORDERS) {
            return self.follow_order(&parts);
        }
        sign_as_presigned(&mut parts);
        if let Some(denied) = self.roles.refuses(&parts, &body) {
            return denial(&denied).map_err(io::Error::other);
        }
        let (_, function) = iam::parts_of(key_of(&parts.headers));
        let function = function.map(str::to_owned);
        // From here on a function is its account: MiniStack knows no functions.
        name_account(&mut parts.headers);
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        if let Some(operation) = target.and_then(|target| target.strip_prefix(DYNAMODB)) {
            let account = account(&parts.headers).to_owned();
            let rules = self.rules.of(&account, &account).map_err(|error| io::Error::other(format!("{error:#}")))?;
            // A task of its own: a request is carried out to its end, also when whoever sent it does not wait that long.
            let served = tokio::spawn(rules.serve(operation.to_owned(), body.clone(), function));
            match served.await.map_err(io::Error::other)? {
                Outcome::Answered(answer) => return respond(answer),
                Outcome::Lost => return Err(io::ErrorKind::ConnectionReset.into()),
                // MiniStack, where the tables are too, may know it.
                Outcome::Unknown => {}
            }
        }
        self.pass(parts, body).await
    }

    /// Has the rules of an account do what the path says: `settle`, or `hold` or `release` with the name of a function.
    fn follow_order(&self, parts: &Parts) -> io::Result<Response<Body>> {
        let account = account(&parts.headers);
        let rules = self.rules.of(account, account).map_err(|error| io::Error::other(format!("{error:#}")))?;
        let order = parts.uri.path().strip_prefix(ORDERS).unwrap_or_default();
        let mut answer = Response::new(Body::empty());
        match order.split_once('/') {
            Some(("hold", function)) => rules.hold(function),
            Some(("release", function)) => rules.release(function),
            None if parts.uri.path() == SETTLE => rules.settle(),
            _ => *answer.status_mut() = StatusCode::NOT_FOUND,
        }
        Ok(answer)
    }

    async fn pass(&self, parts: Parts, body: Bytes) -> io::Result<Response<Body>> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers;
        headers.remove(header::HOST);
        let request = self.http.request(parts.method, format!("{}{path}", self.ministack)).headers(headers).body(body);
        let answer = request.send().await.map_err(io::Error::other)?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        // About the connection and the body upstream; this side has its own.
        for name in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let mut passed = Response::new(Body::from(answer.bytes().await.map_err(io::Error::other)?));
        (*passed.status_mut(), *passed.headers_mut()) = (status, headers);
        Ok(passed)
    }
}

fn respond(answer: Answer) -> io::Result<Response<Body>> {
    let response = Response::builder().status(answer.status).header(header::CONTENT_TYPE, "application/x-amz-json-1.0");
    response.body(answer.body.into()).map_err(io::Error::other)
}

/// The access key id a request is signed with; empty when it is not signed.
pub(super) fn key_of(headers: &HeaderMap) -> &str {
    scope_of(headers).next().unwrap_or_default()
}

/// The service a request is signed for; empty when it is not signed.
pub(super) fn service_of(headers: &HeaderMap) -> &str {
    scope_of(headers).nth(3).unwrap_or_default()
}

/// What a request is signed with and for: key, day, region, service.
fn scope_of(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let signed = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    signed.split("Credential=").nth(1).unwrap_or_default().split(['/', ','])
}

/// The account of a request: that of its access key id, when that is 12 digits, as in MiniStack.
fn account(headers: &HeaderMap) -> &str {
    let (account, _) = iam::parts_of(key_of(headers));
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) { account } else { ACCOUNT }
}

/// Signs with the account in place of a function of it. Nobody checks signatures here.
fn name_account(headers: &mut HeaderMap) {
    let key = key_of(headers);
    let (account, Some(_)) = iam::parts_of(key) else { return };
    let signed = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Ok(renamed) = signed.replacen(key, account, 1).parse() {
        headers.insert(header::AUTHORIZATION, renamed);
    }
}

/// A request by a presigned address is signed in its query. From here on it is in a header, where MiniStack looks for the
/// account.
fn sign_as_presigned(parts: &mut Parts) {
    let query = parts.uri.query().unwrap_or_default();
    let signed: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .filter(|(name, _)| name.starts_with("X-Amz-"))
        .collect();
    let (Some(credential), Some(signature)) = (signed.get("X-Amz-Credential"), signed.get("X-Amz-Signature")) else {
        return;
    };
    let header = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature={signature}");
    if let (Ok(header), Ok(path)) = (header.parse(), parts.uri.path().parse()) {
        parts.headers.insert(header::AUTHORIZATION, header);
        parts.uri = path;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_of_a_request_is_its_key_of_twelve_digits_or_the_default() {
        let of = |key: &str| {
            let mut headers = HeaderMap::new();
            let signed =
                format!("AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/dynamodb/aws4_request, Signature=0");
            headers.insert(header::AUTHORIZATION, signed.parse().unwrap());
            account(&headers).to_owned()
        };
        assert_eq!(of("123456789012"), "123456789012");
        assert_eq!(of("123456789012.moment-sync"), "123456789012");
        assert_eq!(of("AKIAIOSFODNN"), ACCOUNT);
        assert_eq!(account(&HeaderMap::new()), ACCOUNT);
    }

    #[test]
    fn presigned_request_is_that_of_whoever_signed_its_address() {
        let signed = "/b/media/7/abc?X-Amz-Credential=123456789012.moment-publisher%2F20260101%2Fus-east-1%2Fs3%2Faws4_request\
                      &X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-Signature=00";
        let mut parts = hyper::Request::builder().uri(signed).body(()).unwrap().into_parts().0;
        sign_as_presigned(&mut parts);
        assert_eq!((key_of(&parts.headers), service_of(&parts.headers)), ("123456789012.moment-publisher", "s3"));
        assert_eq!(parts.uri.to_string(), "/b/media/7/abc");
        let mut parts = hyper::Request::builder().uri("/b?list-type=2").body(()).unwrap().into_parts().0;
        sign_as_presigned(&mut parts);
        assert_eq!((key_of(&parts.headers), parts.uri.to_string().as_str()), ("", "/b?list-type=2"));
    }

    #[test]
    fn function_is_passed_on_as_its_account() {
        let mut headers = HeaderMap::new();
        let signed = |key: &str| format!("AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/sqs/aws4_request");
        for (key, renamed) in [("123456789012.moment-sync", "123456789012"), ("123456789012", "123456789012")] {
            headers.insert(header::AUTHORIZATION, signed(key).parse().unwrap());
            name_account(&mut headers);
            assert_eq!(headers[header::AUTHORIZATION], signed(renamed));
        }
    }
}
