//! Douyin refuses a token. One refusal proves nothing, so no account is lost to a renewal, a blip or an outage; what
//! is proven ends the account, and even then its encrypted tokens stay until something newer replaces them.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use functions::workers::douyin_token_keeper;
use jiff::Timestamp;
use sandbox::douyin::{Decision, Effect, Endpoint, Fault};
use serde_json::Value;

use crate::call::call;
use crate::douyin::fan_sync::faults::story::Story;
use crate::douyin::fan_sync::faults::{PLENTY, SHOP, USER, begin, deliver_again, live, live_through, recover, shop};
use crate::proxy::{self, Proxy, When};
use crate::tables::Row;
use crate::{Browser, Event, World};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);
/// "access_token expired", in the legacy family.
const EXPIRED: i64 = 2_190_008;
/// "refresh_token expired": the only word on a refresh token that its page documents.
const REFRESH_TOKEN_DEAD: i64 = 10_010;

async fn row(world: &World) -> Result<Row> {
    world.rows("t_douyin_auth").await?.pop().context("no account")
}

/// The account is ACTIVE, or in another state, and still has both encrypted tokens.
async fn expect_account(world: &World, status: &str, when: &str) -> Result<()> {
    let row = row(world).await?;
    assert_eq!(row["status"], status, "{when}");
    for token in ["access_token", "refresh_token"] {
        assert!(row.contains_key(token), "{when}: the encrypted {token} is gone");
    }
    // The keeper looks at it again: to keep its tokens, or to try them and in the end to destroy them.
    assert!(row.contains_key("refresh_due"), "{when}");
    Ok(())
}

/// The sync took over all 53 fans, each once.
async fn expect_completed(world: &World, task: &str) -> Result<()> {
    let progress = world.progress(USER, task).await?;
    assert_eq!((&progress["status"], &progress["created"]), (&"COMPLETED".into(), &53.into()), "{progress}");
    assert_eq!(world.rows("t_douyin_lead").await?.len(), 53);
    Ok(())
}

fn refusals_on_the_second_page(times: u32) -> Fault {
    Fault::code(Endpoint::FansList, EXPIRED).on_page(2).times(times)
}

#[tokio::test]
async fn token_renewal_inside_a_sync_does_not_hide_an_expired_access_token() -> Result<()> {
    let (world, account) = shop(31, 53).await?;
    world.sandbox.douyin().change_app(|app| {
        app.scopes.insert("renew_refresh_token".to_owned());
    });
    // After 12½ days the access token is refreshed, to last until day 27½; on day 23½ only the refresh token is due.
    world.advance(HOUR * 300);
    world.keep_tokens().await?;
    world.advance(DAY * 11);
    let task = begin(&world, &account, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    let renewal = async {
        world.keep_tokens().await?;
        assert_eq!(world.sandbox.douyin().grants(SHOP)[0].renewals, 1);
        assert_eq!(row(&world).await?["renew_count"], "1");
        world.sandbox.douyin().expire_access_token(SHOP);
        Ok(())
    };
    live_through(&world, &proxy, PLENTY, ("fans/list", 3), renewal).await?;
    expect_completed(&world, &task).await?;
    expect_account(&world, "ACTIVE", "after the sync").await
}

#[tokio::test]
async fn access_token_refused_twice_in_a_moment_is_tried_again_later() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    world.sandbox.douyin().arm(refusals_on_the_second_page(2));
    let task = begin(&world, &account, "INCREMENTAL").await?;
    world.drain().await?;
    expect_account(&world, "ACTIVE", "after two refusals within milliseconds").await?;
    let progress = world.progress(USER, &task).await?;
    assert_eq!((&progress["status"], &progress["pages"]), (&"PROCESSING".into(), &1.into()), "{progress}");
    let next: Timestamp = progress["nextActionAt"].as_str().context("no time")?.parse()?;
    assert!(next > world.clock.now() + MINUTE, "{progress}");
    recover(&world, &task).await?;
    expect_completed(&world, &task).await?;
    expect_account(&world, "ACTIVE", "in the end").await
}

#[tokio::test]
async fn token_refusals_of_an_outage_of_minutes_expire_no_account() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let outage = world.sandbox.douyin().arm(refusals_on_the_second_page(1).permanent());
    let task = begin(&world, &account, "INCREMENTAL").await?;
    for _ in 0..6 {
        world.drain().await?;
        world.advance(MINUTE);
        world.sweep().await?;
    }
    expect_account(&world, "ACTIVE", "after minutes").await?;
    world.sandbox.douyin().disarm(outage);
    recover(&world, &task).await?;
    expect_completed(&world, &task).await?;
    expect_account(&world, "ACTIVE", "in the end").await
}

#[tokio::test]
async fn access_token_refused_again_later_expires_the_account_and_keeps_its_tokens() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    world.sandbox.douyin().arm(refusals_on_the_second_page(1).permanent());
    let task = begin(&world, &account, "INCREMENTAL").await?;
    world.drain().await?;
    expect_account(&world, "ACTIVE", "after the first refusal").await?;
    recover(&world, &task).await?;
    let progress = world.progress(USER, &task).await?;
    assert_eq!((&progress["status"], &progress["pages"]), (&"FAILED".into(), &1.into()), "{progress}");
    let told = (&progress["error"]["type"], &progress["error"]["message"], &progress["error"]["reason"]);
    let expected = ("DOUYIN_AUTH_ERROR", "该抖音账号的授权已过期", "请重新授权该抖音账号后再试");
    assert_eq!(told, (&expected.0.into(), &expected.1.into(), &expected.2.into()));
    expect_account(&world, "EXPIRED", "after the second refusal").await?;
    assert_eq!(world.request_sync(USER, &account, "FULL").await?.error_type(), "DOUYIN_AUTH_ERROR");

    world.sandbox.douyin().clear_faults();
    world.authorize(USER, SHOP).await?;
    expect_account(&world, "ACTIVE", "authorised anew").await?;
    assert_eq!(world.sync(USER, &account, "INCREMENTAL").await?["status"], "COMPLETED");
    Ok(())
}

/// A sync that waits because Douyin refused its account's token: it was taken up once, and took over one page.
async fn paused() -> Result<(World, String)> {
    let (world, account) = Story::Straight.scene().await?;
    let refusals = world.sandbox.douyin().arm(refusals_on_the_second_page(1).permanent());
    let task = begin(&world, &account, "INCREMENTAL").await?;
    world.drain().await?;
    world.sandbox.douyin().disarm(refusals);
    let progress = world.progress(USER, &task).await?;
    assert_eq!((&progress["waitsFor"], &progress["pages"]), (&"TOKEN".into(), &1.into()), "{progress}");
    Ok((world, task))
}

#[tokio::test]
async fn sync_waiting_for_its_token_goes_on_at_once_after_a_new_authorisation() -> Result<()> {
    let (world, task) = paused().await?;
    let answer = world.call(&world.consent(USER, SHOP, &Decision::APPROVE).await?).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    let progress = world.progress(USER, &task).await?;
    assert_eq!((&progress["waitsFor"], &progress["reason"]), (&Value::Null, &Value::Null), "{progress}");
    assert_eq!(world.rows("t_douyin_sync_task").await?.len(), 1, "no other one is started beside it");
    // No time has passed: whoever waited for the pause would wait for minutes.
    assert_eq!(world.drain().await?, 1);
    expect_completed(&world, &task).await
}

#[tokio::test]
async fn sync_waiting_for_its_token_goes_on_at_once_after_a_confirmation() -> Result<()> {
    let (world, task) = paused().await?;
    let ticket = Browser::parks(&world, USER, SHOP, "http://127.0.0.1:9000/lead").await?;
    assert_eq!(world.drain().await?, 0, "a grant that waits to be confirmed wakes nothing");
    assert_eq!(world.confirm(USER, &ticket).await?.status, 200);
    assert_eq!(world.drain().await?, 1);
    expect_completed(&world, &task).await
}

/// The authorisation is stored while the worker that was refused is about to write its pause, which nobody can end yet.
#[tokio::test]
async fn sync_refused_its_token_goes_on_at_once_if_another_one_was_stored_meanwhile() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    let refusals = world.sandbox.douyin().arm(refusals_on_the_second_page(1).permanent());
    let task = begin(&world, &account, "INCREMENTAL").await?;
    let proxy = Proxy::start(&world).await?;
    let authorisation = async {
        world.sandbox.douyin().disarm(refusals);
        world.authorize(USER, SHOP).await
    };
    // The first update of the task takes it up, the second one is the pause.
    live_through(&world, &proxy, PLENTY, ("UpdateItem t_douyin_sync_task", 2), authorisation).await?;
    // What woke it was received by the same worker, in no time.
    expect_completed(&world, &task).await
}

/// Whatever the worker has written of a pause for its token, the sync completes.
#[tokio::test]
async fn worker_refused_its_token_may_die_at_every_step() -> Result<()> {
    let scene = async || {
        let (world, account) = Story::Straight.scene().await?;
        world.sandbox.douyin().arm(refusals_on_the_second_page(2));
        let task = begin(&world, &account, "INCREMENTAL").await?;
        anyhow::Ok((world, task))
    };
    let (world, _) = scene().await?;
    let proxy = Proxy::start(&world).await?;
    live(&world, &proxy, PLENTY).await?;
    let steps = proxy.steps();
    assert!(steps.iter().any(|step| step.name == "SendMessage"), "{steps:?}");
    for step in &steps {
        for when in [When::Before, When::After] {
            let (world, task) = scene().await?;
            let proxy = Proxy::start(&world).await?;
            proxy.arm(&step.name, step.nth, proxy::Fault::Kill(when));
            let held = live(&world, &proxy, PLENTY).await?;
            deliver_again(&world, held).await?;
            recover(&world, &task).await?;
            expect_completed(&world, &task).await?;
            expect_account(&world, "ACTIVE", &format!("{step} {when:?}")).await?;
        }
    }
    Ok(())
}

/// The row says that the sync is due, so whether the message was sent does not matter.
#[tokio::test]
async fn callback_killed_at_any_step_leaves_no_sync_waiting_for_a_token_that_is_there() -> Result<()> {
    let (world, _) = paused().await?;
    let proxy = Proxy::start(&world).await?;
    let callback = world.consent(USER, SHOP, &Decision::APPROVE).await?;
    let base = world.context("douyin-auth-callback", &proxy.endpoints()).await?;
    assert_eq!(Box::pin(call(&base, &callback)).await?.status, 200);
    let mut woken = 0;
    for step in proxy.steps() {
        for when in [When::Before, When::After] {
            let (world, task) = paused().await?;
            let version = row(&world).await?["access_version"].clone();
            let callback = world.consent(USER, SHOP, &Decision::APPROVE).await?;
            let proxy = Proxy::start(&world).await?;
            let base = world.context("douyin-auth-callback", &proxy.endpoints()).await?;
            proxy.arm(&step.name, step.nth, proxy::Fault::Kill(when));
            tokio::select! {
                biased;
                () = proxy.died() => proxy.idle().await,
                answer = Box::pin(call(&base, &callback)) => bail!("{step}: answered {answer:?}"),
            }
            let is_bound = row(&world).await?["access_version"] != version;
            let is_waiting = world.progress(USER, &task).await?["waitsFor"] == "TOKEN";
            assert_eq!(is_bound, !is_waiting, "{step} {when:?}: half of it was done");
            if is_bound {
                woken += 1;
                // A message unseen for this long is taken for lost.
                world.advance(Duration::from_secs(31));
                world.sweep().await?;
            } else {
                world.authorize(USER, SHOP).await?;
            }
            world.drain().await?;
            expect_completed(&world, &task).await?;
        }
    }
    assert!(woken > 0, "no step came after the transaction");
    Ok(())
}

#[tokio::test]
async fn access_token_accepted_between_two_refusals_resets_the_count() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    for round in 1..=3 {
        world.sandbox.douyin().arm(refusals_on_the_second_page(2));
        let task = begin(&world, &account, "INCREMENTAL").await?;
        recover(&world, &task).await?;
        assert_eq!(world.progress(USER, &task).await?["status"], "COMPLETED", "round {round}");
        expect_account(&world, "ACTIVE", &format!("round {round}")).await?;
        world.advance(HOUR);
    }
    Ok(())
}

#[tokio::test]
async fn access_token_refusal_is_not_counted_against_the_next_token() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    world.sandbox.douyin().arm(refusals_on_the_second_page(2));
    let task = begin(&world, &account, "INCREMENTAL").await?;
    world.drain().await?;
    // The one that was refused runs out for good; the one after it meets a refusal of its own.
    world.sandbox.douyin().expire_access_token(SHOP);
    world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, EXPIRED).after(1).times(1));
    recover(&world, &task).await?;
    assert_eq!(world.progress(USER, &task).await?["status"], "COMPLETED");
    expect_account(&world, "ACTIVE", "in the end").await
}

#[tokio::test]
async fn token_keeper_with_one_refused_refresh_tries_again_later() -> Result<()> {
    let (world, _) = shop(32, 3).await?;
    world.advance(DAY * 13);
    for code in [10_008, 2_190_002, EXPIRED, 28_001_003, 28_001_008] {
        world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, code));
        world.keep_tokens().await?;
        expect_account(&world, "ACTIVE", &format!("after {code}")).await?;
        world.advance(HOUR * 2);
        world.keep_tokens().await?;
        let row = row(&world).await?;
        assert!(row["expire_time"].parse::<i64>()? > (world.clock.now() + DAY * 14).as_second(), "{code}: {row:?}");
        world.advance(DAY * 13);
    }
    Ok(())
}

#[tokio::test]
async fn token_refresh_refused_again_later_expires_the_account() -> Result<()> {
    let (world, _) = shop(33, 3).await?;
    world.advance(DAY * 13);
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, EXPIRED).permanent());
    // Within a minute it is the same incident, whoever asks.
    for _ in 0..2 {
        world.keep_tokens().await?;
        expect_account(&world, "ACTIVE", "after the first refusal").await?;
        world.advance(Duration::from_secs(20));
    }
    world.advance(HOUR * 2);
    world.keep_tokens().await?;
    expect_account(&world, "EXPIRED", "after the second refusal").await
}

#[tokio::test]
async fn fan_sync_with_one_refused_refresh_goes_on_later() -> Result<()> {
    let (world, account) = Story::Straight.scene().await?;
    world.sandbox.douyin().arm(Fault::new(Endpoint::FansList, Effect::ExpireToken).on_page(2));
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, EXPIRED));
    let task = begin(&world, &account, "INCREMENTAL").await?;
    world.drain().await?;
    expect_account(&world, "ACTIVE", "after the refused refresh").await?;
    recover(&world, &task).await?;
    expect_completed(&world, &task).await?;
    expect_account(&world, "ACTIVE", "in the end").await
}

#[tokio::test]
async fn token_refresh_with_the_refresh_token_expired_expires_the_account_at_once() -> Result<()> {
    // The keeper hears it.
    let (world, _) = shop(34, 3).await?;
    world.advance(DAY * 13);
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, REFRESH_TOKEN_DEAD));
    world.keep_tokens().await?;
    expect_account(&world, "EXPIRED", "kept").await?;

    // A sync hears it.
    let (world, account) = Story::Straight.scene().await?;
    world.sandbox.douyin().arm(Fault::new(Endpoint::FansList, Effect::Revoke).on_page(2));
    let task = begin(&world, &account, "INCREMENTAL").await?;
    world.drain().await?;
    assert_eq!(world.progress(USER, &task).await?["status"], "FAILED");
    expect_account(&world, "EXPIRED", "synced").await
}

/// The versions of a row begin anew when it is deleted and made again.
#[tokio::test]
async fn token_refusal_of_a_deleted_account_does_not_expire_its_successor() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account(SHOP, 1);
    world.authorize(USER, SHOP).await?;
    world.advance(DAY * 13);
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, REFRESH_TOKEN_DEAD));
    let proxy = Proxy::start(&world).await?;
    let gate = proxy.hold("oauth/refresh_token", 1);
    let app = douyin_token_keeper::App::new(&world.context("douyin-token-keeper", &proxy.endpoints()).await?).await?;
    let meanwhile = async {
        gate.reached().await;
        let delete = Event::sample("douyin-account-delete")?.path("douyinUserId", &shop);
        let answer = world.call_as(USER, delete).await?;
        world.authorize(USER, SHOP).await?;
        gate.open();
        anyhow::Ok(answer.status)
    };
    let (_, deleted) = futures::join!(douyin_token_keeper::handle(&app, world.deadline()), meanwhile);
    assert_eq!(deleted?, 200);
    expect_account(&world, "ACTIVE", "after the refusal of the former token").await
}
