//! The app's calls, which all tenants share.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use sandbox::douyin::Disorder;
use serde_json::{Value, json};

use super::{DAY, USER};
use crate::World;

const OTHER: u64 = 2002;

/// A world ten hours into a day of Douyin's, with one account of each tenant and a sync of each asked for.
async fn world(fans: u32) -> Result<(World, [String; 2])> {
    let world = World::start().await?;
    world.keep_the_clock();
    world.sandbox.douyin().configure(|settings| settings.disorder = Disorder::NONE);
    let into_the_day = world.clock.now().as_second().rem_euclid(DAY);
    world.advance(Duration::from_secs((DAY - into_the_day + 10 * 3_600).unsigned_abs()));
    let mut accounts = Vec::new();
    for (user, name) in [(USER, "shop"), (OTHER, "branch")] {
        world.douyin_account(name, fans);
        accounts.push((user, world.authorize(user, name).await?));
    }
    let mut tasks = Vec::new();
    for (user, account) in accounts {
        let answer = world.request_sync(user, &account, "INCREMENTAL").await?;
        tasks.push(answer.data()["taskId"].as_str().context("no task")?.to_owned());
    }
    Ok((world, [tasks.remove(0), tasks.remove(0)]))
}

fn calls(world: &World) -> usize {
    world.sandbox.journal().of("fans/list").len()
}

async fn both(world: &World, tasks: &[String; 2]) -> Result<[Value; 2]> {
    Ok([world.progress(USER, &tasks[0]).await?, world.progress(OTHER, &tasks[1]).await?])
}

#[tokio::test]
async fn day_that_is_used_up_is_found_out_once_and_goes_on_spread_over_an_hour() -> Result<()> {
    let (mut world, tasks) = world(45).await?;
    world.set("FAN_SYNC_MAX_ATTEMPTS", "2");
    world.sandbox.douyin().configure(|settings| settings.quota_per_day = Some(0));
    let midnight = (world.clock.now().as_second().div_euclid(DAY) + 1) * DAY;
    // One after the other: the first finds out, the second reads it.
    let app = functions::workers::douyin_fan_sync_worker::App::new(
        &world.context("douyin-fan-sync-worker", &crate::world::EndpointOverrides::default()).await?,
    )
    .await?;
    for message in world.receive().await? {
        // The second one reads the row seconds later.
        world.rules.settle();
        world.run_batch(&app, vec![message]).await?;
    }
    assert_eq!(calls(&world), 1);
    let mut moments = Vec::new();
    for progress in both(&world, &tasks).await? {
        assert_eq!((&progress["waitsFor"], &progress["status"]), (&json!("QUOTA"), &json!("PROCESSING")), "{progress}");
        let next: Timestamp = progress["nextActionAt"].as_str().context("no time")?.parse()?;
        assert!((0..3_600).contains(&(next.as_second() - midnight)), "{progress}");
        moments.push(next);
    }
    assert_ne!(moments[0], moments[1]);
    // Days of waiting are no attempts.
    for day in 1..4 {
        super::move_to(&world, midnight + (day - 1) * DAY + 3_700);
        world.sweep().await?;
        world.drain().await?;
        assert!(calls(&world) <= 1 + 2 * usize::try_from(day)?, "day {day}");
    }
    world.sandbox.douyin().configure(|settings| settings.quota_per_day = None);
    super::move_to(&world, midnight + 3 * DAY + 3_700);
    world.sweep().await?;
    world.drain().await?;
    for progress in both(&world, &tasks).await? {
        assert_eq!((&progress["status"], &progress["created"]), (&json!("COMPLETED"), &json!(45)), "{progress}");
    }
    world.expect_empty_queues().await
}

#[tokio::test]
async fn tenant_that_has_used_up_its_share_waits_while_others_go_on() -> Result<()> {
    let (mut world, tasks) = world(200).await?;
    world.set("FAN_SYNC_TENANT_CALLS", "10");
    // The day after, nothing but the sync that waits takes of the share.
    world.set("AUTO_SYNC_INTERVAL_HOURS", "0");
    // Ten pages are each one's share; the first tenant has another account to sync.
    world.douyin_account("second", 60);
    let second = world.authorize(USER, "second").await?;
    world.drain().await?;
    for progress in both(&world, &tasks).await? {
        assert_eq!((&progress["status"], &progress["pages"]), (&json!("COMPLETED"), &json!(10)), "{progress}");
    }
    let more = world.request_sync(USER, &second, "INCREMENTAL").await?.data()["taskId"].clone();
    let more = more.as_str().context("no task")?;
    world.drain().await?;
    let waiting = world.progress(USER, more).await?;
    let reason = "您今日可用的抖音接口调用次数已用完，北京时间 08:00 恢复后自动继续";
    assert_eq!((&waiting["waitsFor"], &waiting["reason"]), (&json!("SHARE"), &json!(reason)), "{waiting}");
    assert_eq!(calls(&world), 20);
    super::move_to(&world, (world.clock.now().as_second().div_euclid(DAY) + 1) * DAY + 3_700);
    world.sweep().await?;
    world.drain().await?;
    let done = world.progress(USER, more).await?;
    assert_eq!((&done["status"], &done["created"]), (&json!("COMPLETED"), &json!(60)), "{done}");
    world.expect_empty_queues().await
}
