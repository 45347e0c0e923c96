//! Erasing while others are at work on the same leads.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use futures::future::{join, try_join_all};
use sandbox::douyin::FanChange;
use serde_json::json;

use super::{ERASED, SHOP, change, erase, ids, leads, read};
use crate::bad_input::USER;
use crate::douyin::fan_sync::faults::{begin, live_through, recover};
use crate::lead_tables;
use crate::proxy::Proxy;

const PLENTY: Duration = Duration::from_secs(300);

/// The sync has read the page's leads, or who its fans are, or the counter, and the person is erased before it commits.
#[tokio::test]
async fn lead_erased_while_a_sync_is_about_to_commit_it_is_not_brought_back() -> Result<()> {
    for step in [
        "GetItem t_douyin_lead_index",
        "BatchGetItem t_lead_identity",
        "BatchGetItem t_douyin_lead",
        "TransactWriteItems t_douyin_sync_task",
    ] {
        for strategy in ["FULL", "INCREMENTAL"] {
            let (world, shop) = leads(12).await?;
            world.sandbox.douyin().change_fans(SHOP, FanChange { rename: 12, add: 3, ..FanChange::default() });
            let task = begin(&world, &shop, strategy).await?;
            let proxy = Proxy::start(&world).await?;
            let erasure = async {
                for lead in [5, 12] {
                    let answer = erase(&world, lead).await?;
                    ensure!(answer.status == 200, "{answer:?}");
                }
                Ok(())
            };
            live_through(&world, &proxy, PLENTY, (step, 1), erasure).await.with_context(|| step.to_owned())?;
            recover(&world, &task).await?;
            let progress = world.progress(USER, &task).await?;
            assert_eq!(
                (&progress["status"], &progress["created"]),
                (&json!("COMPLETED"), &json!(3)),
                "{step}: {progress}"
            );
            assert_eq!(progress["seen"], 15, "{step}: {progress}");
            lead_tables::check(&world).await.with_context(|| format!("{strategy}, {step}"))?;
            let listed = world.leads(USER, &[("size", "100")]).await?;
            assert_eq!((ids(&listed).len(), &listed.data()["total"]), (13, &json!(13)), "{step}");
            for lead in [5, 12] {
                ERASED.check(step, &read(&world, lead).await?);
            }
        }
    }
    Ok(())
}

/// Of a change and an erasure at once the change comes first or is refused; nothing of it is left.
#[tokio::test]
async fn lead_erased_while_people_work_on_it_and_its_neighbours_leaves_only_their_work() -> Result<()> {
    const LEADS: u64 = 8;
    let (world, _) = leads(20).await?;
    for round in 0..2 {
        let status = if round == 0 { "CONTACTED" } else { "CONVERTED" };
        let body = json!({"status": status, "notes": status});
        let changes = try_join_all((1..=LEADS).map(|lead| change(&world, lead, &body).boxed_local()));
        let erased = [round + 1, round + 5];
        let erasures = try_join_all(erased.map(|lead| erase(&world, lead).boxed_local()));
        let (changes, erasures) = join(changes, erasures).await;
        let (changes, erasures) = (changes?, erasures?);
        assert!(erasures.iter().all(|answer| answer.status == 200), "{erasures:?}");
        for (lead, answer) in (1..).zip(&changes) {
            let may_be_gone = erased.contains(&lead) || round == 1 && [1, 5].contains(&lead);
            assert!(answer.status == 200 || may_be_gone && answer.status == 410, "{lead}: {answer:?}");
        }
        lead_tables::check(&world).await?;
    }
    let converted = world.leads(USER, &[("status", "CONVERTED")]).await?;
    assert_eq!((ids(&converted), &converted.data()["total"]), (vec![8, 7, 4, 3], &json!(4)));
    Ok(())
}

/// Two who erase at once, the same lead and neighbours.
#[tokio::test]
async fn lead_erased_twice_at_once_is_erased_once() -> Result<()> {
    let (world, _) = leads(10).await?;
    let answers = try_join_all([2, 2, 2, 3, 4].map(|lead| erase(&world, lead).boxed_local())).await?;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    lead_tables::check(&world).await?;
    assert_eq!(ids(&world.leads(USER, &[]).await?), [10, 9, 8, 7, 6, 5, 1]);
    Ok(())
}
