//! Webhooks and their deliveries with the contract's field names.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use webhooks::kind::Kind;
use webhooks::store::delivery::{AttemptRecord, Delivery, DeliveryStatus};
use webhooks::store::webhook::{DisabledReason, Webhook, WebhookStatus};
use webhooks::{Made, default_types};

/// A webhook.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Webhook"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookView {
    webhook_id: String,
    url: String,
    kind: Kind,
    types: Vec<String>,
    status: WebhookStatus,
    disabled_reason: Option<DisabledReason>,
    create_time: Timestamp,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        let defaults = || default_types(webhook.kind).iter().map(|name| (*name).to_owned()).collect();
        Self {
            webhook_id: webhook.webhook_id,
            url: webhook.shown_url,
            kind: webhook.kind,
            types: webhook.types.unwrap_or_else(defaults),
            status: webhook.status,
            disabled_reason: webhook.disabled_reason,
            create_time: webhook.created_at,
        }
    }
}

/// A webhook with the secret that is shown once.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookWithSecret"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: WebhookView,
    secret: Option<String>,
}

impl From<Made> for WebhookWithSecret {
    fn from(Made { webhook, secret }: Made) -> Self {
        let secret = secret.map(|secret| secret.expose_secret().to_owned());
        Self { webhook: webhook.into(), secret }
    }
}

/// What a webhook was sent, or is to be sent.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookDelivery"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryView {
    delivery_id: String,
    event_id: String,
    #[serde(rename = "type")]
    kind: String,
    sequence: Option<u64>,
    status: DeliveryStatus,
    attempts: Vec<AttemptView>,
    next_attempt_at: Option<Timestamp>,
}

/// One try to deliver.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookAttempt"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptView {
    at: Timestamp,
    status: Option<u16>,
    error: Option<String>,
    milliseconds: u64,
    answer: Option<String>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let attempt = |attempt: AttemptRecord| {
            let AttemptRecord { at, status, error, milliseconds, answer } = attempt;
            AttemptView { at, status, error, milliseconds, answer }
        };
        Self {
            delivery_id: delivery.delivery_id,
            event_id: delivery.event_id,
            kind: delivery.kind,
            sequence: delivery.sequence,
            status: delivery.status,
            attempts: delivery.attempts.into_iter().map(attempt).collect(),
            next_attempt_at: delivery.due_at,
        }
    }
}
