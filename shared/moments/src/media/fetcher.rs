//! Fetching: hop by hop, each judged, within one deadline.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::public_http::{Judge, Lookup, PublicHttp, Target, is_not_public, system};
use reqwest::Response;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue, LOCATION};
use tokio::time::timeout;
use url::Url;

use super::body::Body;
use super::limits::Limits;
use super::medium::Medium;
use super::problem::MediaProblem;
use crate::config::MediaSettings;

/// Redirects followed: object stores and short links need one or two.
pub const MAX_REDIRECTS: usize = 3;

/// A connection that is not open by then will not open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// CDNs that convert images by what is accepted send WebP or AVIF to whoever takes everything.
const TYPES: HeaderValue = HeaderValue::from_static("image/jpeg, image/png, video/mp4, */*;q=0.1");

/// Nothing is decompressed: a small answer that unfolds to gigabytes stays small, and media do not compress.
const UNCOMPRESSED: HeaderValue = HeaderValue::from_static("identity");

/// Fetches users' media. Cheap to clone: clones share connections.
#[derive(Clone)]
pub struct MediaFetcher {
    inner: Arc<Inner>,
}

struct Inner {
    timeout: Duration,
    http: PublicHttp,
}

impl MediaFetcher {
    /// A fetcher that asks the system's resolver. Opens nothing.
    pub fn with_settings(settings: MediaSettings) -> Self {
        Self::new(settings.timeout, Judge::trusting(settings.trusted), system())
    }

    pub(super) fn new(timeout: Duration, judge: Judge, lookup: Lookup) -> Self {
        let inner = Inner { timeout, http: PublicHttp::new(judge, lookup, CONNECT_TIMEOUT.min(timeout)) };
        Self { inner: Arc::new(inner) }
    }

    /// Fetches the medium at `url` and judges it.
    ///
    /// # Errors
    /// Says what is wrong with the address, its server, or the medium.
    pub async fn fetch(&self, url: &str, limits: Limits) -> Result<Medium, MediaProblem> {
        let started = Instant::now();
        let download = timeout(self.inner.timeout, self.download(url, &limits)).await;
        let outcome = match download.unwrap_or(Err(MediaProblem::TimedOut)) {
            Ok(bytes) => Medium::judged(bytes, limits).await,
            Err(problem) => Err(problem),
        };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Never the address: it may be signed.
        match &outcome {
            Ok(medium) => tracing::debug!(media.bytes = medium.bytes.len(), duration_ms, "medium fetched"),
            Err(problem) => tracing::debug!(media.problem = %problem, duration_ms, "medium refused"),
        }
        outcome
    }

    pub(super) fn judge(&self) -> &Judge {
        self.inner.http.judge()
    }

    async fn download(&self, url: &str, limits: &Limits) -> Result<Vec<u8>, MediaProblem> {
        let mut target = self.judge().written(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(&target).await?;
            match redirection(&response)? {
                None => return read(response, limits).await,
                Some(next) => target = self.judge().parsed(next)?,
            }
        }
        Err(MediaProblem::TooManyRedirects)
    }

    async fn ask(&self, target: &Target) -> Result<Response, MediaProblem> {
        let client = self.inner.http.client(target).await.map_err(|_| {
            tracing::error!("the HTTP client for media cannot be built");
            MediaProblem::Unreachable
        })?;
        let request = client.get(target.url.clone());
        let request = request.header(ACCEPT, TYPES).header(ACCEPT_ENCODING, UNCOMPRESSED);
        request.send().await.map_err(|error| problem(&error))
    }
}

impl fmt::Debug for MediaFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { timeout, http } = &*self.inner;
        f.debug_struct("MediaFetcher").field("timeout", timeout).field("http", http).finish()
    }
}

/// Where the answer sends us, if it does.
fn redirection(response: &Response) -> Result<Option<Url>, MediaProblem> {
    match response.status().as_u16() {
        200 => Ok(None),
        status @ (301 | 302 | 303 | 307 | 308) => {
            let location = response.headers().get(LOCATION).ok_or(MediaProblem::HttpStatus(status))?;
            let location = std::str::from_utf8(location.as_bytes()).map_err(|_| MediaProblem::NotAUrl)?;
            response.url().join(location).map(Some).map_err(|_| MediaProblem::NotAUrl)
        }
        status => Err(MediaProblem::HttpStatus(status)),
    }
}

async fn read(mut response: Response, limits: &Limits) -> Result<Vec<u8>, MediaProblem> {
    let mut body = Body::new(limits, response.content_length())?;
    while let Some(piece) = response.chunk().await.map_err(|error| problem(&error))? {
        body.push(&piece)?;
    }
    Ok(body.into_bytes())
}

fn problem(error: &reqwest::Error) -> MediaProblem {
    if is_not_public(error) {
        return MediaProblem::ForbiddenAddress;
    }
    if error.is_timeout() { MediaProblem::TimedOut } else { MediaProblem::Unreachable }
}

#[cfg(test)]
mod tests;
