//! Accounts that are synced by themselves: when, for whom, once, and how it is told.

mod no_capability;
mod quota;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use functions::workers::sweeper;
use futures::future::try_join_all;
use jiff::Timestamp;
use sandbox::douyin::{Disorder, Endpoint, FanChange, Fault as PlatformFault};
use serde_json::{Value, json};

use crate::proxy::{Fault, Proxy, Step, When};
use crate::tables::Row;
use crate::world::EndpointOverrides;
use crate::{Event, World};

const USER: u64 = 1001;
const SHOP: &str = "shop";
const DAY: i64 = 86_400;

/// A world with one account whose first sync has completed.
async fn synced() -> Result<World> {
    let world = World::start().await?;
    world.keep_the_clock();
    world.douyin_account(SHOP, 5);
    world.authorize_and_sync(USER, SHOP).await?;
    world.drain().await?;
    Ok(world)
}

async fn account(world: &World) -> Result<Value> {
    let answer = world.call_as(USER, Event::sample("douyin-accounts")?).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(answer.data()[0].clone())
}

/// When the account is synced next, by the account list.
async fn next(world: &World) -> Result<i64> {
    let account = account(world).await?;
    let time: Timestamp = account["nextSyncAt"].as_str().with_context(|| format!("{account}"))?.parse()?;
    Ok(time.as_second())
}

/// Moves the time to `instant`.
fn move_to(world: &World, instant: i64) {
    world.advance(Duration::from_secs((instant - world.clock.now().as_second()).unsigned_abs()));
}

/// The syncs that nobody asked for.
async fn by_themselves(world: &World) -> Result<Vec<Row>> {
    let tasks = world.rows("t_douyin_sync_task").await?;
    Ok(tasks.into_iter().filter(|task| task["started_by"] == "SCHEDULE").collect())
}

async fn sweep(world: &World, endpoints: EndpointOverrides) -> Result<()> {
    let app = sweeper::App::new(&world.context("sweeper", &endpoints).await?).await?;
    sweeper::handle(&app, world.deadline()).await?;
    Ok(())
}

#[tokio::test]
async fn account_is_synced_daily_and_less_often_while_nobody_new_comes() -> Result<()> {
    let world = synced().await?;
    let mut due = next(&world).await?;
    // What each run brings, and how many days later the next one is.
    for (run, (new, days)) in [(0, 2), (0, 4), (0, 4), (3, 1), (0, 2)].into_iter().enumerate() {
        world.sandbox.douyin().change_fans(SHOP, FanChange { add: new, ..FanChange::default() });
        move_to(&world, due - 1);
        world.sweep().await?;
        assert_eq!(by_themselves(&world).await?.len(), run, "not before its time");
        world.advance(Duration::from_secs(1));
        world.sweep().await?;
        assert_eq!(account(&world).await?["nextSyncAt"], Value::Null, "it is under way");
        world.drain().await?;
        let tasks = by_themselves(&world).await?;
        assert_eq!(tasks.len(), run + 1);
        let task = world.progress(USER, &tasks[run]["task_id"]).await?;
        assert_eq!((&task["startedBy"], &task["strategy"]), (&json!("SCHEDULE"), &json!("INCREMENTAL")));
        assert_eq!((&task["status"], &task["created"]), (&json!("COMPLETED"), &json!(new)), "{task}");
        let later = next(&world).await?;
        assert_eq!(later - due, days * DAY, "run {run}");
        due = later;
    }
    world.expect_empty_queues().await
}

#[tokio::test]
async fn account_is_not_synced_by_itself_where_that_is_switched_off() -> Result<()> {
    let mut world = synced().await?;
    let due = next(&world).await?;
    world.set("AUTO_SYNC_INTERVAL_HOURS", "0");
    assert_eq!(account(&world).await?["nextSyncAt"], Value::Null);
    move_to(&world, due + 3 * DAY);
    world.sweep().await?;
    assert_eq!(by_themselves(&world).await?.len(), 0);
    world.set("AUTO_SYNC_INTERVAL_HOURS", "24");
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(by_themselves(&world).await?.len(), 1, "switched on, it goes on");
    Ok(())
}

#[tokio::test]
async fn sweepers_at_the_same_time_start_one_sync() -> Result<()> {
    let world = synced().await?;
    move_to(&world, next(&world).await?);
    try_join_all((0..4).map(|_| sweep(&world, EndpointOverrides::default()))).await?;
    assert_eq!(by_themselves(&world).await?.len(), 1);
    assert_eq!(world.depth(world.queue_url()?).await?, 1);
    // Nor does a sweep that has seen the account before that sync start another one after it.
    world.drain().await?;
    world.sweep().await?;
    assert_eq!(by_themselves(&world).await?.len(), 1);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn sweeper_may_die_at_every_step_of_a_start() -> Result<()> {
    let scene = async || -> Result<World> {
        let world = synced().await?;
        move_to(&world, next(&world).await?);
        Ok(world)
    };
    let proxy_world = scene().await?;
    let proxy = Proxy::start(&proxy_world).await?;
    sweep(&proxy_world, proxy.endpoints()).await?;
    let steps: Vec<Step> = proxy.steps().into_iter().filter(|step| !step.name.starts_with("Query")).collect();
    ensure!(steps.iter().any(|step| step.name.starts_with("Transact")), "{steps:?}");
    for (step, when) in steps.iter().flat_map(|step| [When::Before, When::After].map(|when| (step, when))) {
        let world = scene().await?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm(&step.name, step.nth, Fault::Kill(when));
        tokio::select! {
            biased;
            () = proxy.died() => proxy.idle().await,
            swept = sweep(&world, proxy.endpoints()) => anyhow::bail!("{step}: {swept:?}"),
        }
        world.advance(Duration::from_secs(61));
        world.sweep().await?;
        world.drain().await?;
        let tasks = by_themselves(&world).await?;
        assert_eq!((tasks.len(), tasks[0]["status"].as_str()), (1, "COMPLETED"), "{step} {when:?}");
        assert!(next(&world).await? > world.clock.now().as_second(), "{step} {when:?}");
    }
    Ok(())
}

#[tokio::test]
async fn account_whose_authorisation_has_ended_is_synced_again_with_a_new_one() -> Result<()> {
    let world = synced().await?;
    move_to(&world, next(&world).await?);
    let revoked = world.sandbox.douyin().revoke_quietly(SHOP).context("no shop")?;
    let event = Event::sample("douyin-webhook")?.body(&revoked.body);
    let event = event.header("x-douyin-signature", &revoked.signature).header("msg-id", &revoked.message_id);
    assert_eq!(world.call(&event).await?.status, 200);
    let told = account(&world).await?;
    let reason = "该抖音账号已在抖音端取消授权。请重新授权该抖音账号后再试";
    assert_eq!((&told["health"]["status"], &told["health"]["reason"]), (&json!("FAILING"), &json!(reason)));
    assert_eq!(told["nextSyncAt"], Value::Null);
    for _ in 0..3 {
        world.sweep().await?;
        world.advance(Duration::from_secs(86_400));
    }
    assert_eq!((by_themselves(&world).await?.len(), world.drain().await?), (0, 0));

    world.authorize_and_sync(USER, SHOP).await?;
    world.drain().await?;
    let told = account(&world).await?;
    assert_eq!(told["health"]["status"], "OK", "{told}");
    move_to(&world, next(&world).await?);
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(by_themselves(&world).await?.len(), 1);
    world.expect_empty_queues().await
}

/// However it comes that an account is ACTIVE again, its syncs do not wait for its user.
#[tokio::test]
async fn account_that_is_active_again_is_synced_within_hours() -> Result<()> {
    let world = synced().await?;
    let set = async |status: &str| {
        let accounts = world.rows("t_douyin_auth").await?;
        let update = world.aws.dynamodb.update_item().table_name(world.table("t_douyin_auth"));
        let update = update.key("douyin_user_id", AttributeValue::S(accounts[0]["douyin_user_id"].clone()));
        let update = update.update_expression("SET #status = :status").expression_attribute_names("#status", "status");
        update.expression_attribute_values(":status", AttributeValue::S(status.to_owned())).send().await?;
        anyhow::Ok(())
    };
    move_to(&world, next(&world).await?);
    set("EXPIRED").await?;
    world.sweep().await?;
    set("ACTIVE").await?;
    world.sweep().await?;
    assert_eq!(by_themselves(&world).await?.len(), 0, "it is not looked at every minute");
    world.advance(Duration::from_secs(6 * 3_600));
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(by_themselves(&world).await?.len(), 1);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn health_tells_a_wait_and_a_failure_with_their_reason_until_a_sync_completes() -> Result<()> {
    let world = synced().await?;
    let told = account(&world).await?;
    assert_eq!(told["health"], json!({"status": "OK", "reason": null, "since": told["lastSyncAt"]}));
    let at = |world: &World| json!(Timestamp::from_second(world.clock.now().as_second()).unwrap());

    move_to(&world, next(&world).await?);
    world.sandbox.douyin().arm(PlatformFault::code(Endpoint::FansList, 28_001_052));
    world.sweep().await?;
    world.drain().await?;
    let (told, since) = (account(&world).await?, at(&world));
    let reason = "抖音接口请求过于频繁，稍后自动继续";
    assert_eq!(told["health"], json!({"status": "WAITING", "reason": reason, "since": since}), "{told}");
    world.advance(Duration::from_secs(1_831));
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(account(&world).await?["health"]["status"], "OK");

    let mut failing_since = None;
    for _ in 0..2 {
        move_to(&world, next(&world).await?);
        world.sandbox.douyin().arm(PlatformFault::code(Endpoint::FansList, 28_001_046));
        world.sweep().await?;
        world.drain().await?;
        let told = account(&world).await?;
        let since = failing_since.get_or_insert_with(|| at(&world));
        let reason = "该抖音账号状态异常（封禁、注销或私密）。请在抖音中检查账号状态，恢复后再试";
        assert_eq!(told["health"], json!({"status": "FAILING", "reason": reason, "since": since}), "{told}");
    }
    move_to(&world, next(&world).await?);
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(account(&world).await?["health"]["status"], "OK");
    world.expect_empty_queues().await
}

/// Of ten pages nothing but the first is read by most runs, and all of them by the first and by every seventh after it.
#[tokio::test]
async fn incremental_sync_leaves_a_list_of_known_fans_and_every_seventh_walks_it_whole() -> Result<()> {
    let mut world = World::start().await?;
    world.set("FAN_SYNC_KNOWN_PAGES", "3");
    world.sandbox.douyin().configure(|settings| settings.disorder = Disorder::NONE);
    let shop = world.douyin_account(SHOP, 200);
    world.authorize(USER, SHOP).await?;
    let mut pages = Vec::new();
    for _ in 0..9 {
        let task = world.sync(USER, &shop, "INCREMENTAL").await?;
        assert_eq!(task["status"], "COMPLETED", "{task}");
        pages.push(task["pages"].as_u64().context("no pages")?);
    }
    assert_eq!(pages, [10, 3, 3, 3, 3, 3, 3, 10, 3]);
    let calls = world.sandbox.journal().of_account("fans/list", SHOP).len() as u64;
    assert_eq!(calls, pages.iter().sum::<u64>(), "no page is fetched for nothing");
    // FULL is a walk of the whole list, so the count begins anew.
    for (strategy, expected) in [("FULL", 10), ("INCREMENTAL", 3)] {
        assert_eq!(world.sync(USER, &shop, strategy).await?["pages"], expected);
    }
    assert_eq!(world.leads(USER, &[]).await?.data()["total"], 200);
    world.expect_empty_queues().await
}

/// A first sync that is interrupted goes on among fans whom it knows already, and must not take that for the end.
#[tokio::test]
async fn first_sync_never_leaves_the_list_early() -> Result<()> {
    let mut world = World::start().await?;
    world.set("FAN_SYNC_KNOWN_PAGES", "1");
    world.sandbox.douyin().configure(|settings| settings.disorder = Disorder::NONE);
    let shop = world.douyin_account(SHOP, 200);
    world.authorize(USER, SHOP).await?;
    let cancelled = world.request_sync(USER, &shop, "INCREMENTAL").await?.data()["taskId"].clone();
    world.sandbox.douyin().arm(PlatformFault::code(Endpoint::FansList, 28_001_052).on_page(8));
    world.drain().await?;
    let cancel = Event::sample("douyin-fans-sync-cancel")?.path("taskId", cancelled.as_str().context("no task")?);
    assert_eq!(world.call_as(USER, cancel).await?.status, 200);
    // Risk control is left alone by all syncs of the app.
    world.advance(Duration::from_secs(1_900));
    let task = world.sync(USER, &shop, "INCREMENTAL").await?;
    assert_eq!((&task["pages"], &task["status"]), (&json!(10), &json!("COMPLETED")), "{task}");
    assert_eq!(world.leads(USER, &[]).await?.data()["total"], 200);
    Ok(())
}
