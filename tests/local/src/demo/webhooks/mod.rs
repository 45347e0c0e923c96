//! The story between: a program of the tenant's and a group of its people are told what happens.

mod group;
mod program;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::api::{Api, list, text};
use super::douyin::Account;
use super::scenario::Scenario;

/// What is needed to make webhooks, and to do what they tell of.
const PERMISSIONS: [&str; 3] = ["lead:douyin:*", "webhook:manage", "event:view"];

const WEBHOOKS: &str = "/api/v1/webhooks";

/// An event is numbered and delivered within a second, and again after five; the first invocation starts a function.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Plays it. The account has to be authorised, and its authorisation ends here.
pub(super) async fn play(stage: &Scenario<'_>, account: &Account) -> Result<()> {
    let user = stage.user(0, &PERMISSIONS)?;
    stage.chapter("Webhooks");
    program::is_told(stage, &user).await?;
    group::is_told(stage, &user, account).await
}

/// A webhook here, and its receiver at the sandbox.
struct Webhook {
    /// What the sandbox calls the receiver.
    name: String,
    /// What we call the webhook.
    id: String,
}

impl Webhook {
    /// Makes a webhook at a receiver. Answers also what was shown of it.
    async fn make(user: &Api, receiver: &Value, more: Value) -> Result<(Self, Value)> {
        let mut body = json!({ "url": text(receiver, "url")? });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        let shown = user.send(Method::POST, WEBHOOKS, body).await?.data(201)?;
        Ok((Self { name: text(receiver, "name")?.to_owned(), id: text(&shown, "webhookId")?.to_owned() }, shown))
    }

    fn path(&self) -> String {
        format!("{WEBHOOKS}/{}", self.id)
    }

    /// What the receiver got: each request, or each message that it keeps once.
    async fn arrivals(&self, stage: &Scenario<'_>, distinct: bool) -> Result<Vec<Value>> {
        let path = format!("inbox/receivers/{}/arrivals?distinct={distinct}", self.name);
        Ok(stage.sandbox(Method::GET, &path, None).await?.as_array().cloned().unwrap_or_default())
    }

    /// The delivery of the one event of this type, as soon as the log says that the receiver has it.
    async fn delivered(&self, user: &Api, kind: &str) -> Result<Value> {
        let path = format!("{}/deliveries", self.path());
        eventually(&format!("{kind} is delivered"), async || {
            let log = user.get(&path, &[]).await?.data(200)?;
            let mut found = Vec::new();
            for delivery in list(&log, "records")? {
                if text(delivery, "type")? == kind {
                    found.push(delivery);
                }
            }
            ensure!(found.len() < 2, "{kind} must be delivered once: {log}");
            let is_delivered = |delivery: &&Value| delivery.get("status").is_some_and(|status| status == "DELIVERED");
            Ok(found.first().copied().filter(is_delivered).cloned())
        })
        .await
    }
}

/// Looks until there is something to see.
async fn eventually<T>(what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        ensure!(started.elapsed() < PATIENCE, "it does not come about that {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The one thing that there must be.
fn only(found: Vec<Value>, what: &str) -> Result<Value> {
    ensure!(found.len() == 1, "there must be one {what}, not {}", found.len());
    Ok(found.into_iter().next().unwrap_or_default())
}
