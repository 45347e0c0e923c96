//! A fresh consent for an account that is ACTIVE for another tenant: Douyin is asked whether that one's tokens still work,
//! and asked again a minute later, because the consent itself may have killed them.

use std::time::Duration;

use anyhow::{Context, Result};
use sandbox::douyin::{Decision, Effect, Endpoint, Fault};
use serde_json::json;

use super::{PAGE, accounts, opens, unchallenged};
use crate::snapshot::ExpectedError;
use crate::{Answer, Browser, Event, World};

const HOLDER: u64 = 88_101;
const OWNER: u64 = 88_102;
const BOUND: ExpectedError<'_> = ExpectedError::new(400, "DOUYIN_AUTH_ERROR").saying("该抖音账号已绑定其他存客宝用户");

async fn consent(world: &World) -> Result<Answer> {
    world.call(&world.consent(OWNER, "shop", &Decision::APPROVE).await?).await
}

async fn held() -> Result<(World, String)> {
    let world = World::start().await?;
    world.keep_the_clock();
    let shop = world.douyin_account("shop", 50);
    world.authorize(HOLDER, "shop").await?;
    Ok((world, shop))
}

#[tokio::test]
async fn active_account_whose_tokens_douyin_refuses_is_taken_over_at_once() -> Result<()> {
    for confirms in [false, true] {
        let (world, shop) = held().await?;
        let past_midnight = world.clock.now().as_second().rem_euclid(86_400);
        world.advance(Duration::from_secs(u64::try_from(86_400 + 3_600 - past_midnight)?));
        // A sync of the holder waits for the quota when the owner withdraws all at Douyin, which we are not told.
        world.sandbox.douyin().arm(Fault::code(Endpoint::FansList, 28_003_017).on_page(2));
        let waiting = world.sync(HOLDER, &shop, "INCREMENTAL").await?;
        world.sandbox.douyin().revoke_quietly("shop").context("no shop")?;
        let before = world.rows("t_douyin_auth").await?.remove(0);
        if confirms {
            let ticket = Browser::parks(&world, OWNER, "shop", PAGE).await?;
            assert_eq!(world.confirm(OWNER, &ticket).await?.status, 200);
        } else {
            assert_eq!(consent(&world).await?.status, 200);
        }
        assert_eq!((accounts(&world, OWNER).await?, accounts(&world, HOLDER).await?), (vec![shop.clone()], vec![]));
        let row = world.rows("t_douyin_auth").await?.remove(0);
        assert!(opens(&world, &row, "t_douyin_auth", OWNER).await, "the holder's tokens are gone with the same write");
        assert!(row["access_token"] != before["access_token"] && row["refresh_token"] != before["refresh_token"]);
        let ended = world.progress(HOLDER, waiting["taskId"].as_str().context("no task")?).await?;
        assert_eq!(ended["status"], "FAILED");
        let said = ended["error"]["message"].as_str().context("no message")?;
        assert!(said.contains("已由其他存客宝用户重新授权"), "{said}");
    }
    Ok(())
}

/// A platform whose new grant kills the former one.
#[tokio::test]
async fn account_whose_tokens_the_new_consent_kills_at_once_is_taken_over() -> Result<()> {
    let (world, shop) = held().await?;
    world.sandbox.douyin().configure(|settings| settings.reauthorization_voids_tokens = true);
    assert_eq!(consent(&world).await?.status, 200);
    assert_eq!((accounts(&world, OWNER).await?, accounts(&world, HOLDER).await?), (vec![shop], vec![]));
    Ok(())
}

/// The same, a little later: the new grant is dropped by then, but the account is not lost to both.
#[tokio::test]
async fn account_whose_tokens_the_new_consent_kills_later_is_told_and_can_be_taken_over() -> Result<()> {
    let (world, shop) = held().await?;
    world.sandbox.douyin().configure(|settings| {
        settings.reauthorization_voids_tokens = true;
        settings.reauthorization_voids_after_seconds = 30;
    });
    BOUND.check("they still work", &consent(&world).await?);
    world.keep_tokens().await?;
    assert_eq!(world.rows("t_douyin_auth").await?[0]["status"], "ACTIVE", "it is not asked before a minute is over");
    world.advance(Duration::from_secs(61));
    world.keep_tokens().await?;

    let row = world.rows("t_douyin_auth").await?.remove(0);
    assert_eq!((&*row["status"], &*row["expired_reason"]), ("EXPIRED", "SUPERSEDED"));
    let told = world.call_as(HOLDER, Event::sample("douyin-accounts")?).await?.data()[0]["statusReason"].clone();
    assert_eq!(told["recovers"], false);
    let said = told["message"].as_str().context("no message")?;
    assert!(said.contains("已由其他存客宝用户重新授权"), "{told}");
    assert_eq!(consent(&world).await?.status, 200, "free for whoever has the account");
    assert_eq!((accounts(&world, OWNER).await?, accounts(&world, HOLDER).await?), (vec![shop], vec![]));
    Ok(())
}

#[tokio::test]
async fn account_whose_tokens_live_on_stays_where_it_is() -> Result<()> {
    let (world, shop) = held().await?;
    let before = unchallenged(world.rows("t_douyin_auth").await?);
    BOUND.check("they work", &consent(&world).await?);
    assert!(unchallenged(world.rows("t_douyin_auth").await?) == before, "the account was touched");
    for minutes in [2, 10, 10] {
        world.advance(Duration::from_secs(60 * minutes));
        world.keep_tokens().await?;
    }
    assert!(world.rows("t_douyin_auth").await?.iter().all(|row| !row.contains_key("challenged_at")));
    assert!(unchallenged(world.rows("t_douyin_auth").await?) == before);
    // Once for the consent, once a minute later; and once for the holder's own profile.
    assert_eq!(world.sandbox.journal().of("oauth/userinfo").len(), 3);
    assert_eq!(accounts(&world, HOLDER).await?, [shop]);
    Ok(())
}

/// A trial that proves nothing frees nothing.
#[tokio::test]
async fn account_whose_tokens_cannot_be_tried_stays_where_it_is_and_is_tried_again() -> Result<()> {
    for effect in [Effect::Http { status: 502 }, Effect::Drop, Effect::Code { code: 2_100_004 }] {
        let (world, shop) = held().await?;
        world.sandbox.douyin().arm(Fault::new(Endpoint::UserInfo, effect).times(2));
        BOUND.check("no answer", &consent(&world).await?);
        for _ in 0..3 {
            world.advance(Duration::from_secs(301));
            world.keep_tokens().await?;
        }
        let row = world.rows("t_douyin_auth").await?.remove(0);
        assert!(row["status"] == "ACTIVE" && !row.contains_key("challenged_at"), "{effect:?}: {row:?}");
        assert_eq!(accounts(&world, HOLDER).await?, [shop], "{effect:?}");
    }
    Ok(())
}

/// A challenge that nobody can decide does not keep the tokens from being refreshed.
#[tokio::test]
async fn challenged_account_that_cannot_be_tried_for_days_is_kept_alive() -> Result<()> {
    let (world, _) = held().await?;
    world.sandbox.douyin().arm(Fault::code(Endpoint::UserInfo, 28_001_018).permanent());
    world.advance(Duration::from_secs(86_400 * 23 / 2));
    BOUND.check("no answer", &consent(&world).await?);
    for _ in 0..4 {
        world.advance(Duration::from_secs(86_400 / 2));
        world.keep_tokens().await?;
    }
    let row = world.rows("t_douyin_auth").await?.remove(0);
    let expire_time: i64 = row["expire_time"].parse()?;
    assert!(row["status"] == "ACTIVE" && expire_time > world.clock.now().as_second() + 13 * 86_400, "{row:?}");
    assert!(!row.contains_key("challenged_at"), "after a day it is over");
    Ok(())
}

/// An access token that is over says nothing about the authorisation; its refresh token does.
#[tokio::test]
async fn account_whose_access_token_is_only_over_is_not_taken_over() -> Result<()> {
    let (world, shop) = held().await?;
    // Nobody kept it for sixteen days.
    world.advance(Duration::from_secs(16 * 86_400));
    BOUND.check("its refresh token works", &consent(&world).await?);
    world.advance(Duration::from_secs(61));
    world.keep_tokens().await?;
    assert_eq!(world.sync(HOLDER, &shop, "INCREMENTAL").await?["status"], json!("COMPLETED"));
    Ok(())
}
