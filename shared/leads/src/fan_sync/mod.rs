//! Taking a Douyin account's fans over as leads, asynchronously, resumably, exactly once.

mod lead_change;
mod page_diff;
mod page_writer;
mod queue;
mod request;
mod room;
mod sweep;
mod walk;
mod worker;

pub use queue::SyncMessage;
pub(crate) use queue::SyncQueue;
pub use request::{Started, SyncProgress, SyncRequests};
pub use sweep::Sweeper;
pub use worker::{Ran, SyncWorker};

use kernel::ids::TaskId;
use kernel::transaction::Transaction;

use crate::error::Result;
use crate::store::auth::AuthStore;
use crate::store::sync_task::{EndedBy, Ending, SyncTaskStore};

/// Ends a task and gives the account's claim back, in one transaction. `false`: the task had ended already, or is
/// held by somebody else.
pub(crate) async fn end(
    client: &aws_sdk_dynamodb::Client,
    clock: &kernel::Clock,
    (tasks, accounts): (&SyncTaskStore, &AuthStore),
    (task, douyin_user_id, by): (TaskId, &str, EndedBy<'_>),
    ending: &Ending,
) -> Result<bool> {
    let now = clock.now().as_second();
    let completed_at = matches!(ending, Ending::Completed).then_some(now);
    let mut transaction = Transaction::new();
    let task_is_open = transaction.add(tasks.end(task, by, ending, now)?);
    transaction.add(accounts.unclaim(douyin_user_id, task, completed_at)?);
    let outcome = transaction.commit(client, clock).await?;
    if outcome.is_committed() || outcome.failed(task_is_open) {
        return Ok(outcome.is_committed());
    }
    // The account is gone or was claimed by another since: the task ends alone.
    let mut alone = Transaction::new();
    alone.add(tasks.end(task, by, ending, now)?);
    Ok(alone.commit(client, clock).await?.is_committed())
}
