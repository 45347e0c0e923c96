//! `t_moment_media`: which of a tenant's files the bucket holds, and for which tasks.
//!
//! A file is written only after its row, and its row names every task that may need it before that task is made. So a
//! file that no row knows cannot be, and one that a living task needs is not deleted: its row's `tasks` are empty first.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use kernel::due::{self, DueIndex};
use kernel::dynamo::{condition_failed, decode, s};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use serde::Deserialize;

use super::{condition_held, milliseconds, seconds};

const WHAT: &str = "stored medium";

/// A file of the bucket. Its name is its digest, or, while a file of that name is being deleted, the digest and a
/// random ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileKey {
    pub user_id: UserId,
    pub name: String,
}

impl FileKey {
    fn row_key(&self) -> AttributeValue {
        s(format!("{}/{}", self.user_id, self.name))
    }

    fn parse(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(user, name)| Some((UserId::new(user.parse().ok()?)?, name)));
        let (user_id, name) = parts.ok_or(Error::Corrupt(WHAT))?;
        Ok(Self { user_id, name: name.to_owned() })
    }
}

/// What is known of a file.
#[derive(Debug, Clone, Deserialize)]
pub struct StoredFile {
    /// The tasks that need it, or may be about to.
    #[serde(default)]
    pub tasks: BTreeSet<TaskId>,
    /// When the bucket was last seen to hold it; absent while nobody knows.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub stored_at: Option<Timestamp>,
    /// When the sweeper looks at it: whether all of `tasks` were made, or whether it was deleted.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub next_action_at: Option<Timestamp>,
    /// When its deletion was begun last. From then on it can be needed by nobody.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub deleting_since: Option<Timestamp>,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct StoredMediaStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl StoredMediaStore {
    fn update(&self, file: &FileKey) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("file_key", file.row_key())
    }

    /// The file's row, read consistently.
    pub async fn get(&self, file: &FileKey) -> Result<Option<StoredFile>> {
        let request = self.client.get_item().table_name(&self.table).key("file_key", file.row_key());
        let answer = request.consistent_read(true).send().await.map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode(WHAT, item)).transpose()
    }

    /// Notes that a task may need the file, before the task is made; somebody looks at `look_at` whether it was. `None`: it
    /// is being deleted.
    pub async fn hold(&self, file: &FileKey, task: TaskId, look_at: Timestamp) -> Result<Option<StoredFile>> {
        let outcome = self
            .update(file)
            .condition_expression("attribute_not_exists(deleting_since)")
            .update_expression("SET due_shard = :shard, next_action_at = :look ADD tasks :task")
            .expression_attribute_values(":shard", s(due::shard_of_text(&file.name)))
            .expression_attribute_values(":look", milliseconds(look_at))
            .expression_attribute_values(":task", set_of(task))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        row_after(outcome)
    }

    /// Notes that the bucket holds the file. `false`: it is being deleted, or its row is gone.
    pub async fn note_stored(&self, file: &FileKey, now: Timestamp) -> Result<bool> {
        let outcome = self
            .update(file)
            .condition_expression("attribute_exists(file_key) AND attribute_not_exists(deleting_since)")
            .update_expression("SET stored_at = :now")
            .expression_attribute_values(":now", seconds(now))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Notes that a task does not need the file, and answers the row then; `None` if there is none.
    pub async fn release(&self, file: &FileKey, task: TaskId) -> Result<Option<StoredFile>> {
        let outcome = self
            .update(file)
            .condition_expression("attribute_exists(file_key)")
            .update_expression("DELETE tasks :task")
            .expression_attribute_values(":task", set_of(task))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        row_after(outcome)
    }

    /// Takes the look off a file whose tasks were all made. `false`: another task was noted since it was read.
    pub async fn settle(&self, file: &FileKey, seen: &StoredFile) -> Result<bool> {
        let outcome = self
            .update(file)
            .condition_expression("next_action_at = :seen AND attribute_not_exists(deleting_since)")
            .update_expression("REMOVE due_shard, next_action_at")
            .expression_attribute_values(":seen", milliseconds(seen.next_action_at.unwrap_or_default()))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Begins to delete the file, whose deletion nobody else begins until `again_at`. `false`: a task needs it, or somebody
    /// else is deleting it.
    pub async fn begin_deletion(&self, file: &FileKey, now: Timestamp, again_at: Timestamp) -> Result<bool> {
        let outcome = self
            .update(file)
            .condition_expression(
                "attribute_exists(file_key) AND attribute_not_exists(tasks) AND \
                 (attribute_not_exists(deleting_since) OR next_action_at <= :now)",
            )
            .update_expression(
                "SET deleting_since = :now, due_shard = :shard, next_action_at = :again REMOVE stored_at",
            )
            .expression_attribute_values(":now", milliseconds(now))
            .expression_attribute_values(":again", milliseconds(again_at))
            .expression_attribute_values(":shard", s(due::shard_of_text(&file.name)))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Forgets a file that was deleted by whoever began that at `since`.
    pub async fn forget(&self, file: &FileKey, since: Timestamp) -> Result<()> {
        let outcome = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("file_key", file.row_key())
            .condition_expression("deleting_since = :since")
            .expression_attribute_values(":since", milliseconds(since))
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(()),
            Err(error) if condition_failed(&error) => Ok(()),
            Err(error) => Err(Error::aws("dynamodb:DeleteItem")(error)),
        }
    }

    /// The files at which somebody should have looked by then.
    pub async fn due(&self, by: Timestamp, limit: i32) -> Result<Vec<FileKey>> {
        #[derive(Deserialize)]
        struct Key {
            file_key: String,
        }
        let index = DueIndex {
            table: self.table.clone(),
            index: "by_next_action",
            shard_attribute: "due_shard",
            time_attribute: "next_action_at",
            time_value: milliseconds,
        };
        let keys = index.due(&self.client, by, limit).await?;
        keys.into_iter().map(|key| FileKey::parse(&decode::<Key>(WHAT, key)?.file_key)).collect()
    }
}

/// The row as an update has left it; `None` if its condition did not hold.
fn row_after(outcome: Result<UpdateItemOutput, SdkError<UpdateItemError>>) -> Result<Option<StoredFile>> {
    match outcome {
        Ok(answer) => decode(WHAT, answer.attributes.unwrap_or_default()).map(Some),
        Err(error) => condition_held::<(), _, _>(Err(error), "dynamodb:UpdateItem").map(|_| None),
    }
}

fn set_of(task: TaskId) -> AttributeValue {
    AttributeValue::Ns(vec![task.to_string()])
}
