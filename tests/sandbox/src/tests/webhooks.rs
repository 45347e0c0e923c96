//! Webhooks as their receiver sees them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;

use super::*;
use crate::douyin::{WebhookEvent, signature};

#[derive(Clone)]
struct Received {
    message_id: String,
    signature: String,
    body: Bytes,
}

/// Where webhooks arrive: fails as often as told, then answers a challenge or `{}`.
struct Receiver {
    url: url::Url,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    async fn start(failures: usize) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let handler = move |headers: HeaderMap, body: Bytes| async move {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            let (message_id, signature) = (header("msg-id"), header("x-douyin-signature"));
            assert_eq!(header("content-type"), "application/json");
            let mut log = log.lock().unwrap();
            log.push(Received { message_id, signature, body: body.clone() });
            if log.len() <= failures {
                return (StatusCode::SERVICE_UNAVAILABLE, String::new());
            }
            let message: Value = serde_json::from_slice(&body).unwrap();
            let challenge = message.pointer("/content/challenge").cloned();
            (
                StatusCode::OK,
                challenge.map_or_else(|| "{}".to_owned(), |challenge| format!(r#"{{"challenge":{challenge}}}"#)),
            )
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(axum::serve(listener, Router::new().route("/hook", post(handler))).into_future());
        Self { url, received }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn webhook_of_a_revocation_is_signed() {
    let (scene, receiver) = (Scenario::start().await, Receiver::start(0).await);
    scene.douyin().set_webhook(Some(receiver.url.clone()));
    let tokens = scene.authorize("fans-37");
    let delivery = scene.douyin().revoke("fans-37").await.unwrap().delivery.unwrap();
    assert_eq!((delivery.delivered, delivery.attempts), (true, vec![Some(200)]));
    let received = receiver.received();
    let message: Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(text(&message, "/event"), "unauthorize");
    assert_eq!(text(&message, "/client_key"), scene.douyin().client_key());
    assert_eq!(text(&message, "/from_user_id"), tokens.open_id);
    assert_eq!(message.pointer("/content/scopes"), Some(&serde_json::json!(SCOPES)));
    assert_eq!(received[0].body.last(), Some(&b'\n'));
    assert_eq!(received[0].signature, signature(&scene.douyin().client_secret(), &received[0].body));
    assert_eq!(received[0].message_id, delivery.message_id);
}

#[tokio::test]
async fn webhook_is_attempted_three_times() {
    let scene = Scenario::start().await;
    for (failures, attempts, delivered) in [(2, 3, true), (9, 3, false)] {
        let receiver = Receiver::start(failures).await;
        scene.douyin().set_webhook(Some(receiver.url.clone()));
        let event = WebhookEvent { event: "authorize".to_owned(), ..WebhookEvent::default() };
        let delivery = scene.douyin().send_webhook(&event).await.unwrap();
        assert_eq!((delivery.attempts.len(), delivery.delivered), (attempts, delivered));
        let ids: Vec<String> = receiver.received().into_iter().map(|message| message.message_id).collect();
        assert!(ids.iter().all(|id| *id == delivery.message_id), "attempts carry the same Msg-Id");
    }
    assert_eq!(scene.sandbox.journal().of("webhook/authorize").len(), 2);
}

#[tokio::test]
async fn webhook_challenge_must_be_returned() {
    let (scene, receiver) = (Scenario::start().await, Receiver::start(0).await);
    assert!(!scene.douyin().verify_webhook().await, "no address");
    scene.douyin().set_webhook(Some(receiver.url.clone()));
    assert!(scene.douyin().verify_webhook().await);
    let deaf = Receiver::start(9).await;
    scene.douyin().set_webhook(Some(deaf.url.clone()));
    assert!(!scene.douyin().verify_webhook().await);
}

#[tokio::test]
async fn webhook_can_be_duplicated_with_both_forms_of_content() {
    let (scene, receiver) = (Scenario::start().await, Receiver::start(0).await);
    scene.douyin().set_webhook(Some(receiver.url.clone()));
    let event = WebhookEvent {
        event: "new_follow_action".to_owned(),
        account: Some("fans-37".to_owned()),
        duplicates: 2,
        ..WebhookEvent::default()
    };
    assert!(scene.douyin().send_webhook(&event).await.unwrap().delivered);
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|message| message.message_id == received[0].message_id));
    let message: Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(Some(text(&message, "/to_user_id").to_owned()), scene.douyin().open_id("fans-37"));
    let content: Value = serde_json::from_str(text(&message, "/content")).unwrap();
    assert_eq!(number(&content, "/action_type"), 1);
}

#[tokio::test]
async fn webhook_for_a_handler_under_test_needs_no_address() {
    let scene = Scenario::start().await;
    scene.authorize("fans-1");
    let webhook = scene.douyin().revoke_quietly("fans-1").unwrap();
    assert_eq!(webhook.signature, signature(&scene.douyin().client_secret(), webhook.body.as_bytes()));
    assert!(scene.douyin().grants("fans-1")[0].revoked);
}
