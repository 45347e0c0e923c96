//! The same change to many leads: what comes of each, who else is at them, and what it costs.

use anyhow::{Result, bail};
use futures::future::{try_join, try_join_all};
use serde_json::{Value, json};

use crate::api::bodies::no_objects;
use crate::bad_input::USER;
use crate::call::call;
use crate::proxy::{Fault, Proxy, When};
use crate::snapshot::ExpectedError;
use crate::{Answer, Event, World, lead_tables};

async fn scene(fans: u32) -> Result<World> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", fans);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    Ok(world)
}

fn event(body: &Value) -> Result<Event> {
    Ok(Event::sample("douyin-leads-update")?.json(body))
}

async fn single(world: &World, lead: u64, body: &Value) -> Result<Answer> {
    world.call_as(USER, Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string()).json(body)).await
}

async fn with_status(world: &World, status: &str) -> Result<Value> {
    Ok(world.leads(USER, &[("status", status)]).await?.data()["total"].clone())
}

#[tokio::test]
async fn lead_batch_tells_what_came_of_each_lead() -> Result<()> {
    let world = scene(6).await?;
    assert_eq!(single(&world, 3, &json!({"status": "CONTACTED"})).await?.status, 200);
    assert_eq!(single(&world, 4, &json!({"status": "CONTACTED"})).await?.status, 200);
    assert_eq!(single(&world, 4, &json!({"status": "CONVERTED"})).await?.status, 200);
    // A new one, one twice, one that is so already, one that may not, and one that nobody has.
    let body = json!({"leadIds": [5, 2, 5, 3, 4, 7], "status": "CONTACTED", "ownerId": "staff-17"});
    let answer = world.call_as(USER, event(&body)?).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    let results = answer.data()["results"].as_array().unwrap();
    let outcomes: Vec<_> = results.iter().map(|one| (one["leadId"].as_u64().unwrap(), one["ok"] == true)).collect();
    assert_eq!(outcomes, [(5, true), (2, true), (3, true), (4, false), (7, false)]);
    let error = |place: usize| {
        let error = &results[place]["error"];
        assert!(error["message"].is_string() && error["reason"].is_string(), "{error}");
        error["type"].as_str().unwrap()
    };
    assert_eq!((error(3), error(4)), ("CONFLICT", "NOT_FOUND"));
    assert!(results[0].get("error").is_none(), "{results:?}");
    assert_eq!(with_status(&world, "CONTACTED").await?, 3);
    let owned = world.leads(USER, &[("ownerId", "staff-17")]).await?;
    let ids: Vec<_> = owned.data()["records"].as_array().unwrap().iter().map(|one| one["leadId"].clone()).collect();
    assert_eq!(ids, [5, 3, 2], "what may not change stays as it is");
    lead_tables::check(&world).await?;
    // The same again changes nothing.
    let before = world.snapshot().await?;
    assert_eq!(world.call_as(USER, event(&body)?).await?.data(), answer.data());
    world.snapshot().await?.assert_unchanged_since(&before, "the same batch again");
    let body = json!({"leadIds": [2, 3, 4, 5], "status": "NEW", "reopen": true, "ownerId": ""});
    let reopened = world.call_as(USER, event(&body)?).await?;
    assert!(reopened.data()["results"].as_array().unwrap().iter().all(|one| one["ok"] == true), "{reopened:?}");
    assert_eq!(
        (with_status(&world, "NEW").await?, &world.leads(USER, &[("ownerId", "staff-17")]).await?.data()["total"]),
        (json!(6), &json!(0))
    );
    lead_tables::check(&world).await
}

#[tokio::test]
async fn lead_batch_of_a_hundred_costs_three_requests_for_25_leads() -> Result<()> {
    let world = scene(120).await?;
    let proxy = Proxy::start(&world).await?;
    let ids: Vec<u64> = (11..=110).collect();
    let body = json!({"leadIds": ids, "status": "CONTACTED", "ownerId": "staff-17"});
    let event = event(&body)?.bearer(&world.token(USER, &["*"])?);
    let answer = Box::pin(call(&world.context("douyin-leads-update", &proxy.endpoints()).await?, &event)).await?;
    assert_eq!(answer.data()["results"].as_array().unwrap().len(), 100, "{answer:?}");
    // One for the secret that tokens are checked with. Events are told beside each transaction.
    let told = usize::try_from(proxy.count("SendMessage events"))?;
    assert_eq!((proxy.steps().len() - told, told), (4 * 3 + 1, 4), "{:?}", proxy.steps());
    assert_eq!(with_status(&world, "CONTACTED").await?, 100);
    lead_tables::check(&world).await
}

#[tokio::test]
async fn lead_batches_and_edits_of_the_same_block_at_once_are_all_kept() -> Result<()> {
    let world = scene(40).await?;
    let batches = [(1_u64..=20, "staff-1"), (11..=30, "staff-2")].map(|(ids, owner)| {
        event(&json!({"leadIds": ids.collect::<Vec<_>>(), "status": "CONTACTED", "ownerId": owner}))
    });
    let batches = batches.into_iter().collect::<Result<Vec<_>>>()?;
    let batches = try_join_all(batches.into_iter().map(|event| world.call_as(USER, event)));
    let notes = json!({"notes": "已加微信"});
    let edits = try_join_all([5_u64, 15, 25, 35].map(|lead| single(&world, lead, &notes)));
    let (batches, edits) = try_join(batches, edits).await?;
    for answer in batches {
        assert!(answer.data()["results"].as_array().unwrap().iter().all(|one| one["ok"] == true), "{answer:?}");
    }
    assert!(edits.iter().all(|answer| answer.status == 200), "{edits:?}");
    assert_eq!(with_status(&world, "CONTACTED").await?, 30);
    assert_eq!(world.leads(USER, &[("keyword", "已加微信")]).await?.data()["total"], 4);
    lead_tables::check(&world).await
}

/// Each transaction is all of its leads or none; the same request again does what is left.
#[tokio::test]
async fn lead_batch_killed_at_any_step_is_completed_by_the_same_request() -> Result<()> {
    let ids: Vec<u64> = (1..=30).collect();
    let body = json!({"leadIds": ids, "status": "CONTACTED", "ownerId": "staff-17"});
    let sends = async |world: &World, proxy: &Proxy| {
        let event = event(&body)?.bearer(&world.token(USER, &["*"])?);
        Box::pin(call(&world.context("douyin-leads-update", &proxy.endpoints()).await?, &event)).await
    };
    let world = scene(30).await?;
    let proxy = Proxy::start(&world).await?;
    assert_eq!(sends(&world, &proxy).await?.status, 200);
    for step in proxy.steps() {
        for when in [When::Before, When::After] {
            let world = scene(30).await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                answer = sends(&world, &proxy) => bail!("{step}: answered {answer:?}"),
            }
            lead_tables::check(&world).await?;
            let again = world.call_as(USER, event(&body)?).await?;
            assert_eq!(again.status, 200, "{step} {when:?}: {again:?}");
            assert_eq!(with_status(&world, "CONTACTED").await?, 30, "{step} {when:?}");
            lead_tables::check(&world).await?;
            let rows = world.rows("t_douyin_lead").await?;
            assert!(rows.iter().all(|lead| lead["version"] == "1"), "{step} {when:?}: changed once each");
        }
    }
    Ok(())
}

#[tokio::test]
async fn lead_batch_that_cannot_be_read_is_refused_with_its_fault() -> Result<()> {
    let world = scene(3).await?;
    let sample = event(&json!({}))?.bearer(&world.token(USER, &["*"])?);
    let before = world.snapshot().await?;
    // What follows an object is not looked at when the object lacks what it needs.
    for (what, body) in no_objects("ownerId").into_iter().filter(|(_, body)| !body.contains("\"x\"}")) {
        before.refuses(&world, what, &sample.clone().body(&body), &ExpectedError::fields(&["body"])).await?;
    }
    for (body, field) in [
        (json!({"status": "CONTACTED"}), "leadIds"),
        (json!({"leadIds": [], "status": "CONTACTED"}), "leadIds"),
        (json!({"leadIds": (1..=101).collect::<Vec<u64>>(), "status": "CONTACTED"}), "leadIds"),
        (json!({"leadIds": vec![1; 101], "status": "CONTACTED"}), "leadIds"),
        (json!({"leadIds": [1, "2"], "status": "CONTACTED"}), "leadIds[1]"),
        (json!({"leadIds": [1, 9_007_199_254_740_992_u64], "status": "CONTACTED"}), "leadIds[1]"),
        (json!({"leadIds": [1]}), "status"),
        (json!({"leadIds": [1], "status": null, "ownerId": null}), "status"),
        (json!({"leadIds": [1], "status": "LOST"}), "status"),
        (json!({"leadIds": [1], "reopen": true, "ownerId": "x"}), "reopen"),
        (json!({"leadIds": [1], "ownerId": "员".repeat(65)}), "ownerId"),
        (json!({"leadIds": [1], "ownerId": "a\nb"}), "ownerId"),
        (json!({"leadIds": [1], "ownerId": 7}), "ownerId"),
        (json!({"leadIds": [1], "status": "CONTACTED", "notes": "x"}), "notes"),
        (json!({"leadIds": [1], "status": "CONTACTED", "version": 0}), "version"),
    ] {
        before
            .refuses(&world, &body.to_string(), &sample.clone().json(&body), &ExpectedError::fields(&[field]))
            .await?;
    }
    // Numbers that no lead has.
    for id in [0, 4, 9_007_199_254_740_991_u64] {
        let answer = world.call(&sample.clone().json(&json!({"leadIds": [id], "status": "CONTACTED"}))).await?;
        assert_eq!(answer.data()["results"][0]["error"]["type"], "NOT_FOUND", "{answer:?}");
    }
    world.snapshot().await?.assert_unchanged_since(&before, "leads that are not there");
    Ok(())
}
