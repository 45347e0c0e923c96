//! The caller's key for a request: whoever is not answered asks again, and gets one task whatever happens.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::json;

use crate::moments::bad_input::{CONTENT, Desk, STRANGER, USER, task_of};
use crate::snapshot::ExpectedError;
use crate::{Answer, Event};

/// Everything of an answer but the request id.
fn said(answer: &Answer) -> (u16, serde_json::Value) {
    (answer.status, answer.body.clone())
}

async fn tasks(desk: &Desk) -> Result<usize> {
    Ok(desk.world.rows("t_moment_sync_task").await?.len())
}

#[tokio::test]
async fn idempotency_key_with_the_same_request_is_one_task() -> Result<()> {
    let mut desk = Desk::open().await?;
    let time = desk.at(3_600);
    let event = desk.post(json!({"scheduledTime": time}))?.header("idempotency-key", "key-1");
    let first = desk.world.call(&event).await?;
    let task = task_of(&first)?;
    desk.settle().await?;
    for _ in 0..3 {
        ensure!(said(&desk.world.call(&event).await?) == said(&first));
    }
    // The order of the fields is nothing the caller decides.
    let device = &desk.device;
    let turned = format!(
        r#"{{"force":["DUPLICATE_CONTENT"],"scheduledTime":"{time}","accountIds":["{device}"], "text":"早上好"}}"#
    );
    ensure!(said(&desk.world.call(&event.clone().body(&turned)).await?) == said(&first));
    // Nor is what a form sends for fields nobody filled in.
    let filled = json!({"scheduledTime": time, "contentId": "", "mediaUrls": []});
    let form = desk.post(filled)?.header("idempotency-key", "key-1");
    ensure!(said(&desk.world.call(&form).await?) == said(&first), "a form");
    desk.world.snapshot().await?.assert_unchanged_since(&desk.before, "repetitions");

    // Even when its time is over, and when it was called off: an answer is not asked for a second time.
    let cancel = desk.event("moment-task-cancel")?.path("taskId", &task.to_string());
    ensure!(desk.world.call(&cancel).await?.status == 200);
    desk.world.advance(Duration::from_secs(7_200));
    desk.settle().await?;
    ensure!(said(&desk.world.call(&event).await?) == said(&first), "a task called off");
    desk.world.snapshot().await?.assert_unchanged_since(&desk.before, "a repetition after calling off");

    // A day later the key is as good as new, so the same request is one for another task.
    desk.world.advance(Duration::from_secs(86_400));
    let again = desk.post(json!({"text": "又一天"}))?.header("idempotency-key", "key-1");
    ensure!(desk.grants("a day later", &again).await? != task);
    Ok(())
}

#[tokio::test]
async fn idempotency_key_used_ten_times_at_once_is_one_task() -> Result<()> {
    let desk = Desk::open().await?;
    let event = desk.post(json!({}))?.header("idempotency-key", "key-1");
    let answers = try_join_all((0..10).map(|_| desk.world.call(&event))).await?;
    let distinct: BTreeSet<String> = answers.iter().map(|answer| format!("{:?}", said(answer))).collect();
    ensure!(distinct.len() == 1 && answers[0].status == 202, "{distinct:?}");
    ensure!(tasks(&desk).await? == 1);
    desk.publishes("ten at once", task_of(&answers[0])?).await?;
    ensure!(desk.world.sandbox.gewe().published_posts().len() == 1);
    Ok(())
}

#[tokio::test]
async fn idempotency_key_with_another_request_is_refused() -> Result<()> {
    let mut desk = Desk::open().await?;
    let other = desk.world.connect_device(USER, "other").await?;
    let time = desk.at(3_600);
    let event = desk.post(json!({"scheduledTime": time}))?.header("idempotency-key", "key-1");
    desk.grants("the first", &event).await?;
    desk.settle().await?;
    for (what, changes) in [
        ("another text", json!({"text": "晚上好", "scheduledTime": time})),
        ("another time", json!({"scheduledTime": desk.at(3_601)})),
        ("at once", json!({})),
        ("another account", json!({"accountIds": [other], "scheduledTime": time})),
        ("one more account", json!({"accountIds": [desk.device, other], "scheduledTime": time})),
        ("media", json!({"mediaUrls": ["https://cdn.example.com/a.jpg"], "scheduledTime": time})),
        ("a draft", json!({"contentId": 7, "scheduledTime": time})),
        ("nothing at all", json!({"text": "", "scheduledTime": time})),
    ] {
        let event = desk.post(changes)?.header("idempotency-key", "key-1");
        let remedy = "请为新的任务使用新的 Idempotency-Key";
        desk.refuses(what, &event, &CONTENT, remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn idempotency_key_belongs_to_its_user_and_to_an_accepted_request() -> Result<()> {
    let desk = Desk::open().await?;
    let foreign = desk.world.connect_device(STRANGER, "foreign").await?;
    let keyed = |event: Event| event.header("idempotency-key", "key-1");
    // What was refused can be mended under its key.
    let refused = desk.world.call(&keyed(desk.post(json!({"text": ""}))?)).await?;
    CONTENT.on(&["text"]).check("refused", &refused);
    let mine = desk.grants("mended", &keyed(desk.post(json!({}))?)).await?;
    let body = json!({"text": "早上好", "accountIds": [foreign]});
    let theirs = keyed(desk.world.sample_as(STRANGER, "moment-sync")?).json(&body);
    ensure!(desk.grants("another user's", &theirs).await? != mine);
    // Keys differ by every character.
    for key in ["KEY-1", "key-1x", "key-2", "moments#key-1", "key-1,key-1", &"k".repeat(255)] {
        let event = desk.post(json!({}))?.header("idempotency-key", key);
        ensure!(desk.grants(key, &event).await? != mine, "{key}");
    }
    // Without one, everybody who asks twice means it.
    let (one, two) =
        (desk.grants("no key", &desk.post(json!({}))?).await?, desk.grants("no key", &desk.post(json!({}))?).await?);
    ensure!(one != two && tasks(&desk).await? == 10);
    Ok(())
}

#[tokio::test]
async fn idempotency_key_that_is_malformed_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let long = "k".repeat(256);
    for key in ["", " ", "two words", "键", "clé", "a\tb", "🔑", &long] {
        let event = desk.post(json!({}))?.header("idempotency-key", key);
        let refusal = ExpectedError::fields(&["Idempotency-Key"]);
        desk.refuses(&format!("{key:.20?}"), &event, &refusal, "须为 1 到 255 个可见的英文字符").await?;
    }
    Ok(())
}
