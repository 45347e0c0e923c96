//! An app without the capability `fans.list`, which Douyin grants to hardly any new app.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use functions::workers::douyin_fan_sync_worker;
use sandbox::SandboxConfig;
use sandbox::douyin::{Decision, Effect, Endpoint, Fault};
use serde_json::{Value, json};

use super::{SHOP, USER, account, by_themselves};
use crate::douyin::fan_sync::faults::recover;
use crate::logged::Logged;
use crate::proxy::{Fault as ProxyFault, Proxy, When};
use crate::world::EndpointOverrides;
use crate::{Browser, Event, World};

const OTHER: u64 = 2002;
const DAY: Duration = Duration::from_secs(86_400);

const REASON: &str = "应用未开通粉丝列表能力，暂时无法同步粉丝。已有线索不受影响；请联系存客宝客服了解其他获客方式";

#[tokio::test]
async fn app_without_the_capability_asks_for_nothing_it_has_not_got_and_syncs_nothing() -> Result<()> {
    let mut config = SandboxConfig::default();
    config.douyin.app.scopes.remove("fans.list");
    let mut world = World::around(config).await?;
    let shop = world.douyin_account(SHOP, 5);
    // Where the setting says otherwise, Douyin's page refuses to ask.
    assert!(world.authorize(USER, SHOP).await.is_err(), "the platform would not know this app");

    world.set("DOUYIN_FANS_LIST", "0");
    let link = Browser::default().link(&world, USER, None).await?;
    let asked = url::Url::parse(&link)?;
    let scope = asked.query_pairs().find(|(name, _)| name == "scope").context("no scope")?.1.into_owned();
    assert_eq!(scope, "user_info");
    world.authorize_and_sync(USER, SHOP).await?;
    assert_eq!(world.rows("t_douyin_sync_task").await?.len(), 0, "no sync starts that Douyin would refuse");

    let refused = world.request_sync(USER, &shop, "FULL").await?;
    assert_eq!((refused.status, refused.error_type()), (400, "DOUYIN_LEAD_SYNC_ERROR"), "{refused:?}");
    assert_eq!(refused.body["message"], "应用未开通粉丝列表能力，暂时无法同步粉丝");
    let told = account(&world).await?;
    assert_eq!(told["health"], json!({"status": "UNAVAILABLE", "reason": REASON, "since": null}), "{told}");
    assert_eq!((&told["status"], &told["nextSyncAt"]), (&json!("ACTIVE"), &Value::Null));
    assert_eq!(world.sandbox.journal().of("fans/list").len(), 0);
    world.expect_empty_queues().await
}

/// Accounts that were synced while the app had the capability stay as they are.
#[tokio::test]
async fn app_that_has_the_capability_no_more_starts_no_sync() -> Result<()> {
    let mut world = super::synced().await?;
    super::move_to(&world, super::next(&world).await?);
    world.set("DOUYIN_FANS_LIST", "0");
    world.sweep().await?;
    assert_eq!((by_themselves(&world).await?.len(), world.drain().await?), (0, 0));
    assert_eq!(account(&world).await?["health"]["status"], "UNAVAILABLE");
    assert_eq!(world.leads(USER, &[]).await?.data()["total"], 5);
    let list = world.call_as(USER, Event::sample("douyin-fans-sync-tasks")?.query(&[])).await?;
    assert_eq!(list.data()["total"], 1, "{list:?}");
    world.set("DOUYIN_FANS_LIST", "1");
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(by_themselves(&world).await?.len(), 1, "with it again, they go on");
    Ok(())
}

/// The tenant whose account is told first, and another one; both accounts were synced and are due again.
async fn two_tenants() -> Result<(World, [String; 2])> {
    let world = World::start().await?;
    world.keep_the_clock();
    let mut accounts = Vec::new();
    for (user, name) in [(USER, SHOP), (OTHER, "branch")] {
        world.douyin_account(name, 5);
        accounts.push(world.authorize_and_sync(user, name).await?);
    }
    world.drain().await?;
    world.advance(DAY * 3);
    Ok((world, [accounts.remove(0), accounts.remove(0)]))
}

fn calls(world: &World) -> usize {
    world.sandbox.journal().of("fans/list").len()
}

async fn health(world: &World, user: u64) -> Result<String> {
    let answer = world.call_as(user, Event::sample("douyin-accounts")?).await?;
    Ok(answer.data()[0]["health"]["status"].as_str().context("no health")?.to_owned())
}

/// The row of the app, as far as it says that the capability is missing.
async fn missing(world: &World) -> Result<Option<String>> {
    let rows = world.rows("t_platform_quota").await?;
    let row = rows.into_iter().find(|row| row["name"] == "douyin#fans.list");
    Ok(row.and_then(|row| row.get("found_by").cloned()))
}

async fn expect_refused(world: &World, user: u64, account: &str) -> Result<()> {
    let refused = world.request_sync(user, account, "FULL").await?;
    assert_eq!((refused.status, refused.error_type()), (400, "DOUYIN_LEAD_SYNC_ERROR"), "{refused:?}");
    assert_eq!(refused.body["message"], "应用未开通粉丝列表能力，暂时无法同步粉丝");
    Ok(())
}

/// Hands the message that is in the queue to a worker.
async fn work(world: &World, endpoints: EndpointOverrides) -> Result<()> {
    let app = douyin_fan_sync_worker::App::new(&world.context("douyin-fan-sync-worker", &endpoints).await?).await?;
    world.run_batch(&app, world.receive().await?).await?;
    Ok(())
}

async fn pass_an_hour(world: &World) -> Result<()> {
    world.advance(Duration::from_secs(3_600));
    world.sweep().await?;
    world.drain().await?;
    Ok(())
}

#[tokio::test]
async fn app_that_is_told_it_lacks_the_capability_syncs_nothing_and_asks_once_a_day() -> Result<()> {
    let (world, [shop, branch]) = two_tenants().await?;
    let logged = Logged::default();
    let _guard = tracing::dispatcher::set_default(&logged.subscriber());
    let fault = world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 28_001_018).permanent());
    let before = calls(&world);
    world.sweep().await?;
    world.drain().await?;
    // Whoever asked at the same moment was told the same.
    let told = calls(&world) - before;
    assert!((1..=2).contains(&told), "{told}");
    for task in by_themselves(&world).await? {
        assert_eq!((&*task["status"], &*task["error_type"]), ("FAILED", "DOUYIN_LEAD_SYNC_ERROR"), "{task:?}");
    }
    let found_by = missing(&world).await?;
    assert!(found_by.is_some());
    for (user, account) in [(USER, &shop), (OTHER, &branch)] {
        assert_eq!(health(&world, user).await?, "UNAVAILABLE");
        expect_refused(&world, user, account).await?;
    }
    assert_eq!(account(&world).await?["nextSyncAt"], Value::Null);

    // Once a day one account asks, for both. Each is due at a time of its own, at the latest a day and a half later.
    let mut asked = vec![0];
    for hour in 1..=5 * 24 {
        let before = calls(&world);
        pass_an_hour(&world).await?;
        let more = calls(&world) - before;
        assert!(more <= 1, "{more} calls in hour {hour}");
        if more > 0 {
            asked.push(hour);
            expect_refused(&world, OTHER, &branch).await?;
        }
    }
    assert!(asked.windows(2).all(|pair| (24..=37).contains(&(pair[1] - pair[0]))), "{asked:?}");
    assert!(asked.len() > 3, "{asked:?}");
    assert_eq!(missing(&world).await?, found_by, "the row is of the first");

    // Douyin has granted it.
    world.sandbox.douyin().disarm(fault);
    for _ in 0..3 * 24 {
        pass_an_hour(&world).await?;
    }
    assert_eq!(missing(&world).await?, None);
    for user in [USER, OTHER] {
        assert_eq!(health(&world, user).await?, "OK");
    }
    let lines = logged.text();
    let alarms: Vec<&str> = lines.lines().filter(|line| line.contains("\"fans_list_missing\"")).collect();
    assert_eq!(alarms.len(), 1, "the operator was told once: {alarms:?}");
    assert!(alarms[0].contains("\"ERROR\""), "{alarms:?}");
    world.expect_empty_queues().await
}

#[tokio::test]
async fn sync_that_runs_when_the_capability_goes_ends_with_the_reason() -> Result<()> {
    let (mut world, [shop, branch]) = two_tenants().await?;
    world.set("AUTO_SYNC_INTERVAL_HOURS", "0");
    let asked = world.request_sync(OTHER, &branch, "FULL").await?;
    let waiting = asked.data()["taskId"].as_str().context("no task")?;
    world.sandbox.douyin().arm(Fault::new(Endpoint::FansList, Effect::Http { status: 502 }));
    // It waits for the outage, while another one is told.
    work(&world, EndpointOverrides::default()).await?;
    assert_eq!(world.progress(OTHER, waiting).await?["waitsFor"], "OUTAGE");
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 2_190_004).permanent());
    world.request_sync(USER, &shop, "FULL").await?;
    work(&world, EndpointOverrides::default()).await?;
    let asked = calls(&world);
    world.advance(Duration::from_secs(60));
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(calls(&world), asked, "what is known is not asked");
    let ended = world.progress(OTHER, waiting).await?;
    assert_eq!(
        (&ended["status"], &ended["error"]["type"]),
        (&json!("FAILED"), &json!("DOUYIN_LEAD_SYNC_ERROR")),
        "{ended}"
    );
    world.expect_empty_queues().await
}

/// An operator who knows better deletes the row.
#[tokio::test]
async fn capability_is_asked_for_anew_when_the_row_is_deleted() -> Result<()> {
    let (world, [shop, _]) = two_tenants().await?;
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 28_001_056));
    world.request_sync(USER, &shop, "FULL").await?;
    world.drain().await?;
    expect_refused(&world, USER, &shop).await?;
    let delete = world.aws.dynamodb.delete_item().table_name(world.table("t_platform_quota"));
    delete.key("name", AttributeValue::S("douyin#fans.list".to_owned())).send().await?;
    let progress = world.sync(USER, &shop, "FULL").await?;
    assert_eq!(progress["status"], "COMPLETED", "{progress}");
    Ok(())
}

/// The answer may be about the one account that has not granted the scope.
#[tokio::test]
async fn account_without_the_scope_does_not_speak_for_the_app() -> Result<()> {
    let (world, [shop, branch]) = two_tenants().await?;
    let decision = Decision { approve: true, untick: vec!["fans.list".to_owned()] };
    assert_eq!(world.call(&world.consent(USER, SHOP, &decision).await?).await?.status, 200);
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 2_190_004));
    let progress = world.sync(USER, &shop, "FULL").await?;
    assert_eq!((&progress["status"], &progress["error"]["type"]), (&json!("FAILED"), &json!("DOUYIN_API_ERROR")));
    assert_eq!(missing(&world).await?, None);
    assert_eq!(world.sync(OTHER, &branch, "FULL").await?["status"], "COMPLETED");
    Ok(())
}

#[tokio::test]
async fn worker_that_is_told_may_die_at_every_step() -> Result<()> {
    let scene = async || -> Result<(World, String)> {
        let (mut world, [shop, _]) = two_tenants().await?;
        world.set("AUTO_SYNC_INTERVAL_HOURS", "0");
        world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 28_001_018).permanent());
        let asked = world.request_sync(USER, &shop, "FULL").await?;
        let task = asked.data()["taskId"].as_str().context("no task")?.to_owned();
        Ok((world, task))
    };
    let (world, _) = scene().await?;
    let proxy = Proxy::start(&world).await?;
    work(&world, proxy.endpoints()).await?;
    let steps = proxy.steps();
    anyhow::ensure!(steps.iter().any(|step| step.name.contains("t_platform_quota")), "{steps:?}");
    for (step, when) in steps.iter().flat_map(|step| [When::Before, When::After].map(|when| (step, when))) {
        let (world, task) = scene().await?;
        let logged = Logged::default();
        let _guard = tracing::dispatcher::set_default(&logged.subscriber());
        let proxy = Proxy::start(&world).await?;
        proxy.arm(&step.name, step.nth, ProxyFault::Kill(when));
        tokio::select! {
            biased;
            () = proxy.died() => proxy.idle().await,
            done = work(&world, proxy.endpoints()) => anyhow::bail!("{step}: {done:?}"),
        }
        recover(&world, &task).await.with_context(|| format!("{step} {when:?}"))?;
        let ended = world.progress(USER, &task).await?;
        assert_eq!(ended["error"]["type"], "DOUYIN_LEAD_SYNC_ERROR", "{step} {when:?}: {ended}");
        assert_eq!(missing(&world).await?.as_ref(), Some(&task), "{step} {when:?}");
        assert!(logged.text().contains("\"fans_list_missing\""), "{step} {when:?}: the operator was not told");
    }
    Ok(())
}
