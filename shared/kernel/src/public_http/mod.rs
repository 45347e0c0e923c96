//! Requests to addresses that users name, which must not lead into our own network.
//!
//! What holds for every one of them:
//! - https on port 443 to public addresses only; the address that was judged is the address that is connected to;
//! - nothing of ours goes out: no cookies, no referer, no credentials, no proxy;
//! - no redirect is followed by itself: whoever follows one has its address judged too.
//!
//! The origins named by configuration (the sandbox, locally) are exempt from the first rule and from no other.

mod address;
mod resolver;
mod target;

pub use address::is_public;
pub use resolver::{Lookup, PublicOnly, system};
pub use target::{AddressProblem, Judge, MAX_URL_LENGTH, Target, is_public_name, trusted_origin};

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, ClientBuilder};
use tokio::sync::OnceCell;

use crate::error::{Error, Result};
use crate::platform_http;

/// Long enough for several requests to one receiver to share a connection; a Lambda that slept finds it dead anyway.
const KEEP_IDLE_CONNECTIONS: Duration = Duration::from_secs(10);

/// The HTTP clients for public addresses and for trusted origins.
pub struct PublicHttp {
    judge: Judge,
    lookup: Lookup,
    connect_timeout: Duration,
    // Built by the first request: most functions that hold this ask nothing.
    public: OnceCell<Client>,
    trusted: OnceCell<Client>,
}

impl PublicHttp {
    /// Clients that resolve names by `lookup`. Opens nothing.
    #[must_use]
    pub fn new(judge: Judge, lookup: Lookup, connect_timeout: Duration) -> Self {
        Self { judge, lookup, connect_timeout, public: OnceCell::new(), trusted: OnceCell::new() }
    }

    /// Who judges addresses.
    #[must_use]
    pub const fn judge(&self) -> &Judge {
        &self.judge
    }

    /// The client for a target, which has to be asked for nothing else.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn client(&self, target: &Target) -> Result<&Client> {
        if target.trusted {
            return self.trusted.get_or_try_init(|| async { build(self.builder()?) }).await;
        }
        // The judge lets only https pass; should it ever err, this does not.
        let resolver = Arc::new(PublicOnly::new(Arc::clone(&self.lookup)));
        let restricted = || async { build(self.builder()?.https_only(true).dns_resolver(resolver)) };
        self.public.get_or_try_init(restricted).await
    }

    fn builder(&self) -> Result<ClientBuilder> {
        // It follows no redirect and sends nothing twice.
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
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(KEEP_IDLE_CONNECTIONS))
    }
}

impl fmt::Debug for PublicHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicHttp").field("judge", &self.judge).finish_non_exhaustive()
    }
}

fn build(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|_| Error::Unavailable("http client"))
}

/// Whether a request failed because the name has an address that is not public.
#[must_use]
pub fn is_not_public(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<resolver::NotPublic>() {
            return true;
        }
        cause = current.source();
    }
    false
}
