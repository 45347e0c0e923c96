//! One HTTP call to the platform, logged without anything that was sent.

use std::time::{Duration, Instant};

use kernel::platform_http::{Connection, KEEP_IDLE, Lost, PlatformHttp, Policy, Reply, exchange};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use super::endpoint::Endpoint;
use super::errors::{FailureKind, PlatformError};
use super::wire::{self, Answer};

#[derive(Debug)]
pub(super) struct Transport {
    http: PlatformHttp,
}

impl Transport {
    pub(super) const fn new(base_url: Url, timeout: Duration) -> Self {
        let policy = Policy { timeout, keep_idle: KEEP_IDLE };
        Self { http: PlatformHttp::new(base_url, policy) }
    }

    /// The address of `path` below the platform's.
    pub(super) fn url(&self, path: &str) -> Url {
        self.http.url(path)
    }

    /// Sends a form. The token pages insist on a form where JSON would be the habit.
    pub(super) async fn post_form<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        form: &[(&str, &str)],
    ) -> Result<Answer<T>, PlatformError> {
        let client = self.client(endpoint).await?;
        self.send(endpoint, client.post(self.url(endpoint.path())).form(form)).await
    }

    /// Asks with the user's token in the documented header. Query values are percent-encoded throughout: ids contain
    /// `+ / = @`, and an id that arrives mangled is answered, misleadingly, with "token expired".
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        access_token: &SecretString,
        query: &[(&str, &str)],
    ) -> Result<Answer<T>, PlatformError> {
        // A token that fits in no header is broken in our own store; a refresh brings a good one.
        let Ok(mut token) = HeaderValue::from_str(access_token.expose_secret()) else {
            return Err(PlatformError { kind: FailureKind::TokenInvalid, ..PlatformError::unreachable(endpoint) });
        };
        token.set_sensitive(true);
        let request = self
            .client(endpoint)
            .await?
            .get(self.url(endpoint.path()))
            .query(query)
            .header("access-token", token)
            .header(CONTENT_TYPE, "application/json");
        self.send(endpoint, request).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        request: RequestBuilder,
    ) -> Result<Answer<T>, PlatformError> {
        let started = Instant::now();
        let result = match exchange(request, endpoint.max_body()).await {
            Ok(Reply { status, body }) => wire::unwrap(endpoint, status, &body),
            Err(Lost { reason, status: http_status }) => {
                tracing::debug!(douyin.endpoint = %endpoint, %reason, "douyin answer lost");
                Err(PlatformError { http_status, ..PlatformError::unreachable(endpoint) })
            }
        };
        let (code, log_id) = match &result {
            Ok(answer) => (None, answer.log_id.as_deref()),
            Err(error) => (error.code, error.log_id.as_deref()),
        };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            douyin.endpoint = %endpoint,
            douyin.code = code.unwrap_or(0),
            douyin.log_id = log_id,
            duration_ms,
            "douyin called"
        );
        result
    }

    /// A kept connection also for the code and for renewals, which work once: what is lost with one is a person's
    /// consent to give again, not a post that appears twice.
    async fn client(&self, endpoint: Endpoint) -> Result<&Client, PlatformError> {
        let client = self.http.client(Connection::Kept).await;
        let misconfigured = PlatformError { kind: FailureKind::Misconfigured, ..PlatformError::unreachable(endpoint) };
        client.map_err(|_| misconfigured)
    }
}
