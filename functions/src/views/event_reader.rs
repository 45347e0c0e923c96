//! Reads what events tell of: the leads that they name, as these are now.

use std::collections::{BTreeSet, HashMap};

use kernel::config::ConfigError;
use kernel::events::StoredEvent;
use kernel::ids::UserId;
use kernel::{Context, Error};
use leads::Stores;
use leads::ids::LeadId;
use serde_json::Value;
use webhooks::EventViews;

use super::events::{Change, EventView};

/// Leads that are read and shown at once: with the longest notes they stay below the 6 MB that Lambda answers. What would show
/// more has fewer events than were asked for, but at least one, which names 20 leads at most.
const MOST_LEADS: usize = 300;

/// Shows events as everybody is told them: who asks for them, webhooks, and the sink.
#[derive(Debug, Clone)]
pub(crate) struct EventReader {
    stores: Stores,
}

impl EventReader {
    /// Built once at init.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)? })
    }

    /// The first of these events of a tenant, as many as fit one answer.
    pub async fn read(&self, tenant: UserId, events: Vec<StoredEvent>) -> kernel::Result<Vec<EventView>> {
        let mut told = Vec::new();
        let mut named: BTreeSet<LeadId> = BTreeSet::new();
        for event in events {
            let change = change(&event)?;
            named.extend(change.leads());
            if named.len() > MOST_LEADS && !told.is_empty() {
                break;
            }
            told.push((event, change));
        }
        let shown: BTreeSet<LeadId> = told.iter().flat_map(|(_, change)| change.leads()).copied().collect();
        let leads = self.stores.leads.by_ids(tenant, shown).await?;
        let leads: HashMap<LeadId, _> = leads.into_iter().map(|lead| (lead.lead_id, lead)).collect();
        Ok(told.into_iter().map(|(event, change)| EventView::new(event, change, &leads)).collect())
    }
}

impl EventViews for EventReader {
    async fn view(&self, tenant: UserId, event: StoredEvent) -> kernel::Result<Value> {
        let view = self.read(tenant, vec![event]).await?.pop().ok_or(Error::Internal("event without a view"))?;
        serde_json::to_value(view).map_err(|_| Error::Internal("event not serialised"))
    }
}

fn change(event: &StoredEvent) -> kernel::Result<Change> {
    if let Some(change) = event.read()? {
        return Ok(Change::Lead(change));
    }
    if let Some(change) = event.read()? {
        return Ok(Change::Moment(change));
    }
    event.read()?.map(Change::Webhook).ok_or(Error::Corrupt("event"))
}
