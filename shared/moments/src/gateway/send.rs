//! Publishing: the calls that must not be made twice for one post.

use serde::{Deserialize, Serialize};

use super::{Endpoint, Gateway, RawObject};
use crate::provider::{ProviderError, lenient};

/// A post that is out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Post {
    /// Its id: digits. Above 2^63, so neither an `i64` nor a JavaScript number holds it.
    #[serde(deserialize_with = "lenient::id")]
    pub id: String,
    /// The account that published it. Not what a post is known by, so its absence costs nothing.
    #[serde(rename = "userName", default, deserialize_with = "lenient::text")]
    pub wxid: String,
    /// When, in seconds since 1970.
    #[serde(rename = "createTime", default, deserialize_with = "lenient::optional_number")]
    pub create_time: Option<i64>,
}

/// Only what is chosen is written: no audience means everyone, and no text is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    app_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    content: &'a str,
    #[serde(skip_serializing_if = "<[RawObject]>::is_empty")]
    img_infos: &'a [RawObject],
    #[serde(skip_serializing_if = "Option::is_none")]
    video_info: Option<&'a RawObject>,
}

// What the failures of these calls prove: the tables of `crate::provider` and `super::classify`.
impl Gateway {
    /// Publishes text.
    ///
    /// # Errors
    /// [`OutcomeUnknown`](crate::provider::FailureKind::OutcomeUnknown): read back, never repeat.
    pub async fn send_text(&self, app_id: &str, text: &str) -> Result<Post, ProviderError> {
        let body = Body { app_id, content: text, img_infos: &[], video_info: None };
        self.post(Endpoint::SendTextSns, &body).await
    }

    /// Publishes one to nine images, with `text` unless it is empty.
    ///
    /// # Errors
    /// [`OutcomeUnknown`](crate::provider::FailureKind::OutcomeUnknown): read back, never repeat.
    pub async fn send_images(&self, app_id: &str, text: &str, images: &[RawObject]) -> Result<Post, ProviderError> {
        let body = Body { app_id, content: text, img_infos: images, video_info: None };
        self.post(Endpoint::SendImgSns, &body).await
    }

    /// Publishes a video, with `text` unless it is empty.
    ///
    /// # Errors
    /// [`OutcomeUnknown`](crate::provider::FailureKind::OutcomeUnknown): read back, never repeat.
    pub async fn send_video(&self, app_id: &str, text: &str, video: &RawObject) -> Result<Post, ProviderError> {
        let body = Body { app_id, content: text, img_infos: &[], video_info: Some(video) };
        self.post(Endpoint::SendVideoSns, &body).await
    }
}
