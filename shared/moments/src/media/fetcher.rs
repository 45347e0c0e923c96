//! Fetching: hop by hop, each judged, within one deadline.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::platform_http;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue, LOCATION};
use reqwest::{Client, ClientBuilder, Response};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use url::Url;

use super::body::Body;
use super::limits::Limits;
use super::medium::Medium;
use super::problem::MediaProblem;
use super::resolver::{Lookup, NotPublic, PublicOnly, system};
use super::target::{Judge, Target};
use crate::config::MediaSettings;

/// Redirects followed: object stores and short links need one or two.
pub const MAX_REDIRECTS: usize = 3;

/// A connection that is not open by then will not open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Long enough for the nine images of a post to share a connection; a Lambda that slept finds it dead anyway.
const KEEP_IDLE_CONNECTIONS: Duration = Duration::from_secs(10);

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
    judge: Judge,
    lookup: Lookup,
    // Built by the first fetch: most functions that hold a fetcher fetch nothing.
    public: OnceCell<Client>,
    trusted: OnceCell<Client>,
}

impl MediaFetcher {
    /// A fetcher that asks the system's resolver. Opens nothing.
    pub fn with_settings(settings: MediaSettings) -> Self {
        Self::new(settings.timeout, Judge::trusting(settings.trusted), system())
    }

    pub(super) fn new(timeout: Duration, judge: Judge, lookup: Lookup) -> Self {
        let inner = Inner { timeout, judge, lookup, public: OnceCell::new(), trusted: OnceCell::new() };
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
        &self.inner.judge
    }

    async fn download(&self, url: &str, limits: &Limits) -> Result<Vec<u8>, MediaProblem> {
        let mut target = self.inner.judge.written(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(&target).await?;
            match redirection(&response)? {
                None => return read(response, limits).await,
                Some(next) => target = self.inner.judge.parsed(next)?,
            }
        }
        Err(MediaProblem::TooManyRedirects)
    }

    async fn ask(&self, target: &Target) -> Result<Response, MediaProblem> {
        let request = self.client(target.trusted).await?.get(target.url.clone());
        let request = request.header(ACCEPT, TYPES).header(ACCEPT_ENCODING, UNCOMPRESSED);
        request.send().await.map_err(|error| problem(&error))
    }

    async fn client(&self, trusted: bool) -> Result<&Client, MediaProblem> {
        let built = if trusted {
            self.inner.trusted.get_or_try_init(|| async { build(self.builder()?) }).await
        } else {
            // The judge lets only https pass; should it ever err, this does not.
            let resolver = Arc::new(PublicOnly::new(Arc::clone(&self.inner.lookup)));
            let restricted = || async { build(self.builder()?.https_only(true).dns_resolver(resolver)) };
            self.inner.public.get_or_try_init(restricted).await
        };
        built.map_err(|_| {
            tracing::error!("the HTTP client for media cannot be built");
            MediaProblem::Unreachable
        })
    }

    fn builder(&self) -> kernel::Result<ClientBuilder> {
        // It follows no redirect, because every hop is judged by us, and sends nothing twice.
        Ok(platform_http::builder()?
            .user_agent(concat!("cunkebao/", env!("CARGO_PKG_VERSION")))
            // A proxy would resolve names by itself, and reach what we must not.
            .no_proxy()
            .referer(false)
            // Off even if some other crate of the build turns the features on.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT.min(self.inner.timeout))
            .pool_idle_timeout(KEEP_IDLE_CONNECTIONS))
    }
}

impl fmt::Debug for MediaFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { timeout, judge, .. } = &*self.inner;
        f.debug_struct("MediaFetcher").field("timeout", timeout).field("judge", judge).finish_non_exhaustive()
    }
}

fn build(builder: ClientBuilder) -> kernel::Result<Client> {
    builder.build().map_err(|_| kernel::Error::Unavailable("http client"))
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
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<NotPublic>() {
            return MediaProblem::ForbiddenAddress;
        }
        cause = current.source();
    }
    if error.is_timeout() { MediaProblem::TimedOut } else { MediaProblem::Unreachable }
}

#[cfg(test)]
mod tests;
