//! Changes that a lead's state or version forbids.

use anyhow::Result;
use serde_json::{Value, json};

use crate::World;
use crate::bad_input::USER;
use crate::snapshot::ExpectedError;

const CONFLICT: ExpectedError<'_> = ExpectedError::new(409, "CONFLICT");

async fn change(world: &World, body: &Value) -> Result<()> {
    let event = world.sample_as(USER, "douyin-lead-update")?.path("leadId", "2").json(body);
    let answer = world.call(&event).await?;
    assert_eq!(answer.status, 200, "{body}: {answer:?}");
    Ok(())
}

async fn refused(world: &World, body: &Value) -> Result<()> {
    let event = world.sample_as(USER, "douyin-lead-update")?.path("leadId", "2").json(body);
    world.refused(&body.to_string(), &event, &CONFLICT).await
}

#[tokio::test]
async fn lead_status_changes_only_as_the_contract_says() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;

    for body in [
        json!({"status": "CONVERTED"}),
        json!({"status": "CONVERTED", "reopen": true}),
        json!({"status": "CONVERTED", "notes": "must not be kept"}),
        json!({"status": "CONTACTED", "version": 1}),
        json!({"notes": "x", "version": 7}),
        // Stale even though nothing would change.
        json!({"status": "NEW", "version": 7}),
        json!({"version": 9_007_199_254_740_991_u64, "notes": "x"}),
    ] {
        refused(&world, &body).await?;
    }
    change(&world, &json!({"status": "CONTACTED", "version": 0})).await?;
    for body in [
        json!({"status": "NEW"}),
        json!({"status": "NEW", "reopen": false}),
        json!({"status": "NEW", "reopen": true, "version": 0}),
        json!({"status": "CONVERTED", "version": 0}),
    ] {
        refused(&world, &body).await?;
    }
    change(&world, &json!({"status": "CONVERTED", "version": 1})).await?;
    for body in [
        json!({"status": "CONTACTED"}),
        json!({"status": "CONTACTED", "reopen": true}),
        json!({"status": "NEW", "notes": "must not be kept"}),
    ] {
        refused(&world, &body).await?;
    }
    change(&world, &json!({"status": "NEW", "reopen": true, "version": 2})).await?;
    let event = world.sample_as(USER, "douyin-lead")?.path("leadId", "2");
    let lead = world.call(&event).await?.data().clone();
    let seen = (&lead["status"], &lead["notes"], &lead["version"]);
    assert_eq!(seen, (&json!("NEW"), &json!(""), &json!(3)), "{lead}");
    assert_eq!(lead["history"].as_array().unwrap().len(), 3, "refused changes are no history: {lead}");
    world.expect_empty_queues().await
}

/// Two people at the same lead: one wins, the other is told; nobody's words are lost unseen.
#[tokio::test]
async fn lead_changes_from_the_same_version_are_accepted_once() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let changes = (0..6).map(|n| json!({"notes": format!("第{n}人"), "version": 0}));
    let events: Vec<_> = changes
        .map(|body| Ok(world.sample_as(USER, "douyin-lead-update")?.path("leadId", "2").json(&body)))
        .collect::<Result<_>>()?;
    let answers = futures::future::try_join_all(events.iter().map(|event| world.call(event))).await?;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 5));
    for answer in &lost {
        CONFLICT.check("the slower one", answer);
    }
    let event = world.sample_as(USER, "douyin-lead")?.path("leadId", "2");
    let lead = world.call(&event).await?;
    assert_eq!((&lead.data()["notes"], &lead.data()["version"]), (&won[0].data()["notes"], &json!(1)));
    assert_eq!(world.leads(USER, &[("keyword", "人")]).await?.data()["total"], json!(matches(&world).await?));
    world.expect_empty_queues().await
}

/// How many leads the keyword of the test above is to be found in, by the rows themselves.
async fn matches(world: &World) -> Result<usize> {
    let rows = world.rows("t_douyin_lead").await?;
    Ok(rows.iter().filter(|row| row["notes"].contains('人') || row["nickname"].contains('人')).count())
}
