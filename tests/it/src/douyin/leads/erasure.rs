//! Erasing a person: nothing of them stays in any table, queue or log line, no sync brings them back, whoever dies or is
//! at work in the meantime, and every number stays exact.

mod crashes;
mod races;
mod traces;

use anyhow::{Context, Result, ensure};
use sandbox::SandboxConfig;
use serde_json::{Value, json};

use crate::bad_input::USER;
use crate::snapshot::ExpectedError;
use crate::{Answer, Event, World, lead_tables};

const SHOP: &str = "shop";
const ERASED: ExpectedError<'_> =
    ExpectedError::new(410, "LEAD_ERASED").saying("该线索的个人信息已按要求删除，无法恢复");

/// A world in which so many fans of one account are leads. The same seed makes the same fans.
async fn leads(fans: u32) -> Result<(World, String)> {
    let world = World::around(SandboxConfig { seed: Some(17), ..SandboxConfig::default() }).await?;
    world.douyin_account(SHOP, fans);
    let shop = world.authorize(USER, SHOP).await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    Ok((world, shop))
}

fn erasure(lead: u64) -> Result<Event> {
    Ok(Event::sample("douyin-lead-erase")?.path("leadId", &lead.to_string()))
}

async fn erase(world: &World, lead: u64) -> Result<Answer> {
    world.call_as(USER, erasure(lead)?).await
}

async fn change(world: &World, lead: u64, body: &Value) -> Result<Answer> {
    let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
    world.call_as(USER, event.json(body)).await
}

async fn read(world: &World, lead: u64) -> Result<Answer> {
    world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", &lead.to_string())).await
}

/// Whose open id a lead's is.
async fn fan_of(world: &World, lead: u64) -> Result<String> {
    let answer = read(world, lead).await?;
    Ok(answer.data()["douyinUserId"].as_str().with_context(|| format!("{answer:?}"))?.to_owned())
}

fn ids(answer: &Answer) -> Vec<u64> {
    let records = answer.data()["records"].as_array().into_iter().flatten();
    records.filter_map(|record| record["leadId"].as_u64()).collect()
}

#[tokio::test]
async fn lead_erased_is_gone_for_good_and_asking_again_answers_the_same() -> Result<()> {
    let (world, _) = leads(30).await?;
    for (lead, status) in [(7, "CONTACTED"), (8, "CONTACTED"), (30, "CONTACTED")] {
        ensure!(change(&world, lead, &json!({"status": status, "notes": "周五回访"})).await?.status == 200);
    }
    for lead in [7, 30, 12] {
        for attempt in ["the first time", "again"] {
            let answer = erase(&world, lead).await?;
            assert_eq!((answer.status, answer.data()), (200, &json!({ "leadId": lead })), "{attempt}");
            lead_tables::check(&world).await?;
        }
        ERASED.check("reading", &read(&world, lead).await?);
        for body in [json!({"status": "CONTACTED"}), json!({"notes": "x", "version": 1}), json!({})] {
            ERASED.check("changing", &change(&world, lead, &body).await?);
        }
    }
    let left: Vec<u64> = (1..=30).rev().filter(|id| ![7, 30, 12].contains(id)).collect();
    let counts = json!({"NEW": 26, "CONTACTED": 1, "CONVERTED": 0});
    for filter in [&[][..], &[("startTime", "2001-01-01T00:00:00Z")], &[("endTime", "2100-01-01T00:00:00Z")]] {
        let mut found = Vec::new();
        for page in ["1", "2", "3", "4"] {
            let answer = world.leads(USER, &[filter, &[("page", page)]].concat()).await?;
            assert_eq!((&answer.data()["total"], &answer.data()["pages"]), (&json!(27), &json!(3)), "{filter:?}");
            assert_eq!(answer.data()["statusCounts"], counts, "{filter:?}");
            found.extend(ids(&answer));
        }
        assert_eq!(found, left, "{filter:?}");
    }
    assert_eq!(ids(&world.leads(USER, &[("status", "CONTACTED")]).await?), [8]);
    assert_eq!(ids(&world.leads(USER, &[("keyword", "周五")]).await?), [8]);
    assert_eq!(world.leads(USER, &[("status", "NEW")]).await?.data()["total"], 26);
    // What was never a lead's is not there, and is not said to have been erased.
    for unknown in [31, 4_096, 9_007_199_254_740_991] {
        ExpectedError::new(404, "NOT_FOUND").check("an unknown lead", &erase(&world, unknown).await?);
    }
    world.expect_empty_queues().await
}

#[tokio::test]
async fn lead_list_is_exact_when_all_or_all_but_one_are_erased() -> Result<()> {
    let (world, shop) = leads(12).await?;
    for lead in 1..=11 {
        ensure!(erase(&world, lead).await?.status == 200);
    }
    let answer = world.leads(USER, &[("size", "5")]).await?;
    assert_eq!((ids(&answer), &answer.data()["total"]), (vec![12], &json!(1)));
    ensure!(erase(&world, 12).await?.status == 200);
    lead_tables::check(&world).await?;
    for filter in [&[][..], &[("status", "NEW")], &[("startTime", "2001-01-01T00:00:00Z")], &[("keyword", "小")]] {
        let answer = world.leads(USER, filter).await?;
        let none = json!({"NEW": 0, "CONTACTED": 0, "CONVERTED": 0});
        assert_eq!((&answer.data()["total"], &answer.data()["statusCounts"]), (&json!(0), &none), "{filter:?}");
        assert_eq!(ids(&answer), [0; 0], "{filter:?}");
    }
    let progress = world.sync(USER, &shop, "FULL").await?;
    assert_eq!((&progress["created"], &progress["unchanged"]), (&json!(0), &progress["seen"]), "{progress}");
    lead_tables::check(&world).await
}
