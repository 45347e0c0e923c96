//! Client of the gateway that drives personal accounts, speaking the GeWe contract. No such gateway is endorsed by
//! Tencent.
//!
//! Every method is one request, sent once: retries and pauses belong to the caller, who alone knows the lease, the
//! deadline and the pace an account can bear. Failures arrive as
//! [`ProviderError`](crate::provider::ProviderError). The gateway's words are compared with the few that are
//! documented and then dropped: it echoes the token in them.

mod account;
mod call;
mod endpoint;
mod errors;
mod list;
mod send;
mod sns_xml;
mod upload;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use kernel::platform_http::PlatformHttp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

pub use account::Profile;
pub use endpoint::Endpoint;
pub use errors::classify;
pub use list::{List, PageEnd, PostItem, PostPage};
pub use send::Post;
pub use upload::RawObject;

use crate::provider::{expose, http};

/// What is needed to drive an account by its device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "provider", rename = "gateway", rename_all = "camelCase")]
pub struct Credentials {
    pub app_id: String,
    #[serde(serialize_with = "expose")]
    pub token: SecretString,
    /// The account's own id, by which its posts are recognised.
    pub wxid: String,
}

/// The gateway, as the owner of one token sees it. Cheap to clone: clones share connections.
#[derive(Debug, Clone)]
pub struct Gateway {
    http: Arc<PlatformHttp>,
    token: SecretString,
}

impl Gateway {
    /// The gateway at `base_url`, each of whose calls may take `timeout` from connecting to the last byte. Uploads
    /// need the most: the gateway downloads the media while we wait.
    ///
    /// Opens nothing: connections and the trust store are the first call's business.
    pub fn new(base_url: Url, token: SecretString, timeout: Duration) -> Self {
        Self { http: Arc::new(http(base_url, timeout)), token }
    }

    /// The same gateway for the owner of another token, over the same connections.
    #[must_use]
    pub fn with_token(&self, token: SecretString) -> Self {
        Self { http: Arc::clone(&self.http), token }
    }
}

#[cfg(test)]
mod tests;
