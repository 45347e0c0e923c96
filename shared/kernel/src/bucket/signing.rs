//! Signatures of requests to S3: in a header for what is sent from here, in the address for whoever is given one.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::config::ProvideCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningInstructions,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use url::Url;

use super::{Bucket, Content, Inner, failed};
use crate::error::Result;
use crate::platform_http::Connection;

impl Bucket {
    /// An address by which anybody can read the object `key` for so long. Nothing is asked for: whether the object is there
    /// shows only when it is read. An address made with credentials that end sooner ends with them.
    ///
    /// # Errors
    /// [`crate::Error::Aws`] when there are no credentials.
    pub async fn presigned(&self, key: &str, valid_for: Duration) -> Result<Url> {
        const OPERATION: &str = "s3:GetObject";
        let mut settings = of_s3();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(valid_for);
        let mut url = self.inner.http.url(key);
        let unsigned = Unsigned { method: &Method::GET, mime: None, body: SignableBody::UnsignedPayload };
        let signature = self.sign(OPERATION, &url, unsigned, settings).await?;
        url.query_pairs_mut().extend_pairs(signature.params());
        Ok(url)
    }

    /// A request for an object, with our signature over `content` too if that is to be its body.
    pub(super) async fn signed(
        &self,
        operation: &'static str,
        method: &Method,
        key: &str,
        content: Option<&Content>,
    ) -> Result<RequestBuilder> {
        let mut settings = of_s3();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let body = match content {
            None => SignableBody::Bytes(&[]),
            Some(content) => SignableBody::Precomputed(content.sha256.clone()),
        };
        let mime = content.map(|content| content.mime);
        let url = self.inner.http.url(key);
        let signature = self.sign(operation, &url, Unsigned { method, mime, body }, settings).await?;
        let mut request = self.inner.http.client(Connection::Kept).await?.request(method.clone(), url);
        if let Some(mime) = mime {
            request = request.header(CONTENT_TYPE, mime);
        }
        for (name, value) in signature.headers() {
            request = request.header(name, value);
        }
        Ok(request)
    }

    async fn sign(
        &self,
        operation: &'static str,
        url: &Url,
        Unsigned { method, mime, body }: Unsigned<'_>,
        settings: SigningSettings,
    ) -> Result<SigningInstructions> {
        let Inner { s3, clock, .. } = &*self.inner;
        let unsigned = |_| failed(operation, "ConstructionFailure");
        let provider = s3.credentials.as_ref().ok_or_else(|| failed(operation, "ConstructionFailure"))?;
        let credentials = provider.provide_credentials().await.map_err(|_| failed(operation, "Credentials"))?;
        let identity = Identity::from(credentials);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&s3.region)
            .name("s3")
            .time(SystemTime::from(clock.now()))
            .settings(settings)
            .build()
            .map_err(|_| failed(operation, "ConstructionFailure"))?;
        let headers = mime.map(|mime| (CONTENT_TYPE.as_str(), mime)).into_iter();
        let signable = SignableRequest::new(method.as_str(), url.as_str(), headers, body).map_err(unsigned)?;
        let (signature, _) = sign(signable, &params.into()).map_err(unsigned)?.into_parts();
        Ok(signature)
    }
}

/// A request before it is signed.
struct Unsigned<'a> {
    method: &'a Method,
    /// The media type of its body, if it has one.
    mime: Option<&'static str>,
    body: SignableBody<'a>,
}

/// What S3 wants otherwise than every other service.
fn of_s3() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}
