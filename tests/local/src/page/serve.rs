//! Listening, and what the page is made of.

use std::net::Ipv4Addr;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::{Reference, forward, guard, origins, reference};
use crate::{paths, token};

/// The files of the page.
const FILES: &str = "tests/local/page";

/// How long a token of the page is valid.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Longer than any answer of the sandbox that was not told to be late.
const SANDBOX_TIMEOUT: Duration = Duration::from_secs(30);

/// What the page shows and steers.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) api_url: &'a str,
    pub(crate) sandbox_url: &'a str,
    /// Signs the tokens.
    pub(crate) jwt_secret: &'a str,
    pub(crate) reference: Reference,
}

/// The page's server, until it is dropped.
#[derive(Debug)]
pub(crate) struct Page {
    url: String,
    serving: AbortHandle,
}

/// What every request needs.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) http: reqwest::Client,
    pub(super) origins: Arc<[String]>,
    pub(super) content_policy: Arc<str>,
    pub(super) sandbox_url: Arc<str>,
    api_url: Arc<str>,
    jwt_secret: Arc<str>,
    reference: Reference,
}

/// A request that is answered with a status alone.
pub(super) struct Refused(pub(super) StatusCode);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl Page {
    /// Starts listening. Port 0 chooses a free one.
    pub(crate) async fn start(port: u16, sources: &Sources<'_>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.with_context(|| format!("port {port} of 127.0.0.1 cannot be used for the page"))?;
        let address = listener.local_addr()?;
        // Without roots of trust, which take long to load: the sandbox is plain HTTP.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(SANDBOX_TIMEOUT).build()?;
        let served = Served {
            http,
            origins: origins(address.port()).into(),
            content_policy: guard::content_policy(sources.api_url, sources.sandbox_url).into(),
            sandbox_url: sources.sandbox_url.into(),
            api_url: sources.api_url.into(),
            jwt_secret: sources.jwt_secret.into(),
            reference: sources.reference,
        };
        let router = Router::new()
            .route("/", get(index))
            .route("/{file}", get(file))
            .route("/openapi.json", get(document))
            .route("/scalar.js", get(script))
            .route("/settings.json", get(settings))
            .route("/token", post(issue))
            .route("/sandbox/{*rest}", any(forward::forward))
            .layer(middleware::from_fn_with_state(served.clone(), guard::guard))
            .with_state(served);
        let serving = tokio::spawn(axum::serve(listener, router).into_future()).abort_handle();
        Ok(Self { url: format!("http://{address}"), serving })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn index() -> Result<Response, Refused> {
    file(Path("index.html".to_owned())).await
}

async fn file(Path(name): Path<String>) -> Result<Response, Refused> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let kind = match name.split_once('.') {
        Some((stem, "html")) if stem.chars().all(is_plain) => "text/html; charset=utf-8",
        Some((stem, "css")) if stem.chars().all(is_plain) => "text/css; charset=utf-8",
        Some((stem, "js")) if stem.chars().all(is_plain) => "text/javascript; charset=utf-8",
        Some((stem, "svg")) if stem.chars().all(is_plain) => "image/svg+xml",
        _ => return Err(Refused(StatusCode::NOT_FOUND)),
    };
    send(&paths::workspace().join(FILES).join(name), kind).await
}

async fn document() -> Result<Response, Refused> {
    send(&paths::workspace().join("docs/openapi.json"), "application/json").await
}

async fn script() -> Result<Response, Refused> {
    send(&reference::script(), "text/javascript; charset=utf-8").await
}

/// Read anew every time, so that an edit is seen when the page is loaded again.
async fn send(path: &FilePath, kind: &'static str) -> Result<Response, Refused> {
    let content = tokio::fs::read(path).await.map_err(|_| Refused(StatusCode::NOT_FOUND))?;
    Ok(([(header::CONTENT_TYPE, kind)], content).into_response())
}

async fn settings(State(served): State<Served>) -> Json<Value> {
    let problem = served.reference.problem();
    Json(json!({ "apiUrl": &*served.api_url, "sandboxUrl": &*served.sandbox_url, "referenceProblem": problem }))
}

/// Whom a token is for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Holder {
    user_id: u64,
    name: String,
    permissions: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issued {
    token: String,
    expires_at: Timestamp,
}

async fn issue(State(served): State<Served>, Json(holder): Json<Holder>) -> Result<Json<Issued>, Refused> {
    let failed = |_| Refused(StatusCode::INTERNAL_SERVER_ERROR);
    let others = json!({ "name": holder.name });
    let token = token::issue_with(&served.jwt_secret, holder.user_id, &holder.permissions, LIFETIME, &others);
    Ok(Json(Issued { token: token.map_err(failed)?, expires_at: Timestamp::now() + LIFETIME }))
}
