//! The gateway as its callers meet it: over HTTP, in one process.

mod accounts;
mod faults;
mod posts;

use std::time::Duration;

use serde_json::{Value, json};

use super::{Gewe, GeweEndpoint, GeweFault};
use crate::media::MediaFile;
use crate::{Sandbox, SandboxConfig};

const PHONE: &str = "phone-1";

/// A sandbox and somebody who calls it.
struct Scenario {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Scenario {
    /// Frozen, so that a test says itself when time passes.
    async fn start() -> Self {
        let config = SandboxConfig { seed: Some(1), ..SandboxConfig::default() };
        config.clock.freeze();
        let sandbox = Sandbox::start(config).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { sandbox, http }
    }

    fn gewe(&self) -> &Gewe {
        self.sandbox.gewe()
    }

    fn advance(&self, seconds: u64) {
        self.sandbox.clock().advance(Duration::from_secs(seconds));
    }

    fn url(&self, endpoint: GeweEndpoint) -> String {
        format!("{}/gewe/v2/api/{}", self.gewe().base_url(), endpoint.name())
    }

    fn request(&self, endpoint: GeweEndpoint) -> reqwest::RequestBuilder {
        self.http.post(self.url(endpoint)).header("X-GEWE-TOKEN", self.gewe().token())
    }

    /// What this device is told to do; always answered with HTTP 200.
    async fn call(&self, endpoint: GeweEndpoint, device: &str, mut body: Value) -> Value {
        body["appId"] = self.gewe().device(device).unwrap().app_id.into();
        let response = self.request(endpoint).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    async fn post_text(&self, content: &str) -> Value {
        self.call(GeweEndpoint::SendText, PHONE, json!({"content": content})).await
    }

    async fn list(&self, device: &str) -> Vec<Value> {
        let answer = self.call(GeweEndpoint::List, device, json!({"maxId": 0})).await;
        answer["data"]["snsList"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }
}

/// The sentence of a failure, with the reason beside it.
fn failure(answer: &Value) -> (&str, Option<&str>) {
    assert_eq!(answer["ret"], 500, "{answer}");
    (answer["msg"].as_str().unwrap(), answer.pointer("/data/msg").and_then(Value::as_str))
}
