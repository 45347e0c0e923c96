//! Row 8: the platform's events.

use anyhow::Result;
use sandbox::douyin::{SignedWebhook, WebhookEvent};
use serde_json::json;

use crate::contract::{USER, assert_enveloped};
use crate::{Answer, Event, World};

async fn deliver(world: &World, message: &SignedWebhook) -> Result<Answer> {
    let event = Event::sample("douyin-webhook")?
        .header("x-douyin-signature", &message.signature)
        .header("msg-id", &message.message_id)
        .body(&message.body);
    world.call(&event).await
}

#[tokio::test]
async fn webhook_address_check_gets_its_challenge_in_its_own_type() -> Result<()> {
    let world = World::start().await?;
    for challenge in [json!(12345), json!("12345")] {
        let event = WebhookEvent {
            event: "verify_webhook".to_owned(),
            content: Some(json!({ "challenge": challenge })),
            ..WebhookEvent::default()
        };
        let message = world.sandbox.douyin().signed_webhook(&event);
        let answer = deliver(&world, &message).await?;
        assert_eq!(
            (answer.status, &answer.body),
            (200, &json!({ "challenge": challenge })),
            "exactly this, no envelope"
        );
    }
    Ok(())
}

#[tokio::test]
async fn webhook_of_a_revocation_destroys_the_tokens_once() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 5);
    world.authorize(USER, "shop").await?;
    let task = world.request_sync(USER, &shop, "FULL").await?.data()["taskId"].as_str().unwrap().to_owned();
    let message = world.sandbox.douyin().revoke_quietly("shop").unwrap();
    assert_enveloped(&deliver(&world, &message).await?, 200, &json!(null));

    let row = world.rows("t_douyin_auth").await?.remove(0);
    assert_eq!(row["status"], "REVOKED");
    for token in ["access_token", "refresh_token", "active_sync_task_id"] {
        assert!(!row.contains_key(token), "{token} was kept");
    }
    let ended = world.progress(USER, &task).await?;
    assert_eq!((&ended["status"], &ended["error"]["type"]), (&json!("FAILED"), &json!("DOUYIN_AUTH_ERROR")));

    // The platform delivers at least once. What was authorised since must survive a repetition.
    world.authorize(USER, "shop").await?;
    let before = world.snapshot().await?;
    assert_enveloped(&deliver(&world, &message).await?, 200, &json!(null));
    world.snapshot().await?.assert_unchanged_since(&before, "a repeated delivery");
    world.drain().await?;
    assert_eq!(world.sync(USER, &shop, "INCREMENTAL").await?["status"], "COMPLETED");
    world.expect_empty_queues().await
}

#[tokio::test]
async fn webhook_event_that_needs_no_action_is_recorded() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    world.authorize(USER, "shop").await?;
    let before = world.snapshot().await?;
    for name in ["authorize", "new_follow_action", "im_receive_msg", "an_event_of_tomorrow"] {
        let event =
            WebhookEvent { event: name.to_owned(), account: Some("shop".to_owned()), ..WebhookEvent::default() };
        let message = world.sandbox.douyin().signed_webhook(&event);
        assert_enveloped(&deliver(&world, &message).await?, 200, &json!(null));
    }
    world.snapshot().await?.assert_unchanged_since(&before, "events without action");
    Ok(())
}
