//! A stand-in before the sandbox, through which one account shows another one's fans: in the sandbox no fan follows
//! two accounts, among people many do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sandbox::Sandbox;
use sandbox::douyin::Douyin;
use tokio::net::TcpListener;

/// See the module. It serves `fans/list` alone, which is all a sync of days asks for, until the test ends.
pub struct StandIn {
    url: String,
    state: Twins,
}

#[derive(Clone)]
struct Twins {
    platform: Douyin,
    http: reqwest::Client,
    /// Open ids of accounts, and the sandbox's names of those whose fans they show.
    shown: Arc<Mutex<HashMap<String, &'static str>>>,
}

impl StandIn {
    pub async fn start(sandbox: &Sandbox) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let state = Twins { platform: sandbox.douyin().clone(), http, shown: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/douyin", listener.local_addr()?);
        let router = Router::new().route("/douyin/fans/list/", get(fans)).with_state(state.clone());
        // Ends with the runtime of its test.
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(Self { url, state })
    }

    /// The value for `DOUYIN_BASE_URL` of a worker.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on `open_id` shows the fans of `account`, or its own again.
    pub fn show(&self, open_id: &str, account: Option<&'static str>) {
        let mut shown = self.state.shown.lock().unwrap();
        match account {
            Some(account) => shown.insert(open_id.to_owned(), account),
            None => shown.remove(open_id),
        };
    }
}

async fn fans(
    State(twins): State<Twins>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let answer = twins.forward(headers, query).await;
    answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

impl Twins {
    async fn forward(&self, headers: HeaderMap, mut query: HashMap<String, String>) -> Result<Response> {
        let mut token = headers.get("access-token").context("no token")?.to_str()?.to_owned();
        let shown = query.get("open_id").and_then(|id| self.shown.lock().unwrap().get(id).copied());
        if let Some(account) = shown {
            let grant = self.platform.authorize(account, &["fans.list"]).context("no such account")?;
            query.insert("open_id".to_owned(), grant.open_id);
            token = grant.access_token;
        }
        let url = format!("{}/fans/list/", self.platform.base_url());
        let request = self.http.get(url).query(&query).header("access-token", token);
        let answer = request.header(header::CONTENT_TYPE, "application/json").send().await?;
        Ok((answer.status(), [(header::CONTENT_TYPE, "application/json")], answer.bytes().await?).into_response())
    }
}
