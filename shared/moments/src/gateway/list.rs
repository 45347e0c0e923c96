//! Reading back what was published.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::errors::failed;
use super::sns_xml::Description;
use super::{Endpoint, Gateway};
use crate::provider::{FailureKind, ProviderError, lenient};

/// A post in the account's own list.
#[derive(Clone, PartialEq, Eq)]
pub struct PostItem {
    /// Its id: digits, above 2^63.
    pub id: String,
    /// The account that published it.
    pub wxid: String,
    /// When, in seconds since 1970.
    pub create_time: i64,
    /// Its text, empty when it has none; `None` when the description cannot be read, which proves nothing.
    pub text: Option<String>,
    /// How many images or videos it shows, if the description can be read.
    pub media_count: Option<usize>,
}

impl fmt::Debug for PostItem {
    // What people wrote stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostItem")
            .field("id", &self.id)
            .field("wxid", &self.wxid)
            .field("create_time", &self.create_time)
            .field("text_bytes", &self.text.as_ref().map(String::len))
            .field("media_count", &self.media_count)
            .finish()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    app_id: &'a str,
    max_id: u64,
    decrypt: bool,
    first_page_md5: &'a str,
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "snsList", deserialize_with = "lenient::list")]
    posts: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(deserialize_with = "lenient::id")]
    id: String,
    #[serde(default, deserialize_with = "lenient::text")]
    user_name: String,
    #[serde(deserialize_with = "lenient::number")]
    create_time: i64,
    #[serde(default, deserialize_with = "lenient::text")]
    sns_xml: String,
}

impl From<Item> for PostItem {
    fn from(item: Item) -> Self {
        let (text, media_count) =
            Description::read(&item.sns_xml).map_or((None, None), |read| (Some(read.text), Some(read.media_count)));
        Self { id: item.id, wxid: item.user_name, create_time: item.create_time, text, media_count }
    }
}

impl Gateway {
    /// A page of the account's own posts, newest first; `max_id` is the last id of the page before. The vendor asks
    /// for five seconds between calls and at most 200 a day.
    ///
    /// # Errors
    /// Any failure: it says nothing about what is published.
    pub async fn list(&self, app_id: &str, max_id: Option<&str>) -> Result<Vec<PostItem>, ProviderError> {
        const ENDPOINT: Endpoint = Endpoint::SnsList;
        // The first page is asked for with 0. An id goes back as the number it was, exact.
        let Ok(max_id) = max_id.map_or(Ok(0), str::parse) else {
            return Err(failed(ENDPOINT, FailureKind::NotFound));
        };
        // Only the first page is told by its checksum, and only to be answered "unchanged".
        let question = Question { app_id, max_id, decrypt: true, first_page_md5: "" };
        let page: Page = self.post(ENDPOINT, &question).await?;
        Ok(page.posts.into_iter().map(PostItem::from).collect())
    }
}
