//! Asking for a sync.

use std::time::Duration;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::ids::{TaskId, UserId};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use tracing::info;

use super::SyncQueue;
use crate::config::lists_fans;
use crate::error::{AuthorizationProblem, Result, SyncProblem};
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::account::Account;
use crate::store::sync_task::{NewSync, StartedBy, SyncStrategy, SyncTask};
use crate::tokens::ensure_active;

/// The answer to a request for a sync.
#[derive(Debug)]
pub enum Started {
    /// A new task was made.
    New(TaskId),
    /// The account is being synced already, by this task, with whatever strategy it was asked for.
    Running(Box<SyncTask>),
}

#[derive(Debug, Clone)]
pub struct SyncRequests {
    stores: Stores,
    queue: SyncQueue,
    lists_fans: bool,
}

impl SyncRequests {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, queue: SyncQueue::new(cx)?, lists_fans: lists_fans(&cx.env)? })
    }

    /// Starts a sync of the caller's account, or finds the one that runs. Two sequential AWS calls: write the task
    /// together with its claim, send the message; before them it is read whether our app may list fans. A message that cannot be sent fails nothing: the sweeper finds the
    /// task.
    ///
    /// The account is read only when the claim is refused, to learn why: the claim's condition demands all that a
    /// look before it could find out.
    ///
    /// # Errors
    /// [`SyncProblem::Unavailable`] when our app may not list fans; an authorisation problem when the account is not the
    /// caller's or not ACTIVE.
    pub async fn start(&self, user_id: UserId, account: &str, strategy: SyncStrategy) -> Result<Started> {
        let now = self.stores.clock.now();
        let is_missing = async || -> Result<bool> {
            let missing = self.stores.quota.app(now.as_millisecond()).await?.missing;
            Ok(missing.is_some_and(|missing| missing.holds(now.as_second())))
        };
        if !self.lists_fans || is_missing().await? {
            return Err(SyncProblem::Unavailable.into());
        }
        let account_open_id: &OpenId = &account.parse().map_err(|_| AuthorizationProblem::AccountUnknown)?;
        on_conflict(&self.stores.clock, "douyin account", TRIES, || self.try_start(user_id, account_open_id, strategy))
            .await
    }

    async fn try_start(
        &self,
        user_id: UserId,
        account_open_id: &OpenId,
        strategy: SyncStrategy,
    ) -> Result<Attempt<Started>> {
        if let Some(task) = self.create(user_id, account_open_id, strategy, None).await? {
            return Ok(Attempt::Done(Started::New(task)));
        }
        let account = self.own_account(user_id, account_open_id).await?;
        ensure_active(&account)?;
        let Some(active) = account.active_sync_task_id else {
            // The claim was given back in between, or the id was taken.
            return Ok(Attempt::Conflict);
        };
        if let Some(task) = self.stores.tasks.get(active).await?
            && !task.status.ended()
            && task.user_id == user_id
        {
            return Ok(Attempt::Done(Started::Running(Box::new(task))));
        }
        // The task that holds the claim has ended.
        Ok(match self.create(user_id, account_open_id, strategy, Some(active)).await? {
            Some(task) => Attempt::Done(Started::New(task)),
            None => Attempt::Conflict,
        })
    }

    /// Writes the task with the claim of the account, instead of the claim of `stale`; `None` when the claim is refused.
    async fn create(
        &self,
        user_id: UserId,
        account_open_id: &OpenId,
        strategy: SyncStrategy,
        stale: Option<TaskId>,
    ) -> Result<Option<TaskId>> {
        let now = self.stores.clock.now();
        let task = TaskId::generate(now);
        let sync = NewSync { task_id: task, user_id, account_open_id, strategy, started_by: StartedBy::User };
        let mut transaction = Transaction::new();
        transaction.add(self.stores.tasks.create(&sync, now.as_millisecond())?);
        transaction.add(self.stores.accounts.claim(user_id, account_open_id, task, stale, None)?);
        if !self.stores.commit(&transaction).await?.is_committed() {
            return Ok(None);
        }
        info!(task.id = task.get(), ?strategy, "fan sync {task} created");
        self.queue.wake(task, user_id, Duration::ZERO).await;
        Ok(Some(task))
    }

    async fn own_account(&self, user_id: UserId, account_open_id: &OpenId) -> Result<Account> {
        let account = self.stores.accounts.get(account_open_id).await?.filter(|account| account.user_id == user_id);
        Ok(account.ok_or(AuthorizationProblem::AccountUnknown)?)
    }
}
