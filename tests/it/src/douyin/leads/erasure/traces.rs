//! Everything that a story wrote is searched for the person that was erased.

use anyhow::{Context, Result, ensure};
use sandbox::douyin::FanChange;
use serde_json::json;
use tracing::instrument::WithSubscriber;

use super::{SHOP, change, erase, fan_of, ids, leads, read};
use crate::bad_input::USER;
use crate::logged::Logged;
use crate::{World, lead_tables};

const NOTE: &str = "她说下周三带女儿来试穿红裙子";
/// Leads that are erased: a new one, one that was worked on, and the last one.
const ERASED: [u64; 3] = [3, 9, 40];

/// Where any of these texts is found: in a row, an index entry, a message that waits, or a log line.
async fn traces(world: &World, log: &Logged, of: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in world.stack.physical_ids("AWS::DynamoDB::Table").into_values() {
        let name = name.strip_prefix(world.table("").as_str()).context("a table is named otherwise")?.to_owned();
        for row in world.rows(&name).await? {
            let text = format!("{row:?}");
            found.extend(of.iter().filter(|trace| text.contains(*trace)).map(|trace| format!("{trace} in {name}")));
        }
    }
    let log = log.text();
    found.extend(of.iter().filter(|trace| log.contains(*trace)).map(|trace| format!("{trace} in the log")));
    Ok(found)
}

#[tokio::test]
async fn lead_erased_leaves_no_trace_in_any_table_queue_or_log() -> Result<()> {
    let log = Logged::default();
    story(&log).with_subscriber(log.subscriber()).await
}

async fn story(log: &Logged) -> Result<()> {
    let (world, shop) = leads(40).await?;
    let mut known = Vec::new();
    for lead in ERASED {
        if lead != ERASED[0] {
            for body in [json!({"status": "CONTACTED", "notes": NOTE}), json!({"status": "CONVERTED"})] {
                ensure!(change(&world, lead, &body).await?.status == 200);
            }
        }
        let answer = read(&world, lead).await?;
        let text = |name: &str| answer.data()[name].as_str().unwrap_or_default().to_owned();
        let names = ["douyinUserId", "avatarUrl", "nickname"].map(text);
        // A short nickname can be part of anything.
        known.extend(names.into_iter().filter(|text| text.chars().count() > 3));
    }
    known.push(NOTE.to_owned());
    // A plain hash of an open id would tell whoever can ask Douyin for the ids.
    let plain: Vec<String> = known.iter().map(|text| kernel::crypto::sha256_hex(text.as_bytes())).collect();
    ensure!(traces(&world, log, &known).await?.len() >= ERASED.len() * 2, "the search finds nothing at all");

    for lead in ERASED {
        ensure!(erase(&world, lead).await?.status == 200);
    }
    let all = [known, plain].concat();
    assert_eq!(traces(&world, log, &all).await?, [""; 0]);
    // Nor does any sync bring one of them back, whatever they do at Douyin.
    world.sandbox.douyin().change_fans(SHOP, FanChange { rename: 40, ..FanChange::default() });
    for strategy in ["INCREMENTAL", "FULL", "FULL"] {
        let progress = world.sync(USER, &shop, strategy).await?;
        assert_eq!((&progress["status"], &progress["created"]), (&json!("COMPLETED"), &json!(0)), "{progress}");
        assert_eq!(progress["seen"], 40, "{progress}");
        assert_eq!(traces(&world, log, &all).await?, [""; 0], "after {strategy}");
        lead_tables::check(&world).await?;
    }
    let listed = world.leads(USER, &[("size", "100")]).await?;
    assert_eq!((ids(&listed).len(), &listed.data()["total"]), (37, &json!(37)));
    world.expect_empty_queues().await
}

/// A FULL sync still knows when it has met everybody, so it still finds out who has left.
#[tokio::test]
async fn lead_erased_does_not_keep_a_full_sync_from_marking_who_unfollowed() -> Result<()> {
    let (world, shop) = leads(20).await?;
    let erased = fan_of(&world, 5).await?;
    ensure!(erase(&world, 5).await?.status == 200);
    world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 6, ..FanChange::default() });
    let progress = world.sync(USER, &shop, "FULL").await?;
    let fans = world.sandbox.douyin().fans(SHOP).context("no shop")?;
    // The erased person may be among those who left.
    let left = if fans.iter().any(|fan| fan.open_id == erased) { 6 } else { 5 };
    assert_eq!(progress["unfollowed"], left, "{progress}");
    lead_tables::check(&world).await
}

/// The same person follows another account of the tenant, and one of another tenant: erased is who asked to be, where they
/// asked for it.
#[tokio::test]
async fn lead_erased_stays_so_for_every_account_of_the_tenant_and_for_no_other_tenant() -> Result<()> {
    const OTHER: u64 = 2002;
    let (world, _) = leads(8).await?;
    let fans: Vec<String> = world.sandbox.douyin().fans(SHOP).into_iter().flatten().map(|fan| fan.open_id).collect();
    ensure!(erase(&world, 4).await?.status == 200);
    let erased: Vec<&String> = {
        let rows = world.rows("t_douyin_lead").await?;
        fans.iter().filter(|fan| !rows.iter().any(|row| row["douyin_user_id"] == **fan)).collect()
    };
    let [erased] = erased[..] else { anyhow::bail!("{erased:?}") };
    for (user, name, created) in [(USER, "branch", 7), (OTHER, "elsewhere", 8)] {
        world.douyin_account(name, 8);
        let account = world.authorize(user, name).await?;
        let own: Vec<String> = world.sandbox.douyin().fans(name).into_iter().flatten().map(|fan| fan.open_id).collect();
        let proxy = crate::proxy::Proxy::start(&world).await?;
        let same = own.into_iter().zip([erased.clone()]).collect();
        proxy.arm_times("fans/list", 1, u32::MAX, crate::proxy::Fault::Replace(same));
        let answer = world.request_sync(user, &account, "INCREMENTAL").await?;
        let batch = world.receive().await?;
        let endpoints = proxy.endpoints();
        let context = world.context("douyin-fan-sync-worker", &endpoints).await?;
        let app = functions::workers::douyin_fan_sync_worker::App::new(&context).await?;
        world.run_batch(&app, batch).await?;
        let progress = world.progress(user, answer.data()["taskId"].as_str().context("no task")?).await?;
        assert_eq!((&progress["created"], &progress["seen"]), (&json!(created), &json!(8)), "{name}: {progress}");
        lead_tables::check(&world).await?;
    }
    Ok(())
}
