//! How long after its change an event is in the sink, in real time: everything between is the functions' own code, the emulated
//! queues and tables, and as many sequencers at once as the template allows.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use it::World;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::timeout;

use crate::event_load::{Load, Told, Workers, beside, sequence};
use crate::report::{Figure, progress};
use crate::{Options, poller, real_time};

/// How long the sink may lack the last events.
const PATIENCE: Duration = Duration::from_secs(120);
const NOTE: &str = "In real time, at instants by chance; the message for the sequencer is delayed by a second on purpose. All functions, the \
                    emulated tables and the receivers share this machine's cores; the 99th percentile of so few events as come \
                    one a second is the last of them.";

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for load in Load::all(options) {
        let mut runs = Vec::new();
        for round in 1..=options.rounds() {
            progress("event-sink", &format!("{load}, round {round}"));
            runs.push(run(&load).await?);
        }
        figures.extend(load.figures("from the change to the sink", &runs, NOTE));
    }
    Ok(figures)
}

/// When each event of the load was made, and when it was in the sink.
async fn run(load: &Load) -> Result<Vec<Told>> {
    let mut world = real_time::world().await?;
    world.open_sink().await?;
    let (world, mut workers) = (Arc::new(world), Workers::new());
    sequence(&world, &mut workers).await?;
    let patience = Duration::from_secs(load.seconds) + PATIENCE;
    let told = beside(workers, async {
        let received = async { timeout(patience, receive(&world, load.number())).await.context("events are missing")? };
        Ok(futures::try_join!(load.make(&world), received)?.1)
    });
    let told = told.await?;
    ensure!(told.len() == load.number(), "{} events of {}", told.len(), load.number());
    Ok(told)
}

/// Takes all events out of the sink.
async fn receive(world: &World, number: usize) -> Result<Vec<Told>> {
    let (queue, mut told) = (world.sink_url().await?, Vec::new());
    while told.len() < number {
        let messages = poller::receive(world, &queue).await?;
        let at = Timestamp::now();
        for message in &messages {
            let event: Value = serde_json::from_str(message.body.as_deref().context("no body")?)?;
            told.push(Told { made: event.get("time").and_then(Value::as_str).context("no time")?.parse()?, at });
        }
        poller::settle(world, &queue, messages, &[]).await?;
    }
    Ok(told)
}
