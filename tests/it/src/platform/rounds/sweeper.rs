//! The sweeper: fan syncs, moment tasks and their deliveries are judged apart, so that none hides behind another.

use std::time::Duration;

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use functions::workers::moment_publisher;
use futures::{StreamExt, TryStreamExt};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use serde_json::json;

use super::{USER, denied, denying, spent, sweep_succeeds};
use crate::World;
use crate::proxy::Proxy;
use crate::world::EndpointOverrides;

/// After the sweeper's grace of 30 s.
const OVERDUE: Duration = Duration::from_secs(31);

async fn world() -> Result<World> {
    let mut world = World::start().await?;
    world.pause_by_hand();
    Ok(world)
}

/// So many fan syncs that nobody works on.
async fn forgotten_syncs(world: &World, count: usize) -> Result<()> {
    for number in 0..count {
        let name = format!("shop-{number}");
        world.douyin_account(&name, 1);
        let shop = world.authorize(USER, &name).await?;
        let answer = world.request_sync(USER, &shop, "INCREMENTAL").await?;
        ensure!([200, 202].contains(&answer.status), "sync answered {answer:?}");
    }
    Ok(())
}

/// A moment task that nobody works on.
async fn forgotten_post(world: &World, device: &str) -> Result<()> {
    let device = world.connect_device(USER, device).await?;
    let answer = world.request_post(USER, &json!({"text": "早上好", "accountIds": [device]})).await?;
    ensure!(answer.status == 202, "creation answered {answer:?}");
    Ok(())
}

/// Moves a post's task on, so that its delivery is there, and loses the messages about that.
async fn forgotten_delivery(world: &World, device: &str) -> Result<()> {
    forgotten_post(world, device).await?;
    let base = world.context("moment-publisher", &EndpointOverrides::default()).await?;
    let publisher = moment_publisher::App::new(&base).await?;
    // The gateway does not say what became of the post, so that the delivery has to be moved again.
    world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, Effect::Code { code: 500, message: None }));
    let batch = world.receive_publications().await?;
    world.publish_batch(&publisher, batch).await?;
    let deliveries = world.rows("t_moment_publish_unit").await?;
    ensure!(deliveries.iter().any(|delivery| delivery.contains_key("next_action_at")), "{deliveries:?}");
    let tasks = world.rows("t_moment_sync_task").await?;
    ensure!(!tasks.iter().any(|task| task.contains_key("next_action_at")), "{tasks:?}");
    Ok(())
}

#[tokio::test]
async fn sweeper_denied_the_queue_fails_for_each_kind_of_work() -> Result<()> {
    for kind in ["fan syncs", "moment tasks", "deliveries"] {
        let world = world().await?;
        match kind {
            "fan syncs" => forgotten_syncs(&world, 1).await?,
            "moment tasks" => forgotten_post(&world, "phone").await?,
            _ => forgotten_delivery(&world, "phone").await?,
        }
        world.advance(Duration::from_secs(2_000));
        let proxy = denying(&world, "SendMessage").await?;
        assert!(!sweep_succeeds(&world, &proxy.endpoints(), world.deadline()).await?, "{kind}");
        assert_eq!(proxy.count("SendMessage"), 1, "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn sweeper_with_one_fan_sync_of_ten_failing_succeeds() -> Result<()> {
    let world = world().await?;
    forgotten_syncs(&world, 10).await?;
    world.advance(OVERDUE);
    let proxy = Proxy::start(&world).await?;
    proxy.arm("SendMessage", 4, denied());
    assert!(sweep_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    assert_eq!(proxy.count("SendMessage"), 10, "one that fails does not stop the others");
    Ok(())
}

#[tokio::test]
async fn sweeper_that_moves_fan_syncs_but_no_moment_task_fails() -> Result<()> {
    let world = world().await?;
    forgotten_syncs(&world, 5).await?;
    forgotten_post(&world, "phone").await?;
    world.advance(OVERDUE);
    let proxy = denying(&world, "UpdateItem t_moment_sync_task").await?;
    assert!(!sweep_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    assert_eq!(proxy.count("SendMessage"), 5, "the fan syncs were moved all the same");
    Ok(())
}

/// The list of deliveries cannot be had; the tasks are still moved.
#[tokio::test]
async fn sweeper_denied_one_list_moves_what_is_on_the_others() -> Result<()> {
    let world = world().await?;
    forgotten_syncs(&world, 1).await?;
    forgotten_post(&world, "phone").await?;
    world.advance(OVERDUE);
    let proxy = denying(&world, "Query t_moment_publish_unit").await?;
    assert!(!sweep_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    assert_eq!(proxy.count("SendMessage"), 2);
    Ok(())
}

/// Rows that a message was sent for a moment ago are left alone; they do not outweigh those that fail now.
#[tokio::test]
async fn sweeper_that_fails_at_all_it_tries_fails_however_much_waits_in_the_queue() -> Result<()> {
    let world = world().await?;
    forgotten_syncs(&world, 5).await?;
    world.advance(OVERDUE);
    ensure!(sweep_succeeds(&world, &EndpointOverrides::default(), world.deadline()).await?, "all were sent");
    world.douyin_account("late", 1);
    let late = world.authorize(USER, "late").await?;
    world.request_sync(USER, &late, "INCREMENTAL").await?;
    world.advance(OVERDUE);
    let proxy = denying(&world, "SendMessage").await?;
    assert!(!sweep_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    assert_eq!(proxy.count("SendMessage"), 1);
    Ok(())
}

/// A message that nobody takes up is followed by another after 5, 10, 20 and 40 minutes, so that a row that nothing moves
/// leaves the time to others; and after four of them somebody is told.
#[tokio::test]
async fn sweeper_sends_again_after_growing_pauses_and_fails_for_what_nothing_moves() -> Result<()> {
    for kind in ["moment tasks", "deliveries"] {
        let world = world().await?;
        match kind {
            "moment tasks" => forgotten_post(&world, "phone").await?,
            _ => forgotten_delivery(&world, "phone").await?,
        }
        world.advance(Duration::from_secs(1_100));
        let proxy = Proxy::start(&world).await?;
        for (messages, pause) in [(1, 300), (2, 600), (3, 1_200), (4, 2_400), (5, 3_600), (6, 3_600)] {
            let succeeds = sweep_succeeds(&world, &proxy.endpoints(), world.deadline()).await?;
            assert_eq!(succeeds, messages < 5, "{kind}, message {messages}");
            assert_eq!(proxy.count("SendMessage"), messages, "{kind}");
            world.advance(Duration::from_secs(pause - 1));
            assert!(sweep_succeeds(&world, &proxy.endpoints(), world.deadline()).await?, "{kind}");
            assert_eq!(proxy.count("SendMessage"), messages, "{kind}: too early");
            world.advance(Duration::from_secs(1));
        }
    }
    Ok(())
}

/// Rows whose messages wait in a long queue stand before it in the index, more than a sweep handles in one shard.
#[tokio::test]
async fn sweeper_finds_a_lost_task_behind_a_backlog_of_its_shard() -> Result<()> {
    let world = world().await?;
    forgotten_post(&world, "phone").await?;
    let lost = world.rows("t_moment_sync_task").await?.remove(0);
    let shard = &lost["due_shard"];
    let table = world.table("t_moment_sync_task");
    let now = world.clock.now().as_millisecond();
    let number = |number: i64| AttributeValue::N(number.to_string());
    let waiting = (0..1_100).map(|id| {
        let put = world.aws.dynamodb.put_item().table_name(&table).item("id", number(id + 1));
        let put = put.item("due_shard", AttributeValue::S(shard.clone())).item("next_action_at", number(id + 1));
        put.item("resend_after", number(now + 3_600_000)).send()
    });
    futures::stream::iter(waiting).map(Ok).try_for_each_concurrent(10, async |put| put.await.map(|_| ())).await?;
    world.advance(OVERDUE);
    let proxy = Proxy::start(&world).await?;
    assert!(sweep_succeeds(&world, &proxy.endpoints(), world.deadline()).await?);
    assert_eq!(proxy.count("SendMessage"), 1);
    Ok(())
}

/// What the time does not suffice for is begun by the next sweep and not cut off in the middle.
#[tokio::test]
async fn sweeper_with_no_time_left_begins_nothing_and_fails() -> Result<()> {
    let world = world().await?;
    forgotten_syncs(&world, 2).await?;
    world.advance(OVERDUE);
    let proxy = Proxy::start(&world).await?;
    assert!(!sweep_succeeds(&world, &proxy.endpoints(), spent(&world)).await?);
    assert_eq!(proxy.count("GetItem t_douyin_sync_task"), 0);
    Ok(())
}
