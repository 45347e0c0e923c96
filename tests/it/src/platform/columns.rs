//! The columns of the specification: what the owner's reports and exports read. Columns may be added; none of these may
//! be renamed, change its type or be missing.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;
use sandbox::gewe::DeviceState;
use serde_json::json;

use crate::World;

const USER: u64 = 2001;

/// A column and its DynamoDB type.
type Column = (&'static str, &'static str);

/// Every row of the table has these.
const COLUMNS: [(&str, &[Column]); 5] = [
    (
        "t_douyin_auth",
        &[
            ("id", "N"),
            ("user_id", "N"),
            ("douyin_user_id", "S"),
            ("access_token", "S"),
            ("refresh_token", "S"),
            ("expire_time", "N"),
            ("refresh_expire_time", "N"),
            ("scope", "S"),
            ("nickname", "S"),
            ("avatar_url", "S"),
            ("status", "S"),
            ("last_sync_time", "N"),
            ("create_time", "N"),
            ("update_time", "N"),
        ],
    ),
    (
        "t_douyin_lead",
        &[
            ("id", "N"),
            ("user_id", "N"),
            ("lead_id", "N"),
            ("douyin_user_id", "S"),
            ("nickname", "S"),
            ("avatar_url", "S"),
            ("acquire_time", "N"),
            ("status", "S"),
            ("notes", "S"),
            ("create_time", "N"),
            ("update_time", "N"),
        ],
    ),
    (
        "t_wechat_account",
        &[
            ("id", "N"),
            ("user_id", "N"),
            ("account_id", "S"),
            ("account_type", "S"),
            ("account_name", "S"),
            ("status", "S"),
            ("auth_data", "S"),
            ("create_time", "N"),
            ("update_time", "N"),
        ],
    ),
    (
        "t_moment_sync_task",
        &[
            ("id", "N"),
            ("user_id", "N"),
            ("text_content", "S"),
            ("media_urls", "L"),
            ("status", "S"),
            ("scheduled_time", "N"),
            ("create_time", "N"),
            ("update_time", "N"),
        ],
    ),
    (
        "t_moment_sync_result",
        &[
            ("id", "N"),
            ("task_id", "N"),
            ("account_id", "S"),
            ("status", "S"),
            ("create_time", "N"),
            ("update_time", "N"),
        ],
    ),
];

const fn kind(value: &AttributeValue) -> &'static str {
    match value {
        AttributeValue::S(_) => "S",
        AttributeValue::N(_) => "N",
        AttributeValue::L(_) => "L",
        _ => "another",
    }
}

async fn items(world: &World, table: &str) -> Result<Vec<HashMap<String, AttributeValue>>> {
    let scan = world.aws.dynamodb.scan().table_name(world.table(table)).consistent_read(true);
    Ok(scan.send().await?.items.unwrap_or_default())
}

#[tokio::test]
async fn columns_of_the_specification_are_present_and_typed_in_every_row() -> Result<()> {
    let mut world = World::start().await?;
    world.pause_by_hand();
    world.douyin_account("shop", 5);
    world.authorize_and_sync(USER, "shop").await?;
    world.drain().await?;
    let mut accounts = world.connect_corp(USER, "花店", &["lily"]).await?;
    for device in ["good", "bad"] {
        accounts.push(world.connect_device(USER, device).await?);
    }
    let at = world.clock.now().checked_add(jiff::SignedDuration::from_mins(5))?;
    let body = json!({ "text": "早上好", "accountIds": accounts, "scheduledTime": at.to_string() });
    let answer = world.request_post(USER, &body).await?;
    let task = answer.data()["syncTaskId"].as_u64().unwrap();
    world.sandbox.gewe().set_state("bad", DeviceState::Offline);
    world.publish_until_ended(USER, task, 3).await?;

    for (table, columns) in COLUMNS {
        let rows = items(&world, table).await?;
        assert!(!rows.is_empty(), "{table} is empty");
        for row in &rows {
            let found: BTreeMap<&str, &str> =
                columns.iter().filter_map(|(name, _)| Some((*name, kind(row.get(*name)?)))).collect();
            assert_eq!(found, columns.iter().copied().collect(), "{table}");
        }
        let ids: std::collections::BTreeSet<_> = rows.iter().map(|row| row["id"].as_n().unwrap()).collect();
        assert_eq!(ids.len(), rows.len(), "two rows of {table} have one id");
    }
    // What only some rows have: how it ended.
    let results = items(&world, "t_moment_sync_result").await?;
    for (status, column) in [("SUCCESS", "moment_id"), ("FAILED", "error_message")] {
        let row = results.iter().find(|row| row["status"] == AttributeValue::S(status.to_owned()));
        assert_eq!(row.and_then(|row| row.get(column)).map(kind), Some("S"), "{column} of a {status} row");
    }
    Ok(())
}
