//! Making attempts, and noting them.

use kernel::Result;
use kernel::instant::between;
use kernel::metrics::{self, Metric};
use serde_json::{Value, json};
use tracing::info;

use super::attempt::{Verdict, after, judged};
use super::work::{Sent, Work};
use super::worker::{Deliverer, EventViews};
use crate::body::{Outgoing, body, digest_body};
use crate::credentials::Credentials;
use crate::kind::Bot;
use crate::send::Signed;
use crate::signature;
use crate::store::delivery::{Delivery, DeliveryStatus};
use crate::store::webhook::Webhook;

impl Deliverer {
    /// Makes one attempt, and notes it.
    pub(super) async fn send<V: EventViews>(
        &self,
        views: &V,
        work: &Work,
        credentials: &Credentials,
        delivery: &Delivery,
    ) -> Result<Sent> {
        let Some(event) = self.event(views, delivery).await? else { return self.give_up_event(delivery).await };
        let (webhook, at) = (&work.webhook, self.clock.now());
        let outgoing = body(webhook.kind, &event, credentials.bot_secret.as_ref(), at);
        let signed = webhook.kind.bot().is_none().then(|| {
            let signature = signature::standard(credentials.valid_secrets(at), &delivery.event_id, at, &outgoing.body);
            Signed { id: delivery.event_id.clone(), at, signature }
        });
        self.attempt(webhook, credentials, outgoing, signed, vec![(delivery.clone(), event)]).await
    }

    /// Makes one attempt for all of these deliveries to a bot, which is shown their number.
    pub(super) async fn send_together<V: EventViews>(
        &self,
        views: &V,
        work: &Work,
        credentials: &Credentials,
        bot: Bot,
        deliveries: Vec<Delivery>,
    ) -> Result<Sent> {
        let mut told = Vec::new();
        for delivery in deliveries {
            match self.event(views, &delivery).await? {
                Some(event) => told.push((delivery, event)),
                None => {
                    self.give_up_event(&delivery).await?;
                }
            }
        }
        let events: Vec<Value> = told.iter().map(|(_, event)| event.clone()).collect();
        let outgoing = digest_body(bot, &events, credentials.bot_secret.as_ref(), self.clock.now());
        self.attempt(&work.webhook, credentials, outgoing, None, told).await
    }

    async fn attempt(
        &self,
        webhook: &Webhook,
        credentials: &Credentials,
        outgoing: Outgoing,
        signed: Option<Signed>,
        told: Vec<(Delivery, Value)>,
    ) -> Result<Sent> {
        let at = self.clock.now();
        let answered = self.sender.post(webhook.kind, &credentials.url, outgoing, signed).await;
        let now = self.clock.now();
        let milliseconds = u64::try_from(between(at, now).as_millis()).unwrap_or(u64::MAX);
        let (deliveries, events): (Vec<_>, Vec<_>) = told.into_iter().unzip();
        let noted = judged(webhook.kind, answered, &events);
        let (mut next, mut unwritten) = (None, Vec::new());
        for delivery in deliveries {
            let delivery = after(delivery, &noted, at, milliseconds, now);
            if noted.verdict == Verdict::Gone {
                // It is written with the end of its webhook: who dies in between finds it due, and asks once more.
                unwritten.push(delivery.clone());
            } else {
                // Refused when it was asked to be resent meanwhile: that round goes on from here.
                self.stores.deliveries.write(&delivery).await?;
            }
            if delivery.status == DeliveryStatus::Failed {
                metrics::put(Metric::WebhookDeliveriesFailed, 1);
            }
            next = [next, delivery.due_at].into_iter().flatten().min();
            let Delivery { webhook_id, delivery_id, .. } = &delivery;
            let (status, error) = (noted.status, noted.error.as_deref());
            info!(
                user.id = delivery.user_id.get(),
                webhook.id = webhook_id,
                delivery.id = delivery_id,
                event.id = delivery.event_id,
                http.status = status,
                error,
                duration_ms = milliseconds,
                "delivery {delivery_id} to webhook {webhook_id}: {:?}",
                delivery.status
            );
        }
        Ok(Sent { verdict: noted.verdict, next, unwritten })
    }

    /// The event as it is told now; nothing when it cannot be told any more.
    async fn event<V: EventViews>(&self, views: &V, delivery: &Delivery) -> Result<Option<Value>> {
        let Some(sequence) = delivery.sequence else {
            let Delivery { event_id, kind, webhook_id, round_start, .. } = delivery;
            let data = json!({ "webhookId": webhook_id });
            return Ok(Some(json!({ "id": event_id, "type": kind, "time": round_start, "data": data })));
        };
        let Some(event) = self.feed.event(delivery.user_id, sequence).await? else { return Ok(None) };
        match views.view(delivery.user_id, event).await {
            Ok(event) => Ok(Some(event)),
            Err(kernel::Error::Corrupt(what)) => {
                tracing::error!(event.id = delivery.event_id, "event {} cannot be told: {what}", delivery.event_id);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
