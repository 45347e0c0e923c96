//! Messages from the platform to the app's callback address, signed as the platform signs them.

use std::time::Duration;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Douyin;
use super::envelope::log_id;
use super::profile;
use crate::journal::Entry;
use crate::seed::Seed;

const ATTEMPTS: usize = 3;
const TIMEOUT: Duration = Duration::from_secs(5);

/// The events whose `content` is an object; all others carry JSON as a text in there.
const OBJECT_CONTENT: [&str; 5] = ["verify_webhook", "authorize", "unauthorize", "create_video", "im_receive_msg"];

/// The events that happen between a stranger and the authorized account: from the former, to the latter.
const FROM_A_STRANGER: [&str; 5] =
    ["new_follow_action", "new_video_digg", "im_receive_msg", "im_enter_direct_msg", "user_follow"];

/// A message to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookEvent {
    /// `unauthorize`, `new_follow_action`, `verify_webhook`, ….
    pub event: String,
    /// The sandbox account it is about.
    #[serde(default)]
    pub account: Option<String>,
    /// Its content; made up to fit the event when absent.
    #[serde(default)]
    pub content: Option<Value>,
    /// Its `Msg-Id`, which may be empty; one of its own when absent.
    #[serde(default)]
    pub message_id: Option<String>,
    /// How many more times the same message, with the same `Msg-Id`, is sent: the platform does not promise once.
    #[serde(default)]
    pub duplicates: u32,
}

/// A message ready to be sent, or to be handed to a handler under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedWebhook {
    pub event: String,
    /// Header `Msg-Id`.
    pub message_id: String,
    /// Header `X-Douyin-Signature`.
    pub signature: String,
    /// The body, its final newline included in the signature.
    pub body: String,
}

/// How a delivery went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Header `Msg-Id`, the same for every attempt and duplicate.
    pub message_id: String,
    /// Whether every copy was answered with 200.
    pub delivered: bool,
    /// The status of every attempt; nothing for one without an answer in five seconds.
    pub attempts: Vec<Option<u16>>,
    /// The body of the last answer, at most its first kilobyte.
    pub answer: String,
}

/// Lowercase hexadecimal SHA-1 over the client secret followed by the untouched body.
#[must_use]
pub fn signature(client_secret: &str, body: &[u8]) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(client_secret.as_bytes());
    context.update(body);
    hex::encode(context.finish())
}

impl Douyin {
    /// The message for an event, signed with the default app's secret, without sending it.
    #[must_use]
    pub fn signed_webhook(&self, event: &WebhookEvent) -> SignedWebhook {
        let now = self.clock().now();
        let world = self.world();
        let account = event.account.as_deref().and_then(|name| world.accounts.get(name));
        let open_id = account.map(|account| account.open_id.as_str()).unwrap_or_default();
        let scopes = || {
            let grant = event.account.as_deref().and_then(|name| world.authority.grants_of(name).last());
            grant.map(|grant| grant.scopes.clone()).unwrap_or_default()
        };
        let content = event.content.clone().unwrap_or_else(|| match event.event.as_str() {
            "verify_webhook" => json!({"challenge": rand::random::<u32>()}),
            "authorize" | "unauthorize" => json!({"scopes": scopes()}),
            "new_follow_action" | "new_video_digg" => json!({"action_type": 1, "action_time": now.as_second()}),
            _ => json!({}),
        });
        let is_object = OBJECT_CONTENT.contains(&event.event.as_str());
        let content = if is_object || content.is_string() { content } else { Value::from(content.to_string()) };
        let stranger = profile::open_id(Seed::new(rand::random()), false);
        let from_stranger = FROM_A_STRANGER.contains(&event.event.as_str());
        let (from, to) = if from_stranger { (stranger.as_str(), open_id) } else { (open_id, "") };
        let mut message = json!({"event": event.event, "client_key": self.client_key(), "content": content});
        if let Some(fields) = message.as_object_mut().filter(|_| event.event != "verify_webhook") {
            fields.insert("from_user_id".to_owned(), from.into());
            fields.insert("to_user_id".to_owned(), to.into());
            fields.insert("log_id".to_owned(), log_id(now).into());
        }
        let secret = world.apps.get(self.client_key()).map(|app| app.spec.client_secret.clone()).unwrap_or_default();
        // The platform's encoder ends the body with a newline, and signs it.
        let body = format!("{message}\n");
        SignedWebhook {
            event: event.event.clone(),
            message_id: event
                .message_id
                .clone()
                .unwrap_or_else(|| profile::uuid(&mut Seed::new(rand::random()).stream())),
            signature: signature(&secret, body.as_bytes()),
            body,
        }
    }

    /// Sends an event to the configured address; nothing when none is configured.
    pub async fn send_webhook(&self, event: &WebhookEvent) -> Option<Delivery> {
        self.deliver(&self.signed_webhook(event), event.account.as_deref(), event.duplicates).await
    }

    /// What the console does when an address is saved: sends a challenge and expects it back.
    pub async fn verify_webhook(&self) -> bool {
        let challenge = rand::random::<u32>();
        let event = WebhookEvent {
            event: "verify_webhook".to_owned(),
            content: Some(json!({"challenge": challenge})),
            ..WebhookEvent::default()
        };
        let delivery = self.send_webhook(&event).await.unwrap_or_default();
        let answer: Value = serde_json::from_str(&delivery.answer).unwrap_or_default();
        delivery.delivered && answer.get("challenge") == Some(&Value::from(challenge))
    }

    pub(super) async fn deliver(
        &self,
        message: &SignedWebhook,
        account: Option<&str>,
        duplicates: u32,
    ) -> Option<Delivery> {
        let address = self.world().apps.get(self.client_key())?.webhook.clone()?;
        let mut delivery = Delivery { message_id: message.message_id.clone(), delivered: true, ..Delivery::default() };
        for _ in 0..=duplicates {
            delivery.delivered &= self.deliver_once(address.as_str(), message, &mut delivery).await;
        }
        self.journal(Entry {
            endpoint: format!("webhook/{}", message.event),
            account: account.map(str::to_owned),
            note: Some(format!("{:?}", delivery.attempts)),
            code: Some(if delivery.delivered { 0 } else { 1 }),
            ..Entry::default()
        });
        Some(delivery)
    }

    /// Up to three attempts, one after the other; the pause between them is undocumented, so there is none.
    async fn deliver_once(&self, address: &str, message: &SignedWebhook, delivery: &mut Delivery) -> bool {
        let Some(client) = self.http_client() else { return false };
        for _ in 0..ATTEMPTS {
            let sent = client
                .post(address)
                .timeout(TIMEOUT)
                .header("content-type", "application/json")
                .header("X-Douyin-Signature", &message.signature)
                .header("Msg-Id", &message.message_id)
                .body(message.body.clone())
                .send()
                .await;
            let status = sent.as_ref().ok().map(|response| response.status().as_u16());
            delivery.attempts.push(status);
            if let Ok(response) = sent {
                delivery.answer = response.text().await.unwrap_or_default().chars().take(1024).collect();
            }
            if status == Some(200) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn douyin_webhook_signature_is_sha1_over_secret_and_body() {
        // printf 'testsecret{"event":"verify_webhook"}\n' | sha1sum
        let body = b"{\"event\":\"verify_webhook\"}\n";
        assert_eq!(signature("testsecret", body), "99e43cfa431af9e1402e598fb6ebcdb735c62051");
        assert_ne!(signature("testsecret", body.trim_ascii_end()), signature("testsecret", body));
        // The well-known digest of "abc", split at the seam.
        assert_eq!(signature("a", b"bc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
