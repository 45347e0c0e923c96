//! The tables of this domain.

pub mod delivery;
pub mod webhook;

use kernel::audit::AuditLog;
use kernel::config::ConfigError;
use kernel::events::Outbox;
use kernel::transaction::{Outcome, Transaction};
use kernel::{Clock, Context};

use delivery::DeliveryStore;
use webhook::WebhookStore;

/// All tables of this domain, and the time at which they are written.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    pub clock: Clock,
    pub webhooks: WebhookStore,
    pub deliveries: DeliveryStore,
    pub audit: AuditLog,
    pub outbox: Outbox,
}

impl Stores {
    /// The tables of this installation.
    ///
    /// # Errors
    /// When the prefix of the tables is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let client = || cx.aws.dynamodb.clone();
        Ok(Self {
            clock: cx.clock.clone(),
            webhooks: WebhookStore { client: client(), table: cx.table(webhook::TABLE)? },
            deliveries: DeliveryStore { client: client(), table: cx.table("t_webhook_delivery")? },
            audit: AuditLog::new(cx)?,
            outbox: Outbox::new(cx)?,
        })
    }

    /// Writes all of the transaction or nothing, and has its events numbered, if it has any.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub async fn commit(&self, transaction: &Transaction) -> kernel::Result<Outcome> {
        self.outbox.commit(transaction).await
    }
}
