//! WeChat Moments: the domain's objects with the contract's field names.

use jiff::Timestamp;
use moments::ids::AccountId;
use moments::provider::Provider;
use moments::status::{ResultStatus, TaskStatus};
use moments::store::account::{Account, AccountStatus};
use moments::store::result::{AccountResult, Stage};
use moments::store::task::{ContentId, Task};
use serde::Serialize;

/// An account one may publish with: exactly the owner's fields.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    account_id: AccountId,
    account_name: String,
    account_type: Provider,
    status: AccountStatus,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            account_id: account.account_id,
            account_name: account.account_name,
            account_type: account.provider,
            status: account.status,
        }
    }
}

/// A task in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskSummary {
    sync_task_id: u64,
    content_id: Option<ContentId>,
    text: String,
    media_urls: Vec<String>,
    status: TaskStatus,
    create_time: Timestamp,
    update_time: Timestamp,
    scheduled_time: Option<Timestamp>,
}

impl From<Task> for TaskSummary {
    fn from(task: Task) -> Self {
        Self {
            sync_task_id: task.id.get(),
            content_id: task.content_id,
            text: task.text_content,
            media_urls: task.media_urls,
            status: task.status,
            create_time: task.create_time,
            update_time: task.update_time,
            scheduled_time: task.scheduled_time,
        }
    }
}

/// A task with the truth about every account.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    sync_task_id: u64,
    content_id: Option<ContentId>,
    status: TaskStatus,
    create_time: Timestamp,
    update_time: Timestamp,
    scheduled_time: Option<Timestamp>,
    results: Vec<ResultView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultView {
    account_id: AccountId,
    account_name: String,
    status: ResultStatus,
    stage: Stage,
    moment_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    update_time: Timestamp,
}

impl TaskView {
    /// The view of a task and its accounts.
    pub fn new(task: Task, results: Vec<AccountResult>) -> Self {
        // The task's own row does not move with every step of an account.
        let last = results.iter().map(|result| result.update_time).fold(task.update_time, Timestamp::max);
        Self {
            sync_task_id: task.id.get(),
            content_id: task.content_id,
            status: task.status,
            create_time: task.create_time,
            update_time: last,
            scheduled_time: task.scheduled_time,
            results: results.into_iter().map(ResultView::from).collect(),
        }
    }
}

impl From<AccountResult> for ResultView {
    fn from(result: AccountResult) -> Self {
        Self {
            account_id: result.account_id,
            account_name: result.account_name,
            status: result.status,
            stage: result.stage,
            moment_id: result.moment_id,
            error_code: result.error_code,
            error_message: result.error_message,
            update_time: result.update_time,
        }
    }
}
