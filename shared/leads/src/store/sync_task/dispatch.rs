//! Tasks that are to move: ending a pause, finding those that should have moved, and noting the messages sent for them.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use kernel::due::DueIndex;
use kernel::dynamo::{decode, milliseconds, n, s, seconds};
use kernel::error::Result;
use kernel::ids::TaskId;
use serde::Deserialize;

use super::{SyncTask, SyncTaskStore, WHAT, WaitReason};
use crate::store::{condition_held, update};

impl SyncTaskStore {
    /// Ends the pause of a task that waits because Douyin refused its account's token, as one action of the transaction
    /// that stores another one: the task is due at once, and what was tried with the former token counts no more. Refused
    /// when somebody has taken the task up, or it has ended.
    pub(crate) fn end_token_pause(&self, task: TaskId, now: Timestamp) -> Result<TransactWriteItem> {
        update(
            self.unheld(task)
                .condition_expression(
                    "waits_for = :token AND attribute_not_exists(lease_owner) AND attribute_exists(next_action_at)",
                )
                .update_expression(
                    "SET next_action_at = :now, attempts = :zero, update_time = :seconds \
                     REMOVE waits_for, waits_since, dispatched_at, dispatched_by, queued_at",
                )
                .expression_attribute_values(":token", s(WaitReason::Token.as_str()))
                .expression_attribute_values(":now", milliseconds(now))
                .expression_attribute_values(":seconds", seconds(now))
                .expression_attribute_values(":zero", n(0)),
        )
    }

    /// The unfinished tasks whose time had come at `now`, longest overdue first.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Vec<TaskId>> {
        #[derive(Deserialize)]
        struct Key {
            task_id: TaskId,
        }
        let keys = self.due_index().due(&self.client, now, limit).await?;
        keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| key.task_id)).collect()
    }

    /// Since when the task has been due that has been due longest.
    ///
    /// # Errors
    /// When the index cannot be read.
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

    /// Notes that the sweeper `sender` is about to send a message for the task; `false` when another one set about it
    /// after `not_since`, or the task was taken up in the meantime. A sender is new with every sweep, so finding it in
    /// the row already is the SDK's retry of a lost answer.
    pub async fn note_dispatch(
        &self,
        task: &SyncTask,
        sender: &str,
        now: Timestamp,
        not_since: Timestamp,
    ) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("task_id", n(task.task_id))
            .condition_expression(
                "next_action_at = :seen AND (attribute_not_exists(dispatched_at) OR dispatched_at < :since OR \
                 dispatched_by = :sender)",
            )
            .update_expression("SET dispatched_at = :now, dispatched_by = :sender REMOVE queued_at")
            .expression_attribute_values(":seen", milliseconds(task.next_action_at.unwrap_or_default()))
            .expression_attribute_values(":since", milliseconds(not_since))
            .expression_attribute_values(":sender", s(sender))
            .expression_attribute_values(":now", milliseconds(now))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Notes that the message of `sender` is in the queue. `false`: the task was taken up already.
    pub async fn note_queued(&self, task: TaskId, sender: &str, now: Timestamp) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("task_id", n(task))
            .condition_expression("dispatched_by = :sender")
            .update_expression("SET queued_at = :now")
            .expression_attribute_values(":sender", s(sender))
            .expression_attribute_values(":now", milliseconds(now))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }
}
