//! Reading back what was published.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::errors::failed;
use super::sns_xml::Description;
use super::{Endpoint, Gateway};
use crate::provider::{FailureKind, ProviderError, lenient};

/// A post the account sees, its own or a friend's: only its author tells.
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

/// Which posts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List<'a> {
    /// Everything the account sees. The vendor calls it the account's own list, but recorded answers hold the posts of
    /// many people.
    Feed,
    /// The posts of the person with this wxid, who may be the account itself. One live audit saw it empty for the
    /// account's own.
    Of(&'a str),
}

/// A page, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostPage {
    pub posts: Vec<PostItem>,
    /// What the gateway knows the first page by, if it said so.
    pub first_page_md5: String,
    /// The gateway's own time when it answered, in seconds since 1970, if it said so.
    pub answered_at: Option<i64>,
}

/// Where a page ended, for asking for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageEnd {
    /// The id of its last post.
    pub max_id: String,
    /// [`PostPage::first_page_md5`] of the first page.
    pub first_page_md5: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    app_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wxid: Option<&'a str>,
    max_id: u64,
    decrypt: bool,
    first_page_md5: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(rename = "snsList", deserialize_with = "lenient::list")]
    posts: Vec<Item>,
    #[serde(default, deserialize_with = "lenient::text")]
    first_page_md5: String,
    #[serde(default, deserialize_with = "lenient::optional_number")]
    request_time: Option<i64>,
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
    /// A page of a list; `after` is where the page before ended. The vendor asks for five seconds between calls and at
    /// most 200 a day.
    ///
    /// # Errors
    /// Any failure: it says nothing about what is published.
    pub async fn list(&self, app_id: &str, list: List<'_>, after: Option<&PageEnd>) -> Result<PostPage, ProviderError> {
        let (endpoint, wxid) = match list {
            List::Feed => (Endpoint::SnsList, None),
            List::Of(wxid) => (Endpoint::ContactsSnsList, Some(wxid)),
        };
        // The first page is asked for with 0. An id goes back as the number it was, exact.
        let Ok(max_id) = after.map_or(Ok(0), |end| end.max_id.parse()) else {
            return Err(failed(endpoint, FailureKind::NotFound));
        };
        let first_page_md5 = after.map_or("", |end| end.first_page_md5.as_str());
        let question = Question { app_id, wxid, max_id, decrypt: true, first_page_md5 };
        let page: Page = self.post(endpoint, &question).await?;
        let posts = page.posts.into_iter().map(PostItem::from).collect();
        Ok(PostPage { posts, first_page_md5: page.first_page_md5, answered_at: page.request_time })
    }
}
