//! A group of people: the bot that they have in WeCom tells them what they have to act upon.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Webhook, only};
use crate::demo::api::{Api, text};
use crate::demo::douyin::Account;
use crate::demo::scenario::Scenario;

/// The account's user withdraws consent, and the group is told what to do.
pub(super) async fn is_told(stage: &Scenario<'_>, user: &Api, account: &Account) -> Result<()> {
    let name = format!("demo-group-{}", stage.play);
    let bot = Some(json!({ "kind": "wecom" }));
    let receiver = stage.sandbox(Method::PUT, &format!("inbox/receivers/{name}/bot"), bot).await?;
    let (webhook, shown) = Webhook::make(user, &receiver, json!({ "kind": "WECOM_BOT" })).await?;
    let key = text(&receiver, "url")?.rsplit('/').next().context("a bot's address ends in its key")?;
    ensure!(!text(&shown, "url")?.contains(key), "the address of a bot must be shown without its key");
    ensure!(shown.get("secret").is_some_and(Value::is_null), "a bot has no secret of ours: {shown}");
    stage.tell("a WeCom group bot is added: its address is shown without the key that is in it");

    stage.sandbox(Method::POST, &format!("douyin/accounts/{}/revoke", account.name), None).await?;
    webhook.delivered(user, "account.expired").await?;
    let arrived = only(webhook.arrivals(stage, true).await?, "message in the group")?;
    ensure!(arrived.get("code").and_then(Value::as_i64) == Some(0), "the bot must take it: {arrived}");
    let body: Value = serde_json::from_str(text(&arrived, "body")?).context("the body must be JSON")?;
    let told = body.pointer("/text/content").and_then(Value::as_str).context("it must be a text")?;
    let lines: Vec<_> = told.lines().collect();
    let [what, about, todo] = lines.as_slice() else { anyhow::bail!("three lines must be told: {told}") };
    ensure!(what.starts_with("【存客宝】") && what.contains("取消授权"), "what has happened must be told: {told}");
    ensure!(*about == format!("账号：{}", account.id), "the account must be named: {told}");
    ensure!(todo.contains("重新授权"), "what to do must be told: {told}");
    stage.tell(&format!("consent is withdrawn at Douyin, and the group reads once: {}", lines.join(" / ")));
    Ok(())
}
