//! Row 3b: the syncs in pages, and ending one.

use anyhow::Result;
use functions::workers::douyin_fan_sync_worker;
use sandbox::douyin::{Endpoint, Fault};
use serde_json::{Value, json};

use crate::contract::{USER, assert_enveloped, tidy, world};
use crate::snapshot::ExpectedError;
use crate::world::EndpointOverrides;
use crate::{Answer, Event, World};

async fn list(world: &World, query: &[(&str, &str)]) -> Result<Answer> {
    world.call_as(USER, Event::sample("douyin-fans-sync-tasks")?.query(query)).await
}

async fn cancel(world: &World, task: &str) -> Result<Answer> {
    world.call_as(USER, Event::sample("douyin-fans-sync-cancel")?.path("taskId", task)).await
}

#[tokio::test]
async fn syncs_are_listed_newest_first_of_all_accounts_or_of_one() -> Result<()> {
    let world = world().await?;
    let page = |records: &[Value], page: usize, size: usize| {
        let shown: Vec<&Value> = records.iter().skip((page - 1) * size).take(size).collect();
        let pages = records.len().div_ceil(size);
        json!({"records": shown, "total": records.len(), "size": size, "current": page, "pages": pages})
    };
    assert_enveloped(&list(&world, &[]).await?, 200, &page(&[], 1, 10));
    let mut all: Vec<Value> = Vec::new();
    let (mut shops, mut tasks) = (Vec::new(), Vec::new());
    for name in ["shop", "branch"] {
        let shop = world.douyin_account(name, 5);
        world.authorize_and_sync(USER, name).await?;
        world.drain().await?;
        shops.push(shop);
    }
    for (number, strategy) in ["INCREMENTAL", "FULL", "FULL"].into_iter().enumerate() {
        world.advance(std::time::Duration::from_secs(1));
        tasks.push(world.sync(USER, &shops[number % 2], strategy).await?);
    }
    let shown = list(&world, &[]).await?;
    assert_eq!(shown.status, 200, "{shown:?}");
    let records = shown.data()["records"].as_array().unwrap().clone();
    let started_by: Vec<&str> = records.iter().map(|task| task["startedBy"].as_str().unwrap()).collect();
    assert_eq!(started_by, ["USER", "USER", "USER", "AUTHORIZATION", "AUTHORIZATION"]);
    // Each record is what the task itself shows.
    for record in &records {
        all.push(world.progress(USER, record["taskId"].as_str().unwrap()).await?);
    }
    tasks.reverse();
    assert_eq!(all[..3], tasks, "newest first");
    assert_enveloped(&shown, 200, &page(&all, 1, 10));
    assert_enveloped(&list(&world, &[("size", "2"), ("page", "2")]).await?, 200, &page(&all, 2, 2));
    assert_enveloped(&list(&world, &[("page", "9")]).await?, 200, &page(&all, 9, 10));
    for shop in &shops {
        let own: Vec<Value> = all.iter().filter(|task| task["douyinUserId"] == *shop).cloned().collect();
        assert_enveloped(&list(&world, &[("douyinUserId", shop)]).await?, 200, &page(&own, 1, 10));
        let second = [("douyinUserId", shop.as_str()), ("size", "1"), ("page", "2")];
        assert_enveloped(&list(&world, &second).await?, 200, &page(&own, 2, 1));
    }
    // Nobody's account has no syncs, and what is no id of an account is nobody's.
    for nobody in ["nobody", " ", &"x".repeat(5_000)] {
        assert_eq!(list(&world, &[("douyinUserId", nobody)]).await?.data()["total"], 0, "{nobody:.9}");
    }
    world.expect_empty_queues().await
}

#[tokio::test]
async fn cancelled_sync_keeps_its_leads_and_frees_its_account_at_once() -> Result<()> {
    let world = world().await?;
    tidy(&world);
    let shop = world.douyin_account("shop", 50);
    world.authorize(USER, "shop").await?;
    let task = world.request_sync(USER, &shop, "INCREMENTAL").await?.data()["taskId"].as_str().unwrap().to_owned();
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 28_001_052).on_page(2));
    let worker = douyin_fan_sync_worker::App::new(
        &world.context("douyin-fan-sync-worker", &EndpointOverrides::default()).await?,
    )
    .await?;
    world.run_batch(&worker, world.receive().await?).await?;
    let mut expected = world.progress(USER, &task).await?;
    assert_eq!((&expected["status"], &expected["created"]), (&json!("PROCESSING"), &json!(20)));

    let row = async || anyhow::Ok(world.rows("t_douyin_sync_task").await?.remove(0));
    assert_eq!(row().await?.get("expires_at"), None, "a sync that has not ended stays");
    let cancelled = cancel(&world, &task).await?;
    let in_90_days = world.clock.now().as_second() + 90 * 86_400;
    assert_eq!(row().await?["expires_at"], in_90_days.to_string());
    for name in ["nextActionAt", "waitsFor", "reason"] {
        expected[name] = Value::Null;
    }
    expected["status"] = json!("CANCELLED");
    expected["finishedAt"] = json!(crate::contract::shape::instant(world.clock.now().as_second()));
    assert_enveloped(&cancelled, 200, &expected);
    assert_eq!(world.leads(USER, &[]).await?.data()["total"], 20);
    let again = cancel(&world, &task).await?;
    assert_eq!((again.status, again.error_type()), (409, "CONFLICT"), "{again:?}");
    assert_eq!(again.body["message"], "任务已结束，不能取消");

    // Neither its message nor the sweeper takes it up again, and the next sync is a new one.
    world.advance(std::time::Duration::from_secs(4_000));
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(world.progress(USER, &task).await?, expected);
    let anew = world.sync(USER, &shop, "INCREMENTAL").await?;
    assert_eq!((&anew["status"], &anew["created"]), (&json!("COMPLETED"), &json!(30)), "{anew}");
    let late = cancel(&world, anew["taskId"].as_str().unwrap()).await?;
    assert_eq!(late.status, 409, "{late:?}");
    let absent = cancel(&world, "7352904600000002").await?;
    ExpectedError::new(404, "NOT_FOUND").check("no such sync", &absent);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn pages_of_syncs_that_are_none_are_refused_by_name() -> Result<()> {
    let world = world().await?;
    for (name, value) in
        [("page", "0"), ("page", "x"), ("size", "101"), ("size", "0"), ("douyinUserID", "a"), ("status", "FAILED")]
    {
        let answer = list(&world, &[(name, value)]).await?;
        ExpectedError::fields(&[name]).check(&format!("{name}={value}"), &answer);
    }
    Ok(())
}
