//! Taking a Douyin account's fans over as leads, asynchronously, resumably, exactly once.

mod request;
mod sweep;
mod worker;

pub use request::{Started, SyncProgress, SyncRequests};
pub use sweep::Sweeper;
pub use worker::{Ran, SyncWorker};

use std::time::Duration;

use kernel::ids::{TaskId, UserId};
use kernel::queue::Queue;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::error::Result;
use crate::store::auth::AuthStore;
use crate::store::sync_task::{EndedBy, Ending, SyncTaskStore};

/// The queue's message: which task to take up, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncMessage {
    /// The task, in digits.
    #[serde(with = "kernel::ids::task_id_text")]
    pub task_id: TaskId,
}

/// Sends the message of a task that was just written. One that cannot be sent fails nothing: the sweeper finds the task.
pub(crate) async fn announce(queue: &Queue, task_id: TaskId, user_id: UserId) {
    if let Err(error) = queue.send(&SyncMessage { task_id }, Duration::ZERO, &user_id.to_string()).await {
        warn!(task.id = task_id.get(), "message for fan sync {task_id} not sent, left to the sweeper: {error}");
    }
}

/// Ends a task and gives the account's claim back, in one transaction. `false`: the task had ended already, or is
/// held by somebody else.
pub(crate) async fn end(
    client: &aws_sdk_dynamodb::Client,
    clock: &kernel::Clock,
    (tasks, accounts): (&SyncTaskStore, &AuthStore),
    (task, douyin_user_id, by): (TaskId, &str, EndedBy<'_>),
    ending: Ending,
) -> Result<bool> {
    use kernel::dynamo::{Outcome, Refusal, transact};
    let now = clock.now().as_second();
    let completed_at = matches!(ending, Ending::Completed).then_some(now);
    let actions = vec![tasks.end(task, by, ending, now)?, accounts.unclaim(douyin_user_id, task, completed_at)?];
    match transact(client, clock, actions).await? {
        Outcome::Committed => Ok(true),
        Outcome::Refused(refusals) if refusals.first().is_some_and(Refusal::refused) => Ok(false),
        // The account is gone or was claimed by another since: the task ends alone.
        Outcome::Refused(_) => match transact(client, clock, vec![tasks.end(task, by, ending, now)?]).await? {
            Outcome::Committed => Ok(true),
            Outcome::Refused(_) => Ok(false),
        },
    }
}
