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
/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// Looks after which the tasks are read although not everything is published: some may have failed.
const LOOKS: usize = 40;
/// How long messages without any more use may keep turning up: a task's last one may have been sent just before.
const DRY: Duration = Duration::from_secs(60);
/// The pool is at work before the time comes, as Lambda's poller is.
const AHEAD: Duration = Duration::from_secs(3);

/// What came of a run.
pub struct Played {
    /// What was ordered.
    pub orders: Vec<Order>,
    /// When it was due.
    pub due: Timestamp,
    /// When the last task had ended.
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
    /// Processor time from the instant on.
    pub busy: Busy,
    /// The functions' calls to AWS, where they were counted.
    pub calls: Vec<Call>,
}

impl Played {
    /// Plays this many tasks.
    pub async fn of(tasks: usize, publishers: usize, counted: bool) -> Result<Self> {
        let world = world().await?;
        let meter = if counted { Some(Meter::counting(&world).await?) } else { None };
        let detour = meter.as_ref().map(Meter::detour).unwrap_or_default();
        let pool = Pool::new(&world, &detour).await?;
        progress("publish", &format!("connecting the accounts for {tasks} tasks"));
        let tenants = tenants::connect(&world, tasks).await?;
        let due = due(tasks)?;
        progress("publish", &format!("ordering {tasks} posts for {due}"));
        let began = Timestamp::now();
        let orders = tenants::order(&world, &tenants, tasks, due).await?;
        let ordering = since(began);
        ensure!(Timestamp::now() < due, "ordering took until after the posts' time");
        tokio::time::sleep(until(due).saturating_sub(AHEAD)).await;
        let (ended, busy) = pool.work(publishers, end(&world, tasks, due)).await?;
        Ok(Self {
            due,
            ended,
            ordering,
            publications: world.sandbox.journal().publications(),
            tasks: world.rows("TABLE_MOMENT_SYNC_TASK").await?,
            results: world.rows("TABLE_MOMENT_SYNC_RESULT").await?,
            messages: pool.messages(),
            left: (world.depth(world.publish_queue_url()?).await?, world.depth(dead_letters(&world)?).await?),
            violations: world.sandbox.journal().violations().len(),
            busy,
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
    let mut world = World::start().await?;
    world.set("PERSONAL_INTERVAL_SECONDS", "0");
    world.set("CORP_CREATIONS_PER_MINUTE", "100000");
    world.sandbox.wecom().configure(|settings| {
        settings.limits = WecomLimits::NONE;
        settings.auto_confirm_seconds = Some(0);
    });
    real_time::start(&world);
    Ok(world)
}

/// Far enough ahead to order that many posts, on a whole second.
fn due(tasks: usize) -> Result<Timestamp> {
    let seconds = 20 + i64::try_from(tasks / 10)?;
    Ok(Timestamp::from_second(Timestamp::now().as_second() + seconds)?)
}

/// Waits until every task has ended and no message is left, or patience is. Answers when the tasks had ended, and the
/// processor time until then.
async fn end(world: &World, tasks: usize, due: Timestamp) -> Result<(Timestamp, Busy)> {
    tokio::time::sleep(until(due)).await;
    let before = Busy::now();
    for look in 1.. {
        tokio::time::sleep(LOOK).await;
        let published = published(world);
        if look % LOOKS == 0 {
            progress("publish", &format!("{published} accounts published, {} s", since(due).as_secs()));
        }
        let worth_a_look = published >= tasks * ACCOUNTS || look % LOOKS == 0;
        if worth_a_look && all_ended(world).await? || Timestamp::now().duration_since(due) > PATIENCE {
            break;
        }
    }
    let (ended, busy) = (Timestamp::now(), Busy::now().since(before));
    let queue = world.publish_queue_url()?;
    while since(ended) < DRY && world.depth(queue).await? > 0 {
        tokio::time::sleep(LOOK).await;
    }
    Ok((ended, busy))
}

fn published(world: &World) -> usize {
    let all = world.sandbox.journal().publications();
    all.iter().filter(|one| one.kind != PublicationKind::MomentTask).count()
}

async fn all_ended(world: &World) -> Result<bool> {
    let rows = world.rows("TABLE_MOMENT_SYNC_TASK").await?;
    let open = |row: &Row| row.get("status").is_none_or(|status| status == "PENDING" || status == "PROCESSING");
    Ok(!rows.iter().any(open))
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
