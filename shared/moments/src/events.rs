//! What of this domain is told as events: how tasks end, that members are asked to confirm, and whether accounts can publish. Each is
//! made beside the change that it tells of.

use jiff::Timestamp;
use kernel::advice::{self, Advice};
use kernel::events::{Event, Place};
use kernel::ids::{TaskId, UserId};
use kernel::instant::whole_second;
use kernel::transaction::Transaction;
use serde::{Deserialize, Serialize};

use crate::ids::AccountId;
use crate::provider::Provider;
use crate::status::{Standing, TaskStatus};
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};
use crate::store::task::Task;

/// Accounts of one event at most.
pub(crate) const MOST_ACCOUNTS: usize = 20;

/// What has happened, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum MomentEvent {
    /// A task has ended. One that is tried again, or of which more becomes known, is told again with what it has come to then.
    #[serde(rename = "moment.task.finished")]
    TaskFinished(TaskEnd),
    /// Members of a company are asked to confirm a post.
    #[serde(rename = "moment.waiting_for_member")]
    WaitingForMember(WaitingAccounts),
    /// Accounts cannot publish any more: what they act with is not accepted.
    #[serde(rename = "account.expired")]
    AccountsExpired(StoppedAccounts),
    /// An account cannot publish now: its device is not logged in.
    #[serde(rename = "account.offline")]
    AccountsOffline(StoppedAccounts),
    /// Accounts that could not publish can do so again.
    #[serde(rename = "account.restored")]
    AccountsRestored(NamedAccounts),
    /// An account belongs to another tenant from now on, who has the person on a device.
    #[serde(rename = "account.taken_over")]
    AccountsTakenOver(NamedAccounts),
}

/// Where accounts publish, and through whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WechatAccountPlatform"))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Platform {
    WechatPersonal,
    WechatWework,
}

impl From<Provider> for Platform {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Gateway => Self::WechatPersonal,
            Provider::Wecom => Self::WechatWework,
        }
    }
}

/// Which accounts an event is about: those of a company change together, as they have one secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WechatAccountsEvent"))]
#[serde(rename_all = "camelCase")]
pub struct NamedAccounts {
    platform: Platform,
    account_ids: Vec<AccountId>,
}

/// Why accounts cannot publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WechatAccountsStoppedEvent"))]
#[serde(rename_all = "camelCase")]
pub struct StoppedAccounts {
    platform: Platform,
    account_ids: Vec<AccountId>,
    status: AccountStatus,
    message: String,
    reason: String,
}

/// What a task has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "MomentTaskFinishedEvent"))]
#[serde(rename_all = "camelCase")]
pub struct TaskEnd {
    #[serde(with = "kernel::ids::task_id_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    sync_task_id: TaskId,
    status: TaskStatus,
    succeeded: u32,
    failed: u32,
    cancelled: u32,
}

/// Whose confirmation is waited for, at most until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "MomentWaitingForMemberEvent"))]
#[serde(rename_all = "camelCase")]
pub struct WaitingAccounts {
    #[serde(with = "kernel::ids::task_id_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    sync_task_id: TaskId,
    account_ids: Vec<AccountId>,
    confirm_until: Option<Timestamp>,
}

/// Where changes of accounts' statuses are counted: by the versions that their rows have after the change.
fn by_accounts(accounts: &[&Account], now: Timestamp) -> Vec<Place> {
    let place = |account: &&Account| Place(format!("wechat-account/{}", account.account_id), account.next_version(now));
    accounts.iter().map(place).collect()
}

fn named(accounts: &[&Account], provider: Provider) -> NamedAccounts {
    let account_ids = accounts.iter().map(|account| account.account_id.clone()).collect();
    NamedAccounts { platform: provider.into(), account_ids }
}

/// Accounts of one provider, no more than [`MOST_ACCOUNTS`], that stand at `status` with this change and did not before. Nothing
/// without any.
pub(crate) fn accounts_stand(
    accounts: &[&Account],
    status: AccountStatus,
    now: Timestamp,
) -> kernel::Result<Option<Event>> {
    let Some(provider) = accounts.first().map(|account| account.provider) else { return Ok(None) };
    let stopped = |advice: Advice| {
        let NamedAccounts { platform, account_ids } = named(accounts, provider);
        let (message, reason) = (advice.message.to_string(), advice.remedy.to_string());
        StoppedAccounts { platform, account_ids, status, message, reason }
    };
    let event = match status {
        AccountStatus::Active => MomentEvent::AccountsRestored(named(accounts, provider)),
        AccountStatus::Offline => MomentEvent::AccountsOffline(stopped(advice::DEVICE_OFFLINE)),
        AccountStatus::Expired => MomentEvent::AccountsExpired(stopped(provider.expired())),
    };
    Event::told(&event, by_accounts(accounts, now)).map(Some)
}

/// An account that leaves its tenant.
pub(crate) fn account_taken_over(account: &Account, now: Timestamp) -> kernel::Result<Event> {
    let event = MomentEvent::AccountsTakenOver(named(&[account], account.provider));
    Event::told(&event, by_accounts(&[account], now))
}

/// Where changes of a task are counted: by the version that its row has after the change.
fn by_task(task: &Task, version: u64) -> Vec<Place> {
    vec![Place(format!("moment/{}", task.id), version)]
}

/// The end of a task that stands at `after` with this change. Nothing when it goes on, when its user has called all of it off,
/// or when it stood there before.
pub(crate) fn ended(task: &Task, after: Standing) -> kernel::Result<Option<Event>> {
    let is_news = (task.status, task.tally) != (after.status, after.tally);
    if !after.status.ended() || after.status == TaskStatus::Cancelled || !is_news {
        return Ok(None);
    }
    let end = TaskEnd {
        sync_task_id: task.id,
        status: after.status,
        succeeded: after.tally.succeeded,
        failed: after.tally.failed,
        cancelled: after.tally.cancelled,
    };
    Event::told(&MomentEvent::TaskFinished(end), by_task(task, task.version + 1)).map(Some)
}

/// That the members of these accounts are asked to confirm; nothing without any.
pub(crate) fn waiting(
    task: &Task,
    accounts: Vec<AccountId>,
    confirm_until: Option<Timestamp>,
) -> kernel::Result<Option<Event>> {
    if accounts.is_empty() {
        return Ok(None);
    }
    let confirm_until = confirm_until.map(whole_second);
    let waiting = WaitingAccounts { sync_task_id: task.id, account_ids: accounts, confirm_until };
    Event::told(&MomentEvent::WaitingForMember(waiting), by_task(task, task.version)).map(Some)
}

impl Stores {
    /// Has the transaction tell these events of the tenant.
    pub(crate) fn tell(
        &self,
        transaction: &mut Transaction,
        user_id: UserId,
        events: impl IntoIterator<Item = Event>,
    ) -> kernel::Result<()> {
        let events: Vec<Event> = events.into_iter().collect();
        self.outbox.add(transaction, user_id, &events)
    }
}
