//! The message that has a webhook's deliveries sent.

use std::time::Duration;

use kernel::Result;
use kernel::ids::UserId;
use kernel::metrics::{self, Metric};
use kernel::queue::Queue;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::store::webhook::WebhookKey;

/// Which webhook has something to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeliveryMessage {
    /// Whose.
    pub user_id: UserId,
    /// Its id.
    pub webhook_id: String,
    /// Deliveries that were just written: the index, in which all others are found, may not have them yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<String>,
    /// That its tenant has asked for it just now, and waits for no slow receiver to be asked again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_asked_for: bool,
}

impl DeliveryMessage {
    /// A message for what is due of this webhook.
    pub(crate) fn of(webhook: &WebhookKey, deliveries: Vec<String>) -> Self {
        Self { user_id: webhook.user_id, webhook_id: webhook.webhook_id.clone(), deliveries, is_asked_for: false }
    }

    /// A message for a delivery that its tenant has asked for.
    pub(crate) fn asked_for(webhook: &WebhookKey, delivery: String) -> Self {
        Self { is_asked_for: true, ..Self::of(webhook, vec![delivery]) }
    }

    /// Which webhook.
    pub(crate) fn key(&self) -> WebhookKey {
        WebhookKey { user_id: self.user_id, webhook_id: self.webhook_id.clone() }
    }
}

/// The queue of these messages. A tenant is a message group: one whose receivers are slow delays no other.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryQueue(pub Queue);

impl DeliveryQueue {
    /// Sends a message.
    pub async fn send(&self, message: &DeliveryMessage, delay: Duration) -> Result<()> {
        self.0.send(message, delay, &message.user_id.to_string()).await
    }

    /// Sends messages of one tenant. Those that cannot be sent are the sweeper's: they fail nothing.
    pub async fn wake(&self, messages: &[DeliveryMessage]) {
        let Some(first) = messages.first() else { return };
        let unsent = self.0.send_all(messages, &first.user_id.to_string()).await;
        note_unsent(unsent, first.user_id);
    }

    /// The same of one that comes after `delay`.
    pub async fn wake_after(&self, message: &DeliveryMessage, delay: Duration) {
        let is_sent = self.send(message, delay).await.is_ok();
        note_unsent(usize::from(!is_sent), message.user_id);
    }
}

fn note_unsent(unsent: usize, user: UserId) {
    if unsent > 0 {
        metrics::count(Metric::WakeupsNotMade, unsent);
        warn!(user.id = user.get(), unsent, "messages for webhooks of user {user} not sent, left to the sweeper");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delivery_message_is_read_back_as_it_was_written() {
        let webhook = WebhookKey { user_id: UserId::new(7).unwrap(), webhook_id: "wh_1".to_owned() };
        for (deliveries, text) in [
            (Vec::new(), r#"{"userId":7,"webhookId":"wh_1"}"#),
            (vec!["a".to_owned()], r#"{"userId":7,"webhookId":"wh_1","deliveries":["a"]}"#),
        ] {
            let message = DeliveryMessage::of(&webhook, deliveries);
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
            assert_eq!(serde_json::from_str::<DeliveryMessage>(text).unwrap(), message);
        }
        let asked = DeliveryMessage::asked_for(&webhook, "a".to_owned());
        let text = r#"{"userId":7,"webhookId":"wh_1","deliveries":["a"],"isAskedFor":true}"#;
        assert_eq!(
            (serde_json::to_string(&asked).unwrap(), serde_json::from_str(text).unwrap()),
            (text.to_owned(), asked)
        );
        assert!(serde_json::from_str::<DeliveryMessage>(r#"{"userId":7,"webhookId":"a","more":1}"#).is_err());
    }
}
