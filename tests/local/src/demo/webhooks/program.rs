//! A program of the tenant's: a test and an event reach it signed, and one that it did not take comes again.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{WEBHOOKS, Webhook, only};
use crate::demo::api::{Api, list, number, text};
use crate::demo::scenario::Scenario;

/// A lead that nobody has worked so far.
const LEAD: u64 = 2_400;

/// The event that the story tells of.
const TOLD: &str = "lead.status_changed";

pub(super) async fn is_told(stage: &Scenario<'_>, user: &Api) -> Result<()> {
    let webhook = make(stage, user).await?;
    let test = user.order(Method::POST, &format!("{}/test", webhook.path())).await?.data(202)?;
    let delivery = webhook.delivered(user, "webhook.test").await?;
    ensure!(text(&delivery, "deliveryId")? == text(&test, "deliveryId")?, "the test must be in the log: {delivery}");
    let arrived = only(webhook.arrivals(stage, true).await?, "test")?;
    is_signed(&arrived, text(&test, "eventId")?)?;
    stage.tell("a test arrives, signed as Standard Webhooks has it, and the log says DELIVERED");

    fails_once(stage, &webhook).await?;
    let path = format!("/api/v1/lead/douyin/leads/{LEAD}");
    user.send(Method::PATCH, &path, json!({ "status": "CONTACTED" })).await?.data(200)?;
    let delivery = webhook.delivered(user, TOLD).await?;
    let (event_id, sequence) = (text(&delivery, "eventId")?, number(&delivery, "sequence")?);
    is_tried_again(&answers(list(&delivery, "attempts")?, "status")?, "the log")?;
    let arrived = of_event(webhook.arrivals(stage, false).await?, event_id)?;
    is_tried_again(&answers(&arrived, "answered")?, "what arrived under its id")?;
    stage.tell("lead.status_changed: the receiver answers 503, and some seconds later gets it again under the same id");

    let kept = webhook.arrivals(stage, true).await?;
    ensure!(kept.len() == 2, "test and event must each be kept once, not {} messages", kept.len());
    let arrived = only(of_event(kept, event_id)?, "event after deduplication by webhook-id")?;
    is_signed(&arrived, event_id)?;
    let after = sequence.saturating_sub(1).to_string();
    let read = user.get("/api/v1/events", &[("after", &after), ("limit", "1")]).await?.data(200)?;
    let read = list(&read, "events")?.first().context("the event must be among the events")?;
    let told: Value = serde_json::from_str(text(&arrived, "body")?).context("the body must be JSON")?;
    ensure!(told == *read, "what is delivered must be what GET events says: {told} is not {read}");
    ensure!(told.pointer("/data/leadId").and_then(Value::as_u64) == Some(LEAD), "it must be of lead {LEAD}: {told}");
    stage.tell(&format!("deduplicated by webhook-id it is there once, and is event {sequence} of GET events"));
    Ok(())
}

/// A webhook whose secret the receiver is given, as its owner would who sees it once.
async fn make(stage: &Scenario<'_>, user: &Api) -> Result<Webhook> {
    let name = format!("demo-crm-{}", stage.play);
    let well = Some(json!({ "kind": "well" }));
    let receiver = stage.sandbox(Method::PUT, &format!("inbox/receivers/{name}/conduct"), well).await?;
    let (webhook, shown) = Webhook::make(user, &receiver, json!({ "types": [TOLD] })).await?;
    let secret = text(&shown, "secret")?;
    stage.register_secret(secret);
    ensure!(secret.starts_with("whsec_"), "the secret must be one of Standard Webhooks");
    let known = Some(json!({ "secrets": [secret] }));
    stage.sandbox(Method::PUT, &format!("inbox/receivers/{name}/secrets"), known).await?;
    let listed = user.get(WEBHOOKS, &[]).await?.data(200)?;
    let listed = listed.as_array().context("the webhooks are no list")?;
    ensure!(
        listed.iter().any(|entry| entry.get("webhookId").is_some_and(|id| *id == webhook.id.as_str())),
        "not listed"
    );
    ensure!(listed.iter().all(|entry| entry.get("secret").is_none()), "a list must not show secrets");
    stage.tell("a webhook is made: its secret is shown once, and is not in the list");
    Ok(webhook)
}

async fn fails_once(stage: &Scenario<'_>, webhook: &Webhook) -> Result<()> {
    let conduct = json!({ "kind": "status", "status": 503, "times": 1 });
    stage.sandbox(Method::PUT, &format!("inbox/receivers/{}/conduct", webhook.name), Some(conduct)).await?;
    Ok(())
}

fn answers(attempts: &[Value], field: &str) -> Result<Vec<u64>> {
    attempts.iter().map(|attempt| number(attempt, field)).collect()
}

/// One attempt was answered 503, and a later one was taken; there may be more of those, because delivery is at least once.
fn is_tried_again(answers: &[u64], of: &str) -> Result<()> {
    let is_right = answers.len() >= 2 && answers.first() == Some(&503) && answers.iter().skip(1).all(|it| *it == 204);
    ensure!(is_right, "{of} must have a 503 and then a 204, not {answers:?}");
    Ok(())
}

fn id(arrival: &Value) -> Result<&str> {
    arrival.pointer("/headers/webhook-id").and_then(Value::as_str).context("a request has no webhook-id")
}

fn of_event(arrivals: Vec<Value>, event_id: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for arrival in arrivals {
        if id(&arrival)? == event_id {
            found.push(arrival);
        }
    }
    Ok(found)
}

fn is_signed(arrival: &Value, event_id: &str) -> Result<()> {
    ensure!(arrival.get("problem").is_none(), "the signature must be right: {arrival}");
    ensure!(list(arrival, "signers")? == [json!(0)], "the webhook's secret must have signed it: {arrival}");
    ensure!(id(arrival)? == event_id, "its webhook-id must be that of the event: {arrival}");
    Ok(())
}
