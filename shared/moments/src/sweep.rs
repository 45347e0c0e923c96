//! The safety net: tasks and units that should have moved and have not.

use std::time::Duration;

use kernel::Clock;
use kernel::aws::Aws;
use kernel::config::{ConfigError, Env};
use kernel::ids::TaskId;
use kernel::queue::Queue;
use tracing::{error, info};

use crate::error::Result;
use crate::publish::PublishMessage;
use crate::store::task::TaskStore;
use crate::store::unit::UnitStore;

/// A row this much late has lost its message: one normally moves within seconds.
const GRACE: Duration = Duration::from_secs(30);
/// A message sent by the sweeper may wait in a long queue; another one follows only after this.
const RESEND_AFTER: Duration = Duration::from_secs(300);
/// Per index shard and sweep; the rest comes a minute later.
const LIMIT: i32 = 250;

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// Overdue rows found.
    pub overdue: usize,
    /// Messages sent.
    pub dispatched: usize,
}

/// Sweeps the publishing tables. It takes no input and may run any number of times at once.
#[derive(Debug, Clone)]
pub struct MomentSweeper {
    tasks: TaskStore,
    units: UnitStore,
    queue: Queue,
    clock: Clock,
}

impl MomentSweeper {
    /// From the environment.
    pub fn new(aws: &Aws, env: &Env, clock: Clock) -> Result<Self, ConfigError> {
        Ok(Self {
            tasks: TaskStore::new(aws.dynamodb.clone(), clock.clone(), env)?,
            units: UnitStore::new(aws.dynamodb.clone(), env)?,
            queue: Queue::new(aws.sqs.clone(), env.required("PUBLISH_QUEUE_URL")?),
            clock,
        })
    }

    /// One sweep. A row that cannot be handled is logged and left to the next sweep; it does not stop this one.
    pub async fn sweep(&self) -> Result<SweepReport> {
        let now = self.clock.now_ms();
        let late = now - GRACE.as_millis() as i64;
        let (tasks, units) = futures::try_join!(self.tasks.due(late, LIMIT), self.units.due(late, LIMIT))?;
        let mut report = SweepReport { overdue: tasks.len() + units.len(), dispatched: 0 };
        for task in tasks {
            report.count(task, self.task(task, now, late).await);
        }
        for (task, unit) in units {
            report.count(task, self.unit(task, &unit, now, late).await);
        }
        if report.overdue > 0 {
            info!(report.overdue, report.dispatched, "swept {} overdue publications", report.overdue);
        }
        Ok(report)
    }

    async fn task(&self, id: TaskId, now: i64, late: i64) -> Result<bool> {
        // The index lags behind the table by milliseconds, so the row itself decides.
        let Some(task) = self.tasks.get(id).await?.filter(|task| task.next_action_at.is_some_and(|at| at <= late))
        else {
            return Ok(false);
        };
        if !self.tasks.note_dispatch(&task, now, now - RESEND_AFTER.as_millis() as i64).await? {
            return Ok(false);
        }
        let message = PublishMessage { task_id: id, unit: None };
        self.queue.send(&message, Duration::ZERO, &task.user_id.to_string()).await?;
        Ok(true)
    }

    async fn unit(&self, id: TaskId, name: &str, now: i64, late: i64) -> Result<bool> {
        let Some(unit) =
            self.units.get(id, name).await?.filter(|unit| unit.next_action_at.is_some_and(|at| at <= late))
        else {
            return Ok(false);
        };
        if !self.units.note_dispatch(&unit, now, now - RESEND_AFTER.as_millis() as i64).await? {
            return Ok(false);
        }
        let message = PublishMessage { task_id: id, unit: Some(unit.unit) };
        self.queue.send(&message, Duration::ZERO, &unit.user_id.to_string()).await?;
        Ok(true)
    }
}

impl SweepReport {
    fn count(&mut self, task: TaskId, outcome: Result<bool>) {
        match outcome {
            Ok(dispatched) => self.dispatched += usize::from(dispatched),
            Err(problem) => error!(task.id = task.get(), "publication of task {task} not swept: {problem}"),
        }
    }
}
