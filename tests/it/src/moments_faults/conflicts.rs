//! Writes of one row that meet a transaction about the same row: they are made a moment later, and nobody notices.

use anyhow::{Result, ensure};
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
async fn notice_whose_write_meets_conflicts_is_taken() -> Result<()> {
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
