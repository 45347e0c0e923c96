//! Bad input of the WeChat Moments routes: each is refused with its status and a text that says what to do, and leaves
//! nothing behind, neither here nor at a provider.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::api::bodies::no_objects;
use crate::snapshot::{ExpectedError, Snapshot};
use crate::{Answer, Event, World};

/// The user of these tests.
pub(crate) const USER: u64 = 4001;
pub(crate) const STRANGER: u64 = 4002;

/// Content, accounts or time that break a rule.
pub(crate) const CONTENT: ExpectedError<'_> = ExpectedError::new(422, "MOMENT_SYNC_CREATION_FAILED");
/// Accounts that are not there.
pub(crate) const NO_ACCOUNT: ExpectedError<'_> = ExpectedError::new(404, "WECHAT_ACCOUNT_NOT_FOUND");
/// Tasks that are not there.
pub(crate) const NOT_FOUND: ExpectedError<'_> = ExpectedError::new(404, "NOT_FOUND");

/// A user with a personal account, and everything as it was before what must leave no trace.
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) device: String,
    pub(crate) before: Snapshot,
}

impl Desk {
    pub(crate) async fn open() -> Result<Self> {
        Self::in_world(World::start().await?).await
    }

    pub(crate) async fn in_world(mut world: World) -> Result<Self> {
        world.pause_by_hand();
        let device = world.connect_device(USER, "phone").await?;
        let before = world.snapshot().await?;
        Ok(Self { world, device, before })
    }

    /// What is there now is what refusals must leave from here on.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        self.before = self.world.snapshot().await?;
        Ok(())
    }

    /// A post that would be granted, also again and again, with these fields in place of its own or beside them.
    pub(crate) fn body(&self, changes: Value) -> Value {
        let post = json!({ "text": "早上好", "accountIds": [self.device], "force": ["DUPLICATE_CONTENT"] });
        merged(post, changes)
    }

    /// The request for it.
    pub(crate) fn post(&self, changes: Value) -> Result<Event> {
        Ok(self.event("moment-sync")?.without_header("idempotency-key").json(&self.body(changes)))
    }

    pub(crate) fn event(&self, function: &str) -> Result<Event> {
        self.world.sample_as(USER, function)
    }

    /// Calls what must be refused in words that contain `remedy`, and finds everything as it was: tables, queues,
    /// schedules, and nobody at a provider has heard of it.
    pub(crate) async fn refuses(
        &self,
        what: &str,
        event: &Event,
        refusal: &ExpectedError<'_>,
        remedy: &str,
    ) -> Result<()> {
        let asked = self.asked_providers();
        self.refuses_after_asking(what, event, refusal, remedy).await?;
        ensure!(self.asked_providers() == asked, "{what}: a provider was asked");
        Ok(())
    }

    /// The same for what a provider has to be asked about.
    pub(crate) async fn refuses_after_asking(
        &self,
        what: &str,
        event: &Event,
        refusal: &ExpectedError<'_>,
        remedy: &str,
    ) -> Result<()> {
        let answer = self.world.call(event).await?;
        refusal.check(what, &answer);
        let told = format!("{} {}", answer.body["message"], answer.body["error"]["reason"]);
        ensure!(told.contains(remedy), "{what}: it lacks {remedy:?}: {told}");
        if event.function == "moment-sync" {
            self.tries_out(what, event, &answer).await?;
        }
        self.world.snapshot().await?.assert_unchanged_since(&self.before, what);
        Ok(())
    }

    /// Whoever tries out what was refused hears the same of the same fields first. The key is the request's own.
    pub(crate) async fn tries_out(&self, what: &str, event: &Event, refused: &Answer) -> Result<()> {
        let Value::String(body) = &event.value()["body"] else { return Ok(()) };
        if event.value()["headers"].get("idempotency-key").is_some() {
            return Ok(());
        }
        let authorization = event.value()["headers"]["authorization"].as_str().context("no token")?;
        let same = Event::sample("moment-validate")?.header("authorization", authorization).body(body);
        let told = self.world.call(&same).await?;
        let error = &refused.body["error"];
        if told.status != 200 {
            let like = (refused.status, &error["type"], &error["fields"]);
            ensure!(
                like == (told.status, &told.body["error"]["type"], &told.body["error"]["fields"]),
                "{what}: {told:?}"
            );
            return Ok(());
        }
        let fields = error["fields"].as_array().with_context(|| format!("{what}: valid for some, {refused:?}"))?;
        let expected: Vec<Value> =
            fields.iter().map(|field| merged(field.clone(), json!({"code": error["type"]}))).collect();
        let problems = told.data()["problems"].as_array().context("no problems")?;
        ensure!(told.data()["valid"] == false, "{what}: {told:?}");
        ensure!(problems.starts_with(&expected), "{what}: {problems:?} instead of {expected:?}");
        Ok(())
    }

    /// How many calls WeCom and the gateway have had.
    pub(crate) fn asked_providers(&self) -> usize {
        let entries = self.world.sandbox.journal().entries();
        entries.iter().filter(|entry| ["wecom", "gewe"].contains(&entry.platform)).count()
    }

    /// Calls what must be granted; answers the task.
    pub(crate) async fn grants(&self, what: &str, event: &Event) -> Result<u64> {
        let answer = self.world.call(event).await?;
        ensure!(answer.status == 202, "{what}: {answer:?}");
        task_of(&answer)
    }

    /// The task, published to its end without disturbance; it must have succeeded.
    pub(crate) async fn publishes(&self, what: &str, task: u64) -> Result<()> {
        let ended = self.world.publish_until_ended(USER, task, 5).await?;
        ensure!(ended["status"] == "COMPLETED", "{what}: {ended}");
        Ok(())
    }

    /// An instant so many seconds from now.
    pub(crate) fn at(&self, seconds: i64) -> String {
        (self.world.clock.now() + jiff::SignedDuration::from_secs(seconds)).to_string()
    }
}

pub(crate) fn task_of(answer: &Answer) -> Result<u64> {
    answer.data()["syncTaskId"].as_u64().with_context(|| format!("no syncTaskId in {answer:?}"))
}

/// Bodies that are no JSON object, for a route that would take one whose text `field` is `good`.
pub(crate) fn unreadable(field: &str, good: &str) -> Vec<(&'static str, String)> {
    let (any, good) = (format!(r#""{field}":"x""#), format!(r#""{field}":"{good}""#));
    no_objects(field).into_iter().map(|(what, body)| (what, body.replace(&any, &good))).collect()
}

pub(crate) fn merged(mut object: Value, changes: Value) -> Value {
    if let (Some(object), Value::Object(changes)) = (object.as_object_mut(), changes) {
        object.extend(changes);
    }
    object
}
