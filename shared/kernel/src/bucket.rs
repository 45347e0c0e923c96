//! Objects of a bucket in S3, by requests that are signed here and sent by the HTTP client of all platforms.
//!
//! The SDK's own client for S3 is not used: it makes the publisher's package 23 % larger
//! (docs/adr/0012-s3-without-its-sdk.md).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::platform_http::{Connection, KEEP_IDLE, PlatformHttp, Policy};
use crate::retry::CONFLICT_PAUSES;

/// The longest one attempt may take, the whole body included.
const LONGEST_ATTEMPT: Duration = Duration::from_millis(2_400);
/// How often a request is sent that is not answered, or by a failure of S3's own. Every request here may be repeated.
const ATTEMPTS: u32 = 2;
/// The longest that anything asked of a bucket takes.
pub const LONGEST_CALL: Duration = Duration::from_secs(5);

/// How S3 is reached and by whom.
#[derive(Debug, Clone)]
pub struct S3 {
    region: String,
    endpoint: Option<String>,
    credentials: Option<SharedCredentialsProvider>,
}

impl S3 {
    /// The S3 of an SDK configuration.
    pub fn from_config(config: &SdkConfig) -> Self {
        Self {
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            endpoint: config.endpoint_url().map(str::to_owned),
            credentials: config.credentials_provider(),
        }
    }

    /// The bucket of this name. Opens nothing.
    ///
    /// # Errors
    /// [`Error::Internal`] for a name that is none.
    pub fn bucket(&self, name: &str, clock: &Clock) -> Result<Bucket> {
        let base_url = match &self.endpoint {
            // An emulator has one address for all buckets.
            Some(endpoint) => format!("{endpoint}/{name}"),
            None => {
                let suffix = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{name}.s3.{}.{suffix}", self.region)
            }
        };
        let base_url = Url::parse(&base_url).map_err(|_| Error::Internal("name of a bucket"))?;
        let policy = Policy { timeout: LONGEST_ATTEMPT, keep_idle: KEEP_IDLE };
        let http = PlatformHttp::new(base_url, policy);
        Ok(Bucket { inner: Arc::new(Inner { http, s3: self.clone(), clock: clock.clone() }) })
    }
}

/// A bucket. Clones share connections.
#[derive(Debug, Clone)]
pub struct Bucket {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: PlatformHttp,
    s3: S3,
    clock: Clock,
}

/// An object that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// S3's word for this version of it.
    pub etag: String,
    /// Its content.
    pub body: Vec<u8>,
}

impl fmt::Debug for Object {
    // The content is somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("etag", &self.etag).field("body_bytes", &self.body.len()).finish()
    }
}

impl Bucket {
    /// The object `key`, of at most `longest` bytes; `None` if its version is still `known`.
    ///
    /// # Errors
    /// [`Error::Aws`] when it is not there, is longer, or S3 does not answer.
    pub async fn get(&self, key: &str, known: Option<&str>, longest: usize) -> Result<Option<Object>> {
        const OPERATION: &str = "s3:GetObject";
        for attempt in 1..=ATTEMPTS {
            let request = self.signed(OPERATION, &Method::GET, key).await?;
            let request = match known {
                Some(known) => request.header(IF_NONE_MATCH, format!("\"{known}\"")),
                None => request,
            };
            let failure = match request.send().await {
                Ok(response) if response.status().as_u16() == 304 => return Ok(None),
                Ok(response) if response.status().is_success() => match read(response, longest).await {
                    Ok(Some(object)) => return Ok(Some(object)),
                    Ok(None) => return Err(failed(OPERATION, "TooLong")),
                    Err(_) => failed(OPERATION, "UnreadableResponse"),
                },
                Ok(response) if response.status().is_server_error() => failed(OPERATION, response.status().as_str()),
                Ok(response) => return Err(failed(OPERATION, response.status().as_str())),
                Err(error) if error.is_timeout() => failed(OPERATION, "Timeout"),
                Err(_) => failed(OPERATION, "DispatchFailure"),
            };
            if attempt == ATTEMPTS {
                return Err(failure);
            }
            self.inner.clock.sleep(CONFLICT_PAUSES.jittered(attempt)).await;
        }
        Err(failed(OPERATION, "Unknown"))
    }

    /// A request for an object, with our signature.
    async fn signed(&self, operation: &'static str, method: &Method, key: &str) -> Result<RequestBuilder> {
        let Inner { http, s3, clock } = &*self.inner;
        let unsigned = |_| failed(operation, "ConstructionFailure");
        let provider = s3.credentials.as_ref().ok_or_else(|| failed(operation, "ConstructionFailure"))?;
        let credentials = provider.provide_credentials().await.map_err(|_| failed(operation, "Credentials"))?;
        let identity = Identity::from(credentials);
        let mut settings = SigningSettings::default();
        // As S3 has it, other than every other service.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&s3.region)
            .name("s3")
            .time(SystemTime::from(clock.now()))
            .settings(settings)
            .build()
            .map_err(|_| failed(operation, "ConstructionFailure"))?;
        let url = http.url(key);
        let empty = SignableBody::Bytes(&[]);
        let signable =
            SignableRequest::new(method.as_str(), url.as_str(), std::iter::empty(), empty).map_err(unsigned)?;
        let (instructions, _) = sign(signable, &params.into()).map_err(unsigned)?.into_parts();
        let mut request = http.client(Connection::Kept).await?.request(method.clone(), url);
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        Ok(request)
    }
}

/// The object of an answer; `None` if it is longer than any real one.
async fn read(mut response: Response, longest: usize) -> reqwest::Result<Option<Object>> {
    let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default();
    let etag = etag.trim_matches('"').to_owned();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > longest {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(Object { etag, body }))
}

fn failed(operation: &'static str, code: &str) -> Error {
    Error::Aws { operation, code: code.to_owned(), message: String::new() }
}

#[cfg(test)]
mod tests;
