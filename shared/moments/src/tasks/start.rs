//! Setting tasks in motion, now or at their time. Nothing depends on its succeeding: the sweeper stands behind it.

use std::time::Duration;

use jiff::Timestamp;
use kernel::Clock;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::ids::{TaskId, UserId};
use kernel::metrics::{self, Metric};
use kernel::schedule::Schedules;
use tracing::warn;

use crate::error::Result;
use crate::publish_queue::PublishQueue;
use crate::store::delivery::DeliveryKey;

/// Sets tasks in motion.
#[derive(Debug, Clone)]
pub struct TaskStarter {
    queue: PublishQueue,
    schedules: Schedules,
    clock: Clock,
}

impl TaskStarter {
    /// The configured queue and schedules.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { queue: PublishQueue::new(cx)?, schedules: Schedules::new(cx)?, clock: cx.clock.clone() })
    }

    /// Has the task dispatched now, or at its time: within a quarter of an hour by a delayed message, later by a
    /// schedule of the task's name.
    pub(super) async fn start(&self, task: TaskId, user_id: UserId, scheduled_time: Option<Timestamp>) {
        if let Err(error) = self.try_start(task, user_id, scheduled_time).await {
            metrics::put(Metric::WakeupsNotMade, 1);
            warn!(task.id = task.get(), "moment task {task} not started, left to the sweeper: {error}");
        }
    }

    async fn try_start(&self, task: TaskId, user_id: UserId, scheduled_time: Option<Timestamp>) -> Result<()> {
        let now = self.clock.now();
        let time = scheduled_time.unwrap_or(now);
        let delay = Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO);
        if self.queue.dispatch(task, user_id, delay).await? {
            return Ok(());
        }
        Ok(self.schedules.create(&schedule_name(task), time, &PublishQueue::dispatch_body(task)?).await?)
    }

    /// Has a waiting task dispatched at another time than before. Its schedule is moved, never missing for a moment; a
    /// message that is left for the earlier time finds a task whose time has not come.
    pub(super) async fn restart(&self, task: TaskId, user_id: UserId, time: Timestamp) {
        if let Err(error) = self.try_restart(task, user_id, time).await {
            metrics::put(Metric::WakeupsNotMade, 1);
            warn!(task.id = task.get(), "moment task {task} not moved, left to the sweeper: {error}");
        }
    }

    async fn try_restart(&self, task: TaskId, user_id: UserId, time: Timestamp) -> Result<()> {
        let delay = Duration::try_from(time.duration_since(self.clock.now())).unwrap_or(Duration::ZERO);
        // The message first: a schedule that is left behind finds a task that was dispatched.
        if self.queue.dispatch(task, user_id, delay).await? {
            self.stop(task).await;
            return Ok(());
        }
        Ok(self.schedules.set(&schedule_name(task), time, &PublishQueue::dispatch_body(task)?).await?)
    }

    /// Has a delivery taken up now.
    pub(super) async fn wake(&self, delivery: DeliveryKey<'_>, user_id: UserId) {
        if let Err(error) = self.queue.wake(delivery, user_id).await {
            let task = delivery.task_id;
            metrics::put(Metric::WakeupsNotMade, 1);
            warn!(task.id = task.get(), "delivery of moment task {task} not started, left to the sweeper: {error}");
        }
    }

    /// Takes a task's schedule away; what is left of it finds nothing to do.
    pub(super) async fn stop(&self, task: TaskId) {
        if let Err(error) = self.schedules.delete(&schedule_name(task)).await {
            warn!(task.id = task.get(), "schedule of moment task {task} not deleted: {error}");
        }
    }
}

fn schedule_name(task: TaskId) -> String {
    format!("moment-{task}")
}
