//! Taking a Douyin account's fans over as leads, asynchronously, resumably, exactly once.

mod lead_change;
mod manage;
mod page_diff;
mod page_writer;
mod queue;
mod request;
mod room;
mod sweep;
mod turns;
mod wait;
mod walk;
mod worker;

pub use manage::{cancel, list, progress};
pub use queue::SyncMessage;
pub(crate) use queue::SyncQueue;
pub use request::{Started, SyncRequests};
pub use sweep::Sweeper;
pub use wait::{explain, waiting};
pub use worker::{RunOutcome, SyncWorker};

use kernel::ids::TaskId;
use kernel::transaction::Transaction;

use crate::error::Result;
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::sync_task::{EndedBy, Ending};

/// Ends a task and gives the account's claim back, in one transaction. `false`: the task had ended already, or is
/// held by somebody else.
pub(crate) async fn end(
    stores: &Stores,
    task: TaskId,
    account_open_id: &OpenId,
    by: EndedBy<'_>,
    ending: &Ending,
) -> Result<bool> {
    let now = stores.clock.now().as_second();
    let completed_at = matches!(ending, Ending::Completed).then_some(now);
    let mut transaction = Transaction::new();
    let task_is_open = transaction.add(stores.tasks.end(task, by, ending, now)?);
    transaction.add(stores.accounts.unclaim(account_open_id, task, completed_at)?);
    let outcome = stores.commit(&transaction).await?;
    if outcome.is_committed() || outcome.failed(task_is_open) {
        return Ok(outcome.is_committed());
    }
    // The account is gone or was claimed by another since: the task ends alone.
    let mut alone = Transaction::new();
    alone.add(stores.tasks.end(task, by, ending, now)?);
    Ok(stores.commit(&alone).await?.is_committed())
}
