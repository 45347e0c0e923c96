//! What Douyin lets our app ask, which all tenants share. Who finds that nothing more may be asked writes it into one row;
//! everybody reads that before asking. And each tenant has a share of the day, so that one cannot use up everybody's.

use std::time::Duration;

use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::due::stable_hash;
use kernel::ids::{TaskId, UserId};
use kernel::instant::after;
use tracing::{error, info, warn};

use crate::config::tenant_calls;
use crate::douyin::PlatformError;
use crate::error::{Result, SyncProblem};
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::sync_task::{Pause, SyncTask, WaitReason};

const DAY: i64 = 86_400;
/// When the day's calls are back, syncs go on over this time, each account at its own moment.
const REFILL_SPREAD: Duration = Duration::from_secs(3_600);
/// The same after a rate limit.
const RATE_SPREAD: Duration = Duration::from_secs(60);
/// Calls are taken from the tenant's share so many at a time: one write each. What is not made of them is lost.
const CALLS_AT_ONCE: u32 = 5;

/// Calls that were taken from the tenant's share and not made yet.
#[derive(Debug, Default)]
pub(super) struct Calls(u32);

/// Whether a sync may ask Douyin for fans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Open,
    /// It may, and finds out for all whether our app still lacks the capability.
    AsksForAll,
    /// Somebody has found that the app may ask nothing now. The pause is no attempt.
    Closed(Pause),
    /// Our app is known to lack the capability.
    Unavailable,
}

#[derive(Debug, Clone)]
pub(super) struct Quota {
    stores: Stores,
    /// Of a tenant and day.
    share: u64,
}

impl Quota {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, share: tenant_calls(&cx.env)? })
    }

    /// Whether `task` may ask.
    pub async fn admit(&self, task: &SyncTask) -> Result<Admission> {
        let now = self.stores.clock.now();
        let app = self.stores.quota.app(now).await?;
        let id = task.task_id;
        if app.missing.is_some_and(|missing| !missing.may_be_asked_by(id, now)) {
            return Ok(Admission::Unavailable);
        }
        let Some(closure) = app.closure else {
            return Ok(match app.missing {
                None => Admission::Open,
                Some(_) if self.stores.quota.claim_capability_question(id, now).await? => Admission::AsksForAll,
                Some(_) => Admission::Unavailable,
            });
        };
        let spread = if closure.reason == WaitReason::Quota { REFILL_SPREAD } else { RATE_SPREAD };
        let until = spread_over(spread, &task.account_open_id, closure.until);
        let attempts = Some(task.attempts.saturating_sub(1));
        Ok(Admission::Closed(Pause { until, waits_for: Some(closure.reason), attempts }))
    }

    /// Tells everybody that our app lacks the capability, as Douyin told `task`, and the operator once.
    pub async fn note_missing_capability(&self, task: TaskId, failure: &PlatformError) -> Result<()> {
        if self.stores.quota.note_missing_capability(task, self.stores.clock.now()).await? {
            // The alarm FansListMissingAlarm counts these lines by their `alarm`.
            error!(alarm = "fans_list_missing", "our app lacks fans.list, so nothing is synced: {failure}");
        }
        Ok(())
    }

    /// Tells everybody that our app has the capability again.
    pub async fn forget_missing_capability(&self) -> Result<()> {
        self.stores.quota.forget_missing_capability().await?;
        info!("our app may list fans again");
        Ok(())
    }

    /// Tells everybody that the app may ask nothing before `until`. If that cannot be written, they find out themselves.
    pub async fn close(&self, until: Timestamp, reason: WaitReason) {
        if until <= self.stores.clock.now() {
            return;
        }
        match self.stores.quota.close(until, reason).await {
            Ok(is_first) if is_first => warn!(?reason, "douyin takes no more calls before {until}"),
            Ok(_) => {}
            Err(error) => warn!(?reason, "not noted that douyin takes no more calls: {error}"),
        }
    }

    /// Takes one call from the tenant's share of the day.
    ///
    /// # Errors
    /// [`SyncProblem::ShareSpent`] when nothing is left of it.
    pub async fn take(&self, user_id: UserId, calls: &mut Calls) -> Result<()> {
        if calls.0 == 0 {
            let now = self.stores.clock.now();
            if !self.stores.quota.take(user_id, now, CALLS_AT_ONCE, self.share).await? {
                return Err(SyncProblem::ShareSpent.into());
            }
            calls.0 = CALLS_AT_ONCE;
        }
        calls.0 -= 1;
        Ok(())
    }
}

/// Quotas are refilled at 08:00 in Beijing, which is midnight UTC.
pub(super) fn next_quota_day(now: Timestamp) -> Timestamp {
    Timestamp::from_second((now.as_second().div_euclid(DAY) + 1) * DAY).unwrap_or(Timestamp::MAX)
}

/// When the account goes on once the quota is back.
pub(super) fn refill(account: &OpenId, now: Timestamp) -> Timestamp {
    spread_over(REFILL_SPREAD, account, next_quota_day(now))
}

fn spread_over(time: Duration, account: &OpenId, from: Timestamp) -> Timestamp {
    let milliseconds = stable_hash(account.as_str()) % u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    after(from, Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_worker_quota_day_begins_at_eight_in_beijing() {
        for (now, refill) in [
            ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"),
            ("2026-11-20T15:59:59Z", "2026-11-21T00:00:00Z"),
            ("2026-11-20T23:59:59.999Z", "2026-11-21T00:00:00Z"),
        ] {
            assert_eq!(next_quota_day(now.parse().unwrap()), refill.parse().unwrap(), "{now}");
        }
    }

    #[test]
    fn accounts_go_on_over_an_hour_each_at_its_own_moment() {
        let now: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
        let back = next_quota_day(now);
        let mut quarters = [0; 4];
        for number in 0..400 {
            let account: OpenId = format!("account-{number}").parse().unwrap();
            let wait = refill(&account, now).duration_since(back).as_secs();
            assert_eq!(refill(&account, now), refill(&account, now));
            quarters[usize::try_from(wait / 900).unwrap()] += 1;
        }
        assert!(quarters.iter().all(|accounts| (70..130).contains(accounts)), "{quarters:?}");
    }
}
