//! Events that are kept no longer: what is told of them, and that what is served has no gap however late the table deletes.

use std::time::Duration;

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use sandbox::SandboxConfig;
use serde_json::json;

use super::{ask, change, number, read};
use crate::bad_input::USER;
use crate::snapshot::ExpectedError;
use crate::{Answer, World};

const DAY: Duration = Duration::from_secs(86_400);

async fn expired(world: &World, after: u64, oldest: u64) -> Result<Answer> {
    let answer = ask(world, USER, &[("after", &after.to_string())]).await?;
    ExpectedError::new(410, "EVENTS_EXPIRED").check("expired events", &answer);
    assert_eq!(answer.body["error"]["oldestSequence"], oldest, "after {after}");
    Ok(answer)
}

/// What the table's TTL does, in any order.
async fn delete(world: &World, sequence: u64) -> Result<()> {
    let delete = world.aws.dynamodb.delete_item().table_name(world.table("t_event"));
    let delete = delete.key("user_id", AttributeValue::N(USER.to_string()));
    delete.key("sequence", AttributeValue::N(sequence.to_string())).send().await?;
    Ok(())
}

#[tokio::test]
async fn events_beyond_their_retention_are_told_as_expired_whether_or_not_they_are_deleted() -> Result<()> {
    let mut world = World::around(SandboxConfig { seed: Some(31), ..SandboxConfig::default() }).await?;
    world.keep_the_clock();
    world.set("EVENT_RETENTION_DAYS", "3");
    world.douyin_account("shop", 3);
    let shop = world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    number(&world, USER).await?;
    // A later event of a shorter retention does not expire before an earlier one.
    world.set("EVENT_RETENTION_DAYS", "1");
    for owner in ["staff-1", "staff-2", "staff-3"] {
        change(&world, USER, 1, &json!({"ownerId": owner})).await?;
    }
    number(&world, USER).await?;
    world.advance(DAY * 2);
    assert_eq!(read(&world, USER, 0, 2).await?.len(), 5);
    world.set("EVENT_RETENTION_DAYS", "3");
    for owner in ["staff-1", "staff-2"] {
        change(&world, USER, 1, &json!({"ownerId": owner})).await?;
    }
    number(&world, USER).await?;
    world.advance(DAY + Duration::from_secs(1));
    for deleted in [None, Some(3), Some(1), Some(5), Some(4), Some(2)] {
        if let Some(deleted) = deleted {
            delete(&world, deleted).await?;
        }
        for after in 0..=4 {
            let answer = expired(&world, after, 6).await?;
            ensure!(answer.body["error"]["reason"].as_str().is_some_and(|text| text.contains("after=5")), "{answer:?}");
        }
        assert_eq!(read(&world, USER, 5, 1).await?.len(), 2);
    }
    // Without any that is kept, the next one is named, and reading goes on from there.
    world.advance(DAY * 3);
    expired(&world, 5, 8).await?;
    assert_eq!(ask(&world, USER, &[("after", "7")]).await?.data(), &json!({"events": [], "lastSequence": 7}));
    change(&world, USER, 1, &json!({"ownerId": ""})).await?;
    number(&world, USER).await?;
    assert_eq!(read(&world, USER, 7, 10).await?[0]["sequence"], 8);
    Ok(())
}
