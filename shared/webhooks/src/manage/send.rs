//! Having something sent: a test, or a delivery again.

use kernel::Context;
use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::instant::whole_millisecond;
use kernel::retry::{Attempt, TRIES, on_conflict};

use crate::config;
use crate::error::{Error, Result};
use crate::message::{DeliveryMessage, DeliveryQueue};
use crate::store::Stores;
use crate::store::delivery::{Delivery, DeliveryStatus};
use crate::store::webhook::{Webhook, WebhookKey, WebhookStatus};

/// Has deliveries sent that tenants ask for.
#[derive(Debug, Clone)]
pub struct DeliveryRequests {
    stores: Stores,
    queue: DeliveryQueue,
}

impl DeliveryRequests {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, queue: DeliveryQueue(config::queue(cx)?) })
    }

    /// Has a test sent, whatever types the webhook wants.
    ///
    /// # Errors
    /// [`kernel::Error::NotFound`] when the tenant has no such webhook, [`Error::NotActive`] when nothing is sent to it.
    pub async fn test(&self, caller: &Caller, webhook_id: &str) -> Result<Delivery> {
        let webhook = self.active(caller, webhook_id).await?;
        let delivery = Delivery::test(&webhook.key(), self.stores.clock.now());
        self.stores.deliveries.put(&delivery).await?;
        self.wake(&delivery).await;
        Ok(delivery)
    }

    /// Has a delivery sent again, under the same event id, and if need be tried for a day again.
    ///
    /// # Errors
    /// [`kernel::Error::NotFound`] when there is no such delivery, [`Error::NotActive`] when nothing is sent to the webhook.
    pub async fn resend(&self, caller: &Caller, webhook_id: &str, delivery_id: &str) -> Result<Delivery> {
        self.active(caller, webhook_id).await?;
        let delivery = on_conflict(&self.stores.clock, "webhook delivery", TRIES, || async {
            let read = self.stores.deliveries.get(webhook_id, delivery_id).await?;
            let mut delivery = read.ok_or(kernel::Error::NotFound("webhook delivery"))?;
            let now = whole_millisecond(self.stores.clock.now());
            delivery.status = DeliveryStatus::Pending;
            delivery.round_start = now;
            delivery.round_failures = 0;
            delivery.due_at = Some(now);
            let is_written = self.stores.deliveries.write(&delivery).await?;
            Ok::<_, Error>(if is_written { Attempt::Done(delivery) } else { Attempt::Conflict })
        })
        .await?;
        self.wake(&delivery).await;
        Ok(delivery)
    }

    async fn wake(&self, delivery: &Delivery) {
        let Delivery { user_id, webhook_id, delivery_id, .. } = delivery;
        let key = WebhookKey { user_id: *user_id, webhook_id: webhook_id.clone() };
        self.queue.wake(&[DeliveryMessage::asked_for(&key, delivery_id.clone())]).await;
    }

    async fn active(&self, caller: &Caller, webhook_id: &str) -> Result<Webhook> {
        let webhook = self.stores.webhook(caller, webhook_id).await?;
        if webhook.status == WebhookStatus::Active { Ok(webhook) } else { Err(Error::NotActive) }
    }
}
