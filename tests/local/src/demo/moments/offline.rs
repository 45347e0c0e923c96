//! The gateway tells that a phone went off the line, and an account is let go.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;

use super::{Accounts, is_listed_as, listed};
use crate::demo::api::Api;
use crate::demo::scenario::Scenario;

/// A forged notice changes nothing, the gateway's own makes the account OFFLINE.
pub(super) async fn notice(stage: &Scenario<'_>, user: &Api, cast: &Accounts) -> Result<()> {
    let shaky = &cast.shaky.account;
    let forged = json!({ "TypeName": "Offline", "Appid": cast.shaky.app_id(), "Wxid": "wxid_demo" });
    let address = "/api/v1/workbench/wechat/gateway/webhook/guessed";
    stage.nobody().send(Method::POST, address, forged).await?.refused(404, "NOT_FOUND")?;
    is_listed_as(user, shaky, "ACTIVE").await?;
    stage.tell("a notice at a guessed address finds nothing there, and the account stays ACTIVE");

    let path = format!("gewe/devices/{}/offline", shaky.name);
    let told = stage.sandbox(Method::POST, &path, Some(json!({ "copies": 1 }))).await?;
    let delivered = told.pointer("/delivery/delivered").and_then(serde_json::Value::as_bool);
    ensure!(delivered.context("no notice was sent")?, "the notice must be taken: {told}");
    is_listed_as(user, shaky, "OFFLINE").await?;
    stage.tell("the gateway tells, twice, that the phone went off the line: the account is OFFLINE");

    let path = format!("{}/{}", super::connect::CONNECTIONS, shaky.id);
    user.order(Method::DELETE, &path).await?.data(200)?;
    ensure!(listed(user, shaky).await?.is_none(), "an account that was let go must not be listed");
    user.order(Method::DELETE, &path).await?.refused(404, "WECHAT_ACCOUNT_NOT_FOUND")?;
    stage.tell("the account is disconnected: it is gone from the list");
    Ok(())
}
