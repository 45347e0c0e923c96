//! The steps all benchmarks share: an account, a request for a sync, a worker.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use functions::workers::douyin_fan_sync_worker::{self, App};
use it::world::EndpointOverrides;
use it::{Event, World};
use sandbox::douyin::Disorder;
use serde_json::{Value, json};

/// The user of all benchmarks.
pub const USER: u64 = 1001;

/// Fans per page, the default of the functions: 5,000 fans are 250 pages.
pub const PAGE: u32 = 20;

/// A world whose fan lists are tidy, so that a number of fans is always the same number of pages.
pub async fn world() -> Result<World> {
    let mut world = World::start().await?;
    // One tenant syncs 5,000 pages here at once; its share of a day would end that.
    world.set("FAN_SYNC_TENANT_CALLS", "1000000");
    world.sandbox.douyin().configure(|settings| settings.disorder = Disorder::NONE);
    Ok(world)
}

/// A Douyin account with this many fans, authorised; answers its open id.
pub async fn account(world: &World, name: &str, fans: u32) -> Result<String> {
    world.douyin_account(name, fans);
    world.authorize(USER, name).await
}

/// Lets every answer of Douyin take longer.
pub fn latency(world: &World, latency: Duration) {
    let milliseconds = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    world.sandbox.douyin().configure(|settings| settings.latency_milliseconds = milliseconds);
}

/// Asks for a sync and answers its task.
pub async fn request_sync(
    world: &World,
    endpoints: &EndpointOverrides,
    account: &str,
    strategy: &str,
) -> Result<String> {
    let event = Event::sample("douyin-fans-sync")?.json(&json!({ "douyinUserId": account, "syncStrategy": strategy }));
    let event = event.bearer(&world.token(USER, &["*"])?);
    let answer = it::call::call(&world.context(&event.function, endpoints).await?, &event).await?;
    ensure!(answer.status == 202, "the sync was answered with {answer:?}");
    Ok(answer.data()["taskId"].as_str().context("no taskId")?.to_owned())
}

/// A worker in this process.
pub async fn worker(world: &World, endpoints: &EndpointOverrides) -> Result<App> {
    Ok(App::new(&world.context("douyin-fan-sync-worker", endpoints).await?).await?)
}

/// Runs a task as its message would have it run, and answers how long that took.
pub async fn run(world: &World, worker: &App, task: &str) -> Result<Duration> {
    let message = serde_json::from_value(json!({ "taskId": task }))?;
    let began = Instant::now();
    douyin_fan_sync_worker::handle(worker, message, world.deadline()).await?;
    Ok(began.elapsed())
}

/// Makes sure that a task has completed with this many leads made.
pub async fn completed(world: &World, task: &str, created: u32) -> Result<()> {
    let progress = world.progress(USER, task).await?;
    let is = |field: &str, value: Value| progress.get(field) == Some(&value);
    ensure!(
        is("status", json!("COMPLETED")) && is("created", json!(created)),
        "the sync is not as it should be: {progress}"
    );
    Ok(())
}
