//! The API as a client sees it, checked against the contract with every answer.

use anyhow::{Context, Result, ensure};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::aws::SETTLE;
use crate::record::Record;

/// The API, as one user.
pub(super) struct Api {
    http: reqwest::Client,
    base: String,
    /// Address of the emulated AWS.
    aws: String,
    token: Option<String>,
}

/// What the API answered.
pub(super) struct Answer {
    /// What was asked, for messages.
    asked: String,
    pub(super) status: u16,
    /// Where a redirect leads.
    pub(super) location: Option<String>,
    /// The cookie it sets, as a browser sends it back.
    pub(super) cookie: Option<String>,
    body: Value,
}

impl Api {
    pub(super) fn new(http: reqwest::Client, record: &Record, token: Option<String>) -> Self {
        Self { http, base: record.api_url.clone(), aws: record.aws_url.clone(), token }
    }

    /// Looks seconds after what was done before, as a person would: until then a list may be as it was.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        self.http.post(format!("{}{SETTLE}", self.aws)).send().await.context("the emulated AWS does not answer")?;
        self.ask(Method::GET, path, |request| request.query(query)).await
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Value) -> Result<Answer> {
        self.ask(method, path, |request| request.json(&body)).await
    }

    /// An order that needs no body.
    pub(super) async fn order(&self, method: Method, path: &str) -> Result<Answer> {
        self.ask(method, path, |request| request).await
    }

    /// A POST that may be repeated without being carried out twice.
    pub(super) async fn send_once(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        self.ask(Method::POST, path, |request| request.header("Idempotency-Key", key).json(body)).await
    }

    /// An address of the API that another party composed, as a browser with this cookie would open it.
    pub(super) async fn open(&self, url: &str, cookie: Option<&str>) -> Result<Answer> {
        let path = url.strip_prefix(&self.base).with_context(|| "this address is not one of the API")?;
        self.ask(Method::GET, path, |request| match cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        })
        .await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer> {
        // Not the query: it can carry a code.
        let asked = format!("{method} {}", path.split('?').next().unwrap_or_default());
        let mut request = complete(self.http.request(method, format!("{}{path}", self.base)));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.with_context(|| format!("{asked} is not answered"))?;
        let status = answer.status().as_u16();
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let location = header("location").map(str::to_owned);
        let cookie = header("set-cookie").and_then(|text| text.split(';').next()).map(str::to_owned);
        let text = answer.text().await.with_context(|| format!("the answer to {asked} broke off"))?;
        Ok(Answer { asked, status, location, cookie, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }
}

impl Answer {
    /// The data of a success, after checking the envelope.
    pub(super) fn data(self, status: u16) -> Result<Value> {
        self.envelope(status)?;
        self.body.get("data").cloned().with_context(|| format!("{} answers without data: {}", self.asked, self.body))
    }

    /// Checks that it is the refusal the contract promises, worded for a Chinese user.
    pub(super) fn refused(self, status: u16, error_type: &str) -> Result<String> {
        self.envelope(status)?;
        let (asked, body) = (&self.asked, &self.body);
        let given = body.pointer("/error/type").and_then(Value::as_str);
        ensure!(given == Some(error_type), "{asked} must be refused as {error_type}: {body}");
        ensure!(body.get("data").is_none_or(Value::is_null), "{asked} must not give data with a refusal: {body}");
        let text = |pointer| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        ensure!(!text("/error/reason").is_empty(), "{asked} must say what to do: {body}");
        ensure!(!text("/error/requestId").is_empty(), "{asked} must name the request: {body}");
        Ok(text("/message").to_owned())
    }

    fn envelope(&self, status: u16) -> Result<()> {
        let Self { asked, body, .. } = self;
        ensure!(self.status == status, "{asked} must answer {status}, not {}: {body}", self.status);
        let code = body.get("code").and_then(Value::as_u64);
        ensure!(code == Some(status.into()), "{asked} must repeat its status as code: {body}");
        let message = body.get("message").and_then(Value::as_str).unwrap_or_default();
        let is_chinese = message.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
        ensure!(is_chinese, "the message of {asked} must be Chinese: {body}");
        Ok(())
    }
}

/// A number in an answer.
pub(super) fn number(value: &Value, field: &str) -> Result<u64> {
    value.get(field).and_then(Value::as_u64).with_context(|| format!("{field} is not a number in {value}"))
}

/// A text in an answer.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value.get(field).and_then(Value::as_str).with_context(|| format!("{field} is not a text in {value}"))
}

/// A list in an answer.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> Result<&'a [Value]> {
    let items = value.get(field).and_then(Value::as_array);
    Ok(items.with_context(|| format!("{field} is not a list in {value}"))?)
}
