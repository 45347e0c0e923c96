//! What is to be posted: from the request or the content library, checked before anything is created.

use futures::{StreamExt, join, stream};
use kernel::FieldProblem;
use kernel::crypto::sha256_hex;
use secrecy::SecretString;

use crate::config::CreationSettings;
use crate::content::{ContentError, ContentLibrary, Draft};
use crate::error::{Error, Result};
use crate::media::{Limits, MediaFetcher, MediaKind, Medium, check_set};
use crate::provider::PostKind;
use crate::rules::{canonical_text, is_blank, text_problems, trimmed, with_line_feeds};
use crate::store::task::ContentId;
use crate::text_check::{TextCheck, TextObjection};

/// Media fetched at once: nine of them are two rounds of eight seconds. Three rounds, after five seconds for the draft,
/// were all the time the function has, and whoever waited that long got no answer of ours.
const PARALLEL: usize = 5;

/// Content that may be posted.
#[derive(Debug)]
pub(super) struct Content {
    pub text: String,
    pub media_urls: Vec<String>,
    pub kind: PostKind,
    /// What was found at the addresses, in their order: at most nine, of 10 MB each.
    pub media: Vec<Medium>,
    /// The version of the list of words by which the text may be posted.
    pub words_version: Option<String>,
}

impl Content {
    /// What another content has to equal to look the same: the text as platforms show it, and the bytes of the media,
    /// whatever their addresses.
    pub fn digest(&self) -> String {
        let hashes: Vec<&str> = self.media.iter().map(|medium| medium.sha256.as_str()).collect();
        let parts = serde_json::json!([canonical_text(&self.text), hashes]);
        sha256_hex(parts.to_string().as_bytes())
    }
}

/// Resolves and checks content.
#[derive(Debug, Clone)]
pub(super) struct ContentResolver {
    library: Option<ContentLibrary>,
    fetcher: MediaFetcher,
    text_check: TextCheck,
}

impl ContentResolver {
    pub fn new(settings: CreationSettings, text_check: TextCheck) -> Self {
        let CreationSettings { library, media, .. } = settings;
        Self { library, fetcher: MediaFetcher::with_settings(media), text_check }
    }

    /// The content of a normalised request. What the request says itself goes before what the library's draft says.
    pub async fn resolve(
        &self,
        bearer: &SecretString,
        content_id: Option<&ContentId>,
        text: Option<&str>,
        media_urls: Option<&[String]>,
    ) -> Result<Content> {
        let (draft, words) = join!(self.draft(bearer, content_id), self.text_check.words());
        let draft = draft?;
        let (draft_text, draft_media) = draft.map_or((None, Vec::new()), |draft| (draft.text, draft.media_urls));
        let draft_text = draft_text.filter(|text| !is_blank(text));
        let draft_media = || draft_media.iter().map(|url| trimmed(url).to_owned()).collect();
        let mut content = Content {
            text: with_line_feeds(text.or(draft_text.as_deref()).unwrap_or_default()),
            media_urls: media_urls.map_or_else(draft_media, <[String]>::to_vec),
            kind: PostKind::Text,
            media: Vec::new(),
            words_version: None,
        };
        let mut problems = text_problems(&content.text);
        if !is_blank(&content.text) {
            let words = words?;
            problems.extend(words.objection(&content.text).map(|objection| of_text(&objection)));
            content.words_version = words.version().map(str::to_owned);
        }
        if is_blank(&content.text) && content.media_urls.is_empty() {
            problems.push(FieldProblem::new("text", "文字、图片或视频至少需要一项"));
        }
        problems.extend(self.fetcher.plausible(&content.media_urls));
        if problems.is_empty() {
            let (objection, media) = join!(self.text_check.service(&content.text), self.judge(&content.media_urls));
            problems.extend(objection?.map(|objection| of_text(&objection)));
            match media {
                Ok((kind, found)) => (content.kind, content.media) = (kind, found),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(content) } else { Err(Error::ContentRefused(problems)) }
    }

    async fn draft(&self, bearer: &SecretString, content_id: Option<&ContentId>) -> Result<Option<Draft>> {
        let Some(id) = content_id else { return Ok(None) };
        let library = self.library.as_ref().ok_or(Error::ContentLibraryUnavailable)?;
        let draft = library.draft(bearer, &id.to_string()).await.map_err(|error| match error {
            ContentError::NotFound => Error::ContentRefused(vec![FieldProblem::new(
                "contentId",
                "内容不存在或不属于当前用户，请重新选择内容",
            )]),
            ContentError::Unavailable => Error::ContentLibraryUnavailable,
        })?;
        Ok(Some(draft))
    }

    /// Fetches and judges the media; tells what they are together and one by one.
    async fn judge(&self, urls: &[String]) -> Result<(PostKind, Vec<Medium>), Vec<FieldProblem>> {
        let fetches: Vec<_> = urls.iter().map(|url| self.fetcher.fetch(url, Limits::WECOM)).collect();
        // From a list: a stream that maps references makes a future that the compiler cannot prove to be `Send`.
        let fetched: Vec<_> = stream::iter(fetches).buffered(PARALLEL).collect().await;
        let (mut kinds, mut media, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (index, outcome) in fetched.into_iter().enumerate() {
            match outcome {
                Ok(medium) => {
                    kinds.push(medium.kind);
                    media.push(medium);
                }
                Err(problem) => problems.push(FieldProblem::new(format!("mediaUrls[{index}]"), problem.message())),
            }
        }
        if problems.is_empty() {
            problems = check_set(&kinds);
        }
        let kind = match kinds.first() {
            None => PostKind::Text,
            Some(MediaKind::Image { .. }) => PostKind::Images,
            // One and nothing beside it, or the set has a problem.
            Some(MediaKind::Video { .. }) => PostKind::Video,
        };
        if problems.is_empty() { Ok((kind, media)) } else { Err(problems) }
    }
}

/// What stands against the text, as a problem of its field.
fn of_text(objection: &TextObjection) -> FieldProblem {
    FieldProblem::new("text", objection.problem())
}
