//! Makes deliveries of a tenant's events: one for each webhook that wants the event, in the transaction that notes that the events were
//! handed over. So each webhook has each of them exactly once, whoever dies.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::events::{Consumer, EventDispatch, StoredEvent};
use kernel::ids::UserId;
use kernel::transaction::{MAX_ACTIONS, Transaction};
use kernel::{Clock, Context, IsContention, Result};
use serde_json::json;

use crate::body::is_told_by_default;
use crate::config;
use crate::message::{DeliveryMessage, DeliveryQueue};
use crate::store::Stores;
use crate::store::delivery::Delivery;
use crate::store::webhook::{Webhook, WebhookKey, WebhookStatus};

/// Events that are read at once.
const EVENTS: usize = 90;
/// Deliveries of one transaction, beside the head. A tenant has at most [`MOST_WEBHOOKS`](crate::MOST_WEBHOOKS), so one event's fit.
const MOST_DELIVERIES: usize = MAX_ACTIONS - 1;
/// Another transaction is begun only if this is left, which is what it takes at the worst with what it is made from.
const MIN_TIME_LEFT: Duration = Duration::from_secs(30);

/// Hands events to webhooks.
#[derive(Debug, Clone)]
pub struct WebhookDispatcher {
    stores: Stores,
    events: EventDispatch,
    queue: DeliveryQueue,
    clock: Clock,
}

impl WebhookDispatcher {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let (stores, events) = (Stores::new(cx)?, EventDispatch::new(cx)?);
        Ok(Self { stores, events, queue: DeliveryQueue(config::queue(cx)?), clock: cx.clock.clone() })
    }

    /// Makes the deliveries of all of the tenant's events that have none yet. Whether there was time for all.
    ///
    /// # Errors
    /// When the tables cannot be read or written.
    pub async fn hand_over(&self, tenant: UserId, deadline: Deadline) -> Result<bool> {
        while let Some(handover) = self.events.next(tenant, Consumer::Webhooks, EVENTS).await? {
            if deadline.remaining(self.clock.now()) < MIN_TIME_LEFT {
                return Ok(false);
            }
            let webhooks = self.stores.webhooks.of(tenant).await?;
            let now = self.clock.now();
            let (mut deliveries, mut events) = (Vec::new(), 0);
            for event in &handover.events {
                let wanted: Vec<_> = webhooks.iter().filter(|webhook| wants(webhook, event)).collect();
                if deliveries.len() + wanted.len() > MOST_DELIVERIES {
                    break;
                }
                deliveries.extend(wanted.into_iter().map(|webhook| Delivery::of(&webhook.key(), event, now)));
                events += 1;
            }
            let handover = handover.first(events);
            let mut transaction = Transaction::new();
            transaction.add(self.events.done(&handover)?);
            for delivery in &deliveries {
                transaction.add(self.stores.deliveries.insert(delivery)?);
            }
            match self.stores.commit(&transaction).await {
                Ok(outcome) if outcome.is_committed() => self.queue.wake(&messages(deliveries)).await,
                // Another one has handed them over: what is next is read anew.
                Ok(_) => {}
                Err(error) if error.is_contention() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Whether the webhook is to be sent the event.
fn wants(webhook: &Webhook, event: &StoredEvent) -> bool {
    if webhook.status != WebhookStatus::Active || event.sequence <= webhook.after_sequence {
        return false;
    }
    match &webhook.types {
        Some(types) => types.contains(&event.kind),
        None => {
            let data = event.data().unwrap_or_default();
            is_told_by_default(webhook.kind, &json!({ "type": event.kind, "data": data }))
        }
    }
}

/// One message for each webhook.
fn messages(deliveries: Vec<Delivery>) -> Vec<DeliveryMessage> {
    let mut by_webhook: BTreeMap<WebhookKey, Vec<String>> = BTreeMap::new();
    for delivery in deliveries {
        let key = WebhookKey { user_id: delivery.user_id, webhook_id: delivery.webhook_id };
        by_webhook.entry(key).or_default().push(delivery.delivery_id);
    }
    by_webhook.into_iter().map(|(webhook, deliveries)| DeliveryMessage::of(&webhook, deliveries)).collect()
}
