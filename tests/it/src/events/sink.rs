//! The sink: what it is sent, in which order, and that nothing is lost or doubled whatever fails on the way.

mod faults;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use functions::worker::run_batch;
use functions::workers::event_sequencer;
use kernel::deadline::Deadline;
use sandbox::SandboxConfig;
use sandbox::douyin::{Endpoint, Fault as DouyinFault};
use sandbox::gewe::DeviceState;
use serde_json::{Value, json};

use super::{change, erase, hand, number, pass, read, sequencer};
use crate::bad_input::USER;
use crate::douyin::leads::merges::{merge, stores};
use crate::proxy::{Gate, Proxy};
use crate::world::EndpointOverrides;
use crate::{Event, World};

/// A tenant with nothing to do with the others' trouble.
const OTHER: u64 = 7_501;

/// A world with a sink and so many leads of a tenant, whose events are not numbered yet.
pub(super) async fn scene(fans: u32) -> Result<World> {
    let mut world = World::around(SandboxConfig { seed: Some(31), ..SandboxConfig::default() }).await?;
    world.open_sink().await?;
    world.set("DOUYIN_FAN_PAGE_SIZE", "20");
    world.douyin_account("shop", fans);
    let shop = world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    Ok(world)
}

/// What the sink was sent: the tenant that is its group, and the event. Each is sent under the event's own id.
pub(super) async fn taken(world: &World) -> Result<Vec<(u64, Value)>> {
    let mut taken = Vec::new();
    for message in world.take_from_sink().await? {
        let told: BTreeMap<String, String> = message
            .attributes
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name.as_str().to_owned(), value))
            .collect();
        let mut event: Value = serde_json::from_str(&message.body.context("no body")?)?;
        let tenant = event.as_object_mut().and_then(|fields| fields.remove("userId")).context("no userId")?;
        let group = tenant.to_string();
        ensure!(told["MessageGroupId"] == group, "{told:?}");
        ensure!(told["MessageDeduplicationId"] == event["id"], "{told:?}");
        taken.push((tenant.as_u64().context("no number")?, event));
    }
    Ok(taken)
}

/// The events of a tenant among them.
pub(super) fn of(taken: &[(u64, Value)], user: u64) -> Vec<Value> {
    taken.iter().filter(|(tenant, _)| *tenant == user).map(|(_, event)| event.clone()).collect()
}

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["id"].to_string()).collect()
}

/// The number up to which a tenant's events were sent, and whether any are to be sent.
async fn marks(world: &World, user: u64) -> Result<(Option<String>, bool)> {
    let rows = world.rows("t_event").await?;
    let head = rows.into_iter().find(|row| row["sequence"] == "0" && row["user_id"] == user.to_string());
    let head = head.context("no head")?;
    Ok((head.get("sink_sequence").cloned(), head.contains_key("dispatch_since")))
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

#[tokio::test]
async fn sink_is_sent_each_kind_of_event_as_its_tenant_reads_it() -> Result<()> {
    let mut world = scene(10).await?;
    world.keep_the_clock();
    world.pause_by_hand();
    number(&world, USER).await?;
    let mut told = taken(&world).await?;
    change(&world, USER, 3, &json!({"status": "CONTACTED"})).await?;
    change(&world, USER, 3, &json!({"notes": "周五回访\u{ffff}"})).await?;
    pass(&world);
    merge(&stores(&world, None)?, 1, 2).await?;
    erase(&world, USER, 7).await?;
    let shop = world.call_as(USER, Event::sample("douyin-accounts")?).await?.data()[0]["douyinUserId"].clone();
    let shop = shop.as_str().context("no account")?.to_owned();
    let fault = world.sandbox.douyin().arm(DouyinFault::code(Endpoint::FansList, 99_999));
    pass(&world);
    ensure!(world.sync(USER, &shop, "FULL").await?["status"] == "FAILED");
    world.sandbox.douyin().disarm(fault);
    let accounts = [world.connect_device(USER, "good").await?, world.connect_device(USER, "bad").await?];
    world.sandbox.gewe().set_state("bad", DeviceState::Offline);
    let task = world.request_post(USER, &json!({"text": "早上好", "accountIds": accounts})).await?;
    let task = task.data()["syncTaskId"].as_u64().context("no task")?;
    world.publish_until_ended(USER, task, 10).await?;
    world.advance(Duration::from_secs(13 * 86_400));
    world.sandbox.douyin().arm(DouyinFault::code(Endpoint::RefreshToken, 10_010).permanent());
    world.keep_tokens().await?;
    number(&world, USER).await?;
    told.extend(taken(&world).await?);
    let kinds: BTreeSet<&str> = told.iter().filter_map(|(_, event)| event["type"].as_str()).collect();
    let expected = [
        "account.expired",
        "account.offline",
        "lead.created",
        "lead.erased",
        "lead.merged",
        "lead.status_changed",
        "lead.updated",
        "moment.task.finished",
        "sync.completed",
        "sync.failed",
    ];
    assert_eq!(kinds, expected.into());
    let read = read(&world, USER, 0, 100).await?;
    let read: BTreeMap<u64, &Value> =
        read.iter().filter_map(|event| Some((event["sequence"].as_u64()?, event))).collect();
    assert_eq!(told.len(), read.len());
    for (at, (user, event)) in (1..).zip(&told) {
        assert_eq!(*user, USER);
        let mut shown = read[&at].clone();
        // The first ones were sent before their leads were merged and erased; ids and fields are the same.
        if event["type"] == "lead.created" {
            shown["data"]["leads"] = event["data"]["leads"].clone();
        }
        assert_eq!(*event, shown);
    }
    assert_eq!(marks(&world, USER).await?, (Some(told.len().to_string()), false));
    Ok(())
}

#[tokio::test]
async fn sink_is_sent_the_next_events_only_and_each_once() -> Result<()> {
    let world = scene(50).await?;
    for expected in [4, 0] {
        number(&world, USER).await?;
        assert_eq!(taken(&world).await?.len(), expected);
    }
    // More than one page of events, and more than one request of each.
    let before = 4;
    for number in 0..130 {
        change(&world, USER, 1 + number % 9, &json!({"notes": format!("第 {number} 次")})).await?;
    }
    let proxy = Proxy::start(&world).await?;
    live(&world, &proxy).await?;
    let told = of(&taken(&world).await?, USER);
    assert_eq!(told, read(&world, USER, before, 1_000).await?);
    // Of each page of 100 the first event goes alone.
    assert_eq!((proxy.count("SendMessageBatch"), proxy.count("GetQueueUrl")), (11 + 4, 1), "{:?}", proxy.steps());
    assert_eq!(marks(&world, USER).await?, (Some((before + 130).to_string()), false));
    Ok(())
}

#[tokio::test]
async fn sequencer_without_a_sink_asks_nobody_and_notes_nothing_more() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 3);
    let shop = world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    live(&world, &proxy).await?;
    let steps: BTreeSet<String> = proxy.steps().into_iter().map(|step| step.name).collect();
    let expected = ["GetItem t_event", "Query t_outbox", "TransactWriteItems t_event"].map(str::to_owned);
    assert_eq!(steps, expected.into());
    let rows = world.rows("t_event").await?;
    assert!(rows.iter().all(|row| !row.contains_key("sink_sequence") && !row.contains_key("dispatch_since")));
    Ok(())
}

#[tokio::test]
async fn sink_that_is_gone_holds_nothing_else_up_and_gets_all_when_it_is_back() -> Result<()> {
    let world = scene(30).await?;
    number(&world, USER).await?;
    let mut told = of(&taken(&world).await?, USER);
    world.delete_sink().await?;
    for number in 0..15 {
        change(&world, USER, 1 + number % 4, &json!({"notes": format!("第 {number} 次")})).await?;
    }
    // Numbering goes on, the message is done, and the events can be read.
    number(&world, USER).await?;
    assert_eq!(read(&world, USER, 0, 100).await?.len(), told.len() + 15);
    assert_eq!(marks(&world, USER).await?, (Some(told.len().to_string()), true));
    // The sweeper comes back to it each minute.
    let queue = world.stack.outputs.get("EventQueueUrl").context("no EventQueueUrl")?;
    for _ in 0..2 {
        world.aws.sqs.purge_queue().queue_url(queue).send().await?;
        world.advance(Duration::from_secs(60));
        world.sweep().await?;
        assert_eq!(world.depth(queue).await?, 1);
    }
    world.make_sink().await?;
    number(&world, USER).await?;
    told.extend(of(&taken(&world).await?, USER));
    assert_eq!(ids(&told), ids(&read(&world, USER, 0, 100).await?));
    assert_eq!(marks(&world, USER).await?, (Some(told.len().to_string()), false));
    world.aws.sqs.purge_queue().queue_url(queue).send().await?;
    world.advance(Duration::from_secs(60));
    world.sweep().await?;
    assert_eq!(world.depth(queue).await?, 0, "nobody waits any more");
    Ok(())
}

#[tokio::test]
async fn tenant_whose_events_cannot_be_sent_holds_no_other_tenant_up() -> Result<()> {
    let world = scene(3).await?;
    world.douyin_account("other", 3);
    let shop = world.authorize(OTHER, "other").await?;
    world.sync(OTHER, &shop, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    let app = sequencer(&world, &proxy.endpoints()).await?;
    // The first tenant's request hangs until the other one's events are there.
    let gate = proxy.hold("SendMessageBatch", 1);
    let other = async {
        gate.reached().await;
        let done = hand(&world, &app, OTHER).await;
        let taken = taken(&world).await;
        gate.open();
        Ok::<_, anyhow::Error>((done?, taken?))
    };
    let (first, other) = futures::join!(hand(&world, &app, USER), other);
    let (done, told) = other?;
    ensure!(first? && done, "a message failed");
    assert_eq!(told.len(), 2);
    assert_eq!(of(&told, OTHER), read(&world, OTHER, 0, 10).await?);
    assert_eq!(of(&taken(&world).await?, USER), read(&world, USER, 0, 10).await?);
    Ok(())
}

#[tokio::test]
async fn sink_is_sent_events_of_a_tenant_that_changes_all_the_time() -> Result<()> {
    let world = scene(3).await?;
    let proxy = Proxy::start(&world).await?;
    // Whenever the sequencer looks for more events, there are some.
    let gates: Vec<_> = (1..=12).map(|nth| proxy.hold("Query t_outbox", nth)).collect();
    let changes = async {
        for (nth, gate) in (1..).zip(&gates) {
            gate.reached().await;
            change(&world, USER, 1, &json!({"notes": format!("第 {nth} 次")})).await?;
            if nth < gates.len() {
                gate.open();
            }
        }
        let sent = proxy.count("SendMessageBatch");
        gates.iter().for_each(Gate::open);
        Ok::<_, anyhow::Error>(sent)
    };
    let ((), sent) = futures::try_join!(live(&world, &proxy), changes)?;
    assert!(sent >= 2, "{sent} requests to the sink while there were changes");
    assert_eq!(of(&taken(&world).await?, USER).len(), 2 + gates.len());
    assert_eq!(marks(&world, USER).await?, (Some((2 + gates.len()).to_string()), false));
    Ok(())
}

#[tokio::test]
async fn sequencer_without_time_for_the_sink_sends_itself_a_message() -> Result<()> {
    let world = scene(3).await?;
    let queue = world.stack.outputs.get("EventQueueUrl").context("no EventQueueUrl")?;
    let depth = world.depth(queue).await?;
    let app = sequencer(&world, &EndpointOverrides::default()).await?;
    let record = json!({ "messageId": "m-1", "body": json!({ "userId": USER }).to_string() });
    let batch = serde_json::from_value(json!({ "Records": [record] }))?;
    let end = Deadline::after(world.clock.now(), Duration::from_secs(25));
    let answer = run_batch(&app, event_sequencer::handle, batch, end).await;
    ensure!(answer.batch_item_failures.is_empty(), "its message came back");
    assert_eq!(world.depth(queue).await?, depth + 1);
    assert_eq!(taken(&world).await?, []);
    let numbered = read(&world, USER, 0, 10).await?;
    assert_eq!(marks(&world, USER).await?, (Some("0".to_owned()), true));
    number(&world, USER).await?;
    assert_eq!(of(&taken(&world).await?, USER), numbered);
    Ok(())
}

#[tokio::test]
async fn events_that_expire_while_the_sink_is_gone_are_passed_over_when_it_is_back() -> Result<()> {
    let world = scene(3).await?;
    world.delete_sink().await?;
    number(&world, USER).await?;
    let expired = read(&world, USER, 0, 10).await?;
    for event in &expired {
        // What the table's TTL does.
        let delete = world.aws.dynamodb.delete_item().table_name(world.table("t_event"));
        let delete = delete.key("user_id", AttributeValue::N(USER.to_string()));
        delete.key("sequence", AttributeValue::N(event["sequence"].to_string())).send().await?;
    }
    world.make_sink().await?;
    number(&world, USER).await?;
    assert_eq!(taken(&world).await?, []);
    assert_eq!(marks(&world, USER).await?, (Some(expired.len().to_string()), false));
    change(&world, USER, 1, &json!({"notes": "周五回访"})).await?;
    number(&world, USER).await?;
    let told = of(&taken(&world).await?, USER);
    assert_eq!(
        told.iter().map(|event| event["sequence"].as_u64()).collect::<Vec<_>>(),
        [Some(expired.len() as u64 + 1)]
    );
    Ok(())
}

#[tokio::test]
async fn events_that_are_replayed_are_found_by_the_sweeper_and_sent_again_to_the_sink_alone() -> Result<()> {
    let world = scene(3).await?;
    world.douyin_account("other", 3);
    let shop = world.authorize(OTHER, "other").await?;
    world.sync(OTHER, &shop, "INCREMENTAL").await?;
    for number in 0..5 {
        change(&world, USER, 1, &json!({"notes": format!("第 {number} 次")})).await?;
    }
    for user in [USER, OTHER] {
        number(&world, user).await?;
    }
    let sent = of(&taken(&world).await?, USER);
    let before = world.rows("t_event").await?;
    // Within five minutes a queue would drop what it had before.
    world.delete_sink().await?;
    world.make_sink().await?;
    world.replay(USER, 3).await?;
    let queue = world.stack.outputs.get("EventQueueUrl").context("no EventQueueUrl")?;
    world.aws.sqs.purge_queue().queue_url(queue).send().await?;
    world.advance(Duration::from_secs(31));
    world.sweep().await?;
    let received = world.aws.sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await?;
    let bodies: Vec<String> = received.messages.unwrap_or_default().into_iter().filter_map(|it| it.body).collect();
    assert_eq!(bodies, [json!({ "userId": USER }).to_string()]);
    number(&world, USER).await?;
    assert_eq!(of(&taken(&world).await?, USER), sent[2..]);
    assert_eq!(world.rows("t_event").await?, before, "nothing else has changed");
    let script = std::fs::read_to_string(local::paths::workspace().join("scripts/replay-events"))?;
    assert!(script.contains(&format!("\nSHARDS = {}\n", kernel::due::SHARDS)));
    Ok(())
}

#[tokio::test]
async fn sink_that_is_closed_and_opened_again_begins_with_the_next_event() -> Result<()> {
    let mut world = scene(3).await?;
    number(&world, USER).await?;
    let before = taken(&world).await?.len();
    world.close_sink().await?;
    change(&world, USER, 1, &json!({"notes": "无人知晓"})).await?;
    number(&world, USER).await?;
    assert_eq!(marks(&world, USER).await?, (None, false));
    world.open_sink().await?;
    number(&world, USER).await?;
    assert_eq!(taken(&world).await?, []);
    change(&world, USER, 1, &json!({"notes": "周五回访"})).await?;
    number(&world, USER).await?;
    let told = of(&taken(&world).await?, USER);
    assert_eq!(told, read(&world, USER, u64::try_from(before)? + 1, 10).await?);
    assert_eq!(told.len(), 1);
    Ok(())
}
