//! One run: accounts are connected, posts ordered, and at their time published, until every task has ended.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use it::World;
use it::tables::Row;
use jiff::{SignedDuration, Timestamp};
use sandbox::wecom::WecomLimits;
use sandbox::{Publication, PublicationKind};

use super::pool::Pool;
use super::tenants::{self, ACCOUNTS, Order};
use crate::machine::Busy;
use crate::meter::{Call, Meter};
use crate::real_time;
use crate::report::progress;

/// How long the posts may take. What is not published by then is judged as lost.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// How often the end is looked for: reading a thousand tasks keeps the emulator busy for half a second.
const LOOK: Duration = Duration::from_secs(10);
/// How long messages without any more use may keep turning up: a task's last one may have been sent just before.
const DRY: Duration = Duration::from_secs(60);
/// How often they are looked for.
const DRAIN: Duration = Duration::from_secs(1);
/// The pool is at work before the time comes, as Lambda's poller is.
const AHEAD: Duration = Duration::from_secs(3);

/// What came of a run.
pub struct Run {
    pub orders: Vec<Order>,
    /// When it was due.
    pub due: Timestamp,
    /// When the last task had ended, to the second.
    pub ended: Timestamp,
    /// How long ordering took.
    pub ordering: Duration,
    /// What went out, by the platforms.
    pub publications: Vec<Publication>,
    /// The rows of the tasks.
    pub tasks: Vec<Row>,
    /// The rows of their accounts.
    pub results: Vec<Row>,
    /// Messages the publishers took, and how many came again.
    pub messages: (usize, usize),
    /// What is left in the queue and in the one for dead letters.
    pub left: (u64, u64),
    /// Requests the platforms would frown upon.
    pub violations: usize,
    /// Processor time from the instant on, until the end was seen.
    pub busy: Busy,
    /// How long that was.
    pub watched: Duration,
    /// The functions' calls to AWS, where they were counted.
    pub calls: Vec<Call>,
}

impl Run {
    /// Plays this many tasks.
    pub async fn of(tasks: usize, publishers: usize, counted: bool) -> Result<Self> {
        let world = world().await?;
        let meter = if counted { Some(Meter::counting(&world).await?) } else { None };
        let endpoints = meter.as_ref().map(Meter::endpoints).unwrap_or_default();
        let pool = Pool::new(&world, &endpoints).await?;
        progress("publish", &format!("connecting the accounts for {tasks} tasks"));
        let tenants = tenants::connect(&world, tasks).await?;
        let due = due(tasks)?;
        progress("publish", &format!("ordering {tasks} posts for {due}"));
        let began = Timestamp::now();
        let orders = tenants::order(&world, &tenants, tasks, due).await?;
        let ordering = since(began);
        ensure!(Timestamp::now() < due, "ordering took until after the posts' time");
        tokio::time::sleep(until(due).saturating_sub(AHEAD)).await;
        let (busy, watched) = pool.work(publishers, end(&world, due)).await?;
        let tasks = world.rows("t_moment_sync_task").await?;
        Ok(Self {
            due,
            ended: last_change(&tasks)?,
            ordering,
            publications: world.sandbox.journal().publications(),
            tasks,
            results: world.rows("t_moment_sync_result").await?,
            messages: pool.messages(),
            left: (world.depth(world.publish_queue_url()?).await?, world.depth(dead_letters(&world)?).await?),
            violations: world.sandbox.journal().violations().len(),
            busy,
            watched,
            calls: meter.map_or(Ok(Vec::new()), |meter| meter.take())?,
            orders,
        })
    }

    /// How many accounts had to publish.
    pub fn accounts(&self) -> f64 {
        (self.orders.len() * ACCOUNTS) as f64
    }
}

/// A world without rate limits, neither the platforms' nor ours, whose members confirm as soon as they are asked: what
/// is left is our own pace.
async fn world() -> Result<World> {
    let mut world = real_time::world().await?;
    world.set("PERSONAL_INTERVAL_SECONDS", "0");
    world.set("PERSONAL_HOURS", "0-24");
    world.set("CORP_CREATIONS_PER_MINUTE", "100000");
    world.sandbox.wecom().configure(|settings| {
        settings.limits = WecomLimits::NONE;
        settings.auto_confirm_seconds = Some(0);
    });
    Ok(world)
}

/// Far enough ahead to order that many posts, on a whole second.
fn due(tasks: usize) -> Result<Timestamp> {
    let seconds = 20 + i64::try_from(tasks / 10)?;
    Ok(Timestamp::from_second(Timestamp::now().as_second() + seconds)?)
}

/// Waits until every task has ended and no message is left, or patience is. Answers the processor time until the tasks
/// had ended, and how long that was.
async fn end(world: &World, due: Timestamp) -> Result<(Busy, Duration)> {
    tokio::time::sleep(until(due)).await;
    let before = Busy::now();
    loop {
        tokio::time::sleep(LOOK).await;
        progress("publish", &format!("{} accounts published, {} s", published(world), since(due).as_secs()));
        if all_ended(world).await? || Timestamp::now().duration_since(due) > PATIENCE {
            break;
        }
    }
    let (busy, watched, over) = (Busy::now().since(before), since(due), Timestamp::now());
    let queue = world.publish_queue_url()?;
    while since(over) < DRY && world.depth(queue).await? > 0 {
        tokio::time::sleep(DRAIN).await;
    }
    Ok((busy, watched))
}

fn published(world: &World) -> usize {
    let all = world.sandbox.journal().publications();
    all.iter().filter(|one| one.kind != PublicationKind::MomentTask).count()
}

async fn all_ended(world: &World) -> Result<bool> {
    let rows = world.rows("t_moment_sync_task").await?;
    let open = |row: &Row| row.get("status").is_none_or(|status| status == "PENDING" || status == "PROCESSING");
    Ok(!rows.iter().any(open))
}

/// When a task last changed.
fn last_change(tasks: &[Row]) -> Result<Timestamp> {
    let times = tasks.iter().filter_map(|task| task.get("update_time")?.parse::<i64>().ok());
    Ok(Timestamp::from_second(times.max().context("there are no tasks")?)?)
}

fn dead_letters(world: &World) -> Result<&str> {
    Ok(world.stack.outputs.get("PublishDeadLetterQueueUrl").context("the template names no dead-letter queue")?)
}

fn until(instant: Timestamp) -> Duration {
    Duration::try_from(instant.duration_since(Timestamp::now())).unwrap_or_default()
}

fn since(instant: Timestamp) -> Duration {
    Duration::try_from(Timestamp::now().duration_since(instant)).unwrap_or_default()
}
