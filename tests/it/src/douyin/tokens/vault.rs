//! Tokens: encrypted where they lie, alive as long as Douyin allows, and never in a log line.

use std::time::Duration;

use anyhow::Result;
use kernel::ids::UserId;
use kernel::vault::{EncryptionContext, Vault};
use sandbox::douyin::{Effect, Endpoint, Fault};
use serde_json::json;
use tracing::instrument::WithSubscriber;

use crate::logged::Logged;
use crate::{Browser, Event, World};

const USER: u64 = 1001;
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn stored_tokens_are_ciphertext_of_their_row_alone() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 1);
    world.douyin_account("other", 1);
    let (shop, other) = (world.authorize(USER, "shop").await?, world.authorize(USER, "other").await?);
    let rows = world.rows("t_douyin_auth").await?;
    let secrets = world.sandbox.secrets();
    let table = format!("{rows:?}");
    assert!(!secrets.found_in(&table).iter().any(|(kind, _)| *kind == "token"), "a token lies open in the table");

    let key = world.stack.environment()["TOKEN_KEY_ID"].clone();
    let vault = Vault::new(world.aws.kms.clone(), key);
    let user_id = UserId::new(USER).unwrap();
    let row = rows.iter().find(|row| row["douyin_user_id"] == shop).unwrap();
    let place = |account, user_id| EncryptionContext { table: "t_douyin_auth", user_id, account_id: account };
    for column in ["access_token", "refresh_token"] {
        assert!(vault.decrypt(place(&shop, user_id), &row[column]).await.is_ok());
        assert!(
            vault.decrypt(place(&other, user_id), &row[column]).await.is_err(),
            "{column} in another account's row"
        );
        let stranger = UserId::new(USER + 1).unwrap();
        assert!(vault.decrypt(place(&shop, stranger), &row[column]).await.is_err(), "{column} in another user's row");
    }
    Ok(())
}

/// 30 days and five renewals of 30: the keeper gets all of it, and the user is told the end from the first day.
#[tokio::test]
async fn token_keeper_keeps_an_account_active_until_its_reauthorize_date() -> Result<()> {
    let world = World::start().await?;
    world.sandbox.douyin().change_app(|app| {
        app.scopes.insert("renew_refresh_token".to_owned());
    });
    world.douyin_account("shop", 3);
    let shop = world.authorize(USER, "shop").await?;
    let account = async || -> Result<serde_json::Value> {
        Ok(world.call_as(USER, Event::sample("douyin-accounts")?).await?.data()[0].clone())
    };
    let promised: jiff::Timestamp = account().await?["reauthorizeBy"].as_str().unwrap().parse()?;
    let mut days = 0;
    while world.clock.now() + jiff::SignedDuration::from_hours(25) < promised {
        world.advance(DAY);
        days += 1;
        world.keep_tokens().await?;
        assert_eq!(account().await?["status"], "ACTIVE", "on day {days}");
    }
    assert!(days >= 140, "promised only {days} days");
    assert_eq!(world.sync(USER, &shop, "INCREMENTAL").await?["status"], "COMPLETED", "still of use on day {days}");
    assert!(world.sandbox.douyin().grants("shop")[0].renewals == 5, "all renewals were used");
    let promises = world.sandbox.journal().violations();
    assert!(promises.is_empty(), "{promises:?}");

    // Nothing more can be done: Douyin says so, and only then is the account EXPIRED.
    for _ in 0..60 {
        world.advance(DAY);
        world.keep_tokens().await?;
    }
    assert_eq!(account().await?["status"], "EXPIRED");
    let answer = world.request_sync(USER, &shop, "INCREMENTAL").await?;
    assert_eq!((answer.status, answer.error_type()), (400, "DOUYIN_AUTH_ERROR"));
    world.authorize(USER, "shop").await?;
    assert_eq!(account().await?["status"], "ACTIVE", "authorised anew");
    world.expect_empty_queues().await
}

/// What proves nothing changes nothing; a lost answer to a renewal costs the renewals, not the account.
#[tokio::test]
async fn account_is_expired_only_by_douyins_own_answer() -> Result<()> {
    let world = World::start().await?;
    world.sandbox.douyin().change_app(|app| {
        app.scopes.insert("renew_refresh_token".to_owned());
    });
    world.douyin_account("shop", 3);
    let shop = world.authorize(USER, "shop").await?;
    let status = async || -> Result<serde_json::Value> {
        Ok(world.call_as(USER, Event::sample("douyin-accounts")?).await?.data()[0]["status"].clone())
    };
    world.advance(DAY * 13);
    for effect in [Effect::Http { status: 502 }, Effect::NotJson, Effect::Drop, Effect::EmptyTokens] {
        world.sandbox.douyin().arm(Fault::new(Endpoint::RefreshToken, effect));
        world.keep_tokens().await?;
        assert_eq!(status().await?, "ACTIVE", "after {effect:?}");
        world.advance(Duration::from_secs(2 * 3_600));
    }
    world.keep_tokens().await?;
    let refreshed = world.sandbox.journal().of("oauth/refresh_token").len();
    assert_eq!(refreshed, 5, "four failures and the one that worked");

    world.advance(DAY * 11);
    world.sandbox.douyin().arm(Fault::lost_answer(Endpoint::RenewRefreshToken));
    world.keep_tokens().await?;
    world.advance(Duration::from_secs(2 * 3_600));
    world.keep_tokens().await?;
    assert_eq!(status().await?, "ACTIVE", "the access token lives on");
    assert_eq!(world.sync(USER, &shop, "INCREMENTAL").await?["status"], "COMPLETED");
    Ok(())
}

/// Everything the functions log at DEBUG, in the production format, over the whole story.
#[tokio::test]
async fn log_lines_hold_no_secret_and_no_nickname() -> Result<()> {
    let log = Logged::default();
    let (secrets, handed_out) = story().with_subscriber(log.subscriber()).await?;
    let text = log.text();
    assert!(text.lines().count() > 20, "the story was logged:\n{text}");
    let leaks = secrets.found_in(&text);
    assert!(leaks.is_empty(), "{leaks:?}");
    let known = [crate::world::JWT_SECRET, "Bearer ", "秘密备注"];
    for secret in known.into_iter().chain(handed_out.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "{secret} was logged");
    }
    Ok(())
}

/// Answers what the platforms know, and the cookie and tickets that we handed out.
async fn story() -> Result<(sandbox::Secrets, Vec<String>)> {
    let world = World::start().await?;
    world.douyin_account("shop", 45);
    let mut browser = Browser::default();
    let page = "http://127.0.0.1:9000/lead/douyin";
    browser.authorizes(&world, USER, "shop", Some(page)).await?;
    let cookie = browser.cookie.as_deref().and_then(|cookie| cookie.split_once('=')).unwrap().1.to_owned();
    let (ticket, others) =
        (Browser::parks(&world, USER, "shop", page).await?, Browser::parks(&world, USER, "shop", page).await?);
    world.confirm(USER, &ticket).await?;
    world.confirm(USER + 1, &others).await?;
    world.drain().await?;
    let shop = world.authorize(USER, "shop").await?;
    world.sandbox.douyin().arm(Fault::new(Endpoint::FansList, Effect::ExpireToken).on_page(2));
    world.sync(USER, &shop, "FULL").await?;
    let nickname = world.leads(USER, &[]).await?.data()["records"][0]["nickname"].as_str().unwrap_or("x").to_owned();
    world.leads(USER, &[("keyword", &nickname)]).await?;
    let edit = Event::sample("douyin-lead-update")?.path("leadId", "1");
    world.call_as(USER, edit.json(&json!({"notes": "秘密备注"}))).await?;
    world
        .call_as(USER, Event::sample("douyin-lead-update")?.path("leadId", "1").json(&json!({"notez": nickname})))
        .await?;
    world.sandbox.douyin().arm(Fault::code(Endpoint::AccessToken, 10_007));
    let denied = world.consent(USER, "shop", &sandbox::douyin::Decision::APPROVE).await?;
    world.call(&denied).await?;
    world.put_message("{\"taskId\": \"poison\"}").await?;
    world.drain().await?;
    let webhook = world.sandbox.douyin().revoke_quietly("shop");
    assert!(webhook.is_some());
    world.request_sync(USER, &shop, "FULL").await?;
    world.drain().await?;
    world.keep_tokens().await?;
    Ok((world.sandbox.secrets(), vec![cookie, ticket, others]))
}
