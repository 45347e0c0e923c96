//! How long after its change an event is in the sink, in real time: everything between is the functions' own code, the emulated
//! queues and tables, and as many sequencers at once as the template allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
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
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Options;
use crate::real_time;
use crate::report::Figure;

/// As many as read the queue of events at once, in template.yaml.
const SEQUENCERS: usize = 5;
/// What the sequencer's function has.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How long the sink may lack the last events.
const PATIENCE: Duration = Duration::from_secs(120);
/// Tenants that share the events of a second.
const TENANTS: u64 = 20;

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (a_second, tenants, seconds) in [(1, 1, 30), (200, TENANTS, 15)] {
        let seconds = if options.quick { seconds / 3 } else { seconds };
        let mut lateness = run(a_second, tenants, a_second * seconds).await?;
        lateness.sort_unstable();
        for (name, share) in [("median", 50), ("99th percentile", 99)] {
            let place = (lateness.len() * share / 100).min(lateness.len() - 1);
            let value = lateness.get(place).context("no event")?.as_secs_f64();
            let what = format!("from the change to the sink, {a_second} events a second of {tenants} tenants: {name}");
            let note = "in real time, of which the message for the sequencer is delayed by a second on purpose";
            figures.push(Figure::time(what, "s", [value]).note(note));
        }
    }
    Ok(figures)
}

/// How late each of so many events is, of which so many are made in a second.
async fn run(a_second: usize, tenants: u64, number: usize) -> Result<Vec<Duration>> {
    let mut world = real_time::world().await?;
    world.open_sink().await?;
    let arrived = Arc::new(AtomicUsize::new(0));
    let sequencers = (0..SEQUENCERS).map(|_| sequence(&world, &arrived, number));
    let (made, _, lateness) = futures::join!(
        make(&world, a_second, tenants, number),
        try_join_all(sequencers),
        timeout(PATIENCE, receive(&world, &arrived, number)),
    );
    made?;
    let lateness = lateness.context("events are missing in the sink")??;
    ensure!(lateness.len() == number, "{} events of {number}", lateness.len());
    Ok(lateness)
}

/// Makes events as functions do: one in a transaction, and beside it a message.
async fn make(world: &World, a_second: usize, tenants: u64, number: usize) -> Result<()> {
    let outbox = Outbox::new(&real_time::context(world, "douyin-lead-update", &EndpointOverrides::default()).await?)?;
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(a_second)?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut made = Vec::new();
    for nth in 0..u64::try_from(number)? {
        ticks.tick().await;
        let (outbox, tenant) = (outbox.clone(), UserId::new(9_001 + nth % tenants).context("no user")?);
        made.push(tokio::spawn(async move {
            let told = LeadEvent::Erased { lead_id: LeadId::new(nth + 1) };
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

/// A sequencer that reads its queue until the sink has all events.
async fn sequence(world: &World, arrived: &AtomicUsize, number: usize) -> Result<()> {
    let context = real_time::context(world, "event-sequencer", &EndpointOverrides::default()).await?;
    let app = event_sequencer::App::new(&context).await?;
    let queue = world.stack.outputs.get("EventQueueUrl").context("no EventQueueUrl")?;
    while arrived.load(Ordering::Relaxed) < number {
        let receive = world.aws.sqs.receive_message().queue_url(queue).max_number_of_messages(10).wait_time_seconds(1);
        let batch = receive.send().await?.messages.unwrap_or_default();
        if batch.is_empty() {
            continue;
        }
        let deadline = Deadline::after(Timestamp::now(), TIME_LIMIT);
        let answer = run_batch(&app, event_sequencer::handle, as_event(&batch)?, deadline).await;
        ensure!(answer.batch_item_failures.is_empty(), "a message failed: {answer:?}");
        delete(world, queue, batch).await?;
    }
    Ok(())
}

/// Deletes messages by one request, as Lambda does: the emulated queue would be busy with little else.
async fn delete(world: &World, queue: &str, messages: Vec<Message>) -> Result<()> {
    let entry = |(place, message): (usize, Message)| {
        let receipt = message.receipt_handle.context("no receipt handle")?;
        Ok(DeleteMessageBatchRequestEntry::builder().id(place.to_string()).receipt_handle(receipt).build()?)
    };
    let entries = messages.into_iter().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
    if entries.is_empty() {
        return Ok(());
    }
    let deleted = world.aws.sqs.delete_message_batch().queue_url(queue).set_entries(Some(entries)).send().await?;
    ensure!(deleted.failed.is_empty(), "messages could not be deleted");
    Ok(())
}

/// Takes all events out of the sink, and answers how long each was on its way.
async fn receive(world: &World, arrived: &AtomicUsize, number: usize) -> Result<Vec<Duration>> {
    let (queue, mut lateness) = (world.sink_url().await?, Vec::new());
    while lateness.len() < number {
        let receive = world.aws.sqs.receive_message().queue_url(&queue).max_number_of_messages(10).wait_time_seconds(1);
        let messages = receive.send().await?.messages.unwrap_or_default();
        let now = Timestamp::now();
        for message in &messages {
            let event: Value = serde_json::from_str(message.body.as_deref().context("no body")?)?;
            let made: Timestamp = event["time"].as_str().context("no time")?.parse()?;
            lateness.push(now.duration_since(made).try_into().unwrap_or_default());
        }
        delete(world, &queue, messages).await?;
        arrived.store(lateness.len(), Ordering::Relaxed);
    }
    Ok(lateness)
}
