//! What is told of each change, and how it is asked for.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::SandboxConfig;
use sandbox::douyin::FanChange;
use serde_json::{Value, json};

use super::{ask, bare, change, erase, event, is_of_a_lead, number, pass, read, told};
use crate::bad_input::USER;
use crate::douyin::leads::merges::{merge, split, stores};
use crate::snapshot::ExpectedError;
use crate::{Event, World};

const SHOP: &str = "shop";

/// A world in which so many fans of one account are leads, and the number of events that told it.
async fn leads(fans: u32) -> Result<(World, String, u64)> {
    let mut world = World::around(SandboxConfig { seed: Some(31), ..SandboxConfig::default() }).await?;
    world.set("FAN_SYNC_KNOWN_PAGES", "0");
    world.set("DOUYIN_FAN_PAGE_SIZE", "45");
    world.douyin_account(SHOP, fans);
    let shop = world.authorize(USER, SHOP).await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    pass(&world);
    number(&world, USER).await?;
    let last = ask(&world, USER, &[]).await?.data()["lastSequence"].as_u64().context("no lastSequence")?;
    Ok((world, shop, last))
}

fn ids(data: &Value) -> Vec<u64> {
    data["leadIds"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

#[tokio::test]
async fn events_of_a_sync_name_each_new_lead_once_and_twenty_at_most_and_an_unchanged_sync_tells_nothing() -> Result<()>
{
    let (world, shop, last) = leads(100).await?;
    let mut events = read(&world, USER, 0, 100).await?;
    events.retain(is_of_a_lead);
    assert!(events.iter().all(|event| event["type"] == "lead.created"), "{events:?}");
    let named: Vec<Vec<u64>> = events.iter().map(|event| ids(&event["data"])).collect();
    assert_eq!(named.concat(), (1..=100).collect::<Vec<u64>>());
    assert_eq!(named.iter().map(Vec::len).max(), Some(20));
    let list = world.leads(USER, &[("size", "100")]).await?;
    let shown: Vec<&Value> = events.iter().flat_map(|event| event["data"]["leads"].as_array().unwrap()).rev().collect();
    let mut records = list.data()["records"].as_array().context("no records")?.clone();
    records.iter_mut().for_each(|record| record["unifiedLeadId"] = Value::Null);
    assert_eq!(shown, records.iter().collect::<Vec<_>>());

    world.sync(USER, &shop, "FULL").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    assert_eq!(told(&world, USER, last).await?, []);
    // Whoever changes is told, and nobody else. With the name an avatar's address is taken over, which is a new one each time.
    world.sandbox.douyin().change_fans(SHOP, FanChange { add: 0, unfollow: 1, refollow: 0, rename: 2 });
    let progress = world.sync(USER, &shop, "FULL").await?;
    let mut changed: Vec<Value> = told(&world, USER, last)
        .await?
        .into_iter()
        .map(|(kind, data)| {
            assert_eq!(kind, "lead.updated");
            data["changed"].clone()
        })
        .collect();
    changed.sort_by_key(Value::to_string);
    let renamed = progress["updated"].as_u64().context("no updated")?;
    assert!((1..=2).contains(&renamed), "{progress}");
    let expected: Vec<Value> =
        (0..renamed).map(|_| json!(["nickname", "avatarUrl"])).chain([json!(["sources"])]).collect();
    assert_eq!(changed, expected);
    world.expect_empty_queues().await
}

#[tokio::test]
async fn events_of_edits_say_what_has_changed_and_an_edit_that_changes_nothing_tells_nothing() -> Result<()> {
    let (world, _, last) = leads(10).await?;
    change(&world, USER, 3, &json!({"status": "CONTACTED"})).await?;
    change(&world, USER, 3, &json!({"status": "CONTACTED"})).await?;
    change(&world, USER, 3, &json!({"notes": "周五回访", "ownerId": "staff-1", "status": "CONVERTED"})).await?;
    let batch = json!({"leadIds": [3, 4, 5], "status": "CONVERTED"});
    pass(&world);
    let refused = world.call_as(USER, Event::sample("douyin-leads-update")?.json(&batch)).await?;
    ensure!(refused.status == 200, "{refused:?}");
    pass(&world);
    let batch = json!({"leadIds": [3, 4, 5], "ownerId": "staff-1"});
    ensure!(world.call_as(USER, Event::sample("douyin-leads-update")?.json(&batch)).await?.status == 200);
    pass(&world);
    let note = Event::sample("douyin-lead-note-add")?.path("leadId", "4").without_header("idempotency-key");
    ensure!(world.call_as(USER, note.json(&json!({"text": "已加微信"}))).await?.status == 201);
    let updated = |lead: u64, changed: &[&str]| event("lead.updated", json!({"leadId": lead, "changed": changed}));
    assert_eq!(
        told(&world, USER, last).await?,
        [
            event("lead.status_changed", json!({"leadId": 3, "from": "NEW", "to": "CONTACTED"})),
            updated(3, &["notes", "ownerId"]),
            event("lead.status_changed", json!({"leadId": 3, "from": "CONTACTED", "to": "CONVERTED"})),
            updated(4, &["ownerId"]),
            updated(5, &["ownerId"]),
            updated(4, &["notes"]),
        ]
    );
    let events = read(&world, USER, last, 100).await?;
    assert!(events.iter().all(|event| event["data"]["lead"]["leadId"] == event["data"]["leadId"]), "{events:?}");
    assert_eq!(events[0]["data"]["lead"]["status"], "CONVERTED", "it is shown as it is now");
    let link = Event::sample("douyin-lead-link")?.path("leadId", "3").json(&json!({"unifiedLeadId": 703}));
    ensure!(world.call_as(USER, link).await?.status == 200);
    assert_eq!(told(&world, USER, last).await?.len(), events.len(), "a link is no event");
    let linked = read(&world, USER, last, 100).await?;
    assert_eq!(linked[0]["data"]["lead"]["unifiedLeadId"], 703, "and is shown too");
    Ok(())
}

#[tokio::test]
async fn events_of_a_merge_a_split_and_an_erasure_are_one_each_and_show_nothing_of_who_is_gone() -> Result<()> {
    let (world, shop, last) = leads(10).await?;
    world.keep_the_clock();
    let stores = stores(&world, None)?;
    change(&world, USER, 2, &json!({"notes": "周五回访"})).await?;
    pass(&world);
    merge(&stores, 1, 2).await?;
    pass(&world);
    split(&stores, 2).await?;
    change(&world, USER, 2, &json!({"ownerId": "staff-2"})).await?;
    pass(&world);
    merge(&stores, 1, 2).await?;
    let name = world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", "7")).await?;
    let name = name.data()["nickname"].as_str().context("no nickname")?.to_owned();
    erase(&world, USER, 7).await?;
    erase(&world, USER, 7).await?;
    world.sync(USER, &shop, "FULL").await?;
    let merged = || event("lead.merged", json!({"leadId": 1, "mergedLeadId": 2}));
    assert_eq!(
        told(&world, USER, last).await?,
        [
            event("lead.updated", json!({"leadId": 2, "changed": ["notes"]})),
            merged(),
            event("lead.updated", json!({"leadId": 1, "changed": ["notes"]})),
            event("lead.created", json!({"leadIds": [2]})),
            event("lead.updated", json!({"leadId": 2, "changed": ["ownerId"]})),
            merged(),
            event("lead.erased", json!({"leadId": 7})),
        ]
    );
    let events = read(&world, USER, 0, 100).await?;
    assert_eq!(ids(&events[0]["data"]), (1..=10).collect::<Vec<u64>>());
    let shown: Vec<&Value> =
        events[0]["data"]["leads"].as_array().unwrap().iter().map(|lead| &lead["leadId"]).collect();
    assert_eq!(shown, [1, 3, 4, 5, 6, 8, 9, 10].map(|id| json!(id)).iter().collect::<Vec<_>>());
    assert!(events.iter().filter(|event| event["data"]["leadId"] == 2).all(|event| event["data"]["lead"].is_null()));
    let stored = format!("{:?}{:?}", world.rows("t_event").await?, world.rows("t_outbox").await?);
    assert!(!stored.contains(&name), "an event holds a nickname");
    assert!(!serde_json::to_string(&events)?.contains(&name), "an event shows who was erased");
    Ok(())
}

#[tokio::test]
async fn events_of_deleted_account_data_say_who_is_gone() -> Result<()> {
    let (world, shop, last) = leads(60).await?;
    let event = Event::sample("douyin-data-delete")?.path("douyinUserId", &shop);
    let answer = world.call_as(USER, event).await?;
    ensure!(answer.status == 202, "{answer:?}");
    for _ in 0..5 {
        world.sweep().await?;
        world.advance(Duration::from_secs(60));
    }
    let mut gone: Vec<u64> = told(&world, USER, last)
        .await?
        .into_iter()
        .map(|(kind, data)| {
            assert_eq!(kind, "lead.erased");
            data["leadId"].as_u64().unwrap()
        })
        .collect();
    gone.sort_unstable();
    assert_eq!(gone, (1..=60).collect::<Vec<u64>>());
    Ok(())
}

#[tokio::test]
async fn events_of_a_sync_that_ends_say_what_it_came_to_and_one_called_off_tells_nothing() -> Result<()> {
    let (world, shop, last) = leads(30).await?;
    let first = read(&world, USER, 0, 100).await?;
    let first = first.iter().find(|event| event["type"] == "sync.completed").context("no sync.completed")?;
    let done = |task: &Value, strategy: &str, created: u64| {
        let numbers = json!({"created": created, "updated": 0, "unfollowed": 0});
        let mut data = json!({"taskId": task, "douyinUserId": shop, "strategy": strategy});
        data.as_object_mut().unwrap().extend(numbers.as_object().unwrap().clone());
        event("sync.completed", data)
    };
    assert_eq!(bare(first), done(&first["data"]["taskId"], "INCREMENTAL", 30));
    let again = world.sync(USER, &shop, "FULL").await?;
    pass(&world);
    let called_off = world.request_sync(USER, &shop, "FULL").await?.data()["taskId"].clone();
    let cancel = Event::sample("douyin-fans-sync-cancel")?.path("taskId", called_off.as_str().unwrap());
    ensure!(world.call_as(USER, cancel).await?.status == 200);
    world.drain().await?;
    // One whose account is taken away.
    pass(&world);
    let failing = world.request_sync(USER, &shop, "FULL").await?.data()["taskId"].clone();
    let delete = Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
    ensure!(world.call_as(USER, delete).await?.status == 200);
    let failed = world.progress(USER, failing.as_str().unwrap()).await?;
    number(&world, USER).await?;
    let told: Vec<_> = read(&world, USER, last, 100).await?.iter().map(bare).collect();
    let error = json!({"taskId": failing, "douyinUserId": shop, "error": failed["error"]});
    assert_eq!(told, [done(&again["taskId"], "FULL", 0), event("sync.failed", error)]);
    Ok(())
}

#[tokio::test]
async fn event_query_is_checked_and_pages_are_as_large_as_asked() -> Result<()> {
    let (world, ..) = leads(100).await?;
    let before = world.snapshot().await?;
    for (query, field) in [
        (("limit", "0"), "limit"),
        (("limit", "1001"), "limit"),
        (("limit", "-1"), "limit"),
        (("after", "-1"), "after"),
        (("after", "x"), "after"),
        (("after", "9007199254740992"), "after"),
        (("before", "1"), "before"),
    ] {
        let event = Event::sample("events")?.query(&[query]).bearer(&world.token(USER, &["event:view"])?);
        before.refuses(&world, &format!("{query:?}"), &event, &ExpectedError::fields(&[field])).await?;
    }
    let whole = read(&world, USER, 0, 1_000).await?;
    assert_eq!(read(&world, USER, 0, 1).await?, whole);
    assert_eq!(read(&world, USER, 2, 2).await?, whole[2..]);
    for after in [&*whole.len().to_string(), "9007199254740991"] {
        let answer = ask(&world, USER, &[("after", after)]).await?;
        assert_eq!(answer.data()["events"], json!([]), "{after}");
        assert_eq!(answer.data()["lastSequence"], whole.len());
    }
    // Of another tenant there is nothing.
    let nothing = ask(&world, USER + 1, &[]).await?;
    assert_eq!(nothing.data(), &json!({"events": [], "lastSequence": 0}));
    assert_eq!(bare(&whole[0]).0, "lead.created");
    Ok(())
}
