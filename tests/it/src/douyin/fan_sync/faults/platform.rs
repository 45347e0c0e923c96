//! Douyin refuses, fails or loses itself: what passes by itself is waited out, what does not ends the sync with a
//! reason its user can act on, and either way nothing that was taken over is lost.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use sandbox::douyin::{Effect, Endpoint, Fault};

use super::audit::Ledger;
use super::story::Story;
use super::{SHOP, USER, begin, recover};
use crate::World;

/// Worlds at once.
const PARALLEL: usize = 4;
/// In place of the template's twelve, to be done sooner.
const ATTEMPTS: u32 = 3;
const DAY: i64 = 86_400;

/// The straight story with faults at its second page.
async fn straight(faults: &[Fault]) -> Result<(World, String)> {
    let (mut world, account) = Story::Straight.scene().await?;
    world.set("FAN_SYNC_MAX_ATTEMPTS", &ATTEMPTS.to_string());
    // The least there is: a platform that keeps silent costs real time.
    world.set("DOUYIN_TIMEOUT_SECONDS", "1");
    for fault in faults {
        world.sandbox.douyin().arm(fault.clone().on_page(2));
    }
    let task = begin(&world, &account, "INCREMENTAL").await?;
    Ok((world, task))
}

fn second_page(effect: Effect) -> Fault {
    Fault::new(Endpoint::FansList, effect)
}

/// Everything that can be over after a while, by what it is called.
fn passing() -> [(&'static str, Effect); 6] {
    [
        ("rate limit", Effect::Code { code: 28_003_018 }),
        ("system busy", Effect::Code { code: 2_100_004 }),
        ("502", Effect::Http { status: 502 }),
        ("no JSON", Effect::NotJson),
        ("connection lost", Effect::Drop),
        ("no answer", Effect::Hang { milliseconds: None }),
    ]
}

#[tokio::test]
async fn fan_sync_with_a_temporary_failure_waits_and_completes() -> Result<()> {
    stream::iter(passing())
        .map(|(name, effect)| async move {
            let (world, _) = straight(&[second_page(effect).times(ATTEMPTS - 1)]).await?;
            world.drain().await?;
            let ledger = Ledger::read(&world).await.context(name)?;
            ledger.expect(&Story::Straight.undisturbed().await?[&1].ledger).context(name)?;
            println!("  {name:<25} twice: as undisturbed");
            Ok(())
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await
}

#[tokio::test]
async fn fan_sync_with_a_lasting_failure_fails_and_keeps_the_leads() -> Result<()> {
    stream::iter(passing())
        .map(|(name, effect)| async move {
            let (world, task) = straight(&[second_page(effect).permanent()]).await?;
            world.drain().await?;
            let message =
                if name == "rate limit" { "抖音接口请求过于频繁" } else { "抖音服务暂时不可用" };
            expect_failure(&world, &task, "DOUYIN_API_ERROR", message, "ACTIVE").await.context(name)?;
            // The first page, the attempt that also brought it, and those that brought none.
            assert_eq!(calls(&world), 2 + ATTEMPTS as usize, "{name}");
            println!("  {name:<25} for good: FAILED, {message}");
            Ok(())
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await
}

#[tokio::test]
async fn fan_sync_with_a_permanent_failure_fails_at_once() -> Result<()> {
    // One of each sort; which code is of which sort is the platform client's own test.
    const REFUSALS: [(i64, &str, &str); 6] = [
        (28_001_056, "DOUYIN_LEAD_SYNC_ERROR", "应用未开通粉丝列表能力，暂时无法同步粉丝"),
        (2_190_016, "DOUYIN_API_ERROR", "存客宝在抖音开放平台的应用配置或能力不可用"),
        (2_190_003, "DOUYIN_AUTH_ERROR", "抖音账号未授予粉丝列表权限"),
        (28_001_046, "DOUYIN_API_ERROR", "该抖音账号状态异常（封禁、注销或私密）"),
        (2_100_005, "DOUYIN_API_ERROR", "存客宝在抖音开放平台的应用配置或能力不可用"),
        (77_777_777, "DOUYIN_API_ERROR", "抖音返回了未知错误"),
    ];
    stream::iter(REFUSALS)
        .map(|(code, kind, message)| async move {
            let (world, task) = straight(&[second_page(Effect::Code { code })]).await?;
            world.drain().await?;
            expect_failure(&world, &task, kind, message, "ACTIVE").await.with_context(|| code.to_string())?;
            assert_eq!(calls(&world), 2, "{code} was asked again");
            println!("  {code:<25} FAILED, {message}");
            Ok(())
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await
}

#[tokio::test]
async fn fan_sync_with_an_expired_token_refreshes_once_and_repeats_the_call_once() -> Result<()> {
    let (world, _) = straight(&[second_page(Effect::ExpireToken)]).await?;
    world.drain().await?;
    let ledger = Ledger::read(&world).await?;
    assert_eq!((ledger.of_task("status"), ledger.leads()), ("COMPLETED", 53));
    let refused: Vec<_> =
        world.sandbox.journal().of("fans/list").into_iter().filter(|call| call.code != Some(0)).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(world.sandbox.journal().of("oauth/refresh_token").len(), 1);
    Ok(())
}

#[tokio::test]
async fn fan_sync_with_a_dead_authorisation_ends_with_the_account() -> Result<()> {
    let message = "该抖音账号的授权已过期";
    // Revoked: neither the token nor a refresh is accepted.
    let (world, task) = straight(&[second_page(Effect::Revoke)]).await?;
    world.drain().await?;
    expect_failure(&world, &task, "DOUYIN_AUTH_ERROR", message, "EXPIRED").await?;
    assert_eq!(world.sandbox.journal().of("oauth/refresh_token").len(), 1);

    // A fresh token is refused as well, and once more after the pause: no endless circle.
    let (world, task) = straight(&[second_page(Effect::Code { code: 2_190_002 }).permanent()]).await?;
    recover(&world, &task).await?;
    let progress = world.progress(USER, &task).await?;
    assert_eq!((&progress["status"], &progress["error"]["message"]), (&"FAILED".into(), &message.into()));
    assert_eq!(world.rows("t_douyin_auth").await?[0]["status"], "EXPIRED");
    assert_eq!((calls(&world), world.sandbox.journal().of("oauth/refresh_token").len()), (3 + 2, 2));

    // The refresh itself fails for reasons that prove nothing: the account stays.
    let (world, task) = straight(&[second_page(Effect::ExpireToken)]).await?;
    world.sandbox.douyin().arm(Fault::new(Endpoint::RefreshToken, Effect::Http { status: 502 }).permanent());
    world.drain().await?;
    expect_failure(&world, &task, "DOUYIN_API_ERROR", "抖音服务暂时不可用", "ACTIVE").await
}

#[tokio::test]
async fn fan_sync_under_risk_control_waits_half_an_hour() -> Result<()> {
    let (world, task) = straight(&[second_page(Effect::Code { code: 28_001_052 })]).await?;
    world.drain().await?;
    world.advance(Duration::from_secs(1_799));
    world.sweep().await?;
    assert_eq!(world.drain().await?, 0);
    assert_eq!((calls(&world), &world.progress(USER, &task).await?["status"]), (2, &"PROCESSING".into()));
    world.advance(Duration::from_secs(32));
    world.sweep().await?;
    world.drain().await?;
    Ledger::read(&world).await?.expect(&Story::Straight.undisturbed().await?[&1].ledger)
}

#[tokio::test]
async fn fan_sync_with_a_spent_quota_waits_until_eight_in_beijing() -> Result<()> {
    for new_codes in [false, true] {
        let (world, task) = straight(&[]).await?;
        // Two calls a day; the list has three pages.
        world.sandbox.douyin().configure(|settings| {
            settings.quota_per_day = Some(2);
            settings.new_codes = new_codes;
        });
        // Far from midnight, so that the wait is the sweeper's and not a delayed message.
        let into_the_day = world.clock.now().as_second().rem_euclid(DAY);
        world.advance(Duration::from_secs((DAY - into_the_day + 10 * 3_600) as u64));
        let midnight = Timestamp::from_second((world.clock.now().as_second().div_euclid(DAY) + 1) * DAY)?;

        world.drain().await?;
        let progress = world.progress(USER, &task).await?;
        assert_eq!((&progress["status"], &progress["pages"]), (&"PROCESSING".into(), &2.into()), "{progress}");
        // Within an hour from then, so that not all go on at once.
        let next: Timestamp = progress["nextActionAt"].as_str().context("no time")?.parse()?;
        let spread = next.duration_since(midnight).as_secs();
        assert!((0..3_600).contains(&spread), "{progress}");
        let again = world.request_sync(USER, progress["douyinUserId"].as_str().context("no account")?, "FULL").await?;
        assert_eq!((again.status, again.data()["taskId"].as_str()), (200, Some(task.as_str())));

        world.advance(Duration::from_secs(14 * 3_600 - 60));
        world.sweep().await?;
        assert_eq!(world.depth(world.queue_url()?).await?, 0, "a minute before the quota is back");
        world.advance(Duration::from_secs(60 + 31) + Duration::from_secs(spread.unsigned_abs()));
        world.sweep().await?;
        world.drain().await?;
        Ledger::read(&world).await?.expect(&Story::Straight.undisturbed().await?[&1].ledger)?;
    }
    Ok(())
}

/// How often fans were asked for.
fn calls(world: &World) -> usize {
    world.sandbox.journal().of_account("fans/list", SHOP).len()
}

/// The sync failed after its first page, whose leads are there; the account is as it should be and free for the next.
async fn expect_failure(world: &World, task: &str, kind: &str, message: &str, account: &str) -> Result<()> {
    assert_eq!(recover(world, task).await?, 0, "nobody had to wait for the sweeper");
    let progress = world.progress(USER, task).await?;
    assert_eq!(progress["status"], "FAILED", "{progress}");
    assert_eq!((&progress["error"]["type"], &progress["error"]["message"]), (&kind.into(), &message.into()));
    assert!(progress["error"]["reason"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{progress}");
    assert_eq!(progress["pages"], 1, "{progress}");
    let ledger = Ledger::read(world).await?;
    assert_eq!(progress["created"], ledger.leads(), "{progress}");
    assert_eq!(world.rows("t_douyin_auth").await?[0]["status"], account);
    Ok(())
}
