//! Whether personal accounts are still online: several agreeing checks, or the gateway's own notice.

use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::round::RoundReport;
use kernel::vault::Vault;
use tracing::{info, warn};

use super::credentials::decrypt;
use super::device_digest;
use super::standing::{Proof, note};
use crate::config::{ANSWERS_WITHIN, Clients, GatewayFactory};
use crate::error::Result;
use crate::gateway::Credentials;
use crate::ids::AccountId;
use crate::provider::FailureKind;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};
use crate::time::after;

/// After connecting, and between checks of an account that is online.
pub(super) const CHECK_AFTER: Duration = Duration::from_secs(600);
/// Between checks of one that may be offline.
pub(crate) const RECHECK_AFTER: Duration = Duration::from_secs(60);
/// Checks that must agree: a single one is wrong too often.
const CHECKS_UNTIL_OFFLINE: u32 = 3;
/// Devices asked at once.
const PARALLEL: usize = 8;
/// Per index shard and round.
const LIMIT: i32 = 250;
/// A check is begun only if this is left.
const MIN_TIME_LEFT: Duration = Duration::from_secs(25);

/// Looks after the accounts whose check is due.
#[derive(Debug, Clone)]
pub struct HealthChecks {
    stores: Stores,
    vault: Vault,
    gateways: GatewayFactory,
}

impl HealthChecks {
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            stores: Stores::new(cx)?,
            vault: Vault::load(cx)?,
            gateways: Clients::with_timeout(&cx.env, ANSWERS_WITHIN)?.gateways,
        })
    }

    /// One round. One account's failure does not stop the others.
    pub async fn run(&self, deadline: Deadline) -> Result<RoundReport> {
        let due = self.stores.accounts.due_for_check(self.stores.clock.now(), LIMIT).await?;
        let mut checks = stream::iter(due)
            .map(|id| async move {
                if deadline.remaining(self.stores.clock.now()) < MIN_TIME_LEFT {
                    return None;
                }
                Some(self.check(&id).await)
            })
            .buffer_unordered(PARALLEL);
        let mut report = RoundReport::of("online checks");
        while let Some(outcome) = checks.next().await {
            match outcome {
                None => report.unreached += 1,
                Some(outcome) => {
                    report.count(outcome.is_ok());
                    if let Err(error) = outcome {
                        warn!("an account's health was not checked: {error}");
                    }
                }
            }
        }
        Ok(report)
    }

    /// `Err` also when the gateway gave no answer about the account: it keeps its status, and is asked again soon.
    async fn check(&self, account_id: &AccountId) -> Result<()> {
        let Some(account) = self.stores.accounts.get(account_id).await? else { return Ok(()) };
        let Credentials { app_id, token, wxid } = decrypt(&self.vault, &account).await?;
        let now = self.stores.clock.now();
        let mut unanswered = None;
        let device = self.gateways.with(token);
        let online = match device.check_online(&app_id).await {
            // The device of an account that was offline may have come back with somebody else.
            Ok(true) if account.status != AccountStatus::Active => {
                device.check_person(&app_id, &wxid).await.map(|()| true)
            }
            answer => answer,
        };
        let (status, offline_checks, next) = match online {
            Ok(true) => (AccountStatus::Active, 0, after(now, CHECK_AFTER)),
            Ok(false) => offline(&account, now),
            Err(failure) => match failure.kind {
                FailureKind::AccountOffline | FailureKind::AnotherPerson | FailureKind::DeviceUnknown => {
                    offline(&account, now)
                }
                FailureKind::BadCredentials => {
                    (AccountStatus::Expired, account.offline_checks, after(now, CHECK_AFTER))
                }
                // No answer proves nothing.
                _ => {
                    unanswered = Some(failure);
                    (account.status, account.offline_checks, after(now, RECHECK_AFTER))
                }
            },
        };
        // What was proven meanwhile stands, and the account is looked at again when whoever proved it said, or at once.
        note(&self.stores, &[account], Proof { status, offline_checks: Some(offline_checks), health_due: Some(next) })
            .await?;
        unanswered.map_or(Ok(()), |failure| Err(failure.into()))
    }
}

fn offline(account: &Account, now: Timestamp) -> (AccountStatus, u32, Timestamp) {
    let checks = account.offline_checks.saturating_add(1);
    let status = if checks >= CHECKS_UNTIL_OFFLINE { AccountStatus::Offline } else { account.status };
    (status, checks, after(now, if checks >= CHECKS_UNTIL_OFFLINE { CHECK_AFTER } else { RECHECK_AFTER }))
}

/// What the gateway tells of a device's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It is not logged in any more.
    Offline,
    /// It may not be: the gateway tries to reach it again, or has lost it for a while.
    Doubtful,
}

impl Notice {
    /// By the gateway's word for it, in any case; `None` for whatever else it tells.
    pub fn of(word: &str) -> Option<Self> {
        let is_one_of = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        if is_one_of(&["OFFLINE", "LOGOUT"]) {
            Some(Self::Offline)
        } else if is_one_of(&["LOGIN_ERROR", "RECONNECT_FAILED", "LONG_DISCONNECTED"]) {
            Some(Self::Doubtful)
        } else {
            None
        }
    }
}

/// Takes the gateway's notice about the connection of a device; one that nobody has connected is nobody's business.
///
/// # Errors
/// When the account cannot be read or written.
pub async fn take_notice(stores: &Stores, notice: Notice, app_id: &str) -> Result<()> {
    on_conflict(&stores.clock, "wechat account", TRIES, || try_take(stores, notice, app_id)).await
}

async fn try_take(stores: &Stores, notice: Notice, app_id: &str) -> Result<Attempt<()>> {
    let now = stores.clock.now();
    for account in stores.accounts.on_device(&device_digest(app_id)).await? {
        match notice {
            // The device is offline: the gateway says so itself. A repeated notice changes nothing.
            Notice::Offline => {
                let (status, checks) = (AccountStatus::Offline, Some(CHECKS_UNTIL_OFFLINE));
                let health_due = Some(after(now, RECHECK_AFTER));
                if !note(stores, &[account], Proof { status, offline_checks: checks, health_due }).await? {
                    return Ok(Attempt::Conflict);
                }
            }
            // The device may be offline: it is looked at now and not when its next check would have come.
            Notice::Doubtful => {
                if stores.accounts.check_by(&account, now).await? {
                    info!(account.id = account.account_id.as_str(), "account {} to be checked", account.account_id);
                }
            }
        }
    }
    Ok(Attempt::Done(()))
}
