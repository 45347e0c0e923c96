//! Rows 9 to 15: WeChat Moments.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::contract::shape::instant;
use crate::world::EndpointOverrides;
use crate::{Answer, Event, World};

/// The user of these tests.
pub(crate) const USER: u64 = 5001;

pub(crate) async fn world() -> Result<World> {
    let mut world = World::start().await?;
    world.keep_the_clock();
    world.pause_by_hand();
    Ok(world)
}

/// Now, as the contract writes times: to the second.
pub(crate) fn now(world: &World) -> String {
    instant(world.clock.now().as_second())
}

/// A time so many seconds from now.
pub(crate) fn later(world: &World, seconds: i64) -> String {
    instant(world.clock.now().as_second() + seconds)
}

/// Asks for a post, which must be granted; answers its id.
pub(crate) async fn post(world: &World, body: &Value) -> Result<u64> {
    let answer = world.request_post(USER, body).await?;
    ensure!(answer.status == 202, "{answer:?}");
    Ok(answer.data()["syncTaskId"].as_u64().unwrap())
}

/// A request about a task.
pub(crate) async fn about(world: &World, function: &str, task: u64) -> Result<Answer> {
    world.call_as(USER, Event::sample(function)?.path("taskId", &task.to_string())).await
}

/// One round of the health checker.
pub(crate) async fn check_health(world: &World) -> Result<()> {
    let base = world.context("wechat-health-checker", &EndpointOverrides::default()).await?;
    let app = functions::workers::wechat_health_checker::App::new(&base).await?;
    functions::workers::wechat_health_checker::handle(&app, world.deadline()).await?;
    Ok(())
}

/// An account's part of a task, as it is before anything happened.
pub(crate) fn untouched(account: &str, name: &str, time: &str) -> Value {
    json!({
        "accountId": account, "accountName": name, "status": "PENDING", "stage": "QUEUED", "momentId": null,
        "errorCode": null, "errorMessage": null, "updateTime": time, "reason": "等待开始发布", "nextActionAt": time,
        "confirmUntil": null,
    })
}

/// What an account waits for.
pub(crate) fn waits(reason: &str, until: &str) -> Value {
    json!({"reason": reason, "nextActionAt": until})
}

/// What an account that has ended is told in place of a wait.
pub(crate) fn ended(changes: Value) -> Value {
    with(json!({"reason": null, "nextActionAt": null, "confirmUntil": null}), changes)
}

/// The answer about a task of this text without media, whose other fields are these.
pub(crate) fn whole(text: &str, fields: Value) -> Value {
    let results = fields["results"].as_array().map_or(&[][..], Vec::as_slice);
    let count = |status: &str| results.iter().filter(|result| result["status"] == status).count();
    let counts = json!({
        "success": count("SUCCESS"), "failed": count("FAILED"), "processing": count("PROCESSING"),
        "pending": count("PENDING"), "cancelled": count("CANCELLED"),
    });
    let ours = json!({"text": text, "mediaUrls": [], "counts": counts, "resultsTotal": results.len()});
    with(fields, ours)
}

/// The object with these fields changed.
pub(crate) fn with(mut object: Value, changes: Value) -> Value {
    if let (Some(object), Value::Object(changes)) = (object.as_object_mut(), changes) {
        object.extend(changes);
    }
    object
}
