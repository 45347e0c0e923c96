//! Whether an account's leads flow, for its user. Pure.

use jiff::Timestamp;
use serde::Serialize;

use super::wait::{explain, waiting};
use crate::error::{AuthorizationProblem, SyncProblem};
use crate::store::account::{Account, AccountStatus};
use crate::store::sync_task::SyncTask;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum HealthStatus {
    Ok,
    /// A sync waits and goes on by itself.
    Waiting,
    /// The last sync failed, or none can be.
    Failing,
    /// Our app may not list fans, whoever's they are.
    Unavailable,
}

/// How it is with an account's syncs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub status: HealthStatus,
    /// Why, in Chinese; absent when all is well.
    pub reason: Option<String>,
    /// Since when, as far as that is known.
    pub since: Option<Timestamp>,
}

/// How it is with the syncs of `account`, of which `sync` is the one that runs. `lists_fans`: whether our app may.
pub(crate) fn of(account: &Account, sync: Option<&SyncTask>, lists_fans: bool) -> Health {
    if !lists_fans {
        let reason = Some(SyncProblem::Unavailable.advice().sentence());
        return Health { status: HealthStatus::Unavailable, reason, since: None };
    }
    let failing = |reason, since| Health { status: HealthStatus::Failing, reason: Some(reason), since };
    let schedule = &account.schedule;
    let unusable = match account.status {
        AccountStatus::Active if account.lists_fans() => None,
        AccountStatus::Active => Some(AuthorizationProblem::ScopeMissing),
        AccountStatus::Expired => Some(AuthorizationProblem::Expired),
        AccountStatus::Revoked => Some(AuthorizationProblem::Revoked),
    };
    if let Some(problem) = unusable {
        return failing(problem.advice().sentence(), schedule.failing_since);
    }
    if let Some((sync, reason)) = sync.and_then(|sync| Some((sync, waiting(sync)?))) {
        let reason = Some(explain(reason).to_owned());
        return Health { status: HealthStatus::Waiting, reason, since: sync.waits_since };
    }
    match &schedule.sync_failure {
        Some(reason) => failing(reason.clone(), schedule.failing_since),
        None => Health { status: HealthStatus::Ok, reason: None, since: account.last_sync_time },
    }
}
