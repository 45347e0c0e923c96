//! The lead list: any page, of any range of time, with any filter, newest first and with exact totals.

mod query;

pub use query::{LeadQuery, RawLeadQuery};

use futures::try_join;
use kernel::ids::UserId;
use kernel::page::{Page, PageRequest};
use roaring::RoaringBitmap;

use crate::error::Result;
use crate::ids::LeadId;
use crate::search::find;
use crate::store::Stores;
use crate::store::bitmap::bitmap_id;
use crate::store::lead::Lead;
use crate::store::lead_index::{Bounds, Counter, StatusCounts};

/// A page of the list, and how its leads are spread over the statuses.
#[derive(Debug)]
pub struct LeadPage {
    pub page: Page<Lead>,
    /// Of the leads that fit everything in the query except its status.
    pub counts: StatusCounts,
}

/// A page. Ids are dense and times never decrease with them, so however many leads there are and whichever page it is,
/// without a filter it costs the totals and the one to three buckets that it lies in, with a status as many requests, and
/// with an owner one more.
pub async fn page(stores: &Stores, user_id: UserId, query: &LeadQuery) -> Result<LeadPage> {
    let (bounds, totals) = bounds_of(stores, user_id, query).await?;
    if bounds.count() == 0 {
        return Ok(LeadPage { page: query.page.answer(Vec::new(), 0), counts: StatusCounts::default() });
    }
    if query.filter.is_empty() {
        return plain(stores, user_id, query, bounds, totals).await;
    }
    let (ids, sets) = try_join!(fitting(stores, user_id, query, bounds, totals), async {
        Ok(stores.index.status_sets(user_id, bounds).await?)
    })?;
    let counts = sets.counts(&ids);
    let ids = match query.filter.status {
        Some(status) => sets.with_status(ids, status),
        None => ids,
    };
    let records = by_ids(stores, user_id, &newest(&ids, query.page)).await?;
    Ok(LeadPage { page: query.page.answer(records, ids.len()), counts })
}

/// The ids of all leads that fit the query, whatever page it asks for.
pub(crate) async fn matching(stores: &Stores, user_id: UserId, query: &LeadQuery) -> Result<RoaringBitmap> {
    let (bounds, totals) = bounds_of(stores, user_id, query).await?;
    if bounds.count() == 0 {
        return Ok(RoaringBitmap::new());
    }
    let ids = fitting(stores, user_id, query, bounds, totals).await?;
    Ok(match query.filter.status {
        Some(status) => stores.index.status_sets(user_id, bounds).await?.with_status(ids, status),
        None => ids,
    })
}

async fn plain(
    stores: &Stores,
    user_id: UserId,
    query: &LeadQuery,
    bounds: Bounds,
    totals: Option<(Counter, StatusCounts)>,
) -> Result<LeadPage> {
    let total = bounds.count();
    let offset = query.page.offset();
    let records = async {
        if offset >= total {
            return Ok(Vec::new());
        }
        let last = bounds.last - offset;
        let first = bounds.first.max((last + 1).saturating_sub(query.page.size));
        stores.leads.range(user_id, LeadId::new(first), LeadId::new(last)).await
    };
    let counts = async {
        match totals {
            Some((_, counts)) if query.start_time.is_none() => Ok(counts),
            _ => Ok(stores.index.status_sets(user_id, bounds).await?.counts(&all_of(bounds)?)),
        }
    };
    let (records, counts) = try_join!(records, counts)?;
    Ok(LeadPage { page: query.page.answer(records, total), counts })
}

/// The ids that fit everything in the query except its status.
async fn fitting(
    stores: &Stores,
    user_id: UserId,
    query: &LeadQuery,
    bounds: Bounds,
    totals: Option<(Counter, StatusCounts)>,
) -> Result<RoaringBitmap> {
    let found = async {
        if !query.filter.needs_search() {
            return Ok(all_of(bounds)?);
        }
        let counter = match totals {
            Some((counter, _)) => counter,
            None if query.filter.source.is_some() => stores.index.totals(user_id).await?.0,
            None => Counter::default(),
        };
        find(&stores.index, user_id, bounds, &counter, &query.filter).await
    };
    let owned = async {
        match &query.filter.owner {
            Some(owner) => Ok(Some(stores.index.owned(user_id, owner, bounds).await?)),
            None => Ok(None),
        }
    };
    let (found, owned) = try_join!(found, owned)?;
    Ok(match owned {
        Some(owned) => found & owned,
        None => found,
    })
}

/// The ids the time range means, and the tenant's totals if they were read for them.
async fn bounds_of(
    stores: &Stores,
    user_id: UserId,
    query: &LeadQuery,
) -> Result<(Bounds, Option<(Counter, StatusCounts)>)> {
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
            None => stores.index.totals(user_id).await.map(|totals| (Some(totals.0.lead_count), Some(totals))),
        }
    };
    let (first, (last, totals)) = try_join!(first, last)?;
    Ok(match (first, last) {
        (Some(first), Some(last)) => (Bounds { first, last }, totals),
        _ => (NONE, totals),
    })
}

fn all_of(bounds: Bounds) -> kernel::Result<RoaringBitmap> {
    let mut ids = RoaringBitmap::new();
    ids.insert_range(bitmap_id(LeadId::new(bounds.first))?..=bitmap_id(LeadId::new(bounds.last))?);
    Ok(ids)
}

/// The ids of a page, newest first.
fn newest(ids: &RoaringBitmap, page: PageRequest) -> Vec<LeadId> {
    let end = ids.len().saturating_sub(page.offset());
    let places = (end.saturating_sub(page.size)..end).rev();
    places.filter_map(|place| ids.select(u32::try_from(place).ok()?)).map(|id| LeadId::new(id.into())).collect()
}

/// Leads by id, in the order asked for, read consistently.
async fn by_ids(stores: &Stores, user_id: UserId, ids: &[LeadId]) -> Result<Vec<Lead>> {
    let mut rows = stores.leads.by_ids(user_id, ids.iter().copied()).await?;
    rows.sort_unstable_by_key(|lead| ids.iter().position(|id| *id == lead.lead_id));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lead_page_of_scattered_ids_is_the_newest_of_them_and_empty_past_the_end() {
        let ids: RoaringBitmap = [1, 5, 9, 70_000, 70_001].into_iter().collect();
        for (page, size, expected) in [
            (1, 2, &[70_001, 70_000][..]),
            (2, 2, &[9, 5]),
            (3, 2, &[1]),
            (4, 2, &[]),
            (1, 100, &[70_001, 70_000, 9, 5, 1]),
            (u64::MAX, 100, &[]),
        ] {
            let expected: Vec<LeadId> = expected.iter().copied().map(LeadId::new).collect();
            assert_eq!(newest(&ids, PageRequest { page, size }), expected, "page {page} of {size}");
        }
    }
}
