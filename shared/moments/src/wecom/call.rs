//! Sending a request to the platform and logging that it was sent, without anything that was in it.

use std::time::Instant;

use kernel::platform_http::exchange;
use reqwest::RequestBuilder;
use reqwest::multipart::Form;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Wecom;
use super::endpoint::Endpoint;
use super::errors::undecided;
use super::wire;
use crate::provider::{Detail, ProviderError};

impl Wecom {
    /// Asks with `query` alone.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        query: &[(&str, &str)],
    ) -> Result<T, ProviderError> {
        let client = self.client(endpoint).await?;
        self.send(endpoint, client.get(self.http.url(&path(endpoint))).query(query)).await
    }

    /// Asks with the token, which the platform takes from the query and nowhere else.
    pub(super) async fn get_with_token<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        token: &SecretString,
        query: &[(&str, &str)],
    ) -> Result<T, ProviderError> {
        let mut pairs = vec![("access_token", token.expose_secret())];
        pairs.extend_from_slice(query);
        self.get(endpoint, &pairs).await
    }

    /// Sends JSON. serde_json writes real characters: escapes (`\u4f60`) are a documented cause of code 40033.
    pub(super) async fn post_json<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        token: &SecretString,
        body: &impl Serialize,
    ) -> Result<T, ProviderError> {
        let request = self.client(endpoint).await?.post(self.http.url(&path(endpoint)));
        self.send(endpoint, request.query(&[("access_token", token.expose_secret())]).json(body)).await
    }

    /// Sends a form with a file.
    pub(super) async fn post_form<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        token: &SecretString,
        query: &[(&str, &str)],
        form: Form,
    ) -> Result<T, ProviderError> {
        let request = self.client(endpoint).await?.post(self.http.url(&path(endpoint)));
        let request = request.query(&[("access_token", token.expose_secret())]).query(query);
        self.send(endpoint, request.multipart(form)).await
    }

    async fn client(&self, endpoint: Endpoint) -> Result<&reqwest::Client, ProviderError> {
        self.http
            .client(endpoint.connection())
            .await
            .map_err(|_| undecided(endpoint, self.on_this_way(Detail::NotConnected)))
    }

    /// Names the proxy where it stands between us and the missing connection: its company can mend it.
    fn on_this_way(&self, detail: Detail) -> Detail {
        match detail {
            Detail::NotConnected if self.http.has_proxy() => Detail::ProxyNotConnected,
            detail => detail,
        }
    }

    async fn send<T: DeserializeOwned>(&self, endpoint: Endpoint, request: RequestBuilder) -> Result<T, ProviderError> {
        let started = Instant::now();
        let result = match exchange(request, endpoint.max_body()).await {
            Ok(reply) => wire::decode(endpoint, &reply),
            Err(lost) => Err(undecided(endpoint, self.on_this_way(lost.into()))),
        };
        self.observed.learn(endpoint, &result);
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let failure = result.as_ref().err().map(tracing::field::display);
        tracing::debug!(wecom.endpoint = %endpoint, wecom.failure = failure, duration_ms, "wecom called");
        result
    }
}

fn path(endpoint: Endpoint) -> String {
    format!("cgi-bin/{}", endpoint.path())
}
