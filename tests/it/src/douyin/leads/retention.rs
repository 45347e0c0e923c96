//! Leads that are kept for nothing go by themselves: old ones that no customer came of and that nobody works. Times are
//! whole days, so that no pause of a clock decides who is old.

mod crashes;
mod races;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::workers::sweeper;
use sandbox::SandboxConfig;
use sandbox::douyin::FanChange;
use serde_json::json;

use super::account_data::{change, ids};
use super::merges::{merge, stores};
use crate::bad_input::USER;
use crate::proxy::Proxy;
use crate::snapshot::ExpectedError;
use crate::tables::Row;
use crate::{Event, World, lead_tables};

const SHOP: &str = "shop";
const DAYS: &str = "LEAD_RETENTION_DAYS";
const DAY: Duration = Duration::from_secs(86_400);

/// A tenant with so many leads of one account, which are kept for 30 days. The same seed makes the same fans.
async fn leads(fans: u32) -> Result<(World, String)> {
    let mut world = World::around(SandboxConfig { seed: Some(59), ..SandboxConfig::default() }).await?;
    world.set(DAYS, "30");
    // Syncs come when a test asks for them, and meet everybody.
    world.set("AUTO_SYNC_INTERVAL_HOURS", "0");
    world.set("FAN_SYNC_KNOWN_PAGES", "0");
    world.douyin_account(SHOP, fans);
    let shop = world.authorize(USER, SHOP).await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    Ok((world, shop))
}

/// So many days go by, with a round of the keeper and of the sweeper in each.
async fn days(world: &World, days: u32) -> Result<()> {
    for _ in 0..days {
        world.advance(DAY);
        world.keep_tokens().await?;
        world.sweep().await?;
    }
    Ok(())
}

/// Rounds of the sweeper until the tenant's pass is through.
async fn sweep_all(world: &World) -> Result<()> {
    for _ in 0..5 {
        world.sweep().await?;
        world.advance(Duration::from_secs(60));
        let due: i64 = retention(world).await?["retention_due"].parse()?;
        if due > world.clock.now().as_second() {
            return Ok(());
        }
    }
    anyhow::bail!("the pass does not end")
}

/// The tenant's row.
async fn retention(world: &World) -> Result<Row> {
    let rows = world.rows("t_douyin_lead_index").await?;
    rows.into_iter().find(|row| row["entry"] == "retention").context("no row")
}

/// The open ids of the tenant's leads whose row says this of their follow state.
async fn fans(world: &World, follow_state: &str) -> Result<BTreeSet<String>> {
    let rows = world.rows("t_douyin_lead").await?;
    let rows = rows.into_iter().filter(|row| row["follow_state"] == follow_state);
    Ok(rows.map(|row| row["douyin_user_id"].clone()).collect())
}

/// The leads that the audit log says are gone for their age.
async fn expired(world: &World) -> Result<BTreeSet<u64>> {
    let query = [("action", "LEADS_EXPIRED"), ("size", "100"), ("from", "2020-01-01T00:00:00Z")];
    let log = world.call_as(USER, Event::sample("audit")?.query(&query)).await?;
    let rows = log.data()["records"].as_array().context("no records")?;
    ensure!(rows.iter().all(|row| row["actor"]["id"] == "system" && row["object"] == "leads"), "{log:?}");
    let told = rows.iter().flat_map(|row| row["after"]["leadIds"].as_array().into_iter().flatten());
    let told: Vec<u64> = told.filter_map(serde_json::Value::as_u64).collect();
    let ids: BTreeSet<u64> = told.iter().copied().collect();
    ensure!(ids.len() == told.len(), "a lead went twice: {log:?}");
    Ok(ids)
}

#[tokio::test]
async fn retention_takes_old_leads_that_nobody_works_and_no_sync_brings_back_who_follows() -> Result<()> {
    let (world, shop) = leads(40).await?;
    change(&world, 2, &json!({"status": "CONTACTED", "notes": "想来看婚纱的客户", "ownerId": "staff-1"})).await?;
    change(&world, 3, &json!({"status": "CONTACTED", "notes": "已经下单"})).await?;
    change(&world, 3, &json!({"status": "CONVERTED"})).await?;
    let left = world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 2, ..FanChange::default() });
    let left: BTreeSet<String> = left.context("no shop")?.unfollowed.into_iter().collect();
    assert_eq!(world.sync(USER, &shop, "FULL").await?["unfollowed"], 2);
    assert_eq!(fans(&world, "UNFOLLOWED").await?, left);
    days(&world, 20).await?;
    world.sandbox.douyin().change_fans(SHOP, FanChange { add: 5, rename: 9, ..FanChange::default() });
    assert_eq!(world.sync(USER, &shop, "FULL").await?["created"], 5);
    change(&world, 4, &json!({"status": "CONTACTED", "notes": "还在谈"})).await?;
    days(&world, 9).await?;
    assert_eq!(ids(&world, &[]).await?.len(), 45, "nobody is old yet");
    // That the unified module writes its id on a lead, worked or not, is no work of a person's.
    for lead in ["2", "5"] {
        let event = Event::sample("douyin-lead-link")?.path("leadId", lead);
        ensure!(world.call_as(USER, event).await?.status == 200);
    }

    let fan_of = |row: &Row| row["douyin_user_id"].clone();
    let before = world.rows("t_douyin_lead").await?;
    let worked = before.iter().find(|row| row["lead_id"] == "2").context("no lead")?;
    let traces = [fan_of(worked), "想来看婚纱的客户".to_owned()];
    days(&world, 2).await?;
    let kept: Vec<u64> = (41..=45).rev().chain([4, 3]).collect();
    assert_eq!(ids(&world, &[]).await?, kept);
    assert_eq!(ids(&world, &[("status", "CONVERTED")]).await?, [3]);
    assert_eq!(ids(&world, &[("ownerId", "staff-1")]).await?, [0; 0]);
    assert_eq!(ids(&world, &[("keyword", "客户")]).await?, [0; 0]);
    lead_tables::check(&world).await?;
    let gone: BTreeSet<u64> = (1..=40).filter(|id| ![3, 4].contains(id)).collect();
    assert_eq!(expired(&world).await?, gone);
    assert_eq!(retention(&world).await?["deleted"], "38");
    for table in ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index", "t_audit"] {
        let rows = format!("{:?}", world.rows(table).await?);
        assert!(traces.iter().all(|trace| !rows.contains(trace)), "{table} knows of the lead");
    }
    let read = world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", "2")).await?;
    ExpectedError::new(410, "LEAD_ERASED").check("a lead that went", &read);
    let hashes = world.rows("t_lead_identity").await?.iter().filter(|row| row["identity"].contains("#ERASED#")).count();
    let unfollowed = before.iter().filter(|row| left.contains(&row["douyin_user_id"]));
    let unfollowed: BTreeSet<u64> = unfollowed.filter_map(|row| row["lead_id"].parse().ok()).collect();
    assert_eq!(hashes, gone.difference(&unfollowed).count(), "a hash for each that still follows");

    // Who still follows stays away; who had left and comes back is somebody new.
    for strategy in ["INCREMENTAL", "FULL"] {
        assert_eq!(world.sync(USER, &shop, strategy).await?["created"], 0, "{strategy}");
    }
    world.sandbox.douyin().change_fans(SHOP, FanChange { refollow: 2, ..FanChange::default() });
    let back = gone.intersection(&unfollowed).count();
    assert_eq!(world.sync(USER, &shop, "FULL").await?["created"], back);
    lead_tables::check(&world).await?;

    // Worked on day 20, so old from day 50 on, and found within a week; the customer stays.
    days(&world, 26).await?;
    let stays: Vec<u64> = (46..46 + back as u64).rev().chain([3]).collect();
    assert_eq!(ids(&world, &[]).await?, stays);
    assert_eq!(retention(&world).await?["deleted"], "44");
    lead_tables::check(&world).await
}

/// Whatever is set is read at each round, and what was not deleted for months is found when it is.
#[tokio::test]
async fn retention_of_zero_days_deletes_nobody_and_a_shorter_one_holds_at_once() -> Result<()> {
    let (mut world, _) = leads(12).await?;
    world.set(DAYS, "0");
    for _ in 0..3 {
        world.advance(100 * DAY);
        world.sweep().await?;
    }
    assert_eq!((ids(&world, &[]).await?.len(), &*retention(&world).await?["version"]), (12, "1"));
    world.set(DAYS, "3650");
    sweep_all(&world).await?;
    assert_eq!((ids(&world, &[]).await?.len(), &*retention(&world).await?["version"]), (12, "2"));
    world.set(DAYS, "300");
    world.advance(DAY);
    sweep_all(&world).await?;
    assert_eq!(ids(&world, &[]).await?, [0; 0]);
    lead_tables::check(&world).await
}

/// A tenant whose account is gone still has leads; they go like any others, and do not come back with it.
#[tokio::test]
async fn retention_reaches_leads_of_an_account_that_is_gone() -> Result<()> {
    let (world, shop) = leads(12).await?;
    let disconnected = Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
    ensure!(world.call_as(USER, disconnected).await?.status == 200);
    world.advance(31 * DAY);
    sweep_all(&world).await?;
    assert_eq!(ids(&world, &[]).await?, [0; 0]);
    world.authorize(USER, SHOP).await?;
    assert_eq!(world.sync(USER, &shop, "INCREMENTAL").await?["created"], 0);
    lead_tables::check(&world).await
}

/// What was merged is one lead: as old as its own acquisition and as worked as its last change, which the merge is.
#[tokio::test]
async fn retention_of_a_merged_lead_takes_all_that_it_stands_for() -> Result<()> {
    let (world, shop) = leads(12).await?;
    change(&world, 9, &json!({"notes": "总店的"})).await?;
    world.advance(DAY);
    merge(&stores(&world, None)?, 5, 9).await?;
    world.advance(29 * DAY + DAY / 2);
    sweep_all(&world).await?;
    assert_eq!(ids(&world, &[]).await?, [5], "it was merged less than 30 days ago");
    world.advance(7 * DAY);
    sweep_all(&world).await?;
    assert_eq!(ids(&world, &[]).await?, [0; 0]);
    assert_eq!(retention(&world).await?["deleted"], "11");
    lead_tables::check(&world).await?;
    for id in ["5", "9"] {
        let read = world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", id)).await?;
        ExpectedError::new(410, "LEAD_ERASED").check(id, &read);
    }
    world.authorize(USER, SHOP).await?;
    assert_eq!(world.sync(USER, &shop, "INCREMENTAL").await?["created"], 0, "neither comes back");
    Ok(())
}

/// How many requests a round makes about leads, without those for the shards of the index.
async fn requests(world: &World) -> Result<Vec<String>> {
    let proxy = Proxy::start(world).await?;
    let app = sweeper::App::new(&world.context("sweeper", &proxy.endpoints()).await?).await?;
    sweeper::handle(&app, world.deadline()).await?;
    let steps = proxy.steps().into_iter().map(|step| step.name);
    Ok(steps.filter(|name| name.ends_with("t_douyin_lead_index") || name.ends_with("t_douyin_lead")).collect())
}

/// The daily pass costs the same however many leads there are, and nothing while no tenant is due.
#[tokio::test]
async fn retention_pass_that_finds_nobody_costs_three_requests_however_many_leads_are_old() -> Result<()> {
    for fans in [20, 200] {
        let (world, _) = leads(fans).await?;
        let shards = vec!["Query t_douyin_lead_index".to_owned(); 8];
        assert_eq!(requests(&world).await?, shards, "nobody is due");
        // Customers stay for good, so these are old leads that each pass could look at.
        for lead in 1..=10 {
            for status in ["CONTACTED", "CONVERTED"] {
                change(&world, lead, &json!({ "status": status })).await?;
            }
        }
        world.advance(31 * DAY);
        sweep_all(&world).await?;
        assert_eq!(ids(&world, &[]).await?.len(), 10);
        for day in 1..=7 {
            world.advance(DAY);
            let mut made = requests(&world).await?;
            let pass = made.split_off(8);
            assert_eq!(made, shards);
            // Once a week all that is left is looked at again; that these are customers their set says.
            let again = if day == 7 { &["Query t_douyin_lead_index"][..] } else { &[] };
            let expected = [
                &["GetItem t_douyin_lead_index", "Query t_douyin_lead_index"][..],
                again,
                &["TransactWriteItems t_douyin_lead_index"],
            ]
            .concat();
            assert_eq!(pass, expected, "day {day} of {fans} leads");
        }
    }
    Ok(())
}
