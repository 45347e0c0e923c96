//! Row 8, `unauthorize`: an event that comes late, twice, without an id or at a bad moment. Douyin promises neither
//! order nor a single delivery, and gives up after three attempts.

use anyhow::{Context, Result};
use futures::FutureExt;
use sandbox::douyin::{Decision, Effect, Endpoint, Fault, SignedWebhook, WebhookEvent, signature};
use serde_json::{Value, json};

use crate::contract::{USER, assert_enveloped};
use crate::tables::Row;
use crate::{Answer, Event, World};

async fn deliver(world: &World, message: &SignedWebhook, message_id: Option<&str>) -> Result<Answer> {
    let event = Event::sample("douyin-webhook")?.header("x-douyin-signature", &message.signature).body(&message.body);
    let event = match message_id {
        None => event.without_header("msg-id"),
        Some(id) => event.header("msg-id", id),
    };
    world.call(&event).await
}

/// The app's own signature over a body of the test's making.
async fn deliver_body(world: &World, body: &Value, is_signed: bool) -> Result<Answer> {
    let body = body.to_string();
    let event = Event::sample("douyin-webhook")?.header("msg-id", "0001").body(&body);
    let secret = world.sandbox.douyin().client_secret();
    world
        .call(&match is_signed {
            true => event.header("x-douyin-signature", &signature(&secret, body.as_bytes())),
            false => event.without_header("x-douyin-signature"),
        })
        .await
}

fn revoke(world: &World, account: &str) -> SignedWebhook {
    world.sandbox.douyin().revoke_quietly(account).unwrap()
}

async fn row(world: &World, account: &str) -> Result<Row> {
    let rows = world.rows("t_douyin_auth").await?;
    rows.into_iter().find(|row| row["douyin_user_id"] == account).context("no such account")
}

async fn assert_dropped(world: &World, account: &str, what: &str) -> Result<()> {
    let row = row(world, account).await?;
    assert_eq!(row["status"], "REVOKED", "{what}");
    assert!(!row.contains_key("access_token") && !row.contains_key("refresh_token"), "{what}: tokens were kept");
    Ok(())
}

async fn assert_kept(world: &World, account: &str, what: &str) -> Result<()> {
    let row = row(world, account).await?;
    assert_eq!(row["status"], "ACTIVE", "{what}");
    assert!(row.contains_key("access_token") && row.contains_key("refresh_token"), "{what}: tokens were dropped");
    Ok(())
}

#[tokio::test]
async fn revocation_that_arrives_after_a_new_authorisation_changes_nothing() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 5);
    world.authorize(USER, "shop").await?;
    let old = revoke(&world, "shop");
    world.authorize(USER, "shop").await?;
    let task = world.request_sync(USER, &shop, "FULL").await?.data()["taskId"].as_str().unwrap().to_owned();
    let before = world.snapshot().await?;
    for _ in 0..3 {
        assert_enveloped(&deliver(&world, &old, Some(&old.message_id)).await?, 200, &json!(null));
        world.snapshot().await?.assert_unchanged_since(&before, "an old revocation");
    }
    world.drain().await?;
    assert_eq!(world.progress(USER, &task).await?["status"], "COMPLETED");

    // The next one is meant.
    let message = revoke(&world, "shop");
    assert_enveloped(&deliver(&world, &message, Some(&message.message_id)).await?, 200, &json!(null));
    assert_dropped(&world, &shop, "the new revocation").await
}

/// The profile may not be asked for, which says nothing about the token.
#[tokio::test]
async fn revocation_that_is_late_for_an_account_without_a_profile_is_checked_first() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 5);
    world.authorize(USER, "shop").await?;
    let old = revoke(&world, "shop");
    let decision = Decision { approve: true, untick: vec!["user_info".to_owned()] };
    let callback = world.consent(USER, "shop", &decision).await?;
    assert_eq!(world.call(&callback).await?.status, 200);
    assert_enveloped(&deliver(&world, &old, Some(&old.message_id)).await?, 200, &json!(null));
    assert_kept(&world, &shop, "an old revocation").await
}

#[tokio::test]
async fn revocation_that_cannot_be_checked_is_refused_and_applied_when_repeated() -> Result<()> {
    for effect in [
        Effect::Http { status: 500 },
        Effect::NotJson,
        Effect::Drop,
        Effect::Code { code: 2_100_004 },
        Effect::Code { code: 28_003_018 },
        Effect::Code { code: 28_003_017 },
        Effect::Code { code: 77_777_777 },
    ] {
        let world = World::start().await?;
        let shop = world.douyin_account("shop", 1);
        world.authorize(USER, "shop").await?;
        let message = revoke(&world, "shop");
        world.sandbox.douyin().arm(Fault::new(Endpoint::UserInfo, effect));
        let before = world.snapshot().await?;
        let answer = deliver(&world, &message, Some(&message.message_id)).await?;
        assert_eq!((answer.status, answer.error_type()), (500, "DOUYIN_API_ERROR"), "{effect:?}: {answer:?}");
        world.snapshot().await?.assert_unchanged_since(&before, "a revocation that could not be checked");
        assert_eq!(deliver(&world, &message, Some(&message.message_id)).await?.status, 200, "{effect:?}");
        assert_dropped(&world, &shop, &format!("{effect:?}")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn revocation_without_a_message_id_is_always_applied() -> Result<()> {
    for id in [None, Some(""), Some(" ")] {
        let world = World::start().await?;
        for name in ["shop", "branch"] {
            let account = world.douyin_account(name, 1);
            world.authorize(USER, name).await?;
            let message = revoke(&world, name);
            assert_eq!(deliver(&world, &message, id).await?.status, 200);
            assert_dropped(&world, &account, &format!("{name} by {id:?}")).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn revocation_with_a_message_id_seen_before_is_applied() -> Result<()> {
    let world = World::start().await?;
    let long = "0".repeat(3_000);
    for id in ["0001", &long] {
        for name in ["shop", "branch"] {
            let account = world.douyin_account(name, 1);
            // Before and after a new authorisation.
            for round in 1..=2 {
                world.authorize(USER, name).await?;
                let message = revoke(&world, name);
                assert_eq!(deliver(&world, &message, Some(id)).await?.status, 200, "round {round} of {name}");
                assert_dropped(&world, &account, &format!("round {round} of {name}")).await?;
            }
            // An account that was let go begins anew, its versions with it.
            world.authorize(USER, name).await?;
            let delete = Event::sample("douyin-account-delete")?.path("douyinUserId", &account);
            assert_eq!(world.call_as(USER, delete).await?.status, 200);
            world.authorize(USER, name).await?;
            let message = revoke(&world, name);
            assert_eq!(deliver(&world, &message, Some(id)).await?.status, 200);
            assert_dropped(&world, &account, &format!("{name} after it was let go")).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn revocation_of_an_expired_account_destroys_its_tokens() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 1);
    world.authorize(USER, "shop").await?;
    world.advance(std::time::Duration::from_secs(13 * 86_400));
    world.sandbox.douyin().arm(Fault::code(Endpoint::RefreshToken, 10_010));
    world.keep_tokens().await?;
    assert_eq!(row(&world, &shop).await?["status"], "EXPIRED");
    let message = revoke(&world, "shop");
    for _ in 0..2 {
        assert_eq!(deliver(&world, &message, Some(&message.message_id)).await?.status, 200);
        assert_dropped(&world, &shop, "expired").await?;
    }
    Ok(())
}

#[tokio::test]
async fn revocation_during_a_token_refresh_is_not_lost() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 1);
    world.authorize(USER, "shop").await?;
    world.advance(std::time::Duration::from_secs(13 * 86_400));
    let proxy = crate::proxy::Proxy::start(&world).await?;
    let gate = proxy.hold("oauth/userinfo", 1);
    let message = revoke(&world, "shop");
    let event = Event::sample("douyin-webhook")?
        .header("x-douyin-signature", &message.signature)
        .header("msg-id", &message.message_id)
        .body(&message.body);
    let base = world.context(&event.function, &proxy.endpoints()).await?;
    let meanwhile = async {
        gate.reached().await;
        // The user authorises anew while the old token is being asked about.
        world.authorize(USER, "shop").await?;
        gate.open();
        anyhow::Ok(())
    };
    let (mut call, mut meanwhile) = (crate::call::call(&base, &event).boxed_local(), meanwhile.boxed_local());
    tokio::select! {
        done = &mut meanwhile => done?,
        _ = &mut call => anyhow::bail!("the stored token was not asked about"),
    }
    assert_eq!(call.await?.status, 200);
    assert_kept(&world, &shop, "authorised during the check").await
}

#[tokio::test]
async fn webhook_address_check_of_the_documentation_gets_its_challenge() -> Result<()> {
    let world = World::start().await?;
    let own = world.sandbox.douyin().client_key().to_owned();
    for is_signed in [true, false] {
        for client_key in ["", &own] {
            let body = json!({"event": "verify_webhook", "client_key": client_key, "content": {"challenge": 12345}});
            let answer = deliver_body(&world, &body, is_signed).await?;
            assert_eq!((answer.status, &answer.body), (200, &json!({"challenge": 12345})), "{body} {is_signed}");
        }
        let body = json!({"event": "verify_webhook", "content": {"challenge": "a b"}});
        assert_eq!(deliver_body(&world, &body, is_signed).await?.body, json!({"challenge": "a b"}), "{is_signed}");
        let foreign = json!({"event": "verify_webhook", "client_key": "another", "content": {"challenge": 12345}});
        assert_enveloped(&deliver_body(&world, &foreign, is_signed).await?, 200, &json!(null));
    }
    Ok(())
}

#[tokio::test]
async fn revocation_without_a_client_key_is_applied_when_signed() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 1);
    world.authorize(USER, "shop").await?;
    revoke(&world, "shop");
    let body = json!({"event": "unauthorize", "client_key": "", "from_user_id": shop, "content": {"scopes": []}});
    assert_eq!(deliver_body(&world, &body, false).await?.status, 401, "without a signature it is nobody's");
    assert_kept(&world, &shop, "unsigned").await?;
    let mut foreign = body.clone();
    foreign["client_key"] = "another".into();
    assert_eq!(deliver_body(&world, &foreign, true).await?.status, 200);
    assert_kept(&world, &shop, "another app's").await?;
    assert_eq!(deliver_body(&world, &body, true).await?.status, 200);
    assert_dropped(&world, &shop, "signed").await
}

#[tokio::test]
async fn webhook_event_without_a_user_or_with_a_lone_surrogate_is_accepted() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 1);
    world.authorize(USER, "shop").await?;
    let before = world.snapshot().await?;
    for event in ["unauthorize", "authorize", "new_follow_action"] {
        let event =
            WebhookEvent { event: event.to_owned(), message_id: Some(String::new()), ..WebhookEvent::default() };
        let message = world.sandbox.douyin().signed_webhook(&event);
        assert_enveloped(&deliver(&world, &message, Some(&message.message_id)).await?, 200, &json!(null));
    }
    for nobody in [json!({"from_user_id": ""}), json!({"from_user_id": null}), json!({})] {
        let mut body = json!({"event": "unauthorize", "client_key": "", "content": {"scopes": []}});
        body.as_object_mut().unwrap().extend(nobody.as_object().unwrap().clone());
        assert_eq!(deliver_body(&world, &body, true).await?.status, 200, "{body}");
    }
    world.snapshot().await?.assert_unchanged_since(&before, "events that name nobody");

    revoke(&world, "shop");
    let body = format!(r#"{{"event":"unauthorize","from_user_id":"{shop}","content":{{"by":"小\ud83d"}}}}"#);
    let secret = world.sandbox.douyin().client_secret();
    let signed = signature(&secret, body.as_bytes());
    let event = Event::sample("douyin-webhook")?.header("x-douyin-signature", &signed).body(&body);
    assert_eq!(world.call(&event).await?.status, 200);
    assert_dropped(&world, &shop, "with half an emoji in it").await
}
