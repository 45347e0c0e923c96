//! Writes of one row that meet a transaction about the same row: they are made a moment later, and nobody notices.

use anyhow::{Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use serde_json::json;

use super::{USER, call, live, recover, request, world};
use crate::Event;
use crate::proxy::{Fault, Proxy};
use crate::world::GATEWAY_WEBHOOK_SECRET;

const CONFLICTS: u32 = 5;

fn conflict() -> Fault {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionConflictException";
    Fault::Answer(400, json!({"__type": kind, "message": "Transaction is ongoing for the item"}).to_string())
}

#[tokio::test]
async fn publisher_whose_writes_meet_conflicts_publishes_at_once() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "phone").await?;
    let body = json!({"text": "你好", "accountIds": [account]});
    let task = request(&world, &body).await?;
    let proxy = Proxy::start(&world).await?;
    for row in ["UpdateItem t_moment_publish_unit", "UpdateItem t_wechat_account"] {
        proxy.arm_times(row, 1, CONFLICTS, conflict());
    }
    ensure!(live(&world, &proxy).await?.is_none(), "the publisher died");
    assert_eq!(world.post_status(USER, task).await?["status"], "COMPLETED", "without the sweeper's help");
    recover(&world, task).await?;
    Ok(())
}

#[tokio::test]
async fn gateway_notice_whose_write_meets_conflicts_is_applied() -> Result<()> {
    let world = world().await?;
    world.connect_device(USER, "phone").await?;
    let notice = Event::sample("gateway-webhook")?.path("secret", GATEWAY_WEBHOOK_SECRET);
    let offline = notice.json(&world.sandbox.gewe().offline_message("phone").unwrap());
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("UpdateItem t_wechat_account", 1, CONFLICTS, conflict());
    let answer = call(&world, &proxy, &offline).await?;
    assert_eq!(answer.map(|answer| answer.status), Some(200));
    let listed = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    assert_eq!(listed.data()[0]["status"], "OFFLINE");
    Ok(())
}

/// The task is changed by others all the time, and no list of the platform can be read: the answer was written on the
/// delivery first, so whoever comes next tells it.
#[tokio::test]
async fn publish_answer_with_a_contended_task_is_not_lost() -> Result<()> {
    let world = world().await?;
    let account = world.connect_device(USER, "phone").await?;
    let task = request(&world, &json!({"text": "你好", "accountIds": [account]})).await?;
    for list in [GeweEndpoint::List, GeweEndpoint::ContactList] {
        world.sandbox.gewe().arm(GeweFault::new(list, Effect::Http { status: 502 }).permanent());
    }
    let proxy = Proxy::start(&world).await?;
    let reasons = ["None", "None", "ConditionalCheckFailed", "None"].map(|code| json!({"Code": code}));
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let refused = json!({"__type": kind, "message": "cancelled", "CancellationReasons": reasons}).to_string();
    proxy.arm_times("TransactWriteItems t_moment_publish_unit", 2, 1_000, Fault::Answer(400, refused));
    ensure!(live(&world, &proxy).await?.is_none(), "the publisher died");
    assert_eq!(world.post_status(USER, task).await?["status"], "PROCESSING");
    let status = recover(&world, task).await?;
    let post = world.sandbox.journal().publications_of("phone").remove(0);
    ensure!(status["results"][0]["momentId"] == post.id.as_str(), "{status}");
    ensure!(world.sandbox.journal().publications().len() == 1);
    Ok(())
}
