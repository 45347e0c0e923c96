//! Giving up deliveries, and webhooks.

use kernel::deadline::Deadline;
use kernel::metrics::{self, Metric};
use kernel::transaction::Transaction;
use kernel::{Result, audit as log};
use serde_json::json;
use tracing::warn;

use super::attempt::Verdict;
use super::work::{Sent, Work};
use super::worker::{Deliverer, MIN_TIME_LEFT};
use crate::store::delivery::{AttemptRecord, Delivery, DeliveryStatus};
use crate::store::webhook::{DisabledReason, WebhookKey, WebhookStatus};
use crate::{audit, events};

impl Deliverer {
    /// Gives up a delivery whose event is not kept any more.
    pub(super) async fn give_up_event(&self, delivery: &Delivery) -> Result<Sent> {
        self.fail(delivery.clone(), "EVENT_EXPIRED").await?;
        Ok(Sent { verdict: Verdict::NotSent, next: None, unwritten: Vec::new() })
    }

    /// Gives up what is due of a webhook that is paused, disabled or deleted.
    pub(super) async fn fail_due(&self, key: &WebhookKey, fresh: &[String], deadline: Deadline) -> Result<()> {
        let mut fresh = fresh;
        loop {
            let now = self.clock.now();
            let due = self.due(&key.webhook_id, fresh, now).await?;
            fresh = &[];
            if due.is_empty() || deadline.remaining(now) < MIN_TIME_LEFT {
                return Ok(());
            }
            for delivery in due {
                self.fail(delivery, "WEBHOOK_NOT_ACTIVE").await?;
            }
        }
    }

    async fn fail(&self, mut delivery: Delivery, error: &str) -> Result<()> {
        let record = AttemptRecord {
            at: self.clock.now(),
            status: None,
            error: Some(error.to_owned()),
            milliseconds: 0,
            answer: None,
        };
        delivery.tried(record);
        delivery.status = DeliveryStatus::Failed;
        delivery.due_at = None;
        self.stores.deliveries.write(&delivery).await.map(|_| ())
    }

    /// Disables the webhook and tells that, unless its tenant has changed it meanwhile.
    pub(super) async fn give_up(&self, work: &mut Work, reason: DisabledReason) -> Result<()> {
        let (webhook, unwritten) = (&work.webhook, std::mem::take(&mut work.unwritten));
        let (now, webhook_id) = (self.clock.now(), &webhook.webhook_id);
        let mut transaction = Transaction::new();
        transaction.add(self.stores.webhooks.disable(webhook, reason)?);
        let row = log::Row {
            tenant: webhook.user_id,
            actor: &log::system(),
            action: audit::WEBHOOK_CHANGED,
            object: audit::object(webhook_id),
            before: audit::state(webhook),
            after: json!({ "status": WebhookStatus::Disabled, "disabledReason": reason }),
        };
        transaction.add(self.stores.audit.row(&row, now)?);
        let event = events::disabled(webhook, reason)?;
        self.stores.outbox.add(&mut transaction, webhook.user_id, &[event])?;
        for delivery in &unwritten {
            transaction.add(self.stores.deliveries.change(delivery)?);
        }
        if self.stores.commit(&transaction).await?.is_committed() {
            metrics::put(Metric::WebhooksDisabled, 1);
            warn!(
                user.id = webhook.user_id.get(),
                webhook.id = webhook_id,
                "webhook {webhook_id} disabled: {}",
                reason.as_str()
            );
            return Ok(());
        }
        for delivery in &unwritten {
            self.stores.deliveries.write(delivery).await?;
        }
        Ok(())
    }
}
