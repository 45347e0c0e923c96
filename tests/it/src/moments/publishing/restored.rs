//! The runbook "Restoring a backup" of docs/operations.md, played: posts that went out since the backup was made are
//! waiting in it, and must not go out again.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{LATER, USER, recover, request, world};
use crate::World;

type Item = HashMap<String, AttributeValue>;

/// The tables that refer to each other, each with the attributes of its key.
const TABLES: [(&str, &[&str]); 4] = [
    ("t_moment_sync_task", &["id"]),
    ("t_moment_sync_result", &["task_id", "account_id"]),
    ("t_moment_publish_unit", &["task_id", "delivery"]),
    ("t_moment_claim", &["claim_key"]),
];

async fn items(world: &World, table: &str) -> Result<Vec<Item>> {
    let scan = world.aws.dynamodb.scan().table_name(world.table(table)).consistent_read(true);
    let mut pages = scan.into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item?);
    }
    Ok(items)
}

async fn put(world: &World, table: &str, item: Item) -> Result<()> {
    world.aws.dynamodb.put_item().table_name(world.table(table)).set_item(Some(item)).send().await?;
    Ok(())
}

/// Puts the tables back to what they were.
async fn restore(world: &World, backup: &[Vec<Item>]) -> Result<()> {
    for ((table, key), rows) in TABLES.iter().zip(backup) {
        for item in items(world, table).await? {
            let key = item.into_iter().filter(|(name, _)| key.contains(&name.as_str())).collect();
            world.aws.dynamodb.delete_item().table_name(world.table(table)).set_key(Some(key)).send().await?;
        }
        for item in rows {
            put(world, table, item.clone()).await?;
        }
    }
    Ok(())
}

fn text(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}

fn milliseconds(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_millisecond().to_string())
}

/// Step 3 of the runbook.
async fn take_out_of_the_way(world: &World, backup_at: Timestamp) -> Result<()> {
    for mut item in items(world, "t_moment_publish_unit").await? {
        if ["QUEUED", "SENDING", "UNCONFIRMED"].contains(&text(&item, "stage").as_str()) {
            item.insert("stage".to_owned(), AttributeValue::S("UNCONFIRMED".to_owned()));
            item.entry("sending_at".to_owned()).or_insert_with(|| milliseconds(backup_at));
            item.insert("sought_since".to_owned(), milliseconds(world.clock.now()));
            for name in ["lease_owner", "resend_if_absent", "resend_if_blind", "waits_for"] {
                item.remove(name);
            }
            put(world, "t_moment_publish_unit", item).await?;
        }
    }
    for mut item in items(world, "t_moment_sync_task").await? {
        let is_dispatched = item.get("dispatched").is_some_and(|value| value.as_bool() == Ok(&true));
        let due = item.get("next_action_at").and_then(|value| value.as_n().ok()?.parse().ok());
        if !is_dispatched && due.is_some_and(|due: i64| due <= world.clock.now().as_millisecond()) {
            let long_ago = backup_at - SignedDuration::from_hours(24 * 8);
            item.insert("scheduled_time".to_owned(), AttributeValue::N(long_ago.as_second().to_string()));
            item.insert("next_action_at".to_owned(), milliseconds(long_ago));
            put(world, "t_moment_sync_task", item).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn posts_of_a_restored_backup_are_not_published_again() -> Result<()> {
    let mut world = world().await?;
    let phone = world.connect_device(USER, "phone").await?;
    let other = world.connect_device(USER, "other").await?;
    // At the backup one post is out, one waits for its account's turn, and one for its time.
    let mut told = request(&world, &json!({"text": "第一条", "accountIds": [phone]})).await?;
    let mut queued = request(&world, &json!({"text": "第二条", "accountIds": [phone]})).await?;
    world.drain_publications().await?;
    // Whose message comes first is chance.
    if world.post_status(USER, queued).await?["status"] == "COMPLETED" {
        (told, queued) = (queued, told);
    }
    let time = (world.clock.now() + SignedDuration::from_hours(1)).to_string();
    let timed = request(&world, &json!({"text": "第三条", "accountIds": [other], "scheduledTime": time})).await?;
    let backup_at = world.clock.now();
    let mut backup = Vec::new();
    for (table, _) in TABLES {
        backup.push(items(&world, table).await?);
    }
    // Since then all of them went out.
    for _ in 0..4 {
        world.advance(LATER);
        world.sweep().await?;
        world.drain_publications().await?;
    }
    for task in [told, queued, timed] {
        ensure!(recover(&world, task).await?["status"] == "COMPLETED");
    }
    let published = world.sandbox.journal().publications().len();
    ensure!(published == 3, "{published} went out");

    world.set("PUBLISHING_ENABLED", "false");
    restore(&world, &backup).await?;
    world.sweep().await?;
    world.drain_publications().await?;
    take_out_of_the_way(&world, backup_at).await?;
    world.set("PUBLISHING_ENABLED", "true");
    world.advance(Duration::from_secs(60));
    ensure!(recover(&world, told).await?["status"] == "COMPLETED");
    // The one that waited is found where it is, or nobody knows; the timed one is told as missed. None is sent.
    let found = recover(&world, queued).await?;
    let code = &found["results"][0]["errorCode"];
    ensure!(found["status"] == "COMPLETED" || code == "MOMENT_PUBLISH_UNCONFIRMED", "{found}");
    let missed = recover(&world, timed).await?;
    ensure!(missed["results"][0]["errorMessage"].as_str().unwrap_or_default().contains("错过"), "{missed}");
    let published = world.sandbox.journal().publications().len();
    ensure!(published == 3 && world.sandbox.journal().published_twice().is_empty(), "{published} went out");
    Ok(())
}
