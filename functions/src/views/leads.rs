//! Douyin lead acquisition: the domain's objects with the contract's field names.

use std::borrow::Cow;

use http::StatusCode;
use jiff::Timestamp;
use kernel::page::Page;
use leads::accounts::ListedAccount;
use leads::authorize::Authorized;
use leads::config::AutoSync;
use leads::fan_sync::{self, HealthStatus};
use leads::ids::{LeadId, OpenId, OwnerId, UnifiedLeadId};
use leads::lead_list::LeadPage;
use leads::store::account::{Account, AccountStatus};
use leads::store::lead::{Lead, LeadStatus};
use leads::store::lead_index::{EditRecord, StatusCounts};
use leads::store::platform_state::AppState;
use leads::store::sync_task::{StartedBy, SyncStatus, SyncStrategy, SyncTask, WaitReason};
use leads::tokens::{expiry, reauthorize_by};
use serde::Serialize;

use crate::http::{ApiResponse, Problem};

/// The channel every lead of this domain comes through.
const CHANNEL: &str = "抖音获客";

/// That an account is authorised, and what was not granted.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Authorized"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthorizedView<'a> {
    message: &'static str,
    user_id: u64,
    douyin_user_id: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    missing_scopes: &'a [String],
}

/// The answer that an account is authorised.
pub fn authorized(account: &Authorized) -> Result<ApiResponse, Problem> {
    const AUTHORIZED: &str = "授权成功";
    let (user_id, douyin_user_id) = (account.user_id.get(), account.account_open_id.as_str());
    ApiResponse::enveloped(
        StatusCode::OK,
        AUTHORIZED,
        AuthorizedView { message: AUTHORIZED, user_id, douyin_user_id, missing_scopes: &account.missing_scopes },
    )
}

/// A record of the lead list: the specification's fields, and who works the lead.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LeadRecord {
    lead_id: LeadId,
    channel: &'static str,
    nickname: String,
    avatar_url: String,
    douyin_user_id: OpenId,
    acquire_time: Timestamp,
    status: LeadStatus,
    notes: String,
    owner_id: Option<OwnerId>,
}

impl From<Lead> for LeadRecord {
    fn from(lead: Lead) -> Self {
        Self {
            lead_id: lead.lead_id,
            channel: CHANNEL,
            nickname: lead.nickname,
            avatar_url: lead.avatar_url,
            douyin_user_id: lead.fan_open_id,
            acquire_time: lead.acquire_time,
            status: lead.status,
            notes: lead.notes,
            owner_id: lead.owner,
        }
    }
}

/// A page of the lead list: the owner's fields, and how many leads there are of each status.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LeadPage"))]
#[serde(rename_all = "camelCase")]
pub struct LeadPageView {
    #[serde(flatten)]
    page: Page<LeadRecord>,
    status_counts: StatusCountsView,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "StatusCounts"))]
#[serde(rename_all = "UPPERCASE")]
struct StatusCountsView {
    new: u64,
    contacted: u64,
    converted: u64,
}

impl From<LeadPage> for LeadPageView {
    fn from(LeadPage { page, counts }: LeadPage) -> Self {
        let Page { records, total, size, current, pages } = page;
        let records = records.into_iter().map(LeadRecord::from).collect();
        let StatusCounts { new, contacted, converted } = counts;
        Self {
            page: Page { records, total, size, current, pages },
            status_counts: StatusCountsView { new, contacted, converted },
        }
    }
}

/// A lead opened for work: the record and what belongs to it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LeadDetail {
    #[serde(flatten)]
    record: LeadRecord,
    unified_lead_id: Option<UnifiedLeadId>,
    version: u64,
    update_time: Timestamp,
    sources: Vec<SourceView>,
    /// The lead's own id, when it was asked for by that of one that was merged into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_into: Option<LeadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<EditView>>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Source"))]
#[serde(rename_all = "camelCase")]
struct SourceView {
    douyin_user_id: OpenId,
    following: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Edit"))]
#[serde(rename_all = "camelCase")]
struct EditView {
    version: u64,
    edited_by: u64,
    actor: ActorView,
    edit_time: Timestamp,
    from_status: LeadStatus,
    to_status: LeadStatus,
    notes_changed: bool,
    /// Only of a change of the owner.
    #[serde(flatten)]
    owner: Option<OwnerChangeView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct OwnerChangeView {
    #[cfg_attr(feature = "openapi", schemars(extend("x-may-be-null" = true)))]
    from_owner_id: Option<String>,
    #[cfg_attr(feature = "openapi", schemars(extend("x-may-be-null" = true)))]
    to_owner_id: Option<String>,
}

/// Who of the tenant made a change.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Actor"))]
pub(crate) struct ActorView {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl LeadDetail {
    /// The view of a lead, with its history when that was read.
    pub fn new(lead: Lead, history: Option<Vec<EditRecord>>) -> Self {
        let sources = lead
            .sources
            .iter()
            .map(|source| SourceView { douyin_user_id: source.clone(), following: !lead.unfollowed.contains(source) });
        Self {
            unified_lead_id: lead.unified_lead_id,
            version: lead.version,
            update_time: lead.update_time,
            sources: sources.collect(),
            merged_into: None,
            history: history.map(|edits| edits.into_iter().map(EditView::from).collect()),
            record: lead.into(),
        }
    }
}

impl LeadDetail {
    /// The same, asked for as lead `id`.
    #[must_use]
    pub fn asked_for_as(mut self, id: LeadId) -> Self {
        self.merged_into = Some(self.record.lead_id).filter(|lead_id| *lead_id != id);
        self
    }
}

impl From<EditRecord> for EditView {
    fn from(edit: EditRecord) -> Self {
        let owner = edit.from_owner.zip(edit.to_owner).map(|(from, to)| {
            let somebody = |owner: String| Some(owner).filter(|owner| !owner.is_empty());
            OwnerChangeView { from_owner_id: somebody(from), to_owner_id: somebody(to) }
        });
        Self {
            version: edit.version,
            edited_by: edit.edited_by.get(),
            // Before actors were noted, a change was the tenant's.
            actor: ActorView { id: edit.actor_id.unwrap_or_else(|| edit.edited_by.to_string()), name: edit.actor_name },
            edit_time: edit.edited_at,
            from_status: edit.from_status,
            to_status: edit.to_status,
            notes_changed: edit.notes_changed,
            owner,
        }
    }
}

/// How a sync goes.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SyncTask"))]
#[serde(rename_all = "camelCase")]
pub struct SyncTaskView {
    task_id: String,
    douyin_user_id: OpenId,
    status: SyncStatus,
    strategy: SyncStrategy,
    started_by: StartedBy,
    pages: u64,
    seen: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    skipped: u64,
    unfollowed: u64,
    total: Option<u64>,
    create_time: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    next_action_at: Option<Timestamp>,
    waits_for: Option<WaitReason>,
    reason: Option<&'static str>,
    error: Option<SyncErrorView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "SyncError"))]
#[serde(rename_all = "camelCase")]
struct SyncErrorView {
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schemars(with = "kernel::advice::ErrorCode"))]
    error_type: String,
    message: String,
    reason: String,
}

impl From<SyncTask> for SyncTaskView {
    fn from(task: SyncTask) -> Self {
        let waits_for = fan_sync::waiting(&task);
        // While a worker is at it the row has the end of its lease there, which is nobody's business.
        let due = task.next_action_at.filter(|_| task.lease_owner.is_none());
        let error = task.error_type.map(|error_type| SyncErrorView {
            error_type,
            message: task.error_message.unwrap_or_default(),
            reason: task.error_remedy.unwrap_or_default(),
        });
        Self {
            waits_for,
            reason: waits_for.map(fan_sync::explain),
            next_action_at: due,
            task_id: task.task_id.to_string(),
            douyin_user_id: task.account_open_id,
            status: task.status,
            strategy: task.strategy,
            started_by: task.started_by,
            pages: task.counters.pages,
            seen: task.counters.seen,
            created: task.counters.created,
            updated: task.counters.updated,
            unchanged: task.counters.unchanged,
            skipped: task.counters.skipped,
            unfollowed: task.counters.unfollowed,
            total: task.total,
            create_time: task.create_time,
            started_at: task.started_at,
            finished_at: task.finished_at,
            error,
        }
    }
}

/// An authorised account: never its tokens.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "DouyinAccount"))]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    douyin_user_id: OpenId,
    nickname: String,
    avatar_url: String,
    status: AccountStatus,
    status_reason: Option<StatusReasonView>,
    scopes: Vec<String>,
    missing_scopes: Vec<String>,
    last_sync_at: Option<Timestamp>,
    next_sync_at: Option<Timestamp>,
    health: HealthView,
    reauthorize_by: Option<Timestamp>,
    active_sync_task_id: Option<String>,
    create_time: Timestamp,
}

/// Why an account does not work, and what becomes of it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "StatusReason"))]
#[serde(rename_all = "camelCase")]
struct StatusReasonView {
    /// Whether it is likely to come back by itself; otherwise its user has to authorise it anew.
    recovers: bool,
    message: Cow<'static, str>,
    reason: Cow<'static, str>,
}

impl StatusReasonView {
    fn of(account: &Account) -> Option<Self> {
        expiry::advice(account).map(|advice| Self {
            recovers: expiry::recovers(account),
            message: advice.message,
            reason: advice.remedy,
        })
    }
}

fn scopes(joined: &str) -> Vec<String> {
    joined.split(',').filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// Whether the account's leads flow.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "DouyinAccountHealth"))]
struct HealthView {
    status: HealthStatus,
    reason: Option<String>,
    since: Option<Timestamp>,
}

impl AccountView {
    /// The view of an account, by what is known of our app, synced by itself as `auto` says.
    pub fn new(listed: ListedAccount, app: AppState, auto: AutoSync) -> Self {
        let ListedAccount { account, health } = listed;
        let can_be = health.status != HealthStatus::Unavailable;
        let is_synced = auto.is_on && can_be && account.status == AccountStatus::Active && account.lists_fans();
        Self {
            reauthorize_by: reauthorize_by(&account, app.renewals_missing_at.is_none()),
            status_reason: StatusReasonView::of(&account),
            douyin_user_id: account.account_open_id,
            nickname: account.nickname,
            avatar_url: account.avatar_url,
            status: account.status,
            scopes: scopes(&account.scope),
            missing_scopes: scopes(&account.missing_scope),
            last_sync_at: account.last_sync_time,
            next_sync_at: account.schedule.sync_due.filter(|_| is_synced),
            health: HealthView { status: health.status, reason: health.reason, since: health.since },
            active_sync_task_id: account.active_sync_task_id.map(|task| task.to_string()),
            create_time: account.create_time,
        }
    }
}
