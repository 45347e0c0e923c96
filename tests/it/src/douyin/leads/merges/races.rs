//! Merging and splitting while others are at work on the same leads.

use anyhow::{Context, Result, ensure};
use functions::http::dispatch;
use functions::routes::douyin_lead_erase::{self, App};
use futures::FutureExt;
use sandbox::douyin::FanChange;

use super::{SHOP, leads, merge, read, split, stores};
use crate::bad_input::USER;
use crate::douyin::fan_sync::faults::{PLENTY, begin, live_through, recover};
use crate::proxy::Proxy;
use crate::snapshot::ExpectedError;
use crate::{Event, World, lead_tables};

const ERASED: ExpectedError<'_> = ExpectedError::new(410, "LEAD_ERASED");

/// Erases a lead through a proxy that holds one request back, until `meanwhile` is done; whether it was answered 200.
async fn erase_around<T>(
    world: &World,
    lead: u64,
    (step, nth): (&str, u32),
    meanwhile: impl Future<Output = leads::Result<T>>,
) -> Result<bool> {
    let proxy = Proxy::start(world).await?;
    let gate = proxy.hold(step, nth);
    let app = App::new(&world.context("douyin-lead-erase", &proxy.endpoints()).await?).await?;
    let event = Event::sample("douyin-lead-erase")?.path("leadId", &lead.to_string());
    let request = event.bearer(&world.token(USER, &["*"])?).request()?;
    let (answer, held) = futures::join!(
        dispatch(&app, douyin_lead_erase::handle, request).boxed_local(),
        async {
            gate.reached().await;
            let done = meanwhile.await;
            gate.open();
            done
        }
        .boxed_local()
    );
    held?;
    Ok(answer.status() == 200)
}

/// Whoever asks for a merged lead's erasure while it is split off has it erased, and nobody else.
#[tokio::test]
async fn lead_erased_while_it_is_split_off_is_the_one_that_is_erased() -> Result<()> {
    for step in [
        ("TransactGetItems t_douyin_lead", 1),
        ("BatchGetItem t_douyin_lead", 2),
        ("BatchGetItem t_lead_identity", 1),
        ("GetItem t_douyin_lead_index", 1),
        ("TransactWriteItems t_douyin_lead", 1),
    ] {
        let (world, _) = leads(12).await?;
        let straight = stores(&world, None)?;
        merge(&straight, 5, 9).await?;
        ensure!(erase_around(&world, 9, step, split(&straight, 9)).await?, "{step:?}");
        lead_tables::check(&world).await.with_context(|| format!("{step:?}"))?;
        ERASED.check("the lead that was asked for", &read(&world, 9).await?);
        assert_eq!(read(&world, 5).await?.status, 200, "{step:?}: the other one stays");
    }
    Ok(())
}

/// Whoever asks for a lead's erasure while it is merged into another one has both erased: they are one person.
#[tokio::test]
async fn lead_erased_while_it_is_merged_goes_with_the_one_that_stands_for_both() -> Result<()> {
    for step in [("BatchGetItem t_douyin_lead", 1), ("TransactWriteItems t_douyin_lead", 1)] {
        let (world, _) = leads(12).await?;
        let straight = stores(&world, None)?;
        ensure!(erase_around(&world, 9, step, merge(&straight, 5, 9)).await?, "{step:?}");
        lead_tables::check(&world).await.with_context(|| format!("{step:?}"))?;
        for lead in [5, 9] {
            ERASED.check("both", &read(&world, lead).await?);
        }
    }
    Ok(())
}

/// A sync that did not meet a lead is about to mark it, and somebody who was met becomes the same person.
#[tokio::test]
async fn lead_that_was_missed_and_is_merged_with_one_that_was_met_still_follows() -> Result<()> {
    for step in ["BatchGetItem t_douyin_lead", "TransactWriteItems t_douyin_sync_task"] {
        let (world, shop) = leads(8).await?;
        world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 1, ..FanChange::default() });
        let fans = world.sandbox.douyin().fans(SHOP).context("no shop")?;
        let rows = world.rows("t_douyin_lead").await?;
        let is_missed = |row: &&crate::tables::Row| fans.iter().all(|fan| *fan.open_id != row["douyin_user_id"]);
        let missed: u64 = rows.iter().find(is_missed).context("nobody left")?["lead_id"].parse()?;
        let met = if missed == 1 { 2 } else { 1 };
        let task = begin(&world, &shop, "FULL").await?;
        let proxy = Proxy::start(&world).await?;
        let merging = async { Ok(merge(&stores(&world, None)?, missed, met).await.map(|_| ())?) };
        live_through(&world, &proxy, PLENTY, (step, 2), merging).await?;
        recover(&world, &task).await?;
        let progress = world.progress(USER, &task).await?;
        assert_eq!((&progress["status"], progress["unfollowed"].as_u64()), (&"COMPLETED".into(), Some(0)), "{step}");
        lead_tables::check(&world).await?;
        let rows = world.rows("t_douyin_lead").await?;
        let lead = rows.iter().find(|row| row["lead_id"] == missed.to_string()).context("no lead")?;
        assert_eq!(lead["follow_state"], "FOLLOWING", "{step}");
    }
    Ok(())
}
