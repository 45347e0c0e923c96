//! Listening, and the way of one request.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Response, StatusCode};
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rand::RngExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::answer;
use super::cors::Cors;
use super::definition::Api;
use super::event::{Received, event};
use super::throttle::Throttle;

/// The largest body of a request: 10 MB.
const LARGEST: usize = 10 << 20;

/// How long a function may take. A shorter one of an integration is not used.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest event of a function, and the largest answer.
const LARGEST_PAYLOAD: usize = 6 << 20;

/// Hands an event to the function of a name, and answers what that says. An error is one that the function did not
/// answer by itself: it has panicked, or does not run.
pub type Invoke = Arc<dyn Fn(String, Value) -> BoxFuture<'static, Result<Value>> + Send + Sync>;

/// A front that listens, until it is dropped.
#[derive(Debug)]
pub struct Gateway {
    url: String,
    accepting: AbortHandle,
}

impl Gateway {
    /// Starts listening. Port 0 chooses a free one.
    ///
    /// # Errors
    /// When the port cannot be used.
    pub async fn start(port: u16, api: Api, invoke: Invoke) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.with_context(|| format!("port {port} of 127.0.0.1 cannot be used for the API"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let throttle = Throttle::new(api.limit, api.routes().count(), Instant::now());
        let service = Arc::new(Service { api, throttle, invoke });
        let accepting = tokio::spawn(accept(listener, service)).abort_handle();
        Ok(Self { url, accepting })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let _slow_but_working = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let serve = service_fn(|request| Arc::clone(&service).serve(request, peer.ip()));
            // An error is a client that went away.
            let _over = http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await.is_ok();
        });
    }
}

struct Service {
    api: Api,
    throttle: Throttle,
    invoke: Invoke,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("api", &self.api).finish_non_exhaustive()
    }
}

impl Service {
    async fn serve(self: Arc<Self>, request: hyper::Request<Incoming>, source: IpAddr) -> io::Result<Response<Body>> {
        let asked = request.headers().clone();
        let id = request_id();
        let mut response = match &self.api.cors {
            Some(cors) if Cors::is_preflight(request.method(), &asked) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                *response.headers_mut() = cors.preflight(&asked);
                response
            }
            cors => {
                let mut response = self.answer(request, source, &id).await;
                if let Some(cors) = cors {
                    cors.mark(&asked, response.headers_mut());
                }
                response
            }
        };
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("apigw-requestid", id);
        }
        Ok(response)
    }

    async fn answer(&self, request: hyper::Request<Incoming>, source: IpAddr, id: &str) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let found = self.api.routes.find(parts.method.as_str(), parts.uri.path());
        let Some((place, route, path_parameters)) = found else {
            return answer::own(StatusCode::NOT_FOUND, "Not Found");
        };
        if !self.throttle.admits(place, Instant::now()) {
            return answer::own(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
        }
        let Ok(body) = to_bytes(Body::new(body), LARGEST).await else {
            return answer::own(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let received = Received { route, path_parameters, source, id, at: Timestamp::now() };
        let event = event(&received, &parts, &body);
        if event.to_string().len() > LARGEST_PAYLOAD {
            return answer::own(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        let invoked = (self.invoke)(route.bin.clone(), event);
        match tokio::time::timeout(TIMEOUT, invoked).await {
            Err(_) => answer::own(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Ok(Ok(answered)) if answered.to_string().len() <= LARGEST_PAYLOAD => answer::response(answered)
                .unwrap_or_else(|| answer::own(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
            Ok(_) => answer::own(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        }
    }
}

/// Of API Gateway's form: 15 characters and a `=`.
fn request_id() -> String {
    let mut id: String = rand::rng().sample_iter(rand::distr::Alphanumeric).take(15).map(char::from).collect();
    id.push('=');
    id
}
