//! The one HTTP client below all AWS clients.
//!
//! It is reqwest, which the platforms are spoken to with anyway. The SDK's own client is a second one of everything: it
//! parses the root certificates again, and brings HTTP/2, which no service we call speaks.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use reqwest::{Body, Client};
use rustls::ClientConfig;

use crate::error::Result;
use crate::{platform_http, trust};

/// As the SDK has it for its own client.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);

/// How long an idle connection is worth keeping. DynamoDB and SQS keep theirs for about a minute; an attempt on one that is
/// closed is repeated by the SDK.
const KEEP_IDLE: Duration = Duration::from_secs(50);

/// The HTTP client of AWS clients. All service clients share it, and with it the connections.
pub fn client() -> SharedHttpClient {
    client_with(trust::client_config)
}

fn client_with(tls: impl Fn() -> Result<ClientConfig> + Send + Sync + 'static) -> SharedHttpClient {
    SharedHttpClient::new(ReqwestClient(Arc::new(Lazy { tls: Box::new(tls), client: OnceLock::new() })))
}

/// Built at the first call, so that a function which makes none does not read the certificates.
struct Lazy {
    tls: Box<dyn Fn() -> Result<ClientConfig> + Send + Sync>,
    client: OnceLock<Client>,
}

impl Lazy {
    fn get(&self) -> Result<Client, ConnectorError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let tls = (self.tls)().map_err(|error| ConnectorError::user(error.into()))?;
        let builder = platform_http::builder_with(tls).connect_timeout(CONNECT_TIMEOUT).pool_idle_timeout(KEEP_IDLE);
        let client = builder.build().map_err(|error| ConnectorError::user(error.into()))?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

#[derive(Clone)]
struct ReqwestClient(Arc<Lazy>);

impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReqwestClient")
    }
}

impl HttpClient for ReqwestClient {
    /// The SDK's timeouts are around the call; the settings would repeat them.
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ReqwestClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.get();
        HttpConnectorFuture::new(async move { exchange(client?, request).await })
    }
}

async fn exchange(client: Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    // No request of ours streams its body.
    let Some(body) = request.body().bytes().map(|bytes| Body::from(bytes.to_vec())) else {
        return Err(ConnectorError::user("a streaming request body".into()));
    };
    let request =
        request.map(|_| body).try_into().map_err(|error: reqwest::Error| ConnectorError::user(error.into()))?;
    let response = client.execute(request).await.map_err(lost)?;
    let mut answer = http::Response::builder().status(response.status());
    if let Some(headers) = answer.headers_mut() {
        headers.clone_from(response.headers());
    }
    let body = SdkBody::from(response.bytes().await.map_err(lost)?);
    let answer = answer.body(body).map_err(|error| ConnectorError::other(error.into(), None))?;
    answer
        .try_into()
        .map_err(|error: aws_smithy_runtime_api::http::HttpError| ConnectorError::other(error.into(), None))
}

/// The SDK repeats what ended by a timeout or a broken connection, as it does with its own client.
fn lost(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
    use aws_smithy_types::retry::RetryConfig;

    use super::*;
    use crate::aws::Aws;
    use crate::trust::tests::Authority;

    #[tokio::test]
    async fn sdk_http_calls_only_a_server_with_a_certificate_of_a_root_for_its_name() {
        let (ours, theirs) = (Authority::new(), Authority::new());
        let ports = [
            (ours.serve("localhost").await, true),
            (ours.serve("elsewhere.example").await, false),
            (theirs.serve("localhost").await, false),
        ];
        let http_client = client_with(move || ours.trusted());
        for (port, is_trusted) in ports {
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::from_static("cn-north-1"))
                .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
                .retry_config(RetryConfig::disabled())
                .endpoint_url(format!("https://localhost:{port}"))
                .http_client(http_client.clone())
                .build();
            let answer = Aws::from_config(&config).dynamodb.list_tables().send().await;
            assert_eq!(answer.is_ok(), is_trusted, "{answer:?}");
        }
    }
}
