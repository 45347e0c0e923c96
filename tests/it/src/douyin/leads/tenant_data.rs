//! An operator deletes everything that a tenant has of Douyin.

use anyhow::{Result, ensure};
use local::tenant_deletion::delete_tenant;
use sandbox::SandboxConfig;
use serde_json::json;

use super::merges::{merge, stores};
use crate::bad_input::USER;
use crate::events::number;
use crate::{Event, World, lead_tables};

const OTHER: u64 = USER + 1;
const TABLES: [&str; 10] = [
    "t_douyin_auth",
    "t_douyin_lead",
    "t_lead_identity",
    "t_douyin_lead_index",
    "t_douyin_sync_task",
    "t_lead_deletion",
    "t_webhook",
    "t_webhook_delivery",
    "t_outbox",
    "t_event",
];

/// All rows of a tenant in the tables of Douyin.
async fn rows(world: &World, tenant: u64) -> Result<Vec<crate::tables::Row>> {
    let mut all = Vec::new();
    for table in TABLES {
        all.extend(world.rows(table).await?.into_iter().filter(|row| row["user_id"] == tenant.to_string()));
    }
    Ok(all)
}

#[tokio::test]
async fn tenant_deleted_leaves_nothing_of_its_leads_and_all_of_others() -> Result<()> {
    let world = World::around(SandboxConfig { seed: Some(43), ..SandboxConfig::default() }).await?;
    let mut accounts = Vec::new();
    for (user, name) in [(USER, "shop"), (USER, "branch"), (OTHER, "theirs")] {
        let account = world.douyin_account(name, 40);
        world.authorize(user, name).await?;
        world.sync(user, &account, "INCREMENTAL").await?;
        accounts.push(account);
        crate::webhooks::create(&world, user, name, json!({})).await?;
    }
    let work = json!({"status": "CONTACTED", "notes": "周五回访", "ownerId": "staff-1"});
    for user in [USER, OTHER] {
        let event = Event::sample("douyin-lead-update")?.path("leadId", "3").json(&work);
        ensure!(world.call_as(user, event).await?.status == 200);
        let erasure = Event::sample("douyin-lead-erase")?.path("leadId", "12");
        ensure!(world.call_as(user, erasure).await?.status == 200);
    }
    // Some events have their numbers, and one has none.
    for user in [USER, OTHER] {
        number(&world, user).await?;
    }
    merge(&stores(&world, None)?, 5, 9).await?;
    let theirs = rows(&world, OTHER).await?;
    let (aws, prefix) = (&world.aws.dynamodb, world.table(""));

    let before = rows(&world, USER).await?;
    let refused = delete_tenant(aws, &prefix, USER).await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("has 2 Douyin accounts"), "{refused}");
    assert_eq!(rows(&world, USER).await?, before, "nothing is deleted");
    for (account, function) in accounts.iter().zip(["douyin-account-delete", "douyin-data-delete"]) {
        let event = Event::sample(function)?.path("douyinUserId", account);
        ensure!((200..300).contains(&world.call_as(USER, event).await?.status));
    }
    let deleted = delete_tenant(aws, &prefix, USER).await?;
    assert!(deleted.iter().all(|(_, rows)| *rows > 0), "{deleted:?}");
    assert!(rows(&world, USER).await?.is_empty());
    assert_eq!(rows(&world, OTHER).await?, theirs);
    lead_tables::check(&world).await?;
    assert!(delete_tenant(aws, &prefix, USER).await?.iter().all(|(_, rows)| *rows == 0), "once more");
    world.sweep().await?;
    assert_eq!(world.leads(USER, &[]).await?.data()["total"], 0);
    // Who comes back begins anew, and nobody is known any more.
    world.authorize(USER, "shop").await?;
    assert_eq!(world.sync(USER, &accounts[0], "INCREMENTAL").await?["created"], 40);
    lead_tables::check(&world).await
}
