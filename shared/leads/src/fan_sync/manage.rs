//! Looking at the tenant's syncs, and ending one.

use kernel::audit::Row;
use kernel::caller::Caller;
use kernel::ids::{TaskId, UserId};
use kernel::page::{Page, PageRequest};
use serde_json::json;
use tracing::info;

use super::end;
use crate::audit;
use crate::config::AutoSync;
use crate::error::{Result, SyncProblem};
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::sync_task::{EndedBy, Ending, SyncStatus, SyncTask};

/// How the caller's task goes.
///
/// # Errors
/// [`kernel::Error::NotFound`] for a task that does not exist or is another tenant's.
pub async fn progress(stores: &Stores, user_id: UserId, task: TaskId) -> Result<SyncTask> {
    let found = stores.tasks.get(task).await?.filter(|task| task.user_id == user_id);
    Ok(found.ok_or(kernel::Error::NotFound("sync task"))?)
}

/// The caller's tasks, newest first, of all accounts or of one. An account that nobody has, or somebody else, has none.
///
/// # Errors
/// Only when our own stores fail.
pub async fn list(
    stores: &Stores,
    user_id: UserId,
    account: Option<&str>,
    page: PageRequest,
) -> Result<Page<SyncTask>> {
    let account: Option<OpenId> = match account.map(str::parse).transpose() {
        Ok(account) => account,
        // What is no id of an account is the id of none.
        Err(_) => return Ok(page.answer(Vec::new(), 0)),
    };
    let (tasks, total) = stores.tasks.of_user(user_id, account.as_ref(), page.offset(), page.size).await?;
    Ok(page.answer(tasks, total))
}

/// Ends the caller's task and frees its account, in one transaction. What is committed stays; a worker in the middle of
/// a page finds its lease gone at its next step and commits nothing more.
///
/// # Errors
/// [`kernel::Error::NotFound`] as for [`progress`]; [`SyncProblem::HasEnded`] for a task that has ended.
pub async fn cancel(stores: &Stores, auto: AutoSync, caller: &Caller, task: TaskId) -> Result<SyncTask> {
    let user_id = caller.user_id;
    let found = progress(stores, user_id, task).await?;
    let row = Row {
        tenant: user_id,
        actor: &caller.actor,
        action: audit::SYNC_CANCELLED,
        object: format!("fan-sync/{task}"),
        before: json!({ "status": found.status }),
        after: json!({ "status": SyncStatus::Cancelled }),
    };
    let deed = stores.audit.row(&row, stores.clock.now())?;
    if !end(stores, &found, EndedBy::Anyone, &Ending::Cancelled, None, auto, Some(deed)).await? {
        return Err(SyncProblem::HasEnded.into());
    }
    info!(task.id = task.get(), "fan sync {task} cancelled");
    progress(stores, user_id, task).await
}
