//! Leads that are one person: merged, split again, synced and erased while they are one, whoever dies in between.

mod races;

use anyhow::{Context, Result, ensure};
use kernel::caller::Actor;
use kernel::ids::UserId;
use leads::ids::LeadId;
use leads::{Error, Stores, lead_merge};
use sandbox::SandboxConfig;
use sandbox::douyin::FanChange;
use serde_json::{Value, json};

use crate::bad_input::USER;
use crate::proxy::{Fault, Proxy, When};
use crate::snapshot::ExpectedError;
use crate::tables::Row;
use crate::world::EndpointOverrides;
use crate::{Answer, Event, World, lead_tables};

const SHOP: &str = "shop";

async fn leads(fans: u32) -> Result<(World, String)> {
    let world = World::around(SandboxConfig { seed: Some(23), ..SandboxConfig::default() }).await?;
    world.douyin_account(SHOP, fans);
    let shop = world.authorize(USER, SHOP).await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    Ok((world, shop))
}

/// What the operations are called with; `None` for straight ways.
pub(crate) fn stores(world: &World, proxy: Option<&Proxy>) -> Result<Stores> {
    let endpoints = proxy.map_or_else(EndpointOverrides::default, Proxy::endpoints);
    Ok(Stores::new(&world.context_with_every_right("douyin-lead-erase", &endpoints)?)?)
}

pub(crate) fn who() -> (UserId, Actor) {
    let user = UserId::new(USER).unwrap();
    (user, Actor::new(user, Some("staff-1"), None))
}

pub(crate) async fn merge(stores: &Stores, survivor: u64, other: u64) -> leads::Result<leads::store::lead::Lead> {
    let (user, actor) = who();
    lead_merge::merge(stores, (user, &actor), LeadId::new(survivor), LeadId::new(other)).await
}

pub(crate) async fn split(stores: &Stores, lead: u64) -> leads::Result<leads::store::lead::Lead> {
    let (user, actor) = who();
    lead_merge::split(stores, (user, &actor), LeadId::new(lead)).await
}

async fn change(world: &World, lead: u64, body: &Value) -> Result<Answer> {
    let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
    world.call_as(USER, event.json(body)).await
}

async fn read(world: &World, lead: u64) -> Result<Answer> {
    world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", &lead.to_string())).await
}

fn ids(answer: &Answer) -> Vec<u64> {
    let records = answer.data()["records"].as_array().into_iter().flatten();
    records.filter_map(|record| record["leadId"].as_u64()).collect()
}

/// All rows of leads but what counts changes and tells of them.
async fn rows(world: &World) -> Result<Vec<Row>> {
    let mut all = Vec::new();
    for table in ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index"] {
        all.extend(world.rows(table).await?);
    }
    all.retain(|row| {
        !row.get("entry").is_some_and(|entry| ["edit#", "followup#"].iter().any(|of| entry.starts_with(of)))
    });
    for row in &mut all {
        row.retain(|name, _| !["version", "update_time", "own_lead_id"].contains(&name.as_str()));
    }
    // A block from which the last id has gone is as good as none.
    all.retain(|row| row.get("ids").is_none_or(|ids| ids.bytes().any(|digit| digit != b'0')));
    all.sort();
    Ok(all)
}

#[tokio::test]
async fn leads_that_are_merged_are_one_and_split_they_are_two_again() -> Result<()> {
    let (world, _) = leads(20).await?;
    for (lead, body) in [
        (5, json!({"status": "CONTACTED", "notes": "先来的", "ownerId": "staff-1"})),
        (9, json!({"status": "CONTACTED", "notes": "后来的"})),
        (9, json!({"status": "CONVERTED"})),
    ] {
        let answer = change(&world, lead, &body).await?;
        ensure!(answer.status == 200, "{answer:?}");
    }
    let before = rows(&world).await?;
    let stores = stores(&world, None)?;
    merge(&stores, 5, 9).await?;
    lead_tables::check(&world).await?;

    let own = read(&world, 5).await?;
    assert_eq!((&own.data()["status"], &own.data()["ownerId"]), (&json!("CONVERTED"), &json!("staff-1")), "{own:?}");
    let notes = own.data()["notes"].as_str().context("no notes")?;
    assert!(notes.starts_with("先来的\n（来自线索 9，") && notes.ends_with("）后来的"), "{notes}");
    assert_eq!(own.data().get("mergedInto"), None);
    let other = read(&world, 9).await?;
    assert_eq!((other.status, &other.data()["leadId"], &other.data()["mergedInto"]), (200, &json!(5), &json!(5)));
    let refused = ExpectedError::new(409, "CONFLICT").saying("该线索已合并到线索 5");
    refused.check("a merged lead", &change(&world, 9, &json!({"status": "NEW", "reopen": true})).await?);
    assert!(matches!(merge(&stores, 7, 9).await, Err(Error::LeadMerged { into }) if into == LeadId::new(5)));
    for (filter, total) in [(&[][..], 19), (&[("status", "CONVERTED")], 1), (&[("keyword", "后来的")], 1)] {
        let answer = world.leads(USER, &[filter, &[("size", "100")]].concat()).await?;
        assert_eq!((ids(&answer).len(), &answer.data()["total"]), (total, &json!(total)), "{filter:?}");
        assert!(!ids(&answer).contains(&9));
    }

    split(&stores, 9).await?;
    lead_tables::check(&world).await?;
    let after = rows(&world).await?;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
    assert!(split(&stores, 9).await.is_err(), "it is no merged lead any more");
    // What was merged in turn is split from its end.
    merge(&stores, 5, 9).await?;
    merge(&stores, 12, 5).await?;
    lead_tables::check(&world).await?;
    assert_eq!(read(&world, 9).await?.data()["mergedInto"], 12);
    assert!(matches!(split(&stores, 9).await, Err(Error::LeadMerged { into }) if into == LeadId::new(12)));
    split(&stores, 5).await?;
    lead_tables::check(&world).await?;
    split(&stores, 9).await?;
    lead_tables::check(&world).await?;
    assert_eq!(world.leads(USER, &[]).await?.data()["total"], 20);
    Ok(())
}

#[tokio::test]
async fn leads_that_are_split_in_any_order_are_what_they_were() -> Result<()> {
    let (world, _) = leads(20).await?;
    for (lead, body) in [
        (5, json!({"notes": "先来的"})),
        (9, json!({"status": "CONTACTED", "notes": "后来的", "ownerId": "staff-9"})),
        (12, json!({"status": "CONTACTED", "notes": "最后的", "ownerId": "staff-12"})),
    ] {
        ensure!(change(&world, lead, &body).await?.status == 200);
    }
    let before = rows(&world).await?;
    let stores = stores(&world, None)?;
    for order in [[9, 12], [12, 9]] {
        merge(&stores, 5, 9).await?;
        merge(&stores, 5, 12).await?;
        lead_tables::check(&world).await?;
        split(&stores, order[0]).await?;
        lead_tables::check(&world).await?;
        let (own, rest) = (read(&world, 5).await?, if order[0] == 9 { 12 } else { 9 });
        let shown = |name: &str| own.data()[name].as_str().unwrap_or_default().to_owned();
        assert_eq!((shown("status"), shown("ownerId")), ("CONTACTED".to_owned(), format!("staff-{rest}")), "{order:?}");
        let notes = shown("notes");
        assert!(notes.contains(&format!("来自线索 {rest}，")), "{order:?}: {notes}");
        assert!(!notes.contains(&format!("来自线索 {}，", order[0])), "{order:?}: {notes}");
        split(&stores, order[1]).await?;
        lead_tables::check(&world).await?;
        assert_eq!(rows(&world).await?, before, "{order:?}");
    }
    Ok(())
}

/// Syncs and other edits come after the note; it is as old as it was.
#[tokio::test]
async fn note_that_is_joined_has_the_date_on_which_it_was_written() -> Result<()> {
    let (world, _) = leads(6).await?;
    ensure!(change(&world, 4, &json!({"notes": "周五回访"})).await?.status == 200);
    let written = kernel::instant::CHINA.to_datetime(world.clock.now()).date();
    world.advance(std::time::Duration::from_secs(3 * 86_400));
    ensure!(change(&world, 4, &json!({"status": "CONTACTED"})).await?.status == 200);
    let both = merge(&stores(&world, None)?, 2, 4).await?;
    assert_eq!(both.notes, format!("（来自线索 4，{written}）周五回访"));
    Ok(())
}

#[tokio::test]
async fn leads_that_are_merged_stay_one_for_every_sync_and_go_together_when_erased() -> Result<()> {
    let (world, shop) = leads(20).await?;
    let stores = stores(&world, None)?;
    merge(&stores, 3, 8).await?;
    merge(&stores, 3, 14).await?;
    world.sandbox.douyin().change_fans(SHOP, FanChange { rename: 20, ..FanChange::default() });
    for strategy in ["FULL", "INCREMENTAL", "FULL"] {
        let progress = world.sync(USER, &shop, strategy).await?;
        assert_eq!((&progress["status"], &progress["created"]), (&json!("COMPLETED"), &json!(0)), "{progress}");
        assert_eq!((&progress["seen"], &progress["unfollowed"]), (&json!(20), &json!(0)), "{progress}");
        lead_tables::check(&world).await?;
    }
    // Whoever leaves, the lead follows as long as one of its fans does.
    let fans = |world: &World| -> Vec<String> {
        world.sandbox.douyin().fans(SHOP).into_iter().flatten().map(|fan| fan.open_id).collect()
    };
    world.sandbox.douyin().change_fans(SHOP, FanChange { unfollow: 9, ..FanChange::default() });
    let rest = fans(&world);
    let expected = world
        .rows("t_douyin_lead")
        .await?
        .iter()
        .filter(|row| {
            let others = row.get("other_fans").into_iter().flat_map(|fans| fans.split(','));
            !others.chain([row["douyin_user_id"].as_str()]).any(|fan| rest.iter().any(|one| one == fan))
        })
        .count();
    let progress = world.sync(USER, &shop, "FULL").await?;
    assert_eq!(progress["unfollowed"], expected, "{progress}");
    lead_tables::check(&world).await?;

    // Asked for by any of its ids, the person is erased with all that is known of them.
    let erased = Event::sample("douyin-lead-erase")?.path("leadId", "14");
    assert_eq!(world.call_as(USER, erased).await?.status, 200);
    lead_tables::check(&world).await?;
    for lead in [3, 8, 14] {
        ExpectedError::new(410, "LEAD_ERASED").check("an erased lead", &read(&world, lead).await?);
    }
    world.sandbox.douyin().change_fans(SHOP, FanChange { refollow: 9, ..FanChange::default() });
    let progress = world.sync(USER, &shop, "FULL").await?;
    assert_eq!((&progress["created"], &progress["seen"]), (&json!(0), &json!(20)), "{progress}");
    assert_eq!(world.leads(USER, &[]).await?.data()["total"], 17);
    lead_tables::check(&world).await
}

#[tokio::test]
async fn leads_whose_merge_or_split_dies_at_its_transaction_are_merged_whole_or_not() -> Result<()> {
    for when in [When::Before, When::After] {
        let (world, _) = leads(10).await?;
        for (merges, name) in [(true, "merge"), (false, "split")] {
            let proxy = Proxy::start(&world).await?;
            proxy.arm("TransactWriteItems t_douyin_lead", 1, Fault::Kill(when));
            let through = stores(&world, Some(&proxy))?;
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                _ = async { if merges { merge(&through, 2, 7).await } else { split(&through, 7).await } } => {}
            }
            lead_tables::check(&world).await.with_context(|| format!("{name} died {when:?}"))?;
            let is_merged = read(&world, 7).await?.data()["mergedInto"] == 2;
            assert_eq!(is_merged, merges == (when == When::After), "{name} died {when:?}");
            // Whoever asks again has it done.
            if is_merged != merges {
                let straight = stores(&world, None)?;
                if merges {
                    merge(&straight, 2, 7).await?
                } else {
                    split(&straight, 7).await?
                };
            }
            lead_tables::check(&world).await?;
        }
        assert_eq!(world.leads(USER, &[]).await?.data()["total"], 10);
    }
    Ok(())
}
