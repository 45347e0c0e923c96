//! A sequencer and a deliverer that die, are refused or lose an answer at any of their steps.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use functions::worker::run_batch;
use functions::workers::webhook_deliverer;
use serde_json::json;

use sandbox::inbox::Conduct;

use super::{USER, ask, change, create, deliver, deliverer, id, log, queue_url, shown, tenant_with_leads};
use crate::World;
use crate::events::{hand, sequencer};
use crate::proxy::{Fault, Proxy, Step, When};

const EVENTS: usize = 6;

fn faults() -> impl Iterator<Item = Fault> {
    [When::Before, When::After].into_iter().flat_map(|when| [Fault::Kill(when), Fault::Lose(when)])
}

/// Changes are made whose events have no number, for two webhooks.
async fn scene() -> Result<(World, [serde_json::Value; 2])> {
    let world = World::start().await?;
    tenant_with_leads(&world, USER, 1).await?;
    let made = [create(&world, USER, "crm", json!({})).await?, create(&world, USER, "erp", json!({})).await?];
    changes(&world).await?;
    Ok((world, made))
}

async fn changes(world: &World) -> Result<()> {
    for number in 0..EVENTS {
        change(world, USER, 1, if number % 2 == 0 { "CONTACTED" } else { "NEW" }).await?;
    }
    // The next round begins where this one did.
    ensure!(EVENTS.is_multiple_of(2), "the lead ends in another status");
    Ok(())
}

/// One life of a sequencer behind a proxy.
async fn sequence(world: &World, proxy: &Proxy) -> Result<()> {
    let app = sequencer(world, &proxy.endpoints()).await?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = hand(world, &app, USER) => {}
    }
    Ok(())
}

/// One life of a deliverer behind a proxy, with a message for the webhook.
async fn send(world: &World, proxy: &Proxy, webhook: &str) -> Result<()> {
    let app = deliverer(world, &proxy.endpoints()).await?;
    let record = json!({ "messageId": "m-1", "body": json!({ "userId": USER, "webhookId": webhook }).to_string() });
    let batch = serde_json::from_value(json!({ "Records": [record] }))?;
    tokio::select! {
        biased;
        () = proxy.died() => proxy.idle().await,
        _ = run_batch(&app, webhook_deliverer::handle, batch, world.deadline()) => {}
    }
    Ok(())
}

/// Whatever was left alone is found by the sweeper.
async fn recover(world: &World) -> Result<()> {
    for _ in 0..2 {
        world.advance(Duration::from_secs(95));
        world.sweep().await?;
        crate::events::number(world, USER).await?;
        deliver(world).await?;
    }
    Ok(())
}

/// The step and fault by which every place of a life is disturbed once.
fn disturbances(steps: &[Step]) -> impl Iterator<Item = (Step, Fault)> {
    steps.iter().flat_map(|step| faults().map(move |fault| (step.clone(), fault)))
}

#[tokio::test]
async fn event_sequencer_disturbed_at_any_step_makes_one_delivery_of_each_event_for_each_webhook() -> Result<()> {
    let (world, made) = scene().await?;
    let proxy = Proxy::start(&world).await?;
    sequence(&world, &proxy).await?;
    let steps = proxy.steps();
    deliver(&world).await?;
    let mut expected = EVENTS;
    for (step, fault) in disturbances(&steps) {
        let what = format!("{fault:?} at {step}");
        changes(&world).await?;
        expected += EVENTS;
        let proxy = Proxy::start(&world).await?;
        proxy.arm(&step.name, step.nth, fault);
        sequence(&world, &proxy).await.context(what.clone())?;
        recover(&world).await.context(what.clone())?;
        let mut of_webhook: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for row in world.rows("t_webhook_delivery").await? {
            of_webhook.entry(row["webhook_id"].clone()).or_default().push(row["sequence"].parse()?);
        }
        for webhook in &made {
            let mut sequences = of_webhook.remove(id(webhook)).unwrap_or_default();
            sequences.sort_unstable();
            sequences.dedup();
            assert_eq!(sequences.len(), expected, "{what}");
        }
        for name in ["crm", "erp"] {
            assert_eq!(world.sandbox.inbox().distinct(name).len(), expected, "{what}: {name}");
        }
    }
    let heads = world.rows("t_event").await?;
    let head = heads.iter().find(|row| row["sequence"] == "0").context("no head")?;
    assert!(!head.contains_key("dispatch_since"), "nothing waits to be handed over");
    Ok(())
}

#[tokio::test]
async fn deliverer_disturbed_at_any_step_delivers_everything_at_least_once_under_the_same_id() -> Result<()> {
    let (world, made) = scene().await?;
    crate::events::number(&world, USER).await?;
    let proxy = Proxy::start(&world).await?;
    send(&world, &proxy, id(&made[0])).await?;
    let steps = proxy.steps();
    let of = |name: &str| steps.iter().filter(|step| step.name == name).count();
    // The lease is taken and let go, and each attempt is noted once.
    assert_eq!((of("UpdateItem t_webhook"), of("PutItem t_webhook_delivery")), (2, EVENTS), "{steps:?}");
    deliver(&world).await?;
    let mut expected = EVENTS;
    for (step, fault) in disturbances(&steps) {
        let what = format!("{fault:?} at {step}");
        changes(&world).await?;
        expected += EVENTS;
        crate::events::number(&world, USER).await?;
        // The message of the sequencer is this life's.
        world.aws.sqs.purge_queue().queue_url(queue_url(&world)?).send().await?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm(&step.name, step.nth, fault);
        send(&world, &proxy, id(&made[0])).await.context(what.clone())?;
        recover(&world).await.context(what.clone())?;
        for (name, webhook) in ["crm", "erp"].into_iter().zip(&made) {
            assert_eq!(world.sandbox.inbox().distinct(name).len(), expected, "{what}: {name}");
            let kept = log(&world, USER, webhook).await?;
            assert!(kept.iter().all(|delivery| delivery["status"] == "DELIVERED"), "{what}: {name}");
        }
        // Four at most were under way, and only they may come a second time.
        let arrivals = world.sandbox.inbox().arrivals("crm").len();
        assert!(arrivals <= expected + 4 * steps.len() * 4, "{what}: {arrivals} arrivals of {expected}");
    }
    Ok(())
}

#[tokio::test]
async fn deliverers_at_once_send_each_delivery_once() -> Result<()> {
    let (world, made) = scene().await?;
    crate::events::number(&world, USER).await?;
    let apps =
        futures::future::try_join_all((0..4).map(async |_| deliverer(&world, &Default::default()).await)).await?;
    let lives = apps.iter().map(async |app| {
        let record =
            json!({ "messageId": "m-1", "body": json!({ "userId": USER, "webhookId": id(&made[0]) }).to_string() });
        let batch = serde_json::from_value(json!({ "Records": [record] }))?;
        let answer = run_batch(app, webhook_deliverer::handle, batch, world.deadline()).await;
        ensure!(answer.batch_item_failures.is_empty(), "{answer:?}");
        anyhow::Ok(())
    });
    futures::future::try_join_all(lives).await?;
    assert_eq!(world.sandbox.inbox().arrivals("crm").len(), EVENTS);
    deliver(&world).await?;
    assert_eq!(
        (world.sandbox.inbox().arrivals("crm").len(), world.sandbox.inbox().arrivals("erp").len()),
        (EVENTS, EVENTS)
    );
    Ok(())
}

#[tokio::test]
async fn deliverer_disturbed_at_any_step_gives_up_a_receiver_that_is_gone_and_tells_that_once() -> Result<()> {
    let world = World::start().await?;
    tenant_with_leads(&world, USER, 1).await?;
    world.sandbox.inbox().behave("gone", Conduct::Status { status: 410, times: None });
    let body = json!({ "types": ["lead.status_changed"] });
    // A webhook that is told of one change, whose message is this life's.
    let told = async |status: &str| -> Result<serde_json::Value> {
        let made = create(&world, USER, "gone", body.clone()).await?;
        change(&world, USER, 1, status).await?;
        crate::events::number(&world, USER).await?;
        world.aws.sqs.purge_queue().queue_url(queue_url(&world)?).send().await?;
        Ok(made)
    };
    let made = told("CONTACTED").await?;
    let proxy = Proxy::start(&world).await?;
    send(&world, &proxy, id(&made)).await?;
    let (steps, mut gone) = (proxy.steps(), 1);
    assert_eq!(shown(&world, USER, &made).await?["disabledReason"], "GONE");
    for (nth, (step, fault)) in disturbances(&steps).enumerate() {
        let what = format!("{fault:?} at {step}");
        let made = told(if nth % 2 == 0 { "NEW" } else { "CONTACTED" }).await.context(what.clone())?;
        let proxy = Proxy::start(&world).await?;
        proxy.arm(&step.name, step.nth, fault);
        send(&world, &proxy, id(&made)).await.context(what.clone())?;
        recover(&world).await.context(what.clone())?;
        gone += 1;
        assert_eq!(shown(&world, USER, &made).await?["disabledReason"], "GONE", "{what}");
        let kept = log(&world, USER, &made).await?;
        assert_eq!((&kept[0]["status"], kept.len()), (&json!("FAILED"), 1), "{what}");
        let events = world.rows("t_event").await?;
        let told = events.iter().filter(|row| row.get("type").is_some_and(|kind| kind == "webhook.disabled")).count();
        assert_eq!(told, gone, "{what}");
        ask(&world, USER, "webhook-delete", &[("webhookId", id(&made))], &serde_json::Value::Null).await?;
    }
    Ok(())
}
