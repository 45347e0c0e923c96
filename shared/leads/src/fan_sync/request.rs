//! Asking for a sync.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::idempotency::{KeyScope, KeyState, RequestKey};
use kernel::ids::{TaskId, UserId};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use serde_json::json;
use tracing::{info, warn};

use super::SyncQueue;
use crate::config::lists_fans;
use crate::error::{AuthorizationProblem, Result, SyncProblem};
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::account::Account;
use crate::store::sync_task::{NewSync, StartedBy, SyncStrategy, SyncTask};
use crate::tokens::ensure_active;

/// What the caller's keys are given for.
const KEY_SCOPE: KeyScope = KeyScope::new("fans-sync");

/// The answer to a request for a sync.
#[derive(Debug)]
pub enum Started {
    /// A new task was made, now or by the same request before.
    New(TaskId),
    /// The account is being synced already, by this task, with whatever strategy it was asked for.
    Running(Box<SyncTask>),
}

/// A request for a sync.
#[derive(Debug, Clone, Copy)]
pub struct SyncRequest<'a> {
    /// The open id of the account, as the caller wrote it.
    pub account: &'a str,
    pub strategy: SyncStrategy,
    /// The caller's key for this request.
    pub idempotency_key: Option<&'a str>,
}

impl<'a> SyncRequest<'a> {
    fn key(&self, user_id: UserId) -> Option<RequestKey<'a>> {
        let request = json!([self.account, self.strategy.as_str()]);
        self.idempotency_key.map(|key| RequestKey::new(user_id, (KEY_SCOPE, key), &request))
    }
}

/// A request that makes sense, and whose it is.
#[derive(Clone, Copy)]
struct Asked<'a> {
    user_id: UserId,
    account_open_id: &'a OpenId,
    strategy: SyncStrategy,
    key: Option<&'a RequestKey<'a>>,
}

#[derive(Debug)]
pub struct SyncRequests {
    stores: Stores,
    queue: SyncQueue,
    lists_fans: bool,
    /// Until when our app may not list fans, if Douyin has said so.
    missing_until: Mutex<Option<Timestamp>>,
}

impl SyncRequests {
    /// Built once at init, with its tables and settings from `cx`. Reads whether our app may list fans, so that the first
    /// request need not; the caller has other reads to do meanwhile.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let (stores, queue, lists_fans) = (Stores::new(cx)?, SyncQueue::new(cx)?, lists_fans(&cx.env)?);
        let requests = Self { stores, queue, lists_fans, missing_until: Mutex::new(None) };
        if requests.lists_fans {
            requests.read_missing().await;
        }
        Ok(requests)
    }

    /// Starts a sync of the caller's account, or finds the one that runs. Two sequential AWS calls: write the task
    /// together with its claim, send the message. A message that cannot be sent fails nothing: the sweeper finds the task.
    ///
    /// The account is read only when the claim is refused, to learn why: the claim's condition demands all that a
    /// look before it could find out.
    ///
    /// The key of a request is written with the task that it makes, so under one key at most one sync is started, and
    /// whoever repeats the request is answered with that one, also once it has ended. A request that only found a sync
    /// has started none, and neither is its key used.
    ///
    /// # Errors
    /// [`SyncProblem::KeyReused`] for a key that another request was carried out under; [`SyncProblem::Unavailable`] when our app may not list fans; an authorisation problem when the account is not the
    /// caller's or not ACTIVE.
    pub async fn start(&self, user_id: UserId, request: SyncRequest<'_>) -> Result<Started> {
        let key = request.key(user_id);
        if let Some(task) = self.answered(key.as_ref()).await? {
            return Ok(Started::New(task));
        }
        if !self.lists_fans || self.is_missing_still().await {
            return Err(SyncProblem::Unavailable.into());
        }
        let account_open_id: &OpenId = &request.account.parse().map_err(|_| AuthorizationProblem::AccountUnknown)?;
        let asked = Asked { user_id, account_open_id, strategy: request.strategy, key: key.as_ref() };
        let write = || self.try_start(asked);
        let started = on_conflict(&self.stores.clock, "douyin account", TRIES, write);
        // Read beside the writes and not before them, for the next request. One that Douyin's word comes too late for makes
        // a sync that ends with the same reason.
        futures::join!(Box::pin(started), self.read_missing()).0
    }

    /// Whether Douyin has said that our app may not list fans, by what was read last. Read again before anybody is told so.
    async fn is_missing_still(&self) -> bool {
        let is_missing = || self.missing_until().is_some_and(|until| until > self.stores.clock.now());
        if is_missing() {
            self.read_missing().await;
        }
        is_missing()
    }

    /// What cannot be read stays as it was: whoever asks Douyin is told.
    async fn read_missing(&self) {
        match self.stores.quota.app(self.stores.clock.now()).await {
            Ok(app) => *self.missing_until() = app.missing.map(|missing| missing.ask_again_at),
            Err(error) => warn!("not known whether our app may list fans: {error}"),
        }
    }

    fn missing_until(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.missing_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task of the same request, by its key.
    async fn answered(&self, key: Option<&RequestKey<'_>>) -> Result<Option<TaskId>> {
        let Some(key) = key else { return Ok(None) };
        match self.stores.idempotency.state(key, self.stores.clock.now()).await? {
            KeyState::Unused => Ok(None),
            KeyState::Answered(task) => Ok(Some(task)),
            KeyState::UsedForAnother => Err(SyncProblem::KeyReused.into()),
        }
    }

    async fn try_start(&self, asked: Asked<'_>) -> Result<Attempt<Started>> {
        let Asked { user_id, account_open_id, key, .. } = asked;
        if let Some(task) = self.create(asked, None).await? {
            return Ok(Attempt::Done(Started::New(task)));
        }
        // The same request may have been faster.
        if let Some(task) = self.answered(key).await? {
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
        Ok(match self.create(asked, Some(active)).await? {
            Some(task) => Attempt::Done(Started::New(task)),
            None => Attempt::Conflict,
        })
    }

    /// Writes the task with the claim of the account, instead of the claim of `stale`; `None` when the claim
    /// is refused, or the key.
    async fn create(&self, asked: Asked<'_>, stale: Option<TaskId>) -> Result<Option<TaskId>> {
        let Asked { user_id, account_open_id, strategy, key } = asked;
        let now = self.stores.clock.now();
        let task = TaskId::generate(now);
        let sync = NewSync { task_id: task, user_id, account_open_id, strategy, started_by: StartedBy::User };
        let mut transaction = Transaction::new();
        transaction.add(self.stores.tasks.create(&sync, now)?);
        transaction.add(self.stores.accounts.claim(user_id, account_open_id, task, stale, None)?);
        if let Some(key) = key {
            transaction.add(self.stores.idempotency.remember(key, task, now)?);
        }
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
