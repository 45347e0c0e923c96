//! The one HTTP client below all AWS clients.

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The SDK's HTTP client, trusting the certificates in `roots` (PEM) and no others.
///
/// All service clients share it, and with it the connector and its connections: building a connector parses the roots.
pub(crate) fn client(roots: &str) -> SharedHttpClient {
    let trust = TrustStore::empty().with_pem_certificate(roots);
    let tls = TlsContext::builder().with_trust_store(trust).build().unwrap_or_default();
    let client = Builder::new().tls_provider(Provider::rustls(CryptoMode::AwsLc)).tls_context(tls).build_https();
    SharedHttpClient::new(BuiltOnce(client))
}

/// A client whose connector is built at the first call, once.
///
/// It passes on everything but `validate_base_client_config`: at each service client that is built, the SDK's own
/// builds a connector there and throws it away, so that roots are loaded early. Ours are loaded already.
#[derive(Debug)]
struct BuiltOnce(SharedHttpClient);

impl HttpClient for BuiltOnce {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
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
        let http_client = client(&ours.pem());
        for (port, is_trusted) in [
            (ours.serve("localhost").await, true),
            (ours.serve("elsewhere.example").await, false),
            (theirs.serve("localhost").await, false),
        ] {
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
