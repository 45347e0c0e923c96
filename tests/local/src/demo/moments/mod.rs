//! The second story: WeChat accounts of both kinds, and what is published with them, at once and at a time.

mod connect;
mod immediate;
mod offline;
mod partial;
mod posts;
mod publications;
mod refusals;
mod timed;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::api::{Api, text};
use super::scenario::Scenario;

/// All that the main character may do.
const PERMISSIONS: [&str; 1] = ["workbench:wechat:*"];

const ACCOUNTS: &str = "/api/v1/workbench/wechat/moments/accounts";

/// An account at the sandbox and here.
struct Account {
    /// What the sandbox's journal calls it: `corp/member` or the device.
    name: String,
    /// What we call it.
    id: String,
}

struct Accounts {
    /// What the sandbox calls the company.
    corp: String,
    /// A member of the company, who has to confirm every post.
    member: Account,
    /// A personal account that always works.
    steady: Account,
    /// A personal account whose phone goes off the line now and then.
    shaky: connect::Phone,
}

/// Plays it. The timed posts are ordered early, and their time comes while the rest is played.
pub(super) async fn play(stage: &Scenario<'_>) -> Result<()> {
    let user = stage.user(0, &PERMISSIONS)?;
    let begun = publications::mark(stage).await?;

    stage.chapter("Connecting WeChat accounts");
    let cast = connect::all(stage, &user).await?;

    stage.chapter("Timed posts are ordered");
    let planned = timed::order(stage, &user, &cast).await?;
    timed::call_off(stage, &user, &planned).await?;

    stage.chapter("Publishing at once");
    let published = immediate::publish(stage, &user, &cast).await?;
    immediate::force_duplicate(stage, &user, &cast).await?;

    stage.chapter("One of two fails");
    partial::fail_and_retry(stage, &user, &cast).await?;
    partial::retry_by_account(stage, &user, &cast).await?;

    stage.chapter("What is refused");
    refusals::requests(stage, &user, &cast).await?;
    refusals::strangers(stage, &cast, published.task).await?;

    stage.chapter("The timed posts");
    timed::come_due(stage, &user, &cast, &planned).await?;

    stage.chapter("A phone goes off the line");
    offline::notice(stage, &user, &cast).await?;
    immediate::still_once(stage, &cast, &published).await?;
    let calls = publications::no_objections(stage, begun).await?;
    stage.tell(&format!("in {calls} calls the platforms found nothing that a client should not do"));
    Ok(())
}

/// What the account list says about one account.
async fn listed(user: &Api, account: &Account) -> Result<Option<Value>> {
    let accounts = user.get(ACCOUNTS, &[]).await?.data(200)?;
    let accounts = accounts.as_array().cloned().unwrap_or_default();
    Ok(accounts.into_iter().find(|entry| entry.get("accountId").is_some_and(|id| *id == account.id.as_str())))
}

/// Checks the status the account list shows.
async fn is_listed_as(user: &Api, account: &Account, status: &str) -> Result<()> {
    let entry = listed(user, account).await?.context("the account must be in the account list")?;
    ensure!(text(&entry, "status")? == status, "the account must be {status}: {entry}");
    Ok(())
}
