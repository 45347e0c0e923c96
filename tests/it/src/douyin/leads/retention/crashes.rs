//! A round that dies at any of its steps: whatever it had deleted is counted, and the next one deletes the rest.

use anyhow::{Context, Result, ensure};
use sandbox::douyin::FanChange;
use serde_json::json;

use super::{DAY, SHOP, change, expired, ids, leads, merge, retention, stores, sweep_all};
use crate::bad_input::USER;
use crate::douyin::leads::sweep_unless_it_dies;
use crate::proxy::{Fault, Proxy, Step, When};
use crate::tables::Row;
use crate::{World, lead_tables};

/// Old leads of every kind: some that follow, two that do not any more, one that was worked, two that are one, and a
/// customer, who stays.
async fn scene() -> Result<World> {
    let (world, shop) = leads(12).await?;
    world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 2, ..FanChange::default() });
    ensure!(world.sync(USER, &shop, "FULL").await?["unfollowed"] == 2);
    for body in [json!({"status": "CONTACTED", "notes": "常客", "ownerId": "staff-1"}), json!({"ownerId": "staff-2"})]
    {
        change(&world, 7, &body).await?;
    }
    for status in ["CONTACTED", "CONVERTED"] {
        change(&world, 3, &json!({ "status": status })).await?;
    }
    merge(&stores(&world, None)?, 5, 9).await?;
    world.advance(31 * DAY);
    Ok(world)
}

/// What the leads are, without times and the versions of rows that were written twice.
async fn left(world: &World) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for table in ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index"] {
        rows.extend(world.rows(table).await?);
    }
    rows.retain(|row| row.get("entry").is_none_or(|entry| !entry.starts_with("mark#")));
    for row in &mut rows {
        row.retain(|name, _| {
            // An erased person's hash is made with a key of the world, so its row is known by its lead.
            ![
                "version",
                "update_time",
                "create_time",
                "acquire_time",
                "last_acquire_time",
                "edited_at",
                "round_time",
                "retention_due",
            ]
            .contains(&name.as_str())
        });
        if row.get("identity").is_some_and(|identity| identity.contains("#ERASED#")) {
            row.insert("identity".to_owned(), "#ERASED#".to_owned());
        }
    }
    rows.sort();
    Ok(rows)
}

#[tokio::test]
async fn retention_that_dies_at_any_step_is_finished_by_the_next_round() -> Result<()> {
    let world = scene().await?;
    let proxy = Proxy::start(&world).await?;
    sweep_unless_it_dies(&world, &proxy).await?;
    // The eight shards of the index are looked at alike.
    let of_leads = |step: &Step| {
        step.name.contains("GenerateMac")
            || step.name.contains("_lead")
                && !step.name.ends_with("t_lead_deletion")
                && (step.name != "Query t_douyin_lead_index" || step.nth == 1 || step.nth > 8)
    };
    let steps: Vec<Step> = proxy.steps().into_iter().filter(of_leads).collect();
    assert_eq!((ids(&world, &[]).await?, &*retention(&world).await?["deleted"]), (vec![3], "10"));
    let (expected, told) = (left(&world).await?, expired(&world).await?);
    println!("  a round: {} requests", steps.len());
    ensure!(steps.len() >= 15 && steps.iter().any(|step| step.name.contains("GenerateMac")), "{steps:?}");
    for step in &steps {
        for when in [When::Before, When::After] {
            let world = scene().await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            sweep_unless_it_dies(&world, &proxy).await?;
            lead_tables::check(&world).await.with_context(|| format!("died {when:?} {step}"))?;
            sweep_all(&world).await?;
            lead_tables::check(&world).await.with_context(|| format!("after {when:?} {step}"))?;
            assert_eq!(left(&world).await?, expected, "{when:?} {step}");
            assert_eq!(expired(&world).await?, told, "{when:?} {step}");
        }
    }
    Ok(())
}

/// A tenant of more old leads than one transaction holds.
#[tokio::test]
async fn retention_of_hundreds_of_leads_takes_few_transactions() -> Result<()> {
    let (world, _) = leads(500).await?;
    world.advance(31 * DAY);
    let proxy = Proxy::start(&world).await?;
    sweep_unless_it_dies(&world, &proxy).await?;
    let transactions = proxy.count("TransactWriteItems t_douyin_lead");
    println!("  500 leads: {transactions} transactions, {} requests", proxy.steps().len());
    ensure!(transactions <= 18, "{transactions} transactions");
    sweep_all(&world).await?;
    assert_eq!(retention(&world).await?["deleted"], "500");
    assert_eq!(world.rows("t_douyin_lead").await?.len(), 0);
    lead_tables::check(&world).await
}
