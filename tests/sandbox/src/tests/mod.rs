//! The sandbox as its users meet it: over HTTP, in one process.

mod calendar;
mod consent;
mod control;
mod fans;
mod faults;
mod strictness;
mod userinfo;
mod webhooks;

use std::time::Duration;

use serde_json::Value;

use crate::douyin::{AccountSpec, Disorder, Douyin, Numbers, TokenSet};
use crate::{Sandbox, SandboxConfig};

const DAY: u64 = 86_400;
const SCOPES: [&str; 3] = ["user_info", "fans.list", "fans.check"];

/// A sandbox and somebody who calls it.
struct Scenario {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Scenario {
    /// Frozen, so that a test says itself when time passes; numbers as numbers, so that assertions stay plain.
    async fn start() -> Self {
        let mut config = SandboxConfig { seed: Some(1), ..SandboxConfig::default() };
        config.clock.freeze();
        config.douyin.settings.numbers = Numbers::Strict;
        config.douyin.settings.disorder = Disorder::NONE;
        config.douyin.accounts.push(AccountSpec { awkward_id: true, ..AccountSpec::new("awkward", 3) });
        let sandbox = Sandbox::start(config).await.unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self { sandbox, http }
    }

    fn douyin(&self) -> &Douyin {
        self.sandbox.douyin()
    }

    fn advance(&self, seconds: u64) {
        self.sandbox.clock().advance(Duration::from_secs(seconds));
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.douyin().base_url())
    }

    fn authorize(&self, account: &str) -> TokenSet {
        self.douyin().authorize(account, &SCOPES).unwrap()
    }

    /// A form POST with the app's key.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let key = self.douyin().client_key();
        let form: Vec<(&str, &str)> = [("client_key", key)].iter().chain(fields).copied().collect();
        self.http.post(self.url(path)).form(&form).send().await.unwrap().json().await.unwrap()
    }

    async fn exchange(&self, code: &str) -> Value {
        let secret = self.douyin().client_secret();
        let fields = [("client_secret", secret.as_str()), ("code", code), ("grant_type", "authorization_code")];
        self.post("/oauth/access_token/", &fields).await
    }

    async fn refresh(&self, token: &str) -> Value {
        self.post("/oauth/refresh_token/", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn renew(&self, token: &str) -> Value {
        self.post("/oauth/renew_refresh_token/", &[("refresh_token", token)]).await
    }

    async fn userinfo(&self, tokens: &TokenSet) -> Value {
        let fields = [("access_token", tokens.access_token.as_str()), ("open_id", tokens.open_id.as_str())];
        self.post_without_key("/oauth/userinfo/", &fields).await
    }

    async fn post_without_key(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        self.http.post(self.url(path)).form(fields).send().await.unwrap().json().await.unwrap()
    }

    fn page_request(&self, tokens: &TokenSet, query: &[(&str, &str)]) -> reqwest::RequestBuilder {
        self.http
            .get(self.url("/fans/list/"))
            .header("access-token", &tokens.access_token)
            .header("content-type", "application/json")
            .query(&[("open_id", tokens.open_id.as_str())])
            .query(query)
    }

    async fn page(&self, tokens: &TokenSet, cursor: i64, count: u32) -> Value {
        let (cursor, count) = (cursor.to_string(), count.to_string());
        let query = [("cursor", cursor.as_str()), ("count", count.as_str())];
        self.page_request(tokens, &query).send().await.unwrap().json().await.unwrap()
    }

    /// All pages of one pass.
    async fn pass(&self, tokens: &TokenSet, count: u32) -> Vec<Value> {
        let mut pages: Vec<Value> = Vec::new();
        let mut cursor = Some(0);
        while let Some(at) = cursor {
            let page = self.page(tokens, at, count).await;
            assert_eq!(code(&page), 0, "{page}");
            cursor = (page.pointer("/data/has_more") == Some(&true.into())).then(|| number(&page, "/data/cursor"));
            pages.push(page);
        }
        pages
    }
}

/// A number, however it is written.
fn number(value: &Value, pointer: &str) -> i64 {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.parse().unwrap(),
        Some(other) => other.as_i64().unwrap(),
        None => panic!("no {pointer} in {value}"),
    }
}

/// The error number of an answer in any envelope.
fn code(answer: &Value) -> i64 {
    if answer.get("err_no").is_some() { number(answer, "/err_no") } else { number(answer, "/data/error_code") }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text {pointer} in {value}"))
}

fn listed(page: &Value) -> Vec<String> {
    let list = page.pointer("/data/list").and_then(Value::as_array).unwrap();
    list.iter().map(|fan| text(fan, "/open_id").to_owned()).collect()
}
