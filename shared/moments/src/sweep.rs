//! The sweeper of publishing: finds tasks and deliveries that are overdue, and sends another message for each.

use std::time::Duration;

use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::round::RoundReport;
use tracing::error;

use crate::error::Result;
use crate::publish_queue::PublishQueue;
use crate::store::Stores;
use crate::store::delivery::DeliveryKey;
use crate::time::before;

/// A row this much late has lost its message: one normally moves within seconds.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);
/// A message sent by the sweeper may wait in a long queue; another one follows only after this.
const RESEND_AFTER: Duration = Duration::from_secs(300);
/// Per index shard and sweep; the rest comes a minute later.
const LIMIT: i32 = 250;
/// A row is begun only if this is left, which is what one call takes at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(10);

/// Sweeps the publishing tables. It takes no input and may run any number of times at once.
#[derive(Debug, Clone)]
pub struct MomentSweeper {
    stores: Stores,
    queue: PublishQueue,
}

impl MomentSweeper {
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, queue: PublishQueue::new(cx)? })
    }

    /// A sweep over the tasks. A row that cannot be handled is logged and left to the next sweep; it does not stop this
    /// one. What needed no message is not counted: it neither succeeded nor failed.
    pub async fn sweep_tasks(&self, deadline: Deadline) -> Result<RoundReport> {
        let now = self.stores.clock.now();
        let late = before(now, OVERDUE_AFTER);
        let mut report = RoundReport::of("moment tasks");
        for task in self.stores.tasks.due(late, LIMIT).await? {
            if self.has_time(deadline) {
                count(&mut report, task, self.task(task, now, late).await);
            } else {
                report.unreached += 1;
            }
        }
        Ok(report)
    }

    /// A sweep over the deliveries, as [`Self::sweep_tasks`].
    pub async fn sweep_deliveries(&self, deadline: Deadline) -> Result<RoundReport> {
        let now = self.stores.clock.now();
        let late = before(now, OVERDUE_AFTER);
        let mut report = RoundReport::of("moment deliveries");
        for (task_id, delivery) in self.stores.deliveries.due(late, LIMIT).await? {
            if self.has_time(deadline) {
                let key = DeliveryKey { task_id, delivery: &delivery };
                count(&mut report, task_id, self.delivery(key, now, late).await);
            } else {
                report.unreached += 1;
            }
        }
        Ok(report)
    }

    fn has_time(&self, deadline: Deadline) -> bool {
        deadline.remaining(self.stores.clock.now()) >= MIN_TIME_LEFT
    }

    async fn task(&self, id: TaskId, now: Timestamp, late: Timestamp) -> Result<bool> {
        // The index lags behind the table by milliseconds, so the row itself decides.
        let Some(task) =
            self.stores.tasks.get(id).await?.filter(|task| task.next_action_at.is_some_and(|at| at <= late))
        else {
            return Ok(false);
        };
        if !self.stores.tasks.note_dispatch(&task, now, before(now, RESEND_AFTER)).await? {
            return Ok(false);
        }
        self.queue.dispatch(id, task.user_id, Duration::ZERO).await?;
        Ok(true)
    }

    async fn delivery(&self, key: DeliveryKey<'_>, now: Timestamp, late: Timestamp) -> Result<bool> {
        let Some(delivery) = self
            .stores
            .deliveries
            .get(key)
            .await?
            .filter(|delivery| delivery.next_action_at.is_some_and(|at| at <= late.as_millisecond()))
        else {
            return Ok(false);
        };
        if !self.stores.deliveries.note_dispatch(&delivery, now, before(now, RESEND_AFTER)).await? {
            return Ok(false);
        }
        self.queue.wake(key, delivery.user_id, Duration::ZERO).await?;
        Ok(true)
    }
}

/// Counts a row for which a message was sent, or could not be.
fn count(report: &mut RoundReport, task: TaskId, outcome: Result<bool>) {
    match outcome {
        Ok(true) => report.count(true),
        Ok(false) => {}
        Err(problem) => {
            error!(task.id = task.get(), "publication of task {task} not swept: {problem}");
            report.count(false);
        }
    }
}
