//! A service that judges texts, asked by HTTP in the form that the settings describe.

use std::sync::Arc;

use kernel::Context;
use kernel::platform_http::{Connection, LossReason, PlatformHttp, Reply, exchange};
use kernel::platform_secret::{Secrets, Version};
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{NotJudged, TextObjection};
use crate::config::{ServiceSettings, TEXT_CHECK_TRIES};
use crate::provider::http;

/// Verdicts come with labels and positions, but never with more than the text that they are about.
const MAX_BODY: usize = 64 * 1024;

const SERVICE: NotJudged = NotJudged("service");

/// The service. Clones share connections.
#[derive(Debug, Clone)]
pub(super) struct TextService(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: ServiceSettings,
    http: PlatformHttp,
    cx: Context,
    // Read by the first call: a function with a service may still never have a text to judge.
    secrets: OnceCell<Secrets>,
}

impl TextService {
    pub(super) fn new(settings: ServiceSettings, cx: &Context) -> Self {
        let http = http(settings.url.clone(), settings.timeout);
        Self(Arc::new(Inner { settings, http, cx: cx.clone(), secrets: OnceCell::new() }))
    }

    /// What the service has against a text.
    pub(super) async fn judge(&self, text: &str) -> Result<Option<TextObjection>, NotJudged> {
        let form = &self.0.settings.form;
        let reply = self.ask(&form.request_of(text)).await?;
        let verdict = match reply.status {
            200..=299 => read(&reply.body, &form.verdict),
            _ => None,
        };
        let Some(verdict) = verdict else {
            tracing::error!(http.status = reply.status, "the service that judges texts answered without a verdict");
            return Err(SERVICE);
        };
        let is_among = |words: &[String]| words.contains(&verdict);
        match () {
            () if is_among(&form.pass) => Ok(None),
            () if is_among(&form.block) => Ok(Some(TextObjection::Blocked)),
            () if is_among(&form.review) => Ok(Some(TextObjection::ForReview)),
            () => {
                tracing::error!("the service that judges texts answered with a verdict that the form does not know");
                Err(SERVICE)
            }
        }
    }

    /// Asks, once more if the answer was lost or the token has been replaced since it was read.
    async fn ask(&self, request: &Value) -> Result<Reply, NotJudged> {
        let secrets = self.0.secrets.get_or_try_init(|| Secrets::load(&self.0.cx)).await.map_err(|error| {
            tracing::error!("the token of the service that judges texts cannot be read: {error}");
            SERVICE
        })?;
        let mut version = secrets.current().await;
        for attempt in 1..=TEXT_CHECK_TRIES {
            let is_last = attempt == TEXT_CHECK_TRIES;
            match exchange(self.request(request, &version).await?, MAX_BODY).await {
                Ok(Reply { status: 401 | 403, .. }) if !is_last => match secrets.newer_than(&version).await {
                    Some(newer) => version = newer,
                    None => break,
                },
                Ok(reply) => return Ok(reply),
                Err(lost) if is_last || lost.reason == LossReason::TooLong => {
                    tracing::error!(reason = lost.reason.as_str(), "the service that judges texts did not answer");
                    return Err(SERVICE);
                }
                Err(_) => {}
            }
        }
        tracing::error!("the service that judges texts refuses our token");
        Err(SERVICE)
    }

    /// The request with the token of this version of our secret.
    async fn request(&self, request: &Value, version: &Version) -> Result<RequestBuilder, NotJudged> {
        let Inner { settings, http, .. } = &*self.0;
        let client = http.client(Connection::Kept).await.map_err(|_| SERVICE)?;
        let mut sent = client.post(settings.url.clone()).json(request);
        if let Some(token) = version.secret().text_check_token() {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            let mut bearer = bearer.map_err(|_| SERVICE)?;
            bearer.set_sensitive(true);
            sent = sent.header(AUTHORIZATION, bearer);
        }
        Ok(sent)
    }
}

/// The verdict of an answer, in lower case. Some services answer a number.
fn read(body: &[u8], pointer: &str) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    match answer.pointer(pointer)? {
        Value::String(verdict) => Some(verdict.to_lowercase()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_check_verdict_is_a_word_or_a_number_at_its_place() {
        for (body, pointer, verdict) in [
            (r#"{"suggestion":"Pass"}"#, "/suggestion", Some("pass")),
            (r#"{"data":[{"result":2}]}"#, "/data/0/result", Some("2")),
            (r#"{"suggestion":null}"#, "/suggestion", None),
            (r#"{"suggestion":{}}"#, "/suggestion", None),
            ("{}", "/suggestion", None),
            ("<html>", "/suggestion", None),
        ] {
            assert_eq!(read(body.as_bytes(), pointer).as_deref(), verdict, "{body}");
        }
    }
}
