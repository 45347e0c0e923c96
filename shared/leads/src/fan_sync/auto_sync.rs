//! Syncs that nobody asks for: every ACTIVE account whose time has come gets one.

use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::instant::after;
use kernel::round::RoundReport;
use kernel::transaction::Transaction;
use tracing::{error, info};

use super::SyncQueue;
use crate::config::{AutoSync, lists_fans};
use crate::error::Result;
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};
use crate::store::sync_task::{NewSync, StartedBy, SyncStrategy, WaitReason};

/// Per index shard and round, so that what has piled up, as while this was off, does not fill the queue at once.
const LIMIT: i32 = 25;
/// Accounts handled at once.
const PARALLEL: usize = 8;
/// An account that cannot be synced now (its authorisation has ended, or lacks the scope) is looked at again after this.
/// A new authorisation does not wait for it.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(6 * 3_600);
/// An account is begun only if this is left, which is what one call takes at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(10);

/// Starts syncs by their time. It takes no input and may run any number of times at once.
#[derive(Debug, Clone)]
pub struct AutoSyncs {
    stores: Stores,
    queue: SyncQueue,
    auto: AutoSync,
    lists_fans: bool,
}

impl AutoSyncs {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            stores: Stores::new(cx)?,
            queue: SyncQueue::new(cx)?,
            auto: AutoSync::new(&cx.env)?,
            lists_fans: lists_fans(&cx.env)?,
        })
    }

    /// One round over the accounts that are due. One account's failure does not stop the others.
    pub async fn start_due(&self, deadline: Deadline) -> Result<RoundReport> {
        let mut report = RoundReport::of("syncs by themselves");
        if !self.auto.is_on || !self.lists_fans {
            return Ok(report);
        }
        let now = self.stores.clock.now();
        let app = self.stores.quota.app(now).await?;
        if app.missing.is_some_and(|missing| missing.holds(now)) {
            return Ok(report);
        }
        if app.closure.is_some_and(|closure| closure.reason == WaitReason::Quota) {
            // They would only wait, in the way of those that people have asked for.
            return Ok(report);
        }
        let mut due = self.stores.accounts.due_for_sync(now, LIMIT).await?;
        if app.missing.is_some() {
            // One asks for all whether our app still lacks the capability; the others would only fail.
            due.truncate(1);
        }
        let mut starts = stream::iter(due)
            .map(|account| async move {
                if deadline.remaining(self.stores.clock.now()) < MIN_TIME_LEFT {
                    return None;
                }
                Some(self.start(&account, now).await)
            })
            .buffer_unordered(PARALLEL);
        while let Some(outcome) = starts.next().await {
            match outcome {
                None => report.unreached += 1,
                Some(Ok(())) => report.count(true),
                Some(Err(problem)) => {
                    error!("an account was not synced by itself: {problem}");
                    report.count(false);
                }
            }
        }
        Ok(report)
    }

    async fn start(&self, account_open_id: &OpenId, now: Timestamp) -> Result<()> {
        // The index lags behind the table by milliseconds, so the row itself decides.
        let Some(account) = self.stores.accounts.get(account_open_id).await? else { return Ok(()) };
        let Some(due) = account.schedule.sync_due.filter(|due| *due <= now) else { return Ok(()) };
        if !can_be_synced(&account) {
            self.stores.accounts.postpone_sync(account_open_id, due, after(now, LOOK_AGAIN_AFTER)).await?;
            return Ok(());
        }
        let now = self.stores.clock.now();
        let task = TaskId::generate(now);
        let sync = NewSync {
            task_id: task,
            user_id: account.user_id,
            account_open_id,
            strategy: SyncStrategy::Incremental,
            started_by: StartedBy::Schedule,
        };
        let mut transaction = Transaction::new();
        transaction.add(self.stores.tasks.create(&sync, now)?);
        transaction.add(self.stores.accounts.claim(account.user_id, account_open_id, task, None, Some(due))?);
        if !self.stores.commit(&transaction).await?.is_committed() {
            // Somebody was faster, or its authorisation has just ended. A sync that runs sets the next time at its end.
            self.stores.accounts.postpone_sync(account_open_id, due, after(now, LOOK_AGAIN_AFTER)).await?;
            return Ok(());
        }
        info!(task.id = task.get(), account.id = account.id, "fan sync {task} of account {} started", account.id);
        self.queue.wake(task, account.user_id, Duration::ZERO).await;
        Ok(())
    }
}

fn can_be_synced(account: &Account) -> bool {
    account.status == AccountStatus::Active && account.lists_fans()
}
