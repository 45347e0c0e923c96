//! What a failure means for a sync: to wait, and how long, or to end. Pure.

use std::time::Duration;

use jiff::Timestamp;
use kernel::instant::after;
use kernel::queue::MAX_DELAY;
use kernel::retry::Backoff;

use super::quota::{next_quota_day, refill};
use crate::config::SyncSettings;
use crate::douyin::{FailureKind, PlatformError};
use crate::error::{Error, SyncProblem};
use crate::store::sync_task::{Pause, SyncTask, WaitReason};

/// How long risk control is left alone: asking again within minutes is what it watches for. Longer than a message can
/// be delayed, so the sweeper goes on.
const RISK_CONTROL_PAUSE: Duration = Duration::from_secs(1_800);

/// How long an access token is left alone that was refused although a refresh had just confirmed it. A second refusal
/// ends the account, so it must not fall into the same incident at Douyin, and those last minutes.
const SECOND_REFUSAL_PAUSE: Duration = Duration::from_secs(600);

/// The longest that all others are kept from asking because one was told to slow down, risk control apart.
const LONGEST_RATE_CLOSURE: Duration = Duration::from_secs(60);

/// Why a walk stopped before its end.
#[derive(Debug)]
pub(super) enum StopReason {
    /// The task goes on after this.
    Pause(Pause),
    /// The same, and nobody else needs to ask Douyin before `until` either.
    Closed {
        pause: Pause,
        until: Timestamp,
        reason: WaitReason,
    },
    /// The task failed, and so does every other: our app may not list fans.
    AppListsNoFans(PlatformError),
    Fail(Error),
    /// The task is not ours any more.
    LeaseLost,
}

impl From<Error> for StopReason {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

impl StopReason {
    /// What `error` means for `task`.
    pub fn of(error: Error, task: &SyncTask, settings: &SyncSettings, now: Timestamp) -> Self {
        let is_last_attempt = task.attempts >= settings.max_attempts;
        let pausing = |pause, waits_for| Self::Pause(Pause { until: after(now, pause), waits_for, attempts: None });
        let in_a_while = |waits_for| pausing(pause_after(settings, task.attempts), waits_for);
        match &error {
            Error::Platform(failure) => match failure.kind {
                FailureKind::RateLimited if !is_last_attempt => slowed_down(failure, task, settings, now),
                FailureKind::Transient if !is_last_attempt => in_a_while(Some(WaitReason::Outage)),
                FailureKind::QuotaExhausted => {
                    let (until, reason) = (next_quota_day(now), WaitReason::Quota);
                    Self::Closed { pause: until_refill(task, now, reason), until, reason }
                }
                // Also Douyin's word on the refresh token while the breaker holds it.
                FailureKind::TokenInvalid | FailureKind::ReauthorizationNeeded if !is_last_attempt => {
                    pausing(SECOND_REFUSAL_PAUSE, Some(WaitReason::Token))
                }
                // The account is not known to be over, so its user is not told to authorise it again.
                FailureKind::TokenInvalid | FailureKind::ReauthorizationNeeded => {
                    Self::Fail(SyncProblem::Stalled.into())
                }
                _ => Self::Fail(error),
            },
            Error::Sync(SyncProblem::ShareSpent) => Self::Pause(until_refill(task, now, WaitReason::Share)),
            Error::Kernel(kernel::Error::Contention(_)) if !is_last_attempt => in_a_while(None),
            _ => Self::Fail(error),
        }
    }
}

fn slowed_down(failure: &PlatformError, task: &SyncTask, settings: &SyncSettings, now: Timestamp) -> StopReason {
    let (pause, closed) = if failure.is_risk_control() {
        (RISK_CONTROL_PAUSE, RISK_CONTROL_PAUSE)
    } else {
        let pause = pause_after(settings, task.attempts);
        (pause, pause.min(LONGEST_RATE_CLOSURE))
    };
    let reason = WaitReason::RateLimit;
    let (until, all) = (after(now, pause), after(now, closed));
    StopReason::Closed { pause: Pause { until, waits_for: Some(reason), attempts: None }, until: all, reason }
}

/// A day's calls that are used up say nothing about the task, so the attempt is not counted.
fn until_refill(task: &SyncTask, now: Timestamp, reason: WaitReason) -> Pause {
    let until = refill(&task.account_open_id, now);
    Pause { until, waits_for: Some(reason), attempts: Some(task.attempts.saturating_sub(1)) }
}

/// The pause doubles with each attempt that got no page, up to a quarter of an hour.
fn pause_after(settings: &SyncSettings, attempts: u32) -> Duration {
    Backoff::new(settings.retry_pause, MAX_DELAY).pause(attempts.saturating_sub(1))
}
