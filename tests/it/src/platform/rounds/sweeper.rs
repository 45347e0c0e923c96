//! The sweeper: fan syncs, moment tasks and their deliveries are judged apart, so that none hides behind another.

use std::time::Duration;

use anyhow::{Result, ensure};
use functions::workers::moment_publisher;
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
    // The gateway is down, so that the delivery has to be tried again.
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
