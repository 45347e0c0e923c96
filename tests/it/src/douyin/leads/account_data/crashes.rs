//! A round that dies at any of its steps: whatever it had deleted is counted, and the next one deletes the rest.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{change, delete, ended, scene};
use crate::douyin::leads::sweep_unless_it_dies;
use crate::proxy::{Fault, Proxy, Step, When};
use crate::tables::Row;
use crate::{World, lead_tables};

/// A scene in which the shop's deletion has begun, with a lead that was worked among those that go.
async fn begun() -> Result<(World, String)> {
    let (world, [shop, _]) = scene().await?;
    change(&world, 7, &json!({"status": "CONTACTED", "notes": "常客", "ownerId": "staff-1"})).await?;
    change(&world, 3, &json!({"status": "CONTACTED"})).await?;
    ensure!(delete(&world, &shop).await?.status == 202);
    Ok((world, shop))
}

/// What the leads are, without the versions of rows that were written twice.
async fn left(world: &World) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for table in ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index", "t_lead_deletion"] {
        rows.extend(world.rows(table).await?);
    }
    rows.retain(|row| row.get("entry").is_none_or(|entry| !entry.starts_with("mark#")));
    for row in &mut rows {
        for name in [
            "version",
            "update_time",
            "create_time",
            "finished_at",
            "expires_at",
            "acquire_time",
            "last_acquire_time",
            "edited_at",
            "round_time",
            "retention_due",
        ] {
            row.remove(name);
        }
    }
    Ok(rows)
}

#[tokio::test]
async fn account_data_deletion_that_dies_at_any_step_is_finished_by_the_next_round() -> Result<()> {
    let (world, shop) = begun().await?;
    let proxy = Proxy::start(&world).await?;
    sweep_unless_it_dies(&world, &proxy).await?;
    // The eight shards of the index are looked at alike.
    let of_leads = |step: &Step| step.name.contains("_lead") && (step.nth == 1 || step.name != "Query t_lead_deletion");
    let steps: Vec<Step> = proxy.steps().into_iter().filter(of_leads).collect();
    ensure!(ended(&world, &shop).await?["deleted"] == 8);
    let expected = left(&world).await?;
    println!("  a round: {} requests", steps.len());
    ensure!(steps.len() >= 10, "{steps:?}");
    for step in &steps {
        for when in [When::Before, When::After] {
            let (world, shop) = begun().await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            sweep_unless_it_dies(&world, &proxy).await?;
            lead_tables::check(&world).await.with_context(|| format!("died {when:?} {step}"))?;
            world.advance(Duration::from_secs(60));
            let told = ended(&world, &shop).await?;
            assert_eq!((&told["deleted"], &told["kept"]), (&json!(8), &json!(4)), "{when:?} {step}");
            lead_tables::check(&world).await.with_context(|| format!("after {when:?} {step}"))?;
            assert_eq!(left(&world).await?, expected, "{when:?} {step}");
        }
    }
    Ok(())
}

/// A tenant of more leads than one transaction holds.
#[tokio::test]
async fn account_data_of_hundreds_of_leads_is_deleted_in_few_transactions() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 500);
    world.authorize(crate::bad_input::USER, "shop").await?;
    world.sync(crate::bad_input::USER, &shop, "INCREMENTAL").await?;
    ensure!(delete(&world, &shop).await?.status == 202);
    let proxy = Proxy::start(&world).await?;
    sweep_unless_it_dies(&world, &proxy).await?;
    let transactions =
        proxy.steps().iter().filter(|step| step.name.starts_with("TransactWriteItems t_douyin_lead_index")).count();
    println!("  500 leads: {transactions} transactions, {} requests", proxy.steps().len());
    ensure!(transactions <= 13, "{transactions} transactions");
    assert_eq!(ended(&world, &shop).await?["deleted"], 500);
    assert_eq!(world.rows("t_douyin_lead").await?.len() + world.rows("t_lead_identity").await?.len(), 0);
    lead_tables::check(&world).await
}
