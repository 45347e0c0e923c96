//! Consent: given, given with a way back to the frontend, refused, replayed, and given to the wrong person's link.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;
use url::Url;

use super::{Account, PERMISSIONS, connected};
use crate::demo::api::{Answer, Api, number, text};
use crate::demo::scenario::Scenario;

/// The user approves in the browser and comes back; the same address does not work a second time. Answers the sync that
/// this starts.
pub(super) async fn approve(stage: &Scenario<'_>, user: &Api, account: &Account) -> Result<String> {
    let link = link(stage, user, None).await?;
    stage.tell("the API gives the address of Douyin's consent page, and a cookie to the browser that asked for it");
    let callback = decide(stage, &link, account, "approve").await?;
    let answer = returned(stage, &callback, Some(&link)).await?.data(200)?;
    ensure!(text(&answer, "message")? == "授权成功", "the callback must say 授权成功: {answer}");
    ensure!(number(&answer, "userId")? == stage.user_id(0), "the callback must name the user: {answer}");
    ensure!(text(&answer, "douyinUserId")? == account.id, "the callback must name the account: {answer}");
    stage.tell("the user approves, Douyin sends them back with a code: 授权成功");

    let entry = connected(user, account).await?.context("the account must be in the account list")?;
    ensure!(text(&entry, "status")? == "ACTIVE", "the account must be ACTIVE: {entry}");
    text(&entry, "reauthorizeBy")?;
    let task = text(&entry, "activeSyncTaskId")?.to_owned();
    stage.tell("the account list shows it as ACTIVE, until when it lasts, and its first sync under way");

    let again = returned(stage, &callback, Some(&link)).await?.data(200)?;
    ensure!(again == answer, "the same return within a minute must be told the same: {again}");
    stage.tell("the same return again is told the same, and nothing is done twice");
    Ok(task)
}

/// The user comes back to the page of the frontend that they started from; a page elsewhere is refused.
pub(super) async fn approve_and_return(stage: &Scenario<'_>, user: &Api, account: &Account) -> Result<()> {
    let page = format!("{}/done", stage.record.api_url);
    let link = link(stage, user, Some(&page)).await?;
    let callback = decide(stage, &link, account, "approve").await?;
    let answer = returned(stage, &callback, Some(&link)).await?;
    ensure!(answer.status == 302, "the callback must redirect, not answer {}", answer.status);
    let location = answer.location.context("a redirect without a location")?;
    let target = Url::parse(&location).context("the redirect leads nowhere")?;
    let parameter = |name: &str| target.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    ensure!(location.starts_with(&page), "the redirect must lead to the page that was asked for");
    ensure!(parameter("status").as_deref() == Some("success"), "the redirect must say status=success");
    ensure!(parameter("douyinUserId").as_ref() == Some(&account.id), "the redirect must name the account");
    stage.tell("a second account: the callback leads back to the page of the frontend");

    let elsewhere = [("redirectUrl", "https://evil.example/done")];
    let said = user.get("/api/v1/lead/douyin/auth/url", &elsewhere).await?.refused(400, "INVALID_REQUEST")?;
    stage.tell(&format!("a page outside the product is refused: {said}"));
    Ok(())
}

pub(super) async fn denied(stage: &Scenario<'_>, user: &Api, account: &Account) -> Result<()> {
    let link = link(stage, user, None).await?;
    let callback = decide(stage, &link, account, "deny").await?;
    let said = returned(stage, &callback, Some(&link)).await?.refused(400, "DOUYIN_AUTH_ERROR")?;
    stage.tell(&format!("the user denies consent: {said}"));
    let invented = format!("{}/api/v1/lead/douyin/auth/callback?code=c&state=invented", stage.record.api_url);
    let said = returned(stage, &invented, Some(&link)).await?.refused(400, "DOUYIN_AUTH_ERROR")?;
    stage.tell(&format!("an invented state: {said}"));
    Ok(())
}

/// Somebody has the owner of an account consent on a link of their own: the account comes to nobody.
pub(super) async fn attack(stage: &Scenario<'_>, owner: &Api, account: &Account) -> Result<()> {
    const CONFIRM: &str = "/api/v1/lead/douyin/auth/confirm";
    let attacker = stage.user(2, &PERMISSIONS)?;
    let page = format!("{}/done", stage.record.api_url);
    let link = link(stage, &attacker, Some(&page)).await?;
    let callback = decide(stage, &link, account, "approve").await?;
    let answer = returned(stage, &callback, None).await?;
    ensure!(answer.status == 302, "the callback must redirect, not answer {}", answer.status);
    let location = answer.location.context("a redirect without a location")?;
    let ticket = location.strip_prefix(&format!("{page}#status=confirm&ticket="));
    let ticket = ticket.context("the page must be handed a ticket to confirm")?;
    stage.register_secret(ticket);
    let ticket = json!({ "ticket": ticket });
    let said = owner.send(Method::POST, CONFIRM, ticket.clone()).await?.refused(403, "DOUYIN_AUTH_ERROR")?;
    attacker.send(Method::POST, CONFIRM, ticket).await?.refused(410, "DOUYIN_AUTH_ERROR")?;
    for user in [owner, &attacker] {
        ensure!(connected(user, account).await?.is_none(), "the account must be nobody's");
    }
    stage.tell(&format!("a link made by one user and opened by another binds nothing: {said}"));
    Ok(())
}

/// A link, and the cookie of the browser that asked for it.
struct Link {
    consent: Url,
    cookie: String,
}

async fn link(stage: &Scenario<'_>, user: &Api, redirect_url: Option<&str>) -> Result<Link> {
    let query: Vec<_> = redirect_url.map(|url| ("redirectUrl", url)).into_iter().collect();
    let mut answer = user.get("/api/v1/lead/douyin/auth/url", &query).await?;
    let cookie = answer.cookie.take().context("the link must come with a cookie")?;
    stage.register_secret(cookie.split_once('=').map_or("", |(_, value)| value));
    let answer = answer.data(200)?;
    let link = text(&answer, "authUrl")?;
    let page = format!("{}/douyin/platform/oauth/connect/", stage.record.sandbox_url);
    ensure!(link.starts_with(&page), "authUrl must lead to the consent page of the sandbox");
    Ok(Link { consent: Url::parse(link)?, cookie })
}

/// Where Douyin sends the user's browser after their decision.
async fn decide(stage: &Scenario<'_>, link: &Link, account: &Account, decision: &str) -> Result<String> {
    let mut visited = link.consent.clone();
    visited.query_pairs_mut().append_pair("account", &account.name).append_pair("decision", decision);
    stage.visit(visited.as_str()).await.context("the consent page does not lead back")
}

/// A browser comes back to us, without a token: the one that asked for `link`, or one that asked for none.
async fn returned(stage: &Scenario<'_>, callback: &str, link: Option<&Link>) -> Result<Answer> {
    stage.nobody().open(callback, link.map(|link| &*link.cookie)).await
}
