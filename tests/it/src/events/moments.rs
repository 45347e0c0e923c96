//! What is told of posts: that members are asked to confirm, and what a task has come to.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use sandbox::gewe::DeviceState;
use serde_json::{Value, json};

use super::{number, read};
use crate::{Event, World};

const USER: u64 = 7_401;

async fn world() -> Result<World> {
    let mut world = World::start().await?;
    world.pause_by_hand();
    Ok(world)
}

/// What is told of posts: type and data.
async fn told(world: &World) -> Result<Vec<(String, Value)>> {
    number(world, USER).await?;
    let events = read(world, USER, 0, 100).await?;
    let of_posts = events.iter().filter(|event| event["type"].as_str().is_some_and(|kind| kind.starts_with("moment.")));
    Ok(of_posts.map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"].clone())).collect())
}

async fn post(world: &World, body: &Value) -> Result<u64> {
    world.request_post(USER, body).await?.data()["syncTaskId"].as_u64().context("no task")
}

fn finished(task: u64, status: &str, [succeeded, failed, cancelled]: [u32; 3]) -> (String, Value) {
    let data = json!({
        "syncTaskId": task.to_string(), "status": status,
        "succeeded": succeeded, "failed": failed, "cancelled": cancelled,
    });
    ("moment.task.finished".to_owned(), data)
}

#[tokio::test]
async fn post_that_fails_in_part_and_is_tried_again_is_told_each_time_it_ends() -> Result<()> {
    let world = world().await?;
    let accounts = [world.connect_device(USER, "good").await?, world.connect_device(USER, "bad").await?];
    world.sandbox.gewe().set_state("bad", DeviceState::Offline);
    let task = post(&world, &json!({"text": "早上好", "accountIds": accounts})).await?;
    world.publish_until_ended(USER, task, 10).await?;
    let first = finished(task, "PARTIAL_SUCCESS", [1, 1, 0]);
    assert_eq!(told(&world).await?, std::slice::from_ref(&first));

    world.sandbox.gewe().set_state("bad", DeviceState::Online);
    for _ in 0..2 {
        world.advance(Duration::from_secs(1_200));
        let base = world.context("wechat-health-checker", &Default::default()).await?;
        let app = functions::workers::wechat_health_checker::App::new(&base).await?;
        functions::workers::wechat_health_checker::handle(&app, world.deadline()).await?;
    }
    let retry = Event::sample("moment-task-retry")?.without_header("idempotency-key");
    let answer = world.call_as(USER, retry.path("taskId", &task.to_string())).await?;
    assert_eq!(answer.status, 202, "{answer:?}");
    world.publish_until_ended(USER, task, 10).await?;
    assert_eq!(told(&world).await?, [first, finished(task, "COMPLETED", [2, 0, 0])]);
    Ok(())
}

#[tokio::test]
async fn post_that_members_have_to_confirm_is_told_once_before_its_end() -> Result<()> {
    let world = world().await?;
    let members = world.connect_corp(USER, "花店", &["lily", "rose"]).await?;
    let task = post(&world, &json!({"text": "新花到店", "accountIds": members})).await?;
    world.drain_publications().await?;
    for _ in 0..2 {
        world.advance(Duration::from_secs(2_000));
        world.sweep().await?;
        world.drain_publications().await?;
    }
    let waiting = told(&world).await?;
    let [(kind, data)] = waiting.as_slice() else { panic!("{waiting:?}") };
    let shown = world.post_status(USER, task).await?;
    assert_eq!(kind, "moment.waiting_for_member");
    assert_eq!(data["syncTaskId"], json!(task.to_string()));
    let asked: BTreeSet<&str> = data["accountIds"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(asked, members.iter().map(String::as_str).collect());
    assert!(data["confirmUntil"].is_string(), "{data}");
    assert!(shown.to_string().contains(data["confirmUntil"].as_str().unwrap()), "{data} {shown}");

    let moment = world.sandbox.wecom().moment_tasks()[0].moment_id.clone();
    world.sandbox.wecom().confirm_all(&moment).unwrap();
    world.publish_until_ended(USER, task, 5).await?;
    assert_eq!(told(&world).await?[1..], [finished(task, "COMPLETED", [2, 0, 0])]);
    Ok(())
}

#[tokio::test]
async fn post_that_its_user_calls_off_is_no_news_and_one_that_is_missed_is() -> Result<()> {
    let world = world().await?;
    let phone = world.connect_device(USER, "phone").await?;
    let at = |minutes| (world.clock.now() + jiff::SignedDuration::from_mins(minutes)).to_string();
    let called_off = post(&world, &json!({"text": "早", "accountIds": [phone], "scheduledTime": at(60)})).await?;
    let cancel = Event::sample("moment-task-cancel")?.path("taskId", &called_off.to_string());
    assert_eq!(world.call_as(USER, cancel).await?.status, 200);
    let missed = post(&world, &json!({"text": "早安", "accountIds": [phone], "scheduledTime": at(60)})).await?;
    world.advance(Duration::from_secs(3 * 3_600));
    world.sweep().await?;
    world.drain_publications().await?;
    assert_eq!(told(&world).await?, [finished(missed, "FAILED", [0, 1, 0])]);
    Ok(())
}
