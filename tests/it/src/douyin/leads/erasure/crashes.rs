//! An erasure that dies at any of its steps: nothing is half told, and asking again finishes it.

use anyhow::{Context, Result, ensure};
use functions::http::dispatch;
use functions::routes::douyin_lead_erase::{self, App};
use serde_json::json;

use super::{ERASED, change, erase, erasure, leads, read};
use crate::bad_input::USER;
use crate::proxy::{Fault, Proxy, Step, When};
use crate::{World, lead_tables};

/// More changes than one transaction has room for: the history has so many entries, and the list of notes one less, so that
/// these go before it.
const LONG_HISTORY: u32 = 50;
const SURPLUS: u32 = LONG_HISTORY + LONG_HISTORY - 1 - 88;
const LEAD: u64 = 4;

/// A lead with a history of so many entries.
async fn scene(changes: u32) -> Result<World> {
    let (world, _) = leads(9).await?;
    ensure!(change(&world, LEAD, &json!({"status": "CONTACTED"})).await?.status == 200);
    for number in 1..changes {
        ensure!(change(&world, LEAD, &json!({"notes": format!("第 {number} 次")})).await?.status == 200);
    }
    Ok(world)
}

/// Erases through a proxy in which the process may die.
async fn attempt(world: &World, proxy: &Proxy) -> Result<()> {
    let app = App::new(&world.context("douyin-lead-erase", &proxy.endpoints()).await?).await?;
    let request = erasure(LEAD)?.bearer(&world.token(USER, &["*"])?).request()?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = dispatch(&app, douyin_lead_erase::handle, request) => {}
    }
    Ok(())
}

async fn dies_at_every_step(changes: u32, whole: bool, chosen: fn(&Step) -> bool) -> Result<()> {
    let world = scene(changes).await?;
    let proxy = Proxy::start(&world).await?;
    attempt(&world, &proxy).await?;
    let steps: Vec<Step> = proxy.steps().into_iter().filter(|step| !step.name.contains("SecretValue")).collect();
    ERASED.check("undisturbed", &read(&world, LEAD).await?);
    let expected = world.rows("t_douyin_lead_index").await?;
    println!("  an erasure with {changes} changes: {} requests", steps.len());
    ensure!(steps.len() >= 6, "{steps:?}");
    for step in steps.iter().filter(|step| chosen(step)) {
        for when in [When::Before, When::After] {
            let world = scene(changes).await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            attempt(&world, &proxy).await?;
            if whole {
                lead_tables::check(&world).await.with_context(|| format!("died {when:?} {step}"))?;
            }
            let status = read(&world, LEAD).await?.status;
            ensure!(status == 200 || status == 410, "{step} {when:?}: {status}");
            assert_eq!(erase(&world, LEAD).await?.status, 200, "{step} {when:?}");
            lead_tables::check(&world).await.with_context(|| format!("asked again after {step} {when:?}"))?;
            ERASED.check("asked again", &read(&world, LEAD).await?);
            let timeless = |rows: Vec<crate::tables::Row>| -> Vec<_> {
                let marks = |row: &crate::tables::Row| row["entry"].starts_with("mark#") || row["entry"] == "counter";
                rows.into_iter().filter(|row| !marks(row)).collect()
            };
            assert_eq!(
                timeless(world.rows("t_douyin_lead_index").await?),
                timeless(expected.clone()),
                "{step} {when:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn lead_erasure_that_dies_at_any_step_is_whole_or_nothing_and_is_finished_by_asking_again() -> Result<()> {
    dies_at_every_step(3, true, |_| true).await
}

#[tokio::test]
async fn lead_erasure_of_a_long_history_that_dies_in_it_is_finished_by_asking_again() -> Result<()> {
    // Of the entries that go before it, the first and one of the last.
    dies_at_every_step(LONG_HISTORY, false, |step| {
        step.name.contains("DeleteItem") && [1, SURPLUS].contains(&step.nth) || step.name.contains("Transact")
    })
    .await
}
