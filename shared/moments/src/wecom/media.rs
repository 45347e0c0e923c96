//! Uploading what a moment shows.

use bytes::Bytes;
use reqwest::multipart::{Form, Part};
use secrecy::SecretString;
use serde::Deserialize;

use super::errors::not_sent;
use super::{Endpoint, Wecom};
use crate::provider::{FailureKind, ProviderError, lenient};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaUpload {
    /// JPG or PNG, up to 10 MB.
    Image,
    /// MP4, up to 10 MB and 30 seconds.
    Video,
}

impl MediaUpload {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
        }
    }
}

/// An upload, usable in a moment for three days.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UploadedMedia {
    #[serde(deserialize_with = "lenient::id")]
    pub media_id: String,
    /// When the three days began, in seconds since 1970.
    #[serde(deserialize_with = "lenient::number")]
    pub created_at: i64,
}

/// Longer names are cut. The platform states no limit and does not show the name in a moment.
const LONGEST_FILE_NAME: usize = 64;

impl Wecom {
    /// Uploads for moments. Ids of the plain upload are not accepted there.
    ///
    /// # Errors
    /// [`InvalidContent`](FailureKind::InvalidContent) when the platform does not take the file, or `mime` is no
    /// media type.
    pub async fn upload_attachment(
        &self,
        token: &SecretString,
        kind: MediaUpload,
        file_name: &str,
        mime: &str,
        content: Bytes,
    ) -> Result<UploadedMedia, ProviderError> {
        const ENDPOINT: Endpoint = Endpoint::UploadAttachment;
        // The platform refuses chunked bodies as empty (44001), so the length is told. `Bytes` are sent as they are:
        // a second copy of a 10 MB video would be a sixth of what the publisher may use.
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let part = Part::stream_with_length(content, length)
            .file_name(ascii(file_name, kind))
            .mime_str(mime)
            .map_err(|_| not_sent(ENDPOINT, FailureKind::InvalidContent))?;
        // attachment_type 1 is moments.
        let query = [("media_type", kind.as_str()), ("attachment_type", "1")];
        self.post_form(ENDPOINT, token, &query, Form::new().part("media", part)).await
    }
}

/// A name the platform can read: files with names outside ASCII arrive there as no file at all.
fn ascii(file_name: &str, kind: MediaUpload) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = file_name.chars().map(safe).collect();
    // The end is kept, because the type is there.
    let name = name.get(name.len().saturating_sub(LONGEST_FILE_NAME)..).unwrap_or_default();
    if name.is_empty() { kind.as_str().to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wecom_file_name_becomes_ascii() {
        let long = format!("{}.jpg", "a".repeat(100));
        let cut = format!("{}.jpg", "a".repeat(LONGEST_FILE_NAME - 4));
        for (name, safe) in [
            ("photo-1.jpg", "photo-1.jpg"),
            ("春天 🌸.jpg", "____.jpg"),
            ("a\"; filename=\"b\r\n.png", "a___filename__b__.png"),
            ("", "image"),
            (long.as_str(), cut.as_str()),
        ] {
            assert_eq!(ascii(name, MediaUpload::Image), safe, "{name}");
        }
    }
}
