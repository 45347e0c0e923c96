//! Whose leads are whose, within a tenant.

use anyhow::Result;
use serde_json::{Value, json};

use crate::bad_input::USER;
use crate::{Event, World, lead_tables};

async fn give(world: &World, lead: u64, body: &Value) -> Result<Value> {
    let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string()).json(body);
    let answer = world.call_as(USER, event).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(answer.data().clone())
}

async fn ids(world: &World, query: &[(&str, &str)]) -> Result<Vec<u64>> {
    let page = world.leads(USER, query).await?;
    Ok(page.data()["records"].as_array().unwrap().iter().filter_map(|one| one["leadId"].as_u64()).collect())
}

#[tokio::test]
async fn lead_owner_is_listed_filtered_and_in_the_history() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 9);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    // One id is the beginning of another one, and one looks like a key.
    for (lead, owner) in [(1, "a"), (2, "a#00000"), (3, "a"), (4, "员工 17"), (5, "a")] {
        assert_eq!(give(&world, lead, &json!({"ownerId": owner})).await?["ownerId"], owner);
    }
    lead_tables::check(&world).await?;
    for (owner, found) in [("a", &[5, 3, 1][..]), ("a#00000", &[2]), ("员工 17", &[4]), ("A", &[]), ("nobody", &[])] {
        assert_eq!(ids(&world, &[("ownerId", owner)]).await?, found, "{owner}");
    }
    give(&world, 3, &json!({"status": "CONTACTED", "notes": "要发票"})).await?;
    let both = [("ownerId", "a"), ("status", "CONTACTED")];
    assert_eq!(ids(&world, &both).await?, [3]);
    let counts = world.leads(USER, &both).await?.data()["statusCounts"].clone();
    assert_eq!(counts, json!({"NEW": 2, "CONTACTED": 1, "CONVERTED": 0}), "of the owner's leads");
    assert_eq!(ids(&world, &[("ownerId", "a"), ("keyword", "发票"), ("sourceDouyinUserId", &shop)]).await?, [3]);
    assert_eq!(ids(&world, &[("ownerId", "a"), ("page", "2"), ("size", "2")]).await?, [1]);

    // From hand to hand, and to nobody; what is already so makes no version.
    give(&world, 1, &json!({"ownerId": "b"})).await?;
    let same = give(&world, 1, &json!({"ownerId": "b", "version": 2})).await?;
    assert_eq!((&same["version"], &same["ownerId"]), (&json!(2), &json!("b")));
    assert_eq!(give(&world, 1, &json!({"ownerId": ""})).await?["ownerId"], Value::Null);
    let lead = world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", "1")).await?;
    let hands = |edit: &Value| (edit["fromOwnerId"].clone(), edit["toOwnerId"].clone());
    let history: Vec<_> = lead.data()["history"].as_array().unwrap().iter().map(hands).collect();
    assert_eq!(history, [(json!("b"), Value::Null), (json!("a"), json!("b")), (Value::Null, json!("a"))]);
    assert_eq!(lead.data()["ownerId"], Value::Null);
    assert_eq!(ids(&world, &[("ownerId", "b")]).await?, Vec::<u64>::new());
    assert_eq!(ids(&world, &[("ownerId", "a")]).await?, [5, 3]);
    lead_tables::check(&world).await
}
