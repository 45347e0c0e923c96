//! The schedule of trials, what ends it, and what a success starts.

use anyhow::{Context, Result, bail};
use functions::workers::douyin_token_keeper;
use sandbox::douyin::{Endpoint, Fault};
use serde_json::json;

use super::{DAY, EXPIRED, HOUR, MINUTE, SHOP, USER, expired, has_tokens, refreshes, row, seen};
use crate::proxy::{Fault as StepFault, Proxy, When};
use crate::{Event, World};

#[tokio::test]
async fn expired_account_is_tried_after_ten_minutes_an_hour_six_hours_and_then_daily() -> Result<()> {
    let (world, ..) = expired().await?;
    let begun = world.clock.now();
    let mut tried = Vec::new();
    let mut before = refreshes(&world);
    // The keeper runs every ten minutes.
    for _ in 0..(7 * 144 + 2) {
        world.advance(MINUTE * 10);
        // Most runs find nothing; those near a trial are enough, and the rest would only take time.
        let hours = world.clock.now().duration_since(begun).as_secs() / 600;
        let is_near = [1, 2, 5, 6, 7, 35, 36, 37].contains(&hours) || hours % 144 <= 1 || hours % 48 == 20;
        if !is_near {
            continue;
        }
        world.keep_tokens().await?;
        if refreshes(&world) > before {
            before = refreshes(&world);
            tried.push(hours);
        }
    }
    let expected = [1, 6, 36, 144, 288, 432, 576, 720, 864];
    assert_eq!(tried, expected, "in rounds of ten minutes");
    let row = row(&world).await?;
    assert_eq!(row["status"], "EXPIRED");
    assert!(!has_tokens(&row), "tokens stay seven days at the most: {:?}", row.keys());
    assert!(!row.contains_key("refresh_due"), "nobody looks at it any more");
    Ok(())
}

#[tokio::test]
async fn tokens_of_an_expired_account_go_with_the_end_of_its_refresh_token() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account(SHOP, 1);
    let shop = world.authorize(USER, SHOP).await?;
    // An app that cannot renew: the refresh token ends on day 30, the access token on day 39.
    world.sandbox.douyin().change_app(|app| {
        app.scopes.remove("renew_refresh_token");
    });
    for _ in 0..28 {
        world.advance(DAY);
        world.keep_tokens().await?;
    }
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, EXPIRED).permanent());
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, EXPIRED).permanent());
    for _ in 0..2 {
        world.request_sync(USER, &shop, "FULL").await?;
        world.drain().await?;
        world.advance(MINUTE * 11);
        world.sweep().await?;
        world.drain().await?;
    }
    assert_eq!(row(&world).await?["status"], "EXPIRED");
    assert!(has_tokens(&row(&world).await?));
    world.advance(DAY * 2);
    world.keep_tokens().await?;
    assert!(!has_tokens(&row(&world).await?), "past the end of the refresh token");
    Ok(())
}

#[tokio::test]
async fn account_that_douyin_accepts_again_is_active_and_its_blocked_sync_is_made_up_for() -> Result<()> {
    let world = World::start().await?;
    world.keep_the_clock();
    world.douyin_account(SHOP, 5);
    let shop = world.authorize(USER, SHOP).await?;
    world.advance(DAY * 16);
    let fault = world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, 10_010).permanent());
    let failed = world.sync(USER, &shop, "FULL").await?;
    assert_eq!((&failed["status"], &failed["error"]["type"]), (&json!("FAILED"), &json!("DOUYIN_AUTH_ERROR")));
    assert_eq!(row(&world).await?["blocked_sync"], "FULL");

    world.sandbox.douyin().disarm(fault);
    world.advance(MINUTE * 10);
    world.keep_tokens().await?;
    let account = seen(&world, USER).await?;
    assert_eq!((&account["status"], &account["statusReason"]), (&json!("ACTIVE"), &json!(null)));
    let task = account["activeSyncTaskId"].as_str().context("no sync was started")?.to_owned();
    world.drain().await?;
    let made_up = world.progress(USER, &task).await?;
    assert_eq!(
        (&made_up["status"], &made_up["strategy"], &made_up["created"]),
        (&json!("COMPLETED"), &json!("FULL"), &json!(5))
    );
    let row = row(&world).await?;
    for name in ["expired_at", "expired_reason", "tokens_until", "trials", "blocked_sync"] {
        assert!(!row.contains_key(name), "{name} is left");
    }
    world.expect_empty_queues().await
}

#[tokio::test]
async fn account_that_comes_back_without_a_blocked_sync_starts_none() -> Result<()> {
    let (world, _, fault) = expired().await?;
    world.sandbox.douyin().disarm(fault);
    world.advance(MINUTE * 10);
    world.keep_tokens().await?;
    let account = seen(&world, USER).await?;
    assert_eq!((&account["status"], &account["activeSyncTaskId"]), (&json!("ACTIVE"), &json!(null)));
    world.expect_empty_queues().await
}

#[tokio::test]
async fn account_list_tells_by_cause_whether_an_expired_account_recovers() -> Result<()> {
    // Douyin's own word that the refresh token is dead.
    let (world, ..) = expired().await?;
    let reason = seen(&world, USER).await?["statusReason"].clone();
    let dead = json!({"recovers": false, "message": "该抖音账号的授权已过期", "reason": "请重新授权该抖音账号后再试"});
    assert_eq!(reason, dead);

    // Refused twice, which is what an incident at Douyin looks like.
    let world = World::start().await?;
    world.keep_the_clock();
    world.douyin_account(SHOP, 5);
    world.authorize(USER, SHOP).await?;
    world.advance(DAY * 13);
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, EXPIRED).permanent());
    world.keep_tokens().await?;
    world.advance(HOUR * 2);
    world.keep_tokens().await?;
    let account = seen(&world, USER).await?;
    assert_eq!(account["status"], "EXPIRED");
    assert_eq!(account["statusReason"]["recovers"], true, "{account}");
    let said = account["statusReason"]["message"].as_str().context("no message")?;
    assert!(said.contains("正在自动恢复"), "{said}");
    // After the trials of the first day nobody promises that any more.
    for hours in [1, 1, 6, 24, 24] {
        world.advance(HOUR * hours);
        world.keep_tokens().await?;
    }
    assert_eq!(seen(&world, USER).await?["statusReason"], dead);

    // The user's own withdrawal.
    let message = world.sandbox.douyin().revoke_quietly(SHOP).context("no account")?;
    let event = Event::sample("douyin-webhook")?
        .header("x-douyin-signature", &message.signature)
        .header("msg-id", &message.message_id)
        .body(&message.body);
    assert_eq!(world.call(&event).await?.status, 200);
    let account = seen(&world, USER).await?;
    assert_eq!(account["statusReason"]["message"], "该抖音账号已在抖音端取消授权", "{account}");
    assert!(!has_tokens(&row(&world).await?), "destroyed with the withdrawal");
    Ok(())
}

/// What a trial brings is not written over what the user has done since.
#[tokio::test]
async fn trial_that_meets_a_new_authorisation_or_none_at_all_changes_nothing() -> Result<()> {
    for deletes in [false, true] {
        let (world, shop, fault) = expired().await?;
        world.sandbox.douyin().disarm(fault);
        world.advance(MINUTE * 10);
        let proxy = Proxy::start(&world).await?;
        let gate = proxy.hold("oauth/refresh_token", 1);
        let base = world.context("douyin-token-keeper", &proxy.endpoints()).await?;
        let app = douyin_token_keeper::App::new(&base).await?;
        let meanwhile = async {
            gate.reached().await;
            if deletes {
                let delete = Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
                assert_eq!(world.call_as(USER, delete).await?.status, 200);
            } else {
                world.authorize(USER, SHOP).await?;
            }
            let rows = world.rows("t_douyin_auth").await?;
            gate.open();
            anyhow::Ok(rows)
        };
        let (_, rows) = futures::join!(douyin_token_keeper::handle(&app, world.deadline()), meanwhile);
        assert!(world.rows("t_douyin_auth").await? == rows?, "deleted: {deletes}");
    }
    Ok(())
}

/// A trial is repeated by the next one, whatever became of the one that died.
#[tokio::test]
async fn keeper_killed_at_any_step_of_a_trial_that_succeeds_leaves_it_to_the_next_round() -> Result<()> {
    let scene = async || {
        let world = World::start().await?;
        world.douyin_account(SHOP, 5);
        let shop = world.authorize(USER, SHOP).await?;
        world.advance(DAY * 16);
        let fault = world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, 10_010).permanent());
        assert_eq!(world.sync(USER, &shop, "INCREMENTAL").await?["status"], "FAILED");
        world.sandbox.douyin().disarm(fault);
        world.advance(MINUTE * 10);
        anyhow::Ok(world)
    };
    let keep = async |world: &World, proxy: &Proxy| {
        let base = world.context("douyin-token-keeper", &proxy.endpoints()).await?;
        let app = douyin_token_keeper::App::new(&base).await?;
        douyin_token_keeper::handle(&app, world.deadline()).await?;
        anyhow::Ok(())
    };
    let world = scene().await?;
    let proxy = Proxy::start(&world).await?;
    keep(&world, &proxy).await?;
    assert_eq!(row(&world).await?["status"], "ACTIVE");
    for step in proxy.steps() {
        for when in [When::Before, When::After] {
            let world = scene().await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, StepFault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                done = Box::pin(keep(&world, &proxy)) => bail!("{step}: ended with {done:?}"),
            }
            world.advance(MINUTE * 10);
            world.keep_tokens().await?;
            world.sweep().await?;
            world.drain().await?;
            let account = seen(&world, USER).await?;
            assert_eq!(account["status"], "ACTIVE", "{step} {when:?}");
            assert_eq!(world.leads(USER, &[]).await?.data()["total"], 5, "{step} {when:?}");
            assert_eq!(world.rows("t_douyin_sync_task").await?.len(), 2, "{step} {when:?}: made up for once");
        }
    }
    Ok(())
}
