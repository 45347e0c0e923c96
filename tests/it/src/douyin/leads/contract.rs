//! Rows 5 and 6: the lead list, and a lead opened for work.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::Event;
use crate::contract::shape::{instant, shape};
use crate::contract::{USER, assert_enveloped, world};

#[tokio::test]
async fn lead_list_is_newest_first_with_the_fields_of_the_contract() -> Result<()> {
    let world = world().await?;
    let shop = world.douyin_account("shop", 23);
    world.authorize(USER, "shop").await?;
    let now = instant(world.clock.now().as_second());
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let fans = world.sandbox.douyin().fans("shop").unwrap();

    let mut records: Vec<Value> = Vec::new();
    for (page, size) in [("1", 10), ("2", 10), ("3", 3)] {
        let answer = world.leads(USER, &[("page", page)]).await?;
        let listed = answer.data()["records"].as_array().unwrap().clone();
        let record = json!({
            "leadId": "integer", "channel": "text", "nickname": "text", "avatarUrl": "text", "douyinUserId": "text",
            "acquireTime": "time", "status": "text", "notes": "text", "ownerId": "null",
        });
        assert_eq!(shape(&listed.clone().into()), Value::Array(vec![record; size]));
        let current: u64 = page.parse()?;
        let data = json!({"records": listed, "total": 23, "size": 10, "current": current, "pages": 3,
            "statusCounts": {"NEW": 23, "CONTACTED": 0, "CONVERTED": 0}});
        assert_enveloped(&answer, 200, &data);
        records.extend(listed);
    }
    // Which of the fans came first is the platform's whim; everything else about a record is known.
    for (record, lead_id) in records.iter().zip((1..=23).rev()) {
        let fan = fans.iter().find(|fan| record["douyinUserId"] == *fan.open_id).unwrap();
        let expected = json!({
            "leadId": lead_id, "channel": "抖音获客",
            "nickname": fan.nickname.as_deref().unwrap_or(""), "avatarUrl": fan.avatar.as_deref().unwrap_or(""),
            "douyinUserId": fan.open_id, "acquireTime": now, "status": "NEW", "notes": "", "ownerId": null,
        });
        assert_eq!(*record, expected);
    }
    // An unfilled form, and what clients add to an address to get around a cache, change nothing.
    let plain = world.leads(USER, &[]).await?;
    let empty =
        [("keyword", " \u{3000}"), ("startTime", ""), ("status", ""), ("page", ""), ("size", ""), ("_utm", "x")];
    assert_eq!(world.leads(USER, &empty).await?.data(), plain.data());
    world.expect_empty_queues().await
}

#[tokio::test]
async fn lead_list_without_leads_is_an_empty_first_page() -> Result<()> {
    let world = world().await?;
    let none = json!({"records": [], "total": 0, "size": 10, "current": 1, "pages": 0,
        "statusCounts": {"NEW": 0, "CONTACTED": 0, "CONVERTED": 0}});
    assert_enveloped(&world.leads(USER, &[]).await?, 200, &none);
    assert_enveloped(&world.leads(USER, &[("keyword", "小"), ("endTime", "2026-11-20T08:00:00Z")]).await?, 200, &none);
    Ok(())
}

#[tokio::test]
async fn lead_change_answers_the_lead_and_records_who_when_and_what() -> Result<()> {
    let world = world().await?;
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let acquired = instant(world.clock.now().as_second());
    let record = world.leads(USER, &[]).await?.data()["records"][1].clone();
    assert_eq!(record["leadId"], 2);

    let sources = json!([{ "douyinUserId": shop, "following": true }]);
    let mut expected = record.clone();
    let added = json!({"unifiedLeadId": null, "version": 0, "updateTime": acquired, "sources": sources, "history": []});
    expected.as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
    let read = Event::sample("douyin-lead")?.path("leadId", "2");
    assert_enveloped(&world.call_as(USER, read.clone()).await?, 200, &expected);

    let steps = [
        (json!({"status": "CONTACTED", "notes": "已加微信"}), "NEW", "CONTACTED", "已加微信", true),
        (json!({"notes": "周五回访", "version": 1}), "CONTACTED", "CONTACTED", "周五回访", true),
        (json!({"status": "CONVERTED", "reopen": null, "notes": null}), "CONTACTED", "CONVERTED", "周五回访", false),
        (json!({"status": "NEW", "reopen": true, "notes": ""}), "CONVERTED", "NEW", "", true),
    ];
    let mut history = Vec::new();
    for (version, (body, from, to, notes, notes_changed)) in (1..).zip(steps) {
        world.advance(Duration::from_secs(60));
        let now = instant(world.clock.now().as_second());
        let update = Event::sample("douyin-lead-update")?.path("leadId", "2").json(&body);
        let answer = world.call_as(USER, update).await?;
        (expected["status"], expected["notes"]) = (json!(to), json!(notes));
        (expected["version"], expected["updateTime"]) = (json!(version), json!(now));
        let mut answered = expected.clone();
        answered.as_object_mut().unwrap().remove("history");
        assert_enveloped(&answer, 200, &answered);
        let edit = json!({
            "version": version, "editedBy": USER, "editTime": now, "fromStatus": from, "toStatus": to,
            "notesChanged": notes_changed, "actor": {"id": USER.to_string()},
        });
        history.insert(0, edit);
        expected["history"] = history.clone().into();
        assert_enveloped(&world.call_as(USER, read.clone()).await?, 200, &expected);
        let listed = world.leads(USER, &[]).await?.data()["records"][1].clone();
        assert_eq!((&listed["status"], &listed["notes"]), (&json!(to), &json!(notes)));
    }
    // What is already so is answered as it is, without a new version.
    let same = Event::sample("douyin-lead-update")?.path("leadId", "2").json(&json!({"status": "NEW", "version": 4}));
    let before = world.snapshot().await?;
    assert_eq!(world.call_as(USER, same).await?.data()["version"], 4);
    world.snapshot().await?.assert_unchanged_since(&before, "a change to what is already so");
    world.expect_empty_queues().await
}

#[tokio::test]
async fn lead_history_names_the_actor_of_a_change() -> Result<()> {
    let world = world().await?;
    let shop = world.douyin_account("shop", 1);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    let staff = [
        (json!({"sub": "staff-17", "name": "王小明"}), json!({"id": "staff-17", "name": "王小明"})),
        (json!({"sub": "staff-18"}), json!({"id": "staff-18"})),
        (json!({}), json!({"id": USER.to_string()})),
    ];
    for (version, (claims, actor)) in staff.iter().enumerate() {
        let update = Event::sample("douyin-lead-update")?.path("leadId", "1");
        let update = update.json(&json!({"notes": format!("第 {version} 次")}));
        let answer = world.call(&update.bearer(&world.token_of(USER, claims)?)).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        let read = world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", "1")).await?;
        assert_eq!(read.data()["history"][0]["actor"], *actor);
        assert_eq!(read.data()["history"][0]["editedBy"], USER, "the tenant");
    }
    Ok(())
}
