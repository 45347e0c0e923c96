//! Finds webhooks with deliveries that are due for longer than messages take, and sends them another one.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::dynamo::Item;
use kernel::ids::UserId;
use kernel::instant::{before, between};
use kernel::round::RoundReport;
use kernel::{Context, Result};
use tracing::error;

use crate::config;
use crate::message::{DeliveryMessage, DeliveryQueue};
use crate::store::Stores;
use crate::store::webhook::WebhookKey;

/// A delivery this long due has lost its message, or waits for its turn at a busy receiver.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);
/// Deliveries of one shard of the index that a sweep looks at.
const LIMIT: usize = 10_000;
/// A message is sent only if this is left, which is what one call takes at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(10);

/// Looks after deliveries that nobody sends.
#[derive(Debug)]
pub struct DeliverySweeper {
    stores: Stores,
    queue: DeliveryQueue,
}

impl DeliverySweeper {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, queue: DeliveryQueue(config::queue(cx)?) })
    }

    /// Sends a message for each of these webhooks.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn sweep(&self, deadline: Deadline) -> Result<RoundReport> {
        let mut report = RoundReport::of("webhooks with deliveries");
        let deliveries = &self.stores.deliveries;
        let now = self.stores.clock.now();
        let found = deliveries.index().unattended(&deliveries.client, before(now, OVERDUE_AFTER), now, LIMIT).await?;
        let webhooks: BTreeSet<WebhookKey> = found.iter().filter_map(webhook_of).collect();
        for webhook in webhooks {
            if deadline.remaining(self.stores.clock.now()) < MIN_TIME_LEFT {
                report.unreached += 1;
                continue;
            }
            let sent = self.queue.send(&DeliveryMessage::of(&webhook, Vec::new()), Duration::ZERO).await;
            if let Err(problem) = &sent {
                let WebhookKey { user_id, webhook_id } = &webhook;
                error!(user.id = user_id.get(), webhook.id = webhook_id, "webhook {webhook_id} not swept: {problem}");
            }
            report.count(sent.is_ok());
        }
        Ok(report)
    }

    /// How long the delivery that is due longest is overdue.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn lateness(&self) -> Result<Duration> {
        let deliveries = &self.stores.deliveries;
        let now = self.stores.clock.now();
        let oldest = deliveries.index().oldest(&deliveries.client, now).await?;
        Ok(oldest.map_or(Duration::ZERO, |oldest| between(oldest, now)))
    }
}

fn webhook_of(key: &Item) -> Option<WebhookKey> {
    let user_id = UserId::new(key.get("user_id")?.as_n().ok()?.parse().ok()?)?;
    Some(WebhookKey { user_id, webhook_id: key.get("webhook_id")?.as_s().ok()?.clone() })
}
