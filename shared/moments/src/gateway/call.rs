//! Sending a request to the gateway and logging that it was sent, without anything that was in it.

use std::time::Instant;

use kernel::platform_http::exchange;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Gateway;
use super::endpoint::Endpoint;
use super::errors::{failed, undecided};
use super::wire;
use crate::provider::{Detail, FailureKind, ProviderError};

impl Gateway {
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        body: &impl Serialize,
    ) -> Result<T, ProviderError> {
        // A token that fits in no header is broken in our own configuration.
        let Ok(mut token) = HeaderValue::from_str(self.token.expose_secret()) else {
            return Err(failed(endpoint, FailureKind::BadCredentials));
        };
        token.set_sensitive(true);
        let started = Instant::now();
        let client = self.http.client(endpoint.connection()).await;
        let client = client.map_err(|_| undecided(endpoint, Detail::NotConnected))?;
        let url = self.http.url(&format!("gewe/v2/api/{}", endpoint.path()));
        let request = client.post(url).header("X-GEWE-TOKEN", token).json(body);
        let result = match exchange(request, endpoint.max_body()).await {
            Ok(reply) => wire::decode(endpoint, &reply),
            Err(lost) => Err(undecided(endpoint, lost.into())),
        };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let failure = result.as_ref().err().map(tracing::field::display);
        tracing::debug!(gateway.endpoint = %endpoint, gateway.failure = failure, duration_ms, "gateway called");
        result
    }
}
