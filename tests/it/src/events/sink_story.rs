//! Many changes of many tenants at once, while sequencers die, lose answers and meet each other, the sink refuses events and
//! forgets what it had, and operators have events sent again: it gets every event, in order, and after its reader has dropped what it knows, each once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use futures::{FutureExt, StreamExt, stream};
use sandbox::SandboxConfig;
use serde_json::{Value, json};

use super::sink::taken;
use super::story::edit;
use super::{hand, number, read, sequencer};
use crate::World;
use crate::proxy::{Fault, Proxy, When};
use crate::world::EndpointOverrides;

/// How many changes are made, unless `SINK_CHANGES` says another number.
const CHANGES: usize = 240;
const LEADS: u64 = 10;
/// Changes of one tenant in a round, each of another lead.
const IN_A_ROUND: usize = 10;
const PARALLEL: usize = 6;

/// The requests of a sequencer at which something happens to it.
const STEPS: [&str; 5] = [
    "TransactWriteItems t_event",
    "SendMessageBatch",
    "Query t_event",
    "BatchGetItem t_douyin_lead",
    "GetItem t_event",
];

/// A sequencer to which something happens, another one in each round.
async fn disturbed(world: &World, user: u64, nth: usize) -> Result<()> {
    let proxy = Proxy::start(world).await?;
    let when = if nth.is_multiple_of(2) { When::Before } else { When::After };
    let (step, turn) = (STEPS[nth % STEPS.len()], u32::try_from(nth / STEPS.len() % 3)? + 1);
    match nth % 3 {
        0 => proxy.arm(step, turn, Fault::Kill(when)),
        1 => proxy.arm(step, turn, Fault::Lose(when)),
        _ => proxy.arm("SendMessageBatch", turn, Fault::FirstOfBatch(nth / 3 % 4)),
    }
    let app = sequencer(world, &proxy.endpoints()).await?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = hand(world, &app, user) => {}
    }
    Ok(())
}

/// One to which nothing happens but the others.
async fn undisturbed(world: &World, user: u64) -> Result<()> {
    let app = sequencer(world, &EndpointOverrides::default()).await?;
    ensure!(hand(world, &app, user).await?, "the sequencer failed");
    Ok(())
}

#[tokio::test]
async fn events_of_many_changes_all_reach_the_sink_in_order_and_once_after_deduplication() -> Result<()> {
    let changes = match std::env::var("SINK_CHANGES") {
        Ok(number) => number.parse()?,
        Err(_) => CHANGES,
    };
    let tenants: Vec<u64> = (8_001..).take((changes / 500).clamp(4, 20)).collect();
    let mut world = World::around(SandboxConfig { seed: Some(5), ..SandboxConfig::default() }).await?;
    world.open_sink().await?;
    for user in &tenants {
        let name = format!("shop-{user}");
        world.douyin_account(&name, LEADS.try_into()?);
        let shop = world.authorize(*user, &name).await?;
        world.sync(*user, &shop, "INCREMENTAL").await?;
    }
    let (mut made, mut sent): (BTreeMap<u64, usize>, Vec<(u64, Value)>) = (BTreeMap::new(), Vec::new());
    for round in 0..changes.div_ceil(tenants.len() * IN_A_ROUND) {
        let mut work = Vec::new();
        for (place, user) in tenants.iter().enumerate() {
            for lead in 1..=LEADS {
                work.push(edit(&world, *user, lead, json!({"notes": format!("第 {round} 次")})).boxed_local());
            }
            *made.entry(*user).or_default() += IN_A_ROUND;
            work.push(disturbed(&world, *user, round * tenants.len() + place).boxed_local());
            work.push(undisturbed(&world, *user).boxed_local());
            work.push(disturbed(&world, *user, 7 * round + place).boxed_local());
        }
        let done: Vec<Result<()>> = stream::iter(work).buffer_unordered(PARALLEL).collect().await;
        done.into_iter().collect::<Result<Vec<()>>>()?;
        sent.extend(taken(&world).await?);
        // A queue that has forgotten the ids, as after five minutes, and an operator who has a tenant's events sent again.
        world.delete_sink().await?;
        world.make_sink().await?;
        let user = tenants.get(round % tenants.len()).context("no tenant")?;
        number(&world, *user).await?;
        world.replay(*user, 1 + u64::try_from(round)?).await?;
    }
    for user in &tenants {
        number(&world, *user).await?;
    }
    sent.extend(taken(&world).await?);
    let mut known = BTreeSet::new();
    let first: Vec<&(u64, Value)> = sent.iter().filter(|(_, event)| known.insert(event["id"].to_string())).collect();
    for user in &tenants {
        let sequence = |event: &Value| event["sequence"].as_u64().context("no sequence");
        let of_user = first.iter().filter(|(tenant, _)| tenant == user).map(|(_, event)| event);
        let numbers = of_user.clone().map(sequence).collect::<Result<Vec<u64>>>()?;
        let events = read(&world, *user, 0, 1_000).await?;
        assert_eq!(numbers, events.iter().map(sequence).collect::<Result<Vec<u64>>>()?, "of {user}");
        ensure!(of_user.clone().zip(&events).all(|(sent, read)| sent["id"] == read["id"]), "other ids of {user}");
        let updates = of_user.filter(|event| event["type"] == "lead.updated").count();
        assert_eq!(updates, made[user], "changes of {user}");
    }
    println!("  {} events of {} tenants, {} of them sent again", first.len(), tenants.len(), sent.len() - first.len());
    ensure!(sent.len() > first.len(), "nothing was sent again");
    Ok(())
}
