//! Rows 3 and 4: asking for a sync, and asking how it goes.

use anyhow::Result;
use functions::workers::douyin_fan_sync_worker;
use sandbox::douyin::{Decision, Endpoint, Fault};
use serde_json::json;

use crate::contract::shape::{instant, shape};
use crate::contract::{USER, assert_enveloped, tidy, world};
use crate::world::EndpointOverrides;
use crate::{Answer, Event, World};

async fn ask(world: &World, body: &serde_json::Value) -> Result<Answer> {
    world.call_as(USER, Event::sample("douyin-fans-sync")?.json(body)).await
}

#[tokio::test]
async fn fan_sync_is_accepted_and_shown_as_running_until_it_ends() -> Result<()> {
    let world = world().await?;
    tidy(&world);
    let shop = world.douyin_account("shop", 50);
    world.authorize(USER, "shop").await?;
    let now = instant(world.clock.now().as_second());
    let said = "粉丝数据同步中";

    let accepted = ask(&world, &json!({ "douyinUserId": shop })).await?;
    let task = accepted.data()["taskId"].as_str().expect("taskId is a text").to_owned();
    assert!(task.parse::<u64>().is_ok_and(|id| id < 1 << 53), "{task}");
    assert_enveloped(
        &accepted,
        202,
        &json!({"taskId": task, "status": "PENDING", "strategy": "INCREMENTAL", "message": said}),
    );
    // It is told that the one that runs is not the one that was asked for.
    let again = ask(&world, &json!({"douyinUserId": shop, "syncStrategy": "FULL"})).await?;
    let running = json!({"taskId": task, "status": "PENDING", "strategy": "INCREMENTAL", "message": said});
    assert_enveloped(&again, 200, &running);
    let mut expected = json!({
        "taskId": task, "douyinUserId": shop, "status": "PENDING", "strategy": "INCREMENTAL", "startedBy": "USER",
        "pages": 0, "seen": 0, "created": 0, "updated": 0, "unchanged": 0, "skipped": 0, "unfollowed": 0, "total": null,
        "createTime": now, "startedAt": null, "finishedAt": null,
        "nextActionAt": world.clock.now().to_string(), "waitsFor": null, "reason": null, "error": null,
    });
    let progress = world.call_as(USER, Event::sample("douyin-fans-sync-task")?.path("taskId", &task)).await?;
    expected["nextActionAt"] = progress.data()["nextActionAt"].clone();
    assert_eq!(shape(&expected["nextActionAt"]), "time");
    assert_enveloped(&progress, 200, &expected);

    // The second page is refused for a moment, so that the worker pauses half-way.
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 28_003_018).on_page(2));
    let worker = douyin_fan_sync_worker::App::new(
        &world.context("douyin-fan-sync-worker", &EndpointOverrides::default()).await?,
    )
    .await?;
    assert_eq!(world.run_batch(&worker, world.receive().await?).await?, 1);
    let running = ask(&world, &json!({ "douyinUserId": shop })).await?;
    let expected_answer = json!({"taskId": task, "status": "PROCESSING", "strategy": "INCREMENTAL", "message": said});
    assert_enveloped(&running, 200, &expected_answer);
    let progress = world.progress(USER, &task).await?;
    assert_eq!(shape(&progress["nextActionAt"]), "time");
    let counters =
        json!({"pages": 1, "seen": 20, "created": 20, "total": 50, "startedAt": now, "status": "PROCESSING"});
    expected.as_object_mut().unwrap().extend(counters.as_object().unwrap().clone());
    expected["nextActionAt"] = progress["nextActionAt"].clone();
    (expected["waitsFor"], expected["reason"]) = (json!("RATE_LIMIT"), json!("抖音接口请求过于频繁，稍后自动继续"));
    assert_eq!(progress, expected);

    world.drain().await?;
    let counters = json!({"pages": 3, "seen": 50, "created": 50, "status": "COMPLETED"});
    expected.as_object_mut().unwrap().extend(counters.as_object().unwrap().clone());
    (expected["finishedAt"], expected["nextActionAt"]) = (json!(now), json!(null));
    (expected["waitsFor"], expected["reason"]) = (json!(null), json!(null));
    assert_eq!(world.progress(USER, &task).await?, expected);

    let anew = ask(&world, &json!({"douyinUserId": shop, "syncStrategy": "FULL"})).await?;
    assert_eq!((anew.status, &anew.data()["strategy"]), (202, &json!("FULL")), "{anew:?}");
    // Null is what many clients write for what they leave out.
    let again = ask(&world, &json!({"douyinUserId": shop, "syncStrategy": null})).await?;
    assert_eq!((again.status, &again.data()["strategy"]), (200, &json!("FULL")), "{again:?}");
    let next = anew.data()["taskId"].as_str().unwrap().to_owned();
    assert_ne!(next, task, "a sync that has ended is not found running");
    world.drain().await?;
    let full = world.progress(USER, &next).await?;
    assert_eq!((&full["strategy"], &full["status"]), (&json!("FULL"), &json!("COMPLETED")), "{full}");
    assert_eq!((&full["unchanged"], &full["created"]), (&json!(50), &json!(0)), "{full}");
    world.expect_empty_queues().await
}

#[tokio::test]
async fn fan_sync_that_failed_says_why_and_what_to_do() -> Result<()> {
    let world = world().await?;
    let shop = world.douyin_account("shop", 5);
    world.authorize(USER, "shop").await?;
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 28_001_016));
    let progress = world.sync(USER, &shop, "INCREMENTAL").await?;
    let now = instant(world.clock.now().as_second());
    let expected = json!({
        "taskId": progress["taskId"], "douyinUserId": shop, "status": "FAILED", "strategy": "INCREMENTAL", "startedBy": "USER",
        "pages": 0, "seen": 0, "created": 0, "updated": 0, "unchanged": 0, "skipped": 0, "unfollowed": 0, "total": null,
        "createTime": now, "startedAt": now, "finishedAt": now, "nextActionAt": null, "waitsFor": null, "reason": null,
        "error": {
            "type": "DOUYIN_API_ERROR",
            "message": "存客宝在抖音开放平台的应用配置或能力不可用",
            "reason": "请联系存客宝客服处理，无需重新授权",
        },
    });
    assert_eq!(progress, expected);

    // The user may withhold what a sync needs; that is for them to mend, not for an operator.
    let decision = Decision { approve: true, untick: vec!["fans.list".to_owned()] };
    assert_eq!(world.call(&world.consent(USER, "shop", &decision).await?).await?.status, 200);
    let progress = world.sync(USER, &shop, "INCREMENTAL").await?;
    let error = json!({
        "type": "DOUYIN_AUTH_ERROR",
        "message": "抖音账号未授予粉丝列表权限",
        "reason": "请重新授权，并在抖音授权页勾选全部权限",
    });
    assert_eq!((&progress["status"], &progress["error"]), (&json!("FAILED"), &error));
    let accounts = world.call_as(USER, Event::sample("douyin-accounts")?).await?;
    assert_eq!(accounts.data()[0]["scopes"], json!(["user_info"]), "what was granted, not what was asked");
    world.expect_empty_queues().await
}

#[tokio::test]
async fn waiting_sync_says_why_and_since_when_it_is_worked_on_no_more() -> Result<()> {
    // The day's quota and a pause of risk control, a token refused twice, and a platform that is down.
    for (code, waits_for, reason) in [
        (28_003_017, "QUOTA", "今日抖音接口调用额度已用完，额度于北京时间 08:00 恢复后自动继续"),
        (28_001_052, "RATE_LIMIT", "抖音接口请求过于频繁，稍后自动继续"),
        (2_190_008, "TOKEN", "抖音暂未接受该账号的授权，稍后自动再次确认"),
        (2_100_004, "OUTAGE", "抖音服务暂时不可用，稍后自动继续"),
    ] {
        let world = world().await?;
        tidy(&world);
        let shop = world.douyin_account("shop", 50);
        world.authorize(USER, "shop").await?;
        world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, code).times(2).on_page(2));
        let task = ask(&world, &json!({ "douyinUserId": shop })).await?.data()["taskId"].clone();
        let task = task.as_str().expect("taskId is a text");
        let worker = douyin_fan_sync_worker::App::new(
            &world.context("douyin-fan-sync-worker", &EndpointOverrides::default()).await?,
        )
        .await?;
        world.run_batch(&worker, world.receive().await?).await?;
        let progress = world.progress(USER, task).await?;
        assert_eq!((&progress["waitsFor"], &progress["reason"]), (&json!(waits_for), &json!(reason)), "{progress}");
        assert_eq!(shape(&progress["nextActionAt"]), "time", "{progress}");
        // With the next page it waits for nothing any more.
        for _ in 0..2 {
            world.advance(std::time::Duration::from_secs(90_000));
            world.sweep().await?;
            world.drain().await?;
        }
        let progress = world.progress(USER, task).await?;
        assert_eq!((&progress["status"], &progress["reason"]), (&json!("COMPLETED"), &json!(null)), "{progress}");
    }
    Ok(())
}
