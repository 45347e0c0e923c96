//! Functions behind the API that die before and after each step: what they had written holds, the rest never was, and
//! asking again ends where one undisturbed request does.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use sandbox::fault::Effect;
use sandbox::gewe::{GeweEndpoint, GeweFault};
use sandbox::media::MediaFile;
use serde_json::{Value, json};

use super::oracle::{Oracle, Outlet, check};
use super::{LATER, USER, call, recover, request, world};
use crate::proxy::{Fault, Proxy, Step, When};
use crate::{Event, World};

/// What somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestKind {
    Now,
    Picture,
    Timed,
    Cancel,
    Reschedule,
    PublishNow,
    Stop,
    Retry,
}

const REQUEST_KINDS: [RequestKind; 8] = [
    RequestKind::Now,
    RequestKind::Picture,
    RequestKind::Timed,
    RequestKind::Cancel,
    RequestKind::Reschedule,
    RequestKind::PublishNow,
    RequestKind::Stop,
    RequestKind::Retry,
];

/// A request_kind about to be uttered.
struct Scenario {
    text: String,
    outlet: Outlet,
    /// The task there is already.
    task: Option<u64>,
    event: Event,
}

impl RequestKind {
    const fn expected(self) -> &'static [&'static str] {
        match self {
            Self::Now => &[
                "BatchGetItem t_wechat_account",
                "GetItem t_idempotency",
                "GetItem t_idempotency",
                "GetSecretValue",
                "SendMessage",
                "TransactWriteItems t_moment_sync_task",
            ],
            Self::Picture => &[
                "BatchGetItem t_wechat_account",
                "GetItem t_idempotency",
                "GetItem t_idempotency",
                "GetSecretValue",
                "PUT s3 media",
                "SendMessage",
                "TransactWriteItems t_moment_sync_task",
                "UpdateItem t_moment_media",
                "UpdateItem t_moment_media",
            ],
            Self::Timed => &[
                "BatchGetItem t_wechat_account",
                "GetItem t_idempotency",
                "GetItem t_idempotency",
                "GetSecretValue",
                "POST schedules",
                "TransactWriteItems t_moment_sync_task",
            ],
            Self::Cancel => &[
                "DELETE schedules",
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetSecretValue",
                "Query t_moment_sync_result",
                "Query t_moment_sync_result",
                "TransactWriteItems t_moment_sync_task",
            ],
            Self::Reschedule => &[
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetSecretValue",
                "PUT schedules",
                "Query t_moment_sync_result",
                "Query t_moment_sync_result",
                "TransactWriteItems t_moment_sync_task",
            ],
            Self::Stop => &[
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetSecretValue",
                "Query t_moment_publish_unit",
                "Query t_moment_publish_unit",
                "Query t_moment_publish_unit",
                "Query t_moment_publish_unit",
                "Query t_moment_publish_unit",
                "Query t_moment_sync_result",
                "Query t_moment_sync_result",
                "Query t_moment_sync_result",
                "Query t_moment_sync_result",
                "Query t_moment_sync_result",
                "SendMessage",
                "TransactWriteItems t_moment_publish_unit",
            ],
            Self::PublishNow => &[
                "DELETE schedules",
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetSecretValue",
                "Query t_moment_sync_result",
                "Query t_moment_sync_result",
                "SendMessage",
                "TransactWriteItems t_moment_sync_task",
            ],
            Self::Retry => &[
                "GetItem t_moment_sync_task",
                "GetItem t_moment_sync_task",
                "GetSecretValue",
                "Query t_moment_sync_result",
                "Query t_moment_sync_result",
                "SendMessage",
                "TransactWriteItems t_moment_sync_task",
            ],
        }
    }

    async fn scene(self, world: &World, number: usize) -> Result<Scenario> {
        let outlet = if self == Self::Stop {
            let corp = format!("flowers-{number}");
            let account_id = world.connect_corp(USER, &corp, &["lily"]).await?.remove(0);
            Outlet { account_id, name: format!("{corp}/lily") }
        } else {
            let name = format!("device-{number}");
            Outlet { account_id: world.connect_device(USER, &name).await?, name }
        };
        let text = format!("优惠 {number}");
        let at = |hours: i64| (world.clock.now() + SignedDuration::from_hours(hours)).to_string();
        let mut body = json!({"text": text, "accountIds": [outlet.account_id]});
        if self == Self::Picture {
            // Another picture each time, so that each is written.
            let width = 80 + u16::try_from(number)?;
            body["mediaUrls"] = json!([world.sandbox.media().put_file("1.jpg", MediaFile::jpeg(width, 60))]);
        }
        if ![Self::Now, Self::Picture, Self::Stop, Self::Retry].contains(&self) {
            body["scheduledTime"] = at(2).into();
        }
        let manage = |function: &str, task: u64| {
            Ok::<_, anyhow::Error>(Event::sample(function)?.path("taskId", &task.to_string()))
        };
        let (task, event) = match self {
            Self::Now | Self::Picture | Self::Timed => {
                let event = Event::sample("moment-sync")?.header("idempotency-key", &format!("key-{number}"));
                (None, event.json(&body))
            }
            Self::Cancel => {
                let task = request(world, &body).await?;
                (Some(task), manage("moment-task-cancel", task)?)
            }
            Self::Reschedule => {
                let task = request(world, &body).await?;
                (Some(task), manage("moment-task-update", task)?.json(&json!({"scheduledTime": at(3)})))
            }
            Self::Stop => {
                let task = request(world, &body).await?;
                world.drain_publications().await?;
                world.advance(LATER);
                world.sweep().await?;
                world.drain_publications().await?;
                (Some(task), manage("moment-task-stop", task)?)
            }
            Self::PublishNow => {
                let task = request(world, &body).await?;
                (Some(task), manage("moment-task-publish-now", task)?)
            }
            Self::Retry => {
                let refusal = Effect::Code { code: 500, message: Some("content不可为空".to_owned()) };
                world.sandbox.gewe().arm(GeweFault::new(GeweEndpoint::SendText, refusal).for_account(&*outlet.name));
                let task = request(world, &body).await?;
                ensure!(recover(world, task).await?["status"] == "FAILED");
                (Some(task), manage("moment-task-retry", task)?)
            }
        };
        Ok(Scenario { text, outlet, task, event })
    }

    /// Utters it, to a function that dies if a step is given, then again, and lets time go by.
    async fn tell(self, world: &World, number: usize, death: Option<(&Step, When)>) -> Result<(Vec<Step>, String)> {
        let scene = self.scene(world, number).await?;
        let proxy = Proxy::start(world).await?;
        if let Some((step, when)) = death {
            proxy.arm(&step.name, step.nth, Fault::Kill(when));
        }
        let answer = call(world, &proxy, &scene.event).await?;
        ensure!(answer.is_none() == death.is_some(), "the step never came: {answer:?}");
        let before = written(world, &scene.text).await?;
        ensure!(before.is_some() || death.is_some(), "nothing was written");
        let again = world.call_as(USER, scene.event.clone()).await?;
        let task = match self {
            Self::Now | Self::Picture | Self::Timed => {
                ensure!(again.status == 202, "{again:?}");
                let task = again.data()["syncTaskId"].as_u64().context("no task")?;
                ensure!(before.is_none_or(|before| before == task), "the key made another task: {before:?} {again:?}");
                task
            }
            Self::PublishNow | Self::Stop => {
                ensure!(again.status == 202, "{again:?}");
                scene.task.context("no task")?
            }
            Self::Reschedule => {
                ensure!(again.status == 200, "{again:?}");
                scene.task.context("no task")?
            }
            Self::Cancel | Self::Retry => {
                ensure!([200, 202, 409].contains(&again.status), "{again:?}");
                scene.task.context("no task")?
            }
        };
        let status = self.wait(world, task).await?;
        let truths = check(world, task, &status, &scene.text, &[scene.outlet]).await?;
        let is_off = [Self::Cancel, Self::Stop].contains(&self);
        let expected = if is_off { Oracle::Nothing("CANCELLED".to_owned()) } else { Oracle::Published };
        ensure!(truths == [expected], "{truths:?}");
        let so_far = if before.is_some() { "written" } else { "not written" };
        Ok((proxy.steps(), format!("{so_far}; asked again: {}; then {:?}", again.status, truths)))
    }

    /// Until nothing more is to happen, and not a moment too early. No schedule ever fires here: the sweeper stands in.
    async fn wait(self, world: &World, task: u64) -> Result<Value> {
        let hours = match self {
            Self::Now | Self::Picture | Self::PublishNow | Self::Stop | Self::Retry => {
                return recover(world, task).await;
            }
            Self::Timed | Self::Cancel => 2,
            Self::Reschedule => 3,
        };
        world.advance(Duration::from_secs(hours * 3_600 - 60));
        world.sweep().await?;
        world.drain_publications().await?;
        let status = world.post_status(USER, task).await?;
        ensure!(self == Self::Cancel || status["status"] == "PENDING", "before its time: {status}");
        world.advance(Duration::from_secs(120));
        world.sweep().await?;
        recover(world, task).await
    }
}

/// The task with this text.
async fn written(world: &World, text: &str) -> Result<Option<u64>> {
    let rows = world.rows("t_moment_sync_task").await?;
    let tasks: Vec<_> = rows.iter().filter(|row| row["text_content"] == text).collect();
    ensure!(tasks.len() <= 1, "{} tasks", tasks.len());
    Ok(tasks.first().and_then(|row| row["id"].parse().ok()))
}

#[tokio::test]
async fn moments_request_killed_at_any_step_can_be_repeated() -> Result<()> {
    let world = world().await?;
    let (mut number, mut failures) = (0, 0);
    for request_kind in REQUEST_KINDS {
        let (steps, _) = request_kind.tell(&world, number, None).await?;
        let mut names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        names.sort_unstable();
        println!("{request_kind:?}");
        if names != request_kind.expected() {
            failures += 1;
            println!("  ✗ it takes other steps than this suite knows: {names:?}");
        }
        for (step, when) in steps.iter().flat_map(|step| [(step, When::Before), (step, When::After)]) {
            number += 1;
            let told = request_kind.tell(&world, number, Some((step, when))).await;
            let outcome = told.map_or_else(|problem| format!("✗ {problem:#}"), |(_, outcome)| outcome);
            failures += u32::from(outcome.starts_with('✗'));
            println!("  {:<46}{:<8}{outcome}", step.to_string(), format!("{when:?}"));
        }
        number += 1;
    }
    ensure!(failures == 0, "{failures} things are not as they should be");
    ensure!(world.sandbox.journal().published_twice().is_empty());
    // Whatever was kept for tasks that were not made after all is found.
    world.advance(Duration::from_secs(4_000));
    world.sweep().await?;
    let (files, rows) = (world.stored_media().await?, world.rows("t_moment_media").await?);
    ensure!(files.is_empty() && rows.is_empty(), "{files:?} {rows:?}");
    Ok(())
}

#[tokio::test]
async fn task_whose_message_is_never_sent_is_found_by_the_sweeper() -> Result<()> {
    let world = world().await?;
    let scene = RequestKind::Now.scene(&world, 1).await?;
    let proxy = Proxy::start(&world).await?;
    proxy.arm_times("SendMessage", 1, 20, Fault::Answer(400, r#"{"__type":"com.amazonaws.sqs#OverLimit"}"#.to_owned()));
    let answer = call(&world, &proxy, &scene.event).await?.context("it died")?;
    ensure!(answer.status == 202, "{answer:?}");
    ensure!(proxy.count("SendMessage") > 0 && world.depth(world.publish_queue_url()?).await? == 0);
    let task = answer.data()["syncTaskId"].as_u64().context("no task")?;
    let status = recover(&world, task).await?;
    ensure!(check(&world, task, &status, &scene.text, &[scene.outlet]).await? == [Oracle::Published]);
    Ok(())
}
