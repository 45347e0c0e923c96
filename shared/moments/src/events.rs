//! What of this domain is told as events: how tasks end, and that members are asked to confirm. Each is made beside the change that it
//! tells of.

use jiff::Timestamp;
use kernel::events::{Event, Place};
use kernel::ids::TaskId;
use kernel::instant::whole_second;
use kernel::transaction::Transaction;
use serde::{Deserialize, Serialize};

use crate::ids::AccountId;
use crate::status::{Standing, TaskStatus};
use crate::store::Stores;
use crate::store::task::Task;

/// What has happened, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum MomentEvent {
    /// A task has ended. One that is tried again, or of which more becomes known, is told again with what it has come to then.
    #[serde(rename = "moment.task.finished")]
    TaskFinished(TaskEnd),
    /// Members of a company are asked to confirm a post.
    #[serde(rename = "moment.waiting_for_member")]
    WaitingForMember(WaitingAccounts),
}

/// What a task has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "MomentTaskFinishedEvent"))]
#[serde(rename_all = "camelCase")]
pub struct TaskEnd {
    #[serde(with = "kernel::ids::task_id_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    sync_task_id: TaskId,
    status: TaskStatus,
    succeeded: u32,
    failed: u32,
    cancelled: u32,
}

/// Whose confirmation is waited for, at most until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "MomentWaitingForMemberEvent"))]
#[serde(rename_all = "camelCase")]
pub struct WaitingAccounts {
    #[serde(with = "kernel::ids::task_id_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    sync_task_id: TaskId,
    account_ids: Vec<AccountId>,
    confirm_until: Option<Timestamp>,
}

/// Where changes of a task are counted: by the version that its row has after the change.
fn by_task(task: &Task, version: u64) -> Vec<Place> {
    vec![Place(format!("moment/{}", task.id), version)]
}

/// The end of a task that stands at `after` with this change. Nothing when it goes on, when its user has called all of it off,
/// or when it stood there before.
pub(crate) fn ended(task: &Task, after: Standing) -> kernel::Result<Option<Event>> {
    let is_news = (task.status, task.tally) != (after.status, after.tally);
    if !after.status.ended() || after.status == TaskStatus::Cancelled || !is_news {
        return Ok(None);
    }
    let end = TaskEnd {
        sync_task_id: task.id,
        status: after.status,
        succeeded: after.tally.succeeded,
        failed: after.tally.failed,
        cancelled: after.tally.cancelled,
    };
    Event::told(&MomentEvent::TaskFinished(end), by_task(task, task.version + 1)).map(Some)
}

/// That the members of these accounts are asked to confirm; nothing without any.
pub(crate) fn waiting(
    task: &Task,
    accounts: Vec<AccountId>,
    confirm_until: Option<Timestamp>,
) -> kernel::Result<Option<Event>> {
    if accounts.is_empty() {
        return Ok(None);
    }
    let confirm_until = confirm_until.map(whole_second);
    let waiting = WaitingAccounts { sync_task_id: task.id, account_ids: accounts, confirm_until };
    Event::told(&MomentEvent::WaitingForMember(waiting), by_task(task, task.version)).map(Some)
}

impl Stores {
    /// Has the transaction tell these events of the task's tenant.
    pub(crate) fn tell(
        &self,
        transaction: &mut Transaction,
        task: &Task,
        events: impl IntoIterator<Item = Event>,
    ) -> kernel::Result<()> {
        let events: Vec<Event> = events.into_iter().collect();
        self.outbox.add(transaction, task.user_id, &events)
    }
}
