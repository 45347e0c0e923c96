//! Finds sync tasks that lost their message or their worker, by their due time, and sends another message.

use std::time::Duration;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::round::RoundReport;
use tracing::{error, warn};

use super::{SyncQueue, end};
use crate::error::{Result, SyncProblem};
use crate::store::Stores;
use crate::store::sync_task::{EndedBy, Ending, SyncTask};

/// A task this much late has lost its message: one normally moves within seconds.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);
/// A message sent by the sweeper may wait in a long queue; another one follows only after this.
const RESEND_AFTER: Duration = Duration::from_secs(300);
/// A task sent this often and never taken up will not be: no worker can run.
const MAX_DISPATCHES: u32 = 12;
/// Per index shard and sweep; the rest comes a minute later.
const LIMIT: i32 = 250;
/// A task is begun only if this is left, which is what one call takes at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(10);

/// Sweeps the sync tasks. It takes no input and may run any number of times at once.
#[derive(Debug, Clone)]
pub struct Sweeper {
    stores: Stores,
    queue: SyncQueue,
}

impl Sweeper {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, queue: SyncQueue::new(cx)? })
    }

    /// One sweep. A task that cannot be handled is logged and left to the next sweep; it does not stop this one.
    /// What needed no message is not counted: it neither succeeded nor failed.
    pub async fn sweep(&self, deadline: Deadline) -> Result<RoundReport> {
        let now = self.stores.clock.now_ms();
        let mut report = RoundReport::of("fan syncs");
        for task in self.stores.tasks.due(now - OVERDUE_AFTER.as_millis() as i64, LIMIT).await? {
            if deadline.remaining(self.stores.clock.now()) < MIN_TIME_LEFT {
                report.unreached += 1;
                continue;
            }
            match self.handle(task, now).await {
                Ok(SweepOutcome::Moved) => report.count(true),
                Ok(SweepOutcome::Left) => {}
                Err(problem) => {
                    error!(task.id = task.get(), "fan sync {task} not swept: {problem}");
                    report.count(false);
                }
            }
        }
        Ok(report)
    }

    async fn handle(&self, task: TaskId, now: i64) -> Result<SweepOutcome> {
        // The index lags behind the table by milliseconds, so the row itself decides.
        let Some(task) = self.stores.tasks.get(task).await?.filter(|task| self.still_overdue(task, now)) else {
            return Ok(SweepOutcome::Left);
        };
        if task.dispatches >= MAX_DISPATCHES {
            warn!(task.id = task.task_id.get(), "fan sync {} was never taken up", task.task_id);
            let ending = Ending::Failed(SyncProblem::Stalled.advice());
            let by = EndedBy::Sweeper { next_action_at: task.next_action_at.unwrap_or_default() };
            let ended = end(&self.stores, task.task_id, &task.account_open_id, by, &ending).await?;
            return Ok(if ended { SweepOutcome::Moved } else { SweepOutcome::Left });
        }
        if !self.stores.tasks.note_dispatch(&task, now, now - RESEND_AFTER.as_millis() as i64).await? {
            return Ok(SweepOutcome::Left);
        }
        self.queue.dispatch(task.task_id, task.user_id).await?;
        Ok(SweepOutcome::Moved)
    }

    fn still_overdue(&self, task: &SyncTask, now: i64) -> bool {
        task.next_action_at.is_some_and(|next| next <= now - OVERDUE_AFTER.as_millis() as i64)
    }
}

enum SweepOutcome {
    /// A message was sent for it, or it was ended because nothing can make it run.
    Moved,
    /// It moves without the sweeper.
    Left,
}
