//! The worker: takes a task up, walks the fan list page by page, and ends or pauses the task.
//!
//! While a page commits the next one is fetched, so a sync takes as long as fetching alone. Everything it has done is
//! in the table; a worker may die anywhere and the next one goes on from the committed cursor.

use std::time::Duration;

use jiff::Timestamp;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::instant::between;
use kernel::lease::Lease;
use kernel::metrics::{self, Metric};
use kernel::transaction::Transaction;
use kernel::{Context, trace};
use tracing::{info, warn};

use super::page_diff::{OpenPage, Progress};
use super::page_writer::CommitOutcome;
use super::quota::{Admission, Calls, Quota};
use super::stop::StopReason;
use super::turns::Turns;
use super::{SyncQueue, end, page_writer};
use crate::config::{AutoSync, SyncSettings};
use crate::douyin::{Douyin, FailureKind, FanPage};
use crate::error::{AuthorizationProblem, Error, Result, SyncProblem};
use crate::store::Stores;
use crate::store::account::Account;
use crate::store::sync_task::{EndedBy, Ending, Pause, SyncStrategy, SyncTask, WaitReason};
use crate::suppression::Suppression;
use crate::tokens::{AccessToken, Rejection, Tokens, ensure_active};

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// The task has ended, is held by another worker, or its time has not come: the message has no more use.
    Nothing,
    /// The task ended as COMPLETED.
    Completed,
    /// The task ended as FAILED, with its reason in the row.
    Failed,
    /// The task goes on later, by a new message or the sweeper.
    Paused,
    /// The task was taken from this worker (lease run out, account disconnected).
    LeaseLost,
}

#[derive(Debug, Clone)]
pub struct SyncWorker {
    stores: Stores,
    suppression: Suppression,
    tokens: Tokens,
    douyin: Douyin,
    queue: SyncQueue,
    settings: SyncSettings,
    auto: AutoSync,
    quota: Quota,
    turns: Turns,
}

impl SyncWorker {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context, douyin: Douyin) -> Result<Self, ConfigError> {
        Ok(Self {
            stores: Stores::new(cx)?,
            suppression: Suppression::new(cx)?,
            tokens: Tokens::new(cx, douyin.clone())?,
            douyin,
            queue: SyncQueue::new(cx)?,
            settings: SyncSettings::new(&cx.env)?,
            auto: AutoSync::new(&cx.env)?,
            quota: Quota::new(cx)?,
            turns: Turns::default(),
        })
    }

    /// Takes the task of a message up and runs it until it ends, pauses, or `deadline` comes near.
    ///
    /// # Errors
    /// Only when our own stores fail: the message comes back, and the sweeper looks after the task.
    pub async fn run(&self, task: TaskId, deadline: Deadline) -> Result<RunOutcome> {
        let lease = Lease::new(self.stores.clock.now(), self.settings.lease);
        let Some(claimed) = self.stores.tasks.claim(task, &lease).await? else {
            info!(task.id = task.get(), "fan sync {task} is not to be taken up now");
            return Ok(RunOutcome::Nothing);
        };
        trace::join(claimed.trace_id.as_deref());
        let turn = self.turns.of(claimed.user_id);
        let mut progress = Progress::new(claimed, lease, turn)?;
        let outcome = if progress.task.attempts > self.settings.max_attempts {
            Err(StopReason::Fail(SyncProblem::Stalled.into()))
        } else {
            self.walk(&mut progress, deadline).await
        };
        match outcome {
            Ok(()) => self.finish(&progress, &Ending::Completed, RunOutcome::Completed).await,
            Err(StopReason::LeaseLost) => Ok(RunOutcome::LeaseLost),
            Err(StopReason::Pause(pause)) => self.pause(&progress, pause).await,
            Err(StopReason::Closed { pause, until, reason }) => {
                self.quota.close(until, reason).await;
                self.pause(&progress, pause).await
            }
            Err(StopReason::AppListsNoFans(failure)) => {
                self.quota.note_missing_capability(progress.task.task_id, &failure).await?;
                self.fail(&progress, SyncProblem::Unavailable.into()).await
            }
            Err(StopReason::Fail(error)) => self.fail(&progress, error).await,
        }
    }

    async fn walk(&self, progress: &mut Progress, deadline: Deadline) -> Result<(), StopReason> {
        let account = self.account(progress).await?;
        let may_leave_early = progress.task.strategy == SyncStrategy::Incremental && account.schedule.may_leave_early();
        progress.enough_known = self.settings.known_pages.filter(|_| may_leave_early);
        progress.schedule = Some(account.schedule.clone());
        if !progress.task.walk.fully_listed {
            let admission = self.quota.admit(&progress.task).await?;
            match admission {
                Admission::Open | Admission::AsksForAll => {}
                Admission::Closed(pause) => return Err(StopReason::Pause(pause)),
                Admission::Unavailable => return Err(StopReason::Fail(SyncProblem::Unavailable.into())),
            }
            self.take_over(progress, &account, admission, deadline).await?;
        }
        if self.is_incomplete(progress) {
            return Err(StopReason::Fail(SyncProblem::Stalled.into()));
        }
        if self.whole_list_known(progress) {
            self.mark_unfollowed(progress, deadline).await?;
        }
        Ok(())
    }

    async fn account(&self, progress: &Progress) -> Result<Account> {
        let task = &progress.task;
        let account = self.stores.accounts.get(&task.account_open_id).await?;
        let account = account.filter(|account| account.user_id == task.user_id).ok_or(SyncProblem::Disconnected)?;
        ensure_active(&account)?;
        Ok(account)
    }

    /// Walks the list to its end, fetching each page while the one before it commits.
    async fn take_over(
        &self,
        progress: &mut Progress,
        account: &Account,
        admission: Admission,
        deadline: Deadline,
    ) -> Result<(), StopReason> {
        let mut token = match self.tokens.access_token(account, deadline).await {
            Ok(token) => token,
            Err(error) => return Err(self.stop(error, progress)),
        };
        let mut calls = Calls::default();
        let mut fetched = self.fetch(account, (&mut token, &mut calls), progress.task.walk.cursor, deadline).await;
        if admission == Admission::AsksForAll && fetched.is_ok() {
            self.quota.forget_missing_capability().await?;
        }
        loop {
            let page = match fetched {
                Ok(page) => page,
                // Of an account that has not granted the scope the answer may be about that.
                Err(Error::Platform(failure)) if account.lists_fans() && failure.says_that_app_lists_no_fans() => {
                    return Err(StopReason::AppListsNoFans(failure));
                }
                Err(error) => {
                    progress.failed_with = Some(token.version);
                    return Err(self.stop(error, progress));
                }
            };
            // The platform shows `fan_cap` fans at most, so a list of as many pages has no end of its own.
            let mut open = OpenPage::new(&page, &progress.task, self.settings.fan_cap);
            if open.walk.fully_listed && page.has_more {
                warn!(task.id = progress.task.task_id.get(), "the fan list does not move on, so it is left");
            }
            let cursor = (!open.walk.fully_listed).then_some(open.walk.cursor);
            let may_be_last = progress.may_leave_after_next();
            let commit = self.commit(progress, &mut open, deadline);
            let (committed, next) = match cursor.filter(|_| !may_be_last && self.has_time(deadline)) {
                Some(cursor) => {
                    let (committed, next) =
                        futures::join!(commit, self.fetch(account, (&mut token, &mut calls), cursor, deadline));
                    (committed, Some(next))
                }
                None => (commit.await, None),
            };
            match committed.map_err(|error| self.stop(error, progress))? {
                CommitOutcome::Committed => {}
                CommitOutcome::Partly => return Err(self.go_on_anew()),
                CommitOutcome::LeaseLost => return Err(StopReason::LeaseLost),
            }
            fetched = match next {
                Some(next) => next,
                None if progress.task.walk.fully_listed => return Ok(()),
                None if may_be_last && self.has_time(deadline) => {
                    self.fetch(account, (&mut token, &mut calls), progress.task.walk.cursor, deadline).await
                }
                None => return Err(self.go_on_anew()),
            };
        }
    }

    /// Commits a page, in as many transactions as it needs; [`CommitOutcome::Partly`] when there was no time for all.
    async fn commit(
        &self,
        progress: &mut Progress,
        open: &mut OpenPage<'_>,
        deadline: Deadline,
    ) -> Result<CommitOutcome> {
        loop {
            let lease = progress.lease.renewal(self.stores.clock.now());
            match page_writer::commit((&self.stores, &self.suppression), progress, open, lease).await? {
                CommitOutcome::Partly if self.has_time(deadline) => {}
                step => return Ok(step),
            }
        }
    }

    fn has_time(&self, deadline: Deadline) -> bool {
        deadline.remaining(self.stores.clock.now()) > self.settings.checkpoint_margin
    }

    /// One page. A token that Douyin does not accept is replaced once and the call replayed once. A second refusal is
    /// noted: what the first of them says is found out later, by a sync that pauses.
    async fn fetch(
        &self,
        account: &Account,
        (token, calls): (&mut AccessToken, &mut Calls),
        cursor: i64,
        deadline: Deadline,
    ) -> Result<FanPage> {
        self.quota.take(account.user_id, calls).await?;
        let open_id = &account.account_open_id;
        let count = self.settings.page_size;
        let mut answer = self.douyin.fans(&token.token, open_id.as_str(), cursor, count).await;
        if answer.as_ref().is_err_and(|failure| failure.kind == FailureKind::TokenInvalid) {
            *token = self.tokens.replace(open_id, token.version, deadline).await?;
            answer = self.douyin.fans(&token.token, open_id.as_str(), cursor, count).await;
        }
        match answer {
            Ok(page) => {
                self.tokens.accepted(open_id, token).await?;
                Ok(page)
            }
            Err(failure) if failure.kind == FailureKind::TokenInvalid => {
                Err(match self.tokens.rejected(open_id, token).await? {
                    Rejection::Noted => failure.into(),
                    Rejection::Proven => AuthorizationProblem::Expired.into(),
                    Rejection::Outdated => kernel::Error::Contention("douyin account").into(),
                })
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Whether a list without an end of its own brought fewer fans than the platform shows: then it stood still, and
    /// was not over.
    fn is_incomplete(&self, progress: &Progress) -> bool {
        let SyncTask { walk, total, counters, .. } = &progress.task;
        let shown = total.unwrap_or_default().min(self.settings.fan_cap);
        walk.endless && counters.seen + counters.skipped < shown
    }

    /// Whether the whole list was met: the walk was FULL, the list has no gaps, was ended by the platform, is not cut off at the platform's cap,
    /// and as many were met as the platform says there are.
    fn whole_list_known(&self, progress: &Progress) -> bool {
        progress.task.strategy == SyncStrategy::Full
            && !progress.task.walk.has_gaps
            && !progress.task.walk.endless
            && progress.task.total.is_some_and(|total| total < self.settings.fan_cap && progress.seen_leads() >= total)
    }

    /// Marks the leads of the account that are not on the list, which are looked for once: the task carries who is left.
    async fn mark_unfollowed(&self, progress: &mut Progress, deadline: Deadline) -> Result<(), StopReason> {
        if progress.next_missing(1).is_none() {
            let missing =
                page_writer::find_missing(&self.stores, progress).await.map_err(|error| self.stop(error, progress))?;
            if !progress.proves_missing(&missing) {
                warn!(
                    task.id = progress.task.task_id.get(),
                    missing = missing.len(),
                    "most of the known fans are not on the list, which proves nothing"
                );
                return Ok(());
            }
            progress.set_missing(&missing).map_err(Error::from)?;
        }
        loop {
            if !self.has_time(deadline) {
                return Err(self.go_on_anew());
            }
            let lease = progress.lease.renewal(self.stores.clock.now());
            let marked = page_writer::mark_unfollowed(&self.stores, progress, lease).await;
            match marked.map_err(|error| self.stop(error, progress))? {
                CommitOutcome::Partly => {}
                CommitOutcome::Committed => return Ok(()),
                CommitOutcome::LeaseLost => return Err(StopReason::LeaseLost),
            }
        }
    }

    /// What a failure means for the task.
    fn stop(&self, error: Error, progress: &Progress) -> StopReason {
        StopReason::of(error, &progress.task, &self.settings, self.stores.clock.now())
    }

    /// The time of this invocation is used up: the next one goes on at once.
    fn go_on_anew(&self) -> StopReason {
        StopReason::Pause(Pause { until: self.stores.clock.now(), waits_for: None, attempts: None })
    }

    async fn finish(&self, progress: &Progress, ending: &Ending, outcome: RunOutcome) -> Result<RunOutcome> {
        let task = &progress.task;
        let (by, schedule) = (EndedBy::Holder(&progress.lease), progress.schedule.as_ref());
        if !end(&self.stores, task, by, ending, schedule, self.auto, None).await? {
            return Ok(RunOutcome::LeaseLost);
        }
        metrics::count(Metric::SyncsCompleted, usize::from(outcome == RunOutcome::Completed));
        info!(
            task.id = task.task_id.get(),
            pages = task.counters.pages,
            created = task.counters.created,
            "fan sync {} ended",
            task.task_id
        );
        Ok(outcome)
    }

    /// Fails the task for a reason its user can act on; a failure of our own stores is passed on instead, for the
    /// task is fine and somebody will take it up again.
    async fn fail(&self, progress: &Progress, error: Error) -> Result<RunOutcome> {
        if !matches!(error, Error::Platform(_) | Error::Authorization(_) | Error::Sync(_)) {
            return Err(error);
        }
        let advice = error.advice();
        warn!(
            task.id = progress.task.task_id.get(),
            error.code = advice.code.as_str(),
            "fan sync {} failed: {error}",
            progress.task.task_id
        );
        let is_ours = is_ours_to_see_to(&error);
        let ending = match error {
            Error::Authorization(AuthorizationProblem::Expired) => Ending::Blocked(advice, progress.task.strategy),
            _ => Ending::Failed(advice),
        };
        let outcome = self.finish(progress, &ending, RunOutcome::Failed).await?;
        metrics::count(Metric::SyncsFailed, usize::from(is_ours && outcome == RunOutcome::Failed));
        Ok(outcome)
    }

    /// Lets the task go. A short wait is a delayed message; a long one is the sweeper's.
    async fn pause(&self, progress: &Progress, pause: Pause) -> Result<RunOutcome> {
        let task = &progress.task;
        let now = self.stores.clock.now();
        if !self.stores.tasks.release(task.task_id, &progress.lease, pause, now).await? {
            return Ok(RunOutcome::LeaseLost);
        }
        let Pause { until, waits_for, .. } = pause;
        info!(task.id = task.task_id.get(), ?waits_for, "fan sync {} goes on at {until}", task.task_id);
        let is_over = waits_for == Some(WaitReason::Token) && self.ends_token_pause(progress, now).await?;
        let delay = if is_over { Duration::ZERO } else { between(now, until) };
        self.queue.wake(task.task_id, task.user_id, delay).await;
        Ok(RunOutcome::Paused)
    }

    /// Ends the pause that was just written if the account has another token by now than the one that was refused: whoever
    /// stored it before the pause was there could not end it. A worker that dies before this leaves the pause as it is,
    /// and it has an end.
    async fn ends_token_pause(&self, progress: &Progress, now: Timestamp) -> Result<bool> {
        let task = &progress.task;
        let Some(refused) = progress.failed_with else { return Ok(false) };
        let account = self.stores.accounts.get(&task.account_open_id).await?;
        let is_other = |account: Account| account.user_id == task.user_id && account.access_version != refused;
        if !account.is_some_and(is_other) {
            return Ok(false);
        }
        let mut transaction = Transaction::new();
        transaction.add(self.stores.tasks.end_token_pause(task.task_id, now)?);
        Ok(self.stores.commit(&transaction).await?.is_committed())
    }
}

/// Whether a failed sync has a reason that an operator may be able to do something about. What ends with an account's
/// authorisation, or for want of what its user never granted, is its user's; that our app may not list fans has an alarm of
/// its own.
const fn is_ours_to_see_to(error: &Error) -> bool {
    match error {
        Error::Platform(failure) => !matches!(
            failure.kind,
            FailureKind::ReauthorizationNeeded | FailureKind::ScopeMissing | FailureKind::AccountUnavailable
        ),
        Error::Sync(problem) => matches!(problem, SyncProblem::Stalled),
        _ => false,
    }
}
