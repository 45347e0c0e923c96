//! An app without the capability `fans.list`, which Douyin grants to hardly any new app.

use anyhow::{Context, Result};
use sandbox::SandboxConfig;
use serde_json::{Value, json};

use super::{SHOP, USER, account, by_themselves};
use crate::{Browser, Event, World};

const REASON: &str = "应用未开通粉丝列表能力，暂时无法同步粉丝。已有线索不受影响；请联系存客宝客服了解其他获客方式";

#[tokio::test]
async fn app_without_the_capability_asks_for_nothing_it_has_not_got_and_syncs_nothing() -> Result<()> {
    let mut config = SandboxConfig::default();
    config.douyin.app.scopes.remove("fans.list");
    let mut world = World::around(config).await?;
    let shop = world.douyin_account(SHOP, 5);
    // Where the setting says otherwise, Douyin's page refuses to ask.
    assert!(world.authorize(USER, SHOP).await.is_err(), "the platform would not know this app");

    world.set("DOUYIN_FANS_LIST", "0");
    let link = Browser::default().link(&world, USER, None).await?;
    let asked = url::Url::parse(&link)?;
    let scope = asked.query_pairs().find(|(name, _)| name == "scope").context("no scope")?.1.into_owned();
    assert_eq!(scope, "user_info");
    world.authorize_and_sync(USER, SHOP).await?;
    assert_eq!(world.rows("t_douyin_sync_task").await?.len(), 0, "no sync starts that Douyin would refuse");

    let refused = world.request_sync(USER, &shop, "FULL").await?;
    assert_eq!((refused.status, refused.error_type()), (400, "DOUYIN_LEAD_SYNC_ERROR"), "{refused:?}");
    assert_eq!(refused.body["message"], "应用未开通粉丝列表能力，暂时无法同步粉丝");
    let told = account(&world).await?;
    assert_eq!(told["health"], json!({"status": "UNAVAILABLE", "reason": REASON, "since": null}), "{told}");
    assert_eq!((&told["status"], &told["nextSyncAt"]), (&json!("ACTIVE"), &Value::Null));
    assert_eq!(world.sandbox.journal().of("fans/list").len(), 0);
    world.expect_empty_queues().await
}

/// Accounts that were synced while the app had the capability stay as they are.
#[tokio::test]
async fn app_that_has_the_capability_no_more_starts_no_sync() -> Result<()> {
    let mut world = super::synced().await?;
    super::move_to(&world, super::next(&world).await?);
    world.set("DOUYIN_FANS_LIST", "0");
    world.sweep().await?;
    assert_eq!((by_themselves(&world).await?.len(), world.drain().await?), (0, 0));
    assert_eq!(account(&world).await?["health"]["status"], "UNAVAILABLE");
    assert_eq!(world.leads(USER, &[]).await?.data()["total"], 5);
    let list = world.call_as(USER, Event::sample("douyin-fans-sync-tasks")?.query(&[])).await?;
    assert_eq!(list.data()["total"], 1, "{list:?}");
    world.set("DOUYIN_FANS_LIST", "1");
    world.sweep().await?;
    world.drain().await?;
    assert_eq!(by_themselves(&world).await?.len(), 1, "with it again, they go on");
    Ok(())
}
