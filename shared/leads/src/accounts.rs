//! The tenant's authorised accounts: seeing them, and letting one go.

use aws_sdk_dynamodb::Client;
use kernel::Clock;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::ids::UserId;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use tracing::info;

use crate::error::{Result, SyncProblem};
use crate::store::auth::{Auth, AuthStore};
use crate::store::sync_task::{EndedBy, Ending, SyncTaskStore};

/// Access to the accounts of a tenant.
#[derive(Debug, Clone)]
pub struct Accounts {
    accounts: AuthStore,
}

impl Accounts {
    /// From the environment.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { accounts: AuthStore::new(cx)? })
    }

    /// The caller's accounts.
    pub async fn list(&self, user_id: UserId) -> Result<Vec<Auth>> {
        Ok(self.accounts.of_user(user_id).await?)
    }
}

/// Disconnects accounts.
#[derive(Debug, Clone)]
pub struct Disconnection {
    client: Client,
    clock: Clock,
    accounts: AuthStore,
    tasks: SyncTaskStore,
}

impl Disconnection {
    /// From the environment.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            client: cx.aws.dynamodb.clone(),
            clock: cx.clock.clone(),
            accounts: AuthStore::new(cx)?,
            tasks: SyncTaskStore::new(cx)?,
        })
    }

    /// Forgets the caller's account with its tokens and ends a sync of it, in one transaction: the worker's next page
    /// is refused. The leads stay.
    pub async fn disconnect(&self, user_id: UserId, douyin_user_id: &str) -> Result<()> {
        on_conflict(&self.clock, "douyin account", TRIES, || self.try_disconnect(user_id, douyin_user_id)).await
    }

    async fn try_disconnect(&self, user_id: UserId, douyin_user_id: &str) -> Result<Attempt<()>> {
        let account = self.accounts.get(douyin_user_id).await?.filter(|account| account.user_id == user_id);
        let account = account.ok_or(kernel::Error::NotFound("douyin account"))?;
        let mut transaction = Transaction::new();
        let account_is_unchanged = transaction.add(self.accounts.delete(&account)?);
        if let Some(task) = account.active_sync_task_id {
            let ending = Ending::Failed(SyncProblem::Disconnected.advice());
            transaction.add(self.tasks.end(task, EndedBy::Anyone, &ending, self.clock.now().as_second())?);
        }
        let mut outcome = transaction.commit(&self.client, &self.clock).await?;
        if !outcome.is_committed() && !outcome.failed(account_is_unchanged) {
            // The sync that the account names has ended by itself: the account goes alone.
            let mut alone = Transaction::new();
            alone.add(self.accounts.delete(&account)?);
            outcome = alone.commit(&self.client, &self.clock).await?;
        }
        if !outcome.is_committed() {
            return Ok(Attempt::Conflict);
        }
        info!(account.id = account.id, "account {} disconnected", account.id);
        Ok(Attempt::Done(()))
    }
}
