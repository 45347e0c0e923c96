//! When an account is synced by itself, and how its last sync ended. Only who claims the account and who gives the claim
//! back write this, so it needs no version of its own.

use jiff::Timestamp;
use kernel::due::{self, DueIndex};
use kernel::dynamo::{decode, n, s, seconds};
use kernel::error::Result;
use kernel::ids::TaskId;
use serde::Deserialize;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};

use super::{AccountStore, WHAT};
use crate::ids::OpenId;
use crate::store::sync_task::SyncStrategy;
use crate::store::{condition_held, update};

/// What an account's row says of its syncs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct SyncSchedule {
    /// When the next one starts by itself; absent while one runs, and before the first has ended.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub sync_due: Option<Timestamp>,
    /// How many intervals lie between two of them: more, the longer nobody new came.
    pub sync_pace: Option<u32>,
    /// How many in a row have left the list before its end; absent before one has walked it to its end.
    pub short_syncs: Option<u32>,
    /// Why the last one failed, in Chinese; absent once one has completed.
    pub sync_failure: Option<String>,
    /// Since when none has completed.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub failing_since: Option<Timestamp>,
}

/// One sync of so many walks the whole list.
const COMPLETE_ONE_IN: u32 = 7;

impl SyncSchedule {
    /// Whether the next sync may leave the list once everybody on it seems to be known: not the first one, which may
    /// have begun before, and not every seventh.
    pub(crate) fn may_leave_early(&self) -> bool {
        self.short_syncs.is_some_and(|short| short + 1 < COMPLETE_ONE_IN)
    }
}

/// What the end of a sync changes of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AfterSync {
    /// When the next one starts by itself.
    pub due: Timestamp,
    pub outcome: SyncOutcome,
}

/// How a sync ended, as far as the account's row is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SyncOutcome {
    Completed {
        at: Timestamp,
        /// The pace from now on.
        pace: u32,
        /// How many in a row have left the list early, this one included.
        short_syncs: u32,
    },
    Failed {
        at: Timestamp,
        reason: String,
        /// The strategy of the sync that makes up for it when the account comes back by itself, if the account has expired.
        blocked: Option<SyncStrategy>,
    },
    /// Cancelled, which says nothing about the account.
    Cancelled,
}

impl AccountStore {
    /// Gives the claim of `task` back as one action of a transaction, and sets when the next sync starts by itself.
    pub(crate) fn unclaim(
        &self,
        account_open_id: &OpenId,
        task: TaskId,
        after: &AfterSync,
    ) -> Result<TransactWriteItem> {
        const SET: &str = "SET sync_shard = :shard, sync_due = :due";
        let mut builder = Update::builder()
            .table_name(&self.table)
            .key("douyin_user_id", s(account_open_id.as_str()))
            .condition_expression("active_sync_task_id = :task")
            .expression_attribute_values(":task", n(task))
            .expression_attribute_values(":shard", s(due::shard_of_text(account_open_id.as_str())))
            .expression_attribute_values(":due", seconds(after.due));
        if let SyncOutcome::Failed { blocked: Some(strategy), .. } = &after.outcome {
            builder = builder.expression_attribute_values(":blocked", s(strategy.as_str()));
        }
        update(match &after.outcome {
            SyncOutcome::Cancelled => builder.update_expression(format!("{SET} REMOVE active_sync_task_id")),
            SyncOutcome::Completed { at, pace, short_syncs } => builder
                .update_expression(format!(
                    "{SET}, last_sync_time = :now, sync_pace = :pace, short_syncs = :short \
                     REMOVE active_sync_task_id, sync_failure, failing_since"
                ))
                .expression_attribute_values(":now", seconds(*at))
                .expression_attribute_values(":pace", n(pace))
                .expression_attribute_values(":short", n(short_syncs)),
            SyncOutcome::Failed { at, reason, blocked } => builder
                .update_expression(format!(
                    "{SET}, sync_failure = :reason, failing_since = if_not_exists(failing_since, :now){} \
                     REMOVE active_sync_task_id",
                    if blocked.is_some() { ", blocked_sync = :blocked" } else { "" }
                ))
                .expression_attribute_values(":now", seconds(*at))
                .expression_attribute_values(":reason", s(reason)),
        })
    }

    /// Moves the next sync from `seen` to `due`. `false`: somebody has moved it already.
    pub(crate) async fn postpone_sync(
        &self,
        account_open_id: &OpenId,
        seen: Timestamp,
        due: Timestamp,
    ) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(account_open_id.as_str()))
            .condition_expression("sync_due = :seen")
            .update_expression("SET sync_due = :due")
            .expression_attribute_values(":seen", seconds(seen))
            .expression_attribute_values(":due", seconds(due))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// The accounts whose time for a sync had come at `now`, longest overdue first within each shard.
    pub(crate) async fn due_for_sync(&self, now: Timestamp, limit: i32) -> Result<Vec<OpenId>> {
        #[derive(Deserialize)]
        struct Key {
            #[serde(rename = "douyin_user_id")]
            account_open_id: OpenId,
        }
        let index = DueIndex {
            table: self.table.clone(),
            index: "by_sync_due",
            shard_attribute: "sync_shard",
            time_attribute: "sync_due",
            time_value: seconds,
        };
        let keys = index.due(&self.client, now, limit).await?;
        keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| key.account_open_id)).collect()
    }
}
