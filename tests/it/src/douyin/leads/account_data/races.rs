//! Deleting an account's data while others are at work.

use anyhow::{Result, ensure};
use functions::workers::sweeper;
use futures::FutureExt;
use sandbox::douyin::FanChange;
use serde_json::json;

use super::{BRANCH, SHOP, change, delete, ended, ids, scene};
use crate::bad_input::USER;
use crate::douyin::fan_sync::faults::{PLENTY, begin, live_through, recover};
use crate::proxy::Proxy;
use crate::{World, lead_tables};

/// While its data go the account cannot be authorised; a sync of it would count leads that go.
#[tokio::test]
async fn account_whose_data_are_being_deleted_is_authorised_only_afterwards() -> Result<()> {
    let (world, [shop, _]) = scene().await?;
    ensure!(delete(&world, &shop).await?.status == 202);
    let refused = world.authorize(USER, SHOP).await.err().map(|error| format!("{error:?}")).unwrap_or_default();
    assert!(refused.contains("该抖音账号的数据正在删除"), "{refused}");
    // Of another tenant it is none of the business.
    assert_eq!(world.authorize(USER + 1, SHOP).await?, shop);
    let theirs = crate::Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
    ensure!(world.call_as(USER + 1, theirs).await?.status == 200);
    ended(&world, &shop).await?;
    assert_eq!(world.authorize(USER, SHOP).await?, shop);
    Ok(())
}

/// One round of the sweeper, of which one request is held back until `meanwhile` is done.
async fn round_around(
    world: &World,
    (step, nth): (&str, u32),
    meanwhile: impl Future<Output = Result<()>>,
) -> Result<()> {
    let proxy = Proxy::start(world).await?;
    let gate = proxy.hold(step, nth);
    let app = sweeper::App::new(&world.context("sweeper", &proxy.endpoints()).await?).await?;
    let (round, done) = futures::join!(
        sweeper::handle(&app, world.deadline()).boxed_local(),
        async {
            gate.reached().await;
            let done = meanwhile.await;
            gate.open();
            done
        }
        .boxed_local()
    );
    round?;
    done
}

#[tokio::test]
async fn account_data_deleted_while_people_work_on_the_leads_goes_with_their_work() -> Result<()> {
    for step in [("BatchGetItem t_douyin_lead", 1), ("TransactWriteItems t_douyin_lead_index", 1)] {
        let (world, [shop, _]) = scene().await?;
        ensure!(delete(&world, &shop).await?.status == 202);
        let edits = async {
            for lead in [2, 7] {
                change(&world, lead, &json!({"status": "CONTACTED", "notes": "刚写的", "ownerId": "staff-1"})).await?;
            }
            Ok(())
        };
        round_around(&world, step, edits).await?;
        let told = ended(&world, &shop).await?;
        assert_eq!((&told["deleted"], &told["kept"]), (&json!(8), &json!(4)), "{step:?}: {told}");
        lead_tables::check(&world).await?;
        assert_eq!(ids(&world, &[("ownerId", "staff-1")]).await?, [2], "{step:?}");
    }
    Ok(())
}

/// The sync of another account has read leads of both, and commits after they have lost this one.
#[tokio::test]
async fn account_data_deleted_while_another_account_is_synced_stays_deleted() -> Result<()> {
    for step in ["BatchGetItem t_lead_identity", "BatchGetItem t_douyin_lead", "TransactWriteItems t_douyin_sync_task"]
    {
        let (world, [shop, branch]) = scene().await?;
        world.sandbox.douyin().change_fans(BRANCH, FanChange { rename: 12, add: 2, ..FanChange::default() });
        let task = begin(&world, &branch, "FULL").await?;
        ensure!(delete(&world, &shop).await?.status == 202);
        let proxy = Proxy::start(&world).await?;
        live_through(&world, &proxy, PLENTY, (step, 1), async { world.sweep().await }).await?;
        recover(&world, &task).await?;
        assert_eq!(world.progress(USER, &task).await?["status"], "COMPLETED", "{step}");
        ended(&world, &shop).await?;
        lead_tables::check(&world).await?;
        assert_eq!(ids(&world, &[("sourceDouyinUserId", &shop)]).await?, [0; 0], "{step}");
    }
    Ok(())
}
