//! What tenants ask for: webhooks, and what they were sent.

mod edit;
mod request;
mod send;

use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::events::EventDispatch;
use kernel::page::{Page, PageRequest};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use kernel::{Context, audit as log};
use serde_json::Value;

use crate::audit;
use crate::error::Result;
use crate::kind::Kind;
use crate::store::Stores;
use crate::store::delivery::Delivery;
use crate::store::webhook::{Webhook, WebhookKey};

pub use edit::{Made, WebhookEdits};
pub use request::{Change, MAX_BOT_SECRET, NewWebhook};
pub use send::DeliveryRequests;

/// Webhooks of one tenant at most: the deliveries of one event fit one transaction, beside the head.
pub const MOST_WEBHOOKS: u64 = 50;

const WEBHOOK: &str = "webhook";

/// Shows webhooks and what they were sent, and deletes them.
#[derive(Debug, Clone)]
pub struct Webhooks {
    stores: Stores,
    events: EventDispatch,
}

impl Webhooks {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, events: EventDispatch::new(cx)? })
    }

    /// The tenant's webhooks, the first made first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Webhook>> {
        Ok(self.stores.webhooks.of(caller.user_id).await?)
    }

    /// Deletes a webhook. What is to be sent to it still is not sent any more.
    ///
    /// # Errors
    /// [`kernel::Error::NotFound`] when the tenant has no such webhook.
    pub async fn delete(&self, caller: &Caller, webhook_id: &str) -> Result<()> {
        on_conflict(&self.stores.clock, WEBHOOK, TRIES, || async {
            let read = self.stores.webhook(caller, webhook_id).await?;
            let mut transaction = Transaction::new();
            transaction.add(self.stores.webhooks.remove(&read.key())?);
            transaction.add(self.events.webhook_removed(caller.user_id).await?);
            let states = (audit::state(&read), Value::Null);
            self.stores.write_down(&mut transaction, caller, audit::WEBHOOK_DELETED, webhook_id, states)?;
            let is_committed = self.stores.commit(&transaction).await?.is_committed();
            Ok(if is_committed { Attempt::Done(()) } else { Attempt::Conflict })
        })
        .await
    }

    /// What a webhook was sent, and is to be sent, newest first.
    ///
    /// # Errors
    /// [`kernel::Error::NotFound`] when the tenant has no such webhook.
    pub async fn deliveries(&self, caller: &Caller, webhook_id: &str, page: PageRequest) -> Result<Page<Delivery>> {
        self.stores.webhook(caller, webhook_id).await?;
        Ok(self.stores.deliveries.page(webhook_id, page, self.stores.clock.now()).await?)
    }
}

impl Stores {
    /// The tenant's webhook.
    async fn webhook(&self, caller: &Caller, webhook_id: &str) -> Result<Webhook> {
        let key = WebhookKey { user_id: caller.user_id, webhook_id: webhook_id.to_owned() };
        // DynamoDB takes no key beyond 1,024 bytes, and none that is empty.
        let is_possible = (1..=64).contains(&webhook_id.len());
        let found = if is_possible { self.webhooks.get(&key).await? } else { None };
        Ok(found.ok_or(kernel::Error::NotFound(WEBHOOK))?)
    }

    /// Has the transaction write down what its caller does.
    fn write_down(
        &self,
        transaction: &mut Transaction,
        caller: &Caller,
        action: log::Action,
        webhook_id: &str,
        (before, after): (Value, Value),
    ) -> Result<()> {
        let object = audit::object(webhook_id);
        let row = log::Row { tenant: caller.user_id, actor: &caller.actor, action, object, before, after };
        transaction.add(self.audit.row(&row, self.clock.now())?);
        Ok(())
    }
}

/// The kinds whose vendors let a bot's owner choose that messages are signed.
pub(crate) const fn may_sign(kind: Kind) -> bool {
    matches!(kind, Kind::Dingtalk | Kind::Feishu)
}
