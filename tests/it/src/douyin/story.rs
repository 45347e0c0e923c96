//! The whole story of the Douyin side, undisturbed: authorise, sync, list, work, sync again.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use sandbox::douyin::FanChange;
use serde_json::json;

use crate::{Event, World};

const USER: u64 = 1001;

#[tokio::test]
async fn douyin_story_of_fans_makes_leads_that_are_listed_found_and_changed() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 137);
    let shop = world.authorize(USER, "shop").await?;

    let progress = world.sync(USER, &shop, "INCREMENTAL").await?;
    assert_eq!(progress["status"], "COMPLETED", "{progress}");
    assert_eq!((&progress["created"], &progress["total"]), (&json!(137), &json!(137)), "{progress}");

    let fans = world.sandbox.douyin().fans("shop").unwrap();
    let page = world.leads(USER, &[("size", "100")]).await?;
    assert_eq!((&page.data()["total"], &page.data()["pages"]), (&json!(137), &json!(2)));
    let ids: Vec<u64> =
        page.data()["records"].as_array().unwrap().iter().map(|r| r["leadId"].as_u64().unwrap()).collect();
    assert_eq!(ids, (38..=137).rev().collect::<Vec<_>>(), "newest first, dense");
    let rest = world.leads(USER, &[("size", "100"), ("page", "2")]).await?;
    let records = page.data()["records"].as_array().unwrap().iter().chain(rest.data()["records"].as_array().unwrap());
    let listed: BTreeSet<&str> = records.map(|record| record["douyinUserId"].as_str().unwrap()).collect();
    assert_eq!(listed, fans.iter().map(|fan| &*fan.open_id).collect(), "exactly the fans");

    let edit = Event::sample("douyin-lead-update")?.path("leadId", "7");
    let edited = world.call_as(USER, edit.json(&json!({"status": "CONTACTED", "notes": "想要ＶＩＰ卡"}))).await?;
    assert_eq!((edited.status, &edited.data()["version"]), (200, &json!(1)), "{edited:?}");
    let found = world.leads(USER, &[("keyword", "vip卡")]).await?;
    assert_eq!(found.data()["records"][0]["leadId"], 7, "{found:?}");
    let contacted = world.leads(USER, &[("status", "CONTACTED")]).await?;
    assert_eq!(contacted.data()["total"], 1);

    world.advance(Duration::from_secs(3_600));
    world.sandbox.douyin().change_fans("shop", FanChange { add: 3, unfollow: 2, ..FanChange::default() });
    let again = world.sync(USER, &shop, "INCREMENTAL").await?;
    assert_eq!((&again["created"], &again["updated"]), (&json!(3), &json!(0)), "{again}");
    let full = world.sync(USER, &shop, "FULL").await?;
    assert_eq!((&full["created"], &full["unfollowed"]), (&json!(0), &json!(2)), "{full}");
    world.expect_empty_queues().await
}
