//! `t_douyin_sync_task`: the fan syncs, their progress and who is working on them.
//!
//! One number, `next_action_at`, says when a task may be taken up: now for a new one, the end of the lease while a
//! worker holds it, the end of the pause after a refusal. A task that has ended carries none and leaves the index.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Put, ReturnValue, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::Clock;
use kernel::advice::Advice;
use kernel::due;
use kernel::dynamo::{decode, milliseconds, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use kernel::instant::after;
use kernel::lease::Lease;
use kernel::trace;
use serde::Deserialize;

use super::condition_held;
use super::{put, update};
use crate::ids::OpenId;

mod dispatch;
mod labels;
mod list;

pub use labels::{StartedBy, SyncStatus, SyncStrategy, WaitReason};

const WHAT: &str = "sync task";
/// How long a task that has ended is kept: syncs by themselves add one for each account and day.
const KEPT: Duration = Duration::from_secs(90 * 86_400);

/// What a sync has counted, exactly once per committed page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Counters {
    #[serde(default)]
    pub pages: u64,
    /// Fans received, repetitions included.
    #[serde(default)]
    pub seen: u64,
    #[serde(default)]
    pub created: u64,
    /// Leads changed: refreshed by FULL, or found to follow one more account or one again.
    #[serde(default)]
    pub updated: u64,
    /// Fans received that changed nothing.
    #[serde(default)]
    pub unchanged: u64,
    /// Entries of the list that could not be read; not among those seen.
    #[serde(default)]
    pub skipped: u64,
    /// Leads found to have unfollowed.
    #[serde(default)]
    pub unfollowed: u64,
}

/// How far a sync is on the platform's list, and what it has to remember to notice that the list has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Walk {
    /// The platform's cursor of the next page.
    #[serde(default)]
    pub cursor: i64,
    /// The list is walked to its end; what is left is to mark who has unfollowed.
    #[serde(default, rename = "walked")]
    pub fully_listed: bool,
    /// Something of the list could not be read: who was not met may be on it all the same.
    #[serde(default)]
    pub has_gaps: bool,
    /// The platform never ended the list, so its end was guessed.
    #[serde(default)]
    pub endless: bool,
    /// An earlier cursor. One that comes again goes round in circles.
    #[serde(default)]
    pub checkpoint: i64,
    /// How many pages in a row had nobody on them.
    #[serde(default)]
    pub empty_pages: u32,
    /// How many pages in a row had only fans on them who are known to follow.
    #[serde(default)]
    pub known_pages: u32,
    /// It was left before its end, because everybody on it seemed to be known.
    #[serde(default)]
    pub left_early: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct SyncTask {
    pub task_id: TaskId,
    pub user_id: UserId,
    /// The account it walks.
    #[serde(rename = "douyin_user_id")]
    pub account_open_id: OpenId,
    pub strategy: SyncStrategy,
    /// Who has started it.
    #[serde(default)]
    pub started_by: StartedBy,
    /// The trace of what has started it.
    #[serde(default)]
    pub trace_id: Option<String>,
    pub status: SyncStatus,
    /// How far it is.
    #[serde(flatten)]
    pub walk: Walk,
    #[serde(flatten)]
    pub counters: Counters,
    /// How many fans the platform says there are.
    pub total: Option<u64>,
    /// FULL only: the leads met on this walk, a serialised roaring bitmap.
    #[serde(default)]
    pub seen_leads: serde_bytes::ByteBuf,
    /// The leads already counted of the page at the cursor, while only a part of it is committed; a bitmap too.
    #[serde(default)]
    pub page_taken: serde_bytes::ByteBuf,
    /// FULL only, once the list is walked: the leads still to be marked as unfollowed; a bitmap too.
    pub unseen_leads: Option<serde_bytes::ByteBuf>,
    /// Who works on it.
    pub lease_owner: Option<String>,
    /// How often it was taken up since a page was last committed.
    #[serde(default)]
    pub attempts: u32,
    /// When it may be taken up; absent once it has ended.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub next_action_at: Option<Timestamp>,
    /// When the sweeper last set about sending a message for it.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub dispatched_at: Option<Timestamp>,
    /// When that message was in the queue: it stays there until a worker takes it.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub queued_at: Option<Timestamp>,
    /// What it waits for, unless it waits for a worker only.
    pub waits_for: Option<WaitReason>,
    /// Since when it has waited without committing a page.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub waits_since: Option<Timestamp>,
    /// The stable code of the failure.
    pub error_type: Option<String>,
    /// What happened, in Chinese.
    pub error_message: Option<String>,
    /// What to do, in Chinese.
    pub error_remedy: Option<String>,
    /// When it was asked for.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub create_time: Timestamp,
    /// When it was first taken up.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub started_at: Option<Timestamp>,
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub finished_at: Option<Timestamp>,
}

/// A sync about to be written.
#[derive(Debug)]
pub(crate) struct NewSync<'a> {
    pub task_id: TaskId,
    pub user_id: UserId,
    /// The account it is to walk.
    pub account_open_id: &'a OpenId,
    pub strategy: SyncStrategy,
    pub started_by: StartedBy,
}

/// How a sync ends.
#[derive(Debug, Clone)]
pub enum Ending {
    /// All of the list was taken over.
    Completed,
    /// It failed, and the user is told this.
    Failed(Advice),
    /// It failed because its account has expired. Another one of this strategy makes up for it when the account comes
    /// back by itself.
    Blocked(Advice, SyncStrategy),
    /// Its user did not want it any more.
    Cancelled,
}

/// A pause of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When it goes on.
    pub until: Timestamp,
    /// What for; absent when it only has to be taken up again.
    pub waits_for: Option<WaitReason>,
    /// How many attempts count from now on, when this changes it.
    pub attempts: Option<u32>,
}

/// On whose word a task ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EndedBy<'a> {
    /// The worker that holds it with this lease.
    Holder(&'a Lease),
    /// The user, whoever holds it: the account is disconnected.
    Anyone,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct SyncTaskStore {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) table: String,
}

impl SyncTaskStore {
    /// The task, read consistently, whoever owns it.
    pub async fn get(&self, task: TaskId) -> Result<Option<SyncTask>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("task_id", n(task))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode(WHAT, item)).transpose()
    }

    /// A new task, as one action of a transaction.
    pub(crate) fn create(&self, sync: &NewSync<'_>, now: Timestamp) -> Result<TransactWriteItem> {
        let mut builder = Put::builder();
        if let Some(id) = trace::current() {
            builder = builder.item("trace_id", s(id.as_str()));
        }
        put(builder
            .table_name(&self.table)
            .item("task_id", n(sync.task_id))
            .item("user_id", n(sync.user_id))
            .item("douyin_user_id", s(sync.account_open_id.as_str()))
            .item("strategy", s(sync.strategy.as_str()))
            .item("started_by", s(sync.started_by.as_str()))
            .item("status", s("PENDING"))
            .item("due_shard", s(due::shard(sync.task_id.get())))
            .item("next_action_at", milliseconds(now))
            .item("create_time", seconds(now))
            .item("update_time", seconds(now))
            .condition_expression("attribute_not_exists(task_id)"))
    }

    /// Takes the task up with this lease. `None`: it has ended, somebody holds it, or its time has not come. An owner
    /// is new with every lease, so finding it in the row already is the SDK's retry of a lost answer.
    pub async fn claim(&self, task: TaskId, lease: &Lease) -> Result<Option<SyncTask>> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("task_id", n(task))
            .condition_expression("next_action_at <= :now OR lease_owner = :owner")
            .update_expression(
                "SET #status = :processing, lease_owner = :owner, next_action_at = :lease_end, \
                 started_at = if_not_exists(started_at, :seconds), update_time = :seconds \
                 REMOVE dispatched_at, dispatched_by, queued_at ADD attempts :one",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":processing", s("PROCESSING"))
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":now", milliseconds(lease.taken_at()))
            .expression_attribute_values(":lease_end", milliseconds(lease.end()))
            .expression_attribute_values(":seconds", seconds(lease.taken_at()))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match outcome {
            Ok(answer) => decode(WHAT, answer.attributes.unwrap_or_default()).map(Some),
            Err(error) => condition_held::<(), _, _>(Err(error), "dynamodb:UpdateItem").map(|_| None),
        }
    }

    /// Lets the task go for `pause`. `false`: the lease was lost. Nobody's and due exactly then is what the SDK's retry
    /// of a lost answer finds.
    pub async fn release(&self, task: TaskId, lease: &Lease, pause: Pause, now: Timestamp) -> Result<bool> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("task_id", n(task))
            .condition_expression(
                "lease_owner = :owner OR (attribute_not_exists(lease_owner) AND next_action_at = :next)",
            )
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":next", milliseconds(pause.until))
            .expression_attribute_values(":seconds", seconds(now));
        let mut set = "SET next_action_at = :next, update_time = :seconds".to_owned();
        let mut request = request;
        if let Some(reason) = pause.waits_for {
            set.push_str(", waits_for = :reason, waits_since = if_not_exists(waits_since, :seconds)");
            request = request.expression_attribute_values(":reason", s(reason.as_str()));
        }
        if let Some(attempts) = pause.attempts {
            set.push_str(", attempts = :attempts");
            request = request.expression_attribute_values(":attempts", n(attempts));
        }
        let request = request.update_expression(format!("{set} REMOVE lease_owner"));
        condition_held(request.send().await, "dynamodb:UpdateItem")
    }

    /// The update every step of a worker starts from: refused once the lease is lost.
    pub(crate) fn held(&self, task: TaskId, lease: &Lease) -> UpdateBuilder {
        self.unheld(task)
            .condition_expression("lease_owner = :owner")
            .expression_attribute_values(":owner", s(lease.owner()))
    }

    fn unheld(&self, task: TaskId) -> UpdateBuilder {
        Update::builder().table_name(&self.table).key("task_id", n(task))
    }

    /// Ends the task as one action of a transaction, and has its row go in 90 days; refused when it has ended already or
    /// `by` does not hold.
    pub(crate) fn end(
        &self,
        task: TaskId,
        by: EndedBy<'_>,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let builder = match by {
            EndedBy::Holder(lease) => self.held(task, lease),
            EndedBy::Anyone => self.unheld(task).condition_expression("attribute_exists(next_action_at)"),
        };
        const REMOVE: &str = "REMOVE lease_owner, due_shard, next_action_at, dispatched_at, dispatched_by, queued_at, \
                              seen_leads, page_taken, unseen_leads, checkpoint, empty_pages, known_pages, waits_for, waits_since";
        const ENDED: &str = "SET #status = :status, finished_at = :now, update_time = :now, expires_at = :expires";
        let builder =
            builder.expression_attribute_names("#status", "status").expression_attribute_values(":now", seconds(now));
        let builder = builder.expression_attribute_values(":expires", seconds(after(now, KEPT)));
        let plain = |status: &str| {
            let end = format!("{ENDED} {REMOVE}");
            builder.clone().update_expression(end).expression_attribute_values(":status", s(status))
        };
        update(match ending {
            Ending::Completed => plain("COMPLETED"),
            Ending::Cancelled => plain("CANCELLED"),
            Ending::Failed(advice) | Ending::Blocked(advice, _) => builder
                .update_expression(format!(
                    "{ENDED}, error_type = :code, error_message = :message, error_remedy = :remedy {REMOVE}"
                ))
                .expression_attribute_values(":status", s("FAILED"))
                .expression_attribute_values(":code", s(advice.code.as_str()))
                .expression_attribute_values(":message", s(advice.message.clone()))
                .expression_attribute_values(":remedy", s(advice.remedy.clone())),
        })
    }
}
