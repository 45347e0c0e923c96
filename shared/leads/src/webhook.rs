//! Events from Douyin: proof that an authorisation was withdrawn, among others.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::ids::TaskId;
use kernel::platform_secret::{PlatformSecret, Secrets};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use serde_json::Value;
use tracing::{info, warn};

use crate::douyin::Douyin;
use crate::douyin::webhook::{WebhookEvent, verify_signature};
use crate::error::{AuthorizationProblem, Result};
use crate::events;
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};
use crate::store::sync_task::{EndedBy, Ending};
use crate::tokens::{Tokens, Trial};

/// What to answer to Douyin.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookAnswer {
    /// Echo the challenge of the address check.
    Challenge(Value),
    Accepted,
}

/// What became of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Revoked {
    Yes,
    /// The event was acted on before.
    EventIsKnown,
    /// The sync that the account names has ended by itself, so it cannot be ended; nothing was written.
    SyncHasEnded,
    /// The account has changed since it was read; nothing was written.
    Conflict,
}

#[derive(Debug, Clone)]
pub struct Webhook {
    stores: Stores,
    tokens: Tokens,
    secrets: Secrets,
}

impl Webhook {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context, secrets: Secrets, douyin: Douyin) -> Result<Self, ConfigError> {
        Ok(Self { tokens: Tokens::new(cx, douyin)?, stores: Stores::new(cx)?, secrets })
    }

    /// The key of our application, if its secret signed this body.
    async fn signer(&self, body: &[u8], signature: &str) -> Option<String> {
        let of = |app: &PlatformSecret| {
            let is_ours = verify_signature(app.douyin_webhook_secret(), body, signature);
            is_ours.then(|| app.douyin_client_key.clone())
        };
        self.secrets.find(of).await
    }

    /// Handles one delivery, whose body must be the untouched bytes: the signature covers the final newline too.
    ///
    /// # Errors
    /// [`kernel::Error::Unauthenticated`] for a wrong signature, [`kernel::Error::InvalidRequest`] for a body that is
    /// no event, [`crate::Error::Platform`] for a revocation that could not be checked: Douyin delivers it again.
    pub async fn receive(
        &self,
        body: &[u8],
        signature: Option<&str>,
        message_id: Option<&str>,
    ) -> Result<WebhookAnswer> {
        let signer = match signature {
            None => None,
            Some(signature) => {
                let signer = self.signer(body, signature).await;
                Some(signer.ok_or(kernel::Error::Unauthenticated("webhook signature does not match"))?)
            }
        };
        let event =
            WebhookEvent::parse(body).map_err(|_| kernel::Error::invalid("body", "事件内容不是有效的 JSON 事件"))?;
        // Only the address check may come unsigned: echoing a number proves nothing and changes nothing.
        if signer.is_none() && event.event != "verify_webhook" {
            return Err(kernel::Error::Unauthenticated("webhook signature is missing").into());
        }
        // A good signature says whose the event is. Douyin's own example of the address check has an empty key.
        let own = match signer {
            Some(client_key) => client_key,
            None => self.secrets.current().await.secret().douyin_client_key.clone(),
        };
        if !event.client_key.is_empty() && event.client_key != own {
            warn!("webhook event for another app ignored");
            return Ok(WebhookAnswer::Accepted);
        }
        match event.event.as_str() {
            "verify_webhook" => {
                let challenge = event.challenge();
                Ok(WebhookAnswer::Challenge(
                    challenge.ok_or_else(|| kernel::Error::invalid("content.challenge", "缺少 challenge"))?,
                ))
            }
            "unauthorize" => self.unauthorize(&event, message_id).await,
            other => {
                info!(webhook.event = other, "webhook event {other} needs no action");
                Ok(WebhookAnswer::Accepted)
            }
        }
    }

    /// Drops the account's tokens and ends a sync of it, unless Douyin still accepts them: it promises no order, so the
    /// event can be about an authorisation that was given anew since. It is noted in the transaction that acts on it.
    async fn unauthorize(&self, event: &WebhookEvent, message_id: Option<&str>) -> Result<WebhookAnswer> {
        let Ok(account) = event.from_user_id.parse() else {
            info!("webhook event unauthorize names no account");
            return Ok(WebhookAnswer::Accepted);
        };
        let is_id = |id: &&str| !id.trim().is_empty();
        let noted = message_id.filter(is_id).or_else(|| event.msg_id.as_deref().filter(is_id));
        on_conflict(&self.stores.clock, "douyin account", TRIES, || self.try_revoke(&account, event, noted)).await?;
        Ok(WebhookAnswer::Accepted)
    }

    async fn try_revoke(&self, account: &OpenId, event: &WebhookEvent, noted: Option<&str>) -> Result<Attempt<()>> {
        let account = self.stores.accounts.get(account).await?;
        let Some(account) = account.filter(|account| account.status != AccountStatus::Revoked) else {
            return Ok(Attempt::Done(()));
        };
        if self.is_accepted(&account).await? {
            info!(account.id = account.id, "withdrawal of account {} is older than its tokens", account.id);
            return Ok(Attempt::Done(()));
        }
        let mut revoked = self.revoke(&account, account.active_sync_task_id, &event.event, noted).await?;
        if revoked == Revoked::SyncHasEnded {
            revoked = self.revoke(&account, None, &event.event, noted).await?;
        }
        Ok(match revoked {
            Revoked::Yes => {
                info!(account.id = account.id, "authorisation of account {} withdrawn", account.id);
                Attempt::Done(())
            }
            Revoked::EventIsKnown => Attempt::Done(()),
            Revoked::SyncHasEnded | Revoked::Conflict => Attempt::Conflict,
        })
    }

    /// Writes the revocation of an account, the end of the sync that it names, and the event, in one transaction.
    async fn revoke(
        &self,
        account: &Account,
        sync: Option<TaskId>,
        event: &str,
        message_id: Option<&str>,
    ) -> Result<Revoked> {
        let now = self.stores.clock.now();
        let mut transaction = Transaction::new();
        let account_is_unchanged = transaction.add(self.stores.accounts.revoke(account, now)?);
        let revoked = Account { status: AccountStatus::Revoked, ..account.clone() };
        let mut told = events::account_ended(&revoked)?;
        let sync_runs = match sync {
            None => None,
            Some(task) => {
                let advice = AuthorizationProblem::Revoked.advice();
                told.push(events::sync_failed(task, &account.account_open_id, &advice)?);
                let ending = Ending::Failed(advice);
                Some(transaction.add(self.stores.tasks.end(task, EndedBy::Anyone, &ending, now)?))
            }
        };
        self.stores.tell(&mut transaction, account.user_id, &told)?;
        let event_is_new = match message_id {
            None => None,
            Some(id) => Some(transaction.add(self.stores.events.note(event, account, id, now)?)),
        };
        let outcome = self.stores.commit(&transaction).await?;
        Ok(if outcome.is_committed() {
            Revoked::Yes
        } else if outcome.failed(event_is_new) {
            Revoked::EventIsKnown
        } else if outcome.failed(sync_runs) && !outcome.failed(account_is_unchanged) {
            Revoked::SyncHasEnded
        } else {
            Revoked::Conflict
        })
    }

    /// Whether Douyin still accepts the stored tokens. A token that is not
    /// there or is refused leaves the event's word; when Douyin does not say, the event has to come again. It does,
    /// twice at the most, and if that is not enough the next refresh or sync finds the tokens dead.
    async fn is_accepted(&self, account: &Account) -> Result<bool> {
        match self.tokens.try_stored(account).await? {
            Trial::Accepted => Ok(true),
            Trial::Refused => Ok(false),
            Trial::Unknown(failure) => {
                warn!(account.id = account.id, "withdrawal of account {} not checked: {failure}", account.id);
                Err(failure.into())
            }
        }
    }
}
