//! The media of a task: what they were when it was made, and until when it needs them.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use kernel::due::DueIndex;
use kernel::dynamo::{Item, batch_get, decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use serde::{Deserialize, Serialize};

use super::{Task, TaskStore, WHAT};
use crate::media::MediaKind;
use crate::status::Standing;
use crate::store::stored_media::FileKey;
use crate::store::{condition_held, milliseconds};
use crate::time::after;

/// How long the media of a task with a failed account are kept: so long it may be tried again.
pub const KEPT_FOR_RETRY: Duration = Duration::from_secs(7 * 86_400);

/// A medium as it was when its task was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMedium {
    pub kind: TaskMediumKind,
    /// SHA-256 of its bytes, in lowercase hex.
    pub sha256: String,
    /// The name of the file in the bucket.
    pub file: String,
}

/// Image or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskMediumKind {
    Image,
    Video,
}

impl From<MediaKind> for TaskMediumKind {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Image { .. } => Self::Image,
            MediaKind::Video { .. } => Self::Video,
        }
    }
}

impl TaskMediumKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "IMAGE",
            Self::Video => "VIDEO",
        }
    }
}

impl Task {
    /// The file of a medium of the task.
    pub(crate) fn file(&self, medium: &TaskMedium) -> FileKey {
        FileKey { user_id: self.user_id, name: medium.file.clone() }
    }

    /// When the task does not need its media any more if it stands so from `now` on. `None`: it needs them until it has
    /// ended, or has none, or what it had may be gone already.
    pub(super) fn media_due_after(&self, standing: Standing, now: Timestamp) -> Option<Timestamp> {
        if self.media.is_empty() || self.media_released || !standing.status.ended() {
            return None;
        }
        Some(if standing.tally.failed > 0 { after(now, KEPT_FOR_RETRY) } else { now })
    }
}

impl TaskStore {
    /// The tasks that need their media no more at `now`, at most `limit` of each shard.
    pub async fn with_media_due(&self, now: Timestamp, limit: i32) -> Result<Vec<TaskId>> {
        #[derive(Deserialize)]
        struct Key {
            id: TaskId,
        }
        let index = DueIndex {
            table: self.table.clone(),
            index: "by_media_due",
            shard_attribute: "media_shard",
            time_attribute: "media_due",
            time_value: milliseconds,
        };
        let keys = index.due(&self.client, now, limit).await?;
        keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| key.id)).collect()
    }

    /// Notes that the task's media may be gone from now on. `false`: it has changed since it was read.
    pub async fn release_media(&self, task: &Task) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", n(task.id))
            .condition_expression("version = :version")
            .update_expression("SET media_released = :true ADD version :one")
            .expression_attribute_values(":version", n(task.version))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":one", n(1))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Notes that nothing is left to be done about the task's media.
    pub async fn settle_media(&self, task: TaskId) -> Result<()> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("id", n(task))
            .condition_expression("media_released = :true")
            .update_expression("REMOVE media_due, media_shard")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .send()
            .await
            .map_err(Error::aws("dynamodb:UpdateItem"))?;
        Ok(())
    }

    /// Those of the tasks that were made with the file and may need it still, read consistently.
    pub async fn needing_file(&self, file: &FileKey, tasks: &BTreeSet<TaskId>) -> Result<BTreeSet<TaskId>> {
        #[derive(Deserialize)]
        struct Row {
            id: TaskId,
            user_id: UserId,
            #[serde(default)]
            media: Vec<TaskMedium>,
            #[serde(default)]
            media_released: bool,
        }
        let keys = tasks.iter().map(|id| Item::from([("id".to_owned(), n(id))])).collect();
        let rows =
            batch_get(&self.client, &self.clock, &self.table, keys, Some("id, user_id, media, media_released"), true)
                .await?;
        let rows = rows.into_iter().map(|row| decode::<Row>(WHAT, row)).collect::<Result<Vec<_>>>()?;
        // A task of another tenant may have got the same id in the same millisecond.
        let needs = |row: &Row| {
            let has = row.user_id == file.user_id && row.media.iter().any(|medium| medium.file == file.name);
            has && !row.media_released
        };
        Ok(rows.into_iter().filter(needs).map(|row| row.id).collect())
    }
}

pub(super) fn medium_attribute(medium: &TaskMedium) -> AttributeValue {
    AttributeValue::M(Item::from([
        ("kind".to_owned(), s(medium.kind.as_str())),
        ("sha256".to_owned(), s(&medium.sha256)),
        ("file".to_owned(), s(&medium.file)),
    ]))
}
