//! Webhooks: each wanted event is delivered to each receiver, signed, at least once, whatever the receiver does and whoever dies.

mod contract;
mod crashes;
mod delivery;
mod receivers;
mod story;

use anyhow::{Context, Result, ensure};
use functions::worker::run_batch;
use functions::workers::webhook_deliverer;
use serde_json::{Value, json};

use crate::queue::as_event;
use crate::world::EndpointOverrides;
use crate::{Answer, Event, World};

const USER: u64 = 1_001;
/// More batches than any test makes.
const MOST_BATCHES: usize = 300;

fn queue_url(world: &World) -> Result<&str> {
    Ok(world.stack.outputs.get("WebhookQueueUrl").context("the template has no WebhookQueueUrl")?)
}

/// A deliverer, started now.
async fn deliverer(world: &World, endpoints: &EndpointOverrides) -> Result<webhook_deliverer::App> {
    Ok(webhook_deliverer::App::new(&world.context("webhook-deliverer", endpoints).await?).await?)
}

/// Hands the deliverer all messages that have come, until none does; those that were delayed come later. Answers how many were done.
async fn deliver(world: &World) -> Result<usize> {
    let app = deliverer(world, &EndpointOverrides::default()).await?;
    let mut done = 0;
    for _ in 0..MOST_BATCHES {
        match deliver_batch(world, &app).await? {
            0 => return Ok(done),
            more => done += more,
        }
    }
    anyhow::bail!("the queue of webhooks does not run dry")
}

/// Hands a deliverer up to ten messages. Answers how many were done.
async fn deliver_batch(world: &World, app: &webhook_deliverer::App) -> Result<usize> {
    let url = queue_url(world)?;
    let received = world.aws.sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await?;
    let batch = received.messages.unwrap_or_default();
    if batch.is_empty() {
        return Ok(0);
    }
    let answer = run_batch(app, webhook_deliverer::handle, as_event(&batch)?, world.deadline()).await;
    ensure!(answer.batch_item_failures.is_empty(), "{answer:?}");
    world.settle(url, batch, &answer).await
}

/// Numbers a tenant's events, which makes the deliveries, and sends them.
async fn tell(world: &World, user: u64) -> Result<()> {
    crate::events::number(world, user).await?;
    deliver(world).await.map(|_| ())
}

async fn ask(world: &World, user: u64, function: &str, ids: &[(&str, &str)], body: &Value) -> Result<Answer> {
    let mut event = Event::sample(function)?;
    for (name, id) in ids {
        event = event.path(name, id);
    }
    if !body.is_null() {
        event = event.json(body);
    }
    world.call_as(user, event).await
}

/// A new webhook of `user` at the receiver `name`, which knows its secret.
pub(crate) async fn create(world: &World, user: u64, name: &str, more: Value) -> Result<Value> {
    let mut body = json!({ "url": world.sandbox.inbox().url(name) });
    body.as_object_mut().context("no object")?.extend(more.as_object().cloned().unwrap_or_default());
    let answer = ask(world, user, "webhook-create", &[], &body).await?;
    ensure!(answer.status == 201, "{answer:?}");
    let made = answer.data().clone();
    if let Some(secret) = made["secret"].as_str() {
        world.sandbox.inbox().know(name, &[secret])?;
    }
    Ok(made)
}

fn id(webhook: &Value) -> &str {
    webhook["webhookId"].as_str().unwrap_or_default()
}

/// The tenant's webhook as the list shows it.
async fn shown(world: &World, user: u64, webhook: &Value) -> Result<Value> {
    let answer = ask(world, user, "webhooks", &[], &Value::Null).await?;
    let found = answer.data().as_array().context("no list")?.iter().find(|it| it["webhookId"] == webhook["webhookId"]);
    found.cloned().context("not in the list")
}

/// The log of a webhook, newest first.
async fn log(world: &World, user: u64, webhook: &Value) -> Result<Vec<Value>> {
    let event = Event::sample("webhook-deliveries")?.path("webhookId", id(webhook)).query(&[("size", "100")]);
    let answer = world.call_as(user, event).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(answer.data()["records"].as_array().context("no records")?.clone())
}

/// A tenant with leads.
async fn tenant_with_leads(world: &World, user: u64, leads: u32) -> Result<()> {
    let name = format!("shop-{user}");
    world.douyin_account(&name, leads);
    let shop = world.authorize(user, &name).await?;
    world.sync(user, &shop, "INCREMENTAL").await?;
    crate::events::number(world, user).await
}

/// Changes a lead's status, which is an event.
async fn change(world: &World, user: u64, lead: u64, status: &str) -> Result<()> {
    let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
    let answer = world.call_as(user, event.json(&json!({ "status": status, "reopen": status == "NEW" }))).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

/// A webhook is given up because its receiver has answered 410 to a test.
pub(crate) async fn gone_receiver(world: &World, user: u64) -> Result<()> {
    let made = create(world, user, "gone", json!({})).await?;
    world.sandbox.inbox().behave("gone", sandbox::inbox::Conduct::Status { status: 410, times: None });
    ask(world, user, "webhook-test", &[("webhookId", id(&made))], &Value::Null).await?;
    deliver(world).await?;
    ensure!(shown(world, user, &made).await?["status"] == "DISABLED", "the webhook is not given up");
    Ok(())
}

/// Deliveries to a receiver that takes them, to one that does not at first, and to one that is gone, with their messages.
pub(crate) async fn deliveries_to_send(user: u64) -> Result<World> {
    use sandbox::inbox::Conduct;

    let world = World::start().await?;
    tenant_with_leads(&world, user, 1).await?;
    for (name, conduct) in [
        ("crm", Conduct::Well),
        ("later", Conduct::Status { status: 503, times: Some(1) }),
        ("gone", Conduct::Status { status: 410, times: None }),
    ] {
        create(&world, user, name, json!({ "types": ["lead.status_changed"] })).await?;
        world.sandbox.inbox().behave(name, conduct);
    }
    change(&world, user, 1, "CONTACTED").await?;
    crate::events::number(&world, user).await?;
    Ok(world)
}

/// A test is to be sent to a webhook, and its message is lost.
pub(crate) async fn forgotten_delivery(world: &World, user: u64) -> Result<()> {
    let made = create(world, user, "crm", json!({ "types": ["lead.erased"] })).await?;
    ask(world, user, "webhook-test", &[("webhookId", id(&made))], &Value::Null).await?;
    world.aws.sqs.purge_queue().queue_url(queue_url(world)?).send().await?;
    Ok(())
}

/// All of them have come, and the receiver that is gone is asked no more.
pub(crate) async fn deliveries_sent(world: &World) -> Result<()> {
    for _ in 0..3 {
        world.advance(std::time::Duration::from_secs(3_600));
        world.sweep().await?;
        deliver(world).await?;
    }
    for name in ["crm", "later"] {
        ensure!(world.sandbox.inbox().distinct(name).len() == 1, "{name}");
    }
    let rows = world.rows("t_webhook").await?;
    let disabled = rows.iter().filter(|row| row["status"] == "DISABLED").count();
    ensure!(disabled == 1, "{disabled} webhooks are given up");
    Ok(())
}
