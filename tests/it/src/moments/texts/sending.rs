//! What was fine when its task was made, and is not any more when it is to be sent.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::fault::Effect;
use sandbox::text_check::{TextCheckEndpoint, TextCheckFault};
use serde_json::{Value, json};

use crate::World;
use crate::moments::publishing::{USER, recover, request, world};

/// A task for a person and a company, in two hours.
async fn planned(world: &World) -> Result<u64> {
    let mut accounts = world.connect_corp(USER, "flowers", &["lily", "rose"]).await?;
    accounts.push(world.connect_device(USER, "phone").await?);
    let time = world.clock.now() + jiff::SignedDuration::from_hours(2);
    request(world, &json!({"text": "内幕消息", "accountIds": accounts, "scheduledTime": time})).await
}

fn results(status: &Value) -> Result<&Vec<Value>> {
    status["results"].as_array().with_context(|| format!("no results: {status}"))
}

fn nothing_is_out(world: &World) -> Result<()> {
    let publications = world.sandbox.journal().publications();
    ensure!(publications.is_empty() && world.sandbox.wecom().moment_tasks().is_empty(), "{publications:?}");
    Ok(())
}

#[tokio::test]
async fn delivery_whose_text_has_become_forbidden_fails_and_sends_nothing() -> Result<()> {
    let mut world = world().await?;
    world.put_words("稳赚\n").await?;
    let task = planned(&world).await?;
    world.put_words("稳赚\n内幕\n").await?;
    world.advance(Duration::from_secs(7_200));
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "FAILED", "{status}");
    for result in results(&status)? {
        ensure!(result["errorCode"] == "MOMENT_SYNC_CREATION_FAILED", "{result}");
        let message = result["errorMessage"].as_str().unwrap_or_default();
        ensure!(message.contains("敏感词“内幕”，没有内容被发出") && message.contains("请修改文字"), "{message}");
    }
    nothing_is_out(&world)?;
    let made_by = world.rows("t_moment_sync_task").await?.pop().context("no task")?["words_version"].clone();
    let deliveries = world.rows("t_moment_publish_unit").await?;
    ensure!(deliveries.len() == 2);
    for delivery in deliveries {
        let by = &delivery["words_version"];
        ensure!(by.len() == 32 && *by != made_by, "refused by {by}, made by {made_by}");
    }
    Ok(())
}

#[tokio::test]
async fn delivery_that_the_service_blocks_since_fails_and_sends_nothing() -> Result<()> {
    let mut world = world().await?;
    world.ask_service();
    let task = planned(&world).await?;
    world.sandbox.text_check().configure(|settings| settings.blocked = ["内幕".to_owned()].into());
    world.advance(Duration::from_secs(7_200));
    let status = recover(&world, task).await?;
    for result in results(&status)? {
        let code = &result["errorCode"];
        let message = result["errorMessage"].as_str().unwrap_or_default();
        ensure!(code == "MOMENT_SYNC_CREATION_FAILED" && message.contains("未通过内容审核"), "{result}");
    }
    nothing_is_out(&world)
}

#[tokio::test]
async fn delivery_whose_text_cannot_be_judged_waits_with_a_reason_and_goes_out_when_it_can() -> Result<()> {
    let mut world = world().await?;
    world.ask_service();
    let task = planned(&world).await?;
    let service = world.sandbox.text_check();
    service.arm(TextCheckFault::new(TextCheckEndpoint::Check, Effect::Http { status: 503 }).permanent());
    world.advance(Duration::from_secs(7_200));
    // Once for the task, once for its deliveries.
    for _ in 0..2 {
        world.drain_publications().await?;
        world.advance(Duration::from_secs(60));
        world.sweep().await?;
    }
    world.drain_publications().await?;
    let status = world.post_status(USER, task).await?;
    for result in results(&status)? {
        ensure!(result["reason"] == "内容审核暂时不可用，恢复后自动继续", "{result}");
        let until: jiff::Timestamp = result["nextActionAt"].as_str().context("no end")?.parse()?;
        ensure!(until > world.clock.now(), "{result}");
    }
    nothing_is_out(&world)?;
    service.clear_faults();
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

#[tokio::test]
async fn delivery_whose_text_can_never_be_judged_ends_as_missed() -> Result<()> {
    let mut world = world().await?;
    world.put_words("稳赚\n").await?;
    let task = planned(&world).await?;
    world.remove_words().await?;
    world.advance(Duration::from_secs(7_200));
    let status = recover(&world, task).await?;
    for result in results(&status)? {
        ensure!(result["errorCode"] == "MOMENT_PUBLISH_FAILED", "{result}");
        ensure!(
            result["errorMessage"].as_str().is_some_and(|message| message.contains("错过预定发布时间")),
            "{result}"
        );
    }
    nothing_is_out(&world)
}

/// One task with many accounts has one text, which the service is asked about once for all of them.
#[tokio::test]
async fn deliveries_of_one_task_ask_the_service_once() -> Result<()> {
    let mut world = world().await?;
    world.ask_service();
    let mut accounts = Vec::new();
    for number in 0..4 {
        accounts.push(world.connect_device(USER, &format!("phone-{number}")).await?);
    }
    let task = request(&world, &json!({"text": "早上好", "accountIds": accounts})).await?;
    let before = world.sandbox.text_check().checked();
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    // Each record of a batch may ask before another one's answer is there.
    let asked = world.sandbox.text_check().checked() - before;
    ensure!((1..=4).contains(&asked), "asked {asked} times");
    Ok(())
}
