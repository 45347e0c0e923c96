//! Client of the content library, where the users of the house keep their drafts.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::platform_http::{Connection, PlatformHttp, Reply, exchange};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
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
    form: Arc<DraftForm>,
}

/// Where drafts are in a library, and what they look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftForm {
    /// Where below its root a draft is; `{id}` stands for the draft's id.
    pub path: String,
    /// JSON pointer to its text.
    pub text: String,
    /// JSON pointer to the list of its media's addresses.
    pub media_urls: String,
}

impl DraftForm {
    /// What is wrong with the path, if anything is: what would lead elsewhere, or to the same draft always.
    pub fn path_problem(path: &str) -> Option<&'static str> {
        let is_step = |step: &str| !matches!(step, "" | "." | "..") && !step.contains(['?', '#']);
        let is_fine = path.contains("{id}") && path.split('/').all(is_step);
        (!is_fine).then_some("a path without leading slash that holds {id}, such as contents/{id}")
    }

    /// What is wrong with a pointer, if anything is.
    pub fn pointer_problem(pointer: &str) -> Option<&'static str> {
        (!pointer.starts_with('/')).then_some("a JSON pointer, such as /content/text")
    }
}

impl Default for DraftForm {
    fn default() -> Self {
        Self { path: "contents/{id}".to_owned(), text: "/text".to_owned(), media_urls: "/mediaUrls".to_owned() }
    }
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

impl ContentLibrary {
    /// The library at `base_url`, each of whose calls may take `timeout`. Opens nothing.
    pub fn new(base_url: Url, timeout: Duration) -> Self {
        Self { http: Arc::new(http(base_url, timeout)), form: Arc::default() }
    }

    /// The same library with drafts of this form.
    #[must_use]
    pub fn with_form(self, form: DraftForm) -> Self {
        Self { form: Arc::new(form), ..self }
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
        let mut url = self.http.url("");
        let steps = self.form.path.split('/').map(|step| step.replace("{id}", content_id));
        url.path_segments_mut().map_err(|()| ContentError::Unavailable)?.pop_if_empty().extend(steps);
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
            Reply { status: 200, body } => read(&body, &self.form).ok_or(ContentError::Unavailable),
            Reply { status: 403 | 404, .. } => Err(ContentError::NotFound),
            Reply { .. } => Err(ContentError::Unavailable),
        }
    }
}

/// Reads text and addresses, bare or from the `data` of the house's envelope. An answer with neither of them is not an
/// empty draft but not a draft.
fn read(body: &[u8], form: &DraftForm) -> Option<Draft> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let draft = body.get("data").filter(|data| data.is_object()).unwrap_or(&body);
    let (text, media_urls) = (draft.pointer(&form.text), draft.pointer(&form.media_urls));
    if text.is_none() && media_urls.is_none() {
        return None;
    }
    let text: Option<String> = serde_json::from_value(text.cloned().unwrap_or_default()).ok()?;
    let media_urls: Option<Vec<String>> = serde_json::from_value(media_urls.cloned().unwrap_or_default()).ok()?;
    Some(Draft { text: text.filter(|text| !text.is_empty()), media_urls: media_urls.unwrap_or_default() })
}

#[cfg(test)]
mod tests;
