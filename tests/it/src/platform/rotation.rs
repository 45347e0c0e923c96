//! A secret is changed while functions run: nobody is locked out, and nothing has to be deployed.

use std::time::Duration;

use anyhow::Result;
use functions::http::dispatch;
use functions::routes::{douyin_auth_callback, douyin_leads, douyin_webhook, gateway_webhook};
use jiff::SignedDuration;
use sandbox::douyin::{Decision, WebhookEvent, signature};
use serde_json::{Value, json};

use crate::world::{EndpointOverrides, GATEWAY_WEBHOOK_SECRET, JWT_SECRET};
use crate::{Answer, Browser, Event, World};

const USER: u64 = 6101;
const NEW: &str = "another-secret-for-tests-that-is-long-enough";

/// Secrets Manager holds what it held, with these changes.
async fn rotate(world: &World, changes: &Value) -> Result<()> {
    let id = world.stack.environment()["PLATFORM_SECRET_ID"].clone();
    let held = world.aws.secrets.get_secret_value().secret_id(&id).send().await?.secret_string.unwrap_or_default();
    let mut secret: Value = serde_json::from_str(&held)?;
    for (name, value) in changes.as_object().into_iter().flatten() {
        secret[name] = value.clone();
    }
    world.aws.secrets.put_secret_value().secret_id(&id).secret_string(secret.to_string()).send().await?;
    // It is read at most every 30 seconds.
    world.advance(Duration::from_secs(31));
    Ok(())
}

#[tokio::test]
async fn rotation_of_the_jwt_secret_accepts_new_and_previous_tokens_in_a_running_function() -> Result<()> {
    let world = World::start().await?;
    let app = douyin_leads::App::new(&world.context("douyin-leads", &EndpointOverrides::default()).await?).await?;
    let asked = async |secret: &str| {
        let token = local::token::issue(secret, USER, &["*".to_owned()], SignedDuration::from_hours(24))?;
        let request = Event::sample("douyin-leads")?.query(&[]).bearer(&token).request()?;
        anyhow::Ok(dispatch(&app, douyin_leads::handle, request).await.status().as_u16())
    };
    assert_eq!((asked(JWT_SECRET).await?, asked(NEW).await?), (200, 401));
    rotate(&world, &json!({ "jwtSecret": NEW, "jwtPreviousSecret": JWT_SECRET })).await?;
    assert_eq!((asked(NEW).await?, asked(JWT_SECRET).await?), (200, 200));
    rotate(&world, &json!({ "jwtPreviousSecret": "" })).await?;
    world.advance(Duration::from_secs(300));
    assert_eq!((asked(NEW).await?, asked(JWT_SECRET).await?), (200, 401));
    Ok(())
}

#[tokio::test]
async fn rotation_of_the_app_secret_is_read_by_a_running_callback() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 1);
    let app =
        douyin_auth_callback::App::new(&world.context("douyin-auth-callback", &EndpointOverrides::default()).await?)
            .await?;
    world.sandbox.douyin().change_app(|app| app.client_secret = NEW.to_owned());
    rotate(&world, &json!({ "douyinClientSecret": NEW })).await?;
    let mut browser = Browser::default();
    let link = browser.link(&world, USER, None).await?;
    let callback = browser.consents(&world, &link, "shop", &Decision::APPROVE)?;
    let answer = Answer::new(dispatch(&app, douyin_auth_callback::handle, callback.request()?).await);
    assert_eq!((answer.status, &answer.data()["douyinUserId"]), (200, &json!(shop)));
    let exchanges = world.sandbox.journal().of("oauth/access_token").len();
    assert_eq!(exchanges, 2, "refused with the old secret, accepted with the new one");
    world.drain().await?;
    Ok(())
}

#[tokio::test]
async fn rotation_of_webhook_secrets_is_read_by_running_functions() -> Result<()> {
    let world = World::start().await?;
    let douyin =
        douyin_webhook::App::new(&world.context("douyin-webhook", &EndpointOverrides::default()).await?).await?;
    let gateway =
        gateway_webhook::App::new(&world.context("gateway-webhook", &EndpointOverrides::default()).await?).await?;
    world.sandbox.douyin().change_app(|app| app.client_secret = NEW.to_owned());
    rotate(&world, &json!({ "douyinClientSecret": NEW, "gatewayWebhookSecret": NEW })).await?;
    let event = WebhookEvent { event: "authorize".to_owned(), ..WebhookEvent::default() };
    let message = world.sandbox.douyin().signed_webhook(&event);
    let event = Event::sample("douyin-webhook")?
        .header("x-douyin-signature", &message.signature)
        .header("msg-id", &message.message_id)
        .body(&message.body);
    let answer = Answer::new(dispatch(&douyin, douyin_webhook::handle, event.request()?).await);
    assert_eq!(answer.status, 200, "{answer:?}");
    for (secret, status) in [(NEW, 200), (GATEWAY_WEBHOOK_SECRET, 404)] {
        let probe = Event::sample("gateway-webhook")?.path("secret", secret).json(&json!({ "testMsg": "…" }));
        let answer = Answer::new(dispatch(&gateway, gateway_webhook::handle, probe.request()?).await);
        assert_eq!(answer.status, status, "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn rotation_to_an_own_webhook_secret_verifies_events_with_it() -> Result<()> {
    let world = World::start().await?;
    let app = douyin_webhook::App::new(&world.context("douyin-webhook", &EndpointOverrides::default()).await?).await?;
    let body = r#"{"event":"authorize","from_user_id":"somebody"}"#;
    let answered = async |secret: &str| {
        let event = Event::sample("douyin-webhook")?.header("x-douyin-signature", &signature(secret, body.as_bytes()));
        let request = event.body(body).request()?;
        anyhow::Ok(dispatch(&app, douyin_webhook::handle, request).await.status().as_u16())
    };
    let of_the_app = world.sandbox.douyin().client_secret();
    assert_eq!((answered(&of_the_app).await?, answered(NEW).await?), (200, 401));
    rotate(&world, &json!({ "douyinWebhookSecret": NEW })).await?;
    assert_eq!((answered(NEW).await?, answered(&of_the_app).await?), (200, 401));
    Ok(())
}
