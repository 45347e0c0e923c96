//! Row 23: the unified lead module's own id on a lead. It is there until it is replaced or the person is erased, whatever
//! syncs, people and merges do, and nobody is in anybody's way.

mod together;

use anyhow::{Result, ensure};
use sandbox::SandboxConfig;
use sandbox::douyin::FanChange;
use serde_json::{Value, json};

use super::merges::{merge, split, stores};
use crate::bad_input::USER;
use crate::snapshot::ExpectedError;
use crate::{Answer, Event, World, lead_tables};

const SHOP: &str = "shop";
const OTHER: u64 = 3_002;
const PERMISSION: &str = "lead:unified:link";

async fn leads(fans: u32) -> Result<(World, String)> {
    let world = World::around(SandboxConfig { seed: Some(31), ..SandboxConfig::default() }).await?;
    world.douyin_account(SHOP, fans);
    let shop = world.authorize(USER, SHOP).await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    Ok((world, shop))
}

fn linking(lead: u64, body: &Value) -> Result<Event> {
    Ok(Event::sample("douyin-lead-link")?.path("leadId", &lead.to_string()).json(body))
}

/// Links a lead with the token of a service that may do nothing else.
async fn link(world: &World, lead: u64, id: u64) -> Result<Answer> {
    let event = linking(lead, &json!({ "unifiedLeadId": id }))?;
    world.call(&event.bearer(&world.token(USER, &[PERMISSION])?)).await
}

async fn linked(world: &World, lead: u64, id: u64) -> Result<()> {
    let answer = link(world, lead, id).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

async fn change(world: &World, lead: u64, body: &Value) -> Result<Answer> {
    let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
    world.call_as(USER, event.json(body)).await
}

async fn read(world: &World, lead: u64) -> Result<Answer> {
    world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", &lead.to_string())).await
}

/// The unified module's id that a lead shows.
async fn shown(world: &World, lead: u64) -> Result<Value> {
    let answer = read(world, lead).await?;
    ensure!(answer.status == 200 && answer.data().get("unifiedLeadId").is_some(), "{answer:?}");
    Ok(answer.data()["unifiedLeadId"].clone())
}

#[tokio::test]
async fn lead_linked_shows_the_id_and_is_as_it_was_in_everything_else() -> Result<()> {
    let (world, _) = leads(5).await?;
    ensure!(change(&world, 2, &json!({"status": "CONTACTED", "notes": "周五回访"})).await?.status == 200);
    let (before, listed, told) = (read(&world, 2).await?, world.leads(USER, &[]).await?, world.rows("t_outbox").await?);
    assert_eq!(before.data()["unifiedLeadId"], Value::Null);

    world.advance(std::time::Duration::from_secs(60));
    let answer = link(&world, 2, 812_345).await?;
    assert_eq!((answer.status, answer.data()), (200, &json!({"leadId": 2, "unifiedLeadId": 812_345})));
    let after = read(&world, 2).await?;
    let mut expected = before.data().clone();
    (expected["unifiedLeadId"], expected["updateTime"]) = (json!(812_345), after.data()["updateTime"].clone());
    assert_eq!(*after.data(), expected, "neither its version nor its history");
    assert_eq!(world.leads(USER, &[]).await?.data(), listed.data(), "the list has the fields of the contract");
    assert_eq!(world.rows("t_outbox").await?, told, "the module would read its own write");

    // The same again writes nothing; another id replaces it, up to the largest that there is.
    let rows = world.snapshot().await?;
    assert_eq!(link(&world, 2, 812_345).await?.status, 200);
    world.snapshot().await?.assert_unchanged_since(&rows, "the same link again");
    linked(&world, 2, 9_007_199_254_740_991).await?;
    assert_eq!(shown(&world, 2).await?, json!(9_007_199_254_740_991_u64));
    // One person of the unified module may be several leads.
    linked(&world, 3, 9_007_199_254_740_991).await?;
    // Whoever has read the lead before it was linked has their change taken.
    let body = json!({"status": "CONVERTED", "version": before.data()["version"]});
    let changed = change(&world, 2, &body).await?;
    assert_eq!((changed.status, &changed.data()["unifiedLeadId"]), (200, &json!(9_007_199_254_740_991_u64)));
    lead_tables::check(&world).await?;
    world.expect_empty_queues().await
}

#[tokio::test]
async fn link_that_is_none_or_of_no_lead_of_the_tenant_is_refused_and_changes_nothing() -> Result<()> {
    let (world, _) = leads(3).await?;
    linked(&world, 1, 7).await?;
    let before = world.snapshot().await?;
    for (body, field) in [
        (json!({}), "unifiedLeadId"),
        (json!({"unifiedLeadId": null}), "unifiedLeadId"),
        (json!({"unifiedLeadId": 0}), "unifiedLeadId"),
        (json!({"unifiedLeadId": -1}), "unifiedLeadId"),
        (json!({"unifiedLeadId": 1.5}), "unifiedLeadId"),
        (json!({"unifiedLeadId": 9_007_199_254_740_992_u64}), "unifiedLeadId"),
        (json!({"unifiedLeadId": "812345"}), "unifiedLeadId"),
        (json!({"unifiedLeadId": [8]}), "unifiedLeadId"),
        (json!({"unifiedLeadId": 8, "version": 0}), "version"),
        (json!({"unifiedLeadID": 8}), "unifiedLeadID"),
    ] {
        let event = linking(1, &body)?.bearer(&world.token(USER, &[PERMISSION])?);
        before.refuses(&world, &body.to_string(), &event, &ExpectedError::fields(&[field])).await?;
    }
    let unknown = ExpectedError::new(404, "NOT_FOUND");
    let body = json!({"unifiedLeadId": 8});
    for (tenant, lead) in [(USER, 4), (OTHER, 1)] {
        let event = linking(lead, &body)?.bearer(&world.token(tenant, &[PERMISSION])?);
        before.refuses(&world, "no lead of the tenant", &event, &unknown).await?;
    }
    // Who may edit leads may not say what the unified module calls them.
    let event = linking(1, &body)?.bearer(&world.token(USER, &["lead:douyin:*"])?);
    let refused = world.call(&event).await?;
    assert_eq!((refused.status, refused.error_type()), (403, "PERMISSION_DENIED"));
    world.snapshot().await?.assert_unchanged_since(&before, "a person");
    Ok(())
}

#[tokio::test]
async fn link_stays_through_syncs_and_goes_with_the_person() -> Result<()> {
    const IDS: [u64; 2] = [700_000_000_123, 700_000_000_456];
    let (world, shop) = leads(20).await?;
    let fans = world.sandbox.douyin();
    linked(&world, 4, IDS[0]).await?;
    linked(&world, 9, IDS[1]).await?;
    for (strategy, fan_change) in [
        ("FULL", FanChange { rename: 20, ..FanChange::default() }),
        ("INCREMENTAL", FanChange { rename: 20, add: 2, ..FanChange::default() }),
        ("FULL", FanChange { unfollow: 12, ..FanChange::default() }),
        ("FULL", FanChange { refollow: 12, ..FanChange::default() }),
    ] {
        fans.change_fans(SHOP, fan_change);
        let progress = world.sync(USER, &shop, strategy).await?;
        assert_eq!(progress["status"], "COMPLETED", "{progress}");
        assert_eq!((shown(&world, 4).await?, shown(&world, 9).await?), (json!(IDS[0]), json!(IDS[1])), "{strategy}");
    }

    let erased = Event::sample("douyin-lead-erase")?.path("leadId", "4");
    ensure!(world.call_as(USER, erased).await?.status == 200);
    ExpectedError::new(410, "LEAD_ERASED").check("an erased lead", &link(&world, 4, 8).await?);
    let mut holds = [0, 0];
    for name in world.stack.physical_ids("AWS::DynamoDB::Table").into_values() {
        let rows = format!("{:?}", world.rows(name.trim_start_matches(world.table("").as_str())).await?);
        for (holds, id) in holds.iter_mut().zip(IDS) {
            *holds += rows.matches(&id.to_string()).count();
        }
    }
    assert_eq!(holds, [0, 1], "of the erased person nothing, of the other one the row of the lead and nothing else");
    lead_tables::check(&world).await
}

#[tokio::test]
async fn link_of_merged_leads_is_the_survivors_own_or_taken_over_and_split_gives_it_back() -> Result<()> {
    let (world, _) = leads(12).await?;
    let stores = stores(&world, None)?;
    for (lead, id) in [(5, 705), (9, 709), (10, 710)] {
        linked(&world, lead, id).await?;
    }
    for (survivor, other, both, apart) in
        [(5, 9, json!(705), [json!(705), json!(709)]), (3, 10, json!(710), [Value::Null, json!(710)])]
    {
        merge(&stores, survivor, other).await?;
        assert_eq!((shown(&world, survivor).await?, shown(&world, other).await?), (both.clone(), both), "{survivor}");
        let refused = link(&world, other, 8).await?;
        ExpectedError::new(409, "CONFLICT").check("a merged lead", &refused);
        assert_eq!(refused.body["message"], format!("该线索已合并到线索 {survivor}"));
        split(&stores, other).await?;
        assert_eq!([shown(&world, survivor).await?, shown(&world, other).await?], apart, "{survivor}");
        lead_tables::check(&world).await?;
    }
    // What the module has written on the one that stands for both is of that one.
    merge(&stores, 3, 10).await?;
    linked(&world, 3, 799).await?;
    split(&stores, 10).await?;
    assert_eq!((shown(&world, 3).await?, shown(&world, 10).await?), (json!(799), json!(710)));
    lead_tables::check(&world).await
}
