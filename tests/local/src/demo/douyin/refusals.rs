//! Who must not get in, and what is no longer allowed.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;

use super::{Account, PERMISSIONS, connected, leads, sync};
use crate::demo::api::{Api, text};
use crate::demo::scenario::Scenario;

const LEADS: &str = "/api/v1/lead/douyin/leads";

/// Others see nothing of it, as if it did not exist.
pub(super) async fn strangers(stage: &Scenario<'_>, account: &Account, task: &str) -> Result<()> {
    let said = stage.nobody().get(LEADS, &[]).await?.refused(401, "UNAUTHENTICATED")?;
    stage.tell(&format!("without a token: {said}"));
    let limited = stage.user(0, &["lead:douyin:accounts:view"])?;
    let said = limited.get(LEADS, &[]).await?.refused(403, "PERMISSION_DENIED")?;
    stage.tell(&format!("without the permission: {said}"));

    let stranger = stage.user(1, &PERMISSIONS)?;
    let (total, _) = leads::newest(&stranger, 1).await?;
    ensure!(total == 0, "another user must see no leads, not {total}");
    for path in [format!("{LEADS}/1"), sync::progress_path(task)] {
        stranger.get(&path, &[]).await?.refused(404, "NOT_FOUND")?;
    }
    ensure!(connected(&stranger, account).await?.is_none(), "another user must not see the account");
    sync::request(&stranger, account, "FULL").await?.refused(400, "DOUYIN_AUTH_ERROR")?;
    stage.tell("another user finds no lead, no task and no account of ours, and cannot sync it");
    Ok(())
}

/// The user withdraws consent at Douyin; before, somebody pretends that they did.
pub(super) async fn revoked(stage: &Scenario<'_>, user: &Api, account: &Account) -> Result<()> {
    let forged = json!({ "event": "unauthorize", "from_user_id": account.id, "content": "" });
    let webhook = stage.nobody().send(Method::POST, "/api/v1/lead/douyin/webhook", forged).await?;
    webhook.refused(401, "UNAUTHENTICATED")?;
    let entry = connected(user, account).await?.context("the account must be in the list")?;
    ensure!(text(&entry, "status")? == "ACTIVE", "a forged webhook must change nothing: {entry}");
    stage.tell("a webhook without Douyin's signature is refused, and the account stays ACTIVE");

    let path = format!("douyin/accounts/{}/revoke", account.name);
    let revocation = stage.sandbox(Method::POST, &path, None).await?;
    ensure!(
        revocation.get("delivery").is_some_and(|delivery| !delivery.is_null()),
        "no webhook was sent: {revocation}"
    );
    let entry = connected(user, account).await?.context("a revoked account must stay in the list")?;
    ensure!(text(&entry, "status")? == "REVOKED", "the account must be REVOKED: {entry}");
    stage.tell("consent is withdrawn at Douyin: its webhook tells us, the account is REVOKED");
    let said = sync::request(user, account, "INCREMENTAL").await?.refused(400, "DOUYIN_AUTH_ERROR")?;
    stage.tell(&format!("a sync is refused: {said}"));
    Ok(())
}
