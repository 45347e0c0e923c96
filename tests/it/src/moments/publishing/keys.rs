//! The caller's key for a request about a task: whoever is not answered asks again, and nothing is started twice.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use serde_json::{Value, json};

use super::{USER, call, recover, request, world};
use crate::proxy::{Fault, Proxy, When};
use crate::{Answer, Event, World};

const REUSED: &str = "请为新的任务使用新的 Idempotency-Key";

fn about(function: &str, task: u64, key: &str) -> Result<Event> {
    Ok(Event::sample(function)?.path("taskId", &task.to_string()).header("idempotency-key", key))
}

fn published(world: &World) -> usize {
    world.sandbox.journal().publications().len()
}

fn is_reused(answer: &Answer) -> bool {
    answer.status == 422 && answer.body.to_string().contains(REUSED)
}

#[tokio::test]
async fn publish_now_repeated_under_its_key_starts_nothing_again() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "phone").await?;
    let timed = async |text: &str| {
        let time = (world.clock.now() + SignedDuration::from_hours(2)).to_string();
        request(&world, &json!({"text": text, "accountIds": [account], "scheduledTime": time})).await
    };
    let task = timed("第一条").await?;
    let event = about("moment-task-publish-now", task, "key-1")?;
    ensure!(world.call_as(USER, event.clone()).await?.status == 202);
    ensure!(recover(&world, task).await?["status"] == "COMPLETED");
    let depth = world.depth(world.publish_queue_url()?).await?;
    let again = world.call_as(USER, event).await?;
    ensure!(again.status == 202 && again.data()["status"] == "COMPLETED", "{again:?}");
    ensure!(world.depth(world.publish_queue_url()?).await? == depth, "a message was sent");

    // Another task is another request; and a key of a retry is another key.
    let other = timed("第二条").await?;
    let refused = world.call_as(USER, about("moment-task-publish-now", other, "key-1")?).await?;
    ensure!(is_reused(&refused), "{refused:?}");
    ensure!(world.post_status(USER, other).await?["status"] == "PENDING");
    let unfit = world.call_as(USER, about("moment-task-publish-now", other, "two words")?).await?;
    ensure!(unfit.status == 400, "{unfit:?}");
    // A day later the key is as good as new.
    world.advance(Duration::from_secs(86_400));
    let third = timed("第三条").await?;
    ensure!(world.call_as(USER, about("moment-task-publish-now", third, "key-1")?).await?.status == 202);
    Ok(())
}

#[tokio::test]
async fn retry_repeated_under_its_key_starts_nothing_again() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "phone").await?;
    let refusal = || Effect::Code { code: 500, message: Some("content不可为空".to_owned()) };
    let refuse = || world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, refusal()));
    refuse();
    let task = request(&world, &json!({"text": "新品到店", "accountIds": [account]})).await?;
    ensure!(recover(&world, task).await?["status"] == "FAILED");
    refuse();
    let event = |body: &Value| Ok::<_, anyhow::Error>(about("moment-task-retry", task, "key-1")?.json(body));
    ensure!(world.call_as(USER, event(&json!({}))?).await?.status == 202);
    ensure!(recover(&world, task).await?["status"] == "FAILED");
    let calls = || world.sandbox.journal().of("sns/sendTextSns").len();
    let before = calls();

    // It failed again, and the same request is answered with that; what it leaves out may be said.
    for body in [json!({}), json!({"includeUnconfirmed": false, "force": null})] {
        let again = world.call_as(USER, event(&body)?).await?;
        ensure!(again.status == 202 && again.data()["status"] == "FAILED", "{again:?}");
    }
    for body in [json!({"accountIds": [account]}), json!({"includeUnconfirmed": true})] {
        let refused = world.call_as(USER, event(&body)?).await?;
        ensure!(is_reused(&refused), "{body}: {refused:?}");
    }
    ensure!(recover(&world, task).await?["status"] == "FAILED" && calls() == before, "it was sent again");
    let unfit = world.call_as(USER, about("moment-task-retry", task, "")?.json(&json!({}))).await?;
    ensure!(unfit.status == 400, "{unfit:?}");

    let next = world.call_as(USER, about("moment-task-retry", task, "key-2")?.json(&json!({}))).await?;
    ensure!(next.status == 202, "{next:?}");
    ensure!(recover(&world, task).await?["status"] == "COMPLETED" && published(&world) == 1);
    Ok(())
}

/// Fifty accounts do not fit one transaction. The key is written with the last: what a dead request has left, its
/// repetition does.
#[tokio::test]
async fn retry_that_dies_before_its_last_transaction_is_continued_by_its_repetition() -> Result<()> {
    for when in [When::Before, When::After] {
        let world = world().await?;
        let mut accounts = Vec::new();
        for number in 0..50 {
            accounts.push(world.connect_device(USER, &format!("phone-{number}")).await?);
        }
        world.sandbox.gewe().arm(GeweFault::lost_answer(GeweEndpoint::SendText).permanent());
        for list in [GeweEndpoint::List, GeweEndpoint::ContactList] {
            world.sandbox.gewe().arm(GeweFault::new(list, Effect::Http { status: 502 }).permanent());
        }
        let task = request(&world, &json!({"text": "新品到店", "accountIds": accounts})).await?;
        ensure!(recover(&world, task).await?["status"] == "FAILED");
        world.sandbox.gewe().clear_faults();

        let event = about("moment-task-retry", task, "key-1")?.json(&json!({"includeUnconfirmed": true}));
        let proxy = Proxy::start(&world).await?;
        proxy.arm("TransactWriteItems t_moment_sync_task", 2, Fault::Kill(when));
        ensure!(call(&world, &proxy, &event).await?.is_none(), "there was no second transaction");
        let keys = world.rows("t_idempotency").await?;
        let is_noted = keys.iter().any(|row| row["idempotency_key"] == "moments-retry#key-1");
        ensure!(is_noted == (when == When::After), "{when:?}");
        let status = recover(&world, task).await?;
        let counts = status["counts"].as_object().context("no counts")?;
        ensure!((counts["failed"] == 0) == is_noted, "{when:?}: {status}");

        let again = world.call_as(USER, event.clone()).await?;
        ensure!(again.status == 202, "{again:?}");
        ensure!(recover(&world, task).await?["status"] == "COMPLETED");
        ensure!(world.call_as(USER, event).await?.status == 202);
        ensure!(published(&world) == 50 && world.sandbox.journal().published_twice().is_empty());
    }
    Ok(())
}
