//! The lead list: any page, of any range of time, with any filter, newest first and with exact totals.

mod query;

pub use query::{LeadQuery, RawLeadQuery};

use kernel::Context;
use kernel::config::ConfigError;
use kernel::ids::UserId;
use kernel::page::Page;

use crate::error::Result;
use crate::ids::LeadId;
use crate::search::find;
use crate::store::lead::{Lead, LeadStore};
use crate::store::lead_index::{Bounds, Counter, LeadIndexStore};

/// Access to the lists of a tenant.
#[derive(Debug, Clone)]
pub struct LeadList {
    leads: LeadStore,
    index: LeadIndexStore,
}

impl LeadList {
    /// From the environment.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { leads: LeadStore::new(cx)?, index: LeadIndexStore::new(cx)? })
    }

    /// A page. Ids are dense and times never decrease with them, so without a filter it costs two requests (three
    /// with a time range) however many leads there are and whichever page it is.
    pub async fn page(&self, user_id: UserId, query: &LeadQuery) -> Result<Page<Lead>> {
        let (bounds, counter) = self.bounds(user_id, query).await?;
        if bounds.count() == 0 {
            return Ok(query.page.answer(Vec::new(), 0));
        }
        if query.filter.is_empty() {
            return self.plain(user_id, query, bounds).await;
        }
        let counter = match counter {
            Some(counter) => counter,
            None if query.filter.source.is_some() => self.index.counter(user_id).await?,
            None => Counter::default(),
        };
        let ids = find(&self.index, user_id, bounds, &counter, &query.filter).await?;
        let total = ids.len() as u64;
        let offset = usize::try_from(query.page.offset()).unwrap_or(usize::MAX);
        let size = usize::try_from(query.page.size).unwrap_or(usize::MAX);
        let wanted: Vec<LeadId> = ids.into_iter().skip(offset).take(size).collect();
        Ok(query.page.answer(by_ids(&self.leads, &self.index, user_id, &wanted).await?, total))
    }

    async fn plain(&self, user_id: UserId, query: &LeadQuery, bounds: Bounds) -> Result<Page<Lead>> {
        let total = bounds.count();
        let offset = query.page.offset();
        let records = if offset >= total {
            Vec::new()
        } else {
            let last = bounds.last - offset;
            let first = bounds.first.max((last + 1).saturating_sub(query.page.size));
            self.leads.range(user_id, first, last).await?
        };
        Ok(query.page.answer(records, total))
    }

    /// The ids the time range means, and the counter if it was read for them.
    async fn bounds(&self, user_id: UserId, query: &LeadQuery) -> Result<(Bounds, Option<Counter>)> {
        const NONE: Bounds = Bounds { first: 1, last: 0 };
        let first = async {
            match query.start_time {
                Some(time) => self.index.first_since(user_id, time).await,
                None => Ok(Some(1)),
            }
        };
        let last = async {
            match query.end_time {
                Some(time) => self.index.last_until(user_id, time).await.map(|last| (last, None)),
                None => self.index.counter(user_id).await.map(|counter| (Some(counter.lead_count), Some(counter))),
            }
        };
        let (first, (last, counter)) = futures::try_join!(first, last)?;
        Ok(match (first, last) {
            (Some(first), Some(last)) => (Bounds { first, last }, counter),
            _ => (NONE, counter),
        })
    }
}

/// Leads by id, in the order asked for, read consistently.
pub(crate) async fn by_ids(
    leads: &LeadStore,
    index: &LeadIndexStore,
    user_id: UserId,
    ids: &[LeadId],
) -> Result<Vec<Lead>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let open_ids = index.open_ids_of(user_id, ids).await?;
    let mut rows = leads.by_open_ids(user_id, open_ids.values().map(String::as_str)).await?;
    rows.sort_unstable_by_key(|lead| ids.iter().position(|id| *id == lead.lead_id));
    Ok(rows)
}
