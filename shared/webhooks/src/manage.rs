//! What tenants ask for: webhooks, and what they were sent.

mod request;

use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::events::EventDispatch;
use kernel::page::{Page, PageRequest};
use kernel::public_http::Judge;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use kernel::vault::Vault;
use kernel::{Context, audit as log};
use secrecy::SecretString;
use serde_json::Value;
use tracing::info;

use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::message::{DeliveryMessage, DeliveryQueue};
use crate::secret::Secret;
use crate::store::Stores;
use crate::store::delivery::{Delivery, DeliveryStatus};
use crate::store::webhook::{Webhook, WebhookKey, WebhookStatus};
use crate::{audit, config};

pub use request::{Change, MAX_BOT_SECRET, NewWebhook};

/// Webhooks of one tenant at most: the deliveries of one event fit one transaction, beside the head.
pub const MOST_WEBHOOKS: u64 = 50;

const WEBHOOK: &str = "webhook";

/// A webhook with the secret that is shown once.
#[derive(Debug)]
pub struct Made {
    /// The webhook.
    pub webhook: Webhook,
    /// What its deliveries are signed with from now on; nothing when that has not changed, and of a bot.
    pub secret: Option<SecretString>,
}

/// What tenants may do with webhooks.
#[derive(Debug, Clone)]
pub struct Webhooks {
    stores: Stores,
    vault: Vault,
    events: EventDispatch,
    queue: DeliveryQueue,
    judge: std::sync::Arc<Judge>,
}

impl Webhooks {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            stores: Stores::new(cx)?,
            vault: Vault::load(cx)?,
            events: EventDispatch::new(cx)?,
            queue: DeliveryQueue(config::queue(cx)?),
            judge: config::judge(&cx.env)?.into(),
        })
    }

    /// Makes a webhook, which gets the events that are numbered from now on.
    ///
    /// # Errors
    /// What is wrong with the request; [`Error::TooManyWebhooks`] when the tenant has as many as there may be.
    pub async fn create(&self, caller: &Caller, wanted: &NewWebhook) -> Result<Made> {
        let shown_url = wanted.check(&self.judge)?;
        let key = WebhookKey {
            user_id: caller.user_id,
            webhook_id: format!("wh_{}", hex::encode(kernel::crypto::random::<12>())),
        };
        let credentials = Credentials {
            url: wanted.url.clone(),
            secret: wanted.kind.bot().is_none().then(Secret::generate),
            previous: None,
            bot_secret: wanted.bot_secret.clone(),
        };
        let sealed = credentials.seal(&self.vault, &key).await?;
        let webhook = Webhook {
            user_id: key.user_id,
            webhook_id: key.webhook_id,
            kind: wanted.kind,
            status: WebhookStatus::Active,
            types: wanted.types.clone(),
            shown_url,
            sealed,
            version: 1,
            after_sequence: 0,
            disabled_reason: None,
            failing_since: None,
            sent_minute: 0,
            sent_in_minute: 0,
            wakes: 0,
            lease_owner: None,
            created_at: self.stores.clock.now(),
        };
        let webhook =
            on_conflict(&self.stores.clock, WEBHOOK, TRIES, || self.try_create(caller, webhook.clone())).await?;
        info!(webhook.id = webhook.webhook_id, "webhook {} made", webhook.webhook_id);
        Ok(Made { webhook, secret: credentials.secret.as_ref().map(Secret::written) })
    }

    async fn try_create(&self, caller: &Caller, webhook: Webhook) -> Result<Attempt<Webhook>> {
        let added = self.events.webhook_added(caller.user_id, MOST_WEBHOOKS).await?;
        let (counted, after_sequence) = added.ok_or(Error::TooManyWebhooks)?;
        let webhook = Webhook { after_sequence, ..webhook };
        let mut transaction = Transaction::new();
        transaction.add(self.stores.webhooks.insert(&webhook)?);
        transaction.add(counted);
        let states = (Value::Null, audit::state(&webhook));
        self.write_down(&mut transaction, caller, audit::WEBHOOK_CREATED, &webhook.webhook_id, states)?;
        let is_committed = self.stores.commit(&transaction).await?.is_committed();
        Ok(if is_committed { Attempt::Done(webhook) } else { Attempt::Conflict })
    }

    /// The tenant's webhooks, the first made first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Webhook>> {
        Ok(self.stores.webhooks.of(caller.user_id).await?)
    }

    /// Changes a webhook. One that was given up or paused gets what is numbered after it is ACTIVE again.
    ///
    /// # Errors
    /// What is wrong with the request; [`kernel::Error::NotFound`] when the tenant has no such webhook.
    pub async fn change(&self, caller: &Caller, webhook_id: &str, wanted: &Change) -> Result<Made> {
        on_conflict(&self.stores.clock, WEBHOOK, TRIES, || self.try_change(caller, webhook_id, wanted)).await
    }

    async fn try_change(&self, caller: &Caller, webhook_id: &str, wanted: &Change) -> Result<Attempt<Made>> {
        let read = self.webhook(caller, webhook_id).await?;
        let shown_url = wanted.check(&self.judge, read.kind)?;
        let key = read.key();
        let mut next = read.clone();
        let mut secret = None;
        if wanted.url.is_some() || wanted.rotate_secret || wanted.bot_secret.is_some() {
            let mut credentials = Credentials::unseal(&self.vault, &key, &read.sealed).await?;
            if let (Some(url), Some(shown_url)) = (&wanted.url, shown_url) {
                credentials.url = url.clone();
                next.shown_url = shown_url;
            }
            if let Some(bot_secret) = &wanted.bot_secret {
                credentials.bot_secret = Some(bot_secret.clone());
            }
            if wanted.rotate_secret {
                credentials.rotate(self.stores.clock.now());
                secret = credentials.secret.as_ref().map(Secret::written);
            }
            next.sealed = credentials.seal(&self.vault, &key).await?;
        }
        if let Some(types) = &wanted.types {
            next.types = Some(types.clone());
        }
        if let Some(status) = wanted.status {
            next.status = status;
        }
        if next.status == WebhookStatus::Active {
            next.disabled_reason = None;
        }
        if read.status != next.status || wanted.url.is_some() {
            next.failing_since = None;
        }
        let is_same = next.sealed == read.sealed && next.types == read.types && next.status == read.status;
        if is_same {
            return Ok(Attempt::Done(Made { webhook: read, secret: None }));
        }
        next.version += 1;
        let mut transaction = Transaction::new();
        transaction.add(self.stores.webhooks.change(&read, &next)?);
        let states = (audit::state(&read), wanted.noted(audit::state(&next)));
        self.write_down(&mut transaction, caller, audit::WEBHOOK_CHANGED, webhook_id, states)?;
        if !self.stores.commit(&transaction).await?.is_committed() {
            return Ok(Attempt::Conflict);
        }
        info!(webhook.id = webhook_id, "webhook {webhook_id} changed");
        Ok(Attempt::Done(Made { webhook: next, secret }))
    }

    /// Deletes a webhook. What is to be sent to it still is not sent any more.
    ///
    /// # Errors
    /// [`kernel::Error::NotFound`] when the tenant has no such webhook.
    pub async fn delete(&self, caller: &Caller, webhook_id: &str) -> Result<()> {
        on_conflict(&self.stores.clock, WEBHOOK, TRIES, || async {
            let read = self.webhook(caller, webhook_id).await?;
            let mut transaction = Transaction::new();
            transaction.add(self.stores.webhooks.remove(&read.key())?);
            transaction.add(self.events.webhook_removed(caller.user_id).await?);
            let states = (audit::state(&read), Value::Null);
            self.write_down(&mut transaction, caller, audit::WEBHOOK_DELETED, webhook_id, states)?;
            let is_committed = self.stores.commit(&transaction).await?.is_committed();
            Ok(if is_committed { Attempt::Done(()) } else { Attempt::Conflict })
        })
        .await
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

    /// What a webhook was sent, and is to be sent, newest first.
    ///
    /// # Errors
    /// [`kernel::Error::NotFound`] when the tenant has no such webhook.
    pub async fn deliveries(&self, caller: &Caller, webhook_id: &str, page: PageRequest) -> Result<Page<Delivery>> {
        self.webhook(caller, webhook_id).await?;
        Ok(self.stores.deliveries.page(webhook_id, page, self.stores.clock.now()).await?)
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
            let now = self.stores.clock.now();
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
        self.queue.wake(&[DeliveryMessage::of(&key, vec![delivery_id.clone()])]).await;
    }

    async fn webhook(&self, caller: &Caller, webhook_id: &str) -> Result<Webhook> {
        let key = WebhookKey { user_id: caller.user_id, webhook_id: webhook_id.to_owned() };
        // DynamoDB takes no key beyond 1,024 bytes, and none that is empty.
        let is_possible = (1..=64).contains(&webhook_id.len());
        let found = if is_possible { self.stores.webhooks.get(&key).await? } else { None };
        Ok(found.ok_or(kernel::Error::NotFound(WEBHOOK))?)
    }

    async fn active(&self, caller: &Caller, webhook_id: &str) -> Result<Webhook> {
        let webhook = self.webhook(caller, webhook_id).await?;
        if webhook.status == WebhookStatus::Active { Ok(webhook) } else { Err(Error::NotActive) }
    }

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
        transaction.add(self.stores.audit.row(&row, self.stores.clock.now())?);
        Ok(())
    }
}

/// The kinds whose vendors let a bot's owner choose that messages are signed.
pub(crate) const fn may_sign(kind: Kind) -> bool {
    matches!(kind, Kind::Dingtalk | Kind::Feishu)
}
