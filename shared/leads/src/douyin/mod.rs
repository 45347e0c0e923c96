//! Client of the Douyin open platform (`open.douyin.com`): the OAuth pages and tokens, the account's profile and its
//! fans, and what the platform sends us by webhook.
//!
//! Every method is one request, sent once: retries, refreshes and pauses belong to the caller, who alone knows the
//! lease and the deadline. Failures arrive as [`PlatformError`], classified by code. No `Debug`, `Display` or log line
//! of this module holds a token, a code, the client secret or a nickname.

mod endpoint;
mod errors;
mod fans;
mod lenient;
mod oauth;
mod repair;
mod transport;
mod user;
pub mod webhook;
mod wire;

#[cfg(test)]
mod testing;

use std::sync::Arc;
use std::time::Duration;

use kernel::platform_secret::Secrets;
use url::Url;

pub use endpoint::Endpoint;
pub use errors::{FailureKind, PlatformError, classify};
pub use fans::{Fan, FanPage};
pub use oauth::{RenewedRefreshToken, TokenSet};
pub use user::UserInfo;

use transport::Transport;

/// The platform. Cheap to clone: clones share connections.
#[derive(Debug, Clone)]
pub struct Douyin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    secrets: Secrets,
    transport: Transport,
}

impl Douyin {
    /// The platform at `base_url`, each of whose calls may take `timeout` from connecting to the last byte. What
    /// identifies our application to it is in `secrets`.
    ///
    /// Opens nothing: connections and the trust store are the first call's business.
    pub fn new(base_url: Url, secrets: Secrets, timeout: Duration) -> Self {
        Self { inner: Arc::new(Inner { secrets, transport: Transport::new(base_url, timeout) }) }
    }
}

#[cfg(test)]
mod tests;
