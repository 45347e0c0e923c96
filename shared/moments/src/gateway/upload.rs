//! Handing media over: the gateway downloads them from their address.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::errors::failed;
use super::{Endpoint, Gateway};
use crate::provider::{FailureKind, ProviderError};

/// What the gateway answered to an upload and wants to get back unchanged when it is published. What is in it is the
/// gateway's business.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawObject(Map<String, Value>);

impl fmt::Debug for RawObject {
    // Addresses with signatures.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawObject(..)")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Images<'a> {
    app_id: &'a str,
    img_urls: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Video<'a> {
    app_id: &'a str,
    thumb_url: &'a str,
    video_url: &'a str,
}

impl Gateway {
    /// Hands images over: at most nine, from addresses anyone can reach.
    ///
    /// # Errors
    /// [`MediaFetchFailed`](FailureKind::MediaFetchFailed) also when some of them are missing in the answer: a post
    /// must not lack images.
    pub async fn upload_images(&self, app_id: &str, urls: &[String]) -> Result<Vec<RawObject>, ProviderError> {
        const ENDPOINT: Endpoint = Endpoint::UploadSnsImage;
        let images: Vec<RawObject> = self.post(ENDPOINT, &Images { app_id, img_urls: urls }).await?;
        if images.len() != urls.len() {
            return Err(failed(ENDPOINT, FailureKind::MediaFetchFailed));
        }
        Ok(images)
    }

    /// Hands a video and its cover over.
    ///
    /// # Errors
    /// [`MediaFetchFailed`](FailureKind::MediaFetchFailed) when the gateway could not download them.
    pub async fn upload_video(
        &self,
        app_id: &str,
        thumb_url: &str,
        video_url: &str,
    ) -> Result<RawObject, ProviderError> {
        self.post(Endpoint::UploadSnsVideo, &Video { app_id, thumb_url, video_url }).await
    }
}
