//! What of this domain is told as events.

use kernel::Result;
use kernel::events::{Event, Place};
use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::store::webhook::{DisabledReason, Webhook};

/// What has happened, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum WebhookEvent {
    /// A webhook was given up.
    #[serde(rename = "webhook.disabled")]
    Disabled(WebhookEnd),
}

/// Which webhook was given up, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookDisabledEvent"))]
#[serde(rename_all = "camelCase")]
pub struct WebhookEnd {
    webhook_id: String,
    kind: Kind,
    reason: DisabledReason,
}

/// That a webhook as it was read is given up.
pub(crate) fn disabled(webhook: &Webhook, reason: DisabledReason) -> Result<Event> {
    let end = WebhookEnd { webhook_id: webhook.webhook_id.clone(), kind: webhook.kind, reason };
    let place = Place(format!("webhook/{}", webhook.webhook_id), webhook.version + 1);
    Event::told(&WebhookEvent::Disabled(end), vec![place])
}
