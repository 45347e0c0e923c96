//! WeChat Moments: the domain's objects with the contract's field names.

use jiff::Timestamp;
use kernel::page::PageRequest;
use moments::ids::AccountId;
use moments::provider::Provider;
use moments::status::{ResultStatus, TaskStatus};
use moments::store::account::{Account, AccountStatus};
use moments::store::result::Stage;
use moments::store::task::{ContentId, Task};
use moments::tasks::{AccountProgress, Progress};
use serde::Serialize;

/// An account one may publish with: exactly the owner's fields.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WechatAccount"))]
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
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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

/// The most accounts that are shown without being asked for by pages.
const MOST_RESULTS: usize = 1_000;

/// A task with the result of every account: the owner's fields, then ours.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Task"))]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    sync_task_id: u64,
    content_id: Option<ContentId>,
    status: TaskStatus,
    create_time: Timestamp,
    update_time: Timestamp,
    scheduled_time: Option<Timestamp>,
    results: Vec<ResultView>,
    text: String,
    media_urls: Vec<String>,
    counts: Counts,
    results_total: usize,
}

/// Which of a task's accounts are shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown {
    /// Those of this status; all when absent.
    pub status: Option<ResultStatus>,
    /// This page of them; the first thousand when absent.
    pub page: Option<PageRequest>,
}

/// How many of a task's accounts have which status, whichever are shown.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "TaskCounts"))]
struct Counts {
    success: u64,
    failed: u64,
    processing: u64,
    pending: u64,
    cancelled: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AccountResult"))]
#[serde(rename_all = "camelCase")]
struct ResultView {
    account_id: AccountId,
    account_name: String,
    status: ResultStatus,
    stage: Stage,
    moment_id: Option<String>,
    #[cfg_attr(feature = "openapi", schemars(with = "Option<kernel::advice::ErrorCode>"))]
    error_code: Option<String>,
    error_message: Option<String>,
    update_time: Timestamp,
    reason: Option<&'static str>,
    next_action_at: Option<Timestamp>,
    confirm_until: Option<Timestamp>,
}

impl TaskView {
    /// The view of a task and of the accounts that are asked for.
    pub fn new(progress: Progress, shown: Shown) -> Self {
        let Progress { task, accounts } = progress;
        // The task's own row does not move with every step of an account.
        let last = accounts.iter().map(|account| account.result.update_time).fold(task.update_time, Timestamp::max);
        let counts = Counts::of(&accounts);
        let is_meant = |account: &AccountProgress| shown.status.is_none_or(|status| status == account.result.status);
        let meant: Vec<AccountProgress> = accounts.into_iter().filter(is_meant).collect();
        let (offset, size) = shown.page.map_or((0, MOST_RESULTS), |page| {
            let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            (whole(page.offset()), whole(page.size))
        });
        Self {
            sync_task_id: task.id.get(),
            content_id: task.content_id,
            status: task.status,
            create_time: task.create_time,
            update_time: last,
            scheduled_time: task.scheduled_time,
            results_total: meant.len(),
            results: meant.into_iter().skip(offset).take(size).map(ResultView::from).collect(),
            text: task.text_content,
            media_urls: task.media_urls,
            counts,
        }
    }
}

impl Counts {
    fn of(accounts: &[AccountProgress]) -> Self {
        let mut counts = Self::default();
        for account in accounts {
            *match account.result.status {
                ResultStatus::Success => &mut counts.success,
                ResultStatus::Failed => &mut counts.failed,
                ResultStatus::Processing => &mut counts.processing,
                ResultStatus::Pending => &mut counts.pending,
                ResultStatus::Cancelled => &mut counts.cancelled,
            } += 1;
        }
        counts
    }
}

impl From<AccountProgress> for ResultView {
    fn from(account: AccountProgress) -> Self {
        let AccountProgress { result, wait } = account;
        Self {
            account_id: result.account_id,
            account_name: result.account_name,
            status: result.status,
            stage: result.stage,
            moment_id: result.moment_id,
            error_code: result.error_code,
            error_message: result.error_message,
            update_time: result.update_time,
            reason: wait.map(|wait| wait.reason),
            next_action_at: wait.and_then(|wait| wait.until),
            confirm_until: wait.and_then(|wait| wait.confirm_until),
        }
    }
}
