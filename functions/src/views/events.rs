//! Events as they are told: what was stored, and the leads that they name as these are now.

use std::collections::HashMap;

use jiff::Timestamp;
use kernel::events::StoredEvent;
use leads::events::{AccountDue, AccountEnd, AccountName, ChangedField, LeadEvent, SyncFailure, SyncResult};
use leads::ids::{LeadId, UnifiedLeadId};
use leads::store::lead::{Lead, LeadStatus};
use moments::events::{MomentEvent, NamedAccounts, StoppedAccounts, TaskEnd, WaitingAccounts};
use serde::Serialize;
use webhooks::events::{WebhookEnd, WebhookEvent};

use super::leads::LeadRecord;

/// An event with its number.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Event"))]
pub(crate) struct EventView {
    sequence: u64,
    id: String,
    #[serde(rename = "type")]
    kind: EventType,
    time: Timestamp,
    data: EventData,
}

/// The words of the contract.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) enum EventType {
    #[serde(rename = "lead.created")]
    LeadCreated,
    #[serde(rename = "lead.updated")]
    LeadUpdated,
    #[serde(rename = "lead.status_changed")]
    LeadStatusChanged,
    #[serde(rename = "lead.merged")]
    LeadMerged,
    #[serde(rename = "lead.erased")]
    LeadErased,
    #[serde(rename = "sync.completed")]
    SyncCompleted,
    #[serde(rename = "sync.failed")]
    SyncFailed,
    #[serde(rename = "account.expired")]
    AccountExpired,
    #[serde(rename = "account.restored")]
    AccountRestored,
    #[serde(rename = "account.taken_over")]
    AccountTakenOver,
    #[serde(rename = "account.reauthorize_due")]
    AccountReauthorizeDue,
    #[serde(rename = "account.offline")]
    AccountOffline,
    #[serde(rename = "moment.task.finished")]
    MomentTaskFinished,
    #[serde(rename = "moment.waiting_for_member")]
    MomentWaitingForMember,
    #[serde(rename = "webhook.disabled")]
    WebhookDisabled,
}

/// What is told, by type.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum EventData {
    LeadCreated(LeadCreated),
    LeadUpdated(Box<LeadUpdated>),
    LeadStatusChanged(Box<LeadStatusChanged>),
    LeadMerged(Box<LeadMerged>),
    LeadErased(LeadErased),
    SyncCompleted(SyncResult),
    SyncFailed(SyncFailure),
    AccountExpired(AccountEnd),
    Account(AccountName),
    AccountReauthorizeDue(AccountDue),
    WechatAccountsStopped(StoppedAccounts),
    WechatAccounts(NamedAccounts),
    MomentTaskFinished(TaskEnd),
    MomentWaitingForMember(WaitingAccounts),
    WebhookDisabled(WebhookEnd),
}

/// A lead that an event names, as it is now: the list's record, and the id by which the unified module finds its own.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventLead {
    #[serde(flatten)]
    record: LeadRecord,
    unified_lead_id: Option<UnifiedLeadId>,
}

impl From<Lead> for EventLead {
    fn from(lead: Lead) -> Self {
        Self { unified_lead_id: lead.unified_lead_id, record: lead.into() }
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LeadCreatedEvent"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeadCreated {
    lead_ids: Vec<LeadId>,
    leads: Vec<EventLead>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LeadUpdatedEvent"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeadUpdated {
    lead_id: LeadId,
    changed: Vec<ChangedField>,
    lead: Option<EventLead>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LeadStatusChangedEvent"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeadStatusChanged {
    lead_id: LeadId,
    from: LeadStatus,
    to: LeadStatus,
    lead: Option<EventLead>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LeadMergedEvent"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeadMerged {
    lead_id: LeadId,
    merged_lead_id: LeadId,
    lead: Option<EventLead>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LeadErasedEvent"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeadErased {
    lead_id: LeadId,
}

/// What an event tells of.
pub(crate) enum Change {
    Lead(LeadEvent),
    Moment(MomentEvent),
    Webhook(WebhookEvent),
}

impl Change {
    /// The leads that it is about and that may still be there.
    pub fn leads(&self) -> &[LeadId] {
        match self {
            Self::Lead(change) => change.leads(),
            Self::Moment(_) | Self::Webhook(_) => &[],
        }
    }
}

impl EventView {
    /// The view of an event, where `leads` are those of its leads that are there.
    pub fn new(event: StoredEvent, change: Change, leads: &HashMap<LeadId, Lead>) -> Self {
        let (kind, data) = match change {
            Change::Lead(change) => EventData::of_lead(change, leads),
            Change::Moment(change) => EventData::of_moment(change),
            Change::Webhook(WebhookEvent::Disabled(end)) => {
                (EventType::WebhookDisabled, EventData::WebhookDisabled(end))
            }
        };
        Self { sequence: event.sequence, id: event.id, kind, time: event.time, data }
    }
}

impl EventData {
    fn of_lead(change: LeadEvent, leads: &HashMap<LeadId, Lead>) -> (EventType, Self) {
        let record = |id: &LeadId| leads.get(id).cloned().map(EventLead::from);
        match change {
            LeadEvent::Created { lead_ids } => {
                let leads = lead_ids.iter().filter_map(record).collect();
                (EventType::LeadCreated, EventData::LeadCreated(LeadCreated { lead_ids, leads }))
            }
            LeadEvent::Updated { lead_id, changed } => {
                let data = LeadUpdated { lead_id, changed, lead: record(&lead_id) };
                (EventType::LeadUpdated, EventData::LeadUpdated(data.into()))
            }
            LeadEvent::StatusChanged { lead_id, from, to } => {
                let data = LeadStatusChanged { lead_id, from, to, lead: record(&lead_id) };
                (EventType::LeadStatusChanged, EventData::LeadStatusChanged(data.into()))
            }
            LeadEvent::Merged { lead_id, merged_lead_id } => {
                let data = LeadMerged { lead_id, merged_lead_id, lead: record(&lead_id) };
                (EventType::LeadMerged, EventData::LeadMerged(data.into()))
            }
            LeadEvent::Erased { lead_id } => (EventType::LeadErased, EventData::LeadErased(LeadErased { lead_id })),
            LeadEvent::SyncCompleted(result) => (EventType::SyncCompleted, EventData::SyncCompleted(result)),
            LeadEvent::SyncFailed(failure) => (EventType::SyncFailed, EventData::SyncFailed(failure)),
            LeadEvent::AccountExpired(end) => (EventType::AccountExpired, EventData::AccountExpired(end)),
            LeadEvent::AccountRestored(account) => (EventType::AccountRestored, EventData::Account(account)),
            LeadEvent::AccountTakenOver(account) => (EventType::AccountTakenOver, EventData::Account(account)),
            LeadEvent::ReauthorizeDue(due) => (EventType::AccountReauthorizeDue, EventData::AccountReauthorizeDue(due)),
        }
    }

    fn of_moment(change: MomentEvent) -> (EventType, Self) {
        match change {
            MomentEvent::TaskFinished(end) => (EventType::MomentTaskFinished, EventData::MomentTaskFinished(end)),
            MomentEvent::WaitingForMember(waiting) => {
                (EventType::MomentWaitingForMember, EventData::MomentWaitingForMember(waiting))
            }
            MomentEvent::AccountsExpired(stopped) => {
                (EventType::AccountExpired, EventData::WechatAccountsStopped(stopped))
            }
            MomentEvent::AccountsOffline(stopped) => {
                (EventType::AccountOffline, EventData::WechatAccountsStopped(stopped))
            }
            MomentEvent::AccountsRestored(accounts) => {
                (EventType::AccountRestored, EventData::WechatAccounts(accounts))
            }
            MomentEvent::AccountsTakenOver(accounts) => {
                (EventType::AccountTakenOver, EventData::WechatAccounts(accounts))
            }
        }
    }
}
