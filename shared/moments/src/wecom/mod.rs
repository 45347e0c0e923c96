//! Client of WeCom (`qyapi.weixin.qq.com`), as far as customer moments need it.
//!
//! Every method is one request, sent once (the two that read lists: one per page): retries, token refreshes and
//! pauses belong to the caller, who alone knows the lease and the deadline. Failures arrive as
//! [`ProviderError`](crate::provider::ProviderError), classified by code. No `Debug`, `Display` or log line of this
//! module holds a token, a secret, a name or a text that people wrote.

mod call;
mod endpoint;
mod errors;
mod media;
mod members;
mod moments;
mod pages;
mod passage;
mod proxy;
mod task;
mod token;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use kernel::platform_http::PlatformHttp;
use serde::{Deserialize, Serialize};
use url::Url;

pub use endpoint::Endpoint;
pub use errors::{classify, proxy_not_connected, secret_missing};
pub use media::{MediaUpload, UploadedMedia};
pub use members::{Member, MemberStatus};
pub use moments::MomentItem;
pub use passage::Passage;
pub use proxy::{EgressProxy, MAX_PROXY_LENGTH, TrustedProxies};
pub use task::{Attachments, JobId, JobState, MomentDraft};
pub use token::AccessToken;

use crate::provider::http;
use passage::Observed;

/// What is needed to know of a member beside the company's secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "provider", rename = "wecom", rename_all = "camelCase")]
pub struct Credentials {
    pub member_id: String,
}

/// WeCom, on one way to it. Cheap to clone: clones share connections, and what was observed on the way.
#[derive(Debug, Clone)]
pub struct Wecom {
    http: Arc<PlatformHttp>,
    observed: Arc<Observed>,
}

impl Wecom {
    /// WeCom at `base_url`, spoken to directly. Each of its calls may take `timeout` from connecting to the last byte.
    ///
    /// Opens nothing: connections and the trust store are the first call's business.
    pub fn new(base_url: Url, timeout: Duration) -> Self {
        Self::over(http(base_url, timeout))
    }

    pub(crate) fn over(http: PlatformHttp) -> Self {
        Self { http: Arc::new(http), observed: Arc::default() }
    }

    /// The same way for somebody who observes for themselves.
    pub(crate) fn observed_anew(&self) -> Self {
        Self { http: Arc::clone(&self.http), observed: Arc::default() }
    }

    /// What the calls so far have shown of the way, if anything.
    pub fn passage(&self) -> Option<Passage> {
        self.observed.get()
    }
}

#[cfg(test)]
mod tests;
