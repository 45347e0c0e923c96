//! Row 7: the authorised accounts, and letting one go.

use std::time::Duration;

use anyhow::Result;
use sandbox::douyin::{Endpoint, Fault};
use serde_json::{Value, json};

use crate::contract::shape::{instant, shape};
use crate::contract::{USER, assert_enveloped, world};
use crate::{Event, World};

const DAY: i64 = 86_400;

async fn accounts(world: &World) -> Result<Value> {
    let answer = world.call_as(USER, Event::sample("douyin-accounts")?).await?;
    let data = answer.data().clone();
    assert_enveloped(&answer, 200, &data);
    Ok(data)
}

#[tokio::test]
async fn account_list_has_status_and_reauthorize_date() -> Result<()> {
    let world = world().await?;
    assert_eq!(accounts(&world).await?, json!([]));
    let shop = world.douyin_account("shop", 3);
    let begun = world.clock.now().as_second();
    world.authorize(USER, "shop").await?;
    let seen = accounts(&world).await?;
    let field_shapes = json!({
        "douyinUserId": "text", "nickname": "text", "avatarUrl": "text", "status": "text", "statusReason": "null",
        "scopes": ["text", "text"], "missingScopes": [], "lastSyncAt": "null", "nextSyncAt": "null",
        "reauthorizeBy": "time", "activeSyncTaskId": "null", "createTime": "time",
        "health": {"status": "text", "reason": "null", "since": "null"},
    });
    assert_eq!(shape(&seen), json!([field_shapes]));
    // 30 days of the first refresh token and at least 23 more from each of five renewals: see douyin-api.md §3.1.
    let mut expected = json!({
        "douyinUserId": shop, "nickname": seen[0]["nickname"], "avatarUrl": seen[0]["avatarUrl"], "status": "ACTIVE",
        "statusReason": null,
        "scopes": ["user_info", "fans.list"], "missingScopes": [], "lastSyncAt": null, "nextSyncAt": null,
        "activeSyncTaskId": null, "health": {"status": "OK", "reason": null, "since": null},
        "reauthorizeBy": instant(begun + (30 + 5 * 23) * DAY), "createTime": instant(begun),
    });
    assert_eq!(seen, json!([expected]));
    assert!(seen[0]["nickname"].as_str().is_some_and(|name| !name.is_empty()), "taken from the profile: {seen}");

    world.advance(Duration::from_secs(60));
    let task = world.request_sync(USER, &shop, "FULL").await?.data()["taskId"].clone();
    expected["activeSyncTaskId"] = task;
    assert_eq!(accounts(&world).await?, json!([expected]));
    world.drain().await?;
    (expected["activeSyncTaskId"], expected["lastSyncAt"]) = (json!(null), json!(instant(begun + 60)));
    expected["health"]["since"] = expected["lastSyncAt"].clone();
    let synced = accounts(&world).await?;
    expected["nextSyncAt"] = synced[0]["nextSyncAt"].clone();
    assert_eq!(synced, json!([expected]));
    let next: jiff::Timestamp = synced[0]["nextSyncAt"].as_str().expect("it is synced by itself").parse()?;
    assert!((DAY / 2..=3 * DAY / 2).contains(&(next.as_second() - begun - 60)), "daily, at a time of its own: {next}");

    // Douyin's own word on the refresh token ends the authorisation; a new one starts everything over.
    world.advance(Duration::from_secs(16 * 86_400));
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, 10_010));
    assert_eq!(world.sync(USER, &shop, "INCREMENTAL").await?["status"], "FAILED");
    let expired = accounts(&world).await?;
    assert_eq!((&expired[0]["status"], &expired[0]["lastSyncAt"]), (&json!("EXPIRED"), &expected["lastSyncAt"]));
    let reason = "该抖音账号的授权已过期。请重新授权该抖音账号后再试";
    let health = json!({"status": "FAILING", "reason": reason, "since": instant(world.clock.now().as_second())});
    assert_eq!((&expired[0]["health"], &expired[0]["nextSyncAt"]), (&health, &json!(null)));
    world.authorize(USER, "shop").await?;
    expected["reauthorizeBy"] = json!(instant(world.clock.now().as_second() + (30 + 5 * 23) * DAY));
    // What failed before is no matter of the new authorisation, whose first sync was taken out of the way here.
    expected["nextSyncAt"] = json!(null);
    assert_eq!(accounts(&world).await?, json!([expected]));
    world.expect_empty_queues().await
}

#[tokio::test]
async fn account_delete_removes_the_tokens_and_keeps_the_leads() -> Result<()> {
    let world = world().await?;
    let shop = world.douyin_account("shop", 5);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let leads = world.rows("t_douyin_lead").await?;
    let task = world.request_sync(USER, &shop, "FULL").await?.data()["taskId"].as_str().unwrap().to_owned();

    let delete = Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
    let answer = world.call_as(USER, delete.clone()).await?;
    assert_enveloped(&answer, 200, &json!({ "douyinUserId": shop }));
    assert_eq!(accounts(&world).await?, json!([]));
    assert_eq!(world.rows("t_douyin_auth").await?.len(), 0, "nothing of its tokens is left");
    assert_eq!(world.rows("t_douyin_lead").await?, leads);
    let ended = world.progress(USER, &task).await?;
    assert_eq!((&ended["status"], &ended["error"]["type"]), (&json!("FAILED"), &json!("DOUYIN_LEAD_SYNC_ERROR")));
    assert_eq!(world.call_as(USER, delete).await?.status, 404, "there is nothing left to disconnect");
    world.drain().await?;
    assert_eq!(world.rows("t_douyin_lead").await?, leads);
    world.expect_empty_queues().await
}
