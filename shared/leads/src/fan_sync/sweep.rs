//! The safety net: whatever lost its message or its worker is found by when it should have moved, and gets a message.
//!
//! It only ever sends messages. A task that nobody takes up has done nothing wrong: the queue is long, or no worker can
//! run. That is told by its age in the log and by the alarm on the queue, and it runs once a worker comes.

use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::instant::{before, between};
use kernel::round::RoundReport;
use tracing::{error, warn};

use super::SyncQueue;
use crate::error::Result;
use crate::store::Stores;
use crate::store::sync_task::SyncTask;

/// A task this much late has lost its message: one normally moves within seconds.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);
/// A sweeper that set about sending a message and has not noted since that it is in the queue has died or was refused.
const RESEND_AFTER: Duration = Duration::from_secs(300);
/// A message that is in the queue is lost only to the dead-letter queue, and goes there when it was received five times,
/// half an hour apart (`VisibilityTimeout` and `maxReceiveCount` of the queue): no sooner than after two hours.
const SURELY_QUEUED: Duration = Duration::from_secs(2 * 3_600);
/// A task that waits this long for a worker is told in the log.
const OLD_AFTER: Duration = Duration::from_secs(1_800);
/// Per index shard and sweep; the rest comes a minute later.
const LIMIT: i32 = 250;
/// Tasks swept at once: one after the other, four calls each, two thousand of them would take minutes.
const PARALLEL: usize = 8;
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
        let now = self.stores.clock.now();
        let sender = hex::encode(kernel::crypto::random::<8>());
        let due = self.stores.tasks.due(before(now, OVERDUE_AFTER), LIMIT).await?;
        let mut sweeps = stream::iter(due)
            .map(|task| {
                let sender = &sender;
                async move {
                    if deadline.remaining(self.stores.clock.now()) < MIN_TIME_LEFT {
                        return SweepOutcome::Unreached;
                    }
                    self.handle(task, sender, now).await.unwrap_or_else(|problem| {
                        error!(task.id = task.get(), "fan sync {task} not swept: {problem}");
                        SweepOutcome::Failed
                    })
                }
            })
            .buffer_unordered(PARALLEL);
        let mut report = RoundReport::of("fan syncs");
        while let Some(outcome) = sweeps.next().await {
            match outcome {
                SweepOutcome::Sent => report.count(true),
                SweepOutcome::Failed => report.count(false),
                SweepOutcome::Unreached => report.unreached += 1,
                SweepOutcome::Left => {}
            }
        }
        Ok(report)
    }

    /// How long the sync that is due longest is overdue.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn lateness(&self) -> Result<Duration> {
        let now = self.stores.clock.now();
        Ok(self.stores.tasks.oldest_due(now).await?.map_or(Duration::ZERO, |due| between(due, now)))
    }

    async fn handle(&self, task: TaskId, sender: &str, now: Timestamp) -> Result<SweepOutcome> {
        // The index lags behind the table by milliseconds, so the row itself decides.
        let Some(task) = self.stores.tasks.get(task).await?.filter(|task| is_overdue(task, now)) else {
            return Ok(SweepOutcome::Left);
        };
        let waits = between(task.next_action_at.unwrap_or(now), now);
        if waits >= OLD_AFTER {
            warn!(
                task.id = task.task_id.get(),
                seconds = waits.as_secs(),
                "fan sync {} waits for a worker",
                task.task_id
            );
        }
        // A message sent before the task got this due time is not for it: whoever received it found the task held, and
        // dropped it.
        let is_queued = |queued| queued > before(now, SURELY_QUEUED) && Some(queued) >= task.next_action_at;
        if task.queued_at.is_some_and(is_queued) {
            return Ok(SweepOutcome::Left);
        }
        if !self.stores.tasks.note_dispatch(&task, sender, now, before(now, RESEND_AFTER)).await? {
            return Ok(SweepOutcome::Left);
        }
        self.queue.dispatch(task.task_id, task.user_id).await?;
        self.stores.tasks.note_queued(task.task_id, sender, now).await?;
        Ok(SweepOutcome::Sent)
    }
}

fn is_overdue(task: &SyncTask, now: Timestamp) -> bool {
    task.next_action_at.is_some_and(|next| next <= before(now, OVERDUE_AFTER))
}

enum SweepOutcome {
    /// A message was sent for it.
    Sent,
    /// It moves without the sweeper.
    Left,
    /// It could not be handled.
    Failed,
    /// There was no time left to begin.
    Unreached,
}
