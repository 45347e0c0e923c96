//! WeCom as its callers meet it: over HTTP, in one process.

mod control;
mod faults;
mod moments;
mod order;
mod tokens;
mod uploads;

use std::time::Duration;

use serde_json::{Value, json};

use super::{Wecom, WecomEndpoint, WecomFault};
use crate::media::MediaFile;
use crate::{Sandbox, SandboxConfig};

const CORP: &str = "corp-1";

/// A sandbox, somebody who calls it, and a token.
struct Scenario {
    sandbox: Sandbox,
    http: reqwest::Client,
    token: String,
}

impl Scenario {
    /// Frozen, so that a test says itself when time passes; 42001 whenever a token has expired.
    async fn start() -> Self {
        let mut config = SandboxConfig { seed: Some(1), ..SandboxConfig::default() };
        config.clock.freeze();
        config.wecom.settings.expired_as_invalid_per_mille = 0;
        let sandbox = Sandbox::start(config).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let token = sandbox.wecom().issue_token(CORP).unwrap();
        Self { sandbox, http, token }
    }

    fn wecom(&self) -> &Wecom {
        self.sandbox.wecom()
    }

    fn advance(&self, seconds: u64) {
        self.sandbox.clock().advance(Duration::from_secs(seconds));
    }

    fn url(&self, endpoint: WecomEndpoint) -> String {
        format!("{}/cgi-bin/{}?access_token={}", self.wecom().base_url(), endpoint.name(), self.token)
    }

    async fn get(&self, endpoint: WecomEndpoint, query: &[(&str, &str)]) -> Value {
        self.http.get(self.url(endpoint)).query(query).send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, endpoint: WecomEndpoint, body: &Value) -> Value {
        self.http.post(self.url(endpoint)).json(body).send().await.unwrap().json().await.unwrap()
    }

    async fn get_token(&self, query: &[(&str, &str)]) -> Value {
        let url = format!("{}/cgi-bin/gettoken", self.wecom().base_url());
        self.http.get(url).query(query).send().await.unwrap().json().await.unwrap()
    }

    /// What a proper client asks.
    async fn log_in(&self) -> Value {
        let corp = self.wecom().corp(CORP).unwrap();
        self.get_token(&[("corpid", &corp.corp_id), ("corpsecret", corp.secret())]).await
    }

    async fn upload_to(&self, endpoint: WecomEndpoint, query: &[(&str, &str)], file: &[u8]) -> Value {
        let head = "--b\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.jpg\"\r\n\
                    Content-Type: image/jpeg\r\n\r\n";
        let body = [head.as_bytes(), file, b"\r\n--b--\r\n"].concat();
        let request = self.http.post(self.url(endpoint)).query(query);
        let request = request.header("content-type", "multipart/form-data; boundary=b").body(body);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// A picture for moments.
    async fn image(&self) -> String {
        let query = [("media_type", "image"), ("attachment_type", "1")];
        let file = MediaFile::jpeg(640, 480).generate("a");
        let answer = self.upload_to(WecomEndpoint::UploadAttachment, &query, &file).await;
        text(&answer, "/media_id").to_owned()
    }

    /// A moment for two members.
    async fn create(&self, content: &str) -> Value {
        let senders = json!({"sender_list": {"user_list": ["zhangsan", "lisi"]}});
        self.post(WecomEndpoint::AddMomentTask, &json!({"text": {"content": content}, "visible_range": senders})).await
    }

    async fn result(&self, jobid: &str) -> Value {
        self.get(WecomEndpoint::GetMomentTaskResult, &[("jobid", jobid)]).await
    }

    /// The id of a moment that has reached its members.
    async fn dispatched(&self, content: &str) -> String {
        let jobid = text(&self.create(content).await, "/jobid").to_owned();
        self.advance(5);
        text(&self.result(&jobid).await, "/result/moment_id").to_owned()
    }

    async fn members(&self, moment_id: &str) -> Value {
        self.post(WecomEndpoint::GetMomentTask, &json!({"moment_id": moment_id})).await
    }

    /// Everything listed around now.
    async fn list(&self) -> Vec<Value> {
        let now = self.sandbox.clock().now().as_second();
        let body = json!({"start_time": now - 86_400, "end_time": now + 1});
        let answer = self.post(WecomEndpoint::GetMomentList, &body).await;
        assert_eq!(code(&answer), 0, "{answer}");
        answer["moment_list"].as_array().unwrap().clone()
    }

    fn last(&self, endpoint: WecomEndpoint) -> crate::Entry {
        self.sandbox.journal().of(endpoint.name()).pop().unwrap()
    }
}

fn code(answer: &Value) -> i64 {
    answer["errcode"].as_i64().unwrap_or_else(|| panic!("no errcode in {answer}"))
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text {pointer} in {value}"))
}
