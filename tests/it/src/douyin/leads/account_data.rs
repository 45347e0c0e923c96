//! Deleting what an account has brought: leads of it alone go, others lose it, and the account can come back.

mod crashes;
mod races;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use sandbox::SandboxConfig;
use serde_json::{Value, json};

use super::merges::{merge, stores};
use crate::bad_input::USER;
use crate::proxy::{Fault, Proxy};
use crate::snapshot::ExpectedError;
use crate::{Answer, Event, World, lead_tables};

const SHOP: &str = "shop";
const BRANCH: &str = "branch";
/// Fans of each account, and how many of them follow both.
const FANS: u32 = 12;
const COMMON: usize = 4;

/// A tenant with the leads of two accounts: 1 to 12 of the shop, of which the first four follow the branch too, and 13 to 20
/// of the branch alone.
async fn scene() -> Result<(World, [String; 2])> {
    let world = World::around(SandboxConfig { seed: Some(31), ..SandboxConfig::default() }).await?;
    for name in [SHOP, BRANCH] {
        world.douyin_account(name, FANS);
    }
    let shop = world.authorize(USER, SHOP).await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let branch = world.authorize(USER, BRANCH).await?;
    // The sandbox gives every account fans of its own; here some of the branch's are the shop's first leads.
    let branch_fans = world.sandbox.douyin().fans(BRANCH).context("no branch")?;
    let mut shops = world.rows("t_douyin_lead").await?;
    shops.sort_by_key(|row| row["lead_id"].parse::<u64>().unwrap_or_default());
    let common = branch_fans.iter().zip(&shops).take(COMMON);
    let common = common.map(|(fan, lead)| (fan.open_id.clone(), lead["douyin_user_id"].clone())).collect();
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("fans/list", 1, u32::MAX, Fault::Replace(common));
    world.request_sync(USER, &branch, "INCREMENTAL").await?;
    let context = world.context("douyin-fan-sync-worker", &proxy.endpoints()).await?;
    let app = functions::workers::douyin_fan_sync_worker::App::new(&context).await?;
    let batch = world.receive().await?;
    world.run_batch(&app, batch).boxed_local().await?;
    ensure!(world.leads(USER, &[]).await?.data()["total"] == 20);
    Ok((world, [shop, branch]))
}

fn deletion(account: &str) -> Result<Event> {
    Ok(Event::sample("douyin-data-delete")?.path("douyinUserId", account))
}

async fn delete(world: &World, account: &str) -> Result<Answer> {
    world.call_as(USER, deletion(account)?).await
}

pub(super) async fn change(world: &World, lead: u64, body: &Value) -> Result<()> {
    let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
    let answer = world.call_as(USER, event.json(body)).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

pub(super) async fn ids(world: &World, filter: &[(&str, &str)]) -> Result<Vec<u64>> {
    let answer = world.leads(USER, &[filter, &[("size", "100")]].concat()).await?;
    let records = answer.data()["records"].as_array().into_iter().flatten();
    let ids: Vec<u64> = records.filter_map(|record| record["leadId"].as_u64()).collect();
    ensure!(answer.data()["total"] == ids.len(), "{answer:?}");
    Ok(ids)
}

/// How the deletion ended, after as many rounds as it takes.
async fn ended(world: &World, account: &str) -> Result<Value> {
    for _ in 0..5 {
        let answer = delete(world, account).await?;
        if answer.status == 200 {
            return Ok(answer.data().clone());
        }
        ensure!(answer.status == 202 && answer.data()["status"] == "RUNNING", "{answer:?}");
        world.sweep().await?;
        world.advance(Duration::from_secs(60));
    }
    anyhow::bail!("the deletion does not end")
}

#[tokio::test]
async fn account_data_deleted_takes_its_own_leads_and_leaves_those_of_others() -> Result<()> {
    let (world, [shop, branch]) = scene().await?;
    change(&world, 2, &json!({"status": "CONTACTED", "notes": "两家都来", "ownerId": "staff-1"})).await?;
    change(&world, 7, &json!({"status": "CONTACTED", "notes": "只来总店的客户", "ownerId": "staff-1"})).await?;
    change(&world, 7, &json!({"status": "CONVERTED"})).await?;
    let fan = world.rows("t_douyin_lead").await?.iter().find(|row| row["lead_id"] == "7").context("no lead")?
        ["douyin_user_id"]
        .clone();
    let task = world.request_sync(USER, &shop, "FULL").await?.data()["taskId"].as_str().context("no task")?.to_owned();

    let answer = delete(&world, &shop).await?;
    assert_eq!(
        (answer.status, &answer.data()["status"], &answer.data()["deleted"]),
        (202, &json!("RUNNING"), &json!(0))
    );
    assert_eq!(answer.data()["douyinUserId"], shop);
    assert_eq!(world.progress(USER, &task).await?["status"], "FAILED", "a sync of it has ended");
    assert!(world.rows("t_douyin_auth").await?.iter().all(|row| row["douyin_user_id"] != shop), "with its tokens");
    world.drain().await?;

    let told = ended(&world, &shop).await?;
    let numbers = ["status", "deleted", "kept"].map(|name| told[name].clone());
    assert_eq!(numbers, [json!("COMPLETED"), json!(8), json!(4)], "{told}");
    assert!(told["finishedAt"].is_string(), "{told}");
    lead_tables::check(&world).await?;
    let left: Vec<u64> = (1..=20).rev().filter(|id| !(5..=12).contains(id)).collect();
    assert_eq!(ids(&world, &[]).await?, left);
    assert_eq!(ids(&world, &[("sourceDouyinUserId", &branch)]).await?, left);
    assert_eq!(ids(&world, &[("sourceDouyinUserId", &shop)]).await?, [0; 0]);
    assert_eq!(ids(&world, &[("ownerId", "staff-1")]).await?, [2]);
    assert_eq!(ids(&world, &[("keyword", "客户")]).await?, [0; 0]);
    assert_eq!(ids(&world, &[("status", "CONTACTED")]).await?, [2], "what people wrote of the others stays");
    for table in ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index"] {
        let rows = format!("{:?}", world.rows(table).await?);
        assert!(!rows.contains(&fan) && !rows.contains("只来总店的客户"), "{table} knows of the lead");
    }
    assert!(world.rows("t_lead_identity").await?.iter().all(|row| !row["identity"].contains("#ERASED#")));
    let gone = world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", "7")).await?;
    ExpectedError::new(410, "LEAD_ERASED").check("a lead that went", &gone);
    let log = world.call_as(USER, Event::sample("audit")?.query(&[("action", "DOUYIN_ACCOUNT_DATA_DELETED")])).await?;
    assert_eq!(log.data()["total"], 1, "{log:?}");
    assert_eq!(log.data()["records"][0]["object"], format!("douyin-account/{shop}"));

    // The account comes back with its fans: nobody was told to be forgotten.
    world.authorize(USER, SHOP).await?;
    let progress = world.sync(USER, &shop, "INCREMENTAL").await?;
    assert_eq!(progress["created"], 8, "{progress}");
    assert_eq!(ids(&world, &[("sourceDouyinUserId", &shop)]).await?.len(), 12);
    lead_tables::check(&world).await?;
    // And it can go once more.
    assert_eq!(delete(&world, &shop).await?.status, 202);
    assert_eq!(ended(&world, &shop).await?["deleted"], 8);
    lead_tables::check(&world).await
}

#[tokio::test]
async fn account_data_can_be_deleted_after_the_account_and_only_by_its_tenant() -> Result<()> {
    let (world, [shop, _]) = scene().await?;
    let missing = ExpectedError::new(404, "NOT_FOUND");
    missing.check("another tenant's", &world.call_as(USER + 1, deletion(&shop)?).await?);
    missing.check("nobody's", &delete(&world, "_000unknown").await?);
    let disconnected = Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
    ensure!(world.call_as(USER, disconnected).await?.status == 200);
    assert_eq!(delete(&world, &shop).await?.status, 202);
    assert_eq!(ended(&world, &shop).await?["deleted"], 8);
    assert_eq!(ids(&world, &[]).await?.len(), 12);
    lead_tables::check(&world).await
}

/// What was merged is split first; then each goes or stays by its own accounts.
#[tokio::test]
async fn account_data_of_merged_leads_goes_by_each_leads_own_accounts() -> Result<()> {
    let (world, [shop, _]) = scene().await?;
    change(&world, 6, &json!({"notes": "总店的"})).await?;
    change(&world, 14, &json!({"notes": "分店的"})).await?;
    let operations = stores(&world, None)?;
    for (survivor, other) in [(14, 6), (15, 14), (8, 16), (9, 10)] {
        merge(&operations, survivor, other).await?;
    }
    assert_eq!(delete(&world, &shop).await?.status, 202);
    let told = ended(&world, &shop).await?;
    assert_eq!((&told["deleted"], &told["kept"]), (&json!(8), &json!(4)), "{told}");
    lead_tables::check(&world).await?;
    assert_eq!(ids(&world, &[]).await?, (1..=20).rev().filter(|id| !(5..=12).contains(id)).collect::<Vec<_>>());
    assert_eq!(ids(&world, &[("keyword", "总店的")]).await?, [0; 0]);
    assert_eq!(ids(&world, &[("keyword", "分店的")]).await?, [14]);
    Ok(())
}
