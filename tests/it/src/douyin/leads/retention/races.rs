//! Old leads go while others are at work on them.

use anyhow::{Result, ensure};
use functions::workers::sweeper;
use futures::FutureExt;
use sandbox::douyin::FanChange;
use serde_json::json;

use super::{DAY, SHOP, change, days, expired, ids, leads, retention, sweep_all};
use crate::bad_input::USER;
use crate::douyin::fan_sync::faults::{PLENTY, begin, live_through, recover};
use crate::proxy::Proxy;
use crate::world::EndpointOverrides;
use crate::{World, lead_tables};

/// One round of the sweeper, of which one request is held back until `meanwhile` is done.
async fn round_around(world: &World, step: &str, meanwhile: impl Future<Output = Result<()>>) -> Result<()> {
    let proxy = Proxy::start(world).await?;
    let gate = proxy.hold(step, 1);
    let app = sweeper::App::new(&world.context("sweeper", &proxy.endpoints()).await?).await?;
    let beside = async {
        gate.reached().await;
        let done = meanwhile.await;
        gate.open();
        done
    };
    let (round, done) = futures::join!(sweeper::handle(&app, world.deadline()).boxed_local(), beside.boxed_local());
    round?;
    done
}

#[tokio::test]
async fn lead_that_somebody_begins_to_work_while_old_ones_go_stays() -> Result<()> {
    for step in ["BatchGetItem t_douyin_lead", "TransactWriteItems t_douyin_lead"] {
        let (world, _) = leads(12).await?;
        change(&world, 8, &json!({"notes": "老客户介绍"})).await?;
        world.advance(31 * DAY);
        let edits = async {
            for lead in [7, 8] {
                change(&world, lead, &json!({"status": "CONTACTED", "notes": "刚打了电话", "ownerId": "staff-1"}))
                    .await?;
            }
            Ok(())
        };
        round_around(&world, step, edits).await?;
        sweep_all(&world).await?;
        assert_eq!(ids(&world, &[]).await?, [8, 7], "{step}");
        assert_eq!(ids(&world, &[("ownerId", "staff-1")]).await?, [8, 7], "{step}");
        assert_eq!(retention(&world).await?["deleted"], "10", "{step}");
        lead_tables::check(&world).await?;
    }
    Ok(())
}

/// A sync that has read the leads commits after they are gone, and makes nobody of them a lead again.
#[tokio::test]
async fn leads_that_go_while_their_account_is_synced_stay_away() -> Result<()> {
    for step in ["BatchGetItem t_lead_identity", "BatchGetItem t_douyin_lead", "TransactWriteItems t_douyin_sync_task"]
    {
        let (world, shop) = leads(30).await?;
        days(&world, 29).await?;
        world.advance(2 * DAY);
        world.keep_tokens().await?;
        world.sandbox.douyin().change_fans(SHOP, FanChange { rename: 30, add: 2, ..FanChange::default() });
        let task = begin(&world, &shop, "FULL").await?;
        let proxy = Proxy::start(&world).await?;
        live_through(&world, &proxy, PLENTY, (step, 1), async { world.sweep().await }).await?;
        recover(&world, &task).await?;
        let progress = world.progress(USER, &task).await?;
        assert_eq!((&progress["status"], &progress["created"]), (&json!("COMPLETED"), &json!(2)), "{step}: {progress}");
        sweep_all(&world).await?;
        assert_eq!(ids(&world, &[]).await?, [32, 31], "{step}");
        lead_tables::check(&world).await?;
    }
    Ok(())
}

/// Two rounds at once delete and count each lead once.
#[tokio::test]
async fn old_leads_looked_at_by_two_rounds_at_once_go_once() -> Result<()> {
    let (world, _) = leads(120).await?;
    world.advance(31 * DAY);
    let mut apps = Vec::new();
    for _ in 0..2 {
        apps.push(sweeper::App::new(&world.context("sweeper", &EndpointOverrides::default()).await?).await?);
    }
    let rounds = apps.iter().map(|app| sweeper::handle(app, world.deadline()).boxed_local());
    for round in futures::future::join_all(rounds).await {
        let reports = round?;
        ensure!(reports.iter().all(|report| report.failed == 0), "{reports:?}");
    }
    sweep_all(&world).await?;
    assert_eq!((ids(&world, &[]).await?, &*retention(&world).await?["deleted"]), (vec![], "120"));
    assert_eq!(expired(&world).await?.len(), 120);
    lead_tables::check(&world).await
}

/// A tenant who was deleted is not brought back by a pass that goes on.
#[tokio::test]
async fn tenant_deleted_while_old_leads_go_leaves_nothing() -> Result<()> {
    let (world, shop) = leads(12).await?;
    let disconnected = crate::Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
    ensure!(world.call_as(USER, disconnected).await?.status == 200);
    world.advance(31 * DAY);
    let deleted = async {
        local::tenant_deletion::delete_tenant(&world.aws.dynamodb, &world.table(""), USER).await?;
        Ok(())
    };
    round_around(&world, "TransactWriteItems t_douyin_lead", deleted).await?;
    for table in ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index"] {
        assert_eq!(world.rows(table).await?.len(), 0, "{table}");
    }
    Ok(())
}
