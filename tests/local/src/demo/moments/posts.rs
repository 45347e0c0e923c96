//! Ordering posts, and reading what became of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, Accounts};
use crate::console::Step;
use crate::demo::api::{Api, list, number, text};
use crate::demo::scenario::Scenario;

pub(super) const SYNC: &str = "/api/v1/workbench/wechat/moments/sync";

pub(super) const TASKS: &str = "/api/v1/workbench/wechat/moments/tasks";

/// Something awaited for so long will not come.
const PATIENCE: Duration = Duration::from_secs(120);

const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// A text that no other play has, so that the journal's entries about it are ours.
pub(super) fn wording(stage: &Scenario<'_>, text: &str) -> String {
    format!("{text}（演示 {}）", stage.play)
}

/// Addresses of pictures. The sandbox's origin draws whatever `.jpg` is asked for.
pub(super) fn pictures(stage: &Scenario<'_>, count: u64) -> Vec<String> {
    let picture = |number| format!("{}/media/demo-{number}.jpg?width={}", stage.record.sandbox_url, 600 + number);
    (1..=count).map(picture).collect()
}

/// The address of a task.
pub(super) fn path(task: u64) -> String {
    format!("{TASKS}/{task}")
}

/// Reads the answer to an order that was accepted.
pub(super) fn accepted(answer: &Value) -> Result<u64> {
    ensure!(text(answer, "status")? == "PENDING", "a new task must be PENDING: {answer}");
    text(answer, "createTime")?.parse::<Timestamp>().context("createTime must be a time")?;
    number(answer, "syncTaskId")
}

/// Orders a post without a time.
pub(super) async fn order(user: &Api, text: &str, accounts: &[&Account]) -> Result<u64> {
    let ids: Vec<&str> = accounts.iter().map(|account| account.id.as_str()).collect();
    let body = json!({ "text": text, "accountIds": ids });
    accepted(&user.send(Method::POST, SYNC, body).await?.data(202)?)
}

/// The task as it is.
pub(super) async fn read(user: &Api, task: u64) -> Result<Value> {
    let answer = user.get(&path(task), &[]).await?.data(200)?;
    ensure!(number(&answer, "syncTaskId")? == task, "another task was answered: {answer}");
    Ok(answer)
}

/// What the task says about one account.
pub(super) fn result<'a>(task: &'a Value, account: &Account) -> Result<&'a Value> {
    let mut results = list(task, "results")?.iter();
    let found = results.find(|result| result.get("accountId").is_some_and(|id| *id == account.id.as_str()));
    found.with_context(|| format!("an account is missing in {task}"))
}

/// Waits until the task is as `wanted` says, which gives what it found.
pub(super) async fn until<T>(
    user: &Api,
    task: u64,
    what: &str,
    wanted: impl Fn(&Value) -> Result<Option<T>>,
) -> Result<T> {
    let _shown = Step::start(&format!("waiting: {what}"));
    let started = Instant::now();
    loop {
        let now = read(user, task).await?;
        if let Some(found) = wanted(&now)? {
            return Ok(found);
        }
        ensure!(started.elapsed() < PATIENCE, "this does not come, {what}: {now}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Waits until the task has ended, which must be with this status.
pub(super) async fn ended(user: &Api, task: u64, status: &str) -> Result<Value> {
    until(user, task, &format!("{status} in the end"), |now| match text(now, "status")? {
        "PENDING" | "PROCESSING" => Ok(None),
        ended if ended == status => Ok(Some(now.clone())),
        _ => bail!("the task must end {status}: {now}"),
    })
    .await
}

/// Waits until the company's member is asked, and has them tap "publish" in WeCom.
pub(super) async fn confirm(stage: &Scenario<'_>, user: &Api, cast: &Accounts, task: u64) -> Result<()> {
    until(user, task, "the member is asked", |now| {
        let result = result(now, &cast.member)?;
        ensure!(text(result, "status")? == "PROCESSING" || text(result, "status")? == "PENDING", "too early: {now}");
        Ok((text(result, "stage")? == "WAITING_MEMBER_CONFIRM").then_some(()))
    })
    .await?;
    let moments = stage.sandbox(Method::GET, "wecom/moments", None).await?;
    let of_corp = |moment: &&Value| text(moment, "corp").is_ok_and(|corp| corp == cast.corp);
    let ours = moments.as_array().into_iter().flatten().rfind(of_corp);
    let id = text(ours.context("WeCom has no moment of the company")?, "momentId")?;
    let (_, member) = cast.member.name.split_once('/').context("a member without a corp")?;
    let path = format!("wecom/moments/{id}/confirm");
    let started = Instant::now();
    // WeCom takes some seconds to hand a moment to its members, and says nothing when it has.
    while let Err(early) = stage.sandbox(Method::POST, &path, Some(json!({ "userid": member }))).await {
        ensure!(started.elapsed() < PATIENCE, "the member cannot confirm: {early}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
