//! A sequencer that dies, is refused or loses an answer at any of its steps, and messages that are lost.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::worker::run_batch;
use functions::workers::event_sequencer;
use kernel::deadline::Deadline;
use sandbox::SandboxConfig;
use serde_json::{Value, json};

use super::{change, hand, number, read, sequencer};
use crate::World;
use crate::bad_input::USER;
use crate::proxy::{Fault, Proxy, Step, When};
use crate::world::EndpointOverrides;

/// More than one transaction's worth of events, none of them numbered: 3 items for the leads, 45 changes.
const FANS: u32 = 50;
const CHANGES: u64 = 45;

async fn scene() -> Result<World> {
    let mut world = World::around(SandboxConfig { seed: Some(31), ..SandboxConfig::default() }).await?;
    world.set("DOUYIN_FAN_PAGE_SIZE", "20");
    world.douyin_account("shop", FANS);
    let shop = world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    for number in 0..CHANGES {
        change(&world, USER, 1 + number % 4, &json!({"notes": format!("第 {number} 次")})).await?;
    }
    Ok(world)
}

/// One life of a sequencer behind a proxy.
async fn live(world: &World, proxy: &Proxy) -> Result<()> {
    let app = sequencer(world, &proxy.endpoints()).await?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = hand(world, &app, USER) => {}
    }
    Ok(())
}

/// That each change is told once, and those of a lead in their order.
fn check(events: &[Value]) -> Result<()> {
    let created = events.iter().filter(|event| event["type"] == "lead.created");
    let named: usize = created.map(|event| event["data"]["leadIds"].as_array().map_or(0, Vec::len)).sum();
    let updated = events.iter().filter(|event| event["type"] == "lead.updated").count();
    ensure!(named == FANS as usize && updated as u64 == CHANGES, "{named} new leads and {updated} changes are told");
    for event in events.iter().filter(|event| event["type"] == "lead.updated") {
        let mut earlier = events.iter().take_while(|other| other["sequence"] != event["sequence"]);
        let is_its_lead = |id: &Value| *id == event["data"]["leadId"];
        let named = |other: &Value| other["data"]["leadIds"].as_array().is_some_and(|ids| ids.iter().any(is_its_lead));
        ensure!(earlier.any(named), "a change comes before its lead: {event}");
    }
    Ok(())
}

/// Puts everything back into the outbox as it was.
async fn renewed(world: &World, outbox: &[crate::tables::Row]) -> Result<()> {
    for (table, key) in [("t_event", "sequence"), ("t_outbox", "entry")] {
        for row in world.rows(table).await? {
            let value = match key {
                "entry" => aws_sdk_dynamodb::types::AttributeValue::S(row[key].clone()),
                _ => aws_sdk_dynamodb::types::AttributeValue::N(row[key].clone()),
            };
            let user = aws_sdk_dynamodb::types::AttributeValue::N(row["user_id"].clone());
            let delete = world.aws.dynamodb.delete_item().table_name(world.table(table));
            delete.key("user_id", user).key(key, value).send().await?;
        }
    }
    for row in outbox {
        let mut put = world.aws.dynamodb.put_item().table_name(world.table("t_outbox"));
        for (name, value) in row.iter() {
            let value = match name.as_str() {
                "user_id" | "written_at" => aws_sdk_dynamodb::types::AttributeValue::N(value.clone()),
                _ => aws_sdk_dynamodb::types::AttributeValue::S(value.clone()),
            };
            put = put.item(name, value);
        }
        put.send().await?;
    }
    Ok(())
}

#[tokio::test]
async fn event_sequencer_disturbed_at_any_step_loses_no_event_and_tells_none_twice() -> Result<()> {
    let world = scene().await?;
    let outbox = world.rows("t_outbox").await?;
    let proxy = Proxy::start(&world).await?;
    live(&world, &proxy).await?;
    let steps: Vec<Step> = proxy.steps();
    let events = read(&world, USER, 0, 1_000).await?;
    check(&events)?;
    // It reads the head and the outbox, again to be sure of the order, moves two parts, and reads that there are no others. Where
    // nobody is told without asking that is all.
    let of = |name: &str| steps.iter().filter(|step| step.name == name).count();
    assert_eq!((of("TransactWriteItems t_event"), of("Query t_outbox"), steps.len()), (2, 3, 8), "{steps:?}");
    let ids = |events: &[Value]| -> Vec<String> { events.iter().map(|event| event["id"].to_string()).collect() };
    let expected = ids(&events);
    for step in &steps {
        let faults = [When::Before, When::After].into_iter().flat_map(|when| [Fault::Kill(when), Fault::Lose(when)]);
        for fault in faults {
            let what = format!("{fault:?} at {step}");
            renewed(&world, &outbox).await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, fault);
            live(&world, &proxy).await?;
            number(&world, USER).await.context(what.clone())?;
            let events = read(&world, USER, 0, 1_000).await.context(what.clone())?;
            check(&events).context(what.clone())?;
            assert_eq!(ids(&events), expected, "{what}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn event_sequencers_at_once_number_each_event_once() -> Result<()> {
    let world = scene().await?;
    let outbox = world.rows("t_outbox").await?;
    let expected = {
        number(&world, USER).await?;
        read(&world, USER, 0, 1_000).await?
    };
    // One stands still with its transaction while another one does all the work.
    for nth in 1..=2 {
        renewed(&world, &outbox).await?;
        let proxy = Proxy::start(&world).await?;
        let gate = proxy.hold("TransactWriteItems t_event", nth);
        let app = sequencer(&world, &proxy.endpoints()).await?;
        let other = async {
            gate.reached().await;
            let done = number(&world, USER).await;
            gate.open();
            done
        };
        let (held, other) = futures::join!(hand(&world, &app, USER), other);
        ensure!(held?, "the one that stood still failed");
        other?;
        assert_eq!(read(&world, USER, 0, 1_000).await?, expected, "{nth}");
        assert_eq!(proxy.refused_transactions(), 1, "the head had moved");
    }
    // And several without choosing the moment.
    renewed(&world, &outbox).await?;
    let mut apps = Vec::new();
    for _ in 0..3 {
        apps.push(sequencer(&world, &EndpointOverrides::default()).await?);
    }
    let all = apps.iter().flat_map(|app| [app, app]).map(|app| hand(&world, app, USER));
    for done in futures::future::join_all(all).await {
        ensure!(done?, "a sequencer failed");
    }
    assert_eq!(read(&world, USER, 0, 1_000).await?, expected);
    Ok(())
}

#[tokio::test]
async fn events_whose_message_is_lost_are_found_by_the_sweeper() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 3);
    let shop = world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let queue = world.stack.outputs.get("EventQueueUrl").context("no EventQueueUrl")?;
    world.aws.sqs.purge_queue().queue_url(queue).send().await?;
    world.sweep().await?;
    assert_eq!(world.depth(queue).await?, 0, "its message may still come");
    world.advance(Duration::from_secs(31));
    world.sweep().await?;
    let received = world.aws.sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await?;
    let bodies: Vec<String> = received.messages.unwrap_or_default().into_iter().filter_map(|it| it.body).collect();
    assert_eq!(bodies, [json!({ "userId": USER }).to_string()]);
    number(&world, USER).await?;
    world.sweep().await?;
    assert_eq!(world.depth_without_delayed(queue).await?, 1, "the one that was received, and no other");
    Ok(())
}

#[tokio::test]
async fn event_sequencer_without_time_moves_nothing_and_sends_itself_a_message() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 3);
    let shop = world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let queue = world.stack.outputs.get("EventQueueUrl").context("no EventQueueUrl")?;
    let (outbox, depth) = (world.rows("t_outbox").await?, world.depth(queue).await?);
    let app = sequencer(&world, &EndpointOverrides::default()).await?;
    let record = json!({ "messageId": "m-1", "body": json!({ "userId": USER }).to_string() });
    let batch = serde_json::from_value(json!({ "Records": [record] }))?;
    let end = Deadline::after(world.clock.now(), Duration::from_secs(15));
    let answer = run_batch(&app, event_sequencer::handle, batch, end).await;
    ensure!(answer.batch_item_failures.is_empty(), "its message came back");
    assert_eq!(world.rows("t_outbox").await?, outbox);
    assert_eq!(world.depth(queue).await?, depth + 1);
    Ok(())
}
