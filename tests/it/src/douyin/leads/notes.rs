//! The notes of a lead: a list with dates, of which the newest is shown.

use std::time::Duration;

use anyhow::{Result, bail};
use futures::future::try_join_all;
use leads::lead_edit::MAX_NOTES;
use serde_json::{Value, json};

use crate::api::bodies::no_objects;
use crate::call::call;
use crate::contract::assert_enveloped;
use crate::contract::shape::instant;
use crate::proxy::{Fault, Proxy, When};
use crate::snapshot::ExpectedError;
use crate::{Answer, Event, World, lead_tables};

const USER: u64 = 1001;

async fn scene() -> Result<World> {
    let world = World::start().await?;
    world.keep_the_clock();
    let shop = world.douyin_account("shop", 3);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    Ok(world)
}

fn note(text: &str) -> Result<Event> {
    let event = Event::sample("douyin-lead-note-add")?.path("leadId", "2").without_header("idempotency-key");
    Ok(event.json(&json!({ "text": text })))
}

async fn listed(world: &World, query: &[(&str, &str)]) -> Result<Answer> {
    world.call_as(USER, Event::sample("douyin-lead-notes")?.path("leadId", "2").query(query)).await
}

async fn lead(world: &World) -> Result<Value> {
    Ok(world.call_as(USER, Event::sample("douyin-lead")?.path("leadId", "2")).await?.data().clone())
}

async fn found(world: &World, keyword: &str) -> Result<Value> {
    Ok(world.leads(USER, &[("keyword", keyword)]).await?.data()["total"].clone())
}

#[tokio::test]
async fn lead_notes_are_a_dated_list_of_which_the_newest_is_shown() -> Result<()> {
    let world = scene().await?;
    let none = json!({"records": [], "total": 0, "size": 10, "current": 1, "pages": 0});
    assert_enveloped(&listed(&world, &[]).await?, 200, &none);
    let claims = json!({"sub": "staff-17", "name": "王小明"});
    let mut expected: Vec<Value> = Vec::new();
    for (id, text) in [(1, "已加微信"), (2, "周五回访"), (3, "周五回访")] {
        world.advance(Duration::from_secs(60));
        let answer = world.call(&note(text)?.bearer(&world.token_of(USER, &claims)?)).await?;
        let written = json!({
            "noteId": id, "text": text, "createTime": instant(world.clock.now().as_second()), "createdBy": USER,
            "actor": {"id": "staff-17", "name": "王小明"},
        });
        assert_enveloped(&answer, 201, &written);
        expected.insert(0, written);
    }
    // The old way of writing one still is one.
    let edit = Event::sample("douyin-lead-update")?.path("leadId", "2");
    let answer = world.call_as(USER, edit.clone().json(&json!({"notes": "要发票", "status": "CONTACTED"}))).await?;
    assert_eq!((&answer.data()["notes"], &answer.data()["version"]), (&json!("要发票"), &json!(4)));
    let now = instant(world.clock.now().as_second());
    expected.insert(
        0,
        json!({"noteId": 4, "text": "要发票", "createTime": now, "createdBy": USER, "actor": {"id": "1001"}}),
    );
    for (page, size, records) in [("1", "3", &expected[..3]), ("2", "3", &expected[3..]), ("3", "3", &[])] {
        let data = json!({"records": records, "total": 4, "size": 3, "current": page.parse::<u64>()?, "pages": 2});
        assert_enveloped(&listed(&world, &[("page", page), ("size", size)]).await?, 200, &data);
    }
    // A search finds what is shown, and what is shown is the newest.
    assert_eq!((found(&world, "发票").await?, found(&world, "周五").await?), (json!(1), json!(0)));
    assert_eq!(world.leads(USER, &[]).await?.data()["records"][1]["notes"], "要发票");

    // An empty text clears what is shown; what was written stays, and the history says who cleared it.
    let cleared = world.call_as(USER, edit.json(&json!({"notes": ""}))).await?;
    assert_eq!(cleared.data()["notes"], "");
    let shown = lead(&world).await?;
    assert_eq!((&shown["notes"], &shown["history"][0]["notesChanged"]), (&json!(""), &json!(true)));
    assert_eq!(listed(&world, &[]).await?.data()["records"], json!(expected));
    assert_eq!(found(&world, "发票").await?, 0);
    lead_tables::check(&world).await
}

#[tokio::test]
async fn lead_notes_of_people_at_once_are_all_kept() -> Result<()> {
    let world = scene().await?;
    let events = (0..8).map(|n| note(&format!("第{n}人"))).collect::<Result<Vec<_>>>()?;
    let answers = try_join_all(events.into_iter().map(|event| world.call_as(USER, event))).await?;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let list = listed(&world, &[]).await?;
    let mut texts: Vec<&str> =
        list.data()["records"].as_array().unwrap().iter().filter_map(|one| one["text"].as_str()).collect();
    assert_eq!(lead(&world).await?["notes"], texts[0], "the newest is shown");
    texts.sort_unstable();
    assert_eq!(texts, (0..8).map(|n| format!("第{n}人")).collect::<Vec<_>>());
    lead_tables::check(&world).await
}

#[tokio::test]
async fn lead_note_repeated_under_its_key_is_written_once() -> Result<()> {
    let world = scene().await?;
    let event = |text: &str| Ok::<_, anyhow::Error>(note(text)?.header("idempotency-key", "key-1"));
    let at_once = try_join_all((0..5).map(|_| async { world.call_as(USER, event("已加微信")?).await })).await?;
    assert!(at_once.iter().all(|answer| answer.status == 201 && answer.data() == at_once[0].data()), "{at_once:?}");
    assert_eq!(world.call_as(USER, note("又一条")?).await?.data()["noteId"], 2);
    let again = world.call_as(USER, event("已加微信")?).await?;
    assert_eq!((again.status, again.data()), (201, at_once[0].data()), "also once another one is shown");
    let reused = ExpectedError::new(422, "INVALID_REQUEST");
    world.refused("another text", &event("别的")?.bearer(&world.token(USER, &["*"])?), &reused).await?;
    let other_lead = event("已加微信")?.path("leadId", "1").bearer(&world.token(USER, &["*"])?);
    world.refused("another lead", &other_lead, &reused).await?;
    assert_eq!(listed(&world, &[]).await?.data()["total"], 2);
    Ok(())
}

/// The key is written with the note: a request that died has done both or neither.
#[tokio::test]
async fn lead_note_killed_at_any_step_can_be_repeated() -> Result<()> {
    let event = || Ok::<_, anyhow::Error>(note("已加微信")?.header("idempotency-key", "key-1"));
    let sends = async |world: &World, proxy: &Proxy| {
        let event = event()?.bearer(&world.token(USER, &["*"])?);
        Box::pin(call(&world.context("douyin-lead-note-add", &proxy.endpoints()).await?, &event)).await
    };
    let world = scene().await?;
    let proxy = Proxy::start(&world).await?;
    assert_eq!(sends(&world, &proxy).await?.status, 201);
    for step in proxy.steps() {
        for when in [When::Before, When::After] {
            let world = scene().await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                answer = sends(&world, &proxy) => bail!("{step}: answered {answer:?}"),
            }
            lead_tables::check(&world).await?;
            let again = world.call_as(USER, event()?).await?;
            let list = listed(&world, &[]).await?;
            assert_eq!((again.status, &list.data()["total"]), (201, &json!(1)), "{step} {when:?}: {again:?}");
            lead_tables::check(&world).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn lead_note_that_cannot_be_read_is_refused_with_its_fault() -> Result<()> {
    let world = scene().await?;
    let sample = note("x")?.bearer(&world.token(USER, &["*"])?);
    let before = world.snapshot().await?;
    for (what, body) in no_objects("text") {
        before.refuses(&world, what, &sample.clone().body(&body), &ExpectedError::fields(&["body"])).await?;
    }
    for (body, field) in [
        (json!({}), "text"),
        (json!({"text": null}), "text"),
        (json!({"text": ""}), "text"),
        (json!({"text": " \u{200b}\n"}), "text"),
        (json!({"text": 7}), "text"),
        (json!({"text": "长".repeat(MAX_NOTES + 1)}), "text"),
        (json!({"text": "x", "notes": "x"}), "notes"),
    ] {
        before
            .refuses(&world, &body.to_string(), &sample.clone().json(&body), &ExpectedError::fields(&[field]))
            .await?;
    }
    for (query, field) in [(("page", "0"), "page"), (("size", "101"), "size"), (("sort", "asc"), "sort")] {
        let event = world.sample_as(USER, "douyin-lead-notes")?.path("leadId", "2").query(&[query]);
        before.refuses(&world, field, &event, &ExpectedError::fields(&[field])).await?;
    }
    let longest = world.call_as(USER, note(&"🌸".repeat(MAX_NOTES))?).await?;
    assert_eq!(longest.status, 201, "a thousand characters, not bytes: {longest:?}");
    Ok(())
}
