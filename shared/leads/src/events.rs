//! What of this domain is told as events. Each is made beside the change that it tells of, and stored without anything of a
//! person: whoever reads it is shown the leads as they are then.
//!
//! Versions say in which order a lead's events come: people's changes go by the lead's version, syncs' and those of ids by the
//! counter's. Both count when a lead comes, is merged, split or goes.

use jiff::Timestamp;
use kernel::advice::Advice;
use kernel::events::{Event, Place};
use kernel::ids::{TaskId, UserId};
use kernel::instant::between;
use kernel::transaction::Transaction;
use serde::{Deserialize, Serialize};

use crate::ids::{LeadId, OpenId};
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};
use crate::store::lead::{Lead, LeadStatus, Refresh};
use crate::store::sync_task::{Ending, SyncStrategy, SyncTask};
use crate::tokens::expiry;

/// Leads of one event at most.
const MOST_LEADS: usize = 20;

/// What has happened, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum LeadEvent {
    /// Leads have come.
    #[serde(rename = "lead.created")]
    Created { lead_ids: Vec<LeadId> },
    /// Something of a lead has changed that is not its status.
    #[serde(rename = "lead.updated")]
    Updated { lead_id: LeadId, changed: Vec<ChangedField> },
    /// A lead has another status.
    #[serde(rename = "lead.status_changed")]
    StatusChanged { lead_id: LeadId, from: LeadStatus, to: LeadStatus },
    /// A lead stands for another one too from now on, whose id is gone.
    #[serde(rename = "lead.merged")]
    Merged { lead_id: LeadId, merged_lead_id: LeadId },
    /// A lead is gone, and all that was known of its person.
    #[serde(rename = "lead.erased")]
    Erased { lead_id: LeadId },
    /// A sync has ended as it should.
    #[serde(rename = "sync.completed")]
    SyncCompleted(SyncResult),
    /// A sync has failed.
    #[serde(rename = "sync.failed")]
    SyncFailed(SyncFailure),
    /// An account does not work any more: it has EXPIRED, or its authorisation was withdrawn.
    #[serde(rename = "account.expired")]
    AccountExpired(AccountEnd),
    /// An account that did not work does so again.
    #[serde(rename = "account.restored")]
    AccountRestored(AccountName),
    /// An account belongs to another tenant from now on, who has authorised it.
    #[serde(rename = "account.taken_over")]
    AccountTakenOver(AccountName),
    /// An account must be authorised anew within some days, or it stops working.
    #[serde(rename = "account.reauthorize_due")]
    ReauthorizeDue(AccountDue),
}

/// An account's platform. Others will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AccountPlatform"))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Platform {
    Douyin,
}

/// Which account an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AccountEvent"))]
#[serde(rename_all = "camelCase")]
pub struct AccountName {
    platform: Platform,
    douyin_user_id: OpenId,
}

/// Why an account does not work, as the list of accounts says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AccountExpiredEvent"))]
#[serde(rename_all = "camelCase")]
pub struct AccountEnd {
    platform: Platform,
    douyin_user_id: OpenId,
    status: AccountStatus,
    /// Whether it is likely to come back by itself.
    recovers: bool,
    message: String,
    reason: String,
}

/// Until when an account works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AccountReauthorizeDueEvent"))]
#[serde(rename_all = "camelCase")]
pub struct AccountDue {
    platform: Platform,
    douyin_user_id: OpenId,
    /// Begun days count.
    days_left: u64,
    ends_at: Timestamp,
}

/// What a sync has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SyncCompletedEvent"))]
#[serde(rename_all = "camelCase")]
pub struct SyncResult {
    #[serde(with = "kernel::ids::task_id_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    task_id: TaskId,
    douyin_user_id: OpenId,
    strategy: SyncStrategy,
    created: u64,
    updated: u64,
    unfollowed: u64,
}

/// Why a sync has failed, as its task says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SyncFailedEvent"))]
#[serde(rename_all = "camelCase")]
pub struct SyncFailure {
    #[serde(with = "kernel::ids::task_id_text")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    task_id: TaskId,
    douyin_user_id: OpenId,
    error: FailureReason,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SyncFailureReason"))]
struct FailureReason {
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schemars(with = "kernel::advice::ErrorCode"))]
    error_type: String,
    message: String,
    reason: String,
}

/// A field of a lead that events name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ChangedField {
    Nickname,
    AvatarUrl,
    Notes,
    OwnerId,
    /// The accounts that it follows, or does not any more.
    Sources,
}

impl LeadEvent {
    /// The leads that it is about and that may still be there.
    pub fn leads(&self) -> &[LeadId] {
        match self {
            Self::Created { lead_ids } => lead_ids,
            Self::Updated { lead_id, .. } | Self::StatusChanged { lead_id, .. } | Self::Merged { lead_id, .. } => {
                std::slice::from_ref(lead_id)
            }
            Self::Erased { .. }
            | Self::SyncCompleted(_)
            | Self::SyncFailed(_)
            | Self::AccountExpired(_)
            | Self::AccountRestored(_)
            | Self::AccountTakenOver(_)
            | Self::ReauthorizeDue(_) => &[],
        }
    }

    fn at(&self, places: Vec<Place>) -> kernel::Result<Event> {
        Event::told(self, places)
    }
}

/// Where people's changes of a lead are counted. What takes a lead off the list, or puts it back, is after its `version` and
/// before the next one.
fn by_people(lead_id: LeadId, version: u64, moves: bool) -> Place {
    Place(format!("lead/{lead_id}"), 2 * version + u64::from(moves))
}

/// Where syncs and changes of ids are counted: one after the other for the whole tenant.
fn by_counter(version: u64) -> Place {
    Place("ids".to_owned(), version)
}

/// The end of a sync comes after all its pages.
fn by_sync(task_id: TaskId, is_end: bool) -> Place {
    Place(format!("sync/{task_id}"), u64::from(is_end))
}

/// A lead at its version, and at the counter's.
fn moved(lead: &Lead, counter_version: u64) -> Vec<Place> {
    vec![by_people(lead.lead_id, lead.version, true), by_counter(counter_version)]
}

/// Leads that a sync has made; `counter_version` is that of the counter after it.
pub(crate) fn created(task_id: TaskId, lead_ids: &[LeadId], counter_version: u64) -> kernel::Result<Vec<Event>> {
    let event = |lead_ids: &[LeadId]| {
        let mut places = vec![by_counter(counter_version), by_sync(task_id, false)];
        places.extend(lead_ids.iter().map(|id| by_people(*id, 0, false)));
        LeadEvent::Created { lead_ids: lead_ids.to_vec() }.at(places)
    };
    lead_ids.chunks(MOST_LEADS).map(event).collect()
}

/// A lead that a sync has changed.
pub(crate) fn refreshed(
    task_id: TaskId,
    lead: &Lead,
    refresh: &Refresh<'_>,
    counter_version: u64,
) -> kernel::Result<Option<Event>> {
    let followed = lead.sources.contains(refresh.source) && !lead.unfollowed.contains(refresh.source);
    let changed = [
        (ChangedField::Nickname, refresh.nickname != lead.nickname),
        (ChangedField::AvatarUrl, refresh.avatar_url != lead.avatar_url),
        (ChangedField::Sources, refresh.follows_source != followed || !lead.sources.contains(refresh.source)),
    ];
    updated(lead.lead_id, &changed, || vec![by_counter(counter_version), by_sync(task_id, false)])
}

/// A lead that a person has changed; `is_noted` if a note was written, also the same once more.
pub(crate) fn edited(before: &Lead, after: &Lead, is_noted: bool) -> kernel::Result<Vec<Event>> {
    changes(before, after, is_noted, || vec![by_people(after.lead_id, after.version, false)])
}

/// A lead that does not belong to an account any more whose data are deleted.
pub(crate) fn source_left(before: &Lead, after: &Lead, counter_version: u64) -> kernel::Result<Vec<Event>> {
    changes(before, after, false, || vec![by_counter(counter_version)])
}

/// A lead that stands for another one too.
pub(crate) fn merged(after: &Lead, other: &Lead, counter_version: u64) -> kernel::Result<Event> {
    let mut places = moved(other, counter_version);
    places.push(by_people(after.lead_id, after.version, false));
    LeadEvent::Merged { lead_id: after.lead_id, merged_lead_id: other.lead_id }.at(places)
}

/// A lead without another one that was merged into it, which is there again.
pub(crate) fn split(before: &Lead, after: &Lead, other: &Lead, counter_version: u64) -> kernel::Result<Vec<Event>> {
    let is_noted = before.notes != after.notes;
    let mut events = changes(before, after, is_noted, || {
        vec![by_people(after.lead_id, after.version, false), by_counter(counter_version)]
    })?;
    events.push(LeadEvent::Created { lead_ids: vec![other.lead_id] }.at(moved(other, counter_version))?);
    Ok(events)
}

/// A lead that is gone.
pub(crate) fn erased(lead: &Lead, counter_version: u64) -> kernel::Result<Event> {
    LeadEvent::Erased { lead_id: lead.lead_id }.at(moved(lead, counter_version))
}

/// The end of a sync; that its user did not want it any more is no news.
pub(crate) fn sync_ended(task: &SyncTask, ending: &Ending) -> kernel::Result<Option<Event>> {
    match ending {
        Ending::Completed => {
            let SyncTask { task_id, account_open_id, strategy, counters, .. } = task;
            let result = SyncResult {
                task_id: *task_id,
                douyin_user_id: account_open_id.clone(),
                strategy: *strategy,
                created: counters.created,
                updated: counters.updated,
                unfollowed: counters.unfollowed,
            };
            LeadEvent::SyncCompleted(result).at(vec![by_sync(*task_id, true)]).map(Some)
        }
        Ending::Failed(advice) | Ending::Blocked(advice, _) => {
            sync_failed(task.task_id, &task.account_open_id, advice).map(Some)
        }
        Ending::Cancelled => Ok(None),
    }
}

/// The end of a sync that fails.
pub(crate) fn sync_failed(task_id: TaskId, account: &OpenId, advice: &Advice) -> kernel::Result<Event> {
    let error = FailureReason {
        error_type: advice.code.as_str().to_owned(),
        message: advice.message.to_string(),
        reason: advice.remedy.to_string(),
    };
    LeadEvent::SyncFailed(SyncFailure { task_id, douyin_user_id: account.clone(), error })
        .at(vec![by_sync(task_id, true)])
}

/// Where changes of an account are counted: by the version that its tokens have after the change. An account that is deleted
/// and authorised anew has another number.
fn by_account(account: &Account) -> Place {
    Place(format!("account/{}", account.id), account.token_version + 1)
}

impl AccountName {
    fn of(account: &Account) -> Self {
        Self { platform: Platform::Douyin, douyin_user_id: account.account_open_id.clone() }
    }
}

/// An account as it is once it does not work any more, with the version from before; none for one that is ACTIVE.
pub(crate) fn account_ended(account: &Account) -> kernel::Result<Vec<Event>> {
    let event = |advice: Advice| {
        let AccountName { platform, douyin_user_id } = AccountName::of(account);
        let end = AccountEnd {
            platform,
            douyin_user_id,
            status: account.status,
            recovers: expiry::recovers(account),
            message: advice.message.to_string(),
            reason: advice.remedy.to_string(),
        };
        LeadEvent::AccountExpired(end).at(vec![by_account(account)])
    };
    expiry::advice(account).map(event).into_iter().collect()
}

/// An account that did not work when it was read, and does so from now on.
pub(crate) fn account_restored(account: &Account) -> kernel::Result<Event> {
    LeadEvent::AccountRestored(AccountName::of(account)).at(vec![by_account(account)])
}

/// An account that leaves its tenant.
pub(crate) fn account_taken_over(account: &Account) -> kernel::Result<Event> {
    LeadEvent::AccountTakenOver(AccountName::of(account)).at(vec![by_account(account)])
}

/// An account that works until `end` and no longer. It has changed in nothing else, so this comes after what made it what it is.
pub(crate) fn reauthorize_due(account: &Account, end: Timestamp, now: Timestamp) -> kernel::Result<Event> {
    let AccountName { platform, douyin_user_id } = AccountName::of(account);
    let days_left = between(now, end).as_secs().div_ceil(86_400);
    let place = Place(format!("account/{}", account.id), account.token_version);
    LeadEvent::ReauthorizeDue(AccountDue { platform, douyin_user_id, days_left, ends_at: end }).at(vec![place])
}

fn changes(before: &Lead, after: &Lead, is_noted: bool, places: impl Fn() -> Vec<Place>) -> kernel::Result<Vec<Event>> {
    let changed = [
        (ChangedField::Nickname, after.nickname != before.nickname),
        (ChangedField::AvatarUrl, after.avatar_url != before.avatar_url),
        (ChangedField::Notes, is_noted),
        (ChangedField::OwnerId, after.owner != before.owner),
        (ChangedField::Sources, (&after.sources, &after.unfollowed) != (&before.sources, &before.unfollowed)),
    ];
    let mut events: Vec<Event> = updated(after.lead_id, &changed, &places)?.into_iter().collect();
    if after.status != before.status {
        let event = LeadEvent::StatusChanged { lead_id: after.lead_id, from: before.status, to: after.status };
        events.push(event.at(places())?);
    }
    Ok(events)
}

fn updated(
    lead_id: LeadId,
    changed: &[(ChangedField, bool)],
    places: impl Fn() -> Vec<Place>,
) -> kernel::Result<Option<Event>> {
    let changed: Vec<ChangedField> = changed.iter().filter(|(_, is)| *is).map(|(field, _)| *field).collect();
    if changed.is_empty() {
        return Ok(None);
    }
    LeadEvent::Updated { lead_id, changed }.at(places()).map(Some)
}

impl Stores {
    /// Has the transaction tell these events.
    pub(crate) fn tell(&self, transaction: &mut Transaction, user_id: UserId, events: &[Event]) -> kernel::Result<()> {
        self.outbox.add(transaction, user_id, events)
    }
}
