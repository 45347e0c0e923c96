//! Events that tenants cause at a steady rate, in real time, and how late whoever is told of them is: what the benchmarks of events share.

use std::convert::Infallible;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use functions::worker::run_batch;
use functions::workers::event_sequencer;
use futures::future::try_join_all;
use it::World;
use it::queue::as_event;
use it::world::EndpointOverrides;
use jiff::Timestamp;
use kernel::deadline::Deadline;
use kernel::events::{Event, Outbox, Place};
use kernel::ids::UserId;
use kernel::transaction::Transaction;
use leads::events::LeadEvent;
use leads::ids::LeadId;
use local::aws::rules::Rule;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::report::Figure;
use crate::{Options, poller, real_time};

/// As many as read the queue of events at once, in template.yaml.
const SEQUENCERS: usize = 5;
/// Messages of the sequencer's batches, at most.
const BATCH: i32 = 10;
/// What each of the functions has.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Functions at work behind their queues, until this is dropped.
pub type Workers = JoinSet<Result<Infallible>>;

/// So many events a second, of tenants that take turns.
#[derive(Clone)]
pub struct Load {
    pub a_second: u64,
    pub tenants: Range<u64>,
    pub seconds: u64,
}

/// When an event was made, and when it had arrived where that is measured.
pub struct Told {
    pub made: Timestamp,
    pub at: Timestamp,
}

impl Load {
    /// The loads under which events are measured: one in which nothing is in the way of an event but the way itself, and a busy one.
    pub fn all(options: &Options) -> [Self; 2] {
        let seconds = |usual| if options.quick { usual / 3 } else { usual };
        [
            Self { a_second: 1, tenants: 9_001..9_002, seconds: seconds(60) },
            Self { a_second: 200, tenants: 9_001..9_021, seconds: seconds(15) },
        ]
    }

    /// How many events it is.
    pub fn number(&self) -> usize {
        usize::try_from(self.a_second * self.seconds).unwrap_or(usize::MAX)
    }

    /// When they are made. By chance, as what people do: at a steady pace each event would come just when the message of the one before
    /// wakes the sequencer.
    fn instants(&self) -> Vec<Duration> {
        let end = Duration::from_secs(self.seconds);
        let mut instants: Vec<Duration> = (0..self.number()).map(|_| end.mul_f64(rand::random())).collect();
        instants.sort_unstable();
        instants
    }

    /// Makes them as functions do: each in a transaction, and beside it a message.
    pub async fn make(&self, world: &World) -> Result<()> {
        // Whoever made a change and got no answer makes it again, and nobody here does.
        world.rules.switch_off(&[Rule::LostAnswers]);
        let context = real_time::context(world, "douyin-lead-update", &EndpointOverrides::default()).await?;
        let outbox = Outbox::new(&context)?;
        let (begin, mut made) = (Instant::now(), Vec::new());
        for (nth, (at, tenant)) in (1..).zip(self.instants().into_iter().zip(self.tenants.clone().cycle())) {
            sleep_until(begin + at).await;
            let (outbox, tenant) = (outbox.clone(), UserId::new(tenant).context("no user")?);
            made.push(tokio::spawn(async move {
                let told = LeadEvent::Erased { lead_id: LeadId::new(nth) };
                let mut transaction = Transaction::new();
                outbox.add(&mut transaction, tenant, &[Event::told(&told, vec![Place(format!("lead/{nth}"), 1)])?])?;
                ensure!(outbox.commit(&transaction).await?.is_committed(), "an event was not made");
                Ok(())
            }));
        }
        for done in try_join_all(made).await? {
            done?;
        }
        Ok(())
    }

    /// What came of some runs of it: how late events were, and how many of them arrived a second.
    pub fn figures(&self, way: &str, runs: &[Vec<Told>], note: &str) -> Vec<Figure> {
        let of = format!("{way}, {self}");
        let mut figures: Vec<Figure> = [("median", 50), ("99th percentile", 99)]
            .map(|(name, share)| {
                let values = runs.iter().map(|run| lateness(run, share).as_secs_f64());
                Figure::time(format!("{of}: {name}"), "s", values).note(note)
            })
            .into();
        figures.push(Figure::time(format!("{of}: arrived"), "events/s", runs.iter().map(|run| a_second(run))));
        figures
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |number| if number == 1 { "" } else { "s" };
        let (a_second, tenants) = (self.a_second, self.tenants.end - self.tenants.start);
        write!(f, "{a_second} event{} a second of {tenants} tenant{}", plural(a_second), plural(tenants))
    }
}

/// Within which time so many of a hundred had arrived.
fn lateness(run: &[Told], share: usize) -> Duration {
    let late = |told: &Told| Duration::try_from(told.at.duration_since(told.made)).unwrap_or_default();
    let mut lateness: Vec<Duration> = run.iter().map(late).collect();
    lateness.sort_unstable();
    let place = (lateness.len() * share).div_ceil(100).saturating_sub(1);
    lateness.get(place).copied().unwrap_or_default()
}

/// How many arrived a second, from the first to the last: fewer than were made where the way is too narrow for them.
fn a_second(run: &[Told]) -> f64 {
    let (first, last) = (run.iter().map(|told| told.at).min(), run.iter().map(|told| told.at).max());
    let (Some(first), Some(last)) = (first, last) else { return 0.0 };
    f64::from(u32::try_from(run.len()).unwrap_or(u32::MAX)) / last.duration_since(first).as_secs_f64()
}

/// Sets as many sequencers to work as the template allows.
pub async fn sequence(world: &Arc<World>, workers: &mut Workers) -> Result<()> {
    for _ in 0..SEQUENCERS {
        let context = real_time::context(world, "event-sequencer", &EndpointOverrides::default()).await?;
        let (world, app) = (Arc::clone(world), event_sequencer::App::new(&context).await?);
        workers.spawn(async move {
            let app = &app;
            read(&world, "EventQueueUrl", BATCH, |event, deadline| {
                run_batch(app, event_sequencer::handle, event, deadline)
            })
            .await
        });
    }
    Ok(())
}

/// Does what Lambda does between a queue and one instance of its function: takes a batch of at most so many, hands it over, deletes what is done.
pub async fn read<F, Fut>(world: &World, queue: &str, batch: i32, run: F) -> Result<Infallible>
where
    F: Fn(SqsEvent, Deadline) -> Fut,
    Fut: Future<Output = SqsBatchResponse>,
{
    let queue = world.stack.outputs.get(queue).with_context(|| format!("no {queue}"))?;
    loop {
        let batch = poller::receive_up_to(world, queue, batch).await?;
        if batch.is_empty() {
            continue;
        }
        let answer = run(as_event(&batch)?, Deadline::after(Timestamp::now(), TIME_LIMIT)).await;
        let failed: Vec<&str> = answer.batch_item_failures.iter().map(|one| &*one.item_identifier).collect();
        poller::settle(world, queue, batch, &failed).await?;
    }
}

/// Waits for what is measured while the functions work.
pub async fn beside<T>(mut workers: Workers, measured: impl Future<Output = Result<T>>) -> Result<T> {
    let stopped = async {
        match workers.join_next().await {
            Some(ended) => ended?,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        measured = measured => measured,
        Err(stopped) = stopped => Err(stopped),
    }
}
