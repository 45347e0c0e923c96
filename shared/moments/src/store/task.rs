//! `t_moment_sync_task`: what is to be published, and when.

mod change;
mod media;

pub(crate) use change::TaskChange;
pub use media::{TaskMedium, TaskMediumKind};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::Timestamp;
use kernel::Clock;
use kernel::due::{self, DueIndex};
use kernel::dynamo::{Item, batch_get, decode, n, page_of_keys, s};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use kernel::trace;
use serde::{Deserialize, Serialize};

use super::resend::Resend;
use super::{milliseconds, put, seconds};
use crate::status::{Tally, TaskStatus};
use change::{force_attribute, tally_attribute};
use media::medium_attribute;

const WHAT: &str = "moment task";

/// The content library's id, as its user writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ContentId {
    /// `7`
    Number(u64),
    /// `"7"`
    Text(String),
}

impl std::fmt::Display for ContentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// What a user has a post made in spite of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Force {
    /// The account has posted the same within 30 days.
    DuplicateContent,
    /// The account has published all it may on this day.
    DailyCap,
    QuietHours,
}

impl Force {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DuplicateContent => "DUPLICATE_CONTENT",
            Self::DailyCap => "DAILY_CAP",
            Self::QuietHours => "QUIET_HOURS",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub user_id: UserId,
    /// The trace of the request that has made it.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// Where the content is from.
    pub content_id: Option<ContentId>,
    /// The text; empty for none.
    #[serde(default)]
    pub text_content: String,
    #[serde(default)]
    pub media_urls: Vec<String>,
    /// What was found at these addresses, in their order.
    #[serde(default)]
    pub media: Vec<TaskMedium>,
    /// When it does not need its media any more; absent while it goes on, and once that was acted upon.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub media_due: Option<Timestamp>,
    /// Its media may be gone: it cannot be tried again.
    #[serde(default)]
    pub media_released: bool,
    /// In spite of what it is published.
    #[serde(default)]
    pub force: Vec<Force>,
    /// Whether one of its accounts keeps a pace, and with it the quiet hours.
    #[serde(default)]
    pub has_pace: bool,
    /// Derived from the results.
    pub status: TaskStatus,
    /// How many of its accounts stand where.
    pub tally: Tally,
    /// When it is to be published; at once when absent.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub scheduled_time: Option<Timestamp>,
    /// Whether its deliveries exist; until then it may be called off as a whole.
    #[serde(default)]
    pub dispatched: bool,
    /// Grows with every change of the row, and of its results but from one open state to another.
    #[serde(default)]
    pub version: u64,
    /// When it is to be dispatched; absent once it was, or has ended.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub next_action_at: Option<Timestamp>,
    /// How many messages the sweeper has sent since it last moved.
    #[serde(default)]
    pub resends: u32,
    /// When it was made.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub create_time: Timestamp,
    /// When it last changed.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub update_time: Timestamp,
}

impl Task {
    /// The task that a row holds.
    ///
    /// # Errors
    /// When it does not fit.
    pub(crate) fn from_row(row: Item) -> Result<Self> {
        decode(WHAT, row)
    }
}

/// A task about to be written.
#[derive(Debug)]
pub struct NewTask<'a> {
    pub id: TaskId,
    pub user_id: UserId,
    /// Where the content is from.
    pub content_id: Option<&'a ContentId>,
    pub text: &'a str,
    pub media_urls: &'a [String],
    /// What was found at these addresses, in their order.
    pub media: &'a [TaskMedium],
    /// The version of the list of words by which the text may be posted.
    pub words_version: Option<&'a str>,
    /// When to publish, in whole seconds.
    pub scheduled_time: Option<Timestamp>,
    /// How many accounts it is for.
    pub accounts: usize,
    /// Whether one of them keeps a pace.
    pub has_pace: bool,
    /// In spite of what.
    pub force: &'a [Force],
}

/// One page of the tenant's tasks, and where the next begins.
#[derive(Debug)]
pub struct TaskPage {
    /// Newest first.
    pub tasks: Vec<Task>,
    /// How many there are in all.
    pub total: u64,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct TaskStore {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) table: String,
}

impl TaskStore {
    /// The task, read consistently, whoever owns it.
    pub async fn get(&self, task: TaskId) -> Result<Option<Task>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", n(task))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode(WHAT, item)).transpose()
    }

    /// The tenant's tasks, newest first; a new one shows after milliseconds. The index holds nothing but keys and states,
    /// so that counting ten thousand tasks is one request.
    pub async fn of_user(
        &self,
        user_id: UserId,
        status: Option<TaskStatus>,
        offset: u64,
        size: u64,
    ) -> Result<TaskPage> {
        #[derive(Deserialize)]
        struct Key {
            id: TaskId,
        }
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_user")
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", n(user_id))
            .scan_index_forward(false);
        if let Some(status) = status {
            request = request
                .filter_expression("#status = :status")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", s(status.as_str()));
        }
        let (keys, total) = page_of_keys(request, offset, size).await?;
        let ids = keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| key.id)).collect::<Result<Vec<_>>>()?;
        if ids.is_empty() {
            return Ok(TaskPage { tasks: Vec::new(), total });
        }
        let keys = ids.iter().map(|id| Item::from([("id".to_owned(), n(id))])).collect();
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        let mut tasks = rows.into_iter().map(|row| decode(WHAT, row)).collect::<Result<Vec<Task>>>()?;
        tasks.sort_by_key(|task| std::cmp::Reverse(task.id));
        Ok(TaskPage { tasks, total })
    }

    /// A new task, as one action of a transaction.
    pub(crate) fn create(&self, task: &NewTask<'_>, now: Timestamp) -> Result<TransactWriteItem> {
        let due_at = task.scheduled_time.unwrap_or(now);
        let accounts = u32::try_from(task.accounts).map_err(|_| Error::Internal("accounts of a task"))?;
        let mut builder = Put::builder()
            .table_name(&self.table)
            .item("id", n(task.id))
            .item("user_id", n(task.user_id))
            .item("text_content", s(task.text))
            .item("media_urls", AttributeValue::L(task.media_urls.iter().map(s).collect()))
            .item("status", s(TaskStatus::Pending.as_str()))
            .item("tally", tally_attribute(Tally { open: accounts, ..Tally::default() }))
            .item("version", n(1))
            .item("due_shard", s(due::shard(task.id.get())))
            .item("next_action_at", milliseconds(due_at))
            .item("create_time", seconds(now))
            .item("update_time", seconds(now))
            .condition_expression("attribute_not_exists(id)");
        if let Some(id) = trace::current() {
            builder = builder.item("trace_id", s(id.as_str()));
        }
        if let Some(time) = task.scheduled_time {
            builder = builder.item("scheduled_time", seconds(time));
        }
        if !task.media.is_empty() {
            builder = builder.item("media", AttributeValue::L(task.media.iter().map(medium_attribute).collect()));
        }
        if let Some(version) = task.words_version {
            builder = builder.item("words_version", s(version));
        }
        if task.has_pace {
            builder = builder.item("has_pace", AttributeValue::Bool(true));
        }
        if !task.force.is_empty() {
            builder = builder.item("force", force_attribute(task.force));
        }
        builder = match task.content_id {
            None => builder,
            Some(ContentId::Number(number)) => builder.item("content_id", n(number)),
            Some(ContentId::Text(text)) => builder.item("content_id", s(text)),
        };
        put(builder)
    }

    /// The tasks that should have been dispatched by then and for which no message is on its way at `now`, longest overdue
    /// first in each shard.
    pub async fn overdue(&self, by: Timestamp, now: Timestamp, limit: usize) -> Result<Vec<TaskId>> {
        #[derive(Deserialize)]
        struct Key {
            id: TaskId,
        }
        let keys = self.due_index().unattended(&self.client, by, now, limit).await?;
        keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| key.id)).collect()
    }

    /// Since when the row has been due that has been due longest.
    pub async fn oldest_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        self.due_index().oldest(&self.client, now).await
    }

    fn due_index(&self) -> DueIndex {
        DueIndex {
            table: self.table.clone(),
            index: "by_next_action",
            shard_attribute: "due_shard",
            time_attribute: "next_action_at",
            time_value: milliseconds,
        }
    }

    /// Notes that the sweeper sends a message for the task and no other until `resend_after`; `false` when it has moved, or
    /// somebody else sent one.
    pub async fn note_resend(&self, task: &Task, now: Timestamp, resend_after: Timestamp) -> Result<bool> {
        let seen = task.next_action_at.unwrap_or_default();
        let request = self.client.update_item().table_name(&self.table).key("id", n(task.id));
        Resend { seen, resends: task.resends, now, resend_after }.note(request).await
    }
}
