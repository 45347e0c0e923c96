//! The sweeper of publishing: finds tasks and deliveries that are overdue, and sends another message for each.

use std::pin::pin;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::retry::Backoff;
use kernel::round::RoundReport;
use tracing::error;

use crate::config::is_enabled;
use crate::error::Result;
use crate::publish_queue::PublishQueue;
use crate::store::Stores;
use crate::store::delivery::{DeliveryKey, DeliveryStage};
use crate::time::{after, before, between};

/// A row this much late has lost its message: one normally moves within seconds.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);
/// A message sent by the sweeper may wait in a long queue; another one follows only after this, and after a longer pause
/// each time, so that rows that nothing moves leave the time to others.
const RESEND_PAUSES: Backoff = Backoff::new(Duration::from_secs(300), Duration::from_secs(3_600));
/// A row for which this many messages were sent, over an hour and a quarter, without its having been taken up: the queue
/// is that long or the publisher cannot read it, and somebody has to look.
const STUCK_AFTER_RESENDS: u32 = 4;
/// Per index shard and sweep; the rest comes a minute later.
const LIMIT: usize = 1_000;
/// How many rows are handled at once. Each takes three calls of some 10 ms, so a sweep gets through its thousands of rows
/// within its minute.
const PARALLEL: usize = 16;
/// A row is begun only if this is left, which is what one call takes at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(10);

/// What a sweep did about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SweepOutcome {
    /// A message was sent.
    Resent,
    /// A message was sent again, and none of the earlier ones has moved the row.
    Stuck,
    /// It moves without the sweeper.
    Left,
    /// There was no time left for it.
    Unreached,
}

/// How long what is due longest is overdue; nothing when nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lateness {
    /// Of the tasks.
    pub task: Duration,
    /// Of the deliveries.
    pub delivery: Duration,
}

/// Sweeps the publishing tables. It takes no input and may run any number of times at once.
#[derive(Debug, Clone)]
pub struct MomentSweeper {
    stores: Stores,
    queue: PublishQueue,
    /// Whether anything is sent. If not, no messages are sent for it either: each would count as one that moved nothing, and
    /// the next one would come later and later.
    is_enabled: bool,
}

impl MomentSweeper {
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, queue: PublishQueue::new(cx)?, is_enabled: is_enabled(&cx.env)? })
    }

    /// A sweep over the tasks. A row that cannot be handled is logged and left to the next sweep; it does not stop this
    /// one. What needed no message is not counted: it neither succeeded nor failed.
    pub async fn sweep_tasks(&self, deadline: Deadline) -> Result<RoundReport> {
        let now = self.stores.clock.now();
        let late = before(now, OVERDUE_AFTER);
        let overdue = self.stores.tasks.overdue(late, now, LIMIT).await?;
        let handled = stream::iter(overdue).map(|task| async move {
            match self.has_time(deadline) {
                true => (task, self.task(task, now, late).await),
                false => (task, Ok(SweepOutcome::Unreached)),
            }
        });
        Ok(report("moment tasks", handled.buffer_unordered(PARALLEL)).await)
    }

    /// A sweep over the deliveries, as [`Self::sweep_tasks`].
    pub async fn sweep_deliveries(&self, deadline: Deadline) -> Result<RoundReport> {
        let now = self.stores.clock.now();
        let late = before(now, OVERDUE_AFTER);
        let overdue = self.stores.deliveries.overdue(late, now, LIMIT).await?;
        let handled = stream::iter(overdue).map(|(task_id, delivery)| async move {
            let key = DeliveryKey { task_id, delivery: &delivery };
            match self.has_time(deadline) {
                true => (task_id, self.delivery(key, now, late).await),
                false => (task_id, Ok(SweepOutcome::Unreached)),
            }
        });
        Ok(report("moment deliveries", handled.buffer_unordered(PARALLEL)).await)
    }

    /// How long the rows that are due longest are overdue.
    ///
    /// # Errors
    /// When an index cannot be read.
    pub async fn lateness(&self) -> Result<Lateness> {
        let now = self.stores.clock.now();
        let (task, delivery) =
            futures::try_join!(self.stores.tasks.oldest_due(now), self.stores.deliveries.oldest_due(now))?;
        let overdue = |due: Option<Timestamp>| due.map_or(Duration::ZERO, |due| between(due, now));
        Ok(Lateness { task: overdue(task), delivery: overdue(delivery) })
    }

    fn has_time(&self, deadline: Deadline) -> bool {
        deadline.remaining(self.stores.clock.now()) >= MIN_TIME_LEFT
    }

    async fn task(&self, id: TaskId, now: Timestamp, late: Timestamp) -> Result<SweepOutcome> {
        if !self.is_enabled {
            return Ok(SweepOutcome::Left);
        }
        // The index lags behind the table by milliseconds, so the row itself decides.
        let task = self.stores.tasks.get(id).await?;
        let Some(task) = task.filter(|task| task.next_action_at.is_some_and(|at| at <= late)) else {
            return Ok(SweepOutcome::Left);
        };
        if !self.stores.tasks.note_resend(&task, now, after(now, RESEND_PAUSES.pause(task.resends))).await? {
            return Ok(SweepOutcome::Left);
        }
        self.queue.dispatch(id, task.user_id, Duration::ZERO).await?;
        Ok(resent(id, "task", task.resends))
    }

    async fn delivery(&self, key: DeliveryKey<'_>, now: Timestamp, late: Timestamp) -> Result<SweepOutcome> {
        let delivery = self.stores.deliveries.get(key).await?;
        let Some(delivery) = delivery.filter(|delivery| delivery.next_action_at.is_some_and(|at| at <= late)) else {
            return Ok(SweepOutcome::Left);
        };
        if !self.is_enabled && delivery.stage == DeliveryStage::Queued {
            return Ok(SweepOutcome::Left);
        }
        if !self
            .stores
            .deliveries
            .note_resend(&delivery, now, after(now, RESEND_PAUSES.pause(delivery.resends)))
            .await?
        {
            return Ok(SweepOutcome::Left);
        }
        self.queue.wake(key, delivery.user_id).await?;
        Ok(resent(key.task_id, key.delivery, delivery.resends))
    }
}

/// What it is that another message was sent after `resends` that moved nothing.
fn resent(task: TaskId, what: &str, resends: u32) -> SweepOutcome {
    if resends < STUCK_AFTER_RESENDS {
        return SweepOutcome::Resent;
    }
    error!(task.id = task.get(), resends, "{what} of publication {task} was not taken up after {resends} messages");
    SweepOutcome::Stuck
}

/// Counts the rows for which a message was sent or could not be.
async fn report(what: &'static str, handled: impl Stream<Item = (TaskId, Result<SweepOutcome>)>) -> RoundReport {
    let mut report = RoundReport::of(what);
    let mut handled = pin!(handled);
    while let Some((task, outcome)) = handled.next().await {
        match outcome {
            Ok(SweepOutcome::Resent) => report.count(true),
            Ok(SweepOutcome::Stuck) => report.count(false),
            Ok(SweepOutcome::Left) => {}
            Ok(SweepOutcome::Unreached) => report.unreached += 1,
            Err(problem) => {
                error!(task.id = task.get(), "publication of task {task} not swept: {problem}");
                report.count(false);
            }
        }
    }
    report
}
