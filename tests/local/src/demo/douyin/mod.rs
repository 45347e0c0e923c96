//! The first story: Douyin accounts, their fans, and the leads made of them.

mod consent;
mod leads;
mod refusals;
mod resync;
mod sync;

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;

use super::api::Api;
use super::scenario::Scenario;

/// All that the main character may do.
const PERMISSIONS: [&str; 1] = ["lead:douyin:*"];

/// Fans of the large account: as many as Douyin lists at most.
const FANS: u64 = 5_000;

/// Fans of the small one: a full list, so that who left is recognised.
const FEW_FANS: u64 = 37;

/// An account at the sandbox and here.
pub(super) struct Account {
    /// What the sandbox calls it.
    pub(super) name: String,
    /// What Douyin calls it.
    pub(super) id: String,
    fans: u64,
}

/// What its user sees is the same before and after.
pub(super) async fn nothing_is_lost(stage: &Scenario<'_>, update: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let user = stage.user(0, &PERMISSIONS)?;
    let seen = async || {
        let mut seen = Vec::new();
        for path in ["leads?size=100", "leads?status=CONTACTED", "accounts", "fans/sync"] {
            seen.push(user.get(&format!("/api/v1/lead/douyin/{path}"), &[]).await?.data(200)?);
        }
        anyhow::Ok(seen)
    };
    let before = seen().await?;
    update().await?;
    ensure!(seen().await? == before, "leads, accounts or syncs are not what they were before the update");
    Ok(())
}

/// Plays it. Answers the account that is still authorised in the end.
pub(super) async fn play(stage: &Scenario<'_>) -> Result<Account> {
    let user = stage.user(0, &PERMISSIONS)?;
    let large = account(stage, "large", FANS).await?;
    let small = account(stage, "small", FEW_FANS).await?;

    stage.chapter("Authorising a Douyin account");
    consent::attack(stage, &user, &small).await?;
    let task = consent::approve(stage, &user, &large).await?;

    stage.chapter("Syncing its fans");
    sync::first(stage, &user, &large, &task).await?;

    stage.chapter("The lead list");
    leads::pages(stage, &user).await?;
    leads::time_range(stage, &user).await?;
    leads::keyword(stage, &user, &large).await?;
    let noted = leads::work(stage, &user).await?;

    stage.chapter("Syncing again");
    resync::incremental(stage, &user, &large).await?;
    consent::approve_and_return(stage, &user, &small).await?;
    resync::full(stage, &user, &small).await?;
    leads::still_noted(stage, &user, &noted).await?;

    stage.chapter("What is refused");
    consent::denied(stage, &user, &small).await?;
    refusals::strangers(stage, &large, &task).await?;
    refusals::revoked(stage, &user, &large).await?;
    Ok(small)
}

/// A new user of the simulated Douyin.
async fn account(stage: &Scenario<'_>, size: &str, fans: u64) -> Result<Account> {
    let name = format!("demo-{size}-{}", stage.play);
    let created = stage.sandbox(Method::POST, "douyin/accounts", Some(json!({ "name": name, "fans": fans }))).await?;
    Ok(Account { id: super::api::text(&created, "openId")?.to_owned(), name, fans })
}

/// What the accounts endpoint says about one account.
async fn connected(user: &Api, account: &Account) -> Result<Option<serde_json::Value>> {
    let accounts = user.get("/api/v1/lead/douyin/accounts", &[]).await?.data(200)?;
    let accounts = accounts.as_array().cloned().unwrap_or_default();
    Ok(accounts.into_iter().find(|entry| entry.get("douyinUserId").is_some_and(|id| *id == account.id.as_str())))
}
