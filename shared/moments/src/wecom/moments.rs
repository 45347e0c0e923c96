//! Reading back what was published.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pages::Page;
use super::{Endpoint, Wecom};
use crate::provider::{ProviderError, lenient};

/// 20 moments each, so 2,000 at most. A company may create ten a minute, and a reconciliation asks for minutes.
const MAX_LIST_PAGES: u32 = 100;

/// The newest page says 20; older ones said 100, and more than the maximum falls back to the default.
const LIST_PAGE: u32 = 20;

/// A hundred pages of a thousand: as many members as a moment can have.
const MAX_MEMBER_PAGES: u32 = 100;

const MEMBER_PAGE: u32 = 1_000;

/// A moment of the company.
#[derive(Clone, PartialEq, Eq)]
pub struct MomentItem {
    pub moment_id: String,
    /// When it was created, in seconds since 1970, unless the platform does not say.
    pub create_time: Option<i64>,
    /// Its text; empty when it has none.
    pub text: String,
    /// How many images it shows.
    pub image_count: usize,
    /// Whether it shows a video.
    pub has_video: bool,
    /// Whether the company created it, as everything that is created through the interface; else a member did.
    pub by_corp: bool,
}

impl fmt::Debug for MomentItem {
    // What people wrote stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MomentItem")
            .field("moment_id", &self.moment_id)
            .field("create_time", &self.create_time)
            .field("text_bytes", &self.text.len())
            .field("image_count", &self.image_count)
            .field("has_video", &self.has_video)
            .field("by_corp", &self.by_corp)
            .finish()
    }
}

#[derive(Serialize)]
struct Range {
    start_time: i64,
    end_time: i64,
    filter_type: i64,
}

#[derive(Deserialize)]
struct MomentPage {
    #[serde(deserialize_with = "lenient::list")]
    moment_list: Vec<Item>,
    #[serde(default, deserialize_with = "lenient::text")]
    next_cursor: String,
}

impl Page for MomentPage {
    type Item = Item;

    fn into_parts(self) -> (Vec<Item>, String) {
        (self.moment_list, self.next_cursor)
    }
}

#[derive(Deserialize)]
struct Item {
    #[serde(deserialize_with = "lenient::id")]
    moment_id: String,
    #[serde(default, deserialize_with = "lenient::optional_number")]
    create_time: Option<i64>,
    #[serde(default, deserialize_with = "lenient::optional_number")]
    create_type: Option<i64>,
    #[serde(default)]
    text: Option<Text>,
    #[serde(default, deserialize_with = "lenient::list")]
    image: Vec<Value>,
    #[serde(default)]
    video: Option<Value>,
}

#[derive(Deserialize)]
struct Text {
    #[serde(default, deserialize_with = "lenient::text")]
    content: String,
}

/// Whether an object shows anything: those of kinds that a moment does not have may be there with empty fields.
fn is_medium(object: &Value) -> bool {
    object.get("media_id").is_some_and(|id| !matches!(id, Value::Null) && id.as_str() != Some(""))
}

impl From<Item> for MomentItem {
    fn from(item: Item) -> Self {
        Self {
            moment_id: item.moment_id,
            create_time: item.create_time,
            text: item.text.map(|text| text.content).unwrap_or_default(),
            image_count: item.image.iter().filter(|image| is_medium(image)).count(),
            has_video: item.video.as_ref().is_some_and(is_medium),
            by_corp: item.create_type != Some(1),
        }
    }
}

#[derive(Deserialize)]
struct TaskPage {
    #[serde(deserialize_with = "lenient::list")]
    task_list: Vec<Task>,
    #[serde(default, deserialize_with = "lenient::text")]
    next_cursor: String,
}

impl Page for TaskPage {
    type Item = Task;

    fn into_parts(self) -> (Vec<Task>, String) {
        (self.task_list, self.next_cursor)
    }
}

#[derive(Deserialize)]
struct Task {
    #[serde(deserialize_with = "lenient::id")]
    userid: String,
    #[serde(deserialize_with = "lenient::number")]
    publish_status: i64,
}

impl Wecom {
    /// The company's own moments that were created between `start` and `end`, in seconds since 1970, both included:
    /// at most 30 days. Deleted ones are missing.
    ///
    /// # Errors
    /// Any failure of any page: part of a list proves nothing.
    pub async fn moment_list(
        &self,
        token: &SecretString,
        start: i64,
        end: i64,
    ) -> Result<Vec<MomentItem>, ProviderError> {
        // The platform's range excludes both ends. filter_type 0 is the company's: what members post by themselves
        // can be any number of pages.
        let range = Range { start_time: start.saturating_sub(1), end_time: end.saturating_add(1), filter_type: 0 };
        let items = self.pages::<MomentPage>(Endpoint::GetMomentList, token, &range, LIST_PAGE, MAX_LIST_PAGES).await?;
        Ok(items.into_iter().map(MomentItem::from).collect())
    }

    /// The members asked, and whether the moment of each is out. One who is missing was not asked.
    ///
    /// # Errors
    /// [`Retry`](crate::provider::FailureKind::Retry) also while the moment is still being handed out (41079).
    pub async fn member_status(
        &self,
        token: &SecretString,
        moment_id: &str,
    ) -> Result<Vec<(String, bool)>, ProviderError> {
        let query = json!({ "moment_id": moment_id });
        let tasks =
            self.pages::<TaskPage>(Endpoint::GetMomentTask, token, &query, MEMBER_PAGE, MAX_MEMBER_PAGES).await?;
        Ok(tasks.into_iter().map(|task| (task.userid, task.publish_status == 1)).collect())
    }
}
