//! Events: what is told of each change, in one sequence without a gap, whoever dies on the way there.

mod accounts;
mod contract;
mod crashes;
mod expiry;
mod moments;
mod reauthorization;
mod sink;
mod sink_story;
mod story;
mod wechat_accounts;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::worker::run_batch;
use functions::workers::event_sequencer;
use serde_json::{Value, json};

use crate::world::EndpointOverrides;
use crate::{Answer, Event, World};

/// A sequencer, started now.
pub(crate) async fn sequencer(world: &World, endpoints: &EndpointOverrides) -> Result<event_sequencer::App> {
    Ok(event_sequencer::App::new(&world.context("event-sequencer", endpoints).await?).await?)
}

/// Hands it a message for `user`; whether that is done.
pub(crate) async fn hand(world: &World, app: &event_sequencer::App, user: u64) -> Result<bool> {
    let record = json!({ "messageId": "m-1", "body": json!({ "userId": user }).to_string() });
    let batch = serde_json::from_value(json!({ "Records": [record] }))?;
    let answer = run_batch(app, event_sequencer::handle, batch, world.deadline()).await;
    Ok(answer.batch_item_failures.is_empty())
}

/// Has all events of `user` numbered.
pub(crate) async fn number(world: &World, user: u64) -> Result<()> {
    let app = sequencer(world, &EndpointOverrides::default()).await?;
    ensure!(hand(world, &app, user).await?, "the sequencer failed");
    let left = world.rows("t_outbox").await?.into_iter().filter(|row| row["user_id"] == user.to_string()).count();
    ensure!(left == 0, "{left} items are left in the outbox");
    Ok(())
}

async fn ask(world: &World, user: u64, query: &[(&str, &str)]) -> Result<Answer> {
    world.call_as(user, Event::sample("events")?.query(query)).await
}

/// All events after `after`, read `limit` at a time as a client does: numbers without a gap, and no id twice.
pub(crate) async fn read(world: &World, user: u64, mut after: u64, limit: usize) -> Result<Vec<Value>> {
    let mut events: Vec<Value> = Vec::new();
    loop {
        let answer = ask(world, user, &[("after", &after.to_string()), ("limit", &limit.to_string())]).await?;
        ensure!(answer.status == 200, "{answer:?}");
        let last = answer.data()["lastSequence"].as_u64().context("no lastSequence")?;
        let page = answer.data()["events"].as_array().context("no events")?;
        ensure!(page.len() <= limit, "{} events", page.len());
        ensure!(page.is_empty() == (after >= last), "after {after} of {last} there are {} events", page.len());
        if page.is_empty() {
            let ids: std::collections::BTreeSet<&str> =
                events.iter().filter_map(|event| event["id"].as_str()).collect();
            ensure!(ids.len() == events.len(), "an id comes twice");
            return Ok(events);
        }
        for event in page {
            after += 1;
            ensure!(event["sequence"] == after, "{} comes in place of {after}", event["sequence"]);
            events.push(event.clone());
        }
    }
}

/// What is told of leads after `after`, as type and data without the leads shown.
async fn told(world: &World, user: u64, after: u64) -> Result<Vec<(String, Value)>> {
    number(world, user).await?;
    let events = read(world, user, after, 100).await?;
    Ok(events.iter().filter(|event| is_of_a_lead(event)).map(bare).collect())
}

fn is_of_a_lead(event: &Value) -> bool {
    event["type"].as_str().is_some_and(|kind| kind.starts_with("lead."))
}

fn bare(event: &Value) -> (String, Value) {
    let mut data = event["data"].clone();
    if let Some(fields) = data.as_object_mut() {
        fields.retain(|name, _| name != "lead" && name != "leads");
    }
    (event["type"].as_str().unwrap_or_default().to_owned(), data)
}

fn event(kind: &str, data: Value) -> (String, Value) {
    (kind.to_owned(), data)
}

/// Between two deeds time passes: events of one instant that change different things are in no order.
fn pass(world: &World) {
    world.advance(Duration::from_millis(1));
}

async fn change(world: &World, user: u64, lead: u64, body: &Value) -> Result<()> {
    pass(world);
    let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
    let answer = world.call_as(user, event.json(body)).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

async fn erase(world: &World, user: u64, lead: u64) -> Result<()> {
    pass(world);
    let event = Event::sample("douyin-lead-erase")?.path("leadId", &lead.to_string());
    let answer = world.call_as(user, event).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}
