//! Taking a Douyin account's fans over as leads, asynchronously, resumably, exactly once.

mod action_budget;
mod auto_sync;
pub(crate) mod health;
mod lead_change;
mod manage;
mod page_diff;
mod page_writer;
mod queue;
mod quota;
mod request;
mod schedule;
mod stop;
mod sweep;
mod turns;
mod wait;
mod walk;
mod worker;

pub use auto_sync::AutoSyncs;
pub use health::{Health, HealthStatus};
pub use manage::{cancel, list, progress};
pub use queue::SyncMessage;
pub(crate) use queue::SyncQueue;
pub use request::{Started, SyncRequest, SyncRequests};
pub use sweep::Sweeper;
pub use wait::{explain, waiting};
pub use worker::{RunOutcome, SyncWorker};

use aws_sdk_dynamodb::types::TransactWriteItem;
use kernel::transaction::Transaction;

use crate::config::AutoSync;
use crate::error::Result;
use crate::events;
use crate::store::Stores;
use crate::store::account::SyncSchedule;
use crate::store::sync_task::{EndedBy, Ending, SyncTask};

/// Ends a task, gives the account's claim back and sets when the next sync starts by itself, in one transaction, with a row of
/// the audit log if somebody has asked for it. `false`:
/// the task had ended already, or is held by somebody else. `schedule` is that of the account, if the task was taken up.
pub(crate) async fn end(
    stores: &Stores,
    task: &SyncTask,
    by: EndedBy<'_>,
    ending: &Ending,
    schedule: Option<&SyncSchedule>,
    auto: AutoSync,
    deed: Option<TransactWriteItem>,
) -> Result<bool> {
    let now = stores.clock.now();
    let (id, after) = (task.task_id, schedule::after_sync(task, ending, schedule, now, auto));
    let mut transaction = Transaction::new();
    let task_is_open = transaction.add(stores.tasks.end(id, by, ending, now)?);
    transaction.add(stores.accounts.unclaim(&task.account_open_id, id, &after)?);
    transaction.add_all(deed.clone());
    let told: Vec<_> = events::sync_ended(task, ending)?.into_iter().collect();
    stores.tell(&mut transaction, task.user_id, &told)?;
    let outcome = stores.commit(&transaction).await?;
    if outcome.is_committed() || outcome.failed(task_is_open) {
        return Ok(outcome.is_committed());
    }
    // The account is gone or was claimed by another since: the task ends alone.
    let mut alone = Transaction::new();
    alone.add(stores.tasks.end(id, by, ending, now)?);
    alone.add_all(deed);
    stores.tell(&mut alone, task.user_id, &told)?;
    Ok(stores.commit(&alone).await?.is_committed())
}
