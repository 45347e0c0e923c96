//! Objects of a bucket in S3, by requests that are signed here and sent by the HTTP client of all platforms.
//!
//! The SDK's own client for S3 is not used: it makes the publisher's package 23 % larger
//! (docs/adr/0012-s3-without-its-sdk.md).

mod signing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use bytes::Bytes;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::platform_http::{KEEP_IDLE, PlatformHttp, Policy};
use crate::retry::CONFLICT_PAUSES;

/// How often an object is read or written that is not answered, or by a failure of S3's own: both may be repeated.
const ATTEMPTS: u32 = 2;
/// How long S3 takes a signature that is in a header: a request that arrives later is refused.
pub const SIGNATURE_LIFETIME: Duration = Duration::from_secs(900);

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

    /// The bucket of this name, of which each attempt may take `longest_attempt`, the whole body included. Opens nothing.
    ///
    /// # Errors
    /// [`Error::Internal`] for a name that is none.
    pub fn bucket(&self, name: &str, longest_attempt: Duration, clock: &Clock) -> Result<Bucket> {
        let base_url = match &self.endpoint {
            // An emulator has one address for all buckets.
            Some(endpoint) => format!("{endpoint}/{name}"),
            None => {
                let suffix = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{name}.s3.{}.{suffix}", self.region)
            }
        };
        let base_url = Url::parse(&base_url).map_err(|_| Error::Internal("name of a bucket"))?;
        let policy = Policy { timeout: longest_attempt, keep_idle: KEEP_IDLE };
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
            let request = self.signed(OPERATION, &Method::GET, key, None).await?;
            let request = match known {
                Some(known) => request.header(IF_NONE_MATCH, format!("\"{known}\"")),
                None => request,
            };
            let failure = match answered(OPERATION, request).await {
                Ok(response) if response.status().as_u16() == 304 => return Ok(None),
                Ok(response) => match read(response, longest).await {
                    Ok(Some(object)) => return Ok(Some(object)),
                    Ok(None) => return Err(failed(OPERATION, "TooLong")),
                    Err(_) => failed(OPERATION, "UnreadableResponse"),
                },
                Err(Unanswered { error, may_pass: true }) => error,
                Err(Unanswered { error, .. }) => return Err(error),
            };
            if attempt == ATTEMPTS {
                return Err(failure);
            }
            self.inner.clock.sleep(CONFLICT_PAUSES.jittered(attempt)).await;
        }
        Err(failed(OPERATION, "Unknown"))
    }

    /// Writes the object `key` over whatever it was. S3 refuses bytes that do not have the digest.
    ///
    /// # Errors
    /// [`Error::Aws`] when S3 refuses or does not answer. It may be written all the same.
    pub async fn put(&self, key: &str, content: &Content) -> Result<()> {
        const OPERATION: &str = "s3:PutObject";
        for attempt in 1..=ATTEMPTS {
            let request = self.signed(OPERATION, &Method::PUT, key, Some(content)).await?;
            match answered(OPERATION, request.body(content.bytes.clone())).await {
                Ok(_) => return Ok(()),
                Err(Unanswered { error, may_pass }) if !may_pass || attempt == ATTEMPTS => return Err(error),
                Err(_) => self.inner.clock.sleep(CONFLICT_PAUSES.jittered(attempt)).await,
            }
        }
        Err(failed(OPERATION, "Unknown"))
    }

    /// Deletes the object `key`, which need not be there. It is asked for once: a request that is not answered may be
    /// carried out until [`SIGNATURE_LIFETIME`] is over, and whoever may write the object again meanwhile has to know that.
    ///
    /// # Errors
    /// [`Error::Aws`] when S3 refuses or does not answer.
    pub async fn delete(&self, key: &str) -> Result<()> {
        const OPERATION: &str = "s3:DeleteObject";
        let request = self.signed(OPERATION, &Method::DELETE, key, None).await?;
        answered(OPERATION, request).await.map(|_| ()).map_err(|unanswered| unanswered.error)
    }
}

/// What is written to an object.
#[derive(Clone)]
pub struct Content {
    /// All of it. Clones share it.
    pub bytes: Bytes,
    /// SHA-256 of the bytes, in lowercase hex.
    pub sha256: String,
    /// Its media type.
    pub mime: &'static str,
}

impl fmt::Debug for Content {
    // The content is somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("bytes", &self.bytes.len()).field("mime", &self.mime).finish_non_exhaustive()
    }
}

/// Why a request has no answer that says that it was carried out.
struct Unanswered {
    error: Error,
    /// Whether the same request may succeed a moment later.
    may_pass: bool,
}

/// Sends a request once. What S3 says of a version that is known counts as an answer.
async fn answered(operation: &'static str, request: RequestBuilder) -> Result<Response, Unanswered> {
    let unanswered = |code: &str, may_pass| Unanswered { error: failed(operation, code), may_pass };
    match request.send().await {
        Ok(response) if response.status().is_success() || response.status().as_u16() == 304 => Ok(response),
        Ok(response) => Err(unanswered(response.status().as_str(), response.status().is_server_error())),
        Err(error) if error.is_timeout() => Err(unanswered("Timeout", true)),
        Err(_) => Err(unanswered("DispatchFailure", true)),
    }
}

/// The object of an answer; `None` if it is longer than any real one.
async fn read(mut response: Response, longest: usize) -> reqwest::Result<Option<Object>> {
    let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default();
    let etag = etag.trim_matches('"').to_owned();
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    // Growing would need a second copy.
    let mut body = Vec::with_capacity(announced.min(longest));
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
