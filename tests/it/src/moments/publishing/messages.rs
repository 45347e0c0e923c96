//! Timed tasks whose message comes twice, late or never.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use serde_json::json;

use super::oracle::{Oracle, Outlet, check};
use super::{USER, call, recover, request, world};
use crate::proxy::Proxy;
use crate::{Answer, Event, World};

/// A task in two hours.
async fn timed(world: &World, number: usize) -> Result<(u64, String, Outlet)> {
    let name = format!("device-{number}");
    let outlet = Outlet { account_id: world.connect_device(USER, &name).await?, name };
    let text = format!("准点 {number}");
    let time = (world.clock.now() + SignedDuration::from_hours(2)).to_string();
    let body = json!({"text": text, "accountIds": [outlet.account_id], "scheduledTime": time});
    Ok((request(world, &body).await?, text, outlet))
}

/// What the schedule puts on the queue.
async fn fire(world: &World, task: u64) -> Result<()> {
    let body = json!({"taskId": task.to_string()}).to_string();
    world.aws.sqs.send_message().queue_url(world.publish_queue_url()?).message_body(body).send().await?;
    Ok(())
}

#[tokio::test]
async fn schedule_that_fires_early_twice_or_late_publishes_once() -> Result<()> {
    let world = world().await?;
    let (task, text, outlet) = timed(&world, 1).await?;
    // EventBridge Scheduler may come an hour early only by a bug; the task must not care.
    world.advance(Duration::from_secs(3_600));
    fire(&world, task).await?;
    world.drain_publications().await?;
    ensure!(world.sandbox.journal().publications().is_empty(), "before its time");
    world.advance(Duration::from_secs(3_605));
    for _ in 0..2 {
        fire(&world, task).await?;
    }
    let status = recover(&world, task).await?;
    ensure!(status["status"] == "COMPLETED", "{status}");
    world.advance(Duration::from_secs(86_400));
    fire(&world, task).await?;
    world.drain_publications().await?;
    ensure!(check(&world, task, &status, &text, &[outlet]).await? == [Oracle::Published]);
    ensure!(world.sandbox.gewe().published_posts().len() == 1);
    Ok(())
}

/// The row is written in one order and the schedule in the other: what counts is the row.
#[tokio::test]
async fn task_moved_twice_at_once_keeps_the_schedule_of_the_time_it_has() -> Result<()> {
    let moved = async |world: &World, proxy: Option<&Proxy>, function: &str, task: u64, hours: i64| -> Result<Answer> {
        let time = (world.clock.now() + SignedDuration::from_hours(hours)).to_string();
        let event = Event::sample(function)?.path("taskId", &task.to_string());
        let event =
            if function == "moment-task-update" { event.json(&json!({ "scheduledTime": time })) } else { event };
        match proxy {
            Some(proxy) => call(world, proxy, &event).await?.context("the function died"),
            None => world.call_as(USER, event).await,
        }
    };
    for (first, step) in [("moment-task-update", "PUT schedules"), ("moment-task-publish-now", "DELETE schedules")] {
        let world = world().await?;
        let (task, ..) = timed(&world, 1).await?;
        let proxy = Proxy::start(&world).await?;
        let gate = proxy.hold(step, 1);
        let second = async {
            gate.reached().await;
            let answer = moved(&world, None, "moment-task-update", task, 48).await;
            gate.open();
            answer
        };
        let (first_answer, second_answer) = futures::join!(moved(&world, Some(&proxy), first, task, 24), second);
        ensure!(first_answer?.status / 100 == 2 && second_answer?.status == 200);
        let time = world.post_status(USER, task).await?["scheduledTime"].as_str().context("no time")?.to_owned();
        let scheduled = world.scheduled().await?;
        let expected = time.parse::<jiff::Timestamp>()? - SignedDuration::from_secs(kernel::schedule::EARLY_SECONDS);
        let expected = format!("at({})", expected.strftime("%Y-%m-%dT%H:%M:%S"));
        ensure!(scheduled.values().eq([&expected]), "{first}: {scheduled:?}, expected {expected}");
    }
    Ok(())
}

/// Late by 59 minutes is late; by 61 it is missed, whether the message or the sweeper finds out.
#[tokio::test]
async fn timed_task_an_hour_late_is_missed() -> Result<()> {
    let world = world().await?;
    for (number, (minutes, fires, published)) in
        [(59, true, true), (59, false, true), (61, true, false), (61, false, false)].into_iter().enumerate()
    {
        let (task, text, outlet) = timed(&world, number).await?;
        world.advance(Duration::from_secs(2 * 3_600 + minutes * 60));
        if fires {
            fire(&world, task).await?
        } else {
            world.sweep().await?
        }
        let status = recover(&world, task).await?;
        let truths = check(&world, task, &status, &text, &[outlet]).await?;
        ensure!((truths == [Oracle::Published]) == published, "{minutes} minutes, fires: {fires}: {truths:?}");
        if !published {
            let message = status["results"][0]["errorMessage"].as_str().unwrap_or_default();
            ensure!(message.contains("已错过预定发布时间"), "{message}");
        }
    }
    Ok(())
}
