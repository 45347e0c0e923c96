//! Making and changing webhooks.

use std::sync::Arc;

use kernel::Context;
use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::events::EventDispatch;
use kernel::instant::whole_millisecond;
use kernel::public_http::Judge;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use kernel::vault::Vault;
use secrecy::SecretString;
use serde_json::Value;
use tracing::info;

use super::{Change, MOST_WEBHOOKS, NewWebhook, WEBHOOK};
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::store::Stores;
use crate::store::webhook::{Webhook, WebhookKey, WebhookStatus};
use crate::{audit, config};

/// A webhook with the secret that is shown once.
#[derive(Debug)]
pub struct Made {
    /// The webhook.
    pub webhook: Webhook,
    /// What its deliveries are signed with from now on; nothing when that has not changed, and of a bot.
    pub secret: Option<SecretString>,
}

/// Makes and changes webhooks.
#[derive(Debug, Clone)]
pub struct WebhookEdits {
    stores: Stores,
    vault: Vault,
    events: EventDispatch,
    judge: Arc<Judge>,
}

impl WebhookEdits {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            stores: Stores::new(cx)?,
            vault: Vault::load(cx)?,
            events: EventDispatch::new(cx)?,
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
            slow_until: None,
            slow_runs: 0,
            sent_minute: 0,
            sent_in_minute: 0,
            wakes: 0,
            lease_owner: None,
            created_at: whole_millisecond(self.stores.clock.now()),
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
        self.stores.write_down(&mut transaction, caller, audit::WEBHOOK_CREATED, &webhook.webhook_id, states)?;
        let is_committed = self.stores.commit(&transaction).await?.is_committed();
        Ok(if is_committed { Attempt::Done(webhook) } else { Attempt::Conflict })
    }

    /// Changes a webhook. One that was given up or paused gets what is numbered after it is ACTIVE again.
    ///
    /// # Errors
    /// What is wrong with the request; [`kernel::Error::NotFound`] when the tenant has no such webhook.
    pub async fn change(&self, caller: &Caller, webhook_id: &str, wanted: &Change) -> Result<Made> {
        on_conflict(&self.stores.clock, WEBHOOK, TRIES, || self.try_change(caller, webhook_id, wanted)).await
    }

    async fn try_change(&self, caller: &Caller, webhook_id: &str, wanted: &Change) -> Result<Attempt<Made>> {
        let read = self.stores.webhook(caller, webhook_id).await?;
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
        self.stores.write_down(&mut transaction, caller, audit::WEBHOOK_CHANGED, webhook_id, states)?;
        if !self.stores.commit(&transaction).await?.is_committed() {
            return Ok(Attempt::Conflict);
        }
        info!(webhook.id = webhook_id, "webhook {webhook_id} changed");
        Ok(Attempt::Done(Made { webhook: next, secret }))
    }
}
