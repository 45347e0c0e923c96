//! Many changes of many tenants at once, for receivers that fail every second time, while sequencers and deliverers die, lose answers and
//! meet each other: every change arrives, and after its receiver has left out what it has, once.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{FutureExt, StreamExt, stream};
use sandbox::SandboxConfig;
use sandbox::inbox::Conduct;
use serde_json::{Value, json};

use super::{change, create, deliver, deliver_batch, deliverer};
use crate::World;
use crate::events::{hand, number, read, sequencer};
use crate::proxy::{Fault, Proxy, When};

/// How many changes are made, unless `WEBHOOK_CHANGES` says another number.
const CHANGES: usize = 160;
const LEADS: u64 = 8;
const PARALLEL: usize = 6;

/// The requests of a sequencer and of a deliverer at which something happens to it.
const OF_SEQUENCER: [&str; 3] = ["TransactWriteItems t_event", "SendMessageBatch", "Query t_webhook"];
const OF_DELIVERER: [&str; 4] =
    ["UpdateItem t_webhook", "PutItem t_webhook_delivery", "GetItem t_webhook_delivery", "Query t_event"];

fn fault(nth: usize) -> Fault {
    let when = if nth.is_multiple_of(2) { When::Before } else { When::After };
    if nth.is_multiple_of(3) { Fault::Lose(when) } else { Fault::Kill(when) }
}

/// A sequencer to which something happens, another one in each round.
async fn disturbed_sequencer(world: &World, user: u64, nth: usize) -> Result<()> {
    let proxy = Proxy::start(world).await?;
    proxy.arm(OF_SEQUENCER[nth % OF_SEQUENCER.len()], u32::try_from(nth % 2)? + 1, fault(nth));
    let app = sequencer(world, &proxy.endpoints()).await?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = hand(world, &app, user) => {}
    }
    Ok(())
}

/// A deliverer to which something happens, with whatever messages there are. Those of one that dies come back.
async fn disturbed_deliverer(world: &World, nth: usize) -> Result<()> {
    let proxy = Proxy::start(world).await?;
    proxy.arm(OF_DELIVERER[nth % OF_DELIVERER.len()], u32::try_from(nth % 4)? + 1, fault(nth));
    let app = deliverer(world, &proxy.endpoints()).await?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = deliver_batch(world, &app) => {}
    }
    Ok(())
}

#[tokio::test]
async fn events_of_many_changes_all_reach_receivers_that_fail_and_once_after_deduplication() -> Result<()> {
    let changes = match std::env::var("WEBHOOK_CHANGES") {
        Ok(number) => number.parse()?,
        Err(_) => CHANGES,
    };
    let tenants: Vec<u64> = (9_001..).take((changes / 500).clamp(3, 20)).collect();
    let world = World::around(SandboxConfig { seed: Some(5), ..SandboxConfig::default() }).await?;
    let receiver = |user: &u64| format!("crm-{user}");
    for user in &tenants {
        super::tenant_with_leads(&world, *user, u32::try_from(LEADS)?).await?;
        create(&world, *user, &receiver(user), json!({})).await?;
        world.sandbox.inbox().behave(&receiver(user), Conduct::EverySecond { status: 500 });
    }
    let mut made = 0;
    for round in 0..changes.div_ceil(tenants.len() * usize::try_from(LEADS)?) {
        let status = if round.is_multiple_of(2) { "CONTACTED" } else { "NEW" };
        let mut work = Vec::new();
        for (place, user) in tenants.iter().enumerate() {
            for lead in 1..=LEADS {
                work.push(change(&world, *user, lead, status).boxed_local());
                made += 1;
            }
            work.push(disturbed_sequencer(&world, *user, round * tenants.len() + place).boxed_local());
            work.push(disturbed_deliverer(&world, round * tenants.len() + place).boxed_local());
            work.push(disturbed_sequencer(&world, *user, 5 * round + place).boxed_local());
        }
        let done: Vec<Result<()>> = stream::iter(work).buffer_unordered(PARALLEL).collect().await;
        done.into_iter().collect::<Result<Vec<()>>>()?;
        world.advance(Duration::from_secs(35));
        world.sweep().await?;
    }
    // Everybody is well but the receivers, until nothing is due any more.
    let mut rounds = 0;
    loop {
        world.advance(Duration::from_secs(65));
        world.sweep().await?;
        for user in &tenants {
            number(&world, *user).await?;
        }
        deliver(&world).await?;
        let due = world.rows("t_webhook_delivery").await?.iter().filter(|row| row.contains_key("due_at")).count();
        if due == 0 {
            break;
        }
        rounds += 1;
        ensure!(rounds < 400, "{due} deliveries are due still");
    }
    let (mut arrived, mut distinct) = (0, 0);
    for user in &tenants {
        let events = read(&world, *user, 0, 1_000).await?;
        let created = events.iter().position(|event| event["type"] == "lead.status_changed").context("no change")?;
        let expected: BTreeSet<&str> = events[created..].iter().filter_map(|event| event["id"].as_str()).collect();
        let inbox = world.sandbox.inbox();
        let got = inbox.distinct(&receiver(user));
        let ids: BTreeSet<&str> = got.iter().map(sandbox::inbox::Arrival::id).collect();
        assert_eq!(ids, expected, "of {user}");
        let as_read = |arrival: &sandbox::inbox::Arrival| {
            let sent: Value = arrival.json();
            events.iter().any(|event| event["id"] == sent["id"] && event["sequence"] == sent["sequence"])
        };
        ensure!(got.iter().all(as_read), "an event of {user} came with another number");
        arrived += inbox.arrivals(&receiver(user)).len();
        distinct += got.len();
    }
    let rows = world.rows("t_webhook_delivery").await?;
    ensure!(rows.iter().all(|row| row["status"] == "DELIVERED"), "a delivery was given up");
    assert_eq!((distinct, rows.len()), (made, made), "a delivery of each change");
    println!("  {made} changes of {} tenants: {arrived} attempts arrived, {distinct} distinct", tenants.len());
    ensure!(arrived > distinct, "nothing failed");
    Ok(())
}
