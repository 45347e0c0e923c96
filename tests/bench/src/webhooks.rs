//! How long after its change a webhook is told an event for the first time, in real time, and what another tenant's slow receivers do
//! to that: sequencers and deliverers are the functions' own code, as many at once as the template allows, and each tenant has a
//! receiver of its own in the sandbox.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::worker::run_batch;
use functions::workers::webhook_deliverer;
use it::world::EndpointOverrides;
use it::{Event, World};
use sandbox::inbox::Conduct;
use serde_json::{Value, json};
use tokio::time::{interval, timeout};

use crate::event_load::{Load, Told, Workers, beside, read, sequence};
use crate::report::{Figure, progress};
use crate::{Options, real_time};

/// As many as read the queue of webhooks at once, in template.yaml.
const DELIVERERS: usize = 20;
/// How long receivers may lack the last events.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often they are asked whether they have all.
const GLANCES: Duration = Duration::from_millis(500);
/// The tenant whose receivers are slow.
const SLOW: Range<u64> = 9_900..9_901;
/// When they answer. The deliverer has given them up by then.
const SLOW_ANSWER: Conduct = Conduct::Late { milliseconds: 30_000 };
const NOTE: &str = "By the receivers' own clock, each tenant with one webhook, at instants by chance; the message for the sequencer is \
                    delayed by a second on purpose. All functions, the emulated tables and the receivers share this machine's cores; the 99th \
                    percentile of so few events as come one a second is the last of them. The slow receivers are another tenant's, \
                    who has one event a second, which each of them is sent.";

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for load in Load::all(options) {
        let mut runs = [Vec::new(), Vec::new()];
        for round in 1..=options.rounds() {
            // In turns, so that whatever else this machine does is beside both.
            for (slow, runs) in [0, options.slow_receivers].into_iter().zip(&mut runs) {
                progress("webhooks", &format!("{load}, {slow} slow receivers, round {round}"));
                runs.push(run(&load, slow, options.batch).await?);
            }
        }
        let [alone, disturbed] = runs;
        figures.extend(load.figures("from the change to the first attempt at a webhook", &alone, NOTE));
        let way = format!("the same beside {} receivers that answer after 30 s", options.slow_receivers);
        figures.extend(load.figures(&way, &disturbed, NOTE));
    }
    Ok(figures)
}

/// When each event of the load was made, and when its tenant's receiver was told it first.
async fn run(load: &Load, slow_receivers: usize, batch: i32) -> Result<Vec<Told>> {
    let (world, mut workers) = (Arc::new(real_time::world().await?), Workers::new());
    for tenant in load.tenants.clone() {
        create(&world, tenant, &name(tenant)).await?;
    }
    for number in 0..slow_receivers {
        let name = slow_name(number);
        create(&world, SLOW.start, &name).await?;
        world.sandbox.inbox().behave(&name, SLOW_ANSWER);
    }
    sequence(&world, &mut workers).await?;
    deliver(&world, batch, &mut workers).await?;
    let seconds = if slow_receivers == 0 { 0 } else { load.seconds };
    let of_the_slow = Load { a_second: 1, tenants: SLOW, seconds };
    let told = beside(workers, async {
        futures::try_join!(load.make(&world), of_the_slow.make(&world))?;
        timeout(PATIENCE, arrived(&world, load)).await.context("receivers lack events")?
    })
    .await?;
    let mut slow = (0..slow_receivers).map(|number| world.sandbox.inbox().arrivals(&slow_name(number)));
    ensure!(slow_receivers == 0 || slow.any(|arrivals| !arrivals.is_empty()), "no slow receiver was asked");
    Ok(told)
}

fn slow_name(number: usize) -> String {
    format!("slow-{number}")
}

fn name(tenant: u64) -> String {
    format!("crm-{tenant}")
}

/// Makes a webhook whose receiver knows its secret.
async fn create(world: &World, tenant: u64, name: &str) -> Result<()> {
    let inbox = world.sandbox.inbox();
    let body = json!({ "url": inbox.url(name), "types": ["lead.erased"] });
    let answer = world.call_as(tenant, Event::sample("webhook-create")?.json(&body)).await?;
    ensure!(answer.status == 201, "{answer:?}");
    inbox.know(name, &[answer.data()["secret"].as_str().context("no secret")?])?;
    Ok(())
}

/// Sets as many deliverers to work as the template allows.
async fn deliver(world: &Arc<World>, batch: i32, workers: &mut Workers) -> Result<()> {
    for _ in 0..DELIVERERS {
        let context = real_time::context(world, "webhook-deliverer", &EndpointOverrides::default()).await?;
        let (world, app) = (Arc::clone(world), webhook_deliverer::App::new(&context).await?);
        workers.spawn(async move {
            let app = &app;
            read(&world, "WebhookQueueUrl", batch, |event, deadline| {
                run_batch(app, webhook_deliverer::handle, event, deadline)
            })
            .await
        });
    }
    Ok(())
}

/// Waits until the receivers have got all events, and answers when each was made and came for the first time.
async fn arrived(world: &World, load: &Load) -> Result<Vec<Told>> {
    let (inbox, mut glances) = (world.sandbox.inbox(), interval(GLANCES));
    loop {
        glances.tick().await;
        let mut told = BTreeMap::new();
        for arrival in load.tenants.clone().flat_map(|tenant| inbox.arrivals(&name(tenant))) {
            ensure!(arrival.is_signed(), "{arrival:?}");
            if !told.contains_key(arrival.id()) {
                let event = arrival.json();
                let made = event.get("time").and_then(Value::as_str).context("no time")?.parse()?;
                told.insert(arrival.id().to_owned(), Told { made, at: arrival.at });
            }
        }
        if told.len() == load.number() {
            return Ok(told.into_values().collect());
        }
    }
}
