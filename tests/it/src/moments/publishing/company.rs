//! A company: its token, its secret, its rate limits, and its members, who may do nothing at all.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sandbox::fault::Effect;
use sandbox::wecom::{WecomEndpoint, WecomFault};
use serde_json::{Value, json};

use super::oracle::{Oracle, check};
use super::story::{Scenario, Story};
use super::{LATER, USER, ended, live, recover, request, world};
use crate::proxy::Proxy;
use crate::{Event, World};

pub(super) const ADD: &str = "externalcontact/add_moment_task";
const EXPIRED_SECRET: &str = "企业微信应用凭证无效";

pub(super) fn calls(world: &World, endpoint: &str, corp: &str) -> usize {
    world.sandbox.journal().of_account(endpoint, corp).len()
}

/// Time goes by, and members do nothing.
pub(super) async fn wait_in_vain(world: &World, scene: &Scenario) -> Result<(Value, u32)> {
    for rounds in 0..200 {
        world.drain_publications().await?;
        let status = world.post_status(USER, scene.task).await?;
        if ended(&status) {
            return Ok((status, rounds));
        }
        world.advance(3 * LATER);
        world.sweep().await?;
    }
    anyhow::bail!("it never ends")
}

/// WeCom answers with the same token until its end: asking for it in its last minutes brings nothing new.
#[tokio::test]
async fn company_token_is_used_until_shortly_before_its_end() -> Result<()> {
    let world = world().await?;
    let accounts = world.connect_corp(USER, "flowers", &["anna"]).await?;
    let asked = || world.sandbox.journal().of("gettoken").len();
    let before = asked();
    world.advance(Duration::from_secs(7_000));
    request(&world, &json!({"text": "还有两百秒", "accountIds": accounts})).await?;
    world.drain_publications().await?;
    ensure!(asked() == before, "asked {} times", asked() - before);
    world.advance(Duration::from_secs(190));
    request(&world, &json!({"text": "还有十秒", "accountIds": accounts})).await?;
    world.drain_publications().await?;
    ensure!(asked() > before && world.sandbox.journal().of(ADD).len() == 2);
    Ok(())
}

#[tokio::test]
async fn company_token_that_expires_on_the_way_is_replaced_and_nothing_sent_twice() -> Result<()> {
    let endpoints = [
        WecomEndpoint::UploadAttachment,
        WecomEndpoint::AddMomentTask,
        WecomEndpoint::GetMomentTaskResult,
        WecomEndpoint::GetMomentTask,
    ];
    let world = world().await?;
    for (number, endpoint) in endpoints.into_iter().enumerate() {
        let scene = Story::Company.scene(&world, number).await?;
        let corp = format!("flowers-{number}");
        let before = calls(&world, "gettoken", &corp);
        world.sandbox.wecom().arm(WecomFault::new(endpoint, Effect::LoseSession).for_account(&*corp));
        let status = recover(&world, scene.task).await?;
        let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        ensure!(truths == [Oracle::Published, Oracle::Published], "{endpoint:?}: {truths:?}");
        let fetched = calls(&world, "gettoken", &corp) - before;
        ensure!(fetched == 1, "{endpoint:?}: {fetched} tokens fetched");
    }
    let faults = world.sandbox.wecom().faults();
    ensure!(faults.iter().all(|fault| fault.met == 1), "{faults:?}");
    Ok(())
}

#[tokio::test]
async fn company_secret_that_is_refused_is_tried_once_and_expires_the_accounts() -> Result<()> {
    let world = world().await?;
    let scene = Story::Company.scene(&world, 1).await?;
    let second = Story::Words.scene(&world, 2).await?;
    let accounts: Vec<&String> = scene.outlets.iter().map(|outlet| &outlet.account_id).collect();
    let waiting = super::request(&world, &json!({"text": "还有一条", "accountIds": accounts})).await?;
    world.sandbox.wecom().change_app("flowers-1", |app| app.secret = Some("another".repeat(6)));
    world.sandbox.wecom().void_tokens("flowers-1");
    let before = calls(&world, "gettoken", "flowers-1");
    let status = recover(&world, scene.task).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths.iter().all(|truth| *truth != Oracle::Published), "{status}");
    let other = recover(&world, waiting).await?;
    ensure!(other["status"] == "FAILED", "{other}");
    // Whichever comes first finds out; the other one may find the accounts expired already.
    let says_so = |status: &Value| {
        let message = status["results"][0]["errorMessage"].as_str().unwrap_or_default();
        message.contains(EXPIRED_SECRET)
    };
    ensure!(says_so(&status) || says_so(&other), "{status} {other}");
    let tried = calls(&world, "gettoken", "flowers-1") - before;
    // Two deliveries may find out at once.
    ensure!((1..=2).contains(&tried), "the bad secret was tried {tried} times");
    for row in world.rows("t_wechat_account").await?.iter().filter(|row| row.contains_key("corp_key")) {
        ensure!(row["status"] == "EXPIRED", "{row:?}");
    }
    let refused = world.request_post(USER, &json!({"text": "不行", "accountIds": accounts})).await?;
    ensure!(refused.status == 422, "{refused:?}");
    ensure!(recover(&world, second.task).await?["status"] == "COMPLETED", "another account suffered");
    Ok(())
}

#[tokio::test]
async fn company_secret_that_is_refused_expires_every_account_of_the_company() -> Result<()> {
    let world = world().await?;
    let accounts = world.connect_corp(USER, "flowers", &["lily", "rose"]).await?;
    world.sandbox.wecom().change_app("flowers", |app| app.secret = Some("another".repeat(6)));
    world.sandbox.wecom().void_tokens("flowers");
    let task = super::request(&world, &json!({"text": "早", "accountIds": [accounts[0]]})).await?;
    ensure!(recover(&world, task).await?["status"] == "FAILED");
    for row in world.rows("t_wechat_account").await? {
        ensure!(row["status"] == "EXPIRED", "{row:?}");
    }
    Ok(())
}

/// The secret goes bad while members are waited for: asked for a token rarely, and in the end told.
#[tokio::test]
async fn company_secret_refused_later_is_not_tried_again_and_again() -> Result<()> {
    for submitted in [true, false] {
        let world = world().await?;
        let scene = Story::Company.scene(&world, 1).await?;
        world.drain_publications().await?;
        if !submitted {
            world.advance(LATER);
            world.sweep().await?;
            world.drain_publications().await?;
        }
        ensure!(world.sandbox.wecom().moment_tasks().len() == 1);
        world.sandbox.wecom().change_app("flowers-1", |app| app.secret = Some("another".repeat(6)));
        world.sandbox.wecom().void_tokens("flowers-1");
        let before = calls(&world, "gettoken", "flowers-1");
        let (status, rounds) = wait_in_vain(&world, &scene).await?;
        let tried = calls(&world, "gettoken", "flowers-1") - before;
        println!("  submitted: {submitted}: {tried} tokens asked for in {rounds} rounds; {status}");
        check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        ensure!(status["status"] == "FAILED", "{status}");
        ensure!(tried <= 100, "the bad secret was tried {tried} times");
    }
    Ok(())
}

#[tokio::test]
async fn company_member_who_never_confirms_is_stopped_after_48_hours() -> Result<()> {
    let world = world().await?;
    let scene = Story::Company.scene(&world, 1).await?;
    let begun = world.clock.now();
    world.drain_publications().await?;
    let moment = world.sandbox.wecom().moment_tasks().pop().context("no moment")?;
    world.advance(LATER);
    world.sandbox.wecom().confirm(&moment.moment_id, "lily")?;
    let (status, _) = wait_in_vain(&world, &scene).await?;
    let waited = world.clock.now().duration_since(begun);
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Nothing("MOMENT_PUBLISH_FAILED".to_owned())], "{truths:?}");
    ensure!(status["status"] == "PARTIAL_SUCCESS", "{status}");
    let rose = status["results"].as_array().context("no results")?.iter().find(|result| result["status"] == "FAILED");
    let message = rose.context("nobody failed")?["errorMessage"].as_str().unwrap_or_default().to_owned();
    ensure!(message.starts_with("成员超时未确认发布"), "{message}");
    ensure!((48..51).contains(&waited.as_hours()), "after {waited}");
    ensure!(calls(&world, "externalcontact/cancel_moment_task", "flowers-1") == 1);
    ensure!(world.sandbox.wecom().confirm(&moment.moment_id, "rose").is_err(), "she can still publish it");
    Ok(())
}

/// After the deadline the platform no longer tells anything: that too must come to an end.
#[tokio::test]
async fn company_without_an_answer_after_the_deadline_is_polled_a_limited_time() -> Result<()> {
    for code in [48_002, -1] {
        let world = world().await?;
        let scene = Story::Company.scene(&world, 1).await?;
        world.drain_publications().await?;
        world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::GetMomentTask, code).permanent());
        let (status, _) = wait_in_vain(&world, &scene).await?;
        check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
        ensure!(status["status"] == "FAILED", "{status}");
    }
    Ok(())
}

/// Two publishers at once meet a blocked minute, again and again.
#[tokio::test]
async fn company_rate_limit_is_kept_by_every_publisher() -> Result<()> {
    let world = world().await?;
    let scene = Story::Company.scene(&world, 1).await?;
    let accounts: Vec<&String> = scene.outlets.iter().map(|outlet| &outlet.account_id).collect();
    let other = super::request(&world, &json!({"text": "第二条", "accountIds": accounts})).await?;
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 45_009).times(2));
    let added = || calls(&world, ADD, "flowers-1");
    let proxies = [Proxy::start(&world).await?, Proxy::start(&world).await?];
    let live_both = async || -> Result<()> {
        let (one, two) = futures::try_join!(live(&world, &proxies[0]), live(&world, &proxies[1]))?;
        ensure!(one.is_none() && two.is_none());
        Ok(())
    };
    live_both().await?;
    // Both may have asked before the first was refused, but nobody afterwards.
    let at_once = added();
    ensure!((1..=2).contains(&at_once), "{at_once} calls");
    world.advance(Duration::from_secs(40));
    world.sweep().await?;
    live_both().await?;
    ensure!(added() == at_once, "asked {} times within the minute", added());
    world.advance(Duration::from_secs(60));
    for task in [scene.task, other] {
        ensure!(recover(&world, task).await?["status"] == "COMPLETED");
    }
    ensure!(added() == 4, "{} calls", added());
    ensure!(world.sandbox.journal().published_twice().is_empty());
    Ok(())
}

/// WeCom says a minute, and after the minute it says so again: then it is an hour, and then the rest of the day.
#[tokio::test]
async fn company_rate_limit_that_outlasts_its_minute_is_waited_for_longer() -> Result<()> {
    // With the sweeper's grace, which stands in for the message that waits in real time.
    const MINUTE: Duration = Duration::from_secs(95);
    const HOUR: Duration = Duration::from_secs(3_600);
    let world = world().await?;
    // To eight in the morning in China, so that its day does not end too soon.
    let day = HOUR.as_secs() * 24;
    let since_eight = world.clock.now().as_second().rem_euclid(24 * 3_600).unsigned_abs();
    world.advance(Duration::from_secs(day - since_eight));
    let scene = Story::Company.scene(&world, 1).await?;
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 45_009).times(3));
    let mut added = Vec::new();
    for pause in [MINUTE, MINUTE, HOUR, MINUTE, HOUR, 24 * HOUR] {
        world.drain_publications().await?;
        added.push(calls(&world, ADD, "flowers-1"));
        world.advance(pause);
        world.sweep().await?;
    }
    ensure!(added == [1, 2, 2, 3, 3, 3], "{added:?}");
    let status = recover(&world, scene.task).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Published] && calls(&world, ADD, "flowers-1") == 4, "{truths:?}");
    Ok(())
}

pub(super) async fn disconnect(world: &World, account: &str) -> Result<()> {
    let answer = world.call_as(USER, Event::sample("wechat-account-disconnect")?.path("accountId", account)).await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

/// WeCom is busy, and before it is asked again one member is disconnected: she is not asked, and not waited for.
#[tokio::test]
async fn company_member_who_leaves_between_attempts_fails_and_the_others_publish() -> Result<()> {
    let world = world().await?;
    let scene = Story::Company.scene(&world, 1).await?;
    world.sandbox.wecom().arm(WecomFault::code(WecomEndpoint::AddMomentTask, 41_078));
    world.drain_publications().await?;
    disconnect(&world, &scene.outlets[1].account_id).await?;
    let status = recover(&world, scene.task).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Nothing("MOMENT_PUBLISH_FAILED".to_owned())], "{status}");
    let words = "该账号当前不可用";
    ensure!(status["results"].to_string().contains(words), "{status}");
    Ok(())
}

/// A company is let go with the last of its members, while they are asked to publish. What they did is still told, as
/// long as the last token lives.
#[tokio::test]
async fn company_that_is_disconnected_leaves_no_secret() -> Result<()> {
    for confirmed in [true, false] {
        let world = world().await?;
        let scene = Story::Company.scene(&world, 1).await?;
        world.drain_publications().await?;
        world.advance(LATER);
        world.sweep().await?;
        world.drain_publications().await?;
        let has_secret = async || anyhow::Ok(world.rows("t_wechat_corp").await?[0].contains_key("secret"));
        let corp = world.sandbox.wecom().corp("flowers-1").context("no company")?;
        let agent_id = corp.apps[0].agent_id;
        let body =
            json!({"accountType": "WEWORK", "corpId": corp.corp_id, "agentId": agent_id, "secret": corp.secret()});
        let theirs = Event::sample("wechat-account-connect")?.json(&body);
        disconnect(&world, &scene.outlets[0].account_id).await?;
        ensure!(has_secret().await? && world.call_as(USER + 1, theirs.clone()).await?.status == 409);
        disconnect(&world, &scene.outlets[1].account_id).await?;
        ensure!(!has_secret().await?, "the secret is still there");
        if confirmed {
            let status = recover(&world, scene.task).await?;
            let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
            ensure!(truths == [Oracle::Published, Oracle::Published], "{status}");
        }
        let answer = world.call_as(USER + 1, theirs).await?;
        ensure!(answer.status == 200, "{answer:?}");
        if !confirmed {
            let (status, _) = wait_in_vain(&world, &scene).await?;
            ensure!(status["status"] == "FAILED", "{status}");
        }
        for row in world.rows("t_wechat_account").await? {
            ensure!(row["user_id"] == (USER + 1).to_string() && row["status"] == "ACTIVE", "{row:?}");
        }
    }
    Ok(())
}

/// The old secret's refusal arrives after somebody has given the new one: it says nothing about the new connection.
#[tokio::test]
async fn a_verdict_about_a_secret_that_was_replaced_ends_nothing() -> Result<()> {
    let world = world().await?;
    let scene = Story::Renewal.scene(&world, 1).await?;
    let corp = world.sandbox.wecom().corp("flowers-1").context("no company")?;
    let new = "a-new-secret-of-the-same-app-0000000000000001";
    world.sandbox.wecom().change_app("flowers-1", |app| app.secret = Some(new.to_owned()));
    let proxy = Proxy::start(&world).await?;
    let gate = proxy.hold("gettoken", 1);
    let reconnects = async {
        gate.reached().await;
        let body = json!({
            "accountType": "WEWORK", "corpId": corp.corp_id, "agentId": corp.agent_id(), "secret": new,
        });
        let answer = world.call_as(USER, Event::sample("wechat-account-connect")?.json(&body)).await;
        gate.open();
        answer
    };
    let (lived, connected) = futures::join!(live(&world, &proxy), reconnects);
    ensure!(lived?.is_none() && connected?.status == 200);
    let accounts = world.call_as(USER, Event::sample("wechat-accounts")?).await?;
    let accounts = accounts.data().as_array().context("no accounts")?.clone();
    ensure!(accounts.iter().all(|account| account["status"] == "ACTIVE"), "{accounts:?}");
    let status = recover(&world, scene.task).await?;
    let truths = check(&world, scene.task, &status, &scene.text, &scene.outlets).await?;
    ensure!(truths == [Oracle::Published, Oracle::Published], "{truths:?}: {status}");
    Ok(())
}

/// WeCom leaves a member without customers out: nobody waits two days for them.
#[tokio::test]
async fn a_member_whom_wecom_never_asked_is_told_so_at_once() -> Result<()> {
    let world = world().await?;
    world.sandbox.wecom().configure(|settings| settings.never_asked = vec!["rose".to_owned()]);
    let scene = Story::Company.scene(&world, 1).await?;
    for _ in 0..6 {
        world.drain_publications().await?;
        world.advance(LATER);
        world.sweep().await?;
    }
    let status = world.post_status(USER, scene.task).await?;
    let told: Vec<String> = scene
        .outlets
        .iter()
        .filter_map(|outlet| {
            let results = status["results"].as_array()?.iter();
            results.filter(|result| result["accountId"] == outlet.account_id.as_str()).map(ToString::to_string).next()
        })
        .collect();
    ensure!(told[0].contains("WAITING_MEMBER_CONFIRM") && told[1].contains("没有请该成员发表"), "{told:?}");
    let status = recover(&world, scene.task).await?;
    ensure!(status["status"] == "PARTIAL_SUCCESS", "{status}");
    Ok(())
}
