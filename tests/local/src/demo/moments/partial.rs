//! A post that reaches one of two accounts, and the other after its cause was mended.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::json;

use super::posts::{self, SYNC};
use super::{Accounts, is_listed_as, publications};
use crate::demo::api::{Api, text};
use crate::demo::scenario::Scenario;

/// One phone is off the line; it is mended, and only that account is tried again.
pub(super) async fn fail_and_retry(stage: &Scenario<'_>, user: &Api, cast: &Accounts) -> Result<()> {
    let (steady, shaky) = (&cast.steady, &cast.shaky.account);
    let wording = posts::wording(stage, "今天也有好心情");
    set_state(stage, &shaky.name, "offline").await?;
    let task = posts::order(user, &wording, &[steady, shaky]).await?;
    let end = posts::ended(user, task, "PARTIAL_SUCCESS").await?;
    ensure!(text(posts::result(&end, steady)?, "status")? == "SUCCESS", "the other must have succeeded: {end}");
    let failed = posts::result(&end, shaky)?;
    ensure!(text(failed, "status")? == "FAILED", "a phone off the line cannot publish: {end}");
    let reason = text(failed, "errorMessage")?;
    ensure!(reason.contains("离线"), "the reason must be given: {end}");
    stage.tell(&format!("PARTIAL_SUCCESS: one phone has published, the other FAILED: {reason}"));

    is_listed_as(user, shaky, "OFFLINE").await?;
    let body = json!({ "text": posts::wording(stage, "离线"), "accountIds": [shaky.id] });
    let said = user.send(Method::POST, SYNC, body).await?.refused(422, "MOMENT_SYNC_CREATION_FAILED")?;
    stage.tell(&format!("the account list shows it as OFFLINE, and a new task for it is refused: {said}"));

    set_state(stage, &shaky.name, "online").await?;
    cast.shaky.connect(user).await?;
    is_listed_as(user, shaky, "ACTIVE").await?;
    stage.tell("the phone is back on the line and connected again: ACTIVE, under the same accountId");
    let retry = format!("{}/retry", posts::path(task));
    user.order(Method::POST, &retry).await?.data(202)?;
    posts::ended(user, task, "COMPLETED").await?;
    publications::once(stage, &wording, 0, &[&steady.name, &shaky.name]).await?;
    stage.tell("retried: COMPLETED; the journal has one post of each, so the first was not published again");
    let said = user.order(Method::POST, &retry).await?.refused(409, "CONFLICT")?;
    stage.tell(&format!("there is nothing more to retry: {said}"));
    Ok(())
}

/// Two accounts are refused, and each is tried again by itself: the other one stays as it is until it is named.
pub(super) async fn retry_by_account(stage: &Scenario<'_>, user: &Api, cast: &Accounts) -> Result<()> {
    let (steady, shaky) = (&cast.steady, &cast.shaky.account);
    let wording = posts::wording(stage, "周末见");
    for account in [steady, shaky] {
        let refusal = json!({ "kind": "code", "code": 500, "message": "content不可为空" });
        let fault = json!({ "endpoint": "sns/sendTextSns", "effect": refusal, "account": account.name });
        stage.sandbox(Method::POST, "gewe/faults", Some(fault)).await?;
    }
    let task = posts::order(user, &wording, &[steady, shaky]).await?;
    posts::ended(user, task, "FAILED").await?;
    let retry = format!("{}/retry", posts::path(task));
    let misspelt = json!({ "accountId": shaky.id });
    user.send(Method::POST, &retry, misspelt).await?.refused(400, "INVALID_REQUEST")?;
    user.send(Method::POST, &retry, json!({ "accountIds": [shaky.id] })).await?.data(202)?;
    let end = posts::ended(user, task, "PARTIAL_SUCCESS").await?;
    ensure!(text(posts::result(&end, steady)?, "status")? == "FAILED", "the other was not to be tried: {end}");
    publications::once(stage, &wording, 0, &[&shaky.name]).await?;
    stage.tell("two phones were refused; retried by accountIds, only the named one has published");
    user.send(Method::POST, &retry, json!({ "accountIds": [steady.id] })).await?.data(202)?;
    posts::ended(user, task, "COMPLETED").await?;
    publications::once(stage, &wording, 0, &[&steady.name, &shaky.name]).await?;
    stage.tell("then the other one by its accountId: COMPLETED, and the journal has one post of each");
    Ok(())
}

async fn set_state(stage: &Scenario<'_>, phone: &str, state: &str) -> Result<()> {
    stage.sandbox(Method::POST, &format!("gewe/devices/{phone}"), Some(json!({ "state": state }))).await?;
    Ok(())
}
