//! The lead list: any page, of any range of time, with any filter, newest first and with exact totals.

mod query;

pub use query::{LeadQuery, RawLeadQuery};

use kernel::ids::UserId;
use kernel::page::Page;

use crate::error::Result;
use crate::ids::LeadId;
use crate::search::find;
use crate::store::Stores;
use crate::store::lead::Lead;
use crate::store::lead_index::{Bounds, Counter};

/// A page. Ids are dense and times never decrease with them, so without a filter it costs two requests (three
/// with a time range) however many leads there are and whichever page it is.
pub async fn page(stores: &Stores, user_id: UserId, query: &LeadQuery) -> Result<Page<Lead>> {
    let (bounds, counter) = bounds_of(stores, user_id, query).await?;
    if bounds.count() == 0 {
        return Ok(query.page.answer(Vec::new(), 0));
    }
    if query.filter.is_empty() {
        return plain(stores, user_id, query, bounds).await;
    }
    let counter = match counter {
        Some(counter) => counter,
        None if query.filter.source.is_some() => stores.index.counter(user_id).await?,
        None => Counter::default(),
    };
    let ids = find(&stores.index, user_id, bounds, &counter, &query.filter).await?;
    let total = ids.len() as u64;
    let offset = usize::try_from(query.page.offset()).unwrap_or(usize::MAX);
    let size = usize::try_from(query.page.size).unwrap_or(usize::MAX);
    let wanted: Vec<LeadId> = ids.into_iter().skip(offset).take(size).collect();
    Ok(query.page.answer(by_ids(stores, user_id, &wanted).await?, total))
}

async fn plain(stores: &Stores, user_id: UserId, query: &LeadQuery, bounds: Bounds) -> Result<Page<Lead>> {
    let total = bounds.count();
    let offset = query.page.offset();
    let records = if offset >= total {
        Vec::new()
    } else {
        let last = bounds.last - offset;
        let first = bounds.first.max((last + 1).saturating_sub(query.page.size));
        stores.leads.range(user_id, LeadId::new(first), LeadId::new(last)).await?
    };
    Ok(query.page.answer(records, total))
}

/// The ids the time range means, and the counter if it was read for them.
async fn bounds_of(stores: &Stores, user_id: UserId, query: &LeadQuery) -> Result<(Bounds, Option<Counter>)> {
    const NONE: Bounds = Bounds { first: 1, last: 0 };
    let first = async {
        match query.start_time {
            Some(time) => stores.index.first_since(user_id, time).await,
            None => Ok(Some(1)),
        }
    };
    let last = async {
        match query.end_time {
            Some(time) => stores.index.last_until(user_id, time).await.map(|last| (last, None)),
            None => stores.index.counter(user_id).await.map(|counter| (Some(counter.lead_count), Some(counter))),
        }
    };
    let (first, (last, counter)) = futures::try_join!(first, last)?;
    Ok(match (first, last) {
        (Some(first), Some(last)) => (Bounds { first, last }, counter),
        _ => (NONE, counter),
    })
}

/// Leads by id, in the order asked for, read consistently.
pub(crate) async fn by_ids(stores: &Stores, user_id: UserId, ids: &[LeadId]) -> Result<Vec<Lead>> {
    let mut rows = stores.leads.by_ids(user_id, ids.iter().copied()).await?;
    rows.sort_unstable_by_key(|lead| ids.iter().position(|id| *id == lead.lead_id));
    Ok(rows)
}
