//! The caller's key for a sync: whoever is not answered asks again, and no second sync is started.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::faults::story::Story;
use super::faults::{USER, recover};
use crate::call::call;
use crate::proxy::{Fault, Proxy, When};
use crate::snapshot::ExpectedError;
use crate::{Answer, Event, World};

const OTHER: u64 = 2002;
const REUSED: ExpectedError<'_> =
    ExpectedError::new(422, "DOUYIN_LEAD_SYNC_ERROR").saying("同一个 Idempotency-Key 已用于内容不同的同步请求");

fn event(account: &str, strategy: &str, key: &str) -> Result<Event> {
    let body = json!({ "douyinUserId": account, "syncStrategy": strategy });
    Ok(Event::sample("douyin-fans-sync")?.json(&body).header("idempotency-key", key))
}

fn task_of(answer: &Answer) -> Result<String> {
    Ok(answer.data()["taskId"].as_str().with_context(|| format!("no task: {answer:?}"))?.to_owned())
}

async fn tasks(world: &World) -> Result<usize> {
    Ok(world.rows("t_douyin_sync_task").await?.len())
}

#[tokio::test]
async fn fan_sync_repeated_under_its_key_starts_nothing_and_is_answered_alike() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let ask = async |strategy: &str, key: &str| world.call_as(USER, event(&account, strategy, key)?).await;
    let before = tasks(&world).await?;
    let first = ask("INCREMENTAL", "key-1").await?;
    assert_eq!(first.status, 202, "{first:?}");
    // While it waits, and once it has ended.
    for _ in 0..2 {
        let again = ask("INCREMENTAL", "key-1").await?;
        assert_eq!((again.status, again.data()), (202, first.data()), "{again:?}");
        world.drain().await?;
    }
    assert_eq!(world.progress(USER, &task_of(&first)?).await?["status"], "COMPLETED");
    assert_eq!(tasks(&world).await?, before + 1);
    world.expect_empty_queues().await?;

    // The same key for something else is a mistake of the caller's, and nothing happens.
    let snapshot = world.snapshot().await?;
    REUSED.check("another strategy", &ask("FULL", "key-1").await?);
    let other = event("another-account", "INCREMENTAL", "key-1")?;
    REUSED.check("another account", &world.call_as(USER, other).await?);
    ExpectedError::fields(&["Idempotency-Key"]).check("no key", &ask("INCREMENTAL", "two words").await?);
    world.snapshot().await?.assert_unchanged_since(&snapshot, "keys that do not fit");

    // Another key is another request; and a day later the key is as good as new.
    assert_ne!(task_of(&ask("INCREMENTAL", "key-2").await?)?, task_of(&first)?);
    world.drain().await?;
    world.advance(Duration::from_secs(86_400));
    let late = ask("FULL", "key-1").await?;
    assert_eq!((late.status, &late.data()["strategy"]), (202, &json!("FULL")), "{late:?}");
    Ok(())
}

#[tokio::test]
async fn fan_sync_key_of_another_tenant_is_another_key() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    world.douyin_account("theirs", 1);
    let theirs = world.authorize(OTHER, "theirs").await?;
    world.drain().await?;
    let mine = world.call_as(USER, event(&account, "INCREMENTAL", "key-1")?).await?;
    let other = world.call_as(OTHER, event(&theirs, "INCREMENTAL", "key-1")?).await?;
    assert_eq!((mine.status, other.status), (202, 202), "{other:?}");
    assert_ne!(task_of(&mine)?, task_of(&other)?);
    Ok(())
}

/// Nothing was started under the key of a request that only found a sync: asked again once that has ended, it starts one.
#[tokio::test]
async fn fan_sync_key_of_a_request_that_found_a_running_sync_is_not_used_up() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let running = world.request_sync(USER, &account, "FULL").await?;
    let found = world.call_as(USER, event(&account, "INCREMENTAL", "key-1")?).await?;
    assert_eq!((found.status, task_of(&found)?), (200, task_of(&running)?));
    world.drain().await?;
    let started = world.call_as(USER, event(&account, "INCREMENTAL", "key-1")?).await?;
    assert_eq!(started.status, 202, "{started:?}");
    assert_ne!(task_of(&started)?, task_of(&running)?);
    Ok(())
}

#[tokio::test]
async fn fan_sync_asked_for_at_once_under_one_key_is_started_once() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let before = tasks(&world).await?;
    let event = event(&account, "INCREMENTAL", "key-1")?;
    let answers = futures::future::try_join_all((0..5).map(|_| world.call_as(USER, event.clone()))).await?;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.data() == answers[0].data()), "{answers:?}");
    assert_eq!(tasks(&world).await?, before + 1);
    Ok(())
}

/// The key is written with the task: a request that died has done both or neither.
#[tokio::test]
async fn fan_sync_request_with_a_key_killed_at_any_step_can_be_repeated() -> Result<()> {
    let sends = async |world: &World, account: &str, proxy: &Proxy| {
        let event = event(account, "INCREMENTAL", "key-1")?.bearer(&world.token(USER, &["*"])?);
        Box::pin(call(&world.context("douyin-fans-sync", &proxy.endpoints()).await?, &event)).await
    };
    let (world, account) = Story::Straight.scene().await?;
    let proxy = Proxy::start(&world).await?;
    assert_eq!(sends(&world, &account, &proxy).await?.status, 202);
    for step in proxy.steps() {
        for when in [When::Before, When::After] {
            let (world, account) = Story::Straight.scene().await?;
            let before = tasks(&world).await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                answer = sends(&world, &account, &proxy) => bail!("{step}: answered {answer:?}"),
            }
            let again = world.call_as(USER, event(&account, "INCREMENTAL", "key-1")?).await?;
            assert_eq!((again.status, tasks(&world).await?), (202, before + 1), "{step} {when:?}: {again:?}");
            recover(&world, &task_of(&again)?).await?;
            assert_eq!(world.progress(USER, &task_of(&again)?).await?["status"], "COMPLETED", "{step} {when:?}");
        }
    }
    Ok(())
}
