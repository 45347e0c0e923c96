//! Client of the content library, where the users of the house keep their drafts.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::platform_http::{Connection, PlatformHttp, Reply, exchange};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::provider::http;

/// A draft has up to 4,000 bytes of text and nine addresses of up to 2,048 bytes; the rest is room for fields that
/// are of no use here.
const MAX_BODY: usize = 256 * 1024;

/// The content library. Cheap to clone: clones share connections.
#[derive(Debug, Clone)]
pub struct ContentLibrary {
    http: Arc<PlatformHttp>,
}

/// What a draft holds. Not checked: the rules for content are the same wherever it comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// The text, if it has one.
    pub text: Option<String>,
    /// Where its images or its video are.
    pub media_urls: Vec<String>,
}

impl fmt::Debug for Draft {
    // What people wrote stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("text_bytes", &self.text.as_ref().map(String::len))
            .field("media_urls", &self.media_urls.len())
            .finish()
    }
}

/// Why there is no draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It does not exist, or is not the caller's: the two must look alike.
    #[error("no such draft")]
    NotFound,
    /// The library did not answer, or not as a library does.
    #[error("the content library is unavailable")]
    Unavailable,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    media_urls: Option<Vec<String>>,
}

impl ContentLibrary {
    /// The library at `base_url`, each of whose calls may take `timeout`. Opens nothing.
    pub fn new(base_url: Url, timeout: Duration) -> Self {
        Self { http: Arc::new(http(base_url, timeout)) }
    }

    /// The draft `content_id`, as the user of `bearer` may see it.
    ///
    /// # Errors
    /// [`ContentError::NotFound`] for a draft that is missing or another user's.
    pub async fn draft(&self, bearer: &SecretString, content_id: &str) -> Result<Draft, ContentError> {
        // Neither can be a name, and as steps of a path they would lead out of the drafts.
        if matches!(content_id, "" | "." | "..") {
            return Err(ContentError::NotFound);
        }
        let mut url = self.http.url("contents");
        url.path_segments_mut().map_err(|()| ContentError::Unavailable)?.push(content_id);
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret()))
            .map_err(|_| ContentError::Unavailable)?;
        authorization.set_sensitive(true);

        let started = Instant::now();
        let client = self.http.client(Connection::Kept).await.map_err(|_| ContentError::Unavailable)?;
        let reply = exchange(client.get(url).header(AUTHORIZATION, authorization), MAX_BODY).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            http.status = reply.as_ref().ok().map(|reply| reply.status),
            reason = reply.as_ref().err().map(|lost| tracing::field::display(lost.reason)),
            duration_ms,
            "content library called"
        );
        match reply.map_err(|_| ContentError::Unavailable)? {
            Reply { status: 200, body } => read(&body).ok_or(ContentError::Unavailable),
            Reply { status: 403 | 404, .. } => Err(ContentError::NotFound),
            Reply { .. } => Err(ContentError::Unavailable),
        }
    }
}

/// Reads `{text, mediaUrls}`, bare or as the `data` of the house's envelope. An answer with neither of them is not
/// an empty draft but not a draft.
fn read(body: &[u8]) -> Option<Draft> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let draft = body.get_mut("data").map_or(Value::Null, Value::take);
    let draft = if draft.is_object() { draft } else { body };
    if draft.get("text").is_none() && draft.get("mediaUrls").is_none() {
        return None;
    }
    let Fields { text, media_urls } = serde_json::from_value(draft).ok()?;
    Some(Draft { text: text.filter(|text| !text.is_empty()), media_urls: media_urls.unwrap_or_default() })
}

#[cfg(test)]
mod tests;
