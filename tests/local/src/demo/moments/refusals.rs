//! Orders that are refused, and publish nothing.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;

use super::posts::{self, SYNC};
use super::{ACCOUNTS, Accounts, PERMISSIONS, publications};
use crate::demo::api::Api;
use crate::demo::scenario::Scenario;

/// Orders with a mistake in them: what would be published by overlooking it cannot be taken back.
pub(super) async fn requests(stage: &Scenario<'_>, user: &Api, cast: &Accounts) -> Result<()> {
    let wording = posts::wording(stage, "不应发布的内容");
    let id = cast.steady.id.as_str();
    let picture = "http://images.example.com/demo.jpg";
    let refusals = [
        ("a misspelt scheduledTime", "scheduleTime", json!("2030-01-01T00:00:00Z"), 400, "INVALID_REQUEST"),
        ("a time without an offset", "scheduledTime", json!("2030-01-01T00:00:00"), 400, "INVALID_REQUEST"),
        ("a time that is over", "scheduledTime", json!("2020-01-01T00:00:00Z"), 422, "MOMENT_SYNC_CREATION_FAILED"),
        ("a picture over http", "mediaUrls", json!([picture]), 422, "MOMENT_SYNC_CREATION_FAILED"),
    ];
    for (what, field, value, status, error_type) in refusals {
        let body = json!({ "text": wording, "accountIds": [id], field: value });
        let said = user.send(Method::POST, SYNC, body).await?.refused(status, error_type)?;
        ensure!(said.contains(field), "the refusal must name {field}: {said}");
        stage.tell(&format!("{what}: {said}"));
    }
    publications::nothing(stage, &wording).await?;
    stage.tell("none of these has published anything");
    Ok(())
}

/// Others can neither publish with our accounts nor see what we publish.
pub(super) async fn strangers(stage: &Scenario<'_>, cast: &Accounts, task: u64) -> Result<()> {
    let said = stage.nobody().get(ACCOUNTS, &[]).await?.refused(401, "UNAUTHENTICATED")?;
    stage.tell(&format!("without a token: {said}"));
    let limited = stage.user(0, &["workbench:wechat:moments:accounts:view"])?;
    let said = limited.get(&posts::path(task), &[]).await?.refused(403, "PERMISSION_DENIED")?;
    stage.tell(&format!("without the permission: {said}"));

    let stranger = stage.user(1, &PERMISSIONS)?;
    let wording = posts::wording(stage, "借用他人账号");
    let body = json!({ "text": wording, "accountIds": [cast.steady.id] });
    let said = stranger.send(Method::POST, SYNC, body).await?.refused(404, "WECHAT_ACCOUNT_NOT_FOUND")?;
    for (method, path) in [(Method::GET, posts::path(task)), (Method::POST, posts::path(task) + "/cancel")] {
        stranger.order(method, &path).await?.refused(404, "NOT_FOUND")?;
    }
    let theirs = stranger.get(ACCOUNTS, &[]).await?.data(200)?;
    ensure!(theirs.as_array().is_some_and(Vec::is_empty), "another user must see no accounts: {theirs}");
    publications::nothing(stage, &wording).await?;
    stage.tell(&format!("another user sees no account and no task of ours, and cannot publish with them: {said}"));
    Ok(())
}
