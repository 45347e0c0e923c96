//! A fan sync, watched from its start to its end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, connected};
use crate::console;
use crate::demo::api::{Answer, Api, number, text};
use crate::demo::scenario::Scenario;

const SYNC: &str = "/api/v1/lead/douyin/fans/sync";

/// A sync that gets no further for so long is lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at the progress.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The first sync of an account, which its authorisation has started; a request for one joins it.
pub(super) async fn first(stage: &Scenario<'_>, user: &Api, account: &Account, task: &str) -> Result<()> {
    let started = Instant::now();
    let answer = request(user, account, "INCREMENTAL").await?.data(200)?;
    ensure!(text(&answer, "taskId")? == task, "the running task must be given, not another: {answer}");
    ensure!(text(&answer, "message")? == "粉丝数据同步中", "the message is fixed: {answer}");
    text(&answer, "status")?;
    stage.tell("asking for a sync while the first one runs gives that one: 粉丝数据同步中");

    let end = watch(user, task, account.fans).await?;
    ensure!(number(&end, "created")? == account.fans, "{} leads must be created: {end}", account.fans);
    let seconds = started.elapsed().as_secs_f64();
    stage.tell(&format!("leads appear without POST fans/sync: {} fans in {seconds:.1} s", account.fans));
    Ok(())
}

/// Waits until a sync of the account has completed and none runs.
pub(super) async fn settled(user: &Api, account: &Account) -> Result<()> {
    let started = Instant::now();
    loop {
        let entry = connected(user, account).await?.context("the account must be in the list")?;
        let is_set = |field: &str| entry.get(field).is_some_and(|value| !value.is_null());
        if is_set("lastSyncAt") && !is_set("activeSyncTaskId") {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "the sync does not end: {entry}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Starts a sync and waits for its end.
pub(super) async fn run(user: &Api, account: &Account, strategy: &str) -> Result<Value> {
    let answer = request(user, account, strategy).await?.data(202)?;
    let end = watch(user, text(&answer, "taskId")?, account.fans).await?;
    ensure!(text(&end, "strategy")? == strategy, "the task must be {strategy}: {end}");
    Ok(end)
}

/// Asks for a sync.
pub(super) async fn request(user: &Api, account: &Account, strategy: &str) -> Result<Answer> {
    user.send(Method::POST, SYNC, json!({ "douyinUserId": account.id, "syncStrategy": strategy })).await
}

/// The address of a task.
pub(super) fn progress_path(task: &str) -> String {
    format!("{SYNC}/{task}")
}

async fn watch(user: &Api, task: &str, fans: u64) -> Result<Value> {
    let bar = console::progress(fans, "fans");
    let mut last = (0, Instant::now());
    loop {
        let progress = user.get(&progress_path(task), &[]).await?.data(200)?;
        let seen = number(&progress, "seen")?;
        bar.set_position(seen.min(fans));
        match text(&progress, "status")? {
            "COMPLETED" => {
                bar.finish_and_clear();
                text(&progress, "finishedAt")?;
                return Ok(progress);
            }
            "PENDING" | "PROCESSING" => {}
            _ => bail!("the sync must not fail: {progress}"),
        }
        if seen != last.0 {
            last = (seen, Instant::now());
        }
        ensure!(last.1.elapsed() < PATIENCE, "the sync does not get any further: {progress}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
