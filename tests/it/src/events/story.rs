//! Many changes of several tenants at once, while sequencers die and lose answers: every change is told once, and
//! those of a lead in the order in which they were made.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use futures::{FutureExt, StreamExt, stream};
use sandbox::SandboxConfig;
use serde_json::{Value, json};

use super::{hand, number, read, sequencer};
use crate::proxy::{Fault, Proxy, When};
use crate::{Event, World};

const TENANTS: [u64; 3] = [7_001, 7_002, 7_003];
const LEADS: u64 = 12;
/// Rounds, in each of which every tenant's leads are changed by several people at once.
const ROUNDS: u64 = 6;
const PARALLEL: usize = 6;

/// One change, made anew until it is answered: others may be in its way, and then nothing was written.
pub(super) async fn edit(world: &World, user: u64, lead: u64, body: Value) -> Result<()> {
    loop {
        let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
        let answer = world.call_as(user, event.json(&body)).await?;
        match answer.status {
            200 => return Ok(()),
            409 => {}
            _ => anyhow::bail!("{answer:?}"),
        }
    }
}

/// A sequencer that dies, or loses an answer, at one of its transactions.
async fn dies(world: &World, user: u64, round: u64) -> Result<()> {
    let proxy = Proxy::start(world).await?;
    let when = if round.is_multiple_of(2) { When::Before } else { When::After };
    let fault = if round.is_multiple_of(3) { Fault::Lose(when) } else { Fault::Kill(when) };
    proxy.arm("TransactWriteItems t_event", 1 + u32::from(round % 4 == 3), fault);
    let app = sequencer(world, &proxy.endpoints()).await?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = hand(world, &app, user) => {}
    }
    Ok(())
}

/// What a lead's history says was done to it: status changes, and what else.
async fn history(world: &World, user: u64, lead: u64) -> Result<(Vec<(Value, Value)>, usize)> {
    let answer = world.call_as(user, Event::sample("douyin-lead")?.path("leadId", &lead.to_string())).await?;
    let mut edits = answer.data()["history"].as_array().context("no history")?.clone();
    edits.sort_by_key(|edit| edit["version"].as_u64());
    let statuses = edits.iter().map(|edit| (edit["fromStatus"].clone(), edit["toStatus"].clone()));
    let others = edits.iter().filter(|edit| edit["notesChanged"] == true || !edit["toOwnerId"].is_null());
    Ok((statuses.filter(|(from, to)| from != to).collect(), others.count()))
}

#[tokio::test]
async fn events_of_many_changes_are_all_told_once_and_in_order_whoever_dies() -> Result<()> {
    let world = World::around(SandboxConfig { seed: Some(5), ..SandboxConfig::default() }).await?;
    for user in TENANTS {
        let name = format!("shop-{user}");
        world.douyin_account(&name, LEADS.try_into()?);
        let shop = world.authorize(user, &name).await?;
        world.sync(user, &shop, "INCREMENTAL").await?;
    }
    for round in 0..ROUNDS {
        let mut work = Vec::new();
        for user in TENANTS {
            for lead in 1..=LEADS {
                let body = match (round + lead) % 3 {
                    0 => json!({"status": "CONTACTED"}),
                    1 => json!({"status": "NEW", "reopen": true, "ownerId": format!("staff-{round}")}),
                    _ => json!({"notes": format!("第 {round} 次")}),
                };
                work.push(edit(&world, user, lead, body).boxed_local());
            }
            work.push(dies(&world, user, round).boxed_local());
        }
        let done: Vec<Result<()>> = stream::iter(work).buffer_unordered(PARALLEL).collect().await;
        done.into_iter().collect::<Result<Vec<()>>>()?;
    }
    let mut total = 0;
    for user in TENANTS {
        number(&world, user).await?;
        let events = read(&world, user, 0, 50).await?;
        total += events.len();
        let mut statuses: BTreeMap<u64, Vec<(Value, Value)>> = BTreeMap::new();
        let mut others: BTreeMap<u64, usize> = BTreeMap::new();
        for event in &events {
            let data = &event["data"];
            match (event["type"].as_str(), data["leadId"].as_u64()) {
                (Some("lead.status_changed"), Some(lead)) => {
                    statuses.entry(lead).or_default().push((data["from"].clone(), data["to"].clone()));
                }
                (Some("lead.updated"), Some(lead)) => *others.entry(lead).or_default() += 1,
                (Some("sync.completed"), None) => ensure!(event["sequence"].as_u64() > Some(1), "{event}"),
                (Some("lead.created"), None) => {
                    ensure!(event["sequence"].as_u64() == Some(1), "{event}");
                    ensure!(data["leadIds"].as_array().map(Vec::len) == Some(usize::try_from(LEADS)?), "{event}");
                }
                _ => anyhow::bail!("{event}"),
            }
        }
        for lead in 1..=LEADS {
            let (changed, other) = history(&world, user, lead).await?;
            assert_eq!(statuses.remove(&lead).unwrap_or_default(), changed, "statuses of lead {lead} of {user}");
            assert_eq!(others.remove(&lead).unwrap_or_default(), other, "changes of lead {lead} of {user}");
        }
    }
    println!("  {total} events of {} tenants", TENANTS.len());
    ensure!(total >= 100, "only {total} events");
    Ok(())
}
