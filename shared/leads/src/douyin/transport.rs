//! One HTTP call to the platform: sent once, bounded in time and size, logged without anything that was sent.

use std::fmt;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, retry};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use url::{Host, Url};

use super::endpoint::Endpoint;
use super::errors::{FailureKind, PlatformError};
use super::wire::{self, Answer};

/// A Lambda sleeps between invocations while the other end and the NAT in between (350 s) forget the connection. A
/// new handshake costs milliseconds, a dead connection the whole timeout.
const KEEP_IDLE_CONNECTIONS: Duration = Duration::from_secs(20);

pub(super) struct Transport {
    base_url: Url,
    timeout: Duration,
    // Built by the first call, because loading the trust store costs 3.4 ms of CPU at every cold start, and most
    // functions that hold a client make no call at all.
    client: OnceCell<Client>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base_url", &self.base_url.as_str()).field("timeout", &self.timeout).finish()
    }
}

impl Transport {
    pub(super) fn new(base_url: Url, timeout: Duration) -> Self {
        Self { base_url, timeout, client: OnceCell::new() }
    }

    /// The address of `path`, which may have something before it: a local sandbox serves several platforms.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}/{path}", self.base_url.path().trim_end_matches('/')));
        url
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
        request: reqwest::RequestBuilder,
    ) -> Result<Answer<T>, PlatformError> {
        let started = Instant::now();
        let result = match read(endpoint, request).await {
            Ok((status, body)) => wire::unwrap(endpoint, status, &body),
            Err(Lost { http_status, reason }) => {
                tracing::debug!(douyin.endpoint = %endpoint, reason, "douyin answer lost");
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

    async fn client(&self, endpoint: Endpoint) -> Result<&Client, PlatformError> {
        self.client.get_or_try_init(|| async { self.build() }).await.map_err(|_| {
            // No trust store, no TLS provider: the deployment is broken, and no later call of it will do better.
            tracing::error!("the HTTP client of the douyin platform cannot be built");
            PlatformError { kind: FailureKind::Misconfigured, ..PlatformError::unreachable(endpoint) }
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the one client of this platform")]
    fn build(&self) -> reqwest::Result<Client> {
        let client = Client::builder()
            // From connecting to the last byte of the body.
            .timeout(self.timeout)
            // The API never redirects; following one would carry tokens to wherever it points.
            .redirect(Policy::none())
            // Retries have one owner, the worker. A code works once and a renewal counts, so none is free.
            .retry(retry::never())
            .pool_idle_timeout(KEEP_IDLE_CONNECTIONS);
        // A company proxy in the environment (say one with the fixed address of an allow-list) is honoured for the
        // platform and makes no sense for a sandbox on this machine.
        if is_loopback(&self.base_url) { client.no_proxy() } else { client }.build()
    }
}

/// Why there is no whole answer.
struct Lost {
    http_status: Option<u16>,
    reason: &'static str,
}

impl Lost {
    fn from_error(error: &reqwest::Error, http_status: Option<u16>) -> Self {
        // Never the error's own text: it quotes the address with its query.
        let reason = if error.is_timeout() {
            "timeout"
        } else if error.is_connect() {
            "no connection"
        } else {
            "connection lost"
        };
        Self { http_status, reason }
    }
}

async fn read(endpoint: Endpoint, request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), Lost> {
    let mut response: Response = request.send().await.map_err(|error| Lost::from_error(&error, None))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Lost::from_error(&error, Some(status)))? {
        if body.len() + chunk.len() > endpoint.max_body() {
            return Err(Lost { http_status: Some(status), reason: "answer too large" });
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, loopback) in [
            ("http://127.0.0.1:9300/douyin", true),
            ("http://127.8.8.8", true),
            ("http://localhost:9300", true),
            ("http://[::1]:9300", true),
            ("https://open.douyin.com", false),
            ("https://127.0.0.1.example.com", false),
            ("https://localhost.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), loopback, "{url}");
        }
    }
}
