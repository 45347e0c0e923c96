//! What a world can do on the WeChat side.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod companies;
#[cfg(test)]
mod connecting;
#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
mod creation;
#[cfg(test)]
mod media;
#[cfg(test)]
mod publishing;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod texts;
#[cfg(test)]
mod webhook;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_lambda_events::event::sqs::SqsEvent;
use aws_sdk_sqs::types::Message;
use functions::worker::run_batch;
use functions::workers::moment_publisher;
use sandbox::gewe::DeviceSpec;
use sandbox::wecom::{CorpSpec, MemberSpec};
use serde_json::{Value, json};

use crate::event::{Answer, Event};
use crate::queue::as_event;
use crate::world::{EndpointOverrides, World};

/// Every pause of the publisher, in seconds: longer than SQS can delay a message, so that nothing hides in the queue
/// and time, moved by hand, together with the sweeper brings everything back.
const PAUSE: &str = "1000";
/// More rounds than any publication needs.
const MOST_ROUNDS: usize = 400;

impl World {
    /// Makes every pause the sweeper's.
    pub fn pause_by_hand(&mut self) {
        for name in [
            "MOMENT_RETRY_PAUSE_SECONDS",
            "MOMENT_RECONCILE_PAUSE_SECONDS",
            "MOMENT_JOB_PAUSE_SECONDS",
            "MOMENT_MEMBER_PAUSE_SECONDS",
        ] {
            self.set(name, PAUSE);
        }
        self.set("PERSONAL_INTERVAL_SECONDS", "0");
    }

    /// Connects a new company with these members; answers their account ids.
    ///
    /// # Errors
    /// When it is not answered with 200.
    pub async fn connect_corp(&self, user: u64, name: &str, members: &[&str]) -> Result<Vec<String>> {
        let members: Vec<MemberSpec> = members.iter().map(|id| MemberSpec::new(*id, format!("成员{id}"))).collect();
        let corp = self.sandbox.wecom().add_corp(CorpSpec { members, ..CorpSpec::new(name) });
        let body = json!({
            "accountType": "WEWORK",
            "corpId": corp.corp_id,
            "agentId": corp.apps[0].agent_id,
            "secret": corp.secret(),
        });
        self.connect(user, &body).await
    }

    /// Connects a new device of the gateway; answers its account id.
    ///
    /// # Errors
    /// When it is not answered with 200.
    pub async fn connect_device(&self, user: u64, name: &str) -> Result<String> {
        let device = self.sandbox.gewe().add_device(DeviceSpec::new(name));
        let body = json!({
            "accountType": "PERSONAL",
            "appId": device.app_id,
            "gatewayToken": self.sandbox.gewe().token(),
            "acceptRisk": true,
        });
        self.connect(user, &body).await?.pop().context("no account")
    }

    async fn connect(&self, user: u64, body: &Value) -> Result<Vec<String>> {
        let answer = self.call_as(user, Event::sample("wechat-account-connect")?.json(body)).await?;
        ensure!(answer.status == 200, "connecting answered {answer:?}");
        let accounts = answer.data()["accounts"].as_array().context("no accounts")?.iter();
        Ok(accounts.filter_map(|account| account["accountId"].as_str().map(str::to_owned)).collect())
    }

    /// Asks for a publication, which may be of what was posted before: most tests post the same again and again. What is
    /// refused as a duplicate is the matter of `moments_faults::duplicates`.
    ///
    /// # Errors
    /// As [`World::call`].
    pub async fn request_post(&self, user: u64, body: &Value) -> Result<Answer> {
        let mut body = body.clone();
        if let Some(body) = body.as_object_mut() {
            let force = body.entry("force").or_insert_with(|| json!([]));
            force.as_array_mut().context("no list")?.push("DUPLICATE_CONTENT".into());
        }
        self.call_as(user, Event::sample("moment-sync")?.without_header("idempotency-key").json(&body)).await
    }

    /// How a publication goes.
    ///
    /// # Errors
    /// When it is not answered with 200.
    pub async fn post_status(&self, user: u64, task: u64) -> Result<Value> {
        let answer = self.call_as(user, Event::sample("moment-task")?.path("taskId", &task.to_string())).await?;
        ensure!(answer.status == 200, "task answered {answer:?}");
        Ok(answer.data().clone())
    }

    /// Runs publisher batches until none comes.
    ///
    /// # Errors
    /// When the publisher does not start.
    pub async fn drain_publications(&self) -> Result<usize> {
        let app =
            moment_publisher::App::new(&self.context("moment-publisher", &EndpointOverrides::default()).await?).await?;
        let mut done = 0;
        for _ in 0..MOST_ROUNDS {
            let batch = self.receive_publications().await?;
            if batch.is_empty() {
                return Ok(done);
            }
            done += self.publish_batch(&app, batch).await?;
        }
        bail!("the publish queue does not run dry")
    }

    /// Moves time and sweeps until the task has ended, or `rounds` have passed.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn publish_until_ended(&self, user: u64, task: u64, rounds: usize) -> Result<Value> {
        self.drain_publications().await?;
        for _ in 0..rounds {
            let status = self.post_status(user, task).await?;
            if !["PENDING", "PROCESSING"].contains(&status["status"].as_str().unwrap_or_default()) {
                return Ok(status);
            }
            self.advance(Duration::from_secs(2_000));
            self.sweep().await?;
            self.drain_publications().await?;
        }
        self.post_status(user, task).await
    }

    /// URL of the publish queue.
    ///
    /// # Errors
    /// When the template names none.
    pub fn publish_queue_url(&self) -> Result<&str> {
        let environment = self.stack.environments.get("moment-publisher").context("no publisher")?;
        Ok(environment.get("PUBLISH_QUEUE_URL").context("the publisher has no PUBLISH_QUEUE_URL")?)
    }

    /// Takes up to ten messages for the publisher.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn receive_publications(&self) -> Result<Vec<Message>> {
        let received = self.aws.sqs.receive_message().queue_url(self.publish_queue_url()?).max_number_of_messages(10);
        Ok(received.send().await?.messages.unwrap_or_default())
    }

    /// Hands one batch to a publisher and settles it as Lambda would. Answers how many records were done.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn publish_batch(&self, app: &moment_publisher::App, batch: Vec<Message>) -> Result<usize> {
        let event: SqsEvent = as_event(&batch)?;
        let answer = run_batch(app, moment_publisher::handle, event, self.deadline()).await;
        self.settle(self.publish_queue_url()?, batch, &answer).await
    }
}
